use std::fmt;

/// Why something was refused. Nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PairwiseError {
    // Of others: what came is not used.
    /// Bytes that are no message of this kind.
    Malformed,
    /// Longer than a message of this kind may be.
    TooLong,
    /// A version that is not known here.
    UnknownVersion,
    /// No announcement: whoever it is cannot encrypt, or the transport made it up.
    NotAnnounced,
    /// An announcement whose signatures are not by the keys in it.
    BadSignature,
    /// An announcement for another room, call or participant.
    WrongCall,
    /// An announcement for another cipher suite or layout of key ids.
    WrongSuite,
    /// A name that misleads, or does not fit.
    BadName,
    /// Keys that another member has, or this member itself.
    KeysInUse,
    /// Keys that no key can be agreed with (a point of small order).
    BadKeys,
    /// Keys of somebody who left. Who comes back makes new ones.
    Gone,
    /// The verdict was that it must not be in the call, or it was removed.
    Refused,
    /// A message that does not authenticate, or came before.
    Unauthenticated,
    /// It is what it says, but for another room, call, sender, receiver or keys.
    WrongBinding,
    /// From somebody who is not in the call.
    NotAMember,
    /// More members, or more messages of somebody unknown, than are kept.
    Full,

    // Of the caller.
    /// A setting is out of its bounds.
    BadSettings,
    /// An answer to a question that is not open.
    NoSuchQuestion,
    /// Nobody polls: so many outputs wait that no more input is taken.
    NotPolled,
    /// No generation is left.
    WornOut,
}

impl fmt::Display for PairwiseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "not a message of this kind",
            Self::TooLong => "longer than a message of this kind may be",
            Self::UnknownVersion => "a version that is not known here",
            Self::NotAnnounced => "announced no keys",
            Self::BadSignature => "the announcement is not signed by the keys in it",
            Self::WrongCall => "the announcement is for another room, call or participant",
            Self::WrongSuite => "another cipher suite or layout of key ids",
            Self::BadName => "a name that misleads, or does not fit",
            Self::KeysInUse => "keys that somebody else in the call has",
            Self::BadKeys => "keys that nothing can be agreed with",
            Self::Gone => "keys of somebody who left",
            Self::Refused => "must not be in the call",
            Self::Unauthenticated => "does not authenticate, or came before",
            Self::WrongBinding => "made for another room, call, sender, receiver or keys",
            Self::NotAMember => "from somebody who is not in the call",
            Self::Full => "more than is kept",
            Self::BadSettings => "a setting is out of its bounds",
            Self::NoSuchQuestion => "an answer to a question that is not open",
            Self::NotPolled => "so many outputs wait that no input is taken",
            Self::WornOut => "no generation is left",
        })
    }
}

impl std::error::Error for PairwiseError {}
