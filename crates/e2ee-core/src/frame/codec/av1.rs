//! AV1: OBUs in low-overhead format (AV1 specification section 5.3), one temporal unit or one layer of it.
//!
//! Packetizers parse OBUs, drop temporal delimiters, and find key frames by the sequence header. So sequence
//! headers stay clear and the rest travels in one OBU of a reserved type, which decoders and packetizers
//! must leave alone:
//! ```text
//! wire = sequence header OBU * | 4a | size: shortest LEB128 | hdr | ct | tag
//! ```

use super::super::buf::FrameBuf;
use super::layout::{Framing, Moved, Unit, Units, settle, shift};
use super::{Arranged, LayoutError, moved};

pub(super) fn arrange(buf: &mut FrameBuf) -> Result<Arranged, LayoutError> {
    if buf.is_empty() {
        return Err(LayoutError::NoCarrier);
    }
    if !begins_with_sequence(buf.bytes())? {
        return Ok(Arranged { clear: 0, tail: false });
    }
    let units = scan(buf.bytes(), Place::Frame)?;
    let clear = settle(buf, &units, Moved::Keep)?;
    if units.any_moved() {
        moved::append_table(buf, &units)?;
    }
    Ok(Arranged { clear, tail: units.any_moved() })
}

pub(super) fn wrap(buf: &mut FrameBuf, clear: usize) -> Result<(), LayoutError> {
    let mut size = buf.len().checked_sub(clear).ok_or(LayoutError::Malformed)?;
    let mut framing = [CARRIER, 0, 0, 0, 0, 0];
    let mut len = 1;
    for slot in framing.iter_mut().skip(1) {
        len += 1;
        *slot = low_bits(size);
        size >>= 7;
        if size == 0 {
            break;
        }
        *slot |= MORE;
    }
    if size != 0 || !buf.grow_front(len) {
        return Err(LayoutError::TooComplex);
    }
    let bytes = buf.bytes_mut();
    shift(bytes, len, len + clear, 0)?;
    let room = bytes.get_mut(clear..clear + len).ok_or(LayoutError::Malformed)?;
    room.copy_from_slice(framing.get(..len).unwrap_or_default());
    Ok(())
}

pub(super) fn unwrap(buf: &mut FrameBuf) -> Result<usize, LayoutError> {
    let clear = match buf.bytes().first() {
        Some(&CARRIER) => 0,
        _ => {
            let units = scan(buf.bytes(), Place::Wire)?;
            settle(buf, &units, Moved::Drop)?
        }
    };
    let carrier = buf.bytes().get(clear..).unwrap_or_default();
    let (header, sized) = carrier.split_first().ok_or(LayoutError::NoCarrier)?;
    if *header != CARRIER {
        return Err(LayoutError::Malformed);
    }
    let size = read_size(sized)?;
    if !size.shortest || size.value != sized.len() - size.len {
        return Err(LayoutError::Malformed);
    }
    let framing = 1 + size.len;
    shift(buf.bytes_mut(), 0, clear, framing)?;
    buf.shrink_front(framing);
    Ok(clear)
}

/// The units of a clear prefix: sequence headers and nothing else.
pub(super) fn clear_units(prefix: &[u8]) -> Result<Units, LayoutError> {
    let units = scan(prefix, Place::Frame)?;
    let end = units.as_slice().last().map_or(0, |unit| unit.end);
    if units.any_moved() || end != prefix.len() { Err(LayoutError::Malformed) } else { Ok(units) }
}

pub(super) fn is_key_frame(bytes: &[u8]) -> Option<bool> {
    if bytes.is_empty() { None } else { begins_with_sequence(bytes).ok() }
}

/// Whether a sequence header stands before the first coded OBU.
fn begins_with_sequence(bytes: &[u8]) -> Result<bool, LayoutError> {
    let mut start = 0;
    while let Some(obu) = read_obu(bytes, start)? {
        match obu.kind {
            SEQUENCE_HEADER => return Ok(true),
            FRAME_HEADER | TILE_GROUP | FRAME | REDUNDANT_FRAME_HEADER | TILE_LIST => return Ok(false),
            _ => start = obu.end(bytes)?,
        }
    }
    Ok(false)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// What an encoder wrote.
    Frame,
    /// What came off the wire.
    Wire,
}

