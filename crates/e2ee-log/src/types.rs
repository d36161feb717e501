//! Rooms, positions, entries and their bounds.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::error::{LogError, What};

/// Longest name of a room in bytes of UTF-8; the shortest is 1.
pub const MAX_ROOM: usize = 512;
/// Largest entry in bytes. A commit that adds hundreds of members with post-quantum keys stays below.
pub const MAX_ENTRY: usize = 4 * 1024 * 1024;
/// Largest key package in bytes.
pub const MAX_PACKAGE: usize = 64 * 1024;
/// Largest message that is said to the room in bytes.
pub const MAX_SAID: usize = 64 * 1024;
/// Key packages that wait in a room; one more pushes the oldest out.
pub const MAX_PACKAGES: usize = 256;
/// How long a key package waits.
pub const PACKAGE_AGE: Duration = Duration::from_secs(60);
/// Entries that a room keeps: the newest.
pub const MAX_ENTRIES: usize = 1024;
/// A room that nobody has used for so long is forgotten; its log begins again at 0.
pub const MAX_IDLE: Duration = Duration::from_secs(24 * 60 * 60);
/// Bytes of entries after which one [`read`](crate::Log::read) stops; the first entry always comes.
pub const READ_BYTES: usize = 1024 * 1024;

/// Bytes of all rooms together that a log in the memory of its process keeps.
pub const MAX_MEMORY: usize = 1024 * 1024 * 1024;

/// Farthest position that an empty log takes an entry after. Beyond it none gets by counting.
pub const MAX_RESUME: Position = Position(1 << 40);

/// A room's name: 1 to [`MAX_ROOM`] bytes of UTF-8, compared byte for byte.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Room(Arc<str>);

impl Room {
    /// Checks a name.
    ///
    /// # Errors
    /// [`LogError::BadRoom`]: empty, or too long.
    pub fn new(name: &str) -> Result<Self, LogError> {
        match name.len() {
            1..=MAX_ROOM => Ok(Self(name.into())),
            len => Err(LogError::BadRoom { len }),
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name in letters, digits, `-`, `_` and `%XX`: fits in a Redis hash tag and in a NATS subject.
    #[cfg(any(feature = "redis", feature = "nats"))]
    pub(crate) fn escaped(&self) -> String {
        use fmt::Write;
        self.0.bytes().fold(String::with_capacity(self.0.len()), |mut text, byte| {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => text.push(char::from(byte)),
                // Writing to a string does not fail.
                _ => write!(text, "%{byte:02X}").unwrap_or_default(),
            }
            text
        })
    }
}

impl fmt::Debug for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Room({:?})", self.as_str())
    }
}

/// Number of an entry in its room's log: the first is 1. 0: before the first.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub u64);

impl Position {
    /// Before the first entry.
    pub const START: Self = Self(0);

    /// Whether an entry that expects this is taken, by a log with this head or by an empty one.
    pub(crate) fn fits(self, head: Option<Self>) -> bool {
        match head {
            Some(head) => self == head,
            None => self <= MAX_RESUME,
        }
    }

    /// The position after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The position before this one; that of the start is the start.
    #[must_use]
    pub fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An entry of a log. Its bytes mean nothing to the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it is.
    pub position: Position,
    /// What was appended.
    pub bytes: Bytes,
}

/// What became of an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Appended {
    /// The entry is in the log, here.
    Taken(Position),
    /// The log was somewhere else: its head at that moment. Read what came in between, and try again.
    Conflict(Position),
}

/// Who put a package or said something, so that it does not come back to them. Unique among all relays of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Origin(pub [u8; 16]);

/// Something that happened in a room; see [`Log::watch`](crate::Log::watch).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// An entry was appended.
    Appended {
        /// Where.
        position: Position,
        /// Its bytes, or `None` where they were too many to be sent along: read them.
        bytes: Option<Bytes>,
    },
    /// A key package was put.
    Package {
        /// By whom.
        from: Origin,
        /// The package.
        package: Bytes,
    },
    /// Something was said to the room.
    Said {
        /// By whom.
        from: Origin,
        /// What.
        said: Bytes,
    },
    /// Events may have been lost: read the log from where you are.
    Gap,
}

/// How much of a room is kept, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Retention {
    /// Entries; at least 1.
    pub entries: usize,
    /// How long a room lives that nobody uses.
    pub idle: Duration,
    /// Key packages that wait; at least 1.
    pub packages: usize,
    /// How long a key package waits.
    pub package_age: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Self { entries: MAX_ENTRIES, idle: MAX_IDLE, packages: MAX_PACKAGES, package_age: PACKAGE_AGE }
    }
}

/// Refuses what is larger than its bound.
pub(crate) fn check(what: What, bytes: &[u8]) -> Result<(), LogError> {
    match bytes.len() {
        len if len > what.limit() => Err(LogError::TooLarge { what, len }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_rooms_are_bounded() {
        assert!(Room::new("a").is_ok());
        assert!(Room::new(&"é".repeat(256)).is_ok());
        assert!(matches!(Room::new(""), Err(LogError::BadRoom { len: 0 })));
        assert!(matches!(Room::new(&"a".repeat(513)), Err(LogError::BadRoom { len: 513 })));
    }

    #[test]
    fn an_entry_fits_behind_the_head_or_into_an_empty_log() {
        assert!(Position(3).fits(Some(Position(3))));
        assert!(!Position(4).fits(Some(Position(3))) && !Position(2).fits(Some(Position(3))));
        assert!(Position(0).fits(None) && Position(7).fits(None) && MAX_RESUME.fits(None));
        assert!(!MAX_RESUME.next().fits(None) && !Position(u64::MAX).fits(None));
    }

    #[test]
    #[cfg(any(feature = "redis", feature = "nats"))]
    fn escaped_names_stay_apart() {
        let escaped = |name| Room::new(name).unwrap().escaped();
        assert_eq!(escaped("a-B_9"), "a-B_9");
        assert_eq!(escaped("}{ .*>é%41"), "%7D%7B%20%2E%2A%3E%C3%A9%2541");
        assert_ne!(escaped("A"), escaped("%41"));
    }
}
