//! LiveKit's format over real streams, and what its sealer and opener promise.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::HashSet;
use std::path::Path;

use e2ee_core::livekit::{
    Codec, Frame, FrameType, Kdf, KeyBits, Opened, Opener, Options, RATCHET_SALT, Sealer, SlotKey,
};
use e2ee_core::{FrameBuf, OpenCause, ParticipantId, Provider, SealCause, TrackKind};
use e2ee_testkit::streams::{self, stream, streams};
use proptest::prelude::*;

const SECRET: &[u8] = &[0x51; 32];

fn key(secret: &[u8]) -> SlotKey {
    SlotKey::derive(Kdf::Hkdf, secret, RATCHET_SALT)
}

fn pair(options: Options) -> (Sealer, Opener) {
    let who = ParticipantId::new("ada").unwrap();
    let (mut sealer, mut opener) = (Sealer::new(options, who.clone(), [7; 8]), Opener::new(options, who));
    sealer.set_key(0, key(SECRET)).unwrap();
    opener.set_key(0, key(SECRET)).unwrap();
    (sealer, opener)
}

fn video(codec: Codec, timestamp: u32) -> Frame {
    Frame { kind: TrackKind::Video, codec, frame_type: FrameType::Delta, ssrc: Some(0x1234_5678), timestamp }
}

fn seal(sealer: &mut Sealer, frame: &Frame, bytes: &[u8]) -> Vec<u8> {
    let mut buf = FrameBuf::new();
    buf.fill(bytes);
    sealer.seal(frame, &mut buf).unwrap().to_vec()
}

fn open(opener: &mut Opener, frame: &Frame, sealed: &[u8]) -> Result<Vec<u8>, OpenCause> {
    let mut buf = FrameBuf::new();
    buf.fill(sealed);
    opener.open(frame, &mut buf).map(|opened| opened.bytes().to_vec()).map_err(|error| error.cause)
}

/// Start codes of four bytes up to the first slice, as sealing writes them.
fn four_byte_codes(frame: &[u8], clear: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for (at, byte) in frame.iter().enumerate() {
        if at < clear && frame[at..].starts_with(&[0, 0, 1]) && (at == 0 || frame[at - 1] != 0) {
            out.push(0);
        }
        out.push(*byte);
    }
    out
}

#[test]
fn real_streams_come_through_and_look_like_frames_of_their_codec() {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR"));
    for name in streams(dir).unwrap().iter().map(|stream| stream.name) {
        let stream = stream(dir, name).unwrap();
        let codec = match stream.codec {
            streams::Codec::Opus => Codec::Audio,
            streams::Codec::Vp8 => Codec::Vp8,
            streams::Codec::Vp9 => Codec::Vp9,
            streams::Codec::H264 => Codec::H264,
            streams::Codec::H265 => Codec::H265,
            streams::Codec::Av1 => continue,
        };
        let (mut sealer, mut opener) = pair(Options::default());
        for (n, bytes) in stream.frames.iter().enumerate() {
            let info = Frame {
                frame_type: if n == 0 { FrameType::Key } else { FrameType::Delta },
                ..video(codec, n as u32 * 3000)
            };
            let sealed = seal(&mut sealer, &info, bytes);
            let opened = open(&mut opener, &info, &sealed).unwrap();
            let same = opened == *bytes
                || matches!(codec, Codec::H264 | Codec::H265)
                    && (0..=bytes.len()).any(|clear| four_byte_codes(bytes, clear) == opened);
            assert!(same, "{name}, frame {n}");
        }
        assert_eq!(opener.tally().opened, stream.frames.len() as u64, "{name}");
    }
}

#[test]
fn no_iv_comes_twice_whatever_happens_to_keys_and_tracks() {
    let (mut sealer, _) = pair(Options::default());
    let mut ivs = HashSet::new();
    for round in 0..200_u32 {
        match round % 7 {
            0 => drop(sealer.set_key(0, key(SECRET)).unwrap()),
            1 => drop(sealer.set_key(3, key(SECRET)).unwrap()),
            2 => sealer.select(round % 2 * 3),
            3 => drop(sealer.ratchet(0).map(SlotKey::step)),
            _ => {}
        }
        // The same clock and SSRC over and over, with and without one, and data.
        for ssrc in [Some(1), None] {
            let info = Frame { ssrc, ..video(Codec::Vp9, 5) };
            let sealed = seal(&mut sealer, &info, b"frame");
            assert!(ivs.insert(sealed[sealed.len() - 14..sealed.len() - 2].to_vec()));
        }
        let mut buf = FrameBuf::new();
        buf.fill(b"message");
        assert!(ivs.insert(sealer.seal_data(5, &mut buf).unwrap().iv.to_vec()));
    }
}

