//! One member of one call: who is in it, and which keys are used. Bytes and times in, wishes out.
//!
//! ```text
//!            Head(empty)                     own entry out of the log
//!   New ───────────────────▶ Entering ──────────────────────────────────────▶ Member ──▶ Over
//!    │ Head                    ▲  │ another came first                          ▲         │
//!    ▼                         │  ▼                                             │         │
//!   Knocking ── nobody lets in ── Deciding ───── let in: the welcome ───────────┘         │
//!    ▲                                                     Rejoin                         │
//!    └────────────────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! Whoever carries the messages gives an order to entries and nothing else. What no member may follow, all skip alike. A
//! member that misses an entry reads the log from its position on; one that is shown another log than the others learns
//! of it from what they sign, stops, and says so.
mod code;
mod compare;
mod compared;
mod entry;
mod few;
mod log;
mod message;
mod owners;
mod people;
mod types;
mod wishes;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use e2ee_core::{Epoch, Millis};

use crate::mls::{
    Change, CredentialPolicy, Group, Identity, Joiner, MlsError, RoomPolicy, SEED_LEN, Suite, Trust,
    Welcomed, Wish,
};
use code::code_of;
pub use entry::MAX_ENTRY_LEN;
use few::Few;
pub use message::MAX_MESSAGE_LEN;
use message::Sight;
pub use owners::Owners;
pub use types::{Event, Input, Output, Position, Question, SessionError, Why};
use wishes::Wants;

/// How long one waits to be let in before one enters alone, milliseconds.
pub const KNOCK_MS: u64 = 1500;
/// How long one waits in the lobby before one knocks again, milliseconds.
pub const KNOCK_AGAIN_MS: u64 = 5000;
/// How long changes are collected into one commit, milliseconds.
pub const BATCH_MS: u64 = 200;
/// How much longer each further member waits, so that one commits and the others need not, milliseconds.
pub const BACKOFF_MS: u64 = 1000;
/// How long after a new epoch one seals with the old keys still, at most, milliseconds: until all say that they have read
/// it.
pub const SEAL_AFTER_MS: u64 = 2000;
/// The same for who has no old keys to seal with, and for all in groups where not everybody says so.
pub const FIRST_SEAL_AFTER_MS: u64 = 300;
/// How long after a new epoch the old keys open, milliseconds.
pub const FORGET_AFTER_MS: u64 = 10_000;
/// How long somebody may be in the group and not on the transport, milliseconds.
pub const ABSENT_MS: u64 = 10_000;

/// How many entries of the log a member keeps, to give them back when it lost them.
const KEPT: usize = 8;
/// How many sights are kept, to compare with what others saw.
const SIGHTS: usize = 64;
/// So many members, in the tree's order, say what they see at each epoch; whoever newly joined does too.
const WITNESSES: usize = 16;
/// How often dropped bytes are told of, milliseconds.
const DROPPED_EVERY_MS: u64 = 1000;

enum Stage {
    New(Box<Joiner>),
    /// Waits to be let in into the group that stood in the log.
    Knocking {
        joiner: Box<Joiner>,
        until: Millis,
        info: Option<Vec<u8>>,
    },
    /// Waits for the verdict on those who are there.
    Deciding,
    /// An own commit, by which this member founds or enters, waits for the log.
    Entering(Box<Group>),
    Member(Box<Group>),
    /// With what is needed to come again, where that may help.
    Over(Option<Box<Joiner>>),
}

enum Asked {
    Welcome(Box<Welcomed>),
    Entry { joiner: Box<Joiner>, info: Vec<u8> },
    Change(Change),
    Add { package: Vec<u8> },
}

/// See the module's comment.
pub struct Session {
    room: Vec<u8>,
    /// What a room that this member founds agrees on.
    policy: RoomPolicy,
    stage: Stage,
    asked: BTreeMap<Question, (Asked, Vec<Identity>)>,
    questions: u32,
    /// Verdicts given.
    known: BTreeMap<Identity, Trust>,
    wants: Wants,
    log: log::Reader,
    /// What this member saw at the last positions.
    sights: VecDeque<Sight>,
    /// What others said last that they see, by their key.
    heard: Few<Vec<u8>, (Identity, Sight)>,
    /// Who is on the transport, where it says so.
    present: Option<BTreeSet<String>>,
    absent: Few<Vec<u8>, Millis>,
    /// Who knocked while this member did: its key, and when last.
    waiting: Few<String, (Vec<u8>, Millis)>,
    outside: Vec<String>,
    comparison: Option<compare::Comparison>,
    compared: compared::Compared,
    told_policy: Option<RoomPolicy>,
    told_sight: Option<Millis>,
    /// When what is seen is told again: somebody may believe to be in.
    tell_at: Option<Millis>,
    refreshed: Option<Millis>,
    hushed: bool,
    commit_at: Option<Millis>,
    seal_at: Option<Millis>,
    /// When the newest epoch began here.
    entered_at: Millis,
    forget: VecDeque<(Millis, Epoch)>,
    /// The log has a group of another suite, or what looks like one.
    other_suite: bool,
    dropped: u32,
    dropped_told: Option<Millis>,
    woken: Option<Millis>,
    now: Millis,
    out: VecDeque<Output>,
}

