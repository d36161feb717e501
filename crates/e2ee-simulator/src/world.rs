//! A room: its log, its people, what is on its way, and what was said.
use std::collections::{BTreeMap, BTreeSet};

use e2ee_core::Millis;
use e2ee_session::mls::{Admit, Identity, RoomPolicy, Trust};
use e2ee_session::session::{Event, Input, Output, Position, Question, Session, SessionError};

use crate::attack::Attacks;
use crate::dice::Dice;
use crate::media::{Frame, Media};
use crate::oracle::Oracle;
use crate::summary::Summary;
use crate::{Sabotage, Violation};

pub(crate) const ROOM: &[u8] = b"simulated";
/// How long the relay is the enemy, milliseconds.
const ENEMY_MS: u64 = 30_000;
/// How many may have been there in one run.
const MAX_PEOPLE: usize = 9;

/// What is on its way to somebody.
#[derive(Clone)]
pub(crate) enum Mail {
    Head,
    Log(u64, Vec<u8>),
    Conflict(u64),
    TooOld(u64),
    Knock(Vec<u8>),
    Message(Vec<u8>),
    Gone(String),
    Verdict(Question),
    Wake,
    Rejoin,
    /// A frame under a name.
    Frame {
        number: Option<usize>,
        label: String,
        wire: Vec<u8>,
    },
}

pub(crate) struct Person {
    pub(crate) session: Session,
    pub(crate) participant: String,
    pub(crate) key: Vec<u8>,
    pub(crate) media: Media,
    asked: BTreeMap<Question, Vec<Identity>>,
    /// Entries of the log that were sent to it.
    read: u64,
    /// Which log it is shown.
    pub(crate) side: usize,
    pub(crate) here: bool,
    pub(crate) ghost: bool,
    /// Who was shown to see another group, in this epoch.
    diverged: BTreeSet<Vec<u8>>,
    /// Why its session ended.
    pub(crate) over: Option<Event>,
    /// When its newest epoch was opened, and whether it has to be sealed with at once.
    pub(crate) opened_at: u64,
}

pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) now: u64,
    pub(crate) dice: Dice,
    pub(crate) attacks: Attacks,
    /// The log, and the one that some are shown instead.
    pub(crate) logs: Vec<Vec<Vec<u8>>>,
    pub(crate) people: Vec<Person>,
    mail: BTreeMap<(u64, u64), (usize, Mail)>,
    posted: u64,
    policy: RoomPolicy,
    pub(crate) frames: Vec<Frame>,
    pub(crate) oracle: Oracle,
    pub(crate) sabotage: Option<Sabotage>,
    pub(crate) summary: Summary,
    trace: Vec<String>,
}

impl World {
    pub(crate) fn new(seed: u64, sabotage: Option<Sabotage>) -> Self {
        let mut dice = Dice::new(seed);
        let attacks = Attacks::draw(&mut dice);
        let admit = if dice.percent(25) { Admit::Members } else { Admit::Anyone };
        Self {
            seed,
            now: 0,
            dice,
            attacks,
            logs: vec![Vec::new()],
            people: Vec::new(),
            mail: BTreeMap::new(),
            posted: 0,
            policy: RoomPolicy { admit, ..RoomPolicy::default() },
            frames: Vec::new(),
            oracle: Oracle::default(),
            sabotage,
            summary: Summary::default(),
            trace: Vec::new(),
        }
    }

    pub(crate) fn broken(&self, what: impl Into<String>) -> Violation {
        Violation { seed: self.seed, at: self.now, what: what.into(), trace: self.trace.clone() }
    }

    pub(crate) fn note(&mut self, line: impl FnOnce(&Self) -> String) {
        let line = format!("{:>6} {}", self.now, line(self));
        self.trace.push(line);
    }

    pub(crate) fn run(mut self) -> Result<Summary, Violation> {
        self.join(false)?;
        if self.attacks.ghost {
            self.summary.ghosts = 1;
        }
        while self.now < ENEMY_MS {
            let pause = 1 + self.dice.below(900);
            self.settle(pause)?;
            self.step()?;
        }
        self.make_peace()?;
        self.spy()?;
        self.summary.entries = self.logs.first().map_or(0, |log| log.len() as u64);
        Ok(self.summary)
    }

