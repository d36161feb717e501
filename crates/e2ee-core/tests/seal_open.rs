//! Round trips and hostile bytes through the front door.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use e2ee_core::{CipherSuite, CodecRule, FrameBuf, FrameFormat, FrameInfo, Padding, Profile, TrackKind};
use proptest::prelude::*;
use support::*;

fn any_suite() -> impl Strategy<Value = CipherSuite> {
    prop::sample::select(CipherSuite::ALL.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_is_sealed_opens(
        suite in any_suite(),
        frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..6),
        kind in 0u8..5,
        metadata in prop::collection::vec(any::<u8>(), 0..40),
        pad in prop::sample::select(vec![0u16, 1, 16, 100]),
        bare: bool,
    ) {
        let mut profile = profile_of(suite, "call");
        if bare {
            profile.format = FrameFormat::Sframe;
        }
        let (mut sealer, mut opener) = pair(profile);
        let info = FrameInfo {
            kind: TrackKind::from_number(kind).unwrap(), rule: CodecRule::Opaque, metadata: &metadata,
        };
        sealer.set_padding(info.kind, Padding::MultipleOf(pad));
        for frame in &frames {
            let wire = seal(&mut sealer, &info, frame);
            prop_assert!(wire.len() <= sealer.max_sealed_len(&info, frame.len()));
            if !bare {
                let plain = wire.len() - suite.tag_len() - 2;
                prop_assert_eq!(plain % usize::from(pad.max(1)), 0, "{} bytes", plain);
            }
            prop_assert_eq!(&open(&mut opener, &info, &wire).unwrap(), frame);
        }
    }

    #[test]
    fn any_change_is_refused_and_leaves_the_genuine_frame_alone(
        suite in any_suite(),
        frame in prop::collection::vec(any::<u8>(), 0..64),
        at: prop::sample::Index,
        bit in 0u8..8,
        cut: prop::sample::Index,
    ) {
        // A 4-byte tag lets one forgery in 2^32 through: too rare to meet here.
        let (mut sealer, mut opener) = pair(profile_of(suite, "call"));
        let wire = seal(&mut sealer, &AUDIO, &frame);
        let mut flipped = wire.clone();
        flipped[at.index(wire.len())] ^= 1 << bit;
        prop_assert!(open(&mut opener, &AUDIO, &flipped).is_err());
        prop_assert!(open(&mut opener, &AUDIO, &wire[..cut.index(wire.len())]).is_err());
        prop_assert_eq!(open(&mut opener, &AUDIO, &wire).unwrap(), frame);
    }

    #[test]
    fn arbitrary_bytes_never_open(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        rule in 1u8..6,
        bare: bool,
    ) {
        let mut profile = profile();
        if bare {
            profile.format = FrameFormat::Sframe;
        }
        let (_, mut opener) = pair(profile);
        let rule = CodecRule::from_wire(rule).unwrap();
        prop_assert!(open(&mut opener, &FrameInfo::track(TrackKind::Video, rule), &bytes).is_err());
    }

    #[test]
    fn arbitrary_bytes_seal_or_are_refused_and_never_leave_in_clear(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        rule in 1u8..6,
    ) {
        let (mut sealer, mut opener) = ada();
        let info = FrameInfo::track(TrackKind::Video, CodecRule::from_wire(rule).unwrap());
        let mut buf = FrameBuf::new();
        buf.fill(&bytes);
        match sealer.seal(&info, &mut buf).map(<[u8]>::to_vec) {
            Err(_) => prop_assert!(buf.is_empty()),
            Ok(wire) => {
                let opened = open(&mut opener, &info, &wire).unwrap();
                if matches!(info.rule, CodecRule::Opaque | CodecRule::Vp8) {
                    prop_assert_eq!(opened, bytes);
                }
            }
        }
    }
}

#[test]
fn sealing_twice_gives_two_different_frames() {
    let (mut sealer, _) = ada();
    assert_ne!(seal(&mut sealer, &AUDIO, b"same"), seal(&mut sealer, &AUDIO, b"same"));
}

#[test]
fn an_opus_frame_costs_eighteen_bytes_and_more_only_for_the_counter() {
    let (mut sealer, _) = ada();
    // layout byte 1, header 1, tag 16
    assert_eq!(seal(&mut sealer, &AUDIO, &[7; 80]).len(), 98);
    for _ in 0..300 {
        seal(&mut sealer, &AUDIO, &[7; 80]);
    }
    assert_eq!(seal(&mut sealer, &AUDIO, &[7; 80]).len(), 100);
}

#[test]
fn every_provider_opens_what_every_other_sealed() {
    for suite in CipherSuite::ALL {
        for seals in e2ee_core::Provider::all() {
            for opens in e2ee_core::Provider::all() {
                let with = |provider| Profile { provider, ..profile_of(suite, "call") };
                let (mut sealer, _) = pair(with(seals));
                let mut opener = e2ee_core::Opener::new(with(opens), name("ada"));
                hand_over(&sealer, &mut opener);
                for len in [0, 1, 120, 5000] {
                    let wire = seal(&mut sealer, &AUDIO, &vec![5; len]);
                    assert_eq!(open(&mut opener, &AUDIO, &wire).unwrap(), vec![5; len]);
                }
            }
        }
    }
}

#[test]
fn a_plan_executed_outside_gives_the_same_frame() {
    let (mut planned, _) = ada();
    let (mut direct, mut opener) = ada();
    let info = FrameInfo::track(TrackKind::Video, CodecRule::Vp8);
    for round in 0..4 {
        let frame = [&[0x9d, 1, 2, 3, 4, 5, 6][..], &[round; 40]].concat();
        let mut buf = FrameBuf::new();
        buf.fill(&frame);
        let plan = planned.plan(&info, &mut buf).unwrap();
        let (kid, key) = planned.hazmat_frame_key(info.kind).unwrap();
        assert_eq!(kid, plan.kid());
        let aead = profile().provider.aead(profile().suite, key.expose()).unwrap();
        let (aad, body) = buf.bytes_mut().split_at_mut(plan.aad);
        aead.seal(&plan.nonce, aad, body).unwrap();
        let wire = planned.finish(&info, &plan, &mut buf).unwrap().to_vec();
        assert_eq!(wire, seal(&mut direct, &info, &frame));

        // Opening by plan: only once the key has opened a frame, and each counter once.
        buf.fill(&wire);
        match opener.hazmat_plan(&info, &mut buf) {
            Err(e) => {
                assert_eq!((round, e.cause), (0, e2ee_core::OpenCause::Stale));
                assert_eq!(open(&mut opener, &info, &wire).unwrap(), frame);
            }
            Ok(plan) => {
                let key = opener.hazmat_frame_key(&plan, info.kind).unwrap();
                let aead = profile().provider.aead(profile().suite, key.expose()).unwrap();
                let (aad, body) = buf.bytes_mut().split_at_mut(plan.aad);
                aead.open(&plan.nonce, aad, body).unwrap();
                let mut twin = FrameBuf::new();
                twin.fill(buf.bytes());
                assert_eq!(opener.hazmat_accept(&info, &plan, &mut buf).unwrap(), frame);
                let twice = opener.hazmat_accept(&info, &plan, &mut twin).unwrap_err();
                assert!(matches!(twice.cause, e2ee_core::OpenCause::Replayed { .. }));
            }
        }
    }
}
