//! A sender and a receiver with a key between them.
#![allow(
    unreachable_pub,
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use e2ee_core::{
    CallId, CipherSuite, CodecRule, FrameBuf, FrameFormat, FrameInfo, KeyAt, KidScheme, OpenCause, Opener,
    ParticipantId, Profile, Provider, Sealer, TrackKind,
};

pub const AUDIO: FrameInfo<'static> = FrameInfo::track(TrackKind::Audio, CodecRule::Opaque);
pub const VIDEO: FrameInfo<'static> = FrameInfo::track(TrackKind::Video, CodecRule::Opaque);

pub fn profile_of(suite: CipherSuite, call: &str) -> Profile {
    Profile {
        provider: Provider::best(),
        suite,
        format: FrameFormat::Frameseal { call: CallId::new(call).unwrap() },
        scheme: KidScheme::default(),
    }
}

pub fn profile() -> Profile {
    profile_of(CipherSuite::Aes128GcmSha256_128, "call")
}

pub fn name(who: &str) -> ParticipantId {
    ParticipantId::new(who).unwrap()
}

pub fn ada() -> (Sealer, Opener) {
    pair(profile())
}

pub fn pair(profile: Profile) -> (Sealer, Opener) {
    let sealer = Sealer::generate(profile.clone(), name("ada"), &[1; 32]);
    let mut opener = Opener::new(profile, name("ada"));
    hand_over(&sealer, &mut opener);
    (sealer, opener)
}

/// Gives `opener` the sealer's current key.
pub fn hand_over(sealer: &Sealer, opener: &mut Opener) {
    let key = sealer.sender_key().unwrap();
    opener.install(KeyAt::Sender(key.generation, key.step), key.base);
}

pub fn seal(sealer: &mut Sealer, info: &FrameInfo<'_>, frame: &[u8]) -> Vec<u8> {
    let mut buf = FrameBuf::new();
    buf.fill(frame);
    sealer.seal(info, &mut buf).unwrap().to_vec()
}

pub fn open(opener: &mut Opener, info: &FrameInfo<'_>, wire: &[u8]) -> Result<Vec<u8>, OpenCause> {
    let mut buf = FrameBuf::new();
    buf.fill(wire);
    let opened = opener.open(info, &mut buf).map(<[u8]>::to_vec).map_err(|e| e.cause);
    if opened.is_err() {
        assert!(buf.is_empty(), "a refused frame stays readable");
    }
    opened
}
