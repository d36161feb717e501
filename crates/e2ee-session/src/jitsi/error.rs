use std::fmt;

/// Why something was refused. Nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JitsiError {
    // Of others: what came is not used.
    /// Text that is no message of this protocol.
    Malformed,
    /// Longer than a message may be.
    TooLong,
    /// From somebody who is not in the room.
    NotAParticipant,
    /// A session is there already.
    SessionExists,
    /// There is no session to which this would belong.
    NoSession,
    /// An answer to a request that is not open.
    WrongUuid,
    /// A session begun by the participant with the higher id.
    WrongOrder,
    /// It signed before, or must, and did not.
    NotSigned,
    /// The signature is not by the key that it has published.
    BadSignature,
    /// It has published no Ed25519 key.
    NoKey,
    /// Another key than it has published, or than it had when the session began.
    KeyChanged,
    /// Keys that nothing can be agreed with (a point of small order).
    BadKeys,
    /// It does not authenticate, or came before.
    Unauthenticated,
    /// A message of another comparison, or one that is not awaited now.
    OtherRun,
    /// The key of a comparison is not what was committed to: somebody may stand in between.
    WrongCommitment,
    /// The keys that each sees of the other differ: somebody stands in between.
    WrongMac,
    /// More participants than are kept.
    Full,

    // Of the caller.
    /// A setting is out of its bounds.
    BadSettings,
    /// Nothing to be confirmed, or no session for a comparison.
    NothingToCompare,
    /// Nobody polls: so many outputs wait that no more input is taken.
    NotPolled,
}

impl fmt::Display for JitsiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "not a message of this protocol",
            Self::TooLong => "longer than a message may be",
            Self::NotAParticipant => "from somebody who is not in the room",
            Self::SessionExists => "a session is there already",
            Self::NoSession => "there is no session to which this would belong",
            Self::WrongUuid => "an answer to a request that is not open",
            Self::WrongOrder => "a session begun by the participant with the higher id",
            Self::NotSigned => "its keys are not signed, and must be",
            Self::BadSignature => "the signature is not by the key that it has published",
            Self::NoKey => "it has published no Ed25519 key",
            Self::KeyChanged => "another key than it has published",
            Self::BadKeys => "keys that nothing can be agreed with",
            Self::Unauthenticated => "does not authenticate, or came before",
            Self::OtherRun => "of another comparison, or not awaited now",
            Self::WrongCommitment => {
                "the other changed its key after it saw ours: somebody may stand in between"
            }
            Self::WrongMac => "the keys that each sees of the other differ: somebody stands in between",
            Self::Full => "more participants than are kept",
            Self::BadSettings => "a setting is out of its bounds",
            Self::NothingToCompare => "there is nothing to be confirmed, or no session",
            Self::NotPolled => "so many outputs wait that no input is taken",
        })
    }
}

impl std::error::Error for JitsiError {}

impl JitsiError {
    /// What the other side is told: it only logs it.
    pub(super) const fn told(self) -> &'static str {
        match self {
            Self::SessionExists => "Session already established",
            Self::NoSession => "No session found",
            Self::WrongUuid => "Invalid UUID",
            Self::NotSigned | Self::BadSignature => "Invalid key signature",
            Self::NoKey => "Missing key",
            Self::WrongCommitment => "Commitment mismatch",
            _ => "Message refused",
        }
    }
}
