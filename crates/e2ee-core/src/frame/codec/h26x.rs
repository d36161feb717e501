//! H.264 and H.265 in Annex B byte streams, one access unit.
//!
//! Packetizers cut at start codes and read NAL unit headers; receivers read parameter sets and, to see where
//! a picture begins, the first bit behind the header of its first slice:
//! ```text
//! wire = (00 00 00 01 | parameter set) * | 00 00 00 01 | header | 1 byte | escaped(hdr | ct | tag) | 80
//! ```
//! Two things a native sender has to know. A frame becomes one NAL unit, so `packetization-mode=1` (RFC 6184)
//! is needed. And libwebrtc rewrites, on receipt too, a sequence parameter set of H.264 by which a decoder
//! might hold pictures back; the clear bytes would then not authenticate. Browsers write the set so that it
//! stays: VUI with bitstream restriction, `max_num_reorder_frames` 0, `max_dec_frame_buffering` not above
//! `max_num_ref_frames`.

use super::super::buf::FrameBuf;
use super::layout::{Framing, Moved, Unit, Units, settle};
use super::{Arranged, LayoutError, escape, moved};

/// The shape of a NAL unit header.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Nal {
    /// One byte, 5 bits of type.
    H264,
    /// Two bytes, 6 bits of type.
    H265,
}

pub(super) fn arrange(nal: Nal, buf: &mut FrameBuf) -> Result<Arranged, LayoutError> {
    if let Some(clear) = lone_slice(nal, buf.bytes()) {
        return Ok(Arranged { clear, tail: false });
    }
    let units = scan(nal, buf.bytes(), Place::Frame)?.units;
    let clear = settle(buf, &units, Moved::Keep)?;
    if units.any_moved() {
        moved::append_table(buf, &units)?;
    }
    Ok(Arranged { clear, tail: units.any_moved() })
}

pub(super) fn unwrap(nal: Nal, buf: &mut FrameBuf) -> Result<usize, LayoutError> {
    let clear = match lone_slice(nal, buf.bytes()) {
        Some(clear) => clear,
        None => {
            let units = scan(nal, buf.bytes(), Place::Wire)?.units;
            settle(buf, &units, Moved::Drop)?
        }
    };
    escape::unescape(buf, clear)?;
    Ok(clear)
}

/// The units of a clear prefix: parameter sets and the start of one slice.
pub(super) fn clear_units(nal: Nal, prefix: &[u8]) -> Result<Units, LayoutError> {
    let units = scan(nal, prefix, Place::Frame)?.units;
    let end = units.as_slice().last().map_or(0, |unit| unit.end);
    if units.any_moved() || end != prefix.len() { Err(LayoutError::Malformed) } else { Ok(units) }
}

pub(super) fn is_key_frame(nal: Nal, bytes: &[u8]) -> Option<bool> {
    scan(nal, bytes, Place::Frame).ok().map(|scan| scan.key)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// What an encoder wrote.
    Frame,
    /// What came off the wire.
    Wire,
}

struct Scan {
    units: Units,
    /// The first slice is one that a decoder can start with.
    key: bool,
}

enum Kind {
    ParameterSet,
    Slice { key: bool },
    Delimiter,
    Other,
}

impl Nal {
    fn header_len(self) -> usize {
        match self {
            Self::H264 => 1,
            Self::H265 => 2,
        }
    }

    /// What the header at the start of `unit` says.
    fn kind(self, unit: &[u8]) -> Result<Kind, LayoutError> {
        let header = *unit.first().ok_or(LayoutError::Malformed)?;
        if header & FORBIDDEN != 0 {
            return Err(LayoutError::Malformed);
        }
        match self {
            Self::H264 => Ok(match header & 0x1f {
                // 0 is unspecified, and an empty unit would read so.
                0 => return Err(LayoutError::Malformed),
                1 | 2 => Kind::Slice { key: false },
                5 => Kind::Slice { key: true },
                7 | 8 | 13 | 15 => Kind::ParameterSet,
                9 => Kind::Delimiter,
                _ => Kind::Other,
            }),
            Self::H265 => {
                // The temporal id is never coded as 0; with it the header could read as a start code.
                let second = *unit.get(1).ok_or(LayoutError::TooShort)?;
                if second & 0x07 == 0 {
                    return Err(LayoutError::Malformed);
                }
                Ok(match (header >> 1) & 0x3f {
                    0..=9 => Kind::Slice { key: false },
                    16..=21 => Kind::Slice { key: true },
                    32..=34 => Kind::ParameterSet,
                    35 => Kind::Delimiter,
                    _ => Kind::Other,
                })
            }
        }
    }
}

/// The clear prefix of the most frequent frame: canonical already, and the first unit is a slice.
#[inline]
fn lone_slice(nal: Nal, bytes: &[u8]) -> Option<usize> {
    let unit = bytes.strip_prefix(&START_CODE)?;
    let clear = START_CODE.len() + nal.header_len() + 1;
    match nal.kind(unit) {
        Ok(Kind::Slice { .. }) if bytes.len() >= clear => Some(clear),
        _ => None,
    }
}

/// Reads NAL units up to the clear byte of the first slice.
fn scan(nal: Nal, bytes: &[u8], place: Place) -> Result<Scan, LayoutError> {
    let mut units = Units::default();
    let mut start = 0;
    loop {
        let Some(body) = start_code(bytes, start)? else { return Err(LayoutError::NoCarrier) };
        let framing = Framing::from(START_CODE);
        match nal.kind(bytes.get(body..).unwrap_or_default())? {
            Kind::Slice { key } => {
                let end = body + nal.header_len() + 1;
                if end > bytes.len() {
                    return Err(LayoutError::TooShort);
                }
                units.add_clear(Unit { start, body, end, framing, moved: false })?;
                return Ok(Scan { units, key });
            }
            Kind::ParameterSet => {
                let end = next_unit(bytes, body);
                units.add_clear(Unit { start, body, end, framing, moved: false })?;
                start = end;
            }
            // A transport may put a delimiter in front.
            Kind::Delimiter => {
                let end = next_unit(bytes, body);
                units.add_moved(start, end)?;
                start = end;
            }
            Kind::Other => {
                if place == Place::Wire {
                    return Err(LayoutError::Malformed);
                }
                let end = next_unit(bytes, body);
                units.add_moved(start, end)?;
                start = end;
            }
        }
    }
}

/// The byte behind the start code at `start`, which may have any number of zeros before it; `None` at the end
/// of the frame.
fn start_code(bytes: &[u8], start: usize) -> Result<Option<usize>, LayoutError> {
    let rest = bytes.get(start..).unwrap_or_default();
    let zeros = rest.iter().take_while(|byte| **byte == 0).count();
    match rest.get(zeros) {
        None => Ok(None),
        Some(1) if zeros >= 2 => Ok(Some(start + zeros + 1)),
        Some(_) => Err(LayoutError::Malformed),
    }
}

/// Where the unit with header at `body` ends: at the first zero of the next start code, or with the frame.
fn next_unit(bytes: &[u8], body: usize) -> usize {
    let mut from = body;
    while let Some(pair) = escape::zero_pair(bytes, from) {
        let zeros = bytes.get(pair..).unwrap_or_default().iter().take_while(|byte| **byte == 0).count();
        if bytes.get(pair + zeros) == Some(&1) {
            return pair;
        }
        from = pair + zeros;
    }
    bytes.len()
}

const FORBIDDEN: u8 = 0x80;
const START_CODE: [u8; 4] = [0, 0, 0, 1];
