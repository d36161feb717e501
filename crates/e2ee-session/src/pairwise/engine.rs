//! The state machine: who is in the call, who has which key, what is due.
use std::collections::{BTreeMap, VecDeque};

use e2ee_core::key::kid::KeyName;
use e2ee_core::{
    Generation, KeyAt, Kid, KidScheme, Millis, ParticipantId, SenderKey, Step, id::MAX_NAME_LEN,
};

use super::announcement::{self, Announced, MemberKeys, PublicKeys, Scope};
use super::chain::{self, Chain};
use super::channel::Channel;
use super::content::{Said, Saying};
use super::error::PairwiseError;
use super::peer::{Own, Peer};
use super::slots::Slot;
use super::types::{Entry, Event, Input, Output, Settings, Standing};
use super::{MAX_GONE, MAX_GRACE_MS, MAX_MEMBERS, MAX_MESSAGE_LEN, MAX_PARKED, MAX_WAITING};
use crate::mls::{Identity, Trust};
use crate::session::Question;

/// Somebody that the transport shows.
struct Member {
    stand: Stand,
    /// Keys that a verdict is awaited on.
    asked: Option<(Question, Announced)>,
}

enum Stand {
    Outside(PairwiseError),
    In(Box<Peer>),
}

/// One member of one call. See the module's comment.
pub struct Pairwise {
    keys: MemberKeys,
    own: Own,
    chain: Chain,
    members: BTreeMap<ParticipantId, Member>,
    questions: u32,
    /// Signature keys of those who left.
    gone: VecDeque<[u8; 32]>,
    /// Messages of those who may become members.
    parked: VecDeque<(ParticipantId, Vec<u8>)>,
    grace_ms: u64,
    rotate_every_ms: u64,
    rotate_at: Option<Millis>,
    woken: Option<Millis>,
    roster_changed: bool,
    now: Millis,
    out: VecDeque<Output>,
}

impl Pairwise {
    /// A member of a call, alone so far. Its first outputs are the announcement and the key to seal with.
    ///
    /// # Errors
    /// [`PairwiseError::BadSettings`].
    pub fn new(mut keys: MemberKeys, settings: Settings, now: Millis) -> Result<Self, PairwiseError> {
        let Settings { room, call, suite, scheme, me, name, proof, grace_ms, rotate_every_ms } = settings;
        let key = keys.public().signature.to_vec();
        let identity = Identity { participant: me.as_str().to_owned(), name, key, proof };
        let fits = room.len() <= MAX_NAME_LEN
            && identity.check().is_ok()
            && grace_ms <= MAX_GRACE_MS
            && matches!(scheme, KidScheme::SenderKeys { ratchet_bits: 1..=16 });
        if !fits {
            return Err(PairwiseError::BadSettings);
        }
        let scope = Scope { room, call, suite, scheme };
        let chain = Chain::new(suite, scheme, &mut keys.rng)?;
        let announcement = announcement::write(&keys, &scope, &me, &identity.name, &identity.proof);
        let out =
            VecDeque::from([Output::Announce(announcement), Output::Seal(chain::copy(chain.current())?)]);
        let rotate_at = (rotate_every_ms > 0).then(|| now.plus(rotate_every_ms));
        let own = Own { scope, me, public: keys.public() };
        let mut member = Self {
            keys,
            own,
            chain,
            members: BTreeMap::new(),
            questions: 0,
            gone: VecDeque::new(),
            parked: VecDeque::new(),
            grace_ms,
            rotate_every_ms,
            rotate_at,
            woken: None,
            roster_changed: false,
            now,
            out,
        };
        member.wake();
        Ok(member)
    }

    /// The next thing to be done; `None`: all is done.
    pub fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// This member's public keys.
    #[must_use]
    pub const fn public_keys(&self) -> &PublicKeys {
        &self.own.public
    }

    /// Everybody that the transport shows, and how they stand.
    #[must_use]
    pub fn roster(&self) -> Vec<Entry> {
        let entry = |(who, member): (&ParticipantId, &Member)| {
            let (announced, standing) = match (&member.stand, &member.asked) {
                (Stand::In(peer), _) => {
                    (Some(&peer.announced), Standing::Member { trust: peer.trust, hears: !peer.deaf })
                }
                (Stand::Outside(_), Some((_, announced))) => (Some(announced), Standing::Deciding),
                (Stand::Outside(why), None) => (None, Standing::Outside(*why)),
            };
            Entry {
                who: who.clone(),
                identity: announced.map(|announced| announced.identity.clone()),
                standing,
            }
        };
        self.members.iter().map(entry).collect()
    }

