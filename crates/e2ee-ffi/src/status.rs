//! Numbers and words of all outcomes.

use core::ffi::CStr;

use e2ee_core::Code;

/// Outcome of a call. Numbers are never used again for another meaning; later versions may add some, so treat a
/// number that you do not know as a failure.
///
/// 1 to 99 it worked, and there is something to know; 100 to 199 a frame was not opened (drop it), 200 to 299 a frame was not sealed (do not send it), 400 to 499 the
/// call itself is wrong (fix the program), 600 to 699 a session, 900 and above a fault of this library (report it).
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum frameseal_status {
    /// It worked.
    Ok = 0,
    /// Opening: it worked, but the server made this frame and nobody's key vouches for it (LiveKit's format, only after
    /// `frameseal_opener_allow_server_frames`). The frame was written.
    ServerMade = 1,

    /// Opening: the frame is not laid out as a sealed frame of its codec.
    Layout = 100,
    /// Opening: no SFrame header where one must be.
    Header = 101,
    /// Opening: shorter than header and tag.
    TooShort = 102,
    /// Opening: sealed by a newer version of the format, or not sealed.
    UnknownVersion = 103,
    /// Opening: sealed for another codec than the one given.
    WrongCodec = 104,
    /// The trailer does not say that an IV of 12 bytes stands before it (LiveKit's and Jitsi's format).
    Trailer = 105,
    /// Opening: no key for this KID. Ask the sender for it.
    UnknownKey = 110,
    /// Opening: the ratchet step is out of reach. Ask the sender for the current key.
    TooFar = 111,
    /// Opening: this frame was opened before.
    Replayed = 120,
    /// Opening: so old that a repeat could not be told.
    TooOld = 121,
    /// Opening: wrong tag: changed on the way, another key, another call, participant, kind of track or metadata.
    Rejected = 130,
    /// Opening: the key went away meanwhile.
    StaleOpen = 140,
    /// This format cannot carry the codec of a received frame.
    UnknownCodec = 150,
    /// Made by the server, and not a payload that may pass (LiveKit's format).
    Injected = 152,

    /// Sealing: the frame is not what its codec says.
    SealLayout = 200,
    /// Sealing: the key has sealed as many frames as it may. Rotate.
    Worn = 210,
    /// Sealing: no ratchet step is left in this generation. Rotate.
    StepsUsedUp = 211,
    /// Sealing: this build lacks the cipher suite.
    UnsupportedSuite = 220,
    /// Sealing: the cipher refused the frame.
    Refused = 221,
    /// Sealing: this epoch, or a newer one, was used already.
    OldEpoch = 230,
    /// Sealing: does not fit the KID scheme.
    WrongScheme = 231,
    /// Sealing: the key was replaced meanwhile.
    StaleSeal = 240,
    /// No key to seal with: set one.
    NoSenderKey = 250,
    /// This format cannot carry the codec of a frame to be sealed.
    SealUnknownCodec = 251,

    /// An option that this version does not know, or a number out of its range.
    BadOption = 400,
    /// Not an announcement, or one of a newer version or of an unknown cipher suite.
    BadAnnouncement = 401,
    /// A base key must have 16 to `FRAMESEAL_MAX_BASE_KEY_LEN` bytes.
    BadKey = 405,
    /// One participant announced more runs than can be told apart safely.
    TooManyAnnouncements = 406,
    /// A pointer that must point somewhere is NULL.
    NullPointer = 420,
    /// `size` of a struct is not its size; or fields that this version does not know are not zero.
    BadSize = 421,
    /// The output does not fit. Nothing was written.
    BufferTooSmall = 422,
    /// A name is empty, too long or not UTF-8.
    BadName = 423,
    /// `suite` is not a `frameseal_suite`.
    UnknownSuite = 424,
    /// `kind` is not a `frameseal_kind`.
    UnknownKind = 425,
    /// `codec` is not a `frameseal_codec`.
    BadCodec = 426,
    /// `format` is not a `frameseal_format`.
    UnknownFormat = 427,
    /// `ratchet_bits` is over 16.
    BadRatchetBits = 428,
    /// The step does not fit the ratchet bits.
    BadStep = 429,
    /// A length is more than an object can have.
    BadLength = 430,
    /// Entropy of the wrong length, or all zeros.
    BadEntropy = 431,
    /// Another thread is using this handle right now.
    Busy = 432,
    /// This call belongs to another frame format than the handle's, or to a ring of another origin.
    WrongFormat = 433,

    /// The session is over, or was not begun with `frameseal_session_head`; or only a member of the group may ask for this,
    /// and this one is not in it.
    SessionOver = 600,
    /// Nobody in the group has this index and key.
    NoSuchMember = 602,
    /// Not asked, or asked about another number of people.
    NoSuchQuestion = 603,
    /// The group does not take this now.
    SessionRefused = 604,
    /// Not a message of this kind.
    BadMessage = 610,
    /// A message of another group or epoch.
    WrongEpoch = 611,

    /// A fault of this library.
    Internal = 900,
    /// A panic was caught. The handle that was in use answers `FRAMESEAL_STATUS_BROKEN` from now on; free it.
    Panic = 901,
    /// An earlier panic left this handle unusable; free it.
    Broken = 902,
}

