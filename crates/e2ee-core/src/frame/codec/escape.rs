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
    let from = seam(buf.bytes(), clear)?;
    prevent(buf, from)?;
    buf.push(&[LAST]);
    Ok(())
}

/// Escapes everything from `from` on, in place, as if nothing stood before it.
pub(crate) fn prevent(buf: &mut FrameBuf, from: usize) -> Result<(), LayoutError> {
    let bytes = buf.bytes();
    let Some(first) = next_hit(bytes, from) else { return Ok(()) };
    let mut count = 1;
    let mut at = first;
    while let Some(hit) = next_hit(bytes, at) {
        count += 1;
        at = hit;
    }
    insert(buf, first, count)
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
pub(crate) fn zero_pair(bytes: &[u8], mut from: usize) -> Option<usize> {
    loop {
        let rest = bytes.get(from..)?;
        let Some(window) = rest.first_chunk::<WINDOW>() else {
            return pair_in(rest).map(|at| from + at);
        };
        // Ciphertext has a pair in one window of a thousand or so.
        if has_pair(window) {
            return pair_in(window).map(|at| from + at);
        }
        from += WINDOW - 1;
    }
}

/// Whether two neighbouring bytes are zero. Eight bytes at a time by arithmetic, without branches: fast
/// where the compiler makes vector code of it, and where it is told to make small code instead.
#[inline]
fn has_pair(window: &[u8; WINDOW]) -> bool {
    let ([left @ .., _], [_, right @ ..]) = (window, window);
    let mut found = 0;
    for (left, right) in left.as_chunks::<8>().0.iter().zip(right.as_chunks::<8>().0) {
        let either = u64::from_le_bytes(*left) | u64::from_le_bytes(*right);
        // The top bit of a byte survives if the byte is zero; a byte above a zero one may join it.
        found |= either.wrapping_sub(LOW_BITS) & !either;
    }
    found & HIGH_BITS != 0
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
const LOW_BITS: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

#[cfg(test)]
mod tests {
    use super::*;

    fn naive(bytes: &[u8], clear: usize) -> Vec<u8> {
        let mut out = bytes[..clear].to_vec();
        let mut zeros = out.iter().rev().take(2).take_while(|byte| **byte == 0).count();
        for byte in &bytes[clear..] {
            if zeros >= 2 && *byte <= 3 {
                out.push(3);
                zeros = 0;
            }
            zeros = if *byte == 0 { zeros + 1 } else { 0 };
            out.push(*byte);
        }
        out.push(0x80);
        out
    }

    fn check(bytes: &[u8], clear: usize) {
        let mut buf = FrameBuf::new();
        buf.fill(bytes);
        assert_eq!(escape(&mut buf, clear), Ok(()));
        assert_eq!(buf.bytes(), naive(bytes, clear), "{bytes:x?} clear {clear}");
        assert_eq!(unescape(&mut buf, clear), Ok(()), "{bytes:x?} clear {clear}");
        assert_eq!(buf.bytes(), bytes);
    }

    #[test]
    fn every_short_string_is_escaped_as_the_standard_says() {
        const BYTES: [u8; 4] = [0, 1, 3, 4];
        for len in 0..=7_u32 {
            for number in 0..4_u32.pow(len) {
                let bytes: Vec<u8> = (0..len).map(|at| BYTES[(number >> (2 * at) & 3) as usize]).collect();
                for clear in 0..=bytes.len() {
                    check(&bytes, clear);
                }
            }
        }
    }

    #[test]
    fn zeros_are_found_at_every_distance_from_a_window_edge() {
        for at in 0..200 {
            for (zeros, behind) in [(2, 3), (2, 9), (3, 0), (5, 1), (9, 2)] {
                let mut bytes = vec![0xee; 220];
                bytes[at..at + zeros].fill(0);
                bytes[at + zeros] = behind;
                check(&bytes, 0);
                check(&bytes, at + 1);
            }
        }
        check(&[0; 1000], 0);
        check(&[0; 1000], 7);
    }

    #[test]
    fn only_what_escaping_writes_is_undone() {
        let undo = |bytes: &[u8], clear| {
            let mut buf = FrameBuf::new();
            buf.fill(bytes);
            unescape(&mut buf, clear).map(|()| buf.bytes().to_vec())
        };
        assert_eq!(undo(&[9, 0, 0, 3, 1, 0x80], 0), Ok(vec![9, 0, 0, 1]));
        assert_eq!(undo(&[9, 8, 0x80, 0, 0, 0], 1), Ok(vec![9, 8]));
        assert_eq!(undo(&[0, 0, 3, 0, 0x80], 2), Ok(vec![0, 0, 0]));
        for bytes in [
            // A start code, a zero too many, an escape where none is needed, one at the end.
            &[9, 0, 0, 1, 0x80][..],
            &[9, 0, 0, 0, 0x80],
            &[9, 0, 0, 3, 4, 0x80],
            &[9, 0, 0, 3, 0x80],
            // No final byte.
            &[9, 9, 0x81],
        ] {
            assert_eq!(undo(bytes, 1), Err(LayoutError::Malformed), "{bytes:x?}");
        }
        assert_eq!(undo(&[], 0), Err(LayoutError::TooShort));
        assert_eq!(undo(&[0, 0], 0), Err(LayoutError::TooShort));
        assert_eq!(undo(&[9, 9, 0x80], 3), Err(LayoutError::TooShort));
        assert_eq!(undo(&[9, 0x80], 7), Err(LayoutError::TooShort));
    }
}
