//! Sender keys that are sent to each receiver alone: one sender, and a relay that delays, drops, reorders and replays.
//!
//! Messages that were sent stay there for ever and are delivered at any time, any number of times or never: that is all
//! that a relay can do to messages that authenticate. The same for sealed frames. Time is in no state: a grace period
//! ends whenever the sender takes its step [`Action::Switch`].
//!
//! Bounds. Four identities of three people: one that stays, one that comes late and may go, and one whose device is
//! there from the start, may go, and comes back (or joins beside it) under a second identity. At most 4 generations and
//! 3 ratchet steps, a ring of 3 slots, so that it comes round. Any number of messages, deliveries and frames. Receivers
//! do nothing to the sender or to each other, so each is followed alone within these bounds; three together are
//! followed with 3 generations and 2 steps, and without what people know. What people know for [`SECRET`] is counted when it is sent to them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use stateright::{Model, Property};

mod tests;

const SECRET: &str = "a frame is opened by nobody whom the sender had not in its roster";
const SLOT: &str = "a slot never goes back";
const USABLE: &str = "a key in use that was delivered can be used";

const IDENTITIES: usize = 4;
const STAYS: usize = 0;
const LATE: usize = 1;
const DEVICE: usize = 2;
const RETURNS: usize = 3;
/// Who is behind an identity.
const PERSON: [usize; IDENTITIES] = [0, 1, 2, 2];
/// Somebody whom the relay announces, and who proved nothing.
const GHOST: usize = 3;
const PEOPLE: usize = 4;

const MAX_GENERATIONS: usize = 4;
const MAX_STEPS: usize = 3;
/// No step is known.
const NOTHING: u8 = u8::MAX;

/// A sender key: a generation, and how often it was ratcheted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Key(u8, u8);

#[derive(Clone, Copy, PartialEq, Eq)]
enum OnJoin {
    /// The key is ratcheted, then sent.
    RatchetFirst,
    /// The key is sent, and ratcheted some time after.
    RatchetLater,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum OnLeave {
    Fresh,
    Ratchet,
}

/// What sender and receivers do.
#[derive(Clone)]
struct Rules {
    on_join: OnJoin,
    on_leave: OnLeave,
    /// Who joins while a rotation is pending also gets the outgoing key, ratcheted.
    outgoing_too: bool,
    /// Who waits for the pending key is not sent the outgoing one when it asks again.
    asked_again_is_same: bool,
    /// Another one who leaves while a rotation is pending makes that key void, and a fresh one pending.
    pending_is_replaced: bool,
    /// Who is thrown out is without keys at once.
    forced_at_once: bool,
    /// Keys are sent to identities that proved themselves, and not to whom the relay announces.
    proven_only: bool,
    /// Before a pending key would take the slot of the key in use, the sender switches.
    lead_is_bounded: bool,
    /// A receiver keeps what a slot holds against older keys.
    newest_is_kept: bool,
    /// Older is meant against the newest key of the sender, and not of the slot.
    one_mark: bool,
    /// A receiver moves to a ratchet step only once a frame of it authenticated.
    tag_first: bool,
    slots: u8,
}

const PROPOSED: Rules = Rules {
    on_join: OnJoin::RatchetFirst,
    on_leave: OnLeave::Fresh,
    outgoing_too: true,
    asked_again_is_same: true,
    pending_is_replaced: true,
    forced_at_once: true,
    proven_only: true,
    lead_is_bounded: true,
    newest_is_kept: true,
    one_mark: false,
    tag_first: true,
    slots: 3,
};

struct Pairwise {
    rules: Rules,
    generations: u8,
    steps: u8,
    followed: &'static [usize],
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
struct Receiver {
    slots: [Option<Key>; MAX_GENERATIONS],
    /// Newest generation that came.
    mark: u8,
    /// Generations that were delivered.
    delivered: u8,
}

/// Sets of identities and people are bits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    current: Key,
    pending: Option<u8>,
    ratchet_due: bool,
    roster: u8,
    /// Left, and hears until the switch.
    grace: u8,
    /// Joined, and has no right to the outgoing key.
    waits: u8,
    came: u8,
    /// By person: the least step of each generation that it was sent, and how much more it can derive is all that follow.
    known: [[u8; MAX_GENERATIONS]; PEOPLE],
    /// Keys that were sent to those who are followed.
    sent: [u16; IDENTITIES],
    /// Keys that frames were sealed with.
    sealed: u16,
    /// Who must not open a frame, by its key.
    outsiders: [[u8; MAX_STEPS]; MAX_GENERATIONS],
    receivers: [Receiver; IDENTITIES],
    went_back: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Action {
    Join(usize),
    Leave(usize),
    ThrowOut(usize),
    Rotate,
    Switch,
    RatchetNow,
    Resend(usize),
    Seal,
    Announce,
    Deliver(usize, Key),
    Open(usize, Key),
    Forge(usize, Key),
}

fn bit(key: Key) -> u16 {
    1 << (usize::from(key.0) * MAX_STEPS + usize::from(key.1))
}

fn people(identities: u8) -> u8 {
    (0..IDENTITIES)
        .filter(|who| identities & (1 << who) != 0)
        .fold(0, |people, who| people | 1 << PERSON[who])
}

impl State {
    fn send(&mut self, to: usize, key: Key, followed: &[usize]) {
        self.learn(PERSON[to], key);
        if followed.contains(&to) {
            self.sent[to] |= bit(key);
        }
    }

