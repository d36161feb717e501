//! The IV: `SSRC | t | t - count`, and the counter that makes it unique.

use super::IV_LEN;

/// Frames that a sealer seals before it says [`crate::SealCause::Worn`]: after so many, counts would repeat.
pub(super) const MAX_FRAMES: u64 = 1 << 32;

/// The three words of an IV.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Iv {
    pub(crate) ssrc: u32,
    pub(crate) timestamp: u32,
    pub(crate) count: u32,
}

impl Iv {
    pub(super) fn to_bytes(self) -> [u8; IV_LEN] {
        let [a, b, c, d] = self.ssrc.to_be_bytes();
        let [e, f, g, h] = self.timestamp.to_be_bytes();
        let [i, j, k, l] = self.timestamp.wrapping_sub(self.count).to_be_bytes();
        [a, b, c, d, e, f, g, h, i, j, k, l]
    }

    pub(super) const fn from_bytes([a, b, c, d, e, f, g, h, i, j, k, l]: [u8; IV_LEN]) -> Self {
        let timestamp = u32::from_be_bytes([e, f, g, h]);
        Self {
            ssrc: u32::from_be_bytes([a, b, c, d]),
            timestamp,
            count: timestamp.wrapping_sub(u32::from_be_bytes([i, j, k, l])),
        }
    }
}

/// Gives every count once. Two IVs of equal SSRC and timestamp then differ in their third word; others differ anyway.
pub(crate) struct Counter {
    next: u32,
    left: u64,
}

impl Counter {
    /// Starts anywhere: where several senders share a key, it is one more thing in which their IVs differ.
    pub(crate) const fn new(start: u32) -> Self {
        Self { next: start, left: MAX_FRAMES }
    }

    pub(crate) fn take(&mut self) -> Option<u32> {
        self.left = self.left.checked_sub(1)?;
        let count = self.next;
        self.next = count.wrapping_add(1);
        Some(count)
    }

    pub(crate) const fn used(&self) -> u64 {
        MAX_FRAMES - self.left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_iv_reads_as_it_was_written() {
        for (timestamp, count) in [(0, 0), (0, 1), (u32::MAX, 0), (10, 65534), (7, u32::MAX)] {
            let iv = Iv { ssrc: 0x0102_0304, timestamp, count };
            assert_eq!(Iv::from_bytes(iv.to_bytes()), iv);
        }
    }

    #[test]
    fn counts_end_before_one_repeats() {
        let mut counter = Counter { next: u32::MAX, left: 2 };
        assert_eq!([counter.take(), counter.take(), counter.take()], [Some(u32::MAX), Some(0), None]);
    }
}
