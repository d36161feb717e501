//! Knows what was sealed by whom in front of whom, and so what each person must, may and must not open.

use core::fmt;
use std::collections::{BTreeMap, BTreeSet, HashSet};

use e2ee_core::frame::codec;
use e2ee_core::frame::header::Header;
use e2ee_core::key::replay::REPLAY_WINDOW;
use e2ee_core::key::ring::{LINGER_MS, MAX_LIVE_KEYS};
use e2ee_core::{FrameBuf, KeyAt, Millis, OpenCause};

use super::frames::{Frame, Label};
use super::person::{Outcome, Told};
use super::{Keys, Summary};

/// What a meeting promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// Nobody opens what they must not.
    MembersOnly,
    /// A frame opens at most once for each receiver.
    Once,
    /// What opens is what was sealed.
    SameBytes,
    /// An honest frame within reach opens.
    Arrives,
    /// A repeat is called one.
    RepeatIsSeen,
    /// No key and nonce twice.
    FreshNonce,
    /// A forged frame does not open.
    NoForgery,
    /// A forged frame moves nothing.
    ForgeryMovesNothing,
    /// The simulation itself does what it should.
    Harness,
}

/// A promise that was not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which one.
    pub promise: Promise,
    /// In which round; 0 when that is not known.
    pub round: u32,
    /// What happened.
    pub what: String,
}

impl Violation {
    pub(super) fn harness(what: impl fmt::Display) -> Self {
        Self { promise: Promise::Harness, round: 0, what: what.to_string() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "round {}: {:?}: {}", self.round, self.promise, self.what)
    }
}

impl core::error::Error for Violation {}

/// What a sealer made.
pub(super) struct Sealed {
    pub(super) sender: u32,
    pub(super) run: u32,
    pub(super) at: KeyAt,
    /// The AEAD key. The salt comes from the same derivation, so key and CTR tell key and nonce.
    pub(super) key: Vec<u8>,
    pub(super) wire: Vec<u8>,
}

/// A frame that was sealed honestly.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) sender: u32,
    run: u32,
    at: KeyAt,
    ctr: u64,
    frame: Frame,
    pub(super) wire: Vec<u8>,
    /// Who was a member besides the sender.
    members: BTreeSet<u32>,
    sealed_at: Millis,
    /// How often the sender had changed keys.
    changes: u64,
}

impl Record {
    pub(super) const fn label(&self) -> Label {
        self.frame.label
    }

    pub(super) const fn run(&self) -> u32 {
        self.run
    }
}

/// What one receiver has of one run of a sender.
#[derive(Default)]
struct Known {
    /// Keys that arrived, or with a room secret the announcement as generation 0, step 0.
    told: Vec<KeyAt>,
    /// Keys that frames were opened under.
    used: BTreeSet<KeyAt>,
    /// Highest counter opened, by key and kind of track.
    top: BTreeMap<(KeyAt, u8), u64>,
}

pub(super) struct Oracle {
    keys: Keys,
    pub(super) round: u32,
    records: Vec<Record>,
    opened: BTreeSet<(u32, usize)>,
    used: HashSet<(Vec<u8>, u64)>,
    known: BTreeMap<(u32, u32, u32), Known>,
    /// Key changes by sender.
    changes: BTreeMap<u32, u64>,
    /// Which run of a sender each receiver listens to.
    listens: BTreeMap<(u32, u32), u32>,
}

impl Oracle {
    pub(super) fn new(keys: Keys) -> Self {
        Self {
            keys,
            round: 0,
            records: Vec::new(),
            opened: BTreeSet::new(),
            used: HashSet::new(),
            known: BTreeMap::new(),
            changes: BTreeMap::new(),
            listens: BTreeMap::new(),
        }
    }

    pub(super) fn broken(&self, promise: Promise, what: impl fmt::Display) -> Violation {
        Violation { promise, round: self.round, what: what.to_string() }
    }

    pub(super) fn next_id(&self) -> u64 {
        self.records.len() as u64
    }

    pub(super) fn record(&self, index: usize) -> Option<&Record> {
        self.records.get(index)
    }

    pub(super) fn count(&self) -> usize {
        self.records.len()
    }

    /// The last `n` records.
    pub(super) fn recent(&self, n: usize) -> core::ops::Range<usize> {
        self.records.len().saturating_sub(n)..self.records.len()
    }

    pub(super) fn key_changed(&mut self, who: u32) {
        *self.changes.entry(who).or_default() += 1;
    }

    /// A key or an announcement has arrived.
    pub(super) fn told(&mut self, told: &Told) {
        let at = match self.keys {
            Keys::Sender => told.at,
            Keys::Room => KeyAt::Sender(e2ee_core::Generation(0), e2ee_core::Step(0)),
        };
        self.known.entry((told.to, told.who, told.run)).or_default().told.push(at);
        let run = self.listens.entry((told.to, told.who)).or_default();
        *run = told.run.max(*run);
    }

    /// The receiver was made to listen to another run.
    pub(super) fn listens_to(&mut self, to: u32, from: u32, run: u32) {
        self.listens.insert((to, from), run);
    }

