//! Nobody enters a group without a verdict: what is staged can only be merged as [`Judged`], and only a
//! [`CredentialPolicy`] makes one.
use std::fmt;

use super::identity::Identity;

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
pub struct Refusal<T> {
    staged: T,
    verdicts: Vec<(Identity, Trust)>,
}

impl<T> Refusal<T> {
    /// Who.
    #[must_use]
    pub fn refused(&self) -> Vec<Identity> {
        let refused = self.verdicts.iter().filter(|(_, trust)| *trust == Trust::Refused);
        refused.map(|(who, _)| who.clone()).collect()
    }

    /// Follows nevertheless, because only who is in the group can remove them again. They stay [`Trust::Refused`]; nothing
    /// must be sealed while they are in.
    #[must_use]
    pub fn follow(self) -> Judged<T> {
        Judged { staged: self.staged, verdicts: self.verdicts }
    }
}

impl<T> fmt::Debug for Refusal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "refused: {:?}", self.refused())
    }
}

pub(super) fn judge<T>(
    staged: T,
    who: &[Identity],
    policy: &impl CredentialPolicy,
) -> Result<Judged<T>, Refusal<T>> {
    let verdicts: Vec<_> = who.iter().map(|who| (who.clone(), policy.trust(who))).collect();
    if verdicts.iter().any(|(_, trust)| *trust == Trust::Refused) {
        Err(Refusal { staged, verdicts })
    } else {
        Ok(Judged { staged, verdicts })
    }
}
