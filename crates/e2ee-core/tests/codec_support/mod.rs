//! Drives the four codec steps with a null cipher: header and tag are given, the ciphertext is the plaintext.
#![allow(dead_code, clippy::unwrap_used, clippy::indexing_slicing)]

use e2ee_core::frame::buf::FrameBuf;
use e2ee_core::frame::codec::{CodecRule, LayoutError, arrange, restore, unwrap, wrap};

/// A frame on the wire, and what the sender knew about it.
#[derive(Debug, Clone)]
pub(crate) struct Sealed {
    pub(crate) wire: Vec<u8>,
    pub(crate) clear: usize,
    pub(crate) tail: bool,
    pub(crate) clear_bytes: Vec<u8>,
}

/// `arrange`, the header put in, the tag put on, `wrap`.
pub(crate) fn seal(rule: CodecRule, frame: &[u8], header: &[u8], tag: &[u8]) -> Result<Sealed, LayoutError> {
    let mut buf = FrameBuf::new();
    buf.fill(frame);
    let arranged = arrange(rule, &mut buf)?;
    let (clear, plain) = buf.bytes().split_at(arranged.clear);
    let clear_bytes = clear.to_vec();
    let sealed = [clear, header, plain, tag].concat();
    buf.fill(&sealed);
    wrap(rule, &mut buf, arranged.clear)?;
    Ok(Sealed { wire: buf.bytes().to_vec(), clear: arranged.clear, tail: arranged.tail, clear_bytes })
}

/// `unwrap`, header and tag taken off, `restore`. The clear prefix has to be what the sender authenticated.
pub(crate) fn open(
    rule: CodecRule,
    wire: &[u8],
    sealed: &Sealed,
    header_len: usize,
    tag_len: usize,
) -> Result<Vec<u8>, LayoutError> {
    let mut buf = FrameBuf::new();
    buf.fill(wire);
    let clear = unwrap(rule, &mut buf)?;
    assert_eq!(&buf.bytes()[..clear], &sealed.clear_bytes[..], "authenticated bytes differ");
    let end = buf.len() - tag_len;
    let plain = [&buf.bytes()[..clear], &buf.bytes()[clear + header_len..end]].concat();
    buf.fill(&plain);
    restore(rule, &mut buf, clear, sealed.tail)?;
    Ok(buf.bytes().to_vec())
}

/// Seals and opens; asserts that `expected` comes back and that no start code hides in an H.26x wire.
pub(crate) fn round_trip(
    rule: CodecRule,
    frame: &[u8],
    header: &[u8],
    tag: &[u8],
    expected: &[u8],
) -> Sealed {
    let sealed = seal(rule, frame, header, tag).unwrap();
    assert_eq!(open(rule, &sealed.wire, &sealed, header.len(), tag.len()).unwrap(), expected, "{rule:?}");
    if matches!(rule, CodecRule::H264 | CodecRule::H265) {
        assert_no_emulation(&sealed.wire, sealed.clear);
    }
    sealed
}

/// No `00 00 00`, `00 00 01` or `00 00 02` ends behind the clear prefix, and the last byte is not zero.
pub(crate) fn assert_no_emulation(wire: &[u8], clear: usize) {
    for (at, three) in wire.windows(3).enumerate() {
        let hidden = at + 3 > clear && three[0] == 0 && three[1] == 0 && three[2] < 3;
        assert!(!hidden, "start code at {at}, clear {clear}");
    }
    assert_ne!(wire.last(), Some(&0));
}

/// What every wire of a rule has: no start code behind the clear prefix, or one carrier OBU at its end.
pub(crate) fn assert_canonical(rule: CodecRule, wire: &[u8], clear: usize) {
    match rule {
        CodecRule::H264 | CodecRule::H265 => assert_no_emulation(wire, clear),
        CodecRule::Av1 => assert_eq!(wire[clear..], obu(9, None, &wire[carried(wire, clear)..])),
        CodecRule::Opaque | CodecRule::Vp8 => {}
    }
}

/// Where the payload of the carrier begins.
fn carried(wire: &[u8], clear: usize) -> usize {
    clear + 2 + wire[clear + 1..].iter().take_while(|byte| **byte & 0x80 != 0).count()
}

/// An OBU with size field and shortest LEB128.
pub(crate) fn obu(kind: u8, extension: Option<u8>, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![kind << 3 | 2 | u8::from(extension.is_some()) << 2];
    out.extend(extension);
    let mut size = payload.len();
    while size > 0x7f {
        out.push((size & 0x7f) as u8 | 0x80);
        size >>= 7;
    }
    out.push(size as u8);
    out.extend_from_slice(payload);
    out
}