    /// Something that people do.
    fn step(&mut self) -> Result<(), Violation> {
        let here: Vec<usize> = self.honest().collect();
        let picked = self.dice.pick(&here).and_then(|at| here.get(at).copied());
        match self.dice.below(12) {
            0 | 1 if self.people.len() < MAX_PEOPLE => self.join(false),
            2 if self.attacks.ghost && self.people.len() < MAX_PEOPLE => self.join(true),
            3 if here.len() > 1 => picked.map_or(Ok(()), |who| self.part(who)),
            4 => picked.map_or(Ok(()), |who| self.give(who, Input::Rotate)),
            5 if here.len() > 1 => picked.map_or(Ok(()), |who| self.put_out(who)),
            6..=8 => picked.map_or(Ok(()), |who| self.talk(who)),
            _ => self.attack(),
        }
    }

    pub(crate) fn honest(&self) -> impl Iterator<Item = usize> {
        self.people.iter().enumerate().filter(|(_, person)| person.here && !person.ghost).map(|(who, _)| who)
    }

    fn join(&mut self, ghost: bool) -> Result<(), Violation> {
        let id = self.people.len();
        // A guest that nobody invited may take somebody's name.
        let names: Vec<String> = self.people.iter().map(|person| person.participant.clone()).collect();
        let taken = if ghost && self.dice.percent(50) { self.dice.pick(&names) } else { None };
        let participant = taken.and_then(|at| names.get(at).cloned()).unwrap_or_else(|| format!("p{id}"));
        let session = Session::new(ROOM, &participant, self.policy, &self.dice.seed())
            .map_err(|error| self.broken(format!("no session: {error}")))?;
        let key = session.identity().map(|who| who.key.clone()).unwrap_or_default();
        let (media, side) = (Media::new(&participant), self.side_for_a_newcomer());
        self.note(|_| format!("{id} joins as {participant}{}", if ghost { ", uninvited" } else { "" }));
        self.people.push(Person {
            session,
            participant,
            key,
            media,
            asked: BTreeMap::new(),
            read: u64::MAX,
            side,
            here: true,
            ghost,
            diverged: BTreeSet::new(),
            over: None,
            opened_at: 0,
        });
        self.summary.joins += 1;
        self.post(id, 0, Mail::Head);
        self.tell_who_is_there()
    }

    fn part(&mut self, who: usize) -> Result<(), Violation> {
        self.note(|_| format!("{who} leaves"));
        self.summary.leaves += 1;
        if self.dice.percent(50) && self.sabotage != Some(Sabotage::KeepWhoIsGone) {
            self.give(who, Input::Leave)?;
        }
        let Some(person) = self.people.get_mut(who) else { return Ok(()) };
        person.here = false;
        let name = person.participant.clone();
        for other in 0..self.people.len() {
            let delay = self.delay();
            self.post(other, delay, Mail::Gone(name.clone()));
        }
        self.tell_who_is_there()
    }

    /// The transport says who is there.
    fn tell_who_is_there(&mut self) -> Result<(), Violation> {
        let keep = self.sabotage == Some(Sabotage::KeepWhoIsGone);
        let here = self.people.iter().filter(|person| person.here || keep);
        let here: Vec<String> = here.map(|person| person.participant.clone()).collect();
        let here: Vec<&str> = here.iter().map(String::as_str).collect();
        for who in 0..self.people.len() {
            if self.people.get(who).is_some_and(|person| person.here) {
                self.give(who, Input::Participants(&here))?;
            }
        }
        Ok(())
    }

    fn put_out(&mut self, by: usize) -> Result<(), Violation> {
        let members = self.members(by);
        let Some(at) = self.dice.pick(&members) else { return Ok(()) };
        let Some(whom) =
            members.get(at).filter(|whom| self.people.get(by).is_some_and(|p| p.key != whom.key))
        else {
            return Ok(());
        };
        self.note(|_| format!("{by} puts {whom:?} out"));
        self.summary.removals += 1;
        self.give(by, Input::Remove(whom))
    }

    pub(crate) fn members(&self, of: usize) -> Vec<Identity> {
        let group = self.people.get(of).and_then(|person| person.session.group());
        let members = group.and_then(|group| group.members().ok()).unwrap_or_default();
        members.into_iter().map(|member| member.identity).collect()
    }

