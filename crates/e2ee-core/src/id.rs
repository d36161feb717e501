//! The words everybody uses: names and numbers without behaviour.

use alloc::sync::Arc;
use core::fmt;

/// Longest participant or call name, bytes of UTF-8.
pub const MAX_NAME_LEN: usize = 512;

/// SFrame key id (RFC 9605 section 4.3), as it stands in the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kid(pub u64);

/// SFrame counter (RFC 9605 section 4.3), as it stands in the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ctr(pub u64);

/// Number of a fresh base key of one sender.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(pub u32);

/// Number of ratchet turns since a generation began (RFC 9605 section 5.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Step(pub u32);

/// MLS epoch (RFC 9420).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);

/// Milliseconds of the caller's clock. Only differences matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millis(pub u64);

impl Millis {
    /// The moment `ms` milliseconds later.
    #[must_use]
    pub const fn plus(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }
}

/// What a track carries. Every kind has keys, counters and a replay window of its own,
/// so an SFU cannot pass one off as another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum TrackKind {
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

impl TrackKind {
    /// How many kinds there are.
    pub const COUNT: usize = 5;
    /// All kinds, in the order of their numbers.
    pub const ALL: [Self; Self::COUNT] =
        [Self::Audio, Self::Video, Self::ScreenAudio, Self::ScreenVideo, Self::Data];

    /// The kind with that number.
    #[must_use]
    pub fn from_number(n: u8) -> Option<Self> {
        Self::ALL.get(usize::from(n)).copied()
    }

    /// The word used in events and reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Video => "video",
            Self::ScreenAudio => "screen-audio",
            Self::ScreenVideo => "screen-video",
            Self::Data => "data",
        }
    }
}

impl fmt::Display for TrackKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A name was empty or longer than [`MAX_NAME_LEN`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadName {
    /// Its length in bytes.
    pub len: usize,
}

impl fmt::Display for BadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a name must have 1 to {MAX_NAME_LEN} bytes, this one has {}", self.len)
    }
}

impl core::error::Error for BadName {}

/// The participant's name as the application uses it. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ParticipantId(Arc<str>);

impl ParticipantId {
    /// Takes a name of 1 to [`MAX_NAME_LEN`] bytes.
    ///
    /// # Errors
    /// [`BadName`] otherwise.
    pub fn new(name: &str) -> Result<Self, BadName> {
        check_name(name.len())?;
        Ok(Self(name.into()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ParticipantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The call that keys are bound to: a room name, or what a session agreed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CallId(Arc<str>);

impl CallId {
    /// Takes a name of 1 to [`MAX_NAME_LEN`] bytes.
    ///
    /// # Errors
    /// [`BadName`] otherwise.
    pub fn new(name: &str) -> Result<Self, BadName> {
        check_name(name.len())?;
        Ok(Self(name.into()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn check_name(len: usize) -> Result<(), BadName> {
    if len == 0 || len > MAX_NAME_LEN { Err(BadName { len }) } else { Ok(()) }
}
