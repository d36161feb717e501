//! Test mode: how much of what the SFU saw was plaintext.
//!
//! Senders tell, per frame, a few runs of bytes from what their encoder made (`POST /api/plaintext`); the SFU looks for
//! them in its own copy of that frame. Packetizers change start codes and size fields but not the bytes between, so a
//! frame in clear is found out by any one of the runs.

use std::collections::{BTreeMap, VecDeque};

use memchr::memmem;
use serde::{Deserialize, Serialize};

use crate::codec::Codec;
use crate::depacketize::Frame;

/// Memory for frames that wait to be compared, bytes.
const MAX_HELD: usize = 48 << 20;
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
    /// Frames put together.
    frames: u64,
    /// Of these, compared with what a sender told.
    compared: u64,
    /// Of these, found to hold what the sender's encoder made.
    plaintext_frames: u64,
    /// What senders told of frames that the SFU does not have.
    unknown: u64,
    streams: BTreeMap<u32, Stream>,
}

#[derive(Debug, Default, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Stream {
    codec: Option<Codec>,
    frames: u64,
    compared: u64,
    plaintext_frames: u64,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    held: VecDeque<Frame>,
    bytes: usize,
    judged: Judged,
}

impl Verdict {
    /// Keeps a frame for comparison.
    pub(crate) fn saw(&mut self, frame: Frame) {
        self.judged.frames += 1;
        let stream = self.judged.streams.entry(frame.ssrc).or_default();
        stream.codec = Some(frame.codec);
        stream.frames += 1;
        self.bytes += frame.bytes.len();
        self.held.push_back(frame);
        while self.bytes > MAX_HELD {
            let Some(old) = self.held.pop_front() else { break };
            self.bytes = self.bytes.saturating_sub(old.bytes.len());
        }
    }

    /// Compares what a sender tells.
    pub(crate) fn compare(&mut self, plaintext: &Plaintext) {
        for told in &plaintext.frames {
            let runs: Vec<Vec<u8>> =
                told.windows.iter().filter_map(|w| unhex(w)).filter(|w| w.len() >= MIN_RUN).collect();
            if runs.is_empty() {
                continue;
            }
            let mine = self.held.iter().filter(|f| f.ssrc == told.ssrc && f.timestamp == told.ts);
            let mut found = None;
            for frame in mine {
                let clear = runs.iter().any(|run| memmem::find(&frame.bytes, run).is_some());
                found = Some(found.unwrap_or(false) || clear);
            }
            let Some(clear) = found else {
                self.judged.unknown += 1;
                continue;
            };
            let stream = self.judged.streams.entry(told.ssrc).or_default();
            stream.compared += 1;
            self.judged.compared += 1;
            if clear {
                stream.plaintext_frames += 1;
                self.judged.plaintext_frames += 1;
            }
        }
    }

    /// The verdict so far.
    pub(crate) fn judged(&self) -> Judged {
        self.judged.clone()
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

    fn frame(bytes: &[u8]) -> Frame {
        Frame { ssrc: 7, timestamp: 9, codec: Codec::Vp8, key: false, bytes: bytes.to_vec() }
    }

    fn told(windows: &[&str], ts: u32) -> Plaintext {
        let windows = windows.iter().map(|w| (*w).to_owned()).collect();
        Plaintext { frames: vec![Told { ssrc: 7, ts, windows }] }
    }

    #[test]
    fn a_frame_in_clear_is_found_by_any_run() {
        let mut verdict = Verdict::default();
        verdict.saw(frame(b"..0123456789abcdef.."));
        verdict.compare(&told(&["ffffffffffffffffffff", "30313233343536373839"], 9));
        let judged = verdict.judged();
        assert_eq!((judged.frames, judged.compared, judged.plaintext_frames), (1, 1, 1));
    }

    #[test]
    fn a_sealed_frame_is_compared_and_found_clean() {
        let mut verdict = Verdict::default();
        verdict.saw(frame(&[0xa5; 60]));
        verdict.compare(&told(&["30313233343536373839"], 9));
        verdict.compare(&told(&["30313233343536373839"], 10));
        verdict.compare(&told(&["3031", "zz", ""], 9));
        let judged = verdict.judged();
        assert_eq!((judged.compared, judged.plaintext_frames, judged.unknown), (1, 0, 1));
    }
}