    fn talk(&mut self, who: usize) -> Result<(), Violation> {
        let number = self.frames.len();
        let Some(person) = self.people.get_mut(who) else { return Ok(()) };
        if self.sabotage == Some(Sabotage::SameSealerTwice) {
            person.media.seal_anew();
        }
        let Some(frame) = person.media.seal(who, number) else { return Ok(()) };
        self.summary.sealed += 1;
        self.check_sealed(&frame)?;
        // Whoever trusts labels is deceived by the first wrong one.
        let wrong = self.sabotage == Some(Sabotage::TrustLabels);
        let label = if wrong { "somebody else".to_owned() } else { frame.participant.clone() };
        for to in 0..self.people.len() {
            let (label, wire) = (label.clone(), frame.wire.clone());
            let mail = Mail::Frame { number: Some(number), label, wire };
            let delay = self.delay();
            if to != who {
                self.post(to, delay, mail);
            }
        }
        self.frames.push(frame);
        Ok(())
    }

    pub(crate) fn delay(&mut self) -> u64 {
        self.dice.below(self.attacks.delay + 1)
    }

    pub(crate) fn post(&mut self, to: usize, delay: u64, mail: Mail) {
        self.posted += 1;
        self.mail.insert((self.now + delay, self.posted), (to, mail));
    }

    /// Until this much time has passed.
    pub(crate) fn settle(&mut self, ms: u64) -> Result<(), Violation> {
        let end = self.now + ms;
        while let Some(entry) = self.mail.first_entry() {
            let at = entry.key().0;
            if at > end {
                break;
            }
            let (to, mail) = entry.remove();
            self.now = self.now.max(at);
            self.deliver(to, &mail)?;
        }
        self.now = end;
        Ok(())
    }

    fn deliver(&mut self, to: usize, mail: &Mail) -> Result<(), Violation> {
        let Some(person) = self.people.get_mut(to) else { return Ok(()) };
        if !person.here {
            return Ok(());
        }
        let log = self.logs.get(person.side).cloned().unwrap_or_default();
        let (position, entry) = (Position(log.len() as u64), log.last().cloned().unwrap_or_default());
        if matches!(mail, Mail::Head | Mail::Rejoin) {
            person.read = position.0;
        }
        if matches!(mail, Mail::Rejoin) {
            person.over = None;
            person.media.reset();
        }
        let verdicts: Vec<Trust>;
        let input = match mail {
            Mail::Head => Input::Head { position, entry: &entry },
            Mail::Rejoin => Input::Rejoin { position, entry: &entry },
            Mail::Log(position, entry) => Input::Log { position: Position(*position), entry },
            Mail::TooOld(oldest) => Input::TooOld { oldest: Position(*oldest) },
            Mail::Conflict(expect) => Input::Conflict { expect: Position(*expect) },
            Mail::Knock(package) => Input::Knock(package),
            Mail::Message(bytes) => Input::Message(bytes),
            Mail::Gone(_) if self.sabotage == Some(Sabotage::KeepWhoIsGone) => return Ok(()),
            Mail::Gone(who) => Input::Gone(who),
            Mail::Wake => Input::Wake,
            Mail::Verdict(question) => {
                let Some(who) = person.asked.remove(question) else { return Ok(()) };
                let ghosts: Vec<Vec<u8>> = self
                    .people
                    .iter()
                    .filter(|person| person.ghost)
                    .map(|person| person.key.clone())
                    .collect();
                let refuses =
                    self.attacks.refuse_ghosts && self.people.get(to).is_some_and(|person| !person.ghost);
                let trust = |who: &Identity| match refuses && ghosts.contains(&who.key) {
                    true => Trust::Refused,
                    false => Trust::Unverified,
                };
                verdicts = who.iter().map(trust).collect();
                Input::Verdict(*question, &verdicts)
            }
            Mail::Frame { number, label, wire } => return self.receive(to, *number, label, wire),
        };
        self.give(to, input)
    }

    pub(crate) fn give(&mut self, to: usize, input: Input<'_>) -> Result<(), Violation> {
        let now = Millis(self.now);
        let Some(person) = self.people.get_mut(to) else { return Ok(()) };
        match person.session.handle(input, now) {
            Ok(()) | Err(SessionError::WrongState) => {}
            Err(error) => return Err(self.broken(format!("{to}: {error}"))),
        }
        while let Some(output) = self.people.get_mut(to).and_then(|person| person.session.poll()) {
            self.act(to, output)?;
        }
        Ok(())
    }

