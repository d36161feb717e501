//! What calls fail with, in the groups of `frameseal_status`.

use core::fmt;

use frameseal::owned::{Failed, strerror};

/// Why a call failed. `status` is a `frameseal_status`, `detail` says which argument, or whose frame and which key.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Error)]
#[allow(missing_docs)]
pub enum FramesealError {
    /// The frame was not opened: drop it.
    Open { status: i32, detail: String },
    /// The frame was not sealed: do not send it.
    Seal { status: i32, detail: String },
    /// The call itself is wrong.
    Usage { status: i32, detail: String },
    /// The session does not take this.
    Session { status: i32, detail: String },
    /// A fault of the library.
    Internal { status: i32, detail: String },
}

/// A result of this crate.
pub(crate) type Result<T> = core::result::Result<T, FramesealError>;

impl From<Failed> for FramesealError {
    fn from(Failed { status, words: detail }: Failed) -> Self {
        match status {
            100..=199 => Self::Open { status, detail },
            200..=299 => Self::Seal { status, detail },
            400..=499 => Self::Usage { status, detail },
            600..=699 => Self::Session { status, detail },
            _ => Self::Internal { status, detail },
        }
    }
}

impl fmt::Display for FramesealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Open { status, detail }
        | Self::Seal { status, detail }
        | Self::Usage { status, detail }
        | Self::Session { status, detail }
        | Self::Internal { status, detail }) = self;
        write!(f, "{detail} ({}, {status})", strerror(*status))
    }
}

impl std::error::Error for FramesealError {}

/// What a status outside of a call of this crate means, for the frames that go by the C functions.
#[uniffi::export]
#[must_use]
pub fn error_of(status: i32, detail: String) -> FramesealError {
    Failed { status, words: detail }.into()
}