    /// Takes what happened. A time before that of an earlier input counts as that.
    ///
    /// # Errors
    /// [`PairwiseError`] for a mistake of the caller; nothing changed. What others did wrong is an event.
    pub fn handle(&mut self, input: Input<'_>, now: Millis) -> Result<(), PairwiseError> {
        if self.out.len() > MAX_WAITING {
            return Err(PairwiseError::NotPolled);
        }
        self.now = self.now.max(now);
        match input {
            Input::Came(who, announcement) => self.came(who, announcement),
            Input::Gone(who) => self.gone(who)?,
            Input::Remove(who) => self.remove(who)?,
            Input::Message(from, bytes) => self.message(from, bytes)?,
            Input::UnknownKid(from, kid) => self.unknown_kid(from, kid),
            Input::Rotate => self.renew(self.grace_ms)?,
            Input::Verdict(question, trust) => self.verdict(question, trust)?,
            Input::Wake => self.woken = None,
        }
        self.timers()?;
        if std::mem::take(&mut self.roster_changed) {
            self.out.push_back(Output::Roster(self.roster()));
        }
        self.wake();
        Ok(())
    }

    fn came(&mut self, who: &ParticipantId, bytes: &[u8]) {
        if *who == self.own.me {
            return;
        }
        let read =
            announcement::read(bytes, &self.own.scope, who).and_then(|announced| self.vet(who, announced));
        let full = self.members.len() >= MAX_MEMBERS;
        match (self.members.get_mut(who), read) {
            (None, _) if full => self.event(Event::Dropped(who.clone(), PairwiseError::Full)),
            // What is known of a member does not go because somebody sends nonsense in its name.
            (Some(Member { stand: Stand::In(_), .. } | Member { asked: Some(_), .. }), Err(error)) => {
                self.event(Event::Dropped(who.clone(), error));
            }
            (Some(Member { stand: Stand::Outside(why), .. }), Err(error)) if *why == error => {}
            (_, Err(error)) => self.outside(who, error),
            (Some(Member { stand: Stand::In(peer), .. }), Ok(announced))
                if peer.announced.is_same(&announced) => {}
            (Some(Member { asked: Some((_, asked)), .. }), Ok(announced)) if asked.is_same(&announced) => {}
            (_, Ok(announced)) => self.ask(who, announced),
        }
    }

    /// Refuses keys that are somebody's.
    fn vet(&self, who: &ParticipantId, announced: Announced) -> Result<Announced, PairwiseError> {
        let others = self.members.iter().filter(|(other, _)| *other != who).any(|(_, member)| {
            matches!(&member.stand, Stand::In(peer) if announced.shares_a_key_with(&peer.announced.keys))
                || matches!(&member.asked, Some((_, asked)) if announced.shares_a_key_with(&asked.keys))
        });
        if others || announced.shares_a_key_with(&self.own.public) {
            return Err(PairwiseError::KeysInUse);
        }
        if self.gone.contains(&announced.keys.signature) {
            return Err(PairwiseError::Gone);
        }
        Ok(announced)
    }

    fn outside(&mut self, who: &ParticipantId, why: PairwiseError) {
        self.parked.retain(|(from, _)| from != who);
        self.members.insert(who.clone(), Member { stand: Stand::Outside(why), asked: None });
        self.roster_changed = true;
        self.event(Event::Outside(who.clone(), why));
    }

    fn ask(&mut self, who: &ParticipantId, mut announced: Announced) {
        self.questions = self.questions.wrapping_add(1);
        let question = Question(self.questions);
        self.out.push_back(Output::Decide { question, who: announced.identity.clone() });
        announced.identity.proof = Vec::new();
        let stand = Stand::Outside(PairwiseError::NotAnnounced);
        let member = self.members.entry(who.clone()).or_insert(Member { stand, asked: None });
        member.asked = Some((question, announced));
        self.roster_changed = true;
    }

    fn verdict(&mut self, question: Question, trust: Trust) -> Result<(), PairwiseError> {
        let asked = |(_, member): &(&ParticipantId, &mut Member)| matches!(&member.asked, Some((open, _)) if *open == question);
        let Some((who, member)) = self.members.iter_mut().find(asked) else {
            return Err(PairwiseError::NoSuchQuestion);
        };
        let who = who.clone();
        let Some((_, announced)) = member.asked.take() else { return Err(PairwiseError::NoSuchQuestion) };
        let channel = match trust {
            Trust::Refused => Err(PairwiseError::Refused),
            _ => Channel::new(&self.keys.account, &announced),
        };
        match (channel, &member.stand) {
            (Err(error), Stand::In(_)) => self.event(Event::Dropped(who, error)),
            (Err(error), Stand::Outside(_)) => self.outside(&who, error),
            (Ok(channel), Stand::Outside(_)) => self.admit(who, announced, trust, channel)?,
            (Ok(channel), Stand::In(_)) => {
                self.take_out(&who, self.grace_ms)?;
                self.event(Event::Changed(who.clone()));
                self.admit(who, announced, trust, channel)?;
            }
        }
        Ok(())
    }

