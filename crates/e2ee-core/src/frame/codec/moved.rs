//! Moved runs: where units that stood between clear ones belong.
//!
//! ```text
//! tail = { position: u8, length: u16 BE } * count | count: u8
//! ```
//! `position` is the index of the clear unit before which the run stands, `length` its bytes. Runs come in
//! frame order; one longer than 65 535 bytes is written as several of the same position.

use super::super::buf::FrameBuf;
use super::LayoutError;
use super::layout::{MAX_RUNS, Units};

/// Appends the run table for `units`.
pub(super) fn append_table(buf: &mut FrameBuf, units: &Units) -> Result<(), LayoutError> {
    let (mut position, mut count) = (0_u8, 0_usize);
    for unit in units.as_slice() {
        if !unit.moved {
            position = position.saturating_add(1);
            continue;
        }
        let mut left = unit.end.saturating_sub(unit.start);
        while left > 0 {
            let length = u16::try_from(left).unwrap_or(u16::MAX);
            let [high, low] = length.to_be_bytes();
            buf.push(&[position, high, low]);
            left -= usize::from(length);
            count += 1;
        }
    }
    if count > MAX_RUNS {
        return Err(LayoutError::TooComplex);
    }
    buf.push(&[u8::try_from(count).unwrap_or(u8::MAX)]);
    Ok(())
}

/// Takes the run table off and puts every run back where it was.
/// `clear_units` finds the units of the clear prefix.
pub(super) fn restore(
    buf: &mut FrameBuf,
    clear: usize,
    clear_units: impl FnOnce(&[u8]) -> Result<Units, LayoutError>,
) -> Result<(), LayoutError> {
    let bytes = buf.bytes();
    let units = clear_units(bytes.get(..clear).ok_or(LayoutError::Malformed)?)?;
    let (table, body_end) = read_table(bytes, clear)?;

    let (bytes, mut from, mut placed) = (buf.bytes_mut(), clear, 0_usize);
    let mut position = 0;
    for run in table.iter().filter(|run| run.len > 0) {
        let unit = units.as_slice().get(run.position).ok_or(LayoutError::Malformed)?;
        let end = from.saturating_add(run.len);
        if run.position < position || end > body_end {
            return Err(LayoutError::Malformed);
        }
        position = run.position;
        let at = unit.start.saturating_add(placed);
        bytes.get_mut(at..end).ok_or(LayoutError::Malformed)?.rotate_right(run.len);
        placed = placed.saturating_add(run.len);
        from = end;
    }
    buf.truncate(body_end);
    Ok(())
}

#[derive(Clone, Copy, Default)]
struct Run {
    position: usize,
    len: usize,
}

/// The table at the end of `bytes` (unused places have length 0) and where it starts.
fn read_table(bytes: &[u8], clear: usize) -> Result<([Run; MAX_RUNS], usize), LayoutError> {
    let (count, rest) = bytes.split_last().ok_or(LayoutError::Malformed)?;
    let count = usize::from(*count);
    let start = rest.len().checked_sub(count * RUN_LEN).filter(|start| *start >= clear);
    let start = start.ok_or(LayoutError::Malformed)?;
    if count == 0 || count > MAX_RUNS {
        return Err(LayoutError::Malformed);
    }
    let mut table = [Run::default(); MAX_RUNS];
    let entries = rest.get(start..).unwrap_or_default();
    for (run, entry) in table.iter_mut().zip(entries.chunks_exact(RUN_LEN)) {
        let [position, high, low] = *entry else { return Err(LayoutError::Malformed) };
        let len = usize::from(u16::from_be_bytes([high, low]));
        if len == 0 {
            return Err(LayoutError::Malformed);
        }
        *run = Run { position: usize::from(position), len };
    }
    Ok((table, start))
}

const RUN_LEN: usize = 3;

#[cfg(test)]
mod tests {
    use super::super::{CodecRule, restore};
    use super::*;

    #[test]
    fn a_table_is_taken_only_with_one_to_eight_sound_runs() {
        let clear = b"\0\0\0\x01\x67\x42\0\0\0\x01\x65\x88";
        let with = |table: &[u8]| {
            let mut buf = FrameBuf::new();
            buf.fill(&[&clear[..], b"0123456789", table].concat());
            restore(CodecRule::H264, &mut buf, clear.len(), true).map(|()| buf.bytes().to_vec())
        };
        let restored = [&b"0"[..], &clear[..6], b"12", &clear[6..], b"3456789"].concat();
        assert_eq!(with(&[0, 0, 1, 1, 0, 2, 2]), Ok(restored));
        assert!(with(&[&[0, 0, 1].repeat(8)[..], &[8]].concat()).is_ok());
        for table in [
            &[][..],
            &[0],
            &[0, 0, 1],
            // Nine runs; one too long; one empty; one behind the last clear unit; two in the wrong order.
            &[&[0, 0, 1].repeat(9)[..], &[9]].concat(),
            &[0, 0, 11, 1],
            &[0, 0, 0, 1],
            &[2, 0, 1, 1],
            &[1, 0, 1, 0, 0, 1, 2],
        ] {
            assert_eq!(with(table), Err(LayoutError::Malformed), "{table:x?}");
        }
    }
}