    fn act(&mut self, by: usize, output: Output) -> Result<(), Violation> {
        match output {
            Output::Append { expect, entry } => self.append(by, expect.0, entry),
            Output::Read { after } => self.read(by, after.0),
            Output::Knock(package) => self.tell_others(by, &Mail::Knock(package)),
            Output::Send(bytes) => self.tell_others(by, &Mail::Message(bytes)),
            Output::WakeAt(at) => self.post(by, at.0.saturating_sub(self.now), Mail::Wake),
            Output::Decide { question, who, .. } => {
                let delay = self.delay();
                if let Some(person) = self.people.get_mut(by) {
                    person.asked.insert(question, who);
                }
                self.post(by, delay, Mail::Verdict(question));
            }
            Output::Withdraw(question) => {
                if let Some(person) = self.people.get_mut(by) {
                    person.asked.remove(&question);
                }
            }
            Output::Open { epoch, secret, members } => {
                self.note(|_| format!("{by} opens {epoch:?} with {}", members.len()));
                let now = self.now;
                if let Some(person) = self.people.get_mut(by) {
                    person.media.open_epoch(epoch, &secret, &members);
                    person.opened_at = now;
                    person.diverged.clear();
                }
                self.check_secret(by)?;
                if self.sabotage == Some(Sabotage::LeakToRemoved) {
                    self.leak(by)?;
                }
            }
            Output::SealWith { epoch, index } => {
                if !self.people.get_mut(by).is_some_and(|person| person.media.seal_with(epoch, index)) {
                    return Err(self.broken(format!("{by} was to seal with {epoch:?} and cannot")));
                }
            }
            Output::Hush => {
                if let Some(person) = self.people.get_mut(by) {
                    person.media.hush();
                }
            }
            Output::Forget(epoch) => {
                if let Some(person) = self.people.get_mut(by) {
                    person.media.forget(epoch);
                }
            }
            Output::Event(event) => self.event(by, event),
            Output::Emoji(_)
            | Output::Bar { .. }
            | Output::Policy(_)
            | Output::Outside(_)
            | Output::Code(_) => {}
        }
        Ok(())
    }

    fn read(&mut self, by: usize, after: u64) {
        let Some(person) = self.people.get_mut(by) else { return };
        person.read = after;
        // What an empty log began behind it never had.
        let log = self.logs.get(person.side);
        let oldest = log.and_then(|log| log.iter().position(|entry| !entry.is_empty())).unwrap_or(0);
        if after < oldest as u64 {
            person.read = u64::MAX;
            self.post(by, 0, Mail::TooOld(oldest as u64 + 1));
            return self.post(by, 0, Mail::Head);
        }
        self.publish();
    }

    /// Who left is given what somebody knows.
    fn leak(&mut self, by: usize) -> Result<(), Violation> {
        let newest = self.people.get(by).and_then(|person| person.media.seen.last()).cloned();
        let gone =
            (0..self.people.len()).find(|who| self.people.get(*who).is_some_and(|person| !person.here));
        if let (Some(seen), Some(gone)) = (newest, gone)
            && let Some(person) = self.people.get_mut(gone)
        {
            person.media.seen.push(seen);
            return self.check_secret(gone);
        }
        Ok(())
    }

    fn event(&mut self, by: usize, event: Event) {
        self.note(|_| format!("{by} is told {event:?}"));
        if matches!(event, Event::Fork | Event::LogLost) {
            self.summary.noticed += 1;
        }
        if let (Event::Diverged(who), Some(person)) = (&event, self.people.get_mut(by)) {
            person.diverged.insert(who.key.clone());
        }
        let ended = matches!(
            event,
            Event::Fork
                | Event::LogLost
                | Event::LeftBehind
                | Event::Removed
                | Event::Refused(_)
                | Event::Left
        );
        if let (true, Some(person)) = (ended, self.people.get_mut(by)) {
            person.over = Some(event);
        }
    }

    /// An empty log takes any.
    fn append(&mut self, by: usize, expect: u64, entry: Vec<u8>) {
        let side = self.people.get(by).map_or(0, |person| person.side);
        let Some(log) = self.logs.get_mut(side) else { return };
        if log.is_empty() {
            log.resize(expect as usize, Vec::new());
        }
        if expect as usize == log.len() {
            log.push(entry);
            let position = log.len();
            self.note(|_| format!("{by} appends {position}"));
            self.publish();
        } else {
            let delay = self.delay();
            self.post(by, delay, Mail::Conflict(expect));
        }
    }

