//! The four steps of a codec rule, without a cipher.

use e2ee_core::frame::codec::{Arranged, arrange, is_key_frame, restore, unwrap, wrap};
use e2ee_core::{CodecRule, FrameBuf};

use super::input::Input;

/// Sealing and opening are each other's reverse, up to the canonical spelling; noise makes nothing panic.
pub(super) fn codec(data: &[u8]) {
    let mut input = Input::new(data);
    let rule = input.pick(&CodecRule::ALL, CodecRule::Opaque);
    if input.byte().is_multiple_of(4) {
        noise(rule, input.rest());
        return;
    }
    let header_len = 2 + usize::from(input.byte() % 17);
    let mut header = input.take(header_len).to_vec();
    header.resize(header_len, 0);
    let tag = *input.take(16).first_chunk::<16>().unwrap_or(&[0; 16]);
    let frame = input.rest();
    let Some(canonical) = there_and_back(rule, frame, &header, &tag) else { return };
    assert!(canonical.len() <= frame.len() + e2ee_core::frame::buf::HEAD_ROOM);
    if matches!(rule, CodecRule::Opaque | CodecRule::Vp8) {
        assert_eq!(canonical, frame);
    }
    // The canonical spelling is its own.
    assert_eq!(there_and_back(rule, &canonical, &header, &tag).as_ref(), Some(&canonical));
}

/// Arranges, wraps, unwraps, restores. `None` when the frame is not one of this codec.
fn there_and_back(rule: CodecRule, frame: &[u8], header: &[u8], tag: &[u8]) -> Option<Vec<u8>> {
    let mut buf = FrameBuf::new();
    buf.fill(frame);
    let Arranged { clear, tail } = arrange(rule, &mut buf).ok()?;
    let arranged = buf.bytes().to_vec();
    let (prefix, body) = arranged.split_at_checked(clear)?;
    let sealed = [prefix, header, body, tag].concat();

    buf.fill(&sealed);
    assert_eq!(wrap(rule, &mut buf, clear), Ok(()));
    let wire = buf.bytes().to_vec();
    assert_eq!(is_key_frame(rule, &wire), is_key_frame(rule, frame));
    if matches!(rule, CodecRule::H264 | CodecRule::H265) {
        no_start_codes(&wire, clear);
    }
    assert_eq!(unwrap(rule, &mut buf), Ok(clear));
    assert_eq!(buf.bytes(), sealed);

    buf.fill(&arranged);
    assert_eq!(restore(rule, &mut buf, clear, tail), Ok(()));
    Some(buf.bytes().to_vec())
}

/// Behind the clear bytes nothing may read as a start code, across the seam neither, and the end must not be zero.
fn no_start_codes(wire: &[u8], clear: usize) {
    // The seam: the last two clear bytes. What is clear itself may hold start codes.
    for (at, three) in wire.windows(3).enumerate().skip(clear.saturating_sub(2)) {
        let reads_as_code = matches!(three, [0, 0, 0..=2]) && at + 2 >= clear;
        assert!(!reads_as_code, "at {at} behind {clear}: {three:02x?}");
    }
    assert!(wire.last().is_some_and(|byte| *byte != 0));
}

/// Whatever unwraps has one spelling; a hostile table of moved runs is refused or restored, never more.
fn noise(rule: CodecRule, wire: &[u8]) {
    let mut buf = FrameBuf::new();
    buf.fill(wire);
    let Ok(clear) = unwrap(rule, &mut buf) else { return };
    let frame = buf.bytes().to_vec();
    assert!(clear <= frame.len());
    if wrap(rule, &mut buf, clear).is_ok() {
        assert_eq!(unwrap(rule, &mut buf), Ok(clear));
        assert_eq!(buf.bytes(), frame);
    }
    for tail in [false, true] {
        buf.fill(&frame);
        if restore(rule, &mut buf, clear, tail).is_ok() {
            assert!(buf.len() <= frame.len());
        }
    }
}
