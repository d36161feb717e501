//! Real streams, encoded at test set-up, through all four codec steps.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod codec_support;

use std::path::Path;

use codec_support::{Sealed, obu, open, round_trip, seal};
use e2ee_core::frame::codec::{CodecRule, is_key_frame};
use e2ee_testkit::streams::{Codec, Stream, stream, streams};

const TAG: &[u8] = &[0x5a; 16];
/// Zeros at the seam, at the end, and in between.
const HEADERS: [&[u8]; 3] = [&[0x99, 0x01, 0x02, 0x03], &[0, 0, 1, 0, 0, 0, 0, 0], &[0]];

fn load(name: &str) -> Stream {
    stream(Path::new(env!("CARGO_TARGET_TMPDIR")), name).unwrap_or_else(|error| panic!("{error}"))
}

fn rule(stream: &Stream) -> CodecRule {
    CodecRule::from_mime(stream.codec.mime()).unwrap()
}

/// Start codes of 3 bytes and trailing zeros, written as the rules canonicalise them; independent of the crate.
fn canonical(codec: Codec, frame: &[u8]) -> Vec<u8> {
    let h265 = match codec {
        Codec::H264 => false,
        Codec::H265 => true,
        // The encoders write shortest sizes everywhere.
        _ => return frame.to_vec(),
    };
    let mut out = Vec::new();
    let (mut at, mut seen_slice) = (0, false);
    while at < frame.len() {
        if !seen_slice && frame[at..].starts_with(&[0, 0, 1]) {
            let kind = if h265 { frame[at + 3] >> 1 & 0x3f } else { frame[at + 3] & 0x1f };
            seen_slice = if h265 { kind < 32 } else { kind <= 5 };
            let parameters = if h265 { (32..=34).contains(&kind) } else { matches!(kind, 7 | 8) };
            if (seen_slice || parameters) && !out.ends_with(&[0]) {
                out.push(0);
            }
        }
        out.push(frame[at]);
        at += 1;
    }
    out
}

/// Every frame sealed and opened under each header; what was on the wire under the first.
fn through(stream: &Stream) -> Vec<Sealed> {
    let rule = rule(stream);
    let every = stream.frames.iter().map(|frame| {
        let expected = canonical(stream.codec, frame);
        let mut sealed = HEADERS
            .map(|header| round_trip(rule, frame, header, TAG, &expected))
            .into_iter()
            .collect::<Vec<_>>();
        assert_eq!(is_key_frame(rule, frame), is_key_frame(rule, &sealed[0].wire));
        sealed.swap_remove(0)
    });
    every.collect()
}

fn keys(stream: &Stream) -> Vec<usize> {
    let frames = stream.frames.iter().enumerate();
    frames.filter(|(_, frame)| is_key_frame(rule(stream), frame) == Some(true)).map(|(at, _)| at).collect()
}

#[test]
fn every_stream_comes_back_byte_for_byte() {
    for stream in streams(Path::new(env!("CARGO_TARGET_TMPDIR"))).unwrap_or_else(|error| panic!("{error}")) {
        let sealed = through(&stream);
        assert_eq!(sealed.len(), stream.frames.len());
        if rule(&stream) != CodecRule::Opaque {
            assert_eq!(is_key_frame(rule(&stream), &stream.frames[0]), Some(true), "{}", stream.name);
        }
    }
}

#[test]
fn clear_bytes_are_few() {
    for stream in streams(Path::new(env!("CARGO_TARGET_TMPDIR"))).unwrap_or_else(|error| panic!("{error}")) {
        for (frame, sealed) in stream.frames.iter().zip(through(&stream)) {
            let parameters = |h264: &[u8], h265: &[u8]| {
                frame.windows(4).any(|w| {
                    w[..3] == [0, 0, 1] && (h264.contains(&(w[3] & 0x1f)) || h265.contains(&(w[3] >> 1)))
                })
            };
            let key = is_key_frame(rule(&stream), frame) == Some(true);
            let most = match stream.codec {
                Codec::Opus | Codec::Vp9 => 0,
                Codec::Vp8 => {
                    if key {
                        6
                    } else {
                        1
                    }
                }
                Codec::Av1 => {
                    if key {
                        30
                    } else {
                        0
                    }
                }
                // Start code, NAL unit header and one byte, after the parameter sets.
                Codec::H264 => {
                    if parameters(&[7, 8], &[]) {
                        70
                    } else {
                        6
                    }
                }
                Codec::H265 => {
                    if parameters(&[], &[32, 33, 34]) {
                        160
                    } else {
                        7
                    }
                }
            };
            assert!(sealed.clear <= most, "{}: {} clear bytes", stream.name, sealed.clear);
        }
    }
}

