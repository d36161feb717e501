//! Which bytes stay clear, and emulation prevention over the rest.

use super::{Codec, FrameType};
use crate::frame::buf::FrameBuf;
use crate::frame::codec::{LayoutError, escape};

/// Where the clear bytes end, and whether what follows is escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Split {
    pub(super) clear: usize,
    pub(super) escaped: bool,
}

/// A NAL unit whose header stands among the last three bytes is not looked at.
const UNSEEN: usize = 4;
/// Clear bytes behind the first byte of a slice's header.
const SLICE_CLEAR: usize = 2;

/// Splits a frame, sealed or not: both sides find the same place, as everything up to there is clear.
/// `None` for a codec that the format cannot carry.
pub(super) fn split(bytes: &[u8], codec: Codec, frame_type: FrameType) -> Option<Split> {
    let plain = |clear| Some(Split { clear, escaped: false });
    match codec {
        Codec::Audio => plain(1),
        Codec::Vp9 => plain(0),
        Codec::Av1 => None,
        Codec::Vp8 => plain(vp8(frame_type)),
        Codec::H264 | Codec::H265 | Codec::Unknown => match first_slice(bytes, codec == Codec::H265) {
            Some(at) => Some(Split { clear: at + SLICE_CLEAR, escaped: true }),
            None => plain(vp8(frame_type)),
        },
    }
}

const fn vp8(frame_type: FrameType) -> usize {
    match frame_type {
        FrameType::Key => 10,
        FrameType::Delta => 3,
        FrameType::Empty => 0,
    }
}

/// Where the header of the first slice stands. The bytes decide: an H.264 slice anywhere makes the frame H.264, and
/// only without one it may be H.265. (No H.265 slice reads as one of H.264, but for layers above 31; so a frame that
/// is announced as H.265 is read no further than its first slice.)
fn first_slice(bytes: &[u8], h265: bool) -> Option<usize> {
    let (mut found, mut from, mut first) = (None, 0, true);
    while let Some(pair) = escape::zero_pair(bytes, from) {
        let mut one = pair + 2;
        while bytes.get(one) == Some(&0) {
            one += 1;
        }
        if bytes.get(one) != Some(&1) {
            from = one;
            continue;
        }
        // A start code of three or four bytes must begin the frame.
        if first && !matches!((pair, one), (0, 2 | 3)) {
            return None;
        }
        first = false;
        let at = one + 1;
        if at + UNSEEN > bytes.len() {
            break;
        }
        let header = *bytes.get(at)?;
        match (header & 0x1f, header >> 1 & 0x3f) {
            (1 | 5, _) => return Some(at),
            (_, 0..=9 | 16..=21) if found.is_none() => {
                if h265 {
                    return Some(at);
                }
                found = Some(at);
            }
            _ => {}
        }
        from = at;
    }
    found
}

/// Makes the start codes of the clear bytes four bytes long, as receivers rebuild them. Gives the new length.
pub(super) fn lengthen_start_codes(buf: &mut FrameBuf, clear: usize) -> Result<usize, LayoutError> {
    let head = buf.bytes().get(..clear).unwrap_or_default();
    let short = short_start_codes(head);
    if short == 0 {
        return Ok(clear);
    }
    if !buf.grow_front(short) {
        return Err(LayoutError::TooComplex);
    }
    let head = buf.bytes_mut().get_mut(..clear + short).ok_or(LayoutError::Malformed)?;
    let (mut to, mut zeros) = (0, 0);
    for from in short..clear + short {
        let byte = head.get(from).copied().unwrap_or_default();
        if byte == 1 && zeros == 2 {
            put(head, &mut to, 0);
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        put(head, &mut to, byte);
    }
    Ok(clear + short)
}

fn put(bytes: &mut [u8], to: &mut usize, byte: u8) {
    if let Some(place) = bytes.get_mut(*to) {
        *place = byte;
    }
    *to += 1;
}

fn short_start_codes(head: &[u8]) -> usize {
    let mut zeros = 0_usize;
    let mut short = 0;
    for byte in head {
        short += usize::from(*byte == 1 && zeros == 2);
        zeros = if *byte == 0 { zeros + 1 } else { 0 };
    }
    short
}

/// Whether escaping everything behind `clear` leaves a frame that every client reads: no start code comes about where
/// clear bytes and ciphertext meet, for there the format does not look, and no byte is put into the last
/// `trailer` bytes but before the first of them, for some clients read these before they undo the escaping.
pub(super) fn reads_well(bytes: &[u8], clear: usize, trailer: usize) -> bool {
    let hits = |from: usize, to: usize| {
        let window = bytes.get(from..to.min(bytes.len())).unwrap_or_default();
        window.windows(3).any(|three| matches!(three, [0, 0, ..=3]))
    };
    let tail = bytes.len().saturating_sub(trailer);
    !hits(clear.saturating_sub(2), clear + 2) && !hits(tail.saturating_sub(1).max(clear), bytes.len())
}

/// Undoes emulation prevention behind `clear`: takes the `03` of every `00 00 03` away.
pub(super) fn unescape(buf: &mut FrameBuf, clear: usize) {
    let bytes = buf.bytes_mut();
    let (mut from, mut to, mut search) = (clear, clear, clear);
    while let Some(pair) = escape::zero_pair(bytes, search) {
        let third = pair + 2;
        if bytes.get(third) != Some(&3) {
            search = pair + 1;
            continue;
        }
        bytes.copy_within(from..third, to);
        to += third - from;
        from = third + 1;
        search = from;
    }
    if from > to {
        let end = bytes.len();
        bytes.copy_within(from..end, to);
        let len = to + (end - from);
        buf.truncate(len);
    }
}
