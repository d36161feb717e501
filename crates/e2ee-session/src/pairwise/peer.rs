//! One other member: its keys, and which of ours it has.
use e2ee_core::{Generation, Millis, ParticipantId, SenderKey};

use super::announcement::{Announced, MemberKeys, PublicKeys, Scope};
use super::chain::{Chain, Place, is_since};
use super::channel::{Channel, Whose};
use super::content::{self, End, Said, Saying};
use super::error::PairwiseError;
use super::slots::Slots;
use super::types::Output;
use super::{ANSWER_MS, ASK_MS, RESEND_MS, SENDS};
use crate::mls::Trust;
use std::collections::VecDeque;

/// This member, as messages name it.
pub(super) struct Own {
    pub(super) scope: Scope,
    pub(super) me: ParticipantId,
    pub(super) public: PublicKeys,
}

/// A key that is sent until it is acknowledged.
struct Owed {
    generation: Generation,
    sent: u8,
    at: Millis,
}

pub(super) struct Peer {
    pub(super) announced: Announced,
    pub(super) trust: Trust,
    pub(super) channel: Channel,
    /// The first place of the own key that it may have.
    pub(super) since: Place,
    /// At most one for the key that is used and one for the key that waits.
    owed: Vec<Owed>,
    pub(super) deaf: bool,
    pub(super) slots: Slots,
    asked: Option<Millis>,
    answered: Option<Millis>,
}

impl Peer {
    pub(super) fn new(announced: Announced, trust: Trust, channel: Channel, since: Place) -> Self {
        Self {
            announced,
            trust,
            channel,
            since,
            owed: Vec::new(),
            deaf: false,
            slots: Slots::default(),
            asked: None,
            answered: None,
        }
    }

    /// The key of this generation is due, from now on, if it may have it and the key is one of those in `chain`.
    pub(super) fn owe(&mut self, chain: &Chain, generation: Generation, now: Millis) {
        if chain.find(generation).is_none_or(|key| !is_since(key, self.since)) {
            return;
        }
        self.owed.retain(|owed| owed.generation != generation);
        self.owed.push(Owed { generation, sent: 0, at: now });
    }

    pub(super) fn owes(&self, generation: Generation) -> bool {
        self.owed.iter().any(|owed| owed.generation == generation)
    }

    /// Nothing is due of keys that are gone.
    pub(super) fn prune(&mut self, chain: &Chain) {
        self.owed.retain(|owed| chain.find(owed.generation).is_some());
    }

    /// It has the key. `true`: it could not hear before.
    pub(super) fn acknowledged(&mut self, generation: Generation) -> bool {
        self.owed.retain(|owed| owed.generation != generation);
        std::mem::take(&mut self.deaf)
    }

    /// Sends what is due. `true`: it has just been given up.
    pub(super) fn send_due(
        &mut self,
        own: &Own,
        chain: &Chain,
        who: &ParticipantId,
        now: Millis,
        out: &mut VecDeque<Output>,
    ) -> bool {
        let mut due = Vec::new();
        for owed in self.owed.iter_mut().filter(|owed| owed.at <= now && owed.sent < SENDS) {
            owed.sent += 1;
            owed.at = now.plus(RESEND_MS);
            due.push(owed.generation);
        }
        for generation in due {
            if let Some(SenderKey { generation, step, base }) = chain.find(generation) {
                self.say(own, who, Whose::Ours, &Saying::Key(*generation, *step, base), out);
            }
        }
        let before = self.owed.len();
        self.owed.retain(|owed| owed.sent < SENDS || owed.at > now);
        let gives_up = self.owed.len() < before;
        gives_up && !std::mem::replace(&mut self.deaf, true)
    }

    /// It asks for a key: `true` when it is to be answered.
    pub(super) fn may_be_answered(&mut self, now: Millis) -> bool {
        due(&mut self.answered, ANSWER_MS, now)
    }

    /// Frames of an unknown key came: `true` when it is to be asked for.
    pub(super) fn may_be_asked(&mut self, now: Millis) -> bool {
        due(&mut self.asked, ASK_MS, now)
    }

    /// The next time at which something is due.
    pub(super) fn wake_at(&self) -> Option<Millis> {
        self.owed.iter().map(|owed| owed.at).chain(self.slots.forget_at()).min()
    }

    pub(super) fn say(
        &mut self,
        own: &Own,
        who: &ParticipantId,
        whose: Whose,
        saying: &Saying<'_>,
        out: &mut VecDeque<Output>,
    ) {
        let from = End { who: &own.me, keys: &own.public };
        let to = End { who, keys: &self.announced.keys };
        let content = content::write(&own.scope, from, to, saying);
        if let Some(bytes) = self.channel.seal(whose, &content) {
            out.push_back(Output::Send { to: who.clone(), bytes });
        }
    }

    /// Decrypts and reads a message; keeps its session only when all of it is right.
    pub(super) fn hear(
        &mut self,
        own: &Own,
        keys: &mut MemberKeys,
        who: &ParticipantId,
        bytes: &[u8],
    ) -> Result<(Said, Whose), PairwiseError> {
        let opened = self.channel.open(&mut keys.account, &self.announced, bytes)?;
        let from = End { who, keys: &self.announced.keys };
        let to = End { who: &own.me, keys: &own.public };
        let said = content::read(&opened.content, &own.scope, from, to)?;
        let whose = opened.whose;
        self.channel.keep(opened);
        Ok((said, whose))
    }
}

fn due(last: &mut Option<Millis>, every: u64, now: Millis) -> bool {
    let due = last.is_none_or(|last| last.plus(every) <= now);
    if due {
        *last = Some(now);
    }
    due
}
