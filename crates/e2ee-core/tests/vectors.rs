//! The official figures, through the front door: `Sealer` and `Opener`, on every provider.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use e2ee_core::crypto::Provider;
use e2ee_core::frame::header::Header;
use e2ee_core::key::schedule;
use e2ee_core::{
    BaseKey, CipherSuite, Ctr, FrameBuf, FrameFormat, FrameInfo, Generation, KeyAt, Kid, KidScheme, Opener,
    ParticipantId, Profile, Sealer, SecretBytes, Step, TrackKind,
};
use serde_json::Value;

fn cases(kind: &str) -> Vec<Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors/sframe/rfc9605.json");
    let file: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let groups = file["groups"].as_array().unwrap();
    let found: Vec<Value> = groups
        .iter()
        .filter(|g| g["kind"] == kind)
        .flat_map(|g| g["cases"].as_array().unwrap().clone())
        .collect();
    assert!(!found.is_empty(), "no {kind} in {path}");
    found
}

fn hex(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap();
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

fn number(value: &Value) -> u64 {
    value.as_str().unwrap().parse().unwrap()
}

fn suite(case: &Value) -> CipherSuite {
    CipherSuite::from_number(case["cipher_suite"].as_u64().unwrap() as u16).unwrap()
}

#[test]
fn headers() {
    for case in cases("sframe.header") {
        let header = Header { kid: Kid(number(&case["kid"])), ctr: Ctr(number(&case["ctr"])) };
        let bytes = hex(&case["header"]);
        assert_eq!(header.encode().as_bytes(), bytes, "{case}");
        assert_eq!(Header::decode(&bytes), Ok((header, bytes.len())), "{case}");
    }
}

#[test]
fn aes_ctr_hmac() {
    for case in cases("sframe.aes_ctr_hmac") {
        for provider in Provider::all() {
            let suite = suite(&case);
            let key = hex(&case["key"]);
            assert_eq!(key, [hex(&case["enc_key"]), hex(&case["auth_key"])].concat());
            let aead = provider.aead(suite, &key).unwrap();
            let nonce = hex(&case["nonce"]).try_into().unwrap();
            let mut buf = hex(&case["plaintext"]);
            buf.resize(buf.len() + suite.tag_len(), 0);
            aead.seal(&nonce, &hex(&case["aad"]), &mut buf).unwrap();
            assert_eq!(buf, hex(&case["ciphertext"]), "{suite}");
            aead.open(&nonce, &hex(&case["aad"]), &mut buf).unwrap();
            assert!(buf.starts_with(&hex(&case["plaintext"])));
        }
    }
}

#[test]
fn frames() {
    for case in cases("sframe.frame") {
        key_schedule(&case);
        for provider in Provider::all() {
            frame(&case, provider);
        }
    }
}

fn key_schedule(case: &Value) {
    let (suite, kid) = (suite(case), Kid(number(&case["kid"])));
    assert_eq!(schedule::key_label(kid, suite), hex(&case["sframe_key_label"]));
    assert_eq!(schedule::salt_label(kid, suite), hex(&case["sframe_salt_label"]));
    let derived = schedule::derive(suite, &hex(&case["base_key"]), kid);
    assert_eq!(derived.secret.expose(), hex(&case["sframe_secret"]));
    assert_eq!(derived.key.expose(), hex(&case["sframe_key"]));
    assert_eq!(derived.salt.to_vec(), hex(&case["sframe_salt"]));
    assert_eq!(schedule::nonce(&derived.salt, Ctr(number(&case["ctr"]))).to_vec(), hex(&case["nonce"]));
}

fn frame(case: &Value, provider: &'static Provider) {
    // With no ratchet bits the generation is the KID.
    let scheme = KidScheme::SenderKeys { ratchet_bits: 0 };
    let profile = Profile { provider, suite: suite(case), format: FrameFormat::Sframe, scheme };
    let who = ParticipantId::new("vector").unwrap();
    let at = KeyAt::Sender(Generation(number(&case["kid"]) as u32), Step(0));
    let base = || BaseKey::new(SecretBytes::copy_of(&hex(&case["base_key"]))).unwrap();
    let (plaintext, sealed, metadata) =
        (hex(&case["plaintext"]), hex(&case["sealed"]), hex(&case["metadata"]));
    let info = FrameInfo::data(&metadata);

    let mut sealer = Sealer::hazmat_at(profile.clone(), who.clone(), at, base());
    sealer.hazmat_set_ctr(TrackKind::Data, Ctr(number(&case["ctr"]))).unwrap();
    let mut buf = FrameBuf::new();
    buf.fill(&plaintext);
    assert_eq!(sealer.seal(&info, &mut buf).unwrap(), sealed);

    let mut opener = Opener::new(profile, who);
    opener.install(at, base());
    for bit in 0..sealed.len() * 8 {
        let mut forged = sealed.clone();
        forged[bit / 8] ^= 1 << (bit % 8);
        buf.fill(&forged);
        assert!(opener.open(&info, &mut buf).is_err(), "bit {bit} of the frame");
        assert!(buf.is_empty());
    }
    for bit in 0..metadata.len() * 8 {
        let mut forged = metadata.clone();
        forged[bit / 8] ^= 1 << (bit % 8);
        buf.fill(&sealed);
        assert!(opener.open(&FrameInfo::data(&forged), &mut buf).is_err(), "bit {bit} of the metadata");
    }
    // After all that the genuine frame still opens: forgeries moved nothing.
    buf.fill(&sealed);
    assert_eq!(opener.open(&info, &mut buf).unwrap(), plaintext);
}