/// The verdicts that the application gave; who was not asked for is refused.
struct Given<'a>(&'a BTreeMap<Identity, Trust>);

impl CredentialPolicy for Given<'_> {
    fn trust(&self, who: &Identity) -> Trust {
        self.0.get(who).copied().unwrap_or(Trust::Refused)
    }
}

impl Session {
    /// A session of the participant with this id on the transport in `room`. Everything random comes from `seed`, which
    /// is used once. `policy` is for the case that this member founds the room.
    ///
    /// # Errors
    /// [`SessionError::Mls`] for a bad id.
    pub fn new(
        room: &[u8],
        participant: &str,
        policy: RoomPolicy,
        seed: &[u8; SEED_LEN],
    ) -> Result<Self, SessionError> {
        Self::with_suite(room, participant, policy, Suite::Classic, seed)
    }

    /// The same, of a suite other than [`Suite::Classic`]: that of the room if this member founds it, and the only one
    /// that it can be in.
    ///
    /// # Errors
    /// [`SessionError::Mls`] for a bad id, or for a suite that this build does not speak.
    pub fn with_suite(
        room: &[u8],
        participant: &str,
        policy: RoomPolicy,
        suite: Suite,
        seed: &[u8; SEED_LEN],
    ) -> Result<Self, SessionError> {
        let joiner = Joiner::with_suite(participant, seed, suite)?;
        Ok(Self {
            room: room.to_vec(),
            policy,
            stage: Stage::New(Box::new(joiner)),
            asked: BTreeMap::new(),
            questions: 0,
            known: BTreeMap::new(),
            wants: Wants::default(),
            log: log::Reader::default(),
            sights: VecDeque::new(),
            heard: Few::new(),
            present: None,
            absent: Few::new(),
            waiting: Few::new(),
            outside: Vec::new(),
            comparison: None,
            compared: compared::Compared::default(),
            told_policy: None,
            told_sight: None,
            tell_at: None,
            refreshed: None,
            hushed: true,
            commit_at: None,
            seal_at: None,
            entered_at: Millis(0),
            forget: VecDeque::new(),
            other_suite: false,
            dropped: 0,
            dropped_told: None,
            woken: None,
            now: Millis(0),
            out: VecDeque::new(),
        })
    }

    /// How this participant is shown, and what proves it. A proof commits to [`Session::identity`]'s key.
    ///
    /// # Errors
    /// [`SessionError::WrongState`] after the beginning; [`SessionError::Mls`] for a name or proof that is too long or
    /// misleads.
    pub fn introduce(&mut self, name: &str, proof: &[u8]) -> Result<(), SessionError> {
        let Stage::New(joiner) = &mut self.stage else { return Err(SessionError::WrongState) };
        Ok(joiner.introduce(name, proof)?)
    }

    /// The secret of the room, from outside: 16 to 256 bytes that cannot be guessed. A room that this member founds is
    /// entered by nobody without it; the keys of every epoch come from it too.
    ///
    /// # Errors
    /// [`SessionError::WrongState`] after the beginning; [`SessionError::Mls`] for another length.
    pub fn share_secret(&mut self, secret: &[u8]) -> Result<(), SessionError> {
        let Stage::New(joiner) = &mut self.stage else { return Err(SessionError::WrongState) };
        joiner.share_secret(secret)?;
        self.policy.secret = joiner.name_secret()?;
        Ok(())
    }

    /// Who this is, until it is in the group; then it stands there.
    #[must_use]
    pub fn identity(&self) -> Option<&Identity> {
        match &self.stage {
            Stage::New(joiner) | Stage::Knocking { joiner, .. } => Some(joiner.identity()),
            Stage::Entering(group) | Stage::Member(group) => Some(group.identity()),
            Stage::Over(joiner) => joiner.as_ref().map(|joiner| joiner.identity()),
            Stage::Deciding => None,
        }
    }

