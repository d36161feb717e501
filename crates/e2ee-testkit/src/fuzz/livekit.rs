//! Opening LiveKit's format: noise, sealed frames that were changed, and steps ahead.

use e2ee_core::livekit::{Codec, Frame, FrameType, Kdf, Opener, Options, RATCHET_SALT, Sealer, SlotKey};
use e2ee_core::{FrameBuf, ParticipantId, TrackKind};
use sha2::{Digest, Sha256};

use super::input::Input;

const TYPES: [FrameType; 3] = [FrameType::Key, FrameType::Delta, FrameType::Empty];

/// Nothing opens but what was sealed, once; what does not open moves no key; what is sealed opens to itself.
pub(super) fn open_livekit(data: &[u8]) {
    // As elsewhere, a key that hangs on the whole input, so that an engine cannot forge with tags it saw.
    let secret = Sha256::digest(data);
    let mut input = Input::new(data);
    let codec = Codec::from_number(input.byte() % 7 + 1).unwrap_or(Codec::Unknown);
    let frame_type = input.pick(&TYPES, FrameType::Delta);
    let timestamp = u32::from_be_bytes([input.byte(), input.byte(), input.byte(), input.byte()]);
    let (mode, steps) = (input.byte(), input.byte() % 3);
    let Ok(who) = ParticipantId::new("ada") else { return };
    let options = Options { ratchet_window: 2, ..Options::default() };
    let info = Frame { kind: TrackKind::Video, codec, frame_type, ssrc: Some(7), timestamp };
    let mut opener = Opener::new(options, who.clone());
    opener.allow_injected(b"trailer");
    let key = || SlotKey::derive(Kdf::Hkdf, &secret, RATCHET_SALT);
    assert!(opener.set_key(0, key()).is_ok());
    let step = |opener: &Opener| opener.key(0).map(SlotKey::step);
    let mut buf = FrameBuf::new();

    if mode.is_multiple_of(2) {
        let noise = input.rest();
        buf.fill(noise);
        let opened = opener.open(&info, &mut buf);
        assert!(opened.is_err() || noise.is_empty() || noise.ends_with(b"trailer"));
        assert_eq!(step(&opener), Some(0));
        return;
    }
    let mut sealer = Sealer::new(options, who, [mode; 8]);
    assert!(sealer.set_key(0, key()).is_ok());
    for _ in 0..steps {
        assert!(sealer.ratchet(0).is_ok());
    }
    let len = input.below(600);
    let frame = input.take(len);
    buf.fill(frame);
    let Ok(wire) = sealer.seal(&info, &mut buf).map(<[u8]>::to_vec) else {
        assert!(buf.is_empty());
        return;
    };
    if frame.is_empty() {
        assert!(wire.is_empty());
        return;
    }
    assert!(wire.len() <= Sealer::max_sealed_len(frame.len()));
    let mut forged = wire.clone();
    input.mutate(&mut forged);
    buf.fill(&forged);
    let took = opener.open(&info, &mut buf).map(|opened| opened.bytes().to_vec());
    match &took {
        // Zeros behind an escaped frame, an escape that says the same: the frame is still the frame.
        Ok(bytes) => assert!(forged.is_empty() || forged == wire || !bytes.is_empty()),
        Err(_) => assert!(buf.is_empty() && step(&opener) == Some(0)),
    }
    buf.fill(&wire);
    let again = opener.open(&info, &mut buf).map(|opened| opened.bytes().to_vec());
    match took {
        Ok(bytes) if !forged.is_empty() => assert!(again.is_err() && !bytes.is_empty()),
        _ => {
            let frame_again = again.unwrap_or_default();
            assert!(frame_again.len() >= frame.len());
            assert_eq!(step(&opener), Some(u32::from(steps)));
        }
    }
}