#[test]
fn forgeries_neither_lock_a_slot_nor_move_a_key() {
    for kdf in [Kdf::Hkdf, Kdf::Pbkdf2] {
        let options = Options { ratchet_window: 4, ..Options::default() };
        let who = ParticipantId::new("ada").unwrap();
        let (mut sealer, mut opener) = (Sealer::new(options, who.clone(), [7; 8]), Opener::new(options, who));
        let derive = || SlotKey::derive(kdf, SECRET, RATCHET_SALT);
        sealer.set_key(0, derive()).unwrap();
        opener.set_key(0, derive()).unwrap();
        let info = video(Codec::Vp8, 1);
        let mut forged = seal(&mut sealer, &info, b"\x11frame");
        *forged.first_mut().unwrap() ^= 1;
        for _ in 0..30 {
            let refused = open(&mut opener, &info, &forged);
            assert!(matches!(refused, Err(OpenCause::Rejected { .. })), "{refused:?}");
        }
        assert_eq!(opener.key(0).map(SlotKey::step), Some(0));
        assert_eq!(opener.take_stepped(), None);

        // Four steps ahead at once: within reach, and followed for good.
        for _ in 0..4 {
            sealer.ratchet(0).unwrap();
        }
        let late = seal(&mut sealer, &info, b"\x11first");
        assert_eq!(open(&mut opener, &info, &late).as_deref(), Ok(&b"\x11first"[..]));
        assert_eq!((opener.key(0).map(SlotKey::step), opener.take_stepped()), (Some(4), Some(0)));
        // Five more are not.
        for _ in 0..5 {
            sealer.ratchet(0).unwrap();
        }
        let far = seal(&mut sealer, &info, b"\x11too far");
        for _ in 0..8 {
            assert!(open(&mut opener, &info, &far).is_err());
        }
    }
}

#[test]
fn what_cannot_be_sealed_is_said_and_leaves_nothing_to_send() {
    let (mut sealer, _) = pair(Options::default());
    let mut try_seal = |info: &Frame, bytes: &[u8]| {
        let mut buf = FrameBuf::new();
        buf.fill(bytes);
        let cause = sealer.seal(info, &mut buf).unwrap_err().cause;
        assert!(buf.is_empty());
        cause
    };
    assert_eq!(try_seal(&video(Codec::Av1, 1), b"\x12\x00"), SealCause::NoCodec);
    assert!(matches!(try_seal(&video(Codec::Vp8, 1), b"\x11\x02"), SealCause::Layout(_)));
    sealer.select(9);
    let mut buf = FrameBuf::new();
    buf.fill(b"\x11frame");
    assert_eq!(sealer.seal(&video(Codec::Vp8, 1), &mut buf).unwrap_err().cause, SealCause::NoKey);
    assert!(buf.is_empty());
}

#[test]
fn data_packets_open_once_and_only_as_sealed() {
    let (mut sealer, mut opener) = pair(Options { bits: KeyBits::B256, ..Options::default() });
    let mut buf = FrameBuf::new();
    buf.fill(b"a message");
    let at = sealer.seal_data(77, &mut buf).unwrap();
    let sealed = buf.bytes().to_vec();
    assert_eq!(opener.open_data(&at, &mut buf).unwrap(), b"a message");
    buf.fill(&sealed);
    let again = opener.open_data(&at, &mut buf).unwrap_err();
    assert!(matches!(again.cause, OpenCause::Replayed { .. }), "{again}");
    assert_eq!(again.to_string(), "data frame of ada: KID 0x0 CTR 117901063 was opened before");
}

/// No start code behind the clear bytes but where the frame itself has one, seams included, and no byte inside the
/// last 14 that was put in.
fn well_escaped(sealed: &[u8], clear: usize) -> bool {
    let from = clear.saturating_sub(2);
    let codes = sealed[from..].windows(3).enumerate();
    let mut codes = codes.filter(|(at, three)| from + at + 2 >= clear && matches!(three, [0, 0, 0..=2]));
    codes.next().is_none() && !sealed[sealed.len() - 13..].windows(3).any(|three| three == [0, 0, 3])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn the_seam_is_clean_and_every_client_can_read_the_iv(
        second in prop_oneof![Just(0_u8), any::<u8>()], body in prop::collection::vec(0_u8..4, 2..40),
        timestamp in 0x0100_0000_u32.., secret in any::<[u8; 16]>(),
    ) {
        let (mut sealer, mut opener) = pair(Options { provider: Provider::best(), ..Options::default() });
        sealer.set_key(0, key(&secret)).unwrap();
        opener.set_key(0, key(&secret)).unwrap();
        let frame = [&[0, 0, 0, 1, 0x41, second][..], &body].concat();
        let info = video(Codec::H264, timestamp | 0x0101_0101);
        let sealed = seal(&mut sealer, &info, &frame);
        prop_assert!(well_escaped(&sealed, 6), "{sealed:x?}");
        prop_assert_eq!(open(&mut opener, &info, &sealed), Ok(frame));
    }

    #[test]
    fn any_bytes_are_answered(
        bytes in prop::collection::vec(prop_oneof![Just(0_u8), Just(1), Just(12), any::<u8>()], 0..80), codec in 1_u8..=7,
    ) {
        let (mut sealer, mut opener) = pair(Options::default());
        let info = video(Codec::from_number(codec).unwrap(), 9);
        let mut buf = FrameBuf::new();
        buf.fill(&bytes);
        let opened = opener.open(&info, &mut buf);
        prop_assert_eq!(matches!(opened, Ok(Opened::Empty)), bytes.is_empty());
        prop_assert!(bytes.is_empty() || opened.is_err());
        buf.fill(&bytes);
        if let Ok(sealed) = sealer.seal(&info, &mut buf).map(<[u8]>::to_vec) {
            prop_assert!(sealed.len() <= Sealer::max_sealed_len(bytes.len()));
            prop_assert!(open(&mut opener, &info, &sealed).is_ok());
        }
    }
}
