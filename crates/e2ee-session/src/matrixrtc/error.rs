use std::fmt;

/// Why something was refused. Nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MatrixRtcError {
    // Of others: what came is not used.
    /// Not the content of a key message, or an index or key that cannot be one.
    Malformed,
    /// Longer than a key message may be.
    TooLong,
    /// An event of another type.
    WrongType,
    /// It was not encrypted, so nobody knows from which device it is.
    InClear,
    /// It says that it is from another device than the one that it was decrypted from.
    WrongDevice,
    /// For another room.
    WrongRoom,
    /// From a device of somebody who is not in the call under the member id that it names.
    WrongMember,
    /// Older than the key that this index has.
    Old,
    /// From a device that was removed.
    Removed,
    /// More members, or more messages of those who are none, than are kept.
    Full,

    // Of the caller.
    /// A setting, or a name, is out of its bounds.
    BadSettings,
    /// Nobody polls: so many outputs wait that no more input is taken.
    NotPolled,
}

impl fmt::Display for MatrixRtcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "not the content of a key message",
            Self::TooLong => "longer than a key message may be",
            Self::WrongType => "an event of another type",
            Self::InClear => "a key that was sent in clear",
            Self::WrongDevice => "names another device than the one that it is from",
            Self::WrongRoom => "a key for another room",
            Self::WrongMember => "names a member of another device",
            Self::Old => "older than the key of this index",
            Self::Removed => "from a device that was removed",
            Self::Full => "more than is kept",
            Self::BadSettings => "a setting or a name is out of its bounds",
            Self::NotPolled => "so many outputs wait that no input is taken",
        })
    }
}

impl std::error::Error for MatrixRtcError {}
