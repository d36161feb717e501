//! Real streams through the front door: sealed, carried as transports carry them, opened.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::path::Path;

use e2ee_core::frame::codec::is_key_frame;
use e2ee_core::{CipherSuite, CodecRule, FrameBuf, FrameInfo, TrackKind};
use e2ee_testkit::streams::{Codec, Stream, streams};
use support::{open, pair, profile_of, seal};

fn all() -> Vec<Stream> {
    streams(Path::new(env!("CARGO_TARGET_TMPDIR"))).unwrap_or_else(|error| panic!("{error}"))
}

fn info(stream: &Stream) -> FrameInfo<'static> {
    let kind = if stream.codec == Codec::Opus { TrackKind::Audio } else { TrackKind::Video };
    FrameInfo::track(kind, CodecRule::from_mime(stream.codec.mime()).unwrap())
}

/// Without the zeros that make start codes of 3 bytes longer.
fn short_start_codes(bytes: &[u8]) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::new();
    for byte in bytes {
        if *byte == 1 && out.ends_with(&[0, 0, 0]) {
            out.pop();
        }
        out.push(*byte);
    }
    out
}

fn same_frame(stream: &Stream, opened: &[u8], frame: &[u8]) -> bool {
    match stream.codec {
        Codec::H264 | Codec::H265 => short_start_codes(opened) == short_start_codes(frame),
        _ => opened == frame,
    }
}

#[test]
fn every_stream_opens_under_every_suite() {
    let streams = all();
    for suite in CipherSuite::ALL {
        let (mut sealer, mut opener) = pair(profile_of(suite, "call"));
        // One buffer for all frames: what is left of the one before must not show.
        let mut buf = FrameBuf::new();
        for stream in &streams {
            for frame in &stream.frames {
                let wire = seal(&mut sealer, &info(stream), frame);
                buf.fill(&wire);
                let opened =
                    opener.open(&info(stream), &mut buf).unwrap_or_else(|e| panic!("{}: {e:?}", stream.name));
                assert!(same_frame(stream, opened, frame), "{}", stream.name);
                assert!(wire.len() <= sealer.max_sealed_len(&info(stream), frame.len()));
            }
        }
    }
}

#[test]
fn nothing_behind_the_clear_bytes_is_plaintext() {
    let (mut sealer, _) = pair(profile_of(CipherSuite::Aes128GcmSha256_128, "call"));
    for stream in all() {
        let rule = info(&stream).rule;
        for frame in &stream.frames {
            let wire = seal(&mut sealer, &info(&stream), frame);
            let mut layout = FrameBuf::new();
            layout.fill(&wire);
            let clear = e2ee_core::frame::codec::unwrap(rule, &mut layout).unwrap();
            let plain: std::collections::HashSet<&[u8]> =
                frame.windows(8).filter(|w| *w != [w[0]; 8]).collect();
            let leaked = wire[clear..].windows(8).filter(|window| plain.contains(window)).count();
            assert_eq!(leaked, 0, "{}", stream.name);
            // Only bytes of parameter sets, sequence headers and one slice header are clear.
            assert!(clear <= 160 && (clear <= 7 || is_key_frame(rule, &wire) == Some(true) || clear < 70));
        }
    }
}

/// Every bit of the clear bytes, of the framing around the ciphertext, and of the tag.
#[test]
fn no_changed_bit_gets_through() {
    let (mut sealer, mut opener) = pair(profile_of(CipherSuite::Aes128GcmSha256_128, "call"));
    let mut refused = 0;
    for stream in all() {
        let info = info(&stream);
        for frame in [&stream.frames[0], &stream.frames[3]] {
            let wire = seal(&mut sealer, &info, frame);
            let near_ends = (0..wire.len().min(220)).chain(wire.len().saturating_sub(24)..wire.len());
            for at in near_ends {
                for bit in 0..8 {
                    let mut changed = wire.clone();
                    changed[at] ^= 1 << bit;
                    match open(&mut opener, &info, &changed) {
                        Err(_) => refused += 1,
                        Ok(opened) => panic!("{}: byte {at} bit {bit}: {} opened", stream.name, opened.len()),
                    }
                }
            }
            assert!(same_frame(&stream, &open(&mut opener, &info, &wire).unwrap(), frame), "{}", stream.name);
        }
    }
    assert!(refused > 10_000);
}

#[test]
fn a_frame_opened_by_another_rule_is_refused() {
    let (mut sealer, mut opener) = pair(profile_of(CipherSuite::Aes128GcmSha256_128, "call"));
    for stream in all() {
        let genuine = info(&stream);
        let wire = seal(&mut sealer, &genuine, &stream.frames[0]);
        for rule in CodecRule::ALL {
            if rule != genuine.rule {
                assert!(open(&mut opener, &FrameInfo::track(genuine.kind, rule), &wire).is_err());
            }
        }
        assert!(same_frame(&stream, &open(&mut opener, &genuine, &wire).unwrap(), &stream.frames[0]));
    }
}

#[test]
fn empty_and_discontinuous_audio_opens() {
    let (mut sealer, mut opener) = pair(profile_of(CipherSuite::Aes128GcmSha256_128, "call"));
    let audio = FrameInfo::track(TrackKind::Audio, CodecRule::Opaque);
    // Nothing at all, and the packets of 1 to 3 bytes that Opus sends in silence.
    for frame in [&[][..], &[0x78], &[0x78, 0xff], &[0x78, 0xff, 0xfe]] {
        let wire = seal(&mut sealer, &audio, frame);
        assert_eq!(open(&mut opener, &audio, &wire).unwrap(), frame);
    }
}
