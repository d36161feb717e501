//! What can go wrong with a frame: who, which track, which key, and what to do about it.

use core::fmt;

use crate::crypto::Unsupported;
use crate::frame::codec::LayoutError;
use crate::frame::header::HeaderError;
use crate::id::{Ctr, Kid, ParticipantId, TrackKind};

/// Stable number of an error, the same in Rust, C and TypeScript. Numbers are never used again for another meaning.
///
/// 100 to 199 open, 200 to 299 seal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(pub u16);

/// What the caller should do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// Drop the frame; nothing else.
    Drop,
    /// Ask for a key.
    AskForKey,
    /// Rotate to a new generation.
    Rotate,
    /// The program is wrong.
    FixYourCode,
}

/// A frame could not be opened. It was dropped: its buffer is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenError {
    /// Whose key ring was asked.
    pub who: ParticipantId,
    /// Which kind of track.
    pub kind: TrackKind,
    /// What was wrong.
    pub cause: OpenCause,
}

/// Why a frame could not be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenCause {
    /// The codec's layout is not that of a sealed frame.
    Layout(LayoutError),
    /// No SFrame header where one must be.
    Header(HeaderError),
    /// Shorter than header and tag.
    TooShort,
    /// The layout byte is not of version 1: a newer version, or no sealed frame at all.
    UnknownVersion,
    /// Sealed for another codec rule than the one that its track announces.
    WrongCodec,
    /// The ring has no such key.
    UnknownKey {
        /// The key id on the wire.
        kid: Kid,
    },
    /// The step is out of the ratchet's reach.
    TooFar {
        /// The key id on the wire.
        kid: Kid,
    },
    /// A counter that was opened before: a repeat.
    Replayed {
        /// Key id.
        kid: Kid,
        /// Counter.
        ctr: Ctr,
    },
    /// So far behind the newest counter that a repeat could not be told.
    TooOld {
        /// Key id.
        kid: Kid,
        /// Counter.
        ctr: Ctr,
    },
    /// The tag is wrong. One word for everything that makes it so.
    Rejected {
        /// Key id.
        kid: Kid,
        /// Counter.
        ctr: Ctr,
    },
    /// The plan was made with a key that is gone.
    Stale,
    /// The trailer does not say that an IV of 12 bytes stands before it (LiveKit's format).
    Trailer,
    /// The format cannot carry this codec.
    NoCodec,
    /// A frame made by the server: not one of the known payloads, or not asked for (LiveKit's format).
    Injected,
}

impl OpenCause {
    /// Every code with its word, as the TypeScript and C sides list them.
    #[must_use]
    pub const fn code(self) -> Code {
        Code(match self {
            Self::Layout(_) => 100,
            Self::Header(_) => 101,
            Self::TooShort => 102,
            Self::UnknownVersion => 103,
            Self::WrongCodec => 104,
            Self::Trailer => 105,
            Self::NoCodec => 150,
            Self::UnknownKey { .. } => 110,
            Self::TooFar { .. } => 111,
            Self::Replayed { .. } => 120,
            Self::TooOld { .. } => 121,
            Self::Rejected { .. } => 130,
            Self::Stale => 140,
            Self::Injected => 152,
        })
    }

    /// What to do.
    #[must_use]
    pub const fn reaction(self) -> Reaction {
        match self {
            Self::UnknownKey { .. } | Self::TooFar { .. } => Reaction::AskForKey,
            _ => Reaction::Drop,
        }
    }
}

