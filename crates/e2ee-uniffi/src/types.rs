//! Enums and records. Numbers are those of `frameseal.h`.

use frameseal::owned;
use zeroize::Zeroizing;

macro_rules! numbers {
    ($(#[$doc:meta])* $name:ident { $($(#[$what:meta])* $variant:ident = $number:tt,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
        #[repr(u32)]
        pub enum $name {
            $($(#[$what])* $variant = $number,)*
        }

        #[allow(dead_code)]
        impl $name {
            pub(crate) fn from_number(number: u32) -> Option<Self> {
                match number {
                    $($number => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

numbers! {
    /// Layout of sealed frames.
    Format {
        /// Frameseal's profile for encoded frames of WebRTC.
        Frameseal = 0,
        /// Bare SFrame (RFC 9605).
        Sframe = 1,
        /// LiveKit's, byte for byte with its clients.
        Livekit = 2,
        /// Jitsi Meet's, byte for byte with its clients.
        Jitsi = 3,
    }
}

numbers! {
    /// Cipher suites of the SFrame registry, by their numbers there.
    Suite {
        /// AES-128-CTR with HMAC-SHA-256, 10-byte tag.
        Aes128CtrHmacSha256Tag80 = 1,
        /// AES-128-CTR with HMAC-SHA-256, 8-byte tag.
        Aes128CtrHmacSha256Tag64 = 2,
        /// AES-128-CTR with HMAC-SHA-256, 4-byte tag: for audio only.
        Aes128CtrHmacSha256Tag32 = 3,
        /// AES-128-GCM, 16-byte tag. The default.
        Aes128GcmSha256Tag128 = 4,
        /// AES-256-GCM with SHA-512, 16-byte tag.
        Aes256GcmSha512Tag128 = 5,
        /// AES-256-CTR with HMAC-SHA-512, 10-byte tag.
        Aes256CtrHmacSha512Tag80 = 6,
        /// AES-256-CTR with HMAC-SHA-512, 8-byte tag.
        Aes256CtrHmacSha512Tag64 = 7,
        /// AES-256-CTR with HMAC-SHA-512, 4-byte tag.
        Aes256CtrHmacSha512Tag32 = 8,
    }
}

numbers! {
    /// What a track carries.
    Kind {
        /// A microphone.
        Audio = 0,
        /// A camera.
        Video = 1,
        /// Sound of a shared screen.
        ScreenAudio = 2,
        /// A shared screen.
        ScreenVideo = 3,
        /// Messages.
        Data = 4,
    }
}

numbers! {
    /// How the bytes of a frame are laid out.
    Codec {
        /// Nothing clear: Opus, RED, G.711, VP9, data.
        Opaque = 1,
        /// 6 bytes of a key frame clear, 1 of a delta frame.
        Vp8 = 2,
        /// Low-overhead OBUs.
        Av1 = 3,
        /// Annex B, one access unit.
        H264 = 4,
        /// As H.264.
        H265 = 5,
        /// Nothing clear; LiveKit's format must know.
        Vp9 = 6,
        /// LiveKit's format alone: by its bytes H.264 or H.265, else as VP8.
        Unknown = 7,
    }
}

numbers! {
    /// Type of a video frame, for VP8 in LiveKit's format and every codec in Jitsi's.
    FrameType {
        /// VP8: read it from the first byte.
        FromBytes = 0,
        /// A key frame.
        Key = 1,
        /// A delta frame.
        Delta = 2,
    }
}

numbers! {
    /// What a secret of a slot is.
    SecretKind {
        /// Raw bytes, 16 to 256 of them.
        Raw = 0,
        /// A passphrase in UTF-8. LiveKit's format alone.
        Passphrase = 1,
        /// The AES key itself, 16 or 32 bytes. Jitsi's format alone.
        Aes = 2,
    }
}

numbers! {
    /// Whether a room's media is encrypted.
    Mode {
        /// Always.
        Required = 1,
        /// Always; who cannot encrypt is shown, and the application may offer to agree on none.
        Preferred = 2,
        /// Not at all: nobody gets a key.
        Off = 3,
    }
}

numbers! {
    /// Who lets somebody into a room.
    Admit {
        /// Nobody needs to: who knows the room may enter, and is shown.
        Anyone = 1,
        /// A member: whoever comes waits in the lobby.
        Members = 2,
    }
}

numbers! {
    /// How somebody is known.
    Trust {
        /// Nobody vouches for the name.
        Unverified = 0,
        /// Somebody the application relies on vouches for the name.
        Verified = 1,
        /// They must not be in the group.
        Refused = 2,
    }
}

numbers! {
    /// Why a session asks how people are known.
    Why {
        /// They ask to be let in.
        Knocks = 0,
        /// They entered by themselves, or were let in by somebody else.
        Entered = 1,
        /// They are in the group that this member would enter.
        Inside = 2,
    }
}

numbers! {
    /// What an application shows.
    Event {
        /// One that these bindings do not know.
        Other = 0,
        /// This member is in the group.
        Joined = 1,
        /// This member was removed. Nothing is sealed any more.
        Removed = 2,
        /// Who was refused is in the group that this member would have entered. It did not.
        Refused = 3,
        /// Others see another group. Nothing is sealed any more.
        Fork = 4,
        /// Messages could not be used. Nothing changed.
        Dropped = 5,
        /// This member left. Nothing is sealed any more.
        Left = 6,
        /// This member waits until somebody lets it in.
        Waiting = 7,
        /// Who was refused is in the group; nothing is sealed until they are out.
        Barred = 8,
        /// The log lost more than the members can give back to it.
        LogLost = 9,
        /// This member missed more than the log keeps.
        LeftBehind = 10,
        /// Nobody enters this room without its secret, and none was given.
        NoSecret = 11,
        /// One member sees another group; more see this one.
        Diverged = 12,
        /// One member said one thing and did another while all compared.
        Cheated = 13,
        /// The room is of a cipher suite that this member does not speak.
        OtherSuite = 14,
        /// They came since people compared, and nobody has compared with them.
        Uncompared = 15,
    }
}

/// What all members of a call agree on, and who this is about.
#[derive(Clone, Debug, uniffi::Record)]
pub struct Config {
    /// Name of the sender: for a sealer and a ring who is here, for an opener whose frames it opens.
    pub participant: String,
    /// Name of the call; needed in Frameseal's format alone.
    #[uniffi(default = None)]
    pub call: Option<String>,
    /// Frameseal's by default.
    #[uniffi(default = None)]
    pub format: Option<Format>,
    /// AES-128-GCM by default.
    #[uniffi(default = None)]
    pub suite: Option<Suite>,
    /// How many bits of a KID count ratchet steps, 0 to 16; 4 by default.
    #[uniffi(default = None)]
    pub ratchet_bits: Option<u32>,
    /// How many slots a key ring has, 1 to 256; 16 by default. For formats with slots.
    #[uniffi(default = None)]
    pub slots: Option<u32>,
    /// How many ratchet steps an opener looks ahead, 0 to 32; 8 by default. For formats with slots.
    #[uniffi(default = None)]
    pub ratchet_window: Option<u32>,
}

impl Config {
    pub(crate) fn owned(self) -> owned::Config {
        // 0 is the default there; no steps at all have numbers of their own.
        let or_none = |number: Option<u32>, none: u32| match number {
            None => 0,
            Some(0) => none,
            Some(number) => number,
        };
        owned::Config {
            call: self.call,
            participant: self.participant,
            format: self.format.map_or(0, |format| format as u32),
            suite: self.suite.map_or(0, |suite| suite as u32),
            ratchet_bits: or_none(self.ratchet_bits, frameseal::FRAMESEAL_NO_RATCHET_BITS),
            // No slots at all are refused, not taken as the default.
            slots: or_none(self.slots, u32::MAX),
            ratchet_window: or_none(self.ratchet_window, frameseal::FRAMESEAL_NO_RATCHET_WINDOW),
        }
    }
}

/// What goes into a slot.
#[derive(uniffi::Record)]
pub struct Slot {
    /// Which one.
    pub index: u32,
    /// What the secret is.
    pub kind: SecretKind,
    /// 16 to 256 raw bytes, a passphrase of 1 to 256, or an AES key.
    pub secret: Vec<u8>,
    /// None for the one that LiveKit's clients use.
    #[uniffi(default = None)]
    pub salt: Option<Vec<u8>>,
}

impl Slot {
    /// Shows the slot, then wipes it.
    pub(crate) fn with<R>(self, body: impl FnOnce(&owned::Slot<'_>) -> R) -> R {
        let (secret, salt) = (Zeroizing::new(self.secret), self.salt.unwrap_or_default());
        body(&owned::Slot { index: self.index, kind: self.kind as u32, secret: &secret, salt: &salt })
    }
}