#[test]
fn key_frames_stand_where_the_encoder_was_told() {
    for name in ["vp8", "av1-aom", "h264-baseline", "h264-slices"] {
        assert_eq!(keys(&load(name)), [0, 16, 32], "{name}");
    }
    assert_eq!(keys(&load("h264-intra-refresh")), [0]);
    assert_eq!(keys(&load("opus")), [0; 0]);
}

#[test]
fn delimiters_and_sei_of_h264_move_inside() {
    let stream = load("h264-slices");
    for (frame, sealed) in stream.frames.iter().zip(through(&stream)) {
        assert!(sealed.tail);
        let slices = frame.windows(4).filter(|w| w[..3] == [0, 0, 1] && matches!(w[3] & 0x1f, 1 | 5)).count();
        assert_eq!(slices, 4);
        let units =
            |kind: u8| sealed.wire.windows(4).filter(|w| w[..3] == [0, 0, 1] && w[3] & 0x1f == kind).count();
        // On the wire: no delimiter, no SEI, one slice.
        assert_eq!((units(9), units(6), units(1) + units(5)), (0, 0, 1));
    }
}

#[test]
fn av1_key_frames_show_the_sequence_header_alone() {
    for name in ["av1-aom", "av1-tile-groups"] {
        let stream = load(name);
        for at in keys(&stream) {
            let sealed = &through(&stream)[at];
            assert_eq!(sealed.wire[0], 0x0a);
            assert_eq!(sealed.clear, usize::from(sealed.wire[1]) + 2);
            assert_eq!(sealed.wire[sealed.clear], 0x4a);
            assert!(sealed.tail, "{name}: the delimiter has to come back");
        }
    }
}

/// The OBUs of a temporal unit: type, payload.
fn obus(frame: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < frame.len() {
        assert_eq!(frame[at] & 6, 2, "size, no extension");
        let (mut body, mut size, mut bits) = (at + 1, 0_usize, 0);
        loop {
            size |= usize::from(frame[body] & 0x7f) << bits;
            bits += 7;
            body += 1;
            if frame[body - 1] & 0x80 == 0 {
                break;
            }
        }
        out.push((frame[at] >> 3 & 15, frame[body..body + size].to_vec()));
        at = body + size;
    }
    out
}

/// What packetizers and depacketizers do to AV1: delimiters and padding dropped, sizes taken away and put back.
#[test]
fn av1_survives_a_packetizer_that_rebuilds_every_obu() {
    let stream = load("av1-aom");
    for (frame, sealed) in stream.frames.iter().zip(through(&stream)) {
        let kept = obus(&sealed.wire).into_iter().filter(|(kind, _)| !matches!(kind, 2 | 8 | 15));
        let rebuilt: Vec<u8> = kept.flat_map(|(kind, payload)| obu(kind, None, &payload)).collect();
        assert_eq!(rebuilt, sealed.wire, "nothing on the wire is lost or rewritten");
        let opened = open(CodecRule::Av1, &rebuilt, &sealed, HEADERS[0].len(), TAG.len()).unwrap();
        assert_eq!(&opened, frame);
    }
}

/// Two spatial layers made of one real stream: extension bytes on every OBU, the second layer a frame of its own.
#[test]
fn av1_layers_travel_as_frames_of_their_own() {
    let stream = load("av1-aom");
    for frame in &stream.frames {
        let base: Vec<u8> = obus(frame)
            .into_iter()
            .flat_map(|(kind, payload)| obu(kind, (kind != 2).then_some(0x00), &payload))
            .collect();
        let upper: Vec<u8> = obus(frame)
            .into_iter()
            .filter(|(kind, _)| !matches!(kind, 1 | 2))
            .flat_map(|(kind, payload)| obu(kind, Some(0x08), &payload))
            .collect();
        round_trip(CodecRule::Av1, &base, HEADERS[0], TAG, &base);
        let sealed = round_trip(CodecRule::Av1, &upper, HEADERS[0], TAG, &upper);
        assert_eq!(sealed.clear, 0);
        assert_eq!(is_key_frame(CodecRule::Av1, &upper), Some(false));
    }
}

/// Frames cut short anywhere are sealed and come back, or are refused; they never panic.
#[test]
fn frames_cut_short_are_sealed_or_refused() {
    for stream in streams(Path::new(env!("CARGO_TARGET_TMPDIR"))).unwrap_or_else(|error| panic!("{error}")) {
        let frame = &stream.frames[0];
        let rule = rule(&stream);
        for len in (0..frame.len().min(400)).chain([frame.len() - 1]) {
            if let Ok(sealed) = seal(rule, &frame[..len], HEADERS[1], TAG) {
                let opened = open(rule, &sealed.wire, &sealed, HEADERS[1].len(), TAG.len()).unwrap();
                assert!(opened.len() >= len.saturating_sub(8), "{}: {len}", stream.name);
            }
            let _ = is_key_frame(rule, &frame[..len]);
        }
    }
}