    /// The key moves on before the newcomer gets it.
    fn admit(
        &mut self,
        who: ParticipantId,
        announced: Announced,
        trust: Trust,
        channel: Channel,
    ) -> Result<(), PairwiseError> {
        let ratcheted = self.chain.ratchet();
        if ratcheted {
            self.out.push_back(Output::Seal(chain::copy(self.chain.current())?));
        } else if self.chain.pending().is_none() {
            self.renew(self.grace_ms)?;
        }
        // A generation without a step left stays closed to who comes now; the key that waits has sealed nothing yet.
        let first = self.chain.pending().filter(|_| !ratcheted).unwrap_or(self.chain.current());
        let mut peer = Peer::new(announced, trust, channel, (first.generation, first.step));
        for generation in self.chain.generations() {
            peer.owe(&self.chain, generation, self.now);
        }
        self.members.insert(who.clone(), Member { stand: Stand::In(Box::new(peer)), asked: None });
        self.roster_changed = true;
        let (waiting, rest) =
            std::mem::take(&mut self.parked).into_iter().partition(|(from, _)| *from == who);
        self.parked = rest;
        let waiting: VecDeque<(ParticipantId, Vec<u8>)> = waiting;
        for (from, bytes) in waiting {
            self.message(&from, &bytes)?;
        }
        Ok(())
    }

    fn gone(&mut self, who: &ParticipantId) -> Result<(), PairwiseError> {
        if matches!(self.members.get(who), Some(Member { stand: Stand::In(_), .. })) {
            self.take_out(who, self.grace_ms)?;
        }
        self.parked.retain(|(from, _)| from != who);
        self.roster_changed |= self.members.remove(who).is_some();
        Ok(())
    }

    fn remove(&mut self, who: &ParticipantId) -> Result<(), PairwiseError> {
        let Some(member) = self.members.get(who) else { return Ok(()) };
        if let Some(key) = member.asked.as_ref().map(|(_, announced)| announced.keys.signature) {
            self.remember(key);
        }
        self.take_out(who, 0)?;
        self.outside(who, PairwiseError::Refused);
        Ok(())
    }

    /// A member is a member no more; the others get a fresh key.
    fn take_out(&mut self, who: &ParticipantId, grace_ms: u64) -> Result<(), PairwiseError> {
        let Some(Member { stand: Stand::In(peer), .. }) = self.members.get(who) else { return Ok(()) };
        let key = peer.announced.keys.signature;
        self.chain.check_not_worn()?;
        self.remember(key);
        self.members.remove(who);
        self.roster_changed = true;
        self.out.push_back(Output::Drop(who.clone()));
        self.renew(grace_ms)
    }

    fn remember(&mut self, key: [u8; 32]) {
        self.gone.push_back(key);
        if self.gone.len() > MAX_GONE {
            self.gone.pop_front();
        }
    }

    /// A fresh key for all who are in the call.
    fn renew(&mut self, grace_ms: u64) -> Result<(), PairwiseError> {
        let generation = self.chain.renew(&mut self.keys.rng, self.now.plus(grace_ms))?;
        for peer in peers(&mut self.members).map(|(_, peer)| peer) {
            peer.prune(&self.chain);
            peer.owe(&self.chain, generation, self.now);
        }
        Ok(())
    }

    fn message(&mut self, from: &ParticipantId, bytes: &[u8]) -> Result<(), PairwiseError> {
        let peer = match self.members.get_mut(from) {
            Some(Member { stand: Stand::In(peer), .. }) => peer,
            Some(Member { asked: None, .. }) => {
                self.dropped(from, PairwiseError::NotAMember);
                return Ok(());
            }
            _ => {
                self.park(from, bytes);
                return Ok(());
            }
        };
        let (said, whose) = match peer.hear(&self.own, &mut self.keys, from, bytes) {
            Ok(heard) => heard,
            Err(error) => {
                self.dropped(from, error);
                return Ok(());
            }
        };
        match said {
            Said::Key(key) if key.step.0 >= self.chain.steps() => {
                self.dropped(from, PairwiseError::Malformed)
            }
            Said::Key(key) => {
                let generation = key.generation;
                if take(peer, from, key, self.now, &mut self.out) {
                    peer.say(&self.own, from, whose, &Saying::Ack(generation), &mut self.out);
                }
            }
            Said::Ack(generation) => {
                if peer.acknowledged(generation) {
                    self.roster_changed = true;
                    self.event(Event::HearsAgain(from.clone()));
                }
            }
            Said::NeedKey(generation) => {
                if self.chain.find(generation).is_some() && peer.may_be_answered(self.now) {
                    peer.owe(&self.chain, generation, self.now);
                }
            }
        }
        Ok(())
    }

