//! Reading the log: in order, without gaps, each entry once; and giving back what it lost.
use std::collections::VecDeque;

use e2ee_core::Millis;

use crate::mls::{Joiner, MlsError};

use super::message::Sight;
use super::types::{Event, Output, Position, SessionError, Why};
use super::{Asked, FIRST_SEAL_AFTER_MS, KEPT, SIGHTS, Session, Stage, WITNESSES, entry};

/// How many entries wait behind one that waits for a verdict; the rest is read again.
const MAX_BACKLOG: usize = 64;
/// When an answer that did not come is asked for again, milliseconds.
const READ_AGAIN_MS: u64 = 1000;
/// How often members say what they see at entries that they skip, milliseconds.
const TELL_AGAIN_MS: u64 = 500;

/// Where in the log a member is.
#[derive(Default)]
pub(super) struct Reader {
    /// The last entry that was handled.
    position: Position,
    /// The last entries up to it.
    kept: VecDeque<(Position, Vec<u8>)>,
    /// What follows it and waits.
    backlog: VecDeque<(Position, Vec<u8>)>,
    /// The own entry that waits for the log, and what it is to follow.
    pending: Option<(Position, Vec<u8>)>,
    /// How many of the newest entries were read for a group that one could enter.
    looked_back: u64,
    /// When what is missing was asked for.
    reading: Option<Millis>,
}

impl Reader {
    pub(super) fn position(&self) -> Position {
        self.position
    }

    /// The last entry that was seen without a gap.
    pub(super) fn seen(&self) -> Position {
        self.backlog.back().map_or(self.position, |(position, _)| *position)
    }

    /// From where on to look for a group that can be read, further back each time; `None`: all was read.
    pub(super) fn look_back(&mut self) -> Option<Position> {
        let seen = self.seen().0;
        if self.looked_back >= seen {
            return None;
        }
        self.looked_back = (2 * self.looked_back).max(KEPT as u64);
        Some(Position(seen.saturating_sub(self.looked_back)))
    }

    /// The own entry that waits is void.
    pub(super) fn void(&mut self) {
        self.pending = None;
    }

    fn at(&self, position: Position) -> Option<&[u8]> {
        let mut all = self.kept.iter().chain(&self.backlog);
        all.find(|(at, _)| *at == position).map(|(_, entry)| entry.as_slice())
    }

    fn keep(&mut self, position: Position, entry: Vec<u8>) {
        self.position = position;
        self.kept.push_back((position, entry));
        if self.kept.len() > KEPT {
            self.kept.pop_front();
        }
    }

    /// Begins behind this entry.
    fn start(&mut self, position: Position, entry: &[u8]) {
        *self = Self::default();
        if position > Position(0) {
            self.keep(position, entry.to_vec());
        }
    }
}

impl Session {
    /// Wants an own entry in the log.
    pub(super) fn append(&mut self, expect: Position, entry: Vec<u8>) {
        self.log.pending = Some((expect, entry.clone()));
        self.out.push_back(Output::Append { expect, entry });
    }

    /// What the log ends with, at the beginning or after the way to it was lost.
    pub(super) fn head(&mut self, position: Position, bytes: &[u8]) -> Result<(), SessionError> {
        let seen = self.log.seen();
        let same = position == seen && self.log.at(position) == Some(bytes);
        match std::mem::replace(&mut self.stage, Stage::Over(None)) {
            Stage::New(joiner) => self.begin(joiner, position, bytes),
            // Nothing new: whoever did not hear it hears it now. Another entry at the position is new: who is not in yet goes
            // by what the log is now.
            Stage::Knocking { joiner, until, info } if same => {
                self.out.extend(joiner.key_package().map(Output::Knock));
                self.stage = Stage::Knocking { joiner, until, info };
                Ok(())
            }
            Stage::Knocking { joiner, .. } => {
                self.log.start(position, bytes);
                let info = entry::read(bytes).map(|entry| entry.group_info.to_vec());
                self.knocking(joiner, info)
            }
            Stage::Over(joiner) => {
                self.stage = Stage::Over(joiner);
                Err(SessionError::WrongState)
            }
            // Not in yet: what the log is now counts.
            stage @ (Stage::Deciding | Stage::Entering(_)) if position < seen => {
                let joiner = match stage {
                    Stage::Entering(group) => Some(Box::new(group.into_joiner())),
                    _ => self.take_back_joiner(),
                };
                joiner.map_or(Err(SessionError::WrongState), |joiner| self.begin(joiner, position, bytes))
            }
            stage => {
                self.stage = stage;
                if position > seen {
                    self.read_on();
                } else if position < seen {
                    self.give_back(position, bytes);
                } else {
                    self.compare(position, bytes);
                }
                self.append_again();
                Ok(())
            }
        }
    }