    fn tell_others(&mut self, by: usize, mail: &Mail) {
        for to in (0..self.people.len()).filter(|to| *to != by) {
            let delay = self.delay();
            if !self.dropped() {
                self.post(to, delay, mail.clone());
            }
            self.repeat(to, mail);
        }
    }

    /// Every entry to everybody, unless the relay has other ideas.
    pub(crate) fn publish(&mut self) {
        for to in 0..self.people.len() {
            let mut after = 0;
            while let Some((position, entry)) = self.next_for(to) {
                if let Some(person) = self.people.get_mut(to) {
                    person.read += 1;
                }
                // In order, mostly.
                let delay = self.delay();
                after = if self.attacks.reorder { delay } else { after.max(delay) };
                if !entry.is_empty() && !self.dropped() {
                    self.post(to, after, Mail::Log(position, entry));
                }
            }
        }
    }

    fn next_for(&self, to: usize) -> Option<(u64, Vec<u8>)> {
        let person = self.people.get(to)?;
        let entry = self.logs.get(person.side)?.get(usize::try_from(person.read).ok()?)?;
        Some((person.read + 1, entry.clone()))
    }

    /// The relay behaves: all who are there end up in one group.
    fn make_peace(&mut self) -> Result<(), Violation> {
        self.note(|_| "the relay behaves".to_owned());
        self.attacks = Attacks::none();
        self.mail.retain(|_, (_, mail)| matches!(mail, Mail::Wake | Mail::Verdict(_)));
        for person in &mut self.people {
            person.side = 0;
            // Guests that nobody invited go home.
            person.here &= !person.ghost;
        }
        for _ in 0..8 {
            self.tell_who_is_there()?;
            for who in self.honest().collect::<Vec<_>>() {
                self.come_again(who)?;
            }
            self.settle(30_000)?;
            self.notice_who_is_outside()?;
        }
        self.check_peace()
    }

    /// What users do about what they are shown. A lobby that everybody seemed to have left may have been founded twice: who
    /// sees that most of those who are there are in no encrypted call with it, or in another one, comes again. A guest may have taken one's
    /// name: it is put out.
    fn notice_who_is_outside(&mut self) -> Result<(), Violation> {
        let here: Vec<usize> = self.honest().collect();
        for who in here.iter().copied() {
            let members = self.members(who);
            let Some(person) = self.people.get(who) else { continue };
            let inside = |key: &Vec<u8>| {
                members.iter().any(|member| member.key == *key) && !person.diverged.contains(key)
            };
            let with = here.iter().filter_map(|other| self.people.get(*other));
            let with = with.filter(|other| inside(&other.key)).count();
            let Some(person) = self.people.get_mut(who) else { continue };
            if !members.is_empty() && with * 2 <= here.len() && here.len() > 1 {
                person.over = Some(Event::Left);
            }
            let named =
                |member: &&Identity| member.participant == person.participant && member.key != person.key;
            let guests: Vec<Identity> = members.iter().filter(named).cloned().collect();
            for guest in guests {
                self.give(who, Input::Remove(&guest))?;
            }
        }
        Ok(())
    }

    /// What an application does when its session ended or its way to the log was lost.
    fn come_again(&mut self, who: usize) -> Result<(), Violation> {
        let over = self.people.get(who).and_then(|person| person.over.clone());
        match over {
            None => self.post(who, 0, Mail::Head),
            Some(Event::Fork | Event::LogLost | Event::LeftBehind) => self.post(who, 0, Mail::Rejoin),
            // A new session under a new key.
            Some(_) => {
                let Some(participant) = self.people.get(who).map(|person| person.participant.clone()) else {
                    return Ok(());
                };
                let session = Session::new(ROOM, &participant, self.policy, &self.dice.seed())
                    .map_err(|error| self.broken(format!("no session: {error}")))?;
                if let Some(person) = self.people.get_mut(who) {
                    person.key = session.identity().map(|who| who.key.clone()).unwrap_or_default();
                    (person.session, person.over) = (session, None);
                    person.media.reset();
                    person.asked.clear();
                }
                self.post(who, 0, Mail::Head);
            }
        }
        Ok(())
    }
}
