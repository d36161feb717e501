//! Nobody enters a group without a verdict: what is staged can only be merged as [`Judged`], and only a
//! [`CredentialPolicy`] makes one.
use std::fmt;

/// What somebody says of itself, proven by its signature and by nothing else.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// As it calls itself.
    pub name: String,
    /// Ed25519 public key that its messages are signed with, 32 bytes.
    pub key: Vec<u8>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}/", self.name)?;
        self.key.iter().take(4).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// How somebody is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Somebody the application relies on vouches for the name.
    Verified,
    /// Nobody does. It may be in the group, and is shown as such.
    Unverified,
    /// It must not be in the group.
    Refused,
}

/// The application's word on who may be in the group, and as whom.
pub trait CredentialPolicy {
    /// Called for everybody who would enter, and for every changed key.
    fn trust(&self, who: &Identity) -> Trust;
}

/// Lets everybody in, as [`Trust::Unverified`].
#[derive(Clone, Copy, Debug, Default)]
pub struct ShowUnverified;

impl CredentialPolicy for ShowUnverified {
    fn trust(&self, _: &Identity) -> Trust {
        Trust::Unverified
    }
}

/// What was staged, with the verdict on everybody in it.
pub struct Judged<T> {
    pub(super) staged: T,
    pub(super) verdicts: Vec<(Identity, Trust)>,
}

/// Somebody in it must not be in the group. Nothing was merged.
pub struct Refusal {
    /// Who.
    pub refused: Vec<Identity>,
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "refused: {:?}", self.refused)
    }
}

pub(super) fn judge<T>(
    staged: T,
    who: &[Identity],
    policy: &impl CredentialPolicy,
) -> Result<Judged<T>, Refusal> {
    let verdicts: Vec<_> = who.iter().map(|who| (who.clone(), policy.trust(who))).collect();
    let refused: Vec<_> =
        verdicts.iter().filter(|(_, trust)| *trust == Trust::Refused).map(|(who, _)| who.clone()).collect();
    if refused.is_empty() { Ok(Judged { staged, verdicts }) } else { Err(Refusal { refused }) }
}