    fn begin(&mut self, joiner: Box<Joiner>, position: Position, bytes: &[u8]) -> Result<(), SessionError> {
        self.log.start(position, bytes);
        if position == Position(0) {
            return self.found(*joiner);
        }
        let info = entry::read(bytes).map(|entry| entry.group_info.to_vec());
        self.knocking(joiner, info)
    }

    /// Out of the question whose answer it waits for.
    fn take_back_joiner(&mut self) -> Option<Box<Joiner>> {
        let inside = |asked: &Asked| matches!(asked, Asked::Welcome(_) | Asked::Entry { .. });
        let question =
            self.asked.iter().find(|(_, (asked, _))| inside(asked)).map(|(question, _)| *question)?;
        self.out.push_back(Output::Withdraw(question));
        match self.asked.remove(&question)?.0 {
            Asked::Welcome(welcomed) => Some(Box::new(welcomed.into_joiner())),
            Asked::Entry { joiner, .. } => Some(joiner),
            _ => None,
        }
    }

    pub(super) fn rejoin(&mut self, position: Position, bytes: &[u8]) -> Result<(), SessionError> {
        match std::mem::replace(&mut self.stage, Stage::Over(None)) {
            Stage::Over(Some(joiner)) => {
                self.told_policy = None;
                self.begin(joiner, position, bytes)
            }
            stage => {
                self.stage = stage;
                Err(SessionError::WrongState)
            }
        }
    }

    /// The log lost entries. Those that this member still has it gives back, in order; the log takes each once.
    fn give_back(&mut self, position: Position, bytes: &[u8]) {
        if position > Position(0) {
            self.compare(position, bytes);
        }
        if matches!(self.stage, Stage::Over(_)) {
            return;
        }
        let all: Vec<_> = self.log.kept.iter().chain(&self.log.backlog).cloned().collect();
        // An empty log takes the newest.
        let from = if position == Position(0) { self.log.seen() } else { position.next() };
        if all.first().is_none_or(|(first, _)| *first > from) {
            return self.stop(Event::LogLost);
        }
        for (at, entry) in all.into_iter().filter(|(at, _)| *at >= from) {
            self.out.push_back(Output::Append { expect: Position(at.0.saturating_sub(1)), entry });
        }
    }

    /// An entry that was seen already: the same, or the log shows different ones.
    fn compare(&mut self, position: Position, bytes: &[u8]) {
        let differs = self.log.at(position).is_some_and(|known| known != bytes);
        if differs && matches!(self.stage, Stage::Member(_)) {
            self.stop(Event::Fork);
        }
    }

    /// Nothing more is sealed; coming again may help.
    pub(super) fn stop(&mut self, event: Event) {
        let joiner = match std::mem::replace(&mut self.stage, Stage::Over(None)) {
            Stage::Member(group) | Stage::Entering(group) => Some(Box::new(group.into_joiner())),
            Stage::Deciding => self.take_back_joiner(),
            Stage::New(joiner) | Stage::Knocking { joiner, .. } => Some(joiner),
            Stage::Over(joiner) => joiner,
        };
        self.end(event, joiner);
    }

