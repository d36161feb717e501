//! One member of one call: who is in it, and which keys are used. Bytes and times in, wishes out.
//!
//! ```text
//!            Head(none)                      own entry out of the log
//!   New ───────────────────▶ Entering ──────────────────────────────────────▶ Member ──▶ Over
//!    │ Head(some)              ▲  │ another came first                          ▲
//!    ▼                         │  ▼                                             │
//!   Knocking ── nobody lets in ── Deciding ───── let in: the welcome ───────────┘
//! ```
//!
//! Whoever carries the messages gives an order to commits and nothing else. A member that misses an entry reads the log
//! from its epoch on; one that is shown another log than the others ends up alone, and says so when it hears of it.
mod entry;
mod types;

use std::collections::{BTreeMap, VecDeque};

use e2ee_core::{Epoch, Millis};
use sha2::{Digest as _, Sha256};

use crate::mls::{Change, CredentialPolicy, Group, Identity, Joiner, MlsError, SEED_LEN, Trust, Welcomed};
pub use entry::MAX_ENTRY_LEN;
pub use types::{Event, Input, Output, Question, SessionError};

/// How long one waits to be let in before one enters alone, milliseconds.
pub const KNOCK_MS: u64 = 1500;
/// How long changes are collected into one commit, milliseconds.
pub const BATCH_MS: u64 = 200;
/// How much longer each further member waits, so that one commits and the others need not, milliseconds.
pub const BACKOFF_MS: u64 = 1000;
/// How long after a new epoch one seals with the old keys still, milliseconds: others may not have read it.
pub const SEAL_AFTER_MS: u64 = 300;
/// How long after a new epoch the old keys open, milliseconds.
pub const FORGET_AFTER_MS: u64 = 10_000;

/// How many that are gone are remembered.
const MAX_GONE: usize = 4096;

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
    Over,
}

enum Asked {
    Welcome(Box<Welcomed>),
    Entry { joiner: Box<Joiner>, info: Vec<u8> },
    Change(Change),
    Add { package: Vec<u8> },
}

/// What the next commit is for.
#[derive(Default)]
struct Wants {
    add: Vec<(Identity, Vec<u8>)>,
    /// Who is out, or has to be: an identity that is gone does not come back.
    remove: VecDeque<Identity>,
    rotate: bool,
    /// Seal with the new keys at once.
    forced: bool,
}

/// See the module's comment.
pub struct Session {
    room: Vec<u8>,
    stage: Stage,
    asked: BTreeMap<Question, (Asked, Vec<Identity>)>,
    questions: u32,
    /// Verdicts given.
    known: Vec<(Identity, Trust)>,
    wants: Wants,
    /// Entries behind one that waits for a verdict.
    backlog: VecDeque<(Epoch, Vec<u8>)>,
    commit_at: Option<Millis>,
    seal_at: Option<Millis>,
    forget: VecDeque<(Millis, Epoch)>,
    woken: Option<Millis>,
    out: VecDeque<Output>,
}

/// The verdicts that the application gave; who was not asked for is refused.
struct Given<'a>(&'a [(Identity, Trust)]);

impl CredentialPolicy for Given<'_> {
    fn trust(&self, who: &Identity) -> Trust {
        self.0.iter().rev().find(|(known, _)| known == who).map_or(Trust::Refused, |(_, trust)| *trust)
    }
}

