//! Replay windows over IVs: one for each SSRC of each kind of track, fed by authenticated frames alone.
//!
//! A sender's count grows by one a frame, so the entry at `count modulo LEN` only ever moves to a later timestamp. A
//! frame is fresh when it is newer than all before it, or when the entry in its place is older: then it was not seen,
//! and not forgotten either. Timestamps are compared modulo 2^32, so this holds for the last 2^31 ticks of the RTP
//! clock: 6.6 hours of video, 12 of Opus. A repeat from further back, under a key that still lives, would pass once. So
//! would one from before the last [`LEN`] frames of a sender whose browser tells no SSRC.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::iv::Iv;
use crate::id::TrackKind;
use crate::key::replay::Freshness;

/// Frames remembered of one SSRC: over eight seconds at 60 frames a second.
const LEN: usize = 512;
/// SSRCs with a window at a time.
const MAX_WINDOWS: usize = 48;
/// SSRCs of which only the newest timestamp is remembered.
const MAX_CLOSED: usize = 1024;
/// What senders write whose browser tells no SSRC. Tracks and layers then share it, so timestamps do not order frames.
pub(crate) const NO_SSRC: u32 = u32::MAX;

/// Timestamp and count; the count's own place tells an empty entry.
#[derive(Clone, Copy, Default)]
struct Seen {
    timestamp: u32,
    count: u32,
    used: bool,
}

struct Window {
    kind: TrackKind,
    ssrc: u32,
    top: u32,
    /// Nothing up to here passes: the newest timestamp of an earlier window of this SSRC.
    floor: Option<u32>,
    seen: Box<[Seen; LEN]>,
}

/// The windows of one participant.
#[derive(Default)]
pub(crate) struct Windows {
    open: Vec<Window>,
    /// Windows that had to make room: nothing up to the timestamp passes again.
    closed: Vec<(TrackKind, u32, u32)>,
}

impl Windows {
    pub(crate) const fn new() -> Self {
        Self { open: Vec::new(), closed: Vec::new() }
    }

    /// Looks an IV up. Changes nothing.
    #[inline]
    pub(crate) fn check(&self, kind: TrackKind, iv: Iv) -> Freshness {
        if let Some(window) = self.open.iter().find(|w| w.ssrc == iv.ssrc && w.kind == kind) {
            return window.check(iv);
        }
        match self.closed.iter().find(|(k, ssrc, _)| *ssrc == iv.ssrc && *k == kind) {
            Some((_, _, top)) if !newer(iv.timestamp, *top) => Freshness::TooOld,
            _ => Freshness::Fresh,
        }
    }

    /// Remembers an IV that was fresh, and whose frame was authenticated.
    #[inline]
    pub(crate) fn mark(&mut self, kind: TrackKind, iv: Iv) {
        match self.open.iter_mut().find(|w| w.ssrc == iv.ssrc && w.kind == kind) {
            Some(window) => window.mark(iv),
            None => self.open(kind, iv),
        }
    }

    #[cold]
    fn open(&mut self, kind: TrackKind, iv: Iv) {
        if self.open.len() >= MAX_WINDOWS {
            let oldest = self.open.remove(0);
            if self.closed.len() >= MAX_CLOSED {
                self.closed.remove(0);
            }
            self.closed.push((oldest.kind, oldest.ssrc, oldest.top));
        }
        let closed = self.closed.iter().position(|(k, ssrc, _)| *ssrc == iv.ssrc && *k == kind);
        let floor = closed.map(|at| self.closed.remove(at).2);
        let seen = Box::new([Seen::default(); LEN]);
        let mut window = Window { kind, ssrc: iv.ssrc, top: iv.timestamp, floor, seen };
        window.mark(iv);
        self.open.push(window);
    }
}

impl Window {
    #[inline]
    fn check(&self, iv: Iv) -> Freshness {
        let Some(seen) = self.seen.get(iv.count as usize % LEN) else { return Freshness::TooOld };
        if self.floor.is_some_and(|floor| !newer(iv.timestamp, floor)) {
            return Freshness::TooOld;
        }
        if !seen.used {
            return Freshness::Fresh;
        }
        if seen.timestamp == iv.timestamp && seen.count == iv.count {
            return Freshness::Seen;
        }
        if iv.ssrc == NO_SSRC || newer(iv.timestamp, self.top) || newer(iv.timestamp, seen.timestamp) {
            return Freshness::Fresh;
        }
        Freshness::TooOld
    }

    #[inline]
    fn mark(&mut self, iv: Iv) {
        if newer(iv.timestamp, self.top) {
            self.top = iv.timestamp;
        }
        if let Some(seen) = self.seen.get_mut(iv.count as usize % LEN) {
            *seen = Seen { timestamp: iv.timestamp, count: iv.count, used: true };
        }
    }
}

/// Serial number arithmetic (RFC 1982).
const fn newer(a: u32, b: u32) -> bool {
    a != b && a.wrapping_sub(b) < 1 << 31
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    proptest! {
        /// Whatever order frames come in, none passes twice, and one that is not too late passes once.
        #[test]
        fn no_frame_passes_twice(
            start in any::<u32>(), clock in any::<u32>(),
            order in prop::collection::vec(0u32..1500, 1..3000),
        ) {
            let (mut windows, mut passed, mut newest) = (Windows::new(), HashSet::new(), 0);
            for n in order {
                let iv = Iv { ssrc: 7, timestamp: clock.wrapping_add(n * 960), count: start.wrapping_add(n) };
                let fresh = windows.check(TrackKind::Audio, iv) == Freshness::Fresh;
                if fresh {
                    windows.mark(TrackKind::Audio, iv);
                    prop_assert!(passed.insert(n), "{} twice", n);
                } else {
                    prop_assert!(passed.contains(&n) || n + (LEN as u32) <= newest, "{} of {} refused", n, newest);
                }
                newest = newest.max(n);
            }
        }
    }

    #[test]
    fn a_window_that_made_room_lets_nothing_old_pass() {
        let mut windows = Windows::new();
        let iv = |ssrc, timestamp| Iv { ssrc, timestamp, count: timestamp };
        windows.mark(TrackKind::Video, iv(0, 10));
        for ssrc in 1..=MAX_WINDOWS as u32 {
            windows.mark(TrackKind::Video, iv(ssrc, 5));
        }
        assert_eq!(windows.check(TrackKind::Video, iv(0, 10)), Freshness::TooOld);
        assert_eq!(windows.check(TrackKind::Video, iv(0, 11)), Freshness::Fresh);
        windows.mark(TrackKind::Video, iv(0, 11));
        assert_eq!(windows.check(TrackKind::Video, iv(0, 9)), Freshness::TooOld);
        assert_eq!(windows.check(TrackKind::Video, iv(0, 12)), Freshness::Fresh);
        assert_eq!(windows.check(TrackKind::Video, iv(2, 5)), Freshness::Seen);
        assert_eq!(windows.check(TrackKind::Audio, iv(1, 5)), Freshness::Fresh);
    }
}
