//! Test mode: how much of what the SFU saw was plaintext.
//!
//! Senders tell, per frame, a few runs of bytes from what their encoder made (`POST /api/plaintext`); the SFU looks for
//! them in its own copy of that frame. Packetizers change start codes and size fields but not the bytes between, so a
//! frame in clear is found out by any one of the runs.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::{Duration, Instant};

use memchr::memmem;
use serde::{Deserialize, Serialize};

use crate::codec::Codec;
use crate::depacketize::Frame;

/// Memory for frames that wait to be compared or dumped, bytes.
const MAX_HELD: usize = 48 << 20;
/// How long frames are held.
const HELD_FOR: Duration = Duration::from_secs(20);
/// How long what a sender told waits for its frame: a sender's pacer may hold a large frame back.
const TOLD_FOR: Duration = Duration::from_secs(5);
/// Frames told of that may wait at once.
const MAX_TOLD: usize = 1 << 14;
/// Shortest run that is compared: shorter ones could be met by chance.
const MIN_RUN: usize = 8;

/// What senders tell of their frames.
#[derive(Debug, Deserialize)]
pub(crate) struct Plaintext {
    frames: Vec<Told>,
}

#[derive(Debug, Deserialize)]
struct Told {
    ssrc: u32,
    /// RTP timestamp.
    ts: u32,
    /// Runs of the frame's bytes, hex.
    windows: Vec<String>,
}

/// `GET /api/verdict`.
#[derive(Debug, Default, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Judged {
    #[serde(flatten)]
    counts: Counts,
    /// What senders told of frames that the SFU does not have.
    unknown: u64,
    /// The same by stream.
    pub(crate) streams: Vec<JudgedStream>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Counts {
    /// Frames put together.
    frames: u64,
    /// Of these, compared with what a sender told.
    compared: u64,
    /// Of these, found to hold what the sender's encoder made.
    plaintext_frames: u64,
}

/// One RTP stream in the verdict.
#[derive(Debug, Default, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JudgedStream {
    pub(crate) ssrc: u32,
    pub(crate) codec: Option<Codec>,
    /// Whose it is; missing when the participant has left.
    #[serde(flatten)]
    pub(crate) origin: Option<Origin>,
    #[serde(flatten)]
    counts: Counts,
}

/// Where a stream comes from.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Origin {
    pub(crate) room: String,
    pub(crate) id: String,
    pub(crate) mid: String,
    pub(crate) kind: crate::signal::TrackKind,
    pub(crate) rid: Option<String>,
}

/// Name of a frame: SSRC and RTP timestamp.
type Name = (u32, u32);

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    held: VecDeque<Held>,
    bytes: usize,
    /// Number of the frame at the front of `held`.
    first: u64,
    index: HashMap<Name, u64>,
    told: VecDeque<(Name, Instant)>,
    runs: HashMap<Name, Vec<Vec<u8>>>,
    unknown: u64,
    streams: BTreeMap<u32, (Option<Codec>, Counts)>,
}

#[derive(Debug)]
struct Held {
    frame: Frame,
    since: Instant,
    compared: bool,
    clear: bool,
}

impl Verdict {
    /// Keeps a frame, and compares it if its sender has told of it.
    pub(crate) fn saw(&mut self, frame: Frame, now: Instant) {
        let name = (frame.ssrc, frame.timestamp);
        let (codec, counts) = self.streams.entry(frame.ssrc).or_default();
        *codec = Some(frame.codec);
        counts.frames += 1;
        self.bytes += frame.bytes.len();
        self.index.insert(name, self.first + self.held.len() as u64);
        self.held.push_back(Held { frame, since: now, compared: false, clear: false });
        if let Some(runs) = self.runs.remove(&name) {
            self.compare(name, &runs);
        }
        self.forget(now);
    }

    /// Compares what a sender tells, now or when the frame is there.
    pub(crate) fn told(&mut self, plaintext: &Plaintext, now: Instant) {
        for told in &plaintext.frames {
            let runs: Vec<Vec<u8>> =
                told.windows.iter().filter_map(|w| unhex(w)).filter(|w| w.len() >= MIN_RUN).collect();
            let name = (told.ssrc, told.ts);
            if runs.is_empty() || self.compare(name, &runs) {
                continue;
            }
            self.told.push_back((name, now));
            // The layers of a picture are told one by one.
            self.runs.entry(name).or_default().extend(runs);
        }
        self.forget(now);
    }

    /// The verdict so far.
    pub(crate) fn judged(&self) -> Judged {
        let streams = self.streams.iter().map(|(ssrc, (codec, counts))| JudgedStream {
            ssrc: *ssrc,
            codec: *codec,
            origin: None,
            counts: *counts,
        });
        let mut counts = Counts::default();
        for (_, stream) in self.streams.values() {
            counts.frames += stream.frames;
            counts.compared += stream.compared;
            counts.plaintext_frames += stream.plaintext_frames;
        }
        Judged { counts, unknown: self.unknown, streams: streams.collect() }
    }

    /// Frames of a stream that are still held, oldest first.
    pub(crate) fn held(&self, ssrc: u32) -> impl Iterator<Item = &Frame> {
        self.held.iter().map(|h| &h.frame).filter(move |f| f.ssrc == ssrc)
    }