    /// Notes a sealed frame; its nonce must be new.
    pub(super) fn sealed(
        &mut self,
        sealed: Sealed,
        frame: Frame,
        members: BTreeSet<u32>,
        now: Millis,
    ) -> Result<usize, Violation> {
        let Sealed { sender, run, at, key, wire } = sealed;
        let header =
            read_header(&wire, frame.label).ok_or_else(|| Violation::harness("no header on the wire"))?;
        let ctr = header.ctr.0;
        if !self.used.insert((key, ctr)) {
            let what = format!("p{sender} run {run} at {at:?} sealed a second frame with CTR {ctr}");
            return Err(self.broken(Promise::FreshNonce, what));
        }
        let changes = self.changes.get(&sender).copied().unwrap_or(0);
        self.records.push(Record { sender, run, at, ctr, frame, wire, members, sealed_at: now, changes });
        Ok(self.records.len() - 1)
    }

    /// Judges what became of an unchanged frame.
    pub(super) fn judge(
        &mut self,
        to: u32,
        index: usize,
        present: bool,
        now: Millis,
        outcome: &Outcome,
        summary: &mut Summary,
    ) -> Result<(), Violation> {
        let Some(record) = self.records.get(index) else { return Ok(()) };
        let label =
            format!("frame {index} of p{} run {} at {:?} for p{to}", record.sender, record.run, record.at);
        let may = record.members.contains(&to) || self.keys == Keys::Room;
        let before = self.opened.contains(&(to, index));
        let must = present && may && self.within_reach(to, record, now);
        match outcome {
            Ok(_) if !may => Err(self.broken(Promise::MembersOnly, format!("{label} opened"))),
            Ok(_) if before => Err(self.broken(Promise::Once, format!("{label} opened again"))),
            Ok(bytes) if *bytes != record.frame.bytes => {
                Err(self.broken(Promise::SameBytes, format!("{label} opened as {bytes:02x?}")))
            }
            Ok(_) => {
                summary.opened += 1;
                self.opened_by(to, index);
                Ok(())
            }
            Err(OpenCause::Replayed { .. } | OpenCause::TooOld { .. }) if before => {
                summary.repeats += 1;
                Ok(())
            }
            Err(cause) if before && must => {
                Err(self.broken(Promise::RepeatIsSeen, format!("{label}, a repeat: {cause}")))
            }
            Err(cause) if must => Err(self.broken(Promise::Arrives, format!("{label}: {cause}"))),
            Err(_) => {
                *(if before {
                    &mut summary.repeats
                } else if may {
                    &mut summary.early
                } else {
                    &mut summary.spied
                }) += 1;
                Ok(())
            }
        }
    }

    /// Judges what became of a forged frame: it may only open as what a member sealed, spelled otherwise by a
    /// transport that is allowed to.
    pub(super) fn judge_forged(
        &mut self,
        to: u32,
        from: u32,
        label: Label,
        outcome: &Outcome,
        how: &str,
    ) -> Result<(), Violation> {
        let Ok(bytes) = outcome else { return Ok(()) };
        let genuine = self.records.iter().position(|record| {
            record.sender == from && record.frame.label == label && record.frame.bytes == *bytes
        });
        let what = format!("p{to} took a frame of p{from} that was {how}");
        let index = genuine.ok_or_else(|| self.broken(Promise::NoForgery, &what))?;
        if self.opened.contains(&(to, index)) {
            return Err(self.broken(Promise::Once, what));
        }
        if self.keys == Keys::Sender
            && !self.records.get(index).is_some_and(|record| record.members.contains(&to))
        {
            return Err(self.broken(Promise::MembersOnly, what));
        }
        self.opened_by(to, index);
        Ok(())
    }

    fn opened_by(&mut self, to: u32, index: usize) {
        self.opened.insert((to, index));
        if let Some(record) = self.records.get(index) {
            let known = self.known.entry((to, record.sender, record.run)).or_default();
            known.used.insert(record.at);
            let top = known.top.entry((record.at, record.frame.label.kind as u8)).or_default();
            *top = record.ctr.max(*top);
        }
    }

    /// Whether the receiver has what it takes: a key at this step or before it in the generation, not yet retired.
    fn within_reach(&self, to: u32, record: &Record, now: Millis) -> bool {
        if self.listens.get(&(to, record.sender)) != Some(&record.run) {
            return false;
        }
        let Some(known) = self.known.get(&(to, record.sender, record.run)) else { return false };
        // A key retires so long after a newer one was used; the newer one was used after this frame was sealed.
        let young = now.0.saturating_sub(record.sealed_at.0) < LINGER_MS;
        // Many changes at once push old keys out.
        let changes = self.changes.get(&record.sender).copied().unwrap_or(0) - record.changes;
        let kept = changes + 2 < MAX_LIVE_KEYS as u64;
        let top = known.top.get(&(record.at, record.frame.label.kind as u8)).copied().unwrap_or(0);
        let in_window = top.saturating_sub(record.ctr) < REPLAY_WINDOW;
        let leads_here = |at: &KeyAt| match (*at, record.at) {
            (KeyAt::Sender(g, s), KeyAt::Sender(to_g, to_s)) => g == to_g && s <= to_s,
            _ => false,
        };
        let has_key = match self.keys {
            Keys::Sender => known.told.iter().any(leads_here),
            // A generation is derived when it is first seen, and then nothing before it.
            Keys::Room => {
                !known.told.is_empty()
                    && (known.used.iter().any(leads_here) || known.used.iter().all(|used| *used < record.at))
            }
        };
        young && kept && in_window && has_key
    }
}

/// The header of a sealed frame, read as an opener does.
fn read_header(wire: &[u8], label: Label) -> Option<Header> {
    let mut buf = FrameBuf::new();
    buf.fill(wire);
    let clear = codec::unwrap(label.rule, &mut buf).ok()?;
    Header::decode(buf.bytes().get(clear + 1..)?).ok().map(|(header, _)| header)
}