impl Session {
    /// A session of somebody called `name` in `room`. Everything random comes from `seed`, which is used once.
    ///
    /// # Errors
    /// [`SessionError::Mls`] for a bad name.
    pub fn new(room: &[u8], name: &str, seed: &[u8; SEED_LEN]) -> Result<Self, SessionError> {
        let joiner = Joiner::new(name, seed)?;
        let known = vec![(joiner.identity().clone(), Trust::Verified)];
        Ok(Self {
            room: room.to_vec(),
            stage: Stage::New(Box::new(joiner)),
            asked: BTreeMap::new(),
            questions: 0,
            known,
            wants: Wants::default(),
            backlog: VecDeque::new(),
            commit_at: None,
            seal_at: None,
            forget: VecDeque::new(),
            woken: None,
            out: VecDeque::new(),
        })
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

    /// Takes what happened. `now` must not go back.
    ///
    /// # Errors
    /// [`SessionError`]; nothing changed.
    pub fn handle(&mut self, input: Input<'_>, now: Millis) -> Result<(), SessionError> {
        match input {
            Input::Head(head) => self.begin(head, now)?,
            Input::Log(epoch, entry) => self.log(epoch, entry, now)?,
            Input::Conflict(expect) => self.conflict(expect, now),
            Input::Knock(package) => self.knock(package)?,
            Input::Gone(who) => self.unwanted(who, false, now),
            Input::Remove(who) => self.unwanted(who, true, now),
            Input::Rotate => {
                self.wants.rotate = true;
                self.schedule(now, 0);
            }
            Input::Heard(epoch, authenticator) => self.heard(epoch, authenticator),
            Input::Verdict(question, verdicts) => self.verdict(question, verdicts, now)?,
            Input::Wake => self.woken = None,
        }
        self.timers(now)?;
        self.wake();
        Ok(())
    }

    fn begin(&mut self, head: Option<(Epoch, &[u8])>, now: Millis) -> Result<(), SessionError> {
        let joiner = match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::New(joiner) => joiner,
            other => {
                self.stage = other;
                return Err(SessionError::WrongState);
            }
        };
        match head {
            None => self.found(*joiner),
            Some((_, bytes)) => {
                let info = entry::read(bytes).map(|entry| entry.group_info.to_vec());
                self.knocking(joiner, info, now)
            }
        }
    }

    fn found(&mut self, joiner: Joiner) -> Result<(), SessionError> {
        let mut group = joiner.found(&self.room)?;
        let proposed = group.propose(&[], &[], &Given(&self.known))?.map_err(|_| MlsError::Refused)?;
        self.out.push_back(Output::Append { expect: Epoch(0), entry: entry::write(&proposed) });
        self.stage = Stage::Entering(Box::new(group));
        Ok(())
    }

    fn knocking(
        &mut self,
        joiner: Box<Joiner>,
        info: Option<Vec<u8>>,
        now: Millis,
    ) -> Result<(), SessionError> {
        let package = joiner.key_package();
        self.stage = Stage::Knocking { joiner, until: Millis(now.0 + KNOCK_MS), info };
        self.out.push_back(Output::Knock(package?));
        Ok(())
    }