    /// The next thing to be done; `None`: all is done.
    pub fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// The group, while this member is in it.
    #[must_use]
    pub fn group(&self) -> Option<&Group> {
        match &self.stage {
            Stage::Member(group) => Some(group),
            _ => None,
        }
    }

    /// The last entry of the log that was handled.
    #[must_use]
    pub fn position(&self) -> Position {
        self.log.position()
    }

    /// Takes what happened. `now` must not go back.
    ///
    /// # Errors
    /// [`SessionError`]; of the input nothing was taken. Deadlines are met all the same, so outputs may wait.
    pub fn handle(&mut self, input: Input<'_>, now: Millis) -> Result<(), SessionError> {
        self.now = now;
        // Deadlines are met whatever came.
        let done = self.take(input).and(self.timers());
        if matches!(self.stage, Stage::Over(_)) {
            self.hush();
        }
        self.wake();
        done
    }

    fn take(&mut self, input: Input<'_>) -> Result<(), SessionError> {
        match input {
            Input::Head { position, entry } => self.head(position, entry)?,
            Input::Log { position, entry } => self.entry(position, entry)?,
            Input::Conflict { expect } => self.conflict(expect),
            Input::TooOld { oldest } => self.too_old(oldest),
            Input::Knock(package) => self.knock(package),
            Input::Message(bytes) => self.message(bytes),
            Input::Gone(participant) => self.gone(participant),
            Input::Participants(present) => self.participants(present),
            Input::Remove(who) => self.unwanted(who, true),
            Input::Rotate => self.wish(|wants| wants.rotate = true),
            Input::Policy(policy) => self.wish_policy(policy),
            Input::Compare => self.compare_emoji()?,
            Input::Same(epoch) => self.same(epoch)?,
            Input::Leave => self.leave(),
            Input::Rejoin { position, entry } => self.rejoin(position, entry)?,
            Input::Verdict(question, verdicts) => self.verdict(question, verdicts)?,
            Input::Wake => self.woken = None,
        }
        Ok(())
    }

    /// An entry that founds the room, behind whatever the log ends with.
    fn found(&mut self, joiner: Joiner) -> Result<(), SessionError> {
        self.known.insert(joiner.identity().clone(), Trust::Verified);
        let mut group = joiner.found(&self.room, &self.policy)?;
        let proposed =
            group.propose(&Wish::default(), &Given(&self.known))?.map_err(|_| MlsError::Refused)?;
        self.append(self.log.position(), entry::write(&proposed));
        self.stage = Stage::Entering(Box::new(group));
        Ok(())
    }

    fn knocking(&mut self, joiner: Box<Joiner>, info: Option<Vec<u8>>) -> Result<(), SessionError> {
        self.known.insert(joiner.identity().clone(), Trust::Verified);
        let package = joiner.key_package();
        self.stage = Stage::Knocking { joiner, until: Millis(self.now.0 + KNOCK_MS), info };
        self.out.push_back(Output::Knock(package?));
        Ok(())
    }

    /// Asks for a verdict on those whom none was given on; acts at once where there is nobody of the kind.
    fn ask(&mut self, why: Why, asked: Asked, who: Vec<Identity>) -> Result<(), SessionError> {
        let open: Vec<_> = who.into_iter().filter(|who| !self.known.contains_key(who)).collect();
        if open.is_empty() {
            return self.decided(asked);
        }
        self.questions = self.questions.wrapping_add(1);
        let question = Question(self.questions);
        self.asked.insert(question, (asked, open.clone()));
        self.out.push_back(Output::Decide { question, why, who: open });
        Ok(())
    }

    fn verdict(&mut self, question: Question, verdicts: &[Trust]) -> Result<(), SessionError> {
        match self.asked.get(&question) {
            Some((_, who)) if who.len() == verdicts.len() => {}
            _ => return Err(SessionError::NoSuchQuestion),
        }
        let Some((asked, who)) = self.asked.remove(&question) else {
            return Err(SessionError::NoSuchQuestion);
        };
        self.known.extend(who.into_iter().zip(verdicts.iter().copied()));
        self.decided(asked)?;
        self.catch_up()
    }

