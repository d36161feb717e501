//! What the next commit is for, and when it is made.
use std::collections::VecDeque;

use e2ee_core::Millis;

use crate::mls::{Admit, Identity, Member, MlsError, RoomPolicy, Wish};

use super::types::{Output, SessionError};
use super::{Asked, BACKOFF_MS, BATCH_MS, Given, Session, Stage, entry};

/// How many that are gone are remembered.
const MAX_GONE: usize = 4096;
/// How many verdicts are remembered besides those on members; who is asked about again is asked about anew.
const MAX_KNOWN: usize = 4096;

/// What the next commit is for.
#[derive(Default)]
pub(super) struct Wants {
    pub(super) add: Vec<(Identity, Vec<u8>)>,
    /// Who is out, or has to be: an identity that is gone does not come back.
    pub(super) remove: VecDeque<Identity>,
    pub(super) rotate: bool,
    /// Somebody in the group lost its state, and needs an entry that tells of the group as it is.
    pub(super) refresh: bool,
    pub(super) policy: Option<RoomPolicy>,
    /// Somebody is put out: fresh keys are used at once.
    pub(super) at_once: bool,
    /// Of the own commit that waits for the log: at once, and the leaves that it removes.
    pub(super) sent: (bool, Vec<u32>),
}

impl Session {
    pub(super) fn wish(&mut self, set: impl FnOnce(&mut Wants)) {
        set(&mut self.wants);
        self.schedule(0);
    }

    /// The secret of the room is not for this to change.
    pub(super) fn wish_policy(&mut self, policy: RoomPolicy) {
        let Stage::Member(group) = &self.stage else { return };
        let Ok(now) = group.policy() else { return };
        self.wish(|wants| wants.policy = Some(RoomPolicy { secret: now.secret, ..policy }));
    }

    pub(super) fn unwanted(&mut self, who: &Identity, at_once: bool) {
        if !self.wants.remove.contains(who) {
            self.wants.remove.push_back(who.clone());
            if self.wants.remove.len() > MAX_GONE {
                self.wants.remove.pop_front();
            }
        }
        self.wants.add.retain(|(wanted, _)| wanted != who);
        self.withdraw(|asked| asked == who);
        self.wants.at_once |= at_once;
        self.schedule(if at_once { 0 } else { BATCH_MS });
    }

    /// Questions about letting somebody in that need no answer any more.
    pub(super) fn withdraw(&mut self, gone: impl Fn(&Identity) -> bool) {
        let of_gone = |(asked, who): &(Asked, Vec<Identity>)| {
            matches!(asked, Asked::Add { .. }) && who.iter().any(&gone)
        };
        let questions: Vec<_> =
            self.asked.iter().filter(|(_, open)| of_gone(open)).map(|(question, _)| *question).collect();
        for question in questions {
            self.asked.remove(&question);
            self.out.push_back(Output::Withdraw(question));
        }
    }

    /// A new epoch has these members: what of the wishes is left.
    pub(super) fn settle_wishes(&mut self, members: &[Member]) {
        let within = |who: &Identity| members.iter().any(|member| member.identity == *who);
        self.wants.add.retain(|(who, _)| !within(who));
        if self.known.len() > MAX_KNOWN + members.len() {
            let wanted = |who: &Identity| self.wants.add.iter().any(|(wanted, _)| wanted == who);
            self.known.retain(|who, _| within(who) || wanted(who));
        }
        self.withdraw(within);
        let leaving = self.wants.remove.iter().any(within);
        if self.wants.policy.is_some() && self.wants.policy == self.told_policy {
            self.wants.policy = None;
        }
        (self.wants.rotate, self.wants.refresh) = (false, false);
        self.wants.at_once &= leaving;
        self.wants.sent = (false, Vec::new());
        self.commit_at = None;
        // Who is gone may have been on its way in.
        if !self.wants.add.is_empty() || self.wants.policy.is_some() || leaving {
            self.schedule(BATCH_MS);
        }
    }

    /// A commit after `delay` and the back-off of one's rank: who is first in the tree and not about to leave has none.
    pub(super) fn schedule(&mut self, delay: u64) {
        let Stage::Member(group) = &self.stage else { return };
        let Ok(members) = group.members() else { return };
        let before = members.iter().filter(|member| member.index < group.index());
        let rank = before.filter(|member| !self.wants.remove.contains(&member.identity)).count() as u64;
        // What only this member wants, nobody else will do.
        let lobby = group.policy().is_ok_and(|policy| policy.admit == Admit::Members);
        let own = self.wants.rotate
            || self.wants.at_once
            || self.wants.policy.is_some()
            || (lobby && !self.wants.add.is_empty());
        let back_off = if own { 0 } else { BACKOFF_MS.saturating_mul(rank) };
        let at = Millis(self.now.0 + delay + back_off);
        if self.commit_at.is_none_or(|set| at < set) {
            self.commit_at = Some(at);
        }
    }

    pub(super) fn commit(&mut self) -> Result<(), SessionError> {
        // A change that waits for a verdict comes first, and brings the wishes up again.
        if self.asks_for_change() {
            return Ok(());
        }
        let Stage::Member(group) = &mut self.stage else { return Ok(()) };
        let Wants { add, remove, rotate, refresh, policy, at_once, .. } = &self.wants;
        let own = group.index();
        let leaving: Vec<u32> = group
            .members()?
            .into_iter()
            .filter(|member| member.index != own && remove.contains(&member.identity))
            .map(|member| member.index)
            .collect();
        if group.expects().is_some()
            || (add.is_empty() && leaving.is_empty() && !rotate && !refresh && policy.is_none())
        {
            return Ok(());
        }
        let packages: Vec<&[u8]> = add.iter().map(|(_, package)| package.as_slice()).collect();
        let wish = Wish { add: &packages, remove: &leaving, policy: *policy, at_once: *at_once };
        match group.propose(&wish, &Given(&self.known)) {
            Ok(Ok(proposed)) => {
                self.wants.sent = (self.wants.at_once, leaving);
                self.append(self.log.position(), entry::write(&proposed));
            }
            // Key packages that are of no use must not hold up who has to leave.
            Ok(Err(_)) | Err(_) => {
                let retry = !self.wants.add.is_empty();
                self.wants.add.clear();
                self.drop_bytes(MlsError::Refused);
                if retry {
                    return self.commit();
                }
                self.wants.policy = None;
            }
        }
        Ok(())
    }
}
