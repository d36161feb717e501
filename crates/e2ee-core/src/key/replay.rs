//! Sliding replay window over the counters of one key (the scheme of RFC 6479).

const WORD_BITS: u64 = 64;
/// Words in the bitmap. One word more than the window needs, so that the newest word may be partly used.
const WORDS: u64 = 32;

/// How far behind the newest counter a frame may arrive and still pass: 1984 counters.
///
/// Three simulcast layers of two cameras at 30 frames per second use 180 counters a second, so this is over ten
/// seconds of reordering between streams that share a key.
pub const REPLAY_WINDOW: u64 = (WORDS - 1) * WORD_BITS;

/// What the window says of a counter that has not been authenticated yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Never seen and inside the window.
    Fresh,
    /// Seen before: a repeat of a genuine frame, or somebody replaying one.
    Seen,
    /// So far behind that nobody can tell.
    TooOld,
}

/// Remembers which counters were authenticated.
#[derive(Clone)]
pub struct ReplayWindow {
    /// The highest authenticated counter; 0 at the start, when no bit is set either.
    top: u64,
    bits: [u64; WORDS as usize],
}

impl Default for ReplayWindow {
    fn default() -> Self {
        Self { top: 0, bits: [0; WORDS as usize] }
    }
}

impl ReplayWindow {
    /// Looks `ctr` up. Changes nothing.
    #[inline]
    #[must_use]
    pub fn check(&self, ctr: u64) -> Freshness {
        if ctr > self.top {
            return Freshness::Fresh;
        }
        if self.top - ctr >= REPLAY_WINDOW {
            return Freshness::TooOld;
        }
        let word = self.bits.get(word_of(ctr)).copied().unwrap_or(u64::MAX);
        if word & bit_of(ctr) == 0 { Freshness::Fresh } else { Freshness::Seen }
    }

    /// Marks `ctr` as seen. Call it only for a frame that was authenticated.
    #[inline]
    pub fn mark(&mut self, ctr: u64) {
        if ctr > self.top {
            let newest = self.top / WORD_BITS;
            let ahead = (ctr / WORD_BITS).saturating_sub(newest).min(WORDS);
            for n in 1..=ahead {
                if let Some(word) = self.bits.get_mut(((newest + n) % WORDS) as usize) {
                    *word = 0;
                }
            }
            self.top = ctr;
        }
        if let Some(word) = self.bits.get_mut(word_of(ctr)) {
            *word |= bit_of(ctr);
        }
    }
}

#[inline]
const fn word_of(ctr: u64) -> usize {
    ((ctr / WORD_BITS) % WORDS) as usize
}

#[inline]
const fn bit_of(ctr: u64) -> u64 {
    1 << (ctr % WORD_BITS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_first_counter_may_be_any() {
        for first in [0, 1, 63, 64, 1 << 40, u64::MAX - 1, u64::MAX] {
            let mut window = ReplayWindow::default();
            assert_eq!(window.check(first), Freshness::Fresh);
            window.mark(first);
            assert_eq!(window.check(first), Freshness::Seen);
        }
    }

    #[test]
    fn the_window_ends_where_it_says() {
        let mut window = ReplayWindow::default();
        window.mark(10 * REPLAY_WINDOW);
        assert_eq!(window.check(9 * REPLAY_WINDOW + 1), Freshness::Fresh);
        assert_eq!(window.check(9 * REPLAY_WINDOW), Freshness::TooOld);
    }

    proptest! {
        #[test]
        fn agrees_with_a_set_of_all_counters(steps in prop::collection::vec((0u64..5000, any::<bool>()), 1..400)) {
            let (mut window, mut seen, mut top) = (ReplayWindow::default(), BTreeSet::new(), 0u64);
            for (n, jump) in steps {
                let ctr = if jump { top + n } else { top.saturating_sub(n) };
                let want = if seen.contains(&ctr) && (top - ctr) < REPLAY_WINDOW { Freshness::Seen }
                    else if !seen.is_empty() && ctr < top && top - ctr >= REPLAY_WINDOW { Freshness::TooOld }
                    else { Freshness::Fresh };
                prop_assert_eq!(window.check(ctr), want, "ctr {} top {}", ctr, top);
                if want == Freshness::Fresh {
                    window.mark(ctr);
                    seen.insert(ctr);
                    top = top.max(ctr);
                }
            }
        }
    }
}
