use std::fmt;

/// Why something could not be done. The group stays as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MlsError {
    /// Bytes that are no message of this kind.
    Malformed,
    /// A message of another group, or of another epoch than the group is in.
    WrongEpoch,
    /// A message that does not authenticate, or breaks a rule of RFC 9420.
    Refused,
    /// The own commit, come back from the log: confirm it instead.
    OwnCommit,
    /// There is no own commit that waits for the log, or there is one already.
    Pending,
    /// The member was removed, and the group gives no key any more.
    Removed,
    /// A participant id has 1 to 512 bytes, a name up to 512, a proof up to 16 KiB; neither text has characters that change
    /// how the text around them looks.
    BadIdentity,
    /// A group without a room policy, or with one that is not understood.
    NoPolicy,
    /// Nobody enters this room without its secret, and this member has none, or the message does not carry it.
    NoSecret,
    /// A secret has 16 to 256 bytes.
    BadSecret,
    /// A group, or a key package, of another cipher suite than this member's.
    OtherSuite,
    /// A cipher suite that this build does not speak.
    NoSuite,
    /// Members let people in here, and nobody let this one in.
    NotAdmitted,
}

impl fmt::Display for MlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "not a message of this kind",
            Self::WrongEpoch => "a message of another group or epoch",
            Self::Refused => "a message that does not authenticate or breaks a rule of MLS",
            Self::OwnCommit => "the own commit, come back from the log",
            Self::Pending => "no own commit waits for the log, or one does already",
            Self::Removed => "this member was removed from the group",
            Self::BadIdentity => "a participant id or name that is empty, too long, or hides characters",
            Self::NoPolicy => "a group without a room policy that is understood",
            Self::NoSecret => "a room with a secret, without it",
            Self::BadSecret => "a secret has 16 to 256 bytes",
            Self::OtherSuite => "of another cipher suite than this member's",
            Self::NoSuite => "a cipher suite that this build does not speak",
            Self::NotAdmitted => "somebody whom no member let in",
        })
    }
}

impl std::error::Error for MlsError {}
