//! The Frameseal format: `clear | carrier | layout | header | ciphertext | tag`.

use e2ee_core::frame::codec::{self, LayoutError};
use e2ee_core::{CodecRule, FrameBuf};

use super::{
    Format, InspectError, Known, Part, Reading, bytes_text, clear, header_text, key_name, read_header,
    tag_text,
};

/// Reads the frame by the rule of one codec.
pub(super) fn read(wire: &[u8], rule: CodecRule, known: &Known) -> Result<Reading, InspectError> {
    let mut buf = FrameBuf::new();
    buf.fill(wire);
    let clear = codec::unwrap(rule, &mut buf).map_err(|error| InspectError::Layout(rule, error))?;
    let frame = buf.bytes();
    let tag = known.suite.tag_len();
    let layout =
        *frame.get(clear).ok_or(InspectError::TooShort { have: frame.len(), need: clear + 2 + tag })?;
    if layout & 0xc0 != 0x40 {
        return Err(InspectError::Version { found: layout, at: clear });
    }
    let named = CodecRule::from_wire(layout & 0x0f);
    if named != Some(rule) {
        return Err(InspectError::WrongCodec { want: rule, found: named });
    }
    let (header, header_len) = read_header(frame, clear + 1)?;
    let body = clear + 1 + header_len;
    let body_end = frame.len().checked_sub(tag).filter(|end| *end >= body);
    let body_end = body_end.ok_or(InspectError::TooShort { have: frame.len(), need: body + tag })?;

    let place = Place::find(wire, rule, frame, clear).map_err(|error| InspectError::Layout(rule, error))?;
    let key = key_name(header, known);
    let prefix = frame.get(..clear).unwrap_or_default();
    let mut parts = clear::parts(rule, prefix, wire.get(..place.clear_end).unwrap_or_default());
    if place.carrier_end > place.clear_end {
        let what = "OBU of reserved type 9 that carries the rest".to_owned();
        parts.push(Part { name: "carrier", at: place.clear_end..place.carrier_end, what });
    }
    let mut part = |name, from, to, what| {
        parts.push(Part { name, at: place.on_wire(from)..place.on_wire(to), what });
    };
    part("layout", clear, clear + 1, layout_text(layout, rule));
    part("header", clear + 1, body, header_text(header, key, known));
    part("ciphertext", body, body_end, bytes_text(body_end - body));
    part("tag", body_end, frame.len(), tag_text(known));
    if place.end < wire.len() {
        let what = match wire.len() - place.end {
            1 => "keeps trailing zeros from being trimmed".to_owned(),
            n => format!(
                "keeps trailing zeros from being trimmed; {} that a transport added",
                bytes_text(n - 1)
            ),
        };
        parts.push(Part { name: "final", at: place.end..wire.len(), what });
    }

    Ok(Reading {
        format: Format::Frameseal,
        rule: Some(rule),
        evidence_bits: Some(evidence(rule, prefix)),
        key_frame: codec::is_key_frame(rule, wire),
        header: Some(header),
        key,
        overhead: wire.len().saturating_sub(place.clear_end + (body_end - body)),
        parts,
        notes: notes(layout, &place),
    })
}

fn layout_text(layout: u8, rule: CodecRule) -> String {
    let rule = match rule {
        CodecRule::Opaque => "opaque (Opus, RED, VP9, data)",
        CodecRule::Vp8 => "VP8",
        CodecRule::Av1 => "AV1",
        CodecRule::H264 => "H.264",
        CodecRule::H265 => "H.265",
    };
    let padded = if layout & PADDED != 0 { ", padded" } else { "" };
    let tail = if layout & TAIL != 0 { ", moved units inside" } else { "" };
    format!("version 1, {rule}{padded}{tail}")
}

fn notes(layout: u8, place: &Place) -> Vec<String> {
    let mut notes = Vec::new();
    if layout & PADDED != 0 {
        notes.push("the ciphertext also holds padding, which only a key tells from the frame".to_owned());
    }
    if layout & TAIL != 0 {
        notes
            .push("the ciphertext also holds the table of moved units: 1 byte and 3 for each run".to_owned());
    }
    if place.inserted > 0 {
        notes.push(format!(
            "{} of emulation prevention, counted with the parts they stand in",
            bytes_text(place.inserted)
        ));
    }
    if place.respelled {
        notes.push("a transport has changed the spelling of the clear bytes, which is allowed".to_owned());
    }
    notes
}

/// How many bits of the frame must be as they are for this reading.
fn evidence(rule: CodecRule, prefix: &[u8]) -> u32 {
    // Version and rule in the layout byte.
    6 + match rule {
        CodecRule::Opaque => 0,
        CodecRule::Vp8 if prefix.ends_with(&[0x9d, 0x01, 0x2a]) => 25,
        CodecRule::Vp8 => 1,
        // Header and size of the carrier.
        CodecRule::Av1 => 16,
        // Start code and final byte.
        CodecRule::H264 | CodecRule::H265 => 32,
    }
}

/// Where positions of the unwrapped frame stand on the wire.
struct Place<'a> {
    clear: usize,
    clear_end: usize,
    carrier_end: usize,
    /// Where the parts that positions are mapped in end.
    end: usize,
    /// The emulation-prevented bytes and the zeros before them, or `None` when positions only shift.
    escaped: Option<(&'a [u8], usize)>,
    inserted: usize,
    respelled: bool,
}

impl<'a> Place<'a> {
    fn find(wire: &'a [u8], rule: CodecRule, frame: &[u8], clear: usize) -> Result<Self, LayoutError> {
        // Sealing writes one spelling; what stands behind the clear bytes is it, to the byte.
        let mut buf = FrameBuf::new();
        buf.fill(frame);
        codec::wrap(rule, &mut buf, clear)?;
        let behind = buf.len().saturating_sub(clear);
        let h26x = matches!(rule, CodecRule::H264 | CodecRule::H265);
        let added = if h26x { wire.iter().rev().take_while(|byte| **byte == 0).count() } else { 0 };
        let clear_end = wire.len().checked_sub(behind + added).ok_or(LayoutError::Malformed)?;
        let plain = frame.len().saturating_sub(clear);
        let respelled = wire.get(..clear_end) != frame.get(..clear);
        let carrier_end = if h26x { clear_end } else { wire.len().saturating_sub(plain) };
        let end = if h26x { wire.len().saturating_sub(added + 1) } else { wire.len() };
        let zeros =
            frame.get(..clear).unwrap_or_default().iter().rev().take_while(|byte| **byte == 0).count();
        let escaped = h26x.then(|| (wire.get(clear_end..end).unwrap_or_default(), zeros));
        let inserted = if h26x { behind.saturating_sub(plain + 1) } else { 0 };
        Ok(Self { clear, clear_end, carrier_end, end, escaped, inserted, respelled })
    }

    /// The wire position of `at`, a position at or behind the clear bytes.
    fn on_wire(&self, at: usize) -> usize {
        let plain = at.saturating_sub(self.clear);
        let Some((escaped, mut zeros)) = self.escaped else { return self.carrier_end + plain };
        let mut left = plain;
        for (index, byte) in escaped.iter().enumerate() {
            if zeros >= 2 && *byte == 3 {
                zeros = 0;
                continue;
            }
            if left == 0 {
                return self.carrier_end + index;
            }
            left -= 1;
            zeros = if *byte == 0 { zeros + 1 } else { 0 };
        }
        self.end
    }
}

const PADDED: u8 = 0x20;
const TAIL: u8 = 0x10;