    pub(super) fn too_old(&mut self, oldest: Position) {
        if matches!(self.stage, Stage::Knocking { .. }) {
            // It looks for a group in all that there is.
            self.log.looked_back = self.log.seen().0;
            self.out.push_back(Output::Read { after: Position(oldest.0.saturating_sub(1)) });
            return;
        }
        let joiner = match std::mem::replace(&mut self.stage, Stage::Over(None)) {
            stage @ (Stage::Member(_) | Stage::Over(_)) => {
                self.stage = stage;
                if matches!(self.stage, Stage::Member(_)) {
                    self.stop(Event::LeftBehind);
                }
                return;
            }
            // Not in yet: it begins anew with what the log ends with.
            Stage::New(joiner) | Stage::Knocking { joiner, .. } => Some(joiner),
            Stage::Entering(group) => Some(Box::new(group.into_joiner())),
            Stage::Deciding => self.take_back_joiner(),
        };
        if let Some(joiner) = joiner {
            self.log = Reader::default();
            self.stage = Stage::New(joiner);
        }
    }

    /// The own entry that waits, where the log has not what it is to follow any more or may have lost it on its way.
    fn append_again(&mut self) {
        if let Some((expect, entry)) = self.log.pending.clone()
            && !matches!(self.stage, Stage::Over(_))
            && expect == self.log.position
            && !self.asks_for_change()
        {
            self.out.push_back(Output::Append { expect, entry });
        }
    }

    /// The log has something else behind this position: it is on its way here, unless it was lost.
    pub(super) fn conflict(&mut self, expect: Position) {
        if expect == self.log.seen() && !matches!(self.stage, Stage::Over(_) | Stage::New(_)) {
            self.read_on();
        }
    }

    /// Reads from the last entry that was seen on, for it may be another one by now.
    fn read_on(&mut self) {
        self.log.reading = Some(self.now);
        self.out.push_back(Output::Read { after: Position(self.log.seen().0.saturating_sub(1)) });
    }

    pub(super) fn entry(&mut self, position: Position, bytes: &[u8]) -> Result<(), SessionError> {
        if matches!(self.stage, Stage::New(_) | Stage::Over(_)) {
            return Err(SessionError::WrongState);
        }
        let seen = self.log.seen();
        if position <= seen {
            self.compare(position, bytes);
            self.look_for_group(bytes);
            return Ok(());
        }
        if position > seen.next() || self.log.backlog.len() >= MAX_BACKLOG {
            if self.log.reading.is_none_or(|since| since.0 + READ_AGAIN_MS <= self.now.0) {
                self.read_on();
            }
            return Ok(());
        }
        self.log.reading = None;
        self.log.backlog.push_back((position, bytes.to_vec()));
        self.catch_up()
    }

    /// Who knocks at a log that ends with nonsense looks for the group in the entries before.
    fn look_for_group(&mut self, bytes: &[u8]) {
        if let Stage::Knocking { joiner, info, .. } = &mut self.stage
            && let Some(read) = entry::read(bytes)
        {
            match joiner.read_group(&self.room, read.group_info) {
                Ok(_) => *info = Some(read.group_info.to_vec()),
                Err(error) => self.other_suite |= error == MlsError::OtherSuite,
            }
        }
    }

    /// Reads on in the log until it ends or somebody must decide.
    pub(super) fn catch_up(&mut self) -> Result<(), SessionError> {
        let full = self.log.backlog.len() >= MAX_BACKLOG;
        while !matches!(self.stage, Stage::Deciding | Stage::Over(_)) && !self.asks_for_change() {
            let Some((position, bytes)) = self.log.backlog.pop_front() else { break };
            self.log.keep(position, bytes.clone());
            self.follow(&bytes)?;
            if let (Stage::Member(group), false) = (&self.stage, self.asks_for_change()) {
                let sight = Sight::of(group, position);
                self.saw(sight);
            }
        }
        if full && self.log.backlog.is_empty() && !matches!(self.stage, Stage::Over(_)) {
            self.read_on();
        }
        // A void entry took the place of the own one, which still fits.
        let (position, waits) = (self.log.position, self.asks_for_change());
        if let Some((expect, entry)) = &mut self.log.pending
            && *expect < position
            && !waits
            && self.log.backlog.is_empty()
        {
            *expect = position;
            self.out.push_back(Output::Append { expect: position, entry: entry.clone() });
        }
        Ok(())
    }

    pub(super) fn asks_for_change(&self) -> bool {
        self.asked.values().any(|(asked, _)| matches!(asked, Asked::Change(_)))
    }

