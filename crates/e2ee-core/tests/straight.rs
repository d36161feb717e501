//! Frames that go straight from one memory to another are the frames that a `FrameBuf` gives, byte for byte and error
//! for error.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use e2ee_core::{
    CipherSuite, CodecRule, FrameBuf, FrameFormat, FrameInfo, OpenCause, Opener, Padding, Profile, SealCause,
    Sealer, Straight, TrackKind,
};
use proptest::prelude::*;
use support::*;

/// What stands in an output before anything is written.
const BEFORE: u8 = 0xee;

/// Two senders with one key and two receivers, for the two ways. (Only a test may have two senders with one key.)
fn twins(profile: &Profile) -> ([Sealer; 2], [Opener; 2]) {
    let (sealer, opener) = pair(profile.clone());
    let (twin, other) = pair(profile.clone());
    ([sealer, twin], [opener, other])
}

/// Seals both ways; `None` where the frame has to be taken apart.
fn seal_both(
    sealers: &mut [Sealer; 2],
    info: &FrameInfo<'_>,
    frame: &[u8],
    room: usize,
) -> Option<Result<Vec<u8>, SealCause>> {
    let [straight, by_buf] = sealers;
    let before = straight.sealed(info.kind);
    let mut out = vec![BEFORE; room];
    let sealed = straight.seal_into(info, frame, &mut out).map_err(|e| e.cause);
    let len = match sealed {
        Ok(Straight::Apart) => {
            assert!(out.iter().all(|b| *b == BEFORE), "written, and not done");
            assert_eq!(straight.sealed(info.kind), before);
            return None;
        }
        Ok(Straight::Short(need)) => {
            assert!(need > room && out.iter().all(|b| *b == BEFORE));
            assert_eq!(straight.sealed(info.kind), before, "a counter was spent on nothing");
            out = vec![BEFORE; need];
            assert_eq!(straight.seal_into(info, frame, &mut out).unwrap(), Straight::Done(need));
            Ok(need)
        }
        Ok(Straight::Done(len)) => Ok(len),
        Err(cause) => {
            assert!(out.iter().all(|b| *b == BEFORE));
            Err(cause)
        }
    };
    let mut buf = FrameBuf::new();
    buf.fill(frame);
    let expected = by_buf.seal(info, &mut buf).map(<[u8]>::to_vec).map_err(|e| e.cause);
    let sealed = len.map(|len| {
        assert!(out[len..].iter().all(|b| *b == BEFORE), "written behind the frame");
        assert!(len - frame.len() <= Straight::MOST_ADDED);
        out[..len].to_vec()
    });
    assert_eq!(sealed, expected);
    Some(sealed)
}

/// Opens both ways; `None` where the frame has to be put together.
fn open_both(
    openers: &mut [Opener; 2],
    info: &FrameInfo<'_>,
    wire: &[u8],
) -> Option<Result<Vec<u8>, OpenCause>> {
    let [straight, by_buf] = openers;
    let mut out = vec![BEFORE; wire.len() + 9];
    let opened = straight.open_into(info, wire, &mut out).map_err(|e| e.cause);
    if opened == Ok(Straight::Apart) {
        assert!(out.iter().all(|b| *b == BEFORE), "written, and not done");
        assert_eq!(straight.tally(), by_buf.tally());
        return None;
    }
    let opened = opened.map(|done| {
        let Straight::Done(len) = done else { panic!("{done:?}") };
        out[..len].to_vec()
    });
    if opened.is_err() {
        assert!(out.iter().all(|b| [0, BEFORE].contains(b)), "something of a refused frame: {out:x?}");
    }
    assert!(out[wire.len()..].iter().all(|b| *b == BEFORE), "written behind the frame");
    assert_eq!(opened, open(by_buf, info, wire));
    assert_eq!(straight.tally(), by_buf.tally());
    Some(opened)
}

