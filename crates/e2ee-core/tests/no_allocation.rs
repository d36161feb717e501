//! The frame path allocates nothing: sealed, opened, repeated, forged and unknown frames alike.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::alloc::System;

use e2ee_core::{CodecRule, FrameBuf, FrameInfo, Opener, Profile, Provider, Sealer, TrackKind};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use support::*;

#[global_allocator]
static GLOBAL: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Payload of a frame that each rule takes.
fn frame(rule: CodecRule, len: usize) -> Vec<u8> {
    let mut frame = match rule {
        CodecRule::Opaque | CodecRule::Vp8 => vec![0x10],
        CodecRule::Av1 => vec![0x12, 0, 0x30],
        CodecRule::H264 => vec![0, 0, 0, 1, 0x67, 1, 2, 0, 0, 1, 6, 5, 0, 0, 1, 0x65, 0x88],
        CodecRule::H265 => vec![0, 0, 0, 1, 0x40, 1, 2, 0, 0, 1, 0x26, 1, 0x88],
    };
    frame.resize(frame.len() + len, 0x5a);
    frame
}

/// Allocations of `rounds` rounds of everything that can happen to a frame.
fn allocations(
    sealer: &mut Sealer,
    opener: &mut Opener,
    info: &FrameInfo<'_>,
    frame: &[u8],
    bufs: &mut (FrameBuf, FrameBuf),
) -> usize {
    let region = Region::new(GLOBAL);
    for _ in 0..50 {
        let (out, back) = (&mut bufs.0, &mut bufs.1);
        out.fill(frame);
        let wire = sealer.seal(info, out).unwrap();
        let mut forged = [0u8; 64];
        let n = (wire.len() - 1).min(64);
        forged[..n].copy_from_slice(&wire[..n]);
        back.fill(&forged[..n]);
        let _ = opener.open(info, back).map(<[u8]>::len);
        back.fill(wire);
        if let Some(last) = back.bytes_mut().iter_mut().rev().nth(3) {
            *last ^= 1;
        }
        assert!(opener.open(info, back).is_err());
        back.fill(wire);
        assert!(opener.open(info, back).is_ok());
        back.fill(wire);
        assert!(opener.open(info, back).is_err());
        back.fill(&[0x41, 0x8f, 0xff, 1, 2, 3]);
        assert!(opener.open(info, back).is_err());
    }
    let change = region.change();
    change.allocations + change.reallocations
}

#[test]
fn nothing_is_allocated_once_keys_and_buffers_are_warm() {
    for provider in Provider::all() {
        let profile = Profile { provider, ..profile() };
        for rule in [CodecRule::Opaque, CodecRule::Vp8, CodecRule::Av1, CodecRule::H264, CodecRule::H265] {
            // RustCrypto is slow without optimisation; its frames take the same path.
            let longest = if provider.name() == "rustcrypto" { 1200 } else { 50_000 };
            for len in [40, 120, longest] {
                let (mut sealer, mut opener) = pair(profile.clone());
                let info = FrameInfo::track(TrackKind::Video, rule);
                let frame = frame(rule, len);
                let mut bufs = (FrameBuf::with_capacity(60_000), FrameBuf::with_capacity(60_000));
                allocations(&mut sealer, &mut opener, &info, &frame, &mut bufs);
                let counted = allocations(&mut sealer, &mut opener, &info, &frame, &mut bufs);
                assert_eq!(counted, 0, "{} {rule:?} {len} bytes", provider.name());
            }
        }
    }
    // The counter counts.
    let region = Region::new(GLOBAL);
    drop(std::hint::black_box(vec![0u8; 10]));
    assert_eq!(region.change().allocations, 1);
}