/// Reads OBUs up to the first that belongs to a coded frame (or, on the wire, carries one).
fn scan(bytes: &[u8], place: Place) -> Result<Units, LayoutError> {
    let mut units = Units::default();
    let mut start = 0;
    while let Some(obu) = read_obu(bytes, start)? {
        match (obu.kind, place) {
            (SEQUENCE_HEADER, _) => units.add_clear(canonical(bytes, start, &obu)?)?,
            (FRAME_HEADER | TILE_GROUP | FRAME | REDUNDANT_FRAME_HEADER | TILE_LIST, Place::Frame)
            | (CARRIER_TYPE, Place::Wire) => break,
            // A transport may put the delimiter back that the packetizer took away.
            (TEMPORAL_DELIMITER, _) | (_, Place::Frame) => units.add_moved(start, obu.end(bytes)?)?,
            (_, Place::Wire) => return Err(LayoutError::Malformed),
        }
        start = obu.end(bytes)?;
    }
    if place == Place::Frame {
        units.end_with_clear();
    }
    Ok(units)
}

fn canonical(bytes: &[u8], start: usize, obu: &Obu) -> Result<Unit, LayoutError> {
    let end = obu.end(bytes)?;
    let size = end.saturating_sub(obu.body);
    // Two bytes of size are enough: a unit longer than MAX_CLEAR is refused when it is added.
    let mut framing = Framing::default();
    framing.push(obu.header | HAS_SIZE);
    if let Some(extension) = obu.extension {
        framing.push(extension);
    }
    if size > usize::from(!MORE) {
        framing.push(low_bits(size) | MORE);
        framing.push(low_bits(size >> 7));
    } else {
        framing.push(low_bits(size));
    }
    Ok(Unit { start, body: obu.body, end, framing, moved: false })
}

struct Obu {
    header: u8,
    kind: u8,
    extension: Option<u8>,
    /// First byte of the payload.
    body: usize,
    /// Bytes of payload; without a size field all that are left.
    size: Option<usize>,
}

impl Obu {
    fn end(&self, bytes: &[u8]) -> Result<usize, LayoutError> {
        let Some(size) = self.size else { return Ok(bytes.len()) };
        self.body.checked_add(size).filter(|end| *end <= bytes.len()).ok_or(LayoutError::Malformed)
    }
}

/// The OBU at `start`; `None` at the end of the frame.
fn read_obu(bytes: &[u8], start: usize) -> Result<Option<Obu>, LayoutError> {
    let Some((&header, mut rest)) = bytes.get(start..).and_then(<[u8]>::split_first) else { return Ok(None) };
    if header & FORBIDDEN != 0 {
        return Err(LayoutError::Malformed);
    }
    let mut extension = None;
    if header & HAS_EXTENSION != 0 {
        let (byte, behind) = rest.split_first().ok_or(LayoutError::Malformed)?;
        extension = Some(*byte);
        rest = behind;
    }
    let mut size = None;
    if header & HAS_SIZE != 0 {
        let field = read_size(rest)?;
        size = Some(field.value);
        rest = rest.get(field.len..).unwrap_or_default();
    }
    Ok(Some(Obu { header, kind: (header >> 3) & 0x0f, extension, body: bytes.len() - rest.len(), size }))
}

struct SizeField {
    value: usize,
    /// Bytes that spell it.
    len: usize,
    shortest: bool,
}

/// LEB128 (AV1 specification section 4.10.5): at most 8 bytes, at most 32 bits.
fn read_size(bytes: &[u8]) -> Result<SizeField, LayoutError> {
    let mut value = 0_u64;
    for (index, byte) in bytes.iter().take(8).enumerate() {
        value |= u64::from(byte & !MORE) << (7 * index);
        if byte & MORE == 0 {
            let shortest = index == 0 || *byte != 0;
            let value = u32::try_from(value).ok().and_then(|value| usize::try_from(value).ok());
            return Ok(SizeField { value: value.ok_or(LayoutError::Malformed)?, len: index + 1, shortest });
        }
    }
    Err(LayoutError::Malformed)
}

/// The low seven bits.
fn low_bits(value: usize) -> u8 {
    value.to_le_bytes().first().map_or(0, |byte| byte & !MORE)
}

const FORBIDDEN: u8 = 0x80;
const HAS_EXTENSION: u8 = 0x04;
const HAS_SIZE: u8 = 0x02;
/// LEB128: another byte follows.
const MORE: u8 = 0x80;

const SEQUENCE_HEADER: u8 = 1;
const TEMPORAL_DELIMITER: u8 = 2;
const FRAME_HEADER: u8 = 3;
const TILE_GROUP: u8 = 4;
const FRAME: u8 = 6;
const REDUNDANT_FRAME_HEADER: u8 = 7;
const TILE_LIST: u8 = 8;
/// Reserved by the specification.
const CARRIER_TYPE: u8 = 9;
const CARRIER: u8 = CARRIER_TYPE << 3 | HAS_SIZE;
