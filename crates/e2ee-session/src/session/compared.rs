//! Whom people have compared with. A code or seven emoji that were the same vouch for the keys of all who were members
//! then; those keys sign every later epoch. Who comes afterwards is not covered, and that must be shown.

use e2ee_core::Epoch;

use super::Session;
use super::types::{Event, Output, SessionError};
use crate::mls::{Identity, Member};

#[derive(Default)]
pub(super) struct Compared {
    /// The members of the newest epoch, in the order of their places in the tree, which they keep.
    members: Vec<Seen>,
    /// Who came, before people compared at all, is no news.
    ever: bool,
}

struct Seen {
    index: u32,
    key: Vec<u8>,
    /// The epoch in which this member was first seen here.
    since: Epoch,
    compared: bool,
}

impl Compared {
    /// Takes the members of a new epoch, of another group if `first`: who of them came since people compared.
    fn next(&mut self, epoch: Epoch, first: bool, members: &[Member]) -> Vec<Identity> {
        let mut before = core::mem::take(&mut self.members).into_iter().peekable();
        // Another group has other places, and epochs of its own. A key that was compared stays the one that was compared.
        let keys: Vec<Seen> =
            if first { before.by_ref().filter(|seen| seen.compared).collect() } else { Vec::new() };
        let mut came = Vec::new();
        for Member { index, identity, .. } in members {
            while before.next_if(|seen| seen.index < *index).is_some() {}
            if let Some(same) = before.next_if(|seen| seen.index == *index && seen.key == identity.key) {
                self.members.push(same);
                continue;
            }
            let compared = keys.iter().any(|seen| seen.key == identity.key);
            if self.ever && !compared {
                came.push(identity.clone());
            }
            self.members.push(Seen { index: *index, key: identity.key.clone(), since: epoch, compared });
        }
        came
    }
}

impl Session {
    /// People found the code or the emoji of this epoch to be the same.
    pub(super) fn same(&mut self, epoch: Epoch) -> Result<(), SessionError> {
        let members = self.group().ok_or(SessionError::WrongState)?.members()?;
        self.compared.ever = true;
        let mut others = Vec::new();
        for (seen, Member { identity, .. }) in self.compared.members.iter_mut().zip(members) {
            seen.compared |= seen.since <= epoch;
            if !seen.compared {
                others.push(identity);
            }
        }
        self.uncompared(others);
        Ok(())
    }

    /// The members of a new epoch.
    pub(super) fn came(&mut self, epoch: Epoch, first: bool, members: &[Member]) {
        let came = self.compared.next(epoch, first, members);
        self.uncompared(came);
    }

    fn uncompared(&mut self, mut who: Vec<Identity>) {
        who.retain(|who| self.group().is_some_and(|group| group.identity().key != who.key));
        if !who.is_empty() {
            self.out.push_back(Output::Event(Event::Uncompared(who)));
        }
    }
}