impl fmt::Display for OpenCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Layout(e) => write!(f, "not laid out as a sealed frame: {e}"),
            Self::Header(HeaderError::Truncated) => f.write_str("ends inside its SFrame header"),
            Self::Header(HeaderError::NotMinimal) => f.write_str("SFrame header not in its shortest form"),
            Self::TooShort => f.write_str("shorter than header and tag"),
            Self::UnknownVersion => f.write_str("not sealed in a version of the format that is known here"),
            Self::WrongCodec => f.write_str("sealed for another codec"),
            Self::UnknownKey { kid } => write!(f, "no key for KID {:#x}", kid.0),
            Self::TooFar { kid } => write!(f, "KID {:#x} is out of the ratchet's reach", kid.0),
            Self::Replayed { kid, ctr } => write!(f, "KID {:#x} CTR {} was opened before", kid.0, ctr.0),
            Self::TooOld { kid, ctr } => {
                write!(f, "KID {:#x} CTR {} is behind the replay window", kid.0, ctr.0)
            }
            Self::Rejected { kid, ctr } => write!(f, "KID {:#x} CTR {} failed to authenticate", kid.0, ctr.0),
            Self::Stale => f.write_str("the key went away while the frame was being opened"),
            Self::Trailer => f.write_str("does not end with an IV of 12 bytes and a key index"),
            Self::NoCodec => f.write_str("this format cannot carry the codec"),
            Self::Injected => f.write_str("made by the server, and not a payload that may pass"),
        }
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} frame of {}: {}", self.kind, self.who, self.cause)
    }
}

impl core::error::Error for OpenError {}

/// A frame could not be sealed. It must not be sent: its buffer is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealError {
    /// The sender.
    pub who: ParticipantId,
    /// Which kind of track.
    pub kind: TrackKind,
    /// What was wrong.
    pub cause: SealCause,
}

/// Why a frame could not be sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SealCause {
    /// The frame is not what its codec says.
    Layout(LayoutError),
    /// The key has sealed as many frames as it may: rotate.
    Worn,
    /// The ratchet has no step left in this generation: rotate.
    StepsUsedUp,
    /// The backend lacks the suite.
    Unsupported(Unsupported),
    /// The cipher refused (a frame of over 64 GiB).
    Refused,
    /// Keys for this epoch, or a newer one, were used already.
    OldEpoch,
    /// Index or context do not fit the KID scheme, or the operation belongs to another scheme.
    WrongScheme,
    /// The plan belongs to a key that was replaced.
    Stale,
    /// No key in the slot that is to seal.
    NoKey,
    /// The format cannot carry this codec.
    NoCodec,
}

impl SealCause {
    /// Stable number.
    #[must_use]
    pub const fn code(self) -> Code {
        Code(match self {
            Self::Layout(_) => 200,
            Self::Worn => 210,
            Self::StepsUsedUp => 211,
            Self::Unsupported(_) => 220,
            Self::Refused => 221,
            Self::OldEpoch => 230,
            Self::WrongScheme => 231,
            Self::Stale => 240,
            Self::NoKey => 250,
            Self::NoCodec => 251,
        })
    }

    /// What to do.
    #[must_use]
    pub const fn reaction(self) -> Reaction {
        match self {
            Self::Layout(_) | Self::Refused | Self::Stale | Self::NoCodec => Reaction::Drop,
            Self::NoKey => Reaction::AskForKey,
            Self::Worn | Self::StepsUsedUp => Reaction::Rotate,
            Self::Unsupported(_) | Self::OldEpoch | Self::WrongScheme => Reaction::FixYourCode,
        }
    }
}

impl fmt::Display for SealCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Layout(e) => write!(f, "not a frame of its codec: {e}"),
            Self::Worn => f.write_str("the key has sealed as many frames as it may; rotate"),
            Self::StepsUsedUp => f.write_str("no ratchet step left in this generation; rotate"),
            Self::Unsupported(e) => e.fmt(f),
            Self::Refused => f.write_str("the cipher refused the frame"),
            Self::OldEpoch => f.write_str("this epoch was already used for sealing"),
            Self::WrongScheme => f.write_str("does not fit the KID scheme"),
            Self::Stale => f.write_str("the key was replaced while the frame was being sealed"),
            Self::NoKey => f.write_str("no key to seal with"),
            Self::NoCodec => f.write_str("this format cannot carry the codec"),
        }
    }
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} frame of {}: {}", self.kind, self.who, self.cause)
    }
}

impl core::error::Error for SealError {}
