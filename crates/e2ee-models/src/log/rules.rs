//! What members and log do, each in one step.
use stateright::Model as _;

use super::{Action, BASE, Entry, Group, Id, Log, Member, Request, State, entry_of, wish_of};

impl Member {
    /// The own commit is in the log, and this member read no further than to it.
    fn taken(&mut self, at: usize) {
        let Some((entry, into)) = self.staged.take() else { return };
        match &mut self.group {
            // It may be merged already, against the rules.
            Some(group) if group.takes(entry) => group.merge(entry),
            Some(_) => {}
            None => {
                let mut group = into;
                group.merge(entry);
                self.group = Some(group);
            }
        }
        self.kept = Some((entry, true));
        self.read = at + 1;
        self.satisfied();
    }

    fn satisfied(&mut self) {
        if let Some(group) = &self.group {
            self.wishes &= !group.done;
        }
    }
}

impl Log {
    pub(super) fn members(&self) -> std::ops::Range<usize> {
        0..if self.third { 3 } else { 2 }
    }

    pub(super) fn hear(&self, state: &mut State, who: usize) -> Option<()> {
        let outside = self.members().filter(|other| {
            let member = &state.members[*other];
            member.group.is_none() && !member.stranded
        });
        let wanted = outside.fold(0, |wanted, other| wanted | entry_of(other));
        let member = &mut state.members[who];
        member.wishes |= wanted & !member.group.as_ref()?.done;
        Some(())
    }

    pub(super) fn commit(&self, state: &mut State, who: usize) -> Option<()> {
        let member = &mut state.members[who];
        let group = member.group.as_mut()?;
        let does = member.wishes & !group.done;
        if member.staged.is_some() || does == 0 {
            return None;
        }
        let entry = Entry::Commit {
            id: Id(who as u8, member.read as u8),
            parent: group.chain.last().copied().unwrap_or(BASE),
            epoch: group.chain.len() as u8,
            does,
        };
        member.staged = Some((entry, Group::default()));
        if !self.rules.merged_when_taken {
            group.merge(entry);
        }
        if !self.rules.wished_until_done {
            member.wishes &= !does;
        }
        Some(())
    }

    /// Founds the group of an empty log, or enters the one that stands in it.
    pub(super) fn enter(&self, state: &mut State, who: usize) -> Option<()> {
        let (group, read) = (state.group_of_log(), state.log.len());
        if state.is_sending(who) {
            return None;
        }
        let member = &mut state.members[who];
        if member.group.is_some() || member.staged.is_some() {
            return None;
        }
        let entry = Entry::Commit {
            id: Id(who as u8, read as u8),
            parent: group.chain.last().copied().unwrap_or(BASE),
            epoch: group.chain.len() as u8,
            does: entry_of(who),
        };
        (member.staged, member.read, member.kept) = (Some((entry, group)), read, None);
        Some(())
    }

    /// Finds in the log that others let it in.
    pub(super) fn welcome(&self, state: &mut State, who: usize) -> Option<()> {
        let member = &state.members[who];
        let awaits = member.staged.is_some() && self.rules.entry_is_awaited;
        if member.group.is_some() || member.stranded || awaits {
            return None;
        }
        let mut group = Group::default();
        for (at, entry) in state.log.iter().enumerate() {
            if !group.takes(*entry) {
                continue;
            }
            group.merge(*entry);
            let Entry::Commit { id: Id(by, _), does, .. } = entry else { continue };
            if does & entry_of(who) != 0 && usize::from(*by) != who {
                let member = &mut state.members[who];
                (member.group, member.read, member.staged) = (Some(group), at + 1, None);
                member.kept = Some((*entry, true));
                member.satisfied();
                return Some(());
            }
        }
        None
    }

    pub(super) fn read(&self, state: &mut State, who: usize) -> Option<()> {
        let State { log, members, .. } = state;
        let member = &mut members[who];
        let Some(group) = &mut member.group else { return self.read_outside(log, member) };
        let last = member.read.checked_sub(1).and_then(|last| log.get(last));
        if let (Some(last), Some((kept, made_epoch))) = (last, member.kept)
            && self.rules.looks_back
            && *last != kept
        {
            if made_epoch {
                // The group is no more, and what the own commit did in it is not done.
                if let Entry::Commit { id: Id(by, _), does, .. } = kept
                    && usize::from(by) == who
                {
                    member.wishes |= does & wish_of(who);
                }
                (member.group, member.staged) = (None, None);
                member.stranded = true;
            } else {
                (member.read, member.kept) = (member.read - 1, None);
            }
            return Some(());
        }
        let entry = log.get(member.read).copied()?;
        if member.staged.as_ref().is_some_and(|(staged, _)| *staged == entry) {
            member.taken(member.read);
            return Some(());
        }
        let Entry::Commit { id: Id(by, _), epoch, .. } = entry else {
            if !self.rules.counted_apart {
                member.garbage += 1;
            }
            (member.read, member.kept) = (member.read + 1, Some((entry, false)));
            return Some(());
        };
        let expected = group.chain.len() + usize::from(member.garbage);
        // Nobody can read a commit of its own, without what was kept when it was made.
        let follows = group.takes(entry) && usize::from(by) != who && usize::from(epoch) == expected;
        if follows {
            group.merge(entry);
            member.staged = None;
            member.satisfied();
        }
        (member.read, member.kept) = (member.read + 1, Some((entry, follows)));
        Some(())
    }

    /// Who waits to enter by its own commit, and finds another entry in its place, begins anew.
    fn read_outside(&self, log: &[Entry], member: &mut Member) -> Option<()> {
        let (staged, _) = member.staged.as_ref()?;
        if log.get(member.read)? == staged {
            member.taken(member.read);
        } else {
            member.staged = None;
        }
        Some(())
    }

    pub(super) fn take(&self, state: &mut State, request: Request, answered: bool) {
        state.requests.remove(&request);
        let Request { from, at, entry, again } = request;
        let taken = at == state.log.len() || !self.rules.compared;
        if taken {
            state.log.push(entry);
            state.healed |= again;
        }
        let member = &mut state.members[from];
        let waits = member.staged.as_ref().is_some_and(|(staged, _)| *staged == entry);
        if answered && waits && taken && !self.rules.taken_when_read {
            member.taken(at);
        } else if answered && waits && !taken && !self.rules.void_when_read {
            member.staged = None;
        }
    }

    /// Whether all is well once everything that is under way arrives, and everybody does what it can in turn.
    pub(super) fn flows(&self, state: &State) -> bool {
        let mut state = state.clone();
        for _ in 0..24 {
            let (group, log) = (state.group_of_log(), state.log.len());
            let well = |who: usize| {
                let member = &state.members[who];
                member.group.as_ref() == Some(&group) && member.read == log && member.staged.is_none()
            };
            if state.requests.is_empty() && self.wishing & !group.done == 0 && self.members().all(well) {
                return true;
            }
            while let Some(request) = state.requests.first().cloned() {
                self.take(&mut state, request, true);
            }
            for who in self.members() {
                for action in [Action::Welcome(who), Action::PutBack(who)] {
                    if let Some(next) = self.next_state(&state, action) {
                        state = next;
                    }
                }
                while let Some(next) = self.next_state(&state, Action::Read(who)) {
                    state = next;
                }
            }
            for who in self.members() {
                for action in [Action::Commit(who), Action::Enter(who), Action::Send(who)] {
                    if let Some(next) = self.next_state(&state, action) {
                        state = next;
                    }
                }
            }
        }
        false
    }
}