use frameseal_status as S;

impl frameseal_status {
    /// All of them, in the order of their numbers.
    pub(crate) const ALL: &'static [(Self, &'static CStr)] = &[
        (S::Ok, c"no error"),
        (S::ServerMade, c"opened, but made by the server"),
        (S::Layout, c"not laid out as a sealed frame of its codec"),
        (S::Header, c"no SFrame header where one must be"),
        (S::TooShort, c"shorter than header and tag"),
        (S::UnknownVersion, c"sealed by a newer version of the format, or not sealed"),
        (S::WrongCodec, c"sealed for another codec"),
        (S::Trailer, c"does not end with an IV of 12 bytes and a key index"),
        (S::UnknownKey, c"no key for this KID"),
        (S::TooFar, c"the ratchet step is out of reach"),
        (S::Replayed, c"this frame was opened before"),
        (S::TooOld, c"so old that a repeat could not be told"),
        (S::Rejected, c"failed to authenticate"),
        (S::StaleOpen, c"the key went away while the frame was being opened"),
        (S::UnknownCodec, c"this format cannot open frames of the codec"),
        (S::Injected, c"made by the server, and not a payload that may pass"),
        (S::SealLayout, c"not a frame of its codec"),
        (S::Worn, c"the key has sealed as many frames as it may; rotate"),
        (S::StepsUsedUp, c"no ratchet step left in this generation; rotate"),
        (S::UnsupportedSuite, c"this build lacks the cipher suite"),
        (S::Refused, c"the cipher refused the frame"),
        (S::OldEpoch, c"this epoch was already used for sealing"),
        (S::WrongScheme, c"does not fit the KID scheme"),
        (S::StaleSeal, c"the key was replaced while the frame was being sealed"),
        (S::NoSenderKey, c"no key to seal with"),
        (S::SealUnknownCodec, c"this format cannot seal frames of the codec"),
        (S::BadOption, c"unknown option, or a number out of range"),
        (S::BadAnnouncement, c"not an announcement that this version knows"),
        (S::BadKey, c"a base key must have 16 to 256 bytes"),
        (S::TooManyAnnouncements, c"too many announcements of one participant"),
        (S::NullPointer, c"a pointer is NULL"),
        (S::BadSize, c"the size field of a struct does not fit this library"),
        (S::BufferTooSmall, c"the output does not fit the buffer"),
        (S::BadName, c"a name must be UTF-8 of 1 to 512 bytes"),
        (S::UnknownSuite, c"unknown cipher suite"),
        (S::UnknownKind, c"unknown kind of track"),
        (S::BadCodec, c"unknown codec"),
        (S::UnknownFormat, c"unknown frame format"),
        (S::BadRatchetBits, c"more than 16 ratchet bits"),
        (S::BadStep, c"the step does not fit the ratchet bits"),
        (S::BadLength, c"a length is more than an object can have"),
        (S::BadEntropy, c"entropy must be 32 bytes, and not all zero"),
        (S::Busy, c"another thread is using this handle"),
        (S::WrongFormat, c"belongs to another frame format or kind of ring"),
        (S::SessionOver, c"the session is over, or was not begun"),
        (S::NoSuchMember, c"nobody in the group has this index and key"),
        (S::NoSuchQuestion, c"an answer to a question that was not asked"),
        (S::SessionRefused, c"the group does not take this now"),
        (S::BadMessage, c"not a message of this kind"),
        (S::WrongEpoch, c"a message of another group or epoch"),
        (S::Internal, c"a fault of the library"),
        (S::Panic, c"a panic was caught in the library"),
        (S::Broken, c"an earlier panic left this handle unusable"),
    ];

    /// The status of an error of the core.
    pub(crate) fn of(code: Code) -> Self {
        let found = Self::ALL.iter().find(|(status, _)| *status as i32 == i32::from(code.0));
        found.map_or(Self::Internal, |(status, _)| *status)
    }

    /// What a number means; any number may come in.
    pub(crate) fn word(number: i32) -> &'static CStr {
        let found = Self::ALL.iter().find(|(status, _)| *status as i32 == number);
        found.map_or(c"unknown status", |(_, word)| *word)
    }
}
