//! What the relay does.
use e2ee_session::mls::{Joiner, ShowUnverified};

use crate::Violation;
use crate::dice::Dice;
use crate::world::{Mail, ROOM, World};

/// Which of its means it uses in a run.
pub(crate) struct Attacks {
    /// Longest delay, milliseconds.
    pub(crate) delay: u64,
    drop: u64,
    repeat: u64,
    pub(crate) reorder: bool,
    inject: bool,
    roll_back: bool,
    fork: bool,
    swap: bool,
    pub(crate) ghost: bool,
    pub(crate) refuse_ghosts: bool,
}

impl Attacks {
    pub(crate) fn draw(dice: &mut Dice) -> Self {
        let half = |dice: &mut Dice| dice.percent(50);
        Self {
            delay: [0, 30, 400, 2000].get(dice.below(4) as usize).copied().unwrap_or(30),
            drop: if half(dice) { dice.below(30) } else { 0 },
            repeat: if half(dice) { dice.below(40) } else { 0 },
            reorder: half(dice),
            inject: half(dice),
            roll_back: half(dice),
            fork: half(dice),
            swap: half(dice),
            ghost: half(dice),
            refuse_ghosts: half(dice),
        }
    }

    /// An honest relay.
    pub(crate) fn none() -> Self {
        Self {
            delay: 30,
            drop: 0,
            repeat: 0,
            reorder: false,
            inject: false,
            roll_back: false,
            fork: false,
            swap: false,
            ghost: false,
            refuse_ghosts: false,
        }
    }
}

impl World {
    pub(crate) fn dropped(&mut self) -> bool {
        let percent = self.attacks.drop;
        self.dice.percent(percent)
    }

    /// Sends the same once more, later.
    pub(crate) fn repeat(&mut self, to: usize, mail: &Mail) {
        let percent = self.attacks.repeat;
        if self.dice.percent(percent) {
            let delay = self.dice.below(8000);
            self.summary.injected += 1;
            self.post(to, delay, mail.clone());
        }
    }

    /// Whoever comes may be shown either log.
    pub(crate) fn side_for_a_newcomer(&mut self) -> usize {
        self.dice.below(self.logs.len() as u64) as usize
    }

    pub(crate) fn attack(&mut self) -> Result<(), Violation> {
        match self.dice.below(6) {
            0 if self.attacks.inject => self.inject(),
            1 if self.attacks.roll_back => self.roll_back(),
            2 if self.attacks.fork => self.fork(),
            3 if self.attacks.swap => self.swap(),
            4 if self.attacks.inject => self.raw_entry(),
            // The way to the log was lost.
            _ => {
                for who in self.honest().collect::<Vec<_>>() {
                    if self.dice.percent(50) {
                        self.post(who, 0, Mail::Head);
                    }
                }
            }
        }
        Ok(())
    }

    /// Bytes of its own, or somebody's bytes changed.
    fn inject(&mut self) {
        let all: Vec<Vec<u8>> =
            self.logs.iter().flatten().filter(|entry| !entry.is_empty()).cloned().collect();
        let Some(mut bytes) = self.dice.pick(&all).and_then(|at| all.get(at).cloned()) else { return };
        if self.dice.percent(70) {
            let at = self.dice.below(bytes.len() as u64) as usize;
            let bit = 1 << self.dice.below(8);
            bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= bit);
        } else if self.dice.percent(50) {
            bytes.truncate(self.dice.below(bytes.len() as u64) as usize);
        }
        self.summary.injected += 1;
        let side = self.side_for_a_newcomer();
        if self.dice.percent(50)
            && !bytes.is_empty()
            && let Some(log) = self.logs.get_mut(side)
        {
            log.push(bytes);
            self.note(|_| format!("the relay appends nonsense to log {side}"));
            return self.publish();
        }
        for to in 0..self.people.len() {
            let mail =
                if self.dice.percent(50) { Mail::Knock(bytes.clone()) } else { Mail::Message(bytes.clone()) };
            self.post(to, 0, mail);
        }
    }

    /// A commit of somebody who only has what the relay has, and keeps no rule that is not enforced.
    fn raw_entry(&mut self) {
        let side = self.side_for_a_newcomer();
        let Some(last) = self.logs.get(side).and_then(|log| log.last()).cloned() else { return };
        let Some(info) = group_info(&last) else { return };
        let seed = self.dice.seed();
        let Ok(joiner) = Joiner::new("raw", &seed) else { return };
        let Ok((_, proposed)) = joiner.enter(ROOM, info, &ShowUnverified) else { return };
        let len = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes();
        let commit = &proposed.commit;
        let entry = [[1].as_slice(), &len(commit), commit, &len(&[]), &proposed.group_info].concat();
        self.summary.injected += 1;
        if let Some(log) = self.logs.get_mut(side) {
            log.push(entry);
            self.note(|_| format!("the relay enters log {side}"));
            self.publish();
        }
    }

    /// The log forgets its newest entries.
    fn roll_back(&mut self) {
        let count = 1 + self.dice.below(3) as usize;
        let side = self.side_for_a_newcomer();
        let Some(log) = self.logs.get_mut(side) else { return };
        let left = log.len().saturating_sub(count);
        log.truncate(left);
        self.summary.rewritten += 1;
        self.note(|_| format!("the relay rolls log {side} back to {left}"));
        for who in 0..self.people.len() {
            if self.dice.percent(70) && self.people.get(who).is_some_and(|person| person.side == side) {
                self.post(who, 0, Mail::Head);
            }
        }
    }

    /// Some are shown another log from here on.
    fn fork(&mut self) {
        if self.logs.len() == 1 {
            self.logs.extend(self.logs.first().cloned());
        }
        self.summary.rewritten += 1;
        self.note(|_| "the relay shows two logs".to_owned());
        for who in 0..self.people.len() {
            let side = self.side_for_a_newcomer();
            if let Some(person) = self.people.get_mut(who) {
                person.side = side;
            }
        }
    }

    /// A recorded frame under another name, changed, or again.
    fn swap(&mut self) {
        let Some(at) = self.dice.pick(&self.frames) else { return };
        let Some(frame) = self.frames.get(at).cloned() else { return };
        let names: Vec<String> = self.people.iter().map(|person| person.participant.clone()).collect();
        let Some(label) = self.dice.pick(&names).and_then(|at| names.get(at).cloned()) else { return };
        let (mut wire, mut number) = (frame.wire, Some(at));
        if self.dice.percent(30) {
            let at = self.dice.below(wire.len() as u64) as usize;
            wire.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1);
            number = None;
        }
        for to in (0..self.people.len()).filter(|to| *to != frame.by) {
            self.post(to, 0, Mail::Frame { number, label: label.clone(), wire: wire.clone() });
        }
    }
}

/// The third part of an entry.
fn group_info(entry: &[u8]) -> Option<&[u8]> {
    let mut rest = entry.strip_prefix(&[1])?;
    for _ in 0..2 {
        let (len, behind) = rest.split_first_chunk::<4>()?;
        rest = behind.get(u32::from_be_bytes(*len) as usize..)?;
    }
    Some(rest)
}
