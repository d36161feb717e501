//! The `sframe` crate, an implementation of RFC 9605 by others, in both directions for every suite it has.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use e2ee_core::{
    BaseKey, CipherSuite, Ctr, FrameBuf, FrameFormat, FrameInfo, Generation, KeyAt, KidScheme, Opener,
    ParticipantId, Profile, Provider, Sealer, SecretBytes, Step, TrackKind,
};
use proptest::prelude::*;
use sframe::frame::{EncryptedFrameView, MediaFrameView, MonotonicCounter};
use sframe::key::{DecryptionKey, EncryptionKey};

const SUITES: [(CipherSuite, sframe::CipherSuite); 5] = [
    (CipherSuite::Aes128CtrHmacSha256_80, sframe::CipherSuite::AesCtr128HmacSha256_80),
    (CipherSuite::Aes128CtrHmacSha256_64, sframe::CipherSuite::AesCtr128HmacSha256_64),
    (CipherSuite::Aes128CtrHmacSha256_32, sframe::CipherSuite::AesCtr128HmacSha256_32),
    (CipherSuite::Aes128GcmSha256_128, sframe::CipherSuite::AesGcm128Sha256),
    (CipherSuite::Aes256GcmSha512_128, sframe::CipherSuite::AesGcm256Sha512),
];

fn profile(suite: CipherSuite, ratchet_bits: u8) -> Profile {
    Profile {
        provider: Provider::best(),
        suite,
        format: FrameFormat::Sframe,
        scheme: KidScheme::SenderKeys { ratchet_bits },
    }
}

fn who() -> ParticipantId {
    ParticipantId::new("peer").unwrap()
}

fn base(bytes: &[u8]) -> BaseKey {
    BaseKey::new(SecretBytes::copy_of(bytes)).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn both_directions(
        which in 0usize..5,
        kid: u32,
        ctr in 0u64..0x7fff_fff0,
        material in prop::collection::vec(any::<u8>(), 16..100),
        payload in prop::collection::vec(any::<u8>(), 0..400),
        metadata in prop::collection::vec(any::<u8>(), 0..50),
    ) {
        let (suite, theirs) = SUITES[which];
        let at = KeyAt::Sender(Generation(kid), Step(0));
        let info = FrameInfo::data(&metadata);

        // ours to theirs
        let mut sealer = Sealer::hazmat_at(profile(suite, 0), who(), at, base(&material));
        sealer.hazmat_set_ctr(TrackKind::Data, Ctr(ctr)).unwrap();
        let mut buf = FrameBuf::new();
        buf.fill(&payload);
        let wire = sealer.seal(&info, &mut buf).unwrap().to_vec();
        let key = DecryptionKey::derive_from(theirs, u64::from(kid), &material).unwrap();
        let frame = EncryptedFrameView::try_with_meta_data(&wire, &metadata).unwrap();
        prop_assert_eq!(frame.header().counter(), ctr);
        let opened = frame.decrypt(&key).unwrap();
        prop_assert_eq!(opened.payload(), &payload[..]);

        // theirs to ours
        let key = EncryptionKey::derive_from(theirs, u64::from(kid), &material).unwrap();
        let mut counter = MonotonicCounter::with_start_value(ctr, u64::MAX);
        let frame = MediaFrameView::try_with_meta_data(&mut counter, &payload, &metadata).unwrap();
        let mut out = Vec::new();
        frame.encrypt_into(&key, &mut out).unwrap();
        // The crate keeps the metadata in front of what it sealed; on the wire it is not there.
        let sealed = out.strip_prefix(&metadata[..]).unwrap();
        prop_assert_eq!(sealed, &wire[..]);
        let mut opener = Opener::new(profile(suite, 0), who());
        opener.install(at, base(&material));
        buf.fill(sealed);
        prop_assert_eq!(opener.open(&info, &mut buf).unwrap(), &payload[..]);
    }
}

/// The ratchet with the label as RFC 9605 section 5.1 spells it, by another implementation of HKDF.
fn ratchet(suite: CipherSuite, base: &[u8]) -> Vec<u8> {
    struct Len(usize);
    impl ring::hkdf::KeyType for Len {
        fn len(&self) -> usize {
            self.0
        }
    }
    let (algorithm, nh) = match suite.hash() {
        e2ee_core::crypto::Hash::Sha256 => (ring::hkdf::HKDF_SHA256, 32),
        e2ee_core::crypto::Hash::Sha512 => (ring::hkdf::HKDF_SHA512, 64),
    };
    let prk = ring::hkdf::Salt::new(algorithm, b"").extract(base);
    let mut next = vec![0; nh];
    prk.expand(&[b"SFrame 1.0 Ratchet"], Len(nh)).unwrap().fill(&mut next).unwrap();
    next
}

#[test]
fn every_ratchet_step_opens_under_the_key_that_section_5_1_gives() {
    for (suite, theirs) in SUITES {
        let at = KeyAt::Sender(Generation(3), Step(0));
        let mut sealer = Sealer::hazmat_at(profile(suite, 4), who(), at, base(&[9; 32]));
        let mut material = vec![9; 32];
        let mut buf = FrameBuf::new();
        for step in 0..16u8 {
            buf.fill(&[step]);
            let wire = sealer.seal(&FrameInfo::data(&[]), &mut buf).unwrap().to_vec();
            let key = DecryptionKey::derive_from(theirs, 3u64 << 4 | u64::from(step), &material).unwrap();
            let opened = EncryptedFrameView::try_new(&wire).unwrap().decrypt(&key).unwrap();
            assert_eq!(opened.payload(), [step], "{suite} step {step}");
            material = ratchet(suite, &material);
            if step < 15 {
                sealer.step().unwrap();
            }
        }
    }
}
