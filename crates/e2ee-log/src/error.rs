//! Why a log does not do what it was asked to.

use std::error::Error;
use std::fmt;

use crate::types::{MAX_ENTRY, MAX_PACKAGE, MAX_ROOM, MAX_SAID, Position};

/// Something that has a largest size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum What {
    /// An entry: [`MAX_ENTRY`].
    Entry,
    /// A key package: [`MAX_PACKAGE`].
    Package,
    /// Something said: [`MAX_SAID`].
    Said,
}

impl What {
    /// The largest size in bytes.
    pub fn limit(self) -> usize {
        match self {
            Self::Entry => MAX_ENTRY,
            Self::Package => MAX_PACKAGE,
            Self::Said => MAX_SAID,
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Entry => "entry",
            Self::Package => "key package",
            Self::Said => "message to the room",
        })
    }
}

/// Why a log does not do what it was asked to; the text says what to do about it.
#[derive(Debug)]
#[non_exhaustive]
pub enum LogError {
    /// A room's name is empty or too long.
    BadRoom {
        /// Its length in bytes.
        len: usize,
    },
    /// Something is larger than its bound. Nothing was stored or sent.
    TooLarge {
        /// What it is.
        what: What,
        /// Its length in bytes.
        len: usize,
    },
    /// The entries asked for are no longer kept.
    TooOld {
        /// The oldest entry that is.
        oldest: Position,
    },
    /// The log is not there: its server cannot be reached, does not answer in time, or cannot work now.
    NotThere {
        /// What the backend is.
        backend: &'static str,
        /// What it said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// There is no place for more. Nothing was stored.
    Full {
        /// What the backend is.
        backend: &'static str,
    },
    /// The log cannot be opened as it is set up.
    Setup {
        /// What the backend is.
        backend: &'static str,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// The log holds something that this program has not written.
    Damaged {
        /// What the backend is.
        backend: &'static str,
        /// What was found.
        found: &'static str,
    },
}

impl LogError {
    /// [`LogError::NotThere`] for the errors of a backend.
    pub(crate) fn not_there<E>(backend: &'static str) -> impl Fn(E) -> Self
    where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        move |source| Self::NotThere { backend, source: source.into() }
    }
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadRoom { len: 0 } => write!(f, "a room needs a name; give 1 to {MAX_ROOM} bytes of UTF-8"),
            Self::BadRoom { len } => {
                write!(
                    f,
                    "the room's name has {len} bytes; give at most {MAX_ROOM}, for example a hash of it"
                )
            }
            Self::TooLarge { what, len } => {
                write!(f, "the {what} has {len} bytes; send at most {}", what.limit())
            }
            Self::TooOld { oldest } => write!(
                f,
                "entries before {oldest} are no longer kept; join the group again from outside instead of \
                 catching up"
            ),
            Self::NotThere { backend, source } => write!(
                f,
                "the log is not there ({backend}: {source}); see that it runs and can be reached from here. An entry \
                 sent just now may or may not have been taken: look at the head before sending it again"
            ),
            Self::Full { backend } => write!(
                f,
                "the log in {backend} is full; rooms that nobody uses make place in a while, or give it more"
            ),
            Self::Setup { backend, problem } => write!(f, "cannot use {backend} as the log: {problem}"),
            Self::Damaged { backend, found } => write!(
                f,
                "the log in {backend} holds {found}; see what else writes to it, or give it a place of its own"
            ),
        }
    }
}

impl Error for LogError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::NotThere { source, .. } => Some(source.as_ref()),
            _ => None,
        }
    }
}