    /// Looks for the runs; whether the frame is there. A frame counts once, however often it is told of.
    fn compare(&mut self, name: Name, runs: &[Vec<u8>]) -> bool {
        let at = self.index.get(&name).and_then(|n| usize::try_from(n - self.first).ok());
        let Some(held) = at.and_then(|at| self.held.get_mut(at)) else { return false };
        let clear = runs.iter().any(|run| memmem::find(&held.frame.bytes, run).is_some());
        let (_, counts) = self.streams.entry(name.0).or_default();
        counts.compared += u64::from(!std::mem::replace(&mut held.compared, true));
        counts.plaintext_frames += u64::from(clear && !std::mem::replace(&mut held.clear, true));
        true
    }

    fn forget(&mut self, now: Instant) {
        let old = |h: &Held| now.duration_since(h.since) > HELD_FOR;
        while self.held.front().is_some_and(|h| self.bytes > MAX_HELD || old(h)) {
            let Some(Held { frame, .. }) = self.held.pop_front() else { break };
            self.bytes = self.bytes.saturating_sub(frame.bytes.len());
            let name = (frame.ssrc, frame.timestamp);
            if self.index.get(&name) == Some(&self.first) {
                self.index.remove(&name);
            }
            self.first += 1;
        }
        let late = |at: &Instant| now.duration_since(*at) > TOLD_FOR;
        while self.told.front().is_some_and(|(_, at)| self.told.len() > MAX_TOLD || late(at)) {
            let Some((name, _)) = self.told.pop_front() else { break };
            self.unknown += u64::from(self.runs.remove(&name).is_some());
        }
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let digit = |c: u8| char::from(c).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let all: Option<Vec<u8>> = pairs.iter().map(|[a, b]| Some(digit(*a)? << 4 | digit(*b)?)).collect();
    all.filter(|_| rest.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: &str = "30313233343536373839";
    const OTHER: &str = "ffffffffffffffffffff";

    fn frame(timestamp: u32, bytes: &[u8]) -> Frame {
        Frame { ssrc: 7, timestamp, codec: Codec::Vp8, key: false, bytes: bytes.to_vec() }
    }

    fn told(windows: &[&str], ts: u32) -> Plaintext {
        let windows = windows.iter().map(|w| (*w).to_owned()).collect();
        Plaintext { frames: vec![Told { ssrc: 7, ts, windows }] }
    }

    fn counts(verdict: &Verdict) -> (u64, u64, u64, u64) {
        let Judged { counts, unknown, .. } = verdict.judged();
        (counts.frames, counts.compared, counts.plaintext_frames, unknown)
    }

    #[test]
    fn a_frame_in_clear_is_found_by_any_run_and_counts_once() {
        let now = Instant::now();
        let mut verdict = Verdict::default();
        verdict.saw(frame(9, b"..0123456789abcdef.."), now);
        verdict.told(&told(&[OTHER], 9), now);
        assert_eq!(counts(&verdict), (1, 1, 0, 0));
        verdict.told(&told(&[OTHER, RUN], 9), now);
        assert_eq!(counts(&verdict), (1, 1, 1, 0));
        verdict.told(&told(&[RUN], 9), now);
        assert_eq!(counts(&verdict), (1, 1, 1, 0), "told twice");
    }

    #[test]
    fn what_is_told_waits_for_its_frame_and_then_is_unknown() {
        let now = Instant::now();
        let mut verdict = Verdict::default();
        verdict.told(&told(&[RUN], 9), now);
        verdict.told(&told(&[RUN], 10), now);
        verdict.saw(frame(9, b"..0123456789abcdef.."), now);
        assert_eq!(counts(&verdict), (1, 1, 1, 0));
        verdict.saw(frame(11, b"x"), now + TOLD_FOR + Duration::from_millis(1));
        assert_eq!(counts(&verdict), (2, 1, 1, 1));
    }

    #[test]
    fn a_sealed_frame_is_compared_and_found_clean() {
        let now = Instant::now();
        let mut verdict = Verdict::default();
        verdict.saw(frame(9, &[0xa5; 60]), now);
        verdict.told(&told(&["3031", "zz", ""], 9), now);
        assert_eq!(counts(&verdict), (1, 0, 0, 0), "nothing that could be compared");
        verdict.told(&told(&[RUN], 9), now);
        assert_eq!(counts(&verdict), (1, 1, 0, 0));
    }

    #[test]
    fn memory_is_bounded_by_size_and_by_time() {
        let now = Instant::now();
        let mut verdict = Verdict::default();
        for n in 0..60 {
            verdict.saw(frame(n, &vec![0; 1 << 20]), now);
        }
        assert_eq!(verdict.held(7).count(), 48);
        assert_eq!(verdict.index.len(), 48);
        verdict.told(&told(&["00000000000000000000"], 59), now);
        assert_eq!(counts(&verdict), (60, 1, 1, 0), "the index goes with the frames");
        verdict.saw(frame(99, b"new"), now + HELD_FOR + Duration::from_secs(1));
        assert_eq!((verdict.held(7).count(), verdict.index.len(), verdict.bytes), (1, 1, 3));
    }
}
