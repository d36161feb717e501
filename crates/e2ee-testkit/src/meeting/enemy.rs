//! What a hostile SFU does, besides losing and delaying.

use e2ee_core::{CodecRule, FrameBuf, Sealer, TrackKind};

use super::frames::{self, Label};
use super::oracle::{Promise, Record, Violation};
use super::{Room, Sabotage};

impl Room {
    /// A few attacks on random people.
    pub(super) fn attack(&mut self) -> Result<(), Violation> {
        let everybody = self.people.everybody();
        for _ in 0..3 {
            let count = self.oracle.count() as u64;
            let (Some(to), record) = (self.rng.pick(&everybody), self.rng.below(count) as usize) else {
                return Ok(());
            };
            match self.rng.below(10) {
                0..3 => self.hand_over(to, record)?,
                3 => self.replay_announcement(to)?,
                _ => self.forge(to, record)?,
            }
        }
        Ok(())
    }

    /// Tells `to` of an earlier run of somebody, hands over frames of it, and of the newest run again.
    fn replay_announcement(&mut self, to: u32) -> Result<(), Violation> {
        let everybody = self.people.everybody();
        let Some(from) = self.rng.pick(&everybody) else { return Ok(()) };
        let Some(newest) = self.people.current_run(to, from) else { return Ok(()) };
        let run = self.rng.below(u64::from(newest) + 1) as u32;
        self.people.switch_run(to, from, run)?;
        self.oracle.listens_to(to, from, self.people.current_run(to, from).unwrap_or(newest));
        for record in self.oracle.recent(60) {
            let of_run = |record: &Record| record.sender == from && record.run() == run;
            if self.oracle.record(record).is_some_and(of_run) && self.rng.chance(300) {
                self.hand_over(to, record)?;
            }
        }
        self.people.switch_run(to, from, newest)?;
        self.oracle.listens_to(to, from, newest);
        Ok(())
    }

    fn forge(&mut self, to: u32, record: usize) -> Result<(), Violation> {
        let Some(record) = self.oracle.record(record).cloned() else { return Ok(()) };
        let (mut from, mut label, mut wire) = (record.sender, record.label(), record.wire.clone());
        let at = self.rng.below(wire.len() as u64) as usize;
        let how = match self.rng.below(9) {
            0 => {
                let bit = self.rng.below(8);
                wire.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << bit);
                "changed in one bit"
            }
            1 => {
                wire.truncate(at);
                "cut short"
            }
            2 => {
                let more = self.rng.below(20) as usize + 1;
                wire.splice(at..at, self.rng.bytes(more));
                "stuffed"
            }
            3 => {
                let others = self.people.everybody();
                let Some(other) = self.rng.pick(&others).filter(|other| *other != from) else {
                    return Ok(());
                };
                from = other;
                "said to be somebody else's"
            }
            4 => {
                let Some(kind) = self.rng.pick(&TrackKind::ALL).filter(|kind| *kind != label.kind) else {
                    return Ok(());
                };
                label.kind = kind;
                "said to be of another track"
            }
            5 => {
                let Some(rule) = self.rng.pick(&CodecRule::ALL).filter(|rule| *rule != label.rule) else {
                    return Ok(());
                };
                label.rule = rule;
                "said to be of another codec"
            }
            6 => {
                wire = self.splice(&record)?;
                "spliced from two frames"
            }
            7 => {
                wire = self.outsider(from, label)?;
                "sealed by an outsider"
            }
            _ => {
                let len = self.rng.below(120) as usize;
                wire = self.rng.bytes(len);
                "made of noise"
            }
        };
        if wire == record.wire && (from, label) == (record.sender, record.label()) {
            return Ok(());
        }
        self.try_forged(to, from, label, &wire, how)
    }

    fn try_forged(
        &mut self,
        to: u32,
        from: u32,
        label: Label,
        wire: &[u8],
        how: &str,
    ) -> Result<(), Violation> {
        if to == from {
            return Ok(());
        }
        let before = self.people.ring(to, from)?;
        let outcome = self.people.deliver(to, from, label, wire)?;
        self.oracle.judge_forged(to, from, label, &outcome, how)?;
        if outcome.is_ok() {
            return Ok(());
        }
        if self.sabotage == Some(Sabotage::ForgeryInstallsKey) && self.rng.chance(50) {
            self.people.install_stray_key(to, from)?;
        }
        if self.people.ring(to, from)? != before {
            let what = format!("the ring of p{to} for p{from} changed by a frame that was {how}");
            return Err(self.oracle.broken(Promise::ForgeryMovesNothing, what));
        }
        self.summary.forgeries += 1;
        Ok(())
    }

    /// The first part of one frame with the rest of another.
    fn splice(&mut self, record: &Record) -> Result<Vec<u8>, Violation> {
        let other = self.rng.below(self.oracle.count() as u64) as usize;
        let other = self.oracle.record(other).map(|other| other.wire.clone()).unwrap_or_default();
        let cut = self.rng.below(record.wire.len() as u64) as usize;
        let rest = other.get(cut..).unwrap_or_default();
        Ok([record.wire.get(..cut).unwrap_or_default(), rest].concat())
    }

    /// A well-formed frame under the victim's name, by somebody without keys.
    fn outsider(&mut self, victim: u32, label: Label) -> Result<Vec<u8>, Violation> {
        let name = self.people.name(victim)?;
        let mut sealer = Sealer::generate(self.people.profile().clone(), name, &self.rng.entropy());
        for _ in 0..self.rng.below(4) {
            sealer.step().map_err(Violation::harness)?;
        }
        for _ in 0..self.rng.below(3) {
            sealer.rotate(&self.rng.entropy()).map_err(Violation::harness)?;
        }
        let mut buf = FrameBuf::new();
        loop {
            let frame = frames::make(&mut self.rng, u64::MAX);
            if frame.label.rule == label.rule {
                buf.fill(&frame.bytes);
                return sealer.seal(&label.info(), &mut buf).map(<[u8]>::to_vec).map_err(Violation::harness);
            }
        }
    }
}
