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

    /// People compared in this epoch: with all who were members by then.
    fn same(&mut self, epoch: Epoch) {
        self.ever = true;
        for seen in &mut self.members {
            seen.compared |= seen.since <= epoch;
        }
    }

    /// Whether people compared with this very member.
    fn with(&self, member: &Member) -> bool {
        let is = |seen: &Seen| seen.index == member.index && seen.key == member.identity.key;
        self.members.iter().any(|seen| seen.compared && is(seen))
    }
}

impl Session {
    /// People found the code or the emoji of this epoch to be the same.
    pub(super) fn same(&mut self, epoch: Epoch) -> Result<(), SessionError> {
        let group = self.group().ok_or(SessionError::WrongState)?;
        if epoch > group.epoch() {
            return Err(SessionError::WrongState);
        }
        let members = group.members()?;
        self.compared.same(epoch);
        let others = members.into_iter().filter(|member| !self.compared.with(member));
        self.uncompared(others.map(|member| member.identity).collect());
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