    fn decided(&mut self, asked: Asked) -> Result<(), SessionError> {
        match asked {
            Asked::Welcome(welcomed) => match welcomed.judge(&Given(&self.known)) {
                Ok(judged) => {
                    self.stage = Stage::Member(Box::new(judged.enter()?));
                    self.joined();
                }
                Err(refusal) => self.end(Event::Refused(refusal.refused()), None),
            },
            Asked::Entry { joiner, info } => match joiner.enter(&self.room, &info, &Given(&self.known)) {
                Ok((group, proposed)) => {
                    self.stage = Stage::Entering(Box::new(group));
                    // The one that its group was read from: what came since is not in it.
                    self.append(self.log.position(), entry::write(&proposed));
                }
                Err((_, MlsError::NoSecret)) => self.end(Event::NoSecret, None),
                Err((joiner, _)) => {
                    let who = joiner.read_group(&self.room, &info).map(|(who, _)| who).unwrap_or_default();
                    let refused = |who: &Identity| Given(&self.known).trust(who) == Trust::Refused;
                    let refused: Vec<_> = who.into_iter().filter(refused).collect();
                    if refused.is_empty() {
                        self.knocking(Box::new(joiner), None)?;
                    } else {
                        self.end(Event::Refused(refused), None);
                    }
                }
            },
            Asked::Change(change) => {
                let Stage::Member(group) = &mut self.stage else { return Ok(()) };
                let (out, at_once) = (change.leaving().to_vec(), change.at_once());
                let judged = change.judge(&Given(&self.known)).unwrap_or_else(|refusal| {
                    self.out.push_back(Output::Event(Event::Barred(refusal.refused())));
                    refusal.follow()
                });
                if group.expects().is_some() {
                    group.abort()?;
                    self.log.void();
                }
                if group.merge(judged)? {
                    self.entered(false, at_once, &out);
                } else {
                    self.end(Event::Removed, None);
                }
            }
            Asked::Add { package } => {
                let Stage::Member(group) = &self.stage else { return Ok(()) };
                let who = group.read_key_package(&package)?;
                if Given(&self.known).trust(&who) != Trust::Refused {
                    self.wants.add.push((who, package));
                    self.schedule(BATCH_MS);
                }
            }
        }
        Ok(())
    }

    fn joined(&mut self) {
        self.other_suite = false;
        self.out.push_back(Output::Event(Event::Joined));
        self.entered(true, false, &[]);
    }

    /// The group is in a new epoch, without who had the leaves `out`.
    fn entered(&mut self, first: bool, at_once: bool, out: &[u32]) {
        let Stage::Member(group) = &self.stage else { return };
        let (Ok(members), Ok(policy), Ok(secret)) = (group.members(), group.policy(), group.base_key())
        else {
            return;
        };
        let epoch = group.epoch();
        let sight = Sight::of(group, self.log.position());
        if self.told_policy != Some(policy) {
            self.told_policy = Some(policy);
            self.out.push_back(Output::Policy(policy));
        }
        let keys = members.iter().map(|member| member.identity.key.as_slice());
        let code = code_of(group.authenticator(), keys);
        let barred = members.iter().filter(|member| member.trust == Trust::Refused);
        let barred: Vec<_> = barred.map(|member| member.identity.clone()).collect();
        let off = policy.mode == crate::mls::Mode::Off;
        // Who comes under an id that is in the group already is that participant come again; what it was before is out.
        let me = group.identity();
        let before = members.iter().map(|member| &member.identity);
        let before = before.filter(|who| first && who.participant == me.participant && who.key != me.key);
        let before: Vec<_> = before.cloned().collect();
        if off || !barred.is_empty() {
            self.hush();
        } else {
            let delay = if first {
                FIRST_SEAL_AFTER_MS
            } else if at_once || self.hushed {
                0
            } else {
                SEAL_AFTER_MS
            };
            self.seal_at = Some(Millis(self.now.0 + delay));
            self.entered_at = self.now;
        }
        if !first {
            self.forget.push_back((Millis(self.now.0 + FORGET_AFTER_MS), Epoch(epoch.0.saturating_sub(1))));
        }
        if at_once {
            self.out.extend(out.iter().map(|index| Output::Bar { before: epoch, index: *index }));
        }
        self.heard.retain(|key, _| members.iter().any(|member| member.identity.key == *key));
        self.settle_wishes(&members);
        self.came(epoch, first, &members);
        if !off {
            self.out.push_back(Output::Open { epoch, secret, members });
        }
        self.comparison = None;
        self.out.push_back(Output::Code(code));
        for who in barred.iter().chain(&before) {
            self.unwanted(who, true);
        }
        self.tell_sight(first);
        self.tell_outside();
        self.saw(sight);
        self.seal_when_all_have_read();
    }

    fn hush(&mut self) {
        self.seal_at = None;
        if !self.hushed {
            self.hushed = true;
            self.out.push_back(Output::Hush);
        }
    }