    fn follow(&mut self, bytes: &[u8]) -> Result<(), SessionError> {
        let Some(read) = entry::read(bytes) else {
            self.drop_bytes(MlsError::Malformed);
            return Ok(());
        };
        match std::mem::replace(&mut self.stage, Stage::Over(None)) {
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
                        self.ask(Why::Inside, Asked::Welcome(Box::new(welcomed)), who)
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
                    self.log.pending = None;
                    self.stage = Stage::Member(group);
                    self.joined();
                    Ok(())
                }
                _ => {
                    self.log.pending = None;
                    self.knocking(Box::new(group.into_joiner()), Some(read.group_info.to_vec()))
                }
            },
            Stage::Member(mut group) => match group.read(read.commit) {
                Err(MlsError::OwnCommit) => {
                    group.confirm()?;
                    self.log.pending = None;
                    self.stage = Stage::Member(group);
                    let (at_once, out) = std::mem::take(&mut self.wants.sent);
                    self.entered(false, at_once, &out);
                    Ok(())
                }
                Ok(change) => {
                    self.stage = Stage::Member(group);
                    let who = change.entering().to_vec();
                    self.ask(Why::Entered, Asked::Change(change), who)
                }
                // No member may follow it, and none does. Whose it was may believe to be in: it learns what is seen here.
                Err(error) => {
                    self.stage = Stage::Member(group);
                    self.drop_bytes(error);
                    let at = self.told_sight.map_or(self.now, |told| told.plus(TELL_AGAIN_MS));
                    self.tell_at = self.tell_at.or(Some(at));
                    Ok(())
                }
            },
            other => {
                self.stage = other;
                Ok(())
            }
        }
    }

    /// Says what this member sees at the newest position, where it is one of those who do.
    pub(super) fn tell_sight(&mut self, first: bool) {
        self.tell_at = None;
        let Stage::Member(group) = &self.stage else { return };
        let Ok(members) = group.members() else { return };
        if first || members.iter().take(WITNESSES).any(|member| member.index == group.index()) {
            self.told_sight = Some(self.now);
            self.out.extend(Sight::of(group, self.log.position).write(group).map(Output::Send));
        }
    }

    /// All who say what they see are in this epoch. Where that is everybody, nobody needs the old keys any more; where it
    /// is not, the others get a moment.
    pub(super) fn seal_when_all_have_read(&mut self) {
        let (Stage::Member(group), Some(at)) = (&self.stage, self.seal_at) else { return };
        let Ok(members) = group.members() else { return };
        let (epoch, own) = (group.epoch(), group.index());
        let read = |key: &Vec<u8>| self.heard.get(key).is_some_and(|(_, sight)| sight.epoch >= epoch);
        if members.iter().take(WITNESSES).all(|member| member.index == own || read(&member.identity.key)) {
            let moment = if members.len() > WITNESSES { FIRST_SEAL_AFTER_MS } else { 0 };
            self.seal_at = Some(at.min(Millis(self.entered_at.0 + moment)));
        }
    }

    /// Remembers what is seen at a position, and compares it with what others saw there.
    pub(super) fn saw(&mut self, sight: Sight) {
        // Said already, when the epoch began.
        if self.sights.back().is_some_and(|last| last.position == sight.position) {
            return;
        }
        self.sights.push_back(sight);
        if self.sights.len() > SIGHTS {
            self.sights.pop_front();
        }
        let position = sight.position;
        self.compare_sights(position);
    }

    /// What members signed last, against what this one saw where they were. Whoever stands alone stops.
    pub(super) fn compare_sights(&mut self, at: Position) {
        let own = |heard: &Sight| self.sights.iter().find(|own| own.position == heard.position);
        let (mut same, mut other, mut diverged) = (1, 0, Vec::new());
        for (_, (who, heard)) in self.heard.iter() {
            match own(heard) {
                Some(own) if own == heard => same += 1,
                Some(_) => {
                    other += 1;
                    if heard.position == at {
                        diverged.push(who.clone());
                    }
                }
                None => {}
            }
        }
        if diverged.is_empty() {
            return;
        }
        if other >= same {
            return self.stop(Event::Fork);
        }
        self.out.extend(diverged.into_iter().map(|who| Output::Event(Event::Diverged(who))));
    }
}