    fn learn(&mut self, person: usize, Key(generation, step): Key) {
        let least = &mut self.known[person][usize::from(generation)];
        *least = step.min(*least);
    }

    fn within(&self, who: usize) -> bool {
        self.roster & (1 << who) != 0
    }

    /// Whether any of these people has a key that `key` follows from.
    fn is_known(&self, people: u8, Key(generation, step): Key) -> bool {
        let knows = |person: usize| self.known[person][usize::from(generation)] <= step;
        (0..PEOPLE).any(|person| people & (1 << person) != 0 && knows(person))
    }

    fn switch(&mut self) {
        if let Some(generation) = self.pending.take() {
            self.current = Key(generation, 0);
            (self.grace, self.waits) = (0, 0);
        }
    }
}

impl Pairwise {
    fn keys(&self) -> impl Iterator<Item = Key> + '_ {
        (0..self.generations).flat_map(|generation| (0..self.steps).map(move |step| Key(generation, step)))
    }

    /// What people know does not depend on how many are followed; where several are, it is left out.
    fn follows_secrets(&self) -> bool {
        self.followed.len() == 1
    }

    fn slot(&self, key: Key) -> usize {
        usize::from(key.0 % self.rules.slots)
    }

    /// Whether `who` opens what is sealed now.
    fn hears(&self, state: &State, who: usize) -> bool {
        let Key(generation, step) = state.current;
        state.within(who)
            && state.receivers[who].slots[self.slot(state.current)]
                .is_some_and(|held| held.0 == generation && held.1 <= step)
    }

    /// A fresh key for all that are left; `None` behind the bounds.
    fn rotate(&self, state: &mut State) -> Option<()> {
        let next = match state.pending {
            Some(pending) if !self.rules.pending_is_replaced => pending,
            Some(pending) => pending + 1,
            None => state.current.0 + 1,
        };
        if next >= self.generations {
            return None;
        }
        state.pending = Some(next);
        for who in 0..IDENTITIES {
            if state.within(who) {
                state.send(who, Key(next, 0), self.followed);
            }
        }
        if self.rules.lead_is_bounded && next - state.current.0 >= self.rules.slots {
            state.switch();
        }
        Some(())
    }

    fn leave(&self, state: &mut State, who: usize, forced: bool) -> Option<()> {
        state.roster &= !(1 << who);
        // Nothing is asked of what it has from here on, and what it knows is counted elsewhere.
        (state.receivers[who], state.sent[who]) = (Receiver::default(), 0);
        if self.rules.on_leave == OnLeave::Ratchet {
            state.current.1 += 1;
            return (state.current.1 < self.steps).then_some(());
        }
        if !forced {
            state.grace |= 1 << who;
        }
        self.rotate(state)?;
        if forced && self.rules.forced_at_once {
            state.switch();
        }
        Some(())
    }

    fn join(&self, state: &mut State, who: usize) -> Option<()> {
        state.roster |= 1 << who;
        state.came |= 1 << who;
        if let Some(pending) = state.pending {
            state.send(who, Key(pending, 0), self.followed);
            if !self.rules.outgoing_too {
                state.waits |= 1 << who;
                return Some(());
            }
        }
        if self.rules.on_join == OnJoin::RatchetFirst {
            state.current.1 += 1;
        } else {
            state.ratchet_due = true;
        }
        state.send(who, state.current, self.followed);
        (state.current.1 < self.steps).then_some(())
    }

    fn deliver(&self, state: &mut State, to: usize, key: Key) {
        let slot = self.slot(key);
        let receiver = &mut state.receivers[to];
        receiver.delivered |= 1 << key.0;
        let older = if self.rules.one_mark {
            key.0 < receiver.mark
        } else {
            receiver.slots[slot].is_some_and(|held| key < held)
        };
        if older && self.rules.newest_is_kept {
            return;
        }
        state.went_back |= receiver.slots[slot].is_some_and(|held| key < held);
        receiver.slots[slot] = Some(key);
        if self.rules.one_mark {
            receiver.mark = receiver.mark.max(key.0);
        }
    }