    fn timers(&mut self) -> Result<(), SessionError> {
        let now = self.now;
        if matches!(&self.stage, Stage::Knocking { until, .. } if *until <= now) {
            self.knocked_long_enough()?;
        }
        self.remove_absent();
        if self.tell_at.is_some_and(|at| at <= now) {
            self.tell_sight(false);
        }
        if self.commit_at.is_some_and(|at| at <= now) {
            self.commit_at = None;
            self.commit()?;
        }
        if self.seal_at.is_some_and(|at| at <= now) {
            self.seal_at = None;
            if let Stage::Member(group) = &self.stage {
                self.hushed = false;
                self.out.push_back(Output::SealWith { epoch: group.epoch(), index: group.index() });
            }
        }
        while self.forget.front().is_some_and(|(at, _)| *at <= now) {
            if let Some((_, epoch)) = self.forget.pop_front() {
                self.out.push_back(Output::Forget(epoch));
            }
        }
        Ok(())
    }

    /// Nobody let this one in: it enters by itself, where it may.
    fn knocked_long_enough(&mut self) -> Result<(), SessionError> {
        let stage = std::mem::replace(&mut self.stage, Stage::Over(None));
        let Stage::Knocking { joiner, info, .. } = stage else {
            self.stage = stage;
            return Ok(());
        };
        let Some(info) = info else { return self.look_back(joiner) };
        match joiner.read_group(&self.room, &info) {
            Ok((who, policy)) => {
                let was_in = who.contains(joiner.identity());
                if policy.admit == crate::mls::Admit::Members && !was_in {
                    if self.nobody_there(&who, joiner.identity()) {
                        return self.found(*joiner);
                    }
                    let package = joiner.key_package();
                    self.stage = Stage::Knocking {
                        joiner,
                        until: Millis(self.now.0 + KNOCK_AGAIN_MS),
                        info: Some(info),
                    };
                    self.out.push_back(Output::Event(Event::Waiting));
                    self.out.push_back(Output::Knock(package?));
                    return Ok(());
                }
                self.stage = Stage::Deciding;
                self.ask(Why::Inside, Asked::Entry { joiner, info }, who)
            }
            Err(error) => {
                self.other_suite |= error == MlsError::OtherSuite;
                self.drop_bytes(error);
                self.look_back(joiner)
            }
        }
    }

    /// The log ends with nothing that can be entered: an entry before it may bring a group. Where none does, and nobody lets
    /// this one in, there is none.
    fn look_back(&mut self, joiner: Box<Joiner>) -> Result<(), SessionError> {
        let Some(after) = self.log.look_back() else {
            if self.other_suite {
                self.end(Event::OtherSuite, None);
                return Ok(());
            }
            return self.found(*joiner);
        };
        self.stage = Stage::Knocking { joiner, until: Millis(self.now.0 + KNOCK_MS), info: None };
        self.out.push_back(Output::Read { after });
        Ok(())
    }

    /// Errors are told once a second, and counted.
    fn drop_bytes(&mut self, error: MlsError) {
        self.dropped = self.dropped.saturating_add(1);
        if self.dropped_told.is_none_or(|told| told.0 + DROPPED_EVERY_MS <= self.now.0) {
            self.dropped_told = Some(self.now);
            self.out.push_back(Output::Event(Event::Dropped(error, std::mem::take(&mut self.dropped))));
        }
    }

    /// Ends the session; with the joiner, where coming again may help.
    fn end(&mut self, event: Event, joiner: Option<Box<Joiner>>) {
        self.hush();
        self.stage = Stage::Over(joiner);
        let open = std::mem::take(&mut self.asked);
        self.out.extend(open.into_keys().map(Output::Withdraw));
        self.wants = Wants::default();
        self.log = log::Reader::default();
        self.sights.clear();
        self.heard = Few::new();
        self.absent = Few::new();
        // Another group may have epochs of the same numbers.
        self.forget.clear();
        self.comparison = None;
        (self.commit_at, self.tell_at) = (None, None);
        self.out.push_back(Output::Event(event));
    }

    fn wake(&mut self) {
        let knock = match &self.stage {
            Stage::Knocking { until, .. } => Some(*until),
            _ => None,
        };
        let forget = self.forget.front().map(|(at, _)| *at);
        let absent = self.absent.iter().map(|(_, at)| *at).min();
        let times = [knock, self.commit_at, self.seal_at, self.tell_at, forget, absent];
        let Some(next) = times.into_iter().flatten().min() else {
            return;
        };
        if self.woken.is_none_or(|set| next < set) {
            self.woken = Some(next);
            self.out.push_back(Output::WakeAt(next));
        }
    }
}
