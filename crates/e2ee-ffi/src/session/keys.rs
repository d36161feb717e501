//! From what a session says about keys to the ring, and who of several members speaks for a participant.

use std::sync::Arc;

use e2ee_core::{BaseKey, CipherSuite, Epoch, KeyAt, ParticipantId};
use e2ee_session::mls::Member;
use e2ee_session::session::{Event, Output, Owners};

use crate::follow::duplicate;
use crate::ring::{Change, Ring, Seal, SealWith};

/// Epochs kept at most; an opener keeps as many.
const MAX_LIVE: usize = 8;

pub(super) struct Keys {
    ring: Arc<Ring>,
    owners: Owners,
    group: u64,
    /// Oldest first.
    live: Vec<Live>,
    sealing: Option<Epoch>,
}

struct Live {
    epoch: Epoch,
    suite: CipherSuite,
    secret: BaseKey,
    /// Those who are heard, by index.
    people: Vec<(u32, ParticipantId)>,
}

impl Keys {
    pub(super) fn new(ring: Arc<Ring>) -> Self {
        Self { ring, owners: Owners::default(), group: 0, live: Vec::new(), sealing: None }
    }

    /// The members of a new epoch; says of each whether it is heard.
    pub(super) fn open(
        &mut self,
        epoch: Epoch,
        suite: CipherSuite,
        secret: &BaseKey,
        members: &[Member],
        own: u32,
    ) -> Vec<bool> {
        let heard = self.owners.next(members, own);
        let Some(kept) = duplicate(secret) else { return vec![false; members.len()] };
        if self.live.last().is_some_and(|newest| newest.suite != suite) {
            // A frame does not say its suite: keys of the other one go with their windows.
            self.live.clear();
            self.ring.tell_all_known(|| Change::Gone);
        }
        let mut people = Vec::new();
        for (member, _) in members.iter().zip(&heard).filter(|(member, heard)| **heard && member.index != own)
        {
            let Ok(who) = ParticipantId::new(&member.identity.participant) else { continue };
            let Some(base) = duplicate(secret) else { continue };
            let at = KeyAt::Mls(epoch, member.index);
            self.ring.tell(&who, Change::Install { at, suite: Some(suite), base });
            people.push((member.index, who));
        }
        self.live.push(Live { epoch, suite, secret: kept, people });
        if self.live.len() > MAX_LIVE
            && let Some(oldest) = self.live.first().map(|live| live.epoch)
        {
            self.forget(oldest);
        }
        heard
    }

    /// What an output says about keys, but for [`Output::Open`].
    pub(super) fn apply(&mut self, output: &Output) {
        match output {
            Output::SealWith { epoch, index } => self.seal_with(*epoch, *index),
            Output::Hush => self.hush(),
            Output::Forget(epoch) => self.forget(*epoch),
            Output::Bar { before, index } => self.bar(*before, *index),
            // Another group, whose epochs begin anew.
            Output::Event(Event::Joined) => {
                self.hush();
                self.group += 1;
                self.live.clear();
                self.ring.tell_all_known(|| Change::Gone);
            }
            _ => {}
        }
    }

    /// No key any more.
    pub(super) fn close(&mut self) {
        self.hush();
        self.live.clear();
        self.ring.tell_all_known(|| Change::Gone);
    }

    fn seal_with(&mut self, epoch: Epoch, index: u32) {
        let live = self.live.iter().find(|live| live.epoch == epoch);
        let with = live.and_then(|live| {
            let base = duplicate(&live.secret)?;
            Some(SealWith { group: self.group, epoch, index, suite: live.suite, base })
        });
        // Without the epoch's secret nothing is sealed.
        self.sealing = with.is_some().then_some(epoch);
        self.ring.seal(with.map_or(Seal::Hushed, Seal::With));
    }

    fn hush(&mut self) {
        self.sealing = None;
        self.ring.seal(Seal::Hushed);
    }

    /// Forgets an epoch and those before it.
    fn forget(&mut self, epoch: Epoch) {
        let end = KeyAt::Mls(Epoch(epoch.0.saturating_add(1)), 0);
        self.live.retain(|live| live.epoch > epoch);
        self.ring.tell_all_known(|| Change::ForgetBefore(end));
        if self.sealing.is_some_and(|sealing| sealing <= epoch) {
            self.hush();
        }
    }

    /// Opens nothing any more of who had this index before an epoch.
    fn bar(&mut self, before: Epoch, index: u32) {
        for live in self.live.iter_mut().filter(|live| live.epoch < before) {
            for (_, who) in live.people.extract_if(.., |(other, _)| *other == index) {
                self.ring.tell(&who, Change::ForgetBefore(KeyAt::Mls(before, 0)));
            }
        }
    }
}
