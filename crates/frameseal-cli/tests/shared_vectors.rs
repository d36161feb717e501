//! The figures of one key for a whole call, committed, so that no change goes unnoticed.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use e2ee_core::{
    BaseKey, CallId, CipherSuite, CodecRule, Ctr, Epoch, FrameBuf, FrameFormat, FrameInfo, KidScheme,
    ParticipantId, Profile, Provider, Sealer, SecretBytes, TrackKind,
};
use frameseal_cli::hex::encode;
use frameseal_cli::vectors::VectorFile;
use serde_json::{Value, json};

fn case(suite: CipherSuite, index: u64, run: u64, ctr: u64, kind: TrackKind, plain: &[u8]) -> Value {
    let key: Vec<u8> = (0..u8::try_from(suite.key_len()).unwrap()).map(|n| n.wrapping_mul(7)).collect();
    let mut secret = vec![0; 48];
    Provider::best().aead(suite, &key).unwrap().seal(b"frameseal 01", &[], &mut secret).unwrap();
    secret.truncate(32);
    let format = FrameFormat::Frameseal { call: CallId::new("Jitsi").unwrap() };
    let scheme = KidScheme::Mls { epoch_bits: 4, index_bits: 0 };
    let profile = Profile { provider: Provider::best(), suite, format, scheme };
    let who = "71750cdf";
    let base = BaseKey::new(SecretBytes::copy_of(&secret)).unwrap();
    let mut sealer =
        Sealer::from_epoch(profile, ParticipantId::new(who).unwrap(), Epoch(index), 0, run, base).unwrap();
    sealer.hazmat_set_ctr(kind, Ctr(ctr)).unwrap();
    let mut buf = FrameBuf::new();
    buf.fill(plain);
    let sealed = sealer.seal(&FrameInfo::track(kind, CodecRule::Opaque), &mut buf).unwrap();
    json!({
        "cipher_suite": suite.number(), "key": encode(&key), "secret": encode(&secret), "participant": who,
        "kind": kind.as_str(), "codec": "opaque", "index": index.to_string(), "run": run.to_string(),
        "ctr": ctr.to_string(), "plaintext": encode(plain), "sealed": encode(sealed),
    })
}

fn cases() -> Vec<Value> {
    let frame: Vec<u8> = (0..60).collect();
    let mut cases = Vec::new();
    for suite in [CipherSuite::Aes128GcmSha256_128, CipherSuite::Aes256GcmSha512_128] {
        for (index, run, ctr) in
            [(0, 0x0012_3456_789a_bcde, 0), (15, (1 << 60) - 1, 300), (3, 1 << 52, 70_000)]
        {
            cases.push(case(suite, index, run, ctr, TrackKind::Audio, &frame));
        }
        cases.push(case(suite, 1, 0x00fe_dcba_9876_5432, 7, TrackKind::Video, &frame));
    }
    cases
}

#[test]
fn the_committed_figures_are_what_this_code_makes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors/jitsi/sframe.json");
    let groups = [json!({ "kind": "frameseal.shared", "cases": cases() })];
    let file = json!({ "schema": "frameseal-vectors/1", "source": "this repository, Frameseal format 1", "groups": groups });
    let text = serde_json::to_string_pretty(&file).unwrap() + "\n";
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let again = "UPDATE_VECTORS=1 cargo test -p frameseal-cli --test shared_vectors";
    assert!(
        std::fs::read_to_string(&path).unwrap_or_default() == text,
        "if the wire was meant to change: {again}"
    );
    for outcome in VectorFile::read(&path).unwrap().run() {
        assert!(outcome.result.is_ok(), "{outcome:?}");
    }
}

#[test]
fn a_changed_figure_fails() {
    let case = cases().pop().unwrap();
    for field in ["key", "secret", "participant", "index", "run", "ctr", "plaintext", "sealed", "kind"] {
        let mut changed = case.clone();
        let text = changed.get(field).and_then(Value::as_str).unwrap().to_owned();
        let other = match field {
            "kind" => "audio".to_owned(),
            _ => format!("{}{}", &text[..text.len() - 1], if text.ends_with('1') { '2' } else { '1' }),
        };
        changed.as_object_mut().unwrap().insert(field.to_owned(), other.into());
        let groups = [json!({ "kind": "frameseal.shared", "cases": [changed] })];
        let file =
            json!({ "schema": "frameseal-vectors/1", "source": "a test", "groups": groups }).to_string();
        let file = VectorFile::parse(file.as_bytes()).unwrap();
        assert!(file.run().all(|outcome| outcome.result.is_err()), "{field}");
    }
}
