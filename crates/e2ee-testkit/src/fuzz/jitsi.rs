//! Opening Jitsi's format: noise, sealed frames that were changed, and steps ahead.

use e2ee_core::jitsi::{EmptyFrames, Frame, FrameType, Opener, Options, Sealer, SlotKey};
use e2ee_core::{FrameBuf, ParticipantId};
use sha2::{Digest, Sha256};

use super::input::Input;

const TYPES: [FrameType; 3] = [FrameType::Audio, FrameType::Key, FrameType::Delta];

/// Nothing opens but what was sealed, once; what does not open moves no key; what is sealed opens to itself.
pub(super) fn open_jitsi(data: &[u8]) {
    // As elsewhere, a key that hangs on the whole input, so that an engine cannot forge with tags it saw.
    let secret = Sha256::digest(data);
    let mut input = Input::new(data);
    let frame_type = input.pick(&TYPES, FrameType::Delta);
    let timestamp = u32::from_be_bytes([input.byte(), input.byte(), input.byte(), input.byte()]);
    let (mode, steps) = (input.byte(), input.byte() % 3);
    let Ok(who) = ParticipantId::new("ada") else { return };
    let empty = if mode & 2 == 0 { EmptyFrames::Drop } else { EmptyFrames::Pass };
    let options = Options { ratchet_window: 2, empty, ..Options::default() };
    let received = Frame::received(frame_type);
    let mut opener = Opener::new(options, who.clone());
    assert!(opener.set_key(0, SlotKey::derive(&secret)).is_ok());
    let step = |opener: &Opener| opener.key(0).map(SlotKey::step);
    let mut buf = FrameBuf::new();

    if mode.is_multiple_of(2) {
        let noise = input.rest();
        buf.fill(noise);
        let opened = opener.open(&received, &mut buf).map(<[u8]>::len);
        assert!(opened.is_err() || noise.is_empty() && empty == EmptyFrames::Pass);
        assert_eq!(step(&opener), Some(0));
        return;
    }
    let mut sealer = Sealer::new(options, who, [mode; 8]);
    assert!(sealer.set_key(0, SlotKey::derive(&secret)).is_ok());
    for _ in 0..steps {
        assert!(sealer.ratchet().is_ok());
    }
    let len = input.below(600);
    let frame = input.take(len);
    buf.fill(frame);
    let Ok(wire) = sealer.seal(&Frame { frame_type, ssrc: Some(7), timestamp }, &mut buf).map(<[u8]>::to_vec)
    else {
        assert!(buf.is_empty() && frame.len() < frame_type.clear_len());
        return;
    };
    if frame.is_empty() {
        assert!(wire.is_empty());
        return;
    }
    assert_eq!(wire.len(), Sealer::sealed_len(frame.len()));
    let mut forged = wire.clone();
    input.mutate(&mut forged);
    buf.fill(&forged);
    let took = opener.open(&received, &mut buf).map(<[u8]>::to_vec);
    let authentic = took.is_ok() && !forged.is_empty();
    // One spelling: what opens is what was sealed.
    assert!(!authentic || forged == wire);
    assert!(authentic || step(&opener) == Some(0));
    buf.fill(&wire);
    let again = opener.open(&received, &mut buf).map(<[u8]>::to_vec);
    if authentic {
        assert!(took.is_ok_and(|bytes| bytes == frame) && again.is_err());
    } else {
        assert!(again.is_ok_and(|bytes| bytes == frame));
        assert_eq!(step(&opener), Some(u32::from(steps)));
    }
}
