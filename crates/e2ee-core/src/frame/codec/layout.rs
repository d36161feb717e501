//! The units before the first slice or coded OBU, and how the clear ones come to stand in front.

use super::super::buf::FrameBuf;
use super::LayoutError;

/// One clear unit, or one run of neighbouring moved units, as byte positions in the frame.
#[derive(Clone, Copy, Default)]
pub(super) struct Unit {
    /// First byte of the framing (start code; OBU header and size).
    pub(super) start: usize,
    /// First byte behind the framing.
    pub(super) body: usize,
    /// End of the unit.
    pub(super) end: usize,
    /// The canonical framing of a clear unit.
    pub(super) framing: Framing,
    /// Not clear: goes into the ciphertext.
    pub(super) moved: bool,
}

/// Canonical framing: 4-byte start code, or OBU header, extension and up to two size bytes.
#[derive(Clone, Copy, Default)]
pub(super) struct Framing {
    bytes: [u8; 4],
    len: u8,
}

/// What stands before the body of a frame, in frame order, without gaps.
#[derive(Default)]
pub(super) struct Units {
    list: [Unit; MAX_CLEAR_UNITS + MAX_RUNS],
    len: usize,
    clear_units: usize,
    clear_bytes: usize,
    runs: usize,
}

impl Framing {
    /// Appends one byte; a fifth is dropped (no caller has one, [`MAX_CLEAR`] keeps size fields at two bytes).
    pub(super) fn push(&mut self, byte: u8) {
        if let Some(slot) = self.bytes.get_mut(usize::from(self.len)) {
            *slot = byte;
            self.len += 1;
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

impl From<[u8; 4]> for Framing {
    fn from(bytes: [u8; 4]) -> Self {
        Self { bytes, len: 4 }
    }
}

impl Unit {
    fn len(&self) -> usize {
        self.end.saturating_sub(self.start)
    }

    /// Length once the framing is canonical.
    pub(super) fn canonical_len(&self) -> usize {
        self.end.saturating_sub(self.body).saturating_add(self.framing.bytes().len())
    }

    /// Bytes that canonical framing adds.
    fn growth(&self) -> usize {
        self.canonical_len().saturating_sub(self.len())
    }

    fn is_canonical(&self, bytes: &[u8]) -> bool {
        bytes.get(self.start..self.body) == Some(self.framing.bytes())
    }
}

impl Units {
    /// Adds a clear unit.
    pub(super) fn add_clear(&mut self, unit: Unit) -> Result<(), LayoutError> {
        self.clear_units += 1;
        self.clear_bytes = self.clear_bytes.saturating_add(unit.canonical_len());
        if self.clear_units > MAX_CLEAR_UNITS || self.clear_bytes > MAX_CLEAR {
            return Err(LayoutError::TooComplex);
        }
        self.push(unit)
    }

    /// Adds a unit that has to move; neighbours become one run.
    pub(super) fn add_moved(&mut self, start: usize, end: usize) -> Result<(), LayoutError> {
        if let Some(last) = self.list.get_mut(..self.len).and_then(|list| list.last_mut())
            && last.moved
        {
            last.end = end;
            return Ok(());
        }
        self.runs += 1;
        if self.runs > MAX_RUNS {
            return Err(LayoutError::TooComplex);
        }
        self.push(Unit { start, body: start, end, framing: Framing::default(), moved: true })
    }

    /// Forgets moved units behind the last clear one: they are where the body begins.
    pub(super) fn end_with_clear(&mut self) {
        if self.as_slice().last().is_some_and(|unit| unit.moved) {
            self.len -= 1;
            self.runs -= 1;
        }
    }

    pub(super) fn as_slice(&self) -> &[Unit] {
        self.list.get(..self.len).unwrap_or_default()
    }

    /// True when at least one unit has to move.
    pub(super) fn any_moved(&self) -> bool {
        self.runs > 0
    }

    fn push(&mut self, unit: Unit) -> Result<(), LayoutError> {
        *self.list.get_mut(self.len).ok_or(LayoutError::TooComplex)? = unit;
        self.len += 1;
        Ok(())
    }
}

/// What becomes of moved units.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Moved {
    /// They stay behind the clear prefix.
    Keep,
    /// They are dropped: a transport added them.
    Drop,
}

/// Brings clear units to the front, in canonical spelling, moved ones behind them, both in frame order.
/// Returns the length of the clear prefix.
pub(super) fn settle(buf: &mut FrameBuf, units: &Units, moved: Moved) -> Result<usize, LayoutError> {
    let list = units.as_slice();
    let prefix = list.last().map_or(0, |unit| unit.end);
    let bytes = buf.bytes_mut();
    let canonical = list.iter().all(|unit| unit.moved || unit.is_canonical(bytes));

    let mut raw = 0_usize;
    for unit in list.iter().filter(|unit| !unit.moved) {
        if unit.start > raw {
            let region = bytes.get_mut(raw..unit.end).ok_or(LayoutError::Malformed)?;
            region.rotate_right(unit.len());
        }
        raw = raw.saturating_add(unit.len());
    }
    let dropped = if moved == Moved::Drop { prefix.saturating_sub(raw) } else { 0 };
    if canonical && dropped == 0 {
        return Ok(raw);
    }

    // Rewrite from the left. The gap in front is as wide as all growth, so no write passes a read.
    let gap: usize = list.iter().filter(|unit| !unit.moved).map(Unit::growth).sum();
    if !buf.grow_front(gap) {
        return Err(LayoutError::TooComplex);
    }
    let bytes = buf.bytes_mut();
    let (mut from, mut to) = (gap, 0_usize);
    for unit in list.iter().filter(|unit| !unit.moved) {
        let framing = unit.framing.bytes();
        let (body, next) = (from + (unit.body - unit.start), from + unit.len());
        shift(bytes, body, next, to + framing.len())?;
        bytes.get_mut(to..to + framing.len()).ok_or(LayoutError::Malformed)?.copy_from_slice(framing);
        to += unit.canonical_len();
        from = next;
    }
    let spare = from.saturating_add(dropped).saturating_sub(to);
    shift(bytes, 0, to, spare)?;
    buf.shrink_front(spare);
    Ok(to)
}

/// Moves `bytes[from..end]` to `to` within `bytes`; an error instead of a panic when it does not fit.
#[inline]
pub(super) fn shift(bytes: &mut [u8], from: usize, end: usize, to: usize) -> Result<(), LayoutError> {
    let len = end.checked_sub(from).ok_or(LayoutError::Malformed)?;
    if from == to || len == 0 {
        return Ok(());
    }
    let last = to.checked_add(len).ok_or(LayoutError::Malformed)?;
    if end > bytes.len() || last > bytes.len() {
        return Err(LayoutError::Malformed);
    }
    bytes.copy_within(from..end, to);
    Ok(())
}

/// Most clear units in a frame: a dozen parameter sets are not seen in practice, and each may cost a byte of
/// head-room for its start code.
pub(super) const MAX_CLEAR_UNITS: usize = 8;
/// Most runs of moved units in a frame.
pub(super) const MAX_RUNS: usize = 8;
/// Longest clear prefix, bytes. Bounds what a faulty encoder can leave readable.
pub(super) const MAX_CLEAR: usize = 4096;

#[cfg(test)]
mod tests {
    use super::super::super::buf::HEAD_ROOM;
    use super::super::{CodecRule, arrange, wrap};
    use super::*;

    /// Longest SFrame header (RFC 9605 section 4.3): configuration byte, 8 bytes of key id, 8 of counter.
    const LONGEST_HEADER: usize = 17;

    #[test]
    fn the_most_complex_frame_leaves_head_room_for_the_longest_header() {
        let frame = [&b"\0\0\x01\x67\x42"[..]; MAX_CLEAR_UNITS - 1].concat();
        let frame = [&frame[..], b"\0\0\x01\x65\x88rest"].concat();
        let mut buf = FrameBuf::new();
        buf.fill(&frame);
        assert_eq!(
            arrange(CodecRule::H264, &mut buf).map(|arranged| arranged.clear),
            Ok(MAX_CLEAR_UNITS * 6)
        );
        assert_eq!(buf.offset(), HEAD_ROOM - MAX_CLEAR_UNITS);
        assert!(buf.grow_front(LONGEST_HEADER));

        // A sequence header without a size field grows by the field; then header and carrier.
        let mut frame = vec![1; 4000];
        frame[0] = 0x08;
        buf.fill(&frame);
        let clear = arrange(CodecRule::Av1, &mut buf).map(|arranged| arranged.clear);
        assert_eq!(clear, Ok(frame.len() + 2));
        assert!(buf.grow_front(LONGEST_HEADER));
        buf.grow_back(3_000_000);
        assert_eq!(wrap(CodecRule::Av1, &mut buf, frame.len() + 2), Ok(()));
    }

    #[test]
    fn settling_keeps_order_and_closes_gaps() {
        // clear, run, clear, run, clear: framing `aa`, canonical `bb bb`, then `bb`, then `bb bb`.
        let bytes = b"\xaaone(run)\xaatwo[again]\xaathreebody";
        let framing = |len: usize| {
            let mut framing = Framing::default();
            (0..len).for_each(|_| framing.push(0xbb));
            framing
        };
        let mut units = Units::default();
        let clear = |start, body, end, len| Unit { start, body, end, framing: framing(len), moved: false };
        units.add_clear(clear(0, 1, 4, 2)).unwrap();
        units.add_moved(4, 9).unwrap();
        units.add_clear(clear(9, 10, 13, 1)).unwrap();
        units.add_moved(13, 20).unwrap();
        units.add_clear(clear(20, 21, 26, 2)).unwrap();
        for (moved, behind) in [(Moved::Keep, &b"(run)[again]body"[..]), (Moved::Drop, b"body")] {
            let mut buf = FrameBuf::new();
            buf.fill(bytes);
            let front = b"\xbb\xbbone\xbbtwo\xbb\xbbthree";
            assert_eq!(settle(&mut buf, &units, moved), Ok(front.len()));
            assert_eq!(buf.bytes(), [&front[..], behind].concat());
        }
    }
}
