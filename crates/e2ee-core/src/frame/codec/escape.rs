//! Emulation prevention (H.264 section 7.4.1, H.265 section 7.4.2): behind the clear prefix no three bytes
//! may read as a start code, and the last byte must not be zero.
//!
//! ```text
//! 00 00 0x  ->  00 00 03 0x   (x = 0..3)      then 80
//! ```
//! Zeros at the end of the clear prefix count. The final `80` keeps a transport that trims trailing zeros
//! from shortening the tag.

use super::super::buf::FrameBuf;
use super::LayoutError;
use super::layout::shift;

/// Escapes everything behind `clear` in place and appends the final byte.
pub(super) fn escape(buf: &mut FrameBuf, clear: usize) -> Result<(), LayoutError> {
    let bytes = buf.bytes();
    if let Some(first) = next_hit(bytes, seam(bytes, clear)?) {
        let mut count = 1;
        let mut at = first;
        while let Some(hit) = next_hit(bytes, at) {
            count += 1;
            at = hit;
        }
        insert(buf, first, count)?;
    }
    buf.push(&[LAST]);
    Ok(())
}

/// Undoes [`escape`] in place. Refuses what [`escape`] does not write, but for zeros behind the final byte.
pub(super) fn unescape(buf: &mut FrameBuf, clear: usize) -> Result<(), LayoutError> {
    let bytes = buf.bytes_mut();
    let padded = bytes.iter().rev().take_while(|byte| **byte == 0).count();
    let end = bytes.len().saturating_sub(padded).checked_sub(1).filter(|end| *end >= clear);
    let end = end.ok_or(LayoutError::TooShort)?;
    let (bytes, last) = bytes.split_at_mut_checked(end).ok_or(LayoutError::Malformed)?;
    if last.first() != Some(&LAST) {
        return Err(LayoutError::Malformed);
    }

    let (mut from, mut to) = (0, 0);
    let mut search = seam(bytes, clear)?;
    while let Some(hit) = next_hit(bytes, search) {
        // Only an inserted 3 may follow two zeros, and only before a byte that needs it.
        if bytes.get(hit) != Some(&PREVENT) || bytes.get(hit + 1).is_none_or(|byte| *byte > PREVENT) {
            return Err(LayoutError::Malformed);
        }
        shift(bytes, from, hit, to)?;
        to += hit - from;
        from = hit + 1;
        search = from;
    }
    shift(bytes, from, end, to)?;
    buf.truncate(to + (end - from));
    Ok(())
}

/// Where the search for zeros starts so that up to two at the end of the clear prefix count.
fn seam(bytes: &[u8], clear: usize) -> Result<usize, LayoutError> {
    let zeros = bytes.get(..clear).ok_or(LayoutError::Malformed)?.iter().rev();
    Ok(clear - zeros.take(2).take_while(|byte| **byte == 0).count())
}

/// Makes `count` insertions, the first before `first`. Linear: everything moves to the right once, then
/// closes up to the left piece by piece until the gap is used up.
#[cold]
fn insert(buf: &mut FrameBuf, first: usize, count: usize) -> Result<(), LayoutError> {
    let len = buf.len();
    buf.grow_back(count);
    let bytes = buf.bytes_mut();
    shift(bytes, first, len, first + count)?;
    let (mut to, mut from) = (first, first + count);
    loop {
        *bytes.get_mut(to).ok_or(LayoutError::Malformed)? = PREVENT;
        to += 1;
        if to == from {
            return Ok(());
        }
        let hit = next_hit(bytes, from).ok_or(LayoutError::Malformed)?;
        shift(bytes, from, hit, to)?;
        to += hit - from;
        from = hit;
    }
}

/// The first byte of at most 3 that stands behind two zeros, both at `from` or later.
#[inline]
fn next_hit(bytes: &[u8], mut from: usize) -> Option<usize> {
    loop {
        let third = zero_pair(bytes, from)? + 2;
        if *bytes.get(third)? <= PREVENT {
            return Some(third);
        }
        from = third + 1;
    }
}

/// The first of two neighbouring zeros at `from` or later.
#[inline]
pub(super) fn zero_pair(bytes: &[u8], mut from: usize) -> Option<usize> {
    loop {
        let rest = bytes.get(from..)?;
        let Some(window) = rest.first_chunk::<WINDOW>() else {
            return pair_in(rest).map(|at| from + at);
        };
        // One pass without branches, so that it becomes vector code; ciphertext has a pair in one window of
        // a thousand or so.
        let (left, right) = (window.iter(), window.iter().skip(1));
        if left.zip(right).fold(u8::MAX, |least, (a, b)| least.min(a | b)) == 0 {
            return pair_in(window).map(|at| from + at);
        }
        from += WINDOW - 1;
    }
}

fn pair_in(bytes: &[u8]) -> Option<usize> {
    bytes.windows(2).position(|pair| matches!(pair, [0, 0]))
}

/// The emulation prevention byte, and the highest byte that needs one before it.
const PREVENT: u8 = 3;
/// The final byte.
const LAST: u8 = 0x80;
/// Bytes looked at in one step, one of them again in the next.
const WINDOW: usize = 65;
