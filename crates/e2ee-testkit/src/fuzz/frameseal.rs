//! Opening Frameseal's format: noise, sealed frames that were changed, and what a hostile member may seal.

use e2ee_core::frame::codec;
use e2ee_core::frame::header::Header;
use e2ee_core::{
    CallId, CipherSuite, CodecRule, Ctr, FrameBuf, FrameFormat, FrameInfo, Kid, OpenCause, Opener, Padding,
    Sealer, TrackKind,
};

use super::input::Input;
use super::sframe::{SUITES, open, pair};

/// The three modes.
pub(super) fn open_frameseal(data: &[u8]) {
    let mut input = Input::new(data);
    let suite = input.pick(&SUITES, CipherSuite::Aes128GcmSha256_128);
    let rule = input.pick(&CodecRule::ALL, CodecRule::Opaque);
    let kind = input.pick(&TrackKind::ALL, TrackKind::Video);
    let mode = input.byte();
    let Ok(call) = CallId::new("call") else { return };
    let Some((sealer, openers)) = pair(data, FrameFormat::Frameseal { call }, suite, mode >> 2 & 3) else {
        return;
    };
    let info = FrameInfo::track(kind, rule);
    let [opener, twin, other] = openers;
    match mode % 4 {
        0 => assert!(open(&mut [opener, twin], &info, input.rest()).is_err(), "nothing opens"),
        1 => hostile_member(input, sealer, opener, &info),
        _ => changed(input, sealer, [opener, twin], other, &info),
    }
}

/// A changed frame opens only where transports may respell it, and then to what was sealed.
fn changed(
    mut input: Input<'_>,
    mut sealer: Sealer,
    mut twins: [Opener; 2],
    mut other: Opener,
    info: &FrameInfo<'_>,
) {
    let pad = input.byte();
    if pad.is_multiple_of(3) {
        sealer.set_padding(info.kind, Padding::MultipleOf(u16::from(pad)));
    }
    let len = input.below(900);
    let frame = input.take(len);
    let mut buf = FrameBuf::new();
    buf.fill(frame);
    let Ok(wire) = sealer.seal(info, &mut buf).map(<[u8]>::to_vec) else {
        assert!(buf.is_empty());
        return;
    };
    assert!(wire.len() <= sealer.max_sealed_len(info, frame.len()));
    assert_eq!(codec::is_key_frame(info.rule, &wire), codec::is_key_frame(info.rule, frame));
    buf.fill(&wire);
    let opened = other.open(info, &mut buf).map(<[u8]>::to_vec);
    assert!(opened.is_ok(), "{opened:?}");
    let Ok(opened) = opened else { return };
    if matches!(info.rule, CodecRule::Opaque | CodecRule::Vp8) {
        assert_eq!(opened, frame);
    }

    let mut forged = wire.clone();
    input.mutate(&mut forged);
    let took = open(&mut twins, info, &forged);
    if let Ok(bytes) = &took {
        assert_eq!(*bytes, opened);
    }
    let again = open(&mut twins, info, &wire);
    match took {
        Ok(_) => assert!(matches!(again, Err(OpenCause::Replayed { .. })), "{again:?}"),
        Err(_) => assert_eq!(again, Ok(opened)),
    }
}

/// A member may authenticate anything: here the plaintext is what the input says, by vouching for the tag.
fn hostile_member(mut input: Input<'_>, mut sealer: Sealer, mut opener: Opener, info: &FrameInfo<'_>) {
    let mut buf = FrameBuf::new();
    // The key must be in use; every rule takes this frame under the opaque rule.
    let opaque = FrameInfo::track(info.kind, CodecRule::Opaque);
    buf.fill(b"in use");
    if sealer.seal(&opaque, &mut buf).is_err() || opener.open(&opaque, &mut buf).is_err() {
        return;
    }
    let Ok((kid, _)) = sealer.hazmat_frame_key(info.kind) else { return };
    let tag = sealer.profile().suite.tag_len();
    let layout = 0x40 | input.byte() & 0x30 | info.rule.to_wire();
    let clear_len = input.below(200);
    let clear = input.take(clear_len);
    let header = Header { kid: Kid(kid.0), ctr: Ctr(1) }.encode();
    let frame = [clear, &[layout], header.as_bytes(), input.rest(), &vec![0; tag]].concat();
    buf.fill(&frame);
    if codec::wrap(info.rule, &mut buf, clear.len()).is_err() {
        return;
    }
    let len = buf.len();
    let Ok(plan) = opener.hazmat_plan(info, &mut buf) else { return };
    if let Ok(frame) = opener.hazmat_accept(info, &plan, &mut buf) {
        assert!(frame.len() <= len);
    } else {
        assert!(buf.is_empty());
    }
}