    /// A frame comes, and its tag is right or not.
    fn open(&self, state: &mut State, to: usize, key: Key, right: bool) {
        let slot = self.slot(key);
        let Some(held) = &mut state.receivers[to].slots[slot] else { return };
        // Which generation it is of the frame does not say: it names the slot.
        let opens = right && held.0 == key.0;
        if key.1 > held.1 && (opens || !self.rules.tag_first) {
            held.1 = key.1;
        }
    }
}

impl Model for Pairwise {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let mut state = State {
            current: Key(0, 0),
            pending: None,
            ratchet_due: false,
            roster: 1 << STAYS | 1 << DEVICE,
            grace: 0,
            waits: 0,
            came: 1 << STAYS | 1 << DEVICE,
            known: [[NOTHING; MAX_GENERATIONS]; PEOPLE],
            sent: [0; IDENTITIES],
            sealed: 0,
            outsiders: [[0; MAX_STEPS]; MAX_GENERATIONS],
            receivers: Default::default(),
            went_back: false,
        };
        for who in [STAYS, DEVICE] {
            state.send(who, Key(0, 0), self.followed);
            if self.followed.contains(&who) {
                self.deliver(&mut state, who, Key(0, 0));
            }
        }
        vec![state]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        actions.extend((0..IDENTITIES).filter(|who| state.came & (1 << who) == 0).map(Action::Join));
        for who in (0..IDENTITIES).filter(|who| state.within(*who)) {
            if self.followed.contains(&who) {
                actions.push(Action::Resend(who));
            }
            if who != STAYS {
                actions.extend([Action::Leave(who), Action::ThrowOut(who)]);
            }
        }
        actions.extend([Action::Rotate, Action::Switch, Action::RatchetNow, Action::Seal, Action::Announce]);
        for who in self.followed {
            for key in self.keys() {
                if state.sent[*who] & bit(key) != 0 {
                    actions.push(Action::Deliver(*who, key));
                }
                if state.sealed & bit(key) != 0 {
                    actions.push(Action::Open(*who, key));
                }
                if !self.rules.tag_first {
                    actions.push(Action::Forge(*who, key));
                }
            }
        }
    }

    fn next_state(&self, before: &State, action: Action) -> Option<State> {
        let mut state = before.clone();
        match action {
            Action::Join(who) => self.join(&mut state, who)?,
            Action::Leave(who) => self.leave(&mut state, who, false)?,
            Action::ThrowOut(who) => self.leave(&mut state, who, true)?,
            Action::Rotate => self.rotate(&mut state)?,
            Action::Switch => state.switch(),
            Action::RatchetNow => {
                if std::mem::take(&mut state.ratchet_due) {
                    state.current.1 += 1;
                    (state.current.1 < self.steps).then_some(())?;
                }
            }
            Action::Resend(who) => {
                if state.waits & (1 << who) == 0 || !self.rules.asked_again_is_same {
                    state.send(who, state.current, self.followed);
                }
                if let Some(pending) = state.pending {
                    state.send(who, Key(pending, 0), self.followed);
                }
            }
            Action::Seal => {
                let Key(generation, step) = state.current;
                state.sealed |= bit(state.current);
                if self.follows_secrets() {
                    state.outsiders[usize::from(generation)][usize::from(step)] |=
                        ((1 << PEOPLE) - 1) & !people(state.roster | state.grace);
                }
            }
            Action::Announce => {
                if !self.rules.proven_only {
                    state.learn(GHOST, state.current);
                }
            }
            Action::Deliver(to, key) => self.deliver(&mut state, to, key),
            Action::Open(to, key) => self.open(&mut state, to, key, true),
            Action::Forge(to, key) => self.open(&mut state, to, key, false),
        }
        (state != *before).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always(SLOT, |_, state: &State| !state.went_back),
            Property::always(USABLE, |model: &Self, state: &State| {
                model.followed.iter().all(|who| {
                    let delivered = state.receivers[*who].delivered & (1 << state.current.0) != 0;
                    !state.within(*who) || !delivered || model.hears(state, *who)
                })
            }),
            Property::sometimes("the key ring comes round", |model: &Self, state: &State| {
                state.current.0 >= model.rules.slots.min(model.generations - 1)
            }),
        ];
        if self.follows_secrets() {
            properties.push(Property::always(SECRET, |model: &Self, state: &State| {
                model.keys().all(|key| {
                    let outsiders = state.outsiders[usize::from(key.0)][usize::from(key.1)];
                    !state.is_known(outsiders, key)
                })
            }));
        }
        if self.followed.contains(&STAYS) {
            properties.push(Property::sometimes("a fresh key is heard", |model: &Self, state: &State| {
                state.current.0 > 0 && model.hears(state, STAYS)
            }));
        }
        if self.followed.contains(&LATE) {
            properties.push(Property::sometimes("who joins hears", |model: &Self, state: &State| {
                model.hears(state, LATE)
            }));
        }
        if self.followed.contains(&RETURNS) {
            properties.push(Property::sometimes("who comes back hears", |model: &Self, state: &State| {
                model.hears(state, RETURNS) && !state.within(DEVICE)
            }));
        }
        properties
    }
}