    fn log(&mut self, epoch: Epoch, bytes: &[u8], now: Millis) -> Result<(), SessionError> {
        let Some(read) = entry::read(bytes) else {
            self.dropped(MlsError::Malformed);
            return Ok(());
        };
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Knocking { joiner, until, .. } => {
                let info = Some(read.group_info.to_vec());
                let Some(welcome) = read.welcome else {
                    self.stage = Stage::Knocking { joiner, until, info };
                    return Ok(());
                };
                match joiner.read_welcome(&self.room, welcome) {
                    Ok(welcomed) => {
                        let who = welcomed.members().to_vec();
                        self.stage = Stage::Deciding;
                        self.ask(Asked::Welcome(Box::new(welcomed)), who, now)
                    }
                    // A letter for somebody else.
                    Err((joiner, _)) => {
                        self.stage = Stage::Knocking { joiner: Box::new(joiner), until, info };
                        Ok(())
                    }
                }
            }
            Stage::Entering(mut group) => match group.read(read.commit) {
                Err(MlsError::OwnCommit) => {
                    group.confirm()?;
                    self.stage = Stage::Member(group);
                    self.out.push_back(Output::Event(Event::Joined));
                    self.entered(now, true);
                    self.catch_up(now)
                }
                _ => self.knocking(Box::new(group.into_joiner()), Some(read.group_info.to_vec()), now),
            },
            Stage::Member(group) => {
                self.stage = Stage::Member(group);
                self.backlog.push_back((epoch, bytes.to_vec()));
                self.catch_up(now)
            }
            Stage::Deciding => {
                self.stage = Stage::Deciding;
                self.backlog.push_back((epoch, bytes.to_vec()));
                Ok(())
            }
            other => {
                self.stage = other;
                Err(SessionError::WrongState)
            }
        }
    }

    /// Reads on in the log until it ends or somebody must decide.
    fn catch_up(&mut self, now: Millis) -> Result<(), SessionError> {
        while !self.asked.values().any(|(asked, _)| matches!(asked, Asked::Change(_))) {
            let Stage::Member(group) = &mut self.stage else { return Ok(()) };
            let Some((epoch, bytes)) = self.backlog.pop_front() else { return Ok(()) };
            if epoch <= group.epoch() {
                continue;
            }
            let Some(read) = entry::read(&bytes) else { continue };
            match group.read(read.commit) {
                Err(MlsError::OwnCommit) => {
                    group.confirm()?;
                    self.entered(now, false);
                }
                Ok(change) => {
                    let who = change.entering().to_vec();
                    self.ask(Asked::Change(change), who, now)?;
                }
                Err(error) => self.dropped(error),
            }
        }
        Ok(())
    }

    fn conflict(&mut self, expect: Epoch, now: Millis) {
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Entering(group) if group.expects() == Some(expect) => {
                // The entry that came first brings the group; it may have come while somebody decided.
                let joiner = Box::new(group.into_joiner());
                let newest = self.backlog.drain(..).next_back();
                let info = newest.and_then(|(_, bytes)| Some(entry::read(&bytes)?.group_info.to_vec()));
                self.stage = Stage::Knocking { joiner, until: Millis(now.0 + KNOCK_MS), info };
            }
            // Of an earlier commit that is void already, the answer may come when another one waits.
            Stage::Member(mut group) if group.expects() == Some(expect) => {
                let _ = group.abort();
                self.stage = Stage::Member(group);
                self.schedule(now, BATCH_MS);
            }
            other => self.stage = other,
        }
    }

    fn knock(&mut self, package: &[u8]) -> Result<(), SessionError> {
        let Stage::Member(group) = &self.stage else { return Ok(()) };
        let who = match group.read_key_package(package) {
            Ok(who) => who,
            Err(error) => {
                self.dropped(error);
                return Ok(());
            }
        };
        if self.wants.remove.contains(&who) {
            return Ok(());
        }
        let again =
            |(asked, of): &(Asked, Vec<Identity>)| matches!(asked, Asked::Add { .. }) && of.contains(&who);
        if self.asked.values().any(again) || self.wants.add.iter().any(|(wanted, _)| *wanted == who) {
            return Ok(());
        }
        let question = self.question();
        self.asked.insert(question, (Asked::Add { package: package.to_vec() }, vec![who.clone()]));
        self.out.push_back(Output::Decide { question, who: vec![who] });
        Ok(())
    }

    fn unwanted(&mut self, who: &Identity, forced: bool, now: Millis) {
        if !self.wants.remove.contains(who) {
            self.wants.remove.push_back(who.clone());
            if self.wants.remove.len() > MAX_GONE {
                self.wants.remove.pop_front();
            }
        }
        self.wants.forced |= forced;
        self.schedule(now, if forced { 0 } else { BATCH_MS });
    }

    fn heard(&mut self, epoch: Epoch, authenticator: &[u8]) {
        let Stage::Member(group) = &self.stage else { return };
        if group.epoch() == epoch && group.authenticator() != authenticator {
            self.end(Event::Fork);
        }
    }

    fn question(&mut self) -> Question {
        self.questions = self.questions.wrapping_add(1);
        Question(self.questions)
    }

    /// Asks for a verdict on those whom none was given on; acts at once where there is nobody of the kind.
    fn ask(&mut self, asked: Asked, who: Vec<Identity>, now: Millis) -> Result<(), SessionError> {
        let open: Vec<_> =
            who.into_iter().filter(|who| !self.known.iter().any(|(known, _)| known == who)).collect();
        if open.is_empty() {
            return self.decided(asked, now);
        }
        let question = self.question();
        self.asked.insert(question, (asked, open.clone()));
        self.out.push_back(Output::Decide { question, who: open });
        Ok(())
    }

    fn verdict(&mut self, question: Question, verdicts: &[Trust], now: Millis) -> Result<(), SessionError> {
        match self.asked.get(&question) {
            Some((_, who)) if who.len() == verdicts.len() => {}
            _ => return Err(SessionError::NoSuchQuestion),
        }
        let Some((asked, who)) = self.asked.remove(&question) else {
            return Err(SessionError::NoSuchQuestion);
        };
        self.known.extend(who.into_iter().zip(verdicts.iter().copied()));
        self.decided(asked, now)
    }

    fn decided(&mut self, asked: Asked, now: Millis) -> Result<(), SessionError> {
        match asked {
            Asked::Welcome(welcomed) => match welcomed.judge(&Given(&self.known)) {
                Ok(judged) => {
                    self.stage = Stage::Member(Box::new(judged.enter()?));
                    self.out.push_back(Output::Event(Event::Joined));
                    self.entered(now, true);
                    self.catch_up(now)
                }
                Err(refusal) => {
                    self.end(Event::Refused(refusal.refused));
                    Ok(())
                }
            },
            Asked::Entry { joiner, info } => match joiner.enter(&self.room, &info, &Given(&self.known)) {
                Ok((group, proposed)) => {
                    let expect = group.expects().unwrap_or_default();
                    self.out.push_back(Output::Append { expect, entry: entry::write(&proposed) });
                    self.stage = Stage::Entering(Box::new(group));
                    Ok(())
                }
                Err((_, error)) => {
                    self.stage = Stage::Over;
                    Err(error.into())
                }
            },
            Asked::Change(change) => {
                let Stage::Member(group) = &mut self.stage else { return Ok(()) };
                match change.judge(&Given(&self.known)) {
                    Ok(judged) => {
                        if group.expects().is_some() {
                            group.abort()?;
                        }
                        if group.merge(judged)? {
                            self.entered(now, false);
                            self.catch_up(now)
                        } else {
                            self.end(Event::Removed);
                            Ok(())
                        }
                    }
                    Err(refusal) => {
                        self.end(Event::Refused(refusal.refused));
                        Ok(())
                    }
                }
            }
            Asked::Add { package } => {
                let Stage::Member(group) = &self.stage else { return Ok(()) };
                let who = group.read_key_package(&package)?;
                if Given(&self.known).trust(&who) != Trust::Refused {
                    self.wants.add.push((who, package));
                    self.schedule(now, BATCH_MS);
                }
                Ok(())
            }
        }
    }

    /// The group is in a new epoch.
    fn entered(&mut self, now: Millis, first: bool) {
        let Stage::Member(group) = &self.stage else { return };
        let (Ok(members), Ok(secret)) = (group.members(), group.base_key()) else { return };
        let epoch = group.epoch();
        let code =
            code_of(group.authenticator(), members.iter().map(|member| member.identity.key.as_slice()));
        let within = |who: &Identity| members.iter().any(|member| member.identity == *who);
        self.wants.add.retain(|(who, _)| !within(who));
        let leaving = self.wants.remove.iter().any(within);
        self.wants.rotate = false;
        let forced = std::mem::take(&mut self.wants.forced);
        self.out.push_back(Output::Open { epoch, secret, members });
        self.out.push_back(Output::Code(code));
        self.seal_at = Some(Millis(now.0 + if first || forced { 0 } else { SEAL_AFTER_MS }));
        if !first {
            self.forget.push_back((Millis(now.0 + FORGET_AFTER_MS), Epoch(epoch.0.saturating_sub(1))));
        }
        self.commit_at = None;
        // Who is gone may have been on its way in.
        if !self.wants.add.is_empty() || leaving {
            self.schedule(now, BATCH_MS);
        }
    }

    /// A commit after `delay` and the back-off of one's rank: who is first in the tree and not about to leave has none.
    fn schedule(&mut self, now: Millis, delay: u64) {
        let Stage::Member(group) = &self.stage else { return };
        let Ok(members) = group.members() else { return };
        let before = members.iter().filter(|member| member.index < group.index());
        let rank = before.filter(|member| !self.wants.remove.contains(&member.identity)).count() as u64;
        let back_off =
            if self.wants.forced || self.wants.rotate { 0 } else { BACKOFF_MS.saturating_mul(rank) };
        let at = Millis(now.0 + delay + back_off);
        if self.commit_at.is_none_or(|set| at < set) {
            self.commit_at = Some(at);
        }
    }

    fn timers(&mut self, now: Millis) -> Result<(), SessionError> {
        if matches!(&self.stage, Stage::Knocking { until, info: Some(_), .. } if *until <= now)
            && let Stage::Knocking { joiner, info: Some(info), .. } =
                std::mem::replace(&mut self.stage, Stage::Deciding)
        {
            match joiner.read_group(&self.room, &info) {
                Ok(who) => self.ask(Asked::Entry { joiner, info }, who, now)?,
                Err(error) => {
                    // Another entry may bring a group that can be read.
                    self.stage = Stage::Knocking { joiner, until: Millis(now.0 + KNOCK_MS), info: None };
                    self.dropped(error);
                }
            }
        }
        if self.commit_at.is_some_and(|at| at <= now) {
            self.commit_at = None;
            self.commit()?;
        }
        if self.seal_at.is_some_and(|at| at <= now) {
            self.seal_at = None;
            if let Stage::Member(group) = &self.stage {
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

    fn commit(&mut self) -> Result<(), SessionError> {
        let Stage::Member(group) = &mut self.stage else { return Ok(()) };
        let Wants { add, remove, rotate, .. } = &self.wants;
        let own = group.index();
        let leaving: Vec<u32> = group
            .members()?
            .into_iter()
            .filter(|member| member.index != own && remove.contains(&member.identity))
            .map(|member| member.index)
            .collect();
        if group.expects().is_some() || (add.is_empty() && leaving.is_empty() && !rotate) {
            return Ok(());
        }
        let packages: Vec<&[u8]> = add.iter().map(|(_, package)| package.as_slice()).collect();
        let expect = group.epoch();
        match group.propose(&packages, &leaving, &Given(&self.known)) {
            Ok(Ok(proposed)) => self.out.push_back(Output::Append { expect, entry: entry::write(&proposed) }),
            // Key packages that are of no use must not hold up who has to leave.
            Ok(Err(_)) | Err(_) => {
                let retry = !self.wants.add.is_empty();
                self.wants.add.clear();
                self.dropped(MlsError::Refused);
                if retry {
                    return self.commit();
                }
            }
        }
        Ok(())
    }

    fn dropped(&mut self, error: MlsError) {
        self.out.push_back(Output::Event(Event::Dropped(error)));
    }

    fn end(&mut self, event: Event) {
        self.stage = Stage::Over;
        self.asked.clear();
        self.backlog.clear();
        (self.commit_at, self.seal_at) = (None, None);
        self.out.push_back(Output::Event(event));
    }

    fn wake(&mut self) {
        let knock = match &self.stage {
            Stage::Knocking { until, info: Some(_), .. } => Some(*until),
            _ => None,
        };
        let forget = self.forget.front().map(|(at, _)| *at);
        let Some(next) = [knock, self.commit_at, self.seal_at, forget].into_iter().flatten().min() else {
            return;
        };
        if self.woken.is_none_or(|set| next < set) {
            self.woken = Some(next);
            self.out.push_back(Output::WakeAt(next));
        }
    }
}

/// Six groups of five digits out of what the members of an epoch agree on.
fn code_of<'a>(authenticator: &[u8], keys: impl Iterator<Item = &'a [u8]>) -> String {
    let mut keys: Vec<&[u8]> = keys.collect();
    keys.sort_unstable();
    let mut hash = Sha256::new();
    hash.update(b"frameseal group code 1");
    hash.update(authenticator);
    for key in keys {
        hash.update(key);
    }
    let hash = hash.finalize();
    let groups = hash.chunks_exact(5).take(6).map(|five| {
        let number = five.iter().fold(0u64, |number, byte| (number << 8) | u64::from(*byte));
        format!("{:05}", number % 100_000)
    });
    groups.collect::<Vec<_>>().join(" ")
}