    fn park(&mut self, from: &ParticipantId, bytes: &[u8]) {
        let (all, each) = MAX_PARKED;
        let of_one = self.parked.iter().filter(|(who, _)| who == from).count();
        if *from == self.own.me {
            return;
        }
        if bytes.len() > MAX_MESSAGE_LEN {
            return self.dropped(from, PairwiseError::TooLong);
        }
        if of_one >= each {
            return self.dropped(from, PairwiseError::Full);
        }
        // What came first, from wherever, must not shut out what comes now.
        if self.parked.len() >= all
            && let Some((oldest, _)) = self.parked.pop_front()
        {
            self.dropped(&oldest, PairwiseError::Full);
        }
        self.parked.push_back((from.clone(), bytes.to_vec()));
    }

    fn unknown_kid(&mut self, from: &ParticipantId, kid: Kid) {
        let Some(KeyName::Sender { generation, .. }) = self.own.scope.scheme.name(kid) else { return };
        let Some(Member { stand: Stand::In(peer), .. }) = self.members.get_mut(from) else { return };
        if matches!(peer.slots.look(generation), Slot::New { .. }) && peer.may_be_asked(self.now) {
            let whose = peer.channel.any();
            peer.say(&self.own, from, whose, &Saying::NeedKey(generation), &mut self.out);
        }
    }

    fn timers(&mut self) -> Result<(), PairwiseError> {
        if self.rotate_at.is_some_and(|at| at <= self.now) {
            self.rotate_at = Some(self.now.plus(self.rotate_every_ms));
            self.renew(self.grace_ms)?;
        }
        let due = self.chain.use_at().is_some_and(|at| at <= self.now);
        if let Some(pending) = self.chain.pending().map(|key| key.generation)
            && (due || !peers(&mut self.members).any(|(_, peer)| peer.owes(pending)))
            && self.chain.adopt()
        {
            self.out.push_back(Output::Seal(chain::copy(self.chain.current())?));
            self.rotate_at = self.rotate_at.map(|_| self.now.plus(self.rotate_every_ms));
        }
        for (who, peer) in peers(&mut self.members) {
            peer.prune(&self.chain);
            if peer.send_due(&self.own, &self.chain, who, self.now, &mut self.out) {
                self.roster_changed = true;
                self.out.push_back(Output::Event(Event::CannotHear(who.clone())));
            }
            if let Some(before) = peer.slots.forget(self.now) {
                let before = KeyAt::Sender(before, Step(0));
                self.out.push_back(Output::Forget { owner: who.clone(), before });
            }
        }
        Ok(())
    }

    fn wake(&mut self) {
        let peers = peers(&mut self.members).filter_map(|(_, peer)| peer.wake_at()).min();
        let next = [peers, self.chain.use_at(), self.rotate_at].into_iter().flatten().min();
        if let Some(next) = next
            && self.woken != Some(next)
        {
            self.woken = Some(next);
            self.out.push_back(Output::WakeAt(next));
        }
    }

    fn dropped(&mut self, from: &ParticipantId, error: PairwiseError) {
        self.event(Event::Dropped(from.clone(), error));
    }

    fn event(&mut self, event: Event) {
        self.out.push_back(Output::Event(event));
    }
}

fn peers(members: &mut BTreeMap<ParticipantId, Member>) -> impl Iterator<Item = (&ParticipantId, &mut Peer)> {
    members.iter_mut().filter_map(|(who, member)| match &mut member.stand {
        Stand::In(peer) => Some((who, peer.as_mut())),
        Stand::Outside(_) => None,
    })
}

/// Takes a key of a member's. `true`: it is to be acknowledged, now or again.
fn take(
    peer: &mut Peer,
    owner: &ParticipantId,
    key: SenderKey,
    now: Millis,
    out: &mut VecDeque<Output>,
) -> bool {
    match peer.slots.look(key.generation) {
        Slot::Held => true,
        Slot::Old => false,
        Slot::New { pushes_out } => {
            peer.slots.put(key.generation, now);
            if let Some(Generation(old)) = pushes_out {
                let before = KeyAt::Sender(Generation(old.saturating_add(1)), Step(0));
                out.push_back(Output::Forget { owner: owner.clone(), before });
            }
            out.push_back(Output::Install { owner: owner.clone(), key });
            true
        }
    }
}
