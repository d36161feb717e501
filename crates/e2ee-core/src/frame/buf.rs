//! One frame in memory with room on both sides, so that sealing and opening work in place.
//!
//! ```text
//! | head-room (at least HEAD_ROOM) | live bytes | tail-room |
//! ```
//! The buffer is reused from frame to frame; it allocates only when a frame is larger than any before.

use alloc::vec;
use alloc::vec::Vec;

use zeroize::Zeroize;

/// Bytes kept free before a frame: the longest SFrame header (17) and the longest OBU carrier (9).
pub const HEAD_ROOM: usize = 32;
/// Bytes kept free behind a frame: tag (16), layout byte, moved-run table, padding of small frames.
pub const TAIL_ROOM: usize = 160;

/// An owned frame buffer. Live bytes are what [`FrameBuf::bytes`] shows.
///
/// It holds plaintext, so it is wiped when dropped.
#[derive(Default)]
pub struct FrameBuf {
    store: Vec<u8>,
    start: usize,
    end: usize,
}

impl FrameBuf {
    /// An empty buffer; the first frame allocates.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A buffer that takes frames of up to `len` bytes without allocating.
    #[must_use]
    pub fn with_capacity(len: usize) -> Self {
        let mut buf = Self::default();
        let _ = buf.reset(len);
        buf
    }

    /// Makes the live range `len` bytes long and hands it out to be written.
    /// What it holds before that is unspecified (an earlier frame).
    pub fn reset(&mut self, len: usize) -> &mut [u8] {
        let want = len.saturating_add(HEAD_ROOM + TAIL_ROOM);
        if self.store.len() < want {
            self.replace(want);
        }
        self.start = HEAD_ROOM;
        self.end = HEAD_ROOM.saturating_add(len);
        self.bytes_mut()
    }

    /// Copies `frame` in as the live bytes.
    pub fn fill(&mut self, frame: &[u8]) {
        self.reset(frame.len()).copy_from_slice(frame);
    }

    /// The live bytes.
    #[must_use]
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        self.store.get(self.start..self.end).unwrap_or_default()
    }

    /// The live bytes, writable.
    #[inline]
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        self.store.get_mut(self.start..self.end).unwrap_or_default()
    }

    /// How many bytes are live.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.end.saturating_sub(self.start)
    }

    /// True when no byte is live.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where the live bytes start, in bytes from the start of the allocation.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.start
    }

    /// Drops the live bytes (used on failure, so that a refused frame cannot be read by mistake).
    pub fn clear(&mut self) {
        self.end = self.start;
    }

    /// Adds `n` live bytes in front (old content of the head-room). `false` when the head-room is too small.
    #[inline]
    #[must_use]
    pub(crate) fn grow_front(&mut self, n: usize) -> bool {
        match self.start.checked_sub(n) {
            Some(start) => {
                self.start = start;
                true
            }
            None => false,
        }
    }

    /// Takes `n` live bytes away in front; all of them when there are fewer.
    #[inline]
    pub(crate) fn shrink_front(&mut self, n: usize) {
        self.start = self.start.saturating_add(n).min(self.end);
    }

    /// Adds `n` live bytes behind, growing the allocation when the tail-room is used up.
    #[inline]
    pub(crate) fn grow_back(&mut self, n: usize) {
        let end = self.end.saturating_add(n);
        if end > self.store.len() {
            self.enlarge(end);
        }
        self.end = end;
    }

    /// Appends `bytes`.
    #[inline]
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let at = self.len();
        self.grow_back(bytes.len());
        if let Some(room) = self.bytes_mut().get_mut(at..) {
            room.copy_from_slice(bytes);
        }
    }

    /// Keeps the first `n` live bytes.
    #[inline]
    pub(crate) fn truncate(&mut self, n: usize) {
        self.end = self.end.min(self.start.saturating_add(n));
    }

    /// A larger allocation in place of this one.
    #[cold]
    #[inline(never)]
    fn replace(&mut self, want: usize) {
        // The old bytes may be plaintext and would stay behind in freed memory.
        self.store.zeroize();
        self.store = vec![0; want.saturating_add(want / 8)];
    }

    #[cold]
    #[inline(never)]
    fn enlarge(&mut self, end: usize) {
        let mut next = vec![0; end.saturating_add(end / 4).saturating_add(TAIL_ROOM)];
        for (new, old) in next.iter_mut().zip(self.store.iter()) {
            *new = *old;
        }
        self.store.zeroize();
        self.store = next;
    }
}

impl Drop for FrameBuf {
    fn drop(&mut self) {
        self.store.zeroize();
    }
}

impl core::fmt::Debug for FrameBuf {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("FrameBuf").field("len", &self.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_keeps_its_bytes_while_the_tail_grows_past_the_allocation() {
        let mut buf = FrameBuf::new();
        buf.fill(b"frame");
        buf.push(&[7; 4096]);
        assert_eq!(&buf.bytes()[..5], b"frame");
        assert!(buf.bytes()[5..].iter().all(|b| *b == 7));
        assert!(buf.grow_front(HEAD_ROOM));
        assert!(!buf.grow_front(1));
    }

    #[test]
    fn shrinking_past_the_end_leaves_an_empty_frame() {
        let mut buf = FrameBuf::new();
        buf.fill(b"ab");
        buf.shrink_front(9);
        assert!(buf.is_empty());
        buf.truncate(5);
        assert!(buf.is_empty());
    }
}