/// A frame that the rule takes, or any bytes.
fn frame_of(rule: CodecRule, mut frame: Vec<u8>) -> Vec<u8> {
    match (rule, frame.first_mut()) {
        // Key frames and others; those that are too short too.
        (CodecRule::Vp8, Some(first)) => *first %= 4,
        (CodecRule::H264, _) => drop(frame.splice(..0, [0, 0, 0, 1, 0x65, 0x88])),
        _ => {}
    }
    frame
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn both_ways_give_the_same_bytes_and_the_same_errors(
        suite in prop::sample::select(CipherSuite::ALL.to_vec()),
        frames in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..300), 0usize..400), 1..12),
        rule in 1u8..6,
        kind in 0u8..5,
        metadata in prop::collection::vec(any::<u8>(), 0..40),
        bare: bool,
        padded: bool,
        at: prop::sample::Index,
        bit in 0u8..8,
        cut: prop::sample::Index,
    ) {
        let mut profile = profile_of(suite, "call");
        if bare {
            profile.format = FrameFormat::Sframe;
        }
        let rule = CodecRule::from_wire(rule).unwrap();
        let kind = TrackKind::from_number(kind).unwrap();
        let info = FrameInfo { kind, rule, metadata: &metadata };
        let straight = bare || (!padded && matches!(rule, CodecRule::Opaque | CodecRule::Vp8));
        let (mut sealers, mut openers) = twins(&profile);
        if padded {
            sealers.iter_mut().for_each(|s| s.set_padding(kind, Padding::MultipleOf(16)));
        }
        for (frame, room) in frames {
            let frame = frame_of(rule, frame);
            let sealed = seal_both(&mut sealers, &info, &frame, room);
            prop_assert_eq!(sealed.is_some(), straight);
            let wire = match sealed {
                // The receivers have these frames too.
                None => {
                    let mut buf = FrameBuf::new();
                    buf.fill(&frame);
                    let Ok(wire) = sealers[1].seal(&info, &mut buf).map(<[u8]>::to_vec) else { continue };
                    wire
                }
                Some(Ok(wire)) => wire,
                Some(Err(_)) => continue,
            };
            let mut forged = wire.clone();
            forged[at.index(wire.len())] ^= 1 << bit;
            for hostile in [&forged[..], &wire[..cut.index(wire.len())], &frame] {
                if let Some(opened) = open_both(&mut openers, &info, hostile) {
                    prop_assert!(opened.is_err());
                }
            }
            if let Some(opened) = open_both(&mut openers, &info, &wire) {
                prop_assert_eq!(opened.unwrap(), frame);
                let again = open_both(&mut openers, &info, &wire).unwrap();
                prop_assert!(matches!(again, Err(OpenCause::Replayed { .. })), "{:?}", again);
            }
        }
    }

    #[test]
    fn arbitrary_bytes_never_open_straight(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        rule in 1u8..6,
        bare: bool,
    ) {
        let mut profile = profile();
        if bare {
            profile.format = FrameFormat::Sframe;
        }
        let (_, mut openers) = twins(&profile);
        let info = FrameInfo::track(TrackKind::Video, CodecRule::from_wire(rule).unwrap());
        if let Some(opened) = open_both(&mut openers, &info, &bytes) {
            prop_assert!(opened.is_err());
        }
    }
}

#[test]
fn headers_grow_and_the_frames_stay_the_same() {
    let (mut sealers, mut openers) = twins(&profile());
    for n in 0..600u32 {
        if n % 100 == 99 {
            for (sealer, opener) in sealers.iter_mut().zip(&mut openers) {
                sealer.rotate(&[n as u8; 32]).unwrap();
                hand_over(sealer, opener);
            }
        }
        let frame = n.to_be_bytes();
        let wire = seal_both(&mut sealers, &AUDIO, &frame, 64).unwrap().unwrap();
        assert_eq!(open_both(&mut openers, &AUDIO, &wire).unwrap().unwrap(), frame);
    }
}

#[test]
fn both_ways_share_one_counter() {
    let (mut sealer, mut opener) = ada();
    let (mut out, mut wires) = ([0; 64], Vec::new());
    for n in 0..20 {
        wires.push(if n % 3 == 0 {
            seal(&mut sealer, &AUDIO, b"frame")
        } else {
            let Ok(Straight::Done(len)) = sealer.seal_into(&AUDIO, b"frame", &mut out) else {
                panic!("sealed")
            };
            out[..len].to_vec()
        });
    }
    assert_eq!(sealer.sealed(AUDIO.kind), 20);
    wires.iter().for_each(|wire| assert_eq!(open(&mut opener, &AUDIO, wire).unwrap(), b"frame"));
}

#[test]
fn an_output_shorter_than_the_frame_is_not_begun() {
    let (mut sealer, mut opener) = ada();
    let wire = seal(&mut sealer, &VIDEO, &[7; 100]);
    let mut out = [BEFORE; 200];
    let short = opener.open_into(&VIDEO, &wire, &mut out[..wire.len() - 1]);
    assert_eq!(short.unwrap(), Straight::Short(wire.len()));
    assert!(out.iter().all(|b| *b == BEFORE));
    assert_eq!(opener.open_into(&VIDEO, &wire, &mut out).unwrap(), Straight::Done(100));
    assert_eq!(out[..100], [7; 100]);
}

#[test]
fn no_suite_adds_more_than_is_said() {
    let longest = CipherSuite::ALL.iter().map(|suite| suite.tag_len()).max().unwrap();
    assert_eq!(Straight::MOST_ADDED, e2ee_core::frame::header::MAX_HEADER_LEN + 1 + longest);
}
