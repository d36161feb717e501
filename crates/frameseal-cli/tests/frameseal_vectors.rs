//! The figures of Frameseal's own format: committed, so that no change of the wire goes unnoticed.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::path::Path;

use e2ee_core::key::ratchet;
use e2ee_core::{
    BaseKey, CallId, CipherSuite, CodecRule, Ctr, FrameBuf, FrameFormat, FrameInfo, Generation, KeyAt,
    KidScheme, Opener, Padding, ParticipantId, Profile, Provider, RoomSecret, Sealer, SecretBytes, Step,
    TrackKind,
};
use frameseal_cli::hex::encode;
use frameseal_cli::inspect::rule_name;
use frameseal_cli::vectors::VectorFile;
use serde_json::{Value, json};

const SUITES: [CipherSuite; 3] =
    [CipherSuite::Aes128GcmSha256_128, CipherSuite::Aes256GcmSha512_128, CipherSuite::Aes128CtrHmacSha256_80];

/// A number of bytes that look like nothing in particular.
fn bytes(seed: u8, len: usize) -> Vec<u8> {
    let mut state = u32::from(seed) * 2 + 1;
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..len).map(next).collect()
}

fn annex_b(units: &[&[u8]]) -> Vec<u8> {
    units.iter().flat_map(|unit| [&[0, 0, 0, 1][..], unit].concat()).collect()
}

fn frames() -> Vec<(CodecRule, Vec<u8>)> {
    use CodecRule::{Av1, H264, H265, Opaque, Vp8};
    vec![
        (Opaque, Vec::new()),
        (Opaque, bytes(1, 60)),
        (Vp8, [&[0x50, 0x2a, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0xe0, 0x01][..], &bytes(2, 40)].concat()),
        (Vp8, [&[0x31][..], &bytes(3, 20)].concat()),
        // Delimiter, sequence header, frame; sizes with more bytes than they need; a delta frame.
        (Av1, [&[0x12, 0, 0x0a, 3, 1, 2, 3, 0x32, 20][..], &bytes(4, 20)].concat()),
        (Av1, [&[0x12, 0, 0x0a, 0x83, 0x80, 0, 1, 2, 3, 0x32, 20][..], &bytes(5, 20)].concat()),
        (Av1, [&[0x12, 0, 0x32, 20][..], &bytes(6, 20)].concat()),
        // Delimiter, parameter sets, SEI, two slices; start codes of three bytes; a slice that ends in zeros.
        (
            H264,
            annex_b(&[
                &[9, 0xf0],
                &[0x67, 0x42, 0xe0],
                &[0x68, 0xce],
                &[6, 5, 1, 0x80],
                &[0x65, 0x88, 7, 7],
                &[0x65, 0x48, 8],
            ]),
        ),
        (H264, [&[0, 0, 1, 0x67, 0x42, 0, 0, 1, 0x68, 0xce, 0, 0, 1, 0x65, 0x88][..], &[3; 20]].concat()),
        (H264, annex_b(&[&[0x61, 0, 0, 3, 0, 0, 3]])),
        (
            H265,
            annex_b(&[
                &[0x46, 1, 0x50],
                &[0x40, 1, 0x0c],
                &[0x42, 1, 1],
                &[0x44, 1, 0xc1],
                &[0x26, 1, 0xaf, 9, 9, 9],
            ]),
        ),
        (H265, annex_b(&[&[2, 1, 0xd0, 4, 4]])),
    ]
}

fn profile(suite: CipherSuite, call: &str) -> Profile {
    let format = FrameFormat::Frameseal { call: CallId::new(call).unwrap() };
    Profile { provider: Provider::best(), suite, format, scheme: KidScheme::default() }
}

fn frame_cases() -> Vec<Value> {
    let mut cases = Vec::new();
    for (index, (rule, plaintext)) in frames().into_iter().enumerate() {
        for suite in SUITES {
            let place = u8::try_from(index).unwrap();
            let kind = TrackKind::ALL[index % TrackKind::COUNT];
            let (generation, step, ctr) = (u32::from(place) * 3, u32::from(place) % 4, 1_u64 << (index * 2));
            let padding = if index % 4 == 1 { 64 } else { 0 };
            let metadata = bytes(place, if index % 3 == 2 { 5 } else { 0 });
            let base = || BaseKey::new(SecretBytes::copy_of(&bytes(place, 32))).unwrap();
            let (call, who) = ("council-7", "Zoë");
            let at = KeyAt::Sender(Generation(generation), Step(step));
            let name = ParticipantId::new(who).unwrap();
            let mut sealer = Sealer::hazmat_at(profile(suite, call), name.clone(), at, base());
            sealer.hazmat_set_ctr(kind, Ctr(ctr)).unwrap();
            if padding > 0 {
                sealer.set_padding(kind, Padding::MultipleOf(padding));
            }
            let key = sealer.hazmat_frame_key(kind).unwrap().1;
            let info = FrameInfo { kind, rule, metadata: &metadata };
            let mut buf = FrameBuf::new();
            buf.fill(&plaintext);
            let sealed = sealer.seal(&info, &mut buf).unwrap().to_vec();
            let mut opener = Opener::new(profile(suite, call), name);
            opener.install(at, base());
            buf.fill(&sealed);
            let opened = opener.open(&info, &mut buf).unwrap();
            cases.push(json!({
                "cipher_suite": suite.number(), "ratchet_bits": 4, "call": call, "participant": who,
                "kind": kind.as_str(), "codec": rule_name(rule), "generation": generation, "step": step,
                "ctr": ctr.to_string(), "base_key": encode(&bytes(place, 32)), "sframe_key": encode(key.expose()),
                "metadata": encode(&metadata), "padding": padding, "plaintext": encode(&plaintext),
                "sealed": encode(&sealed),
                "opened": if opened == plaintext { Value::Null } else { json!(encode(opened)) },
            }));
        }
    }
    cases
}

fn ratchet_cases() -> Vec<Value> {
    let case = |suite: CipherSuite, steps: u32| {
        let base = bytes(9, 32);
        let stepped = ratchet::steps(suite, &BaseKey::new(SecretBytes::copy_of(&base)).unwrap(), steps);
        json!({
            "cipher_suite": suite.number(), "base_key": encode(&base), "steps": steps,
            "stepped": encode(stepped.expose()),
        })
    };
    SUITES.iter().flat_map(|suite| [0, 1, 2, 15].map(|steps| case(*suite, steps))).collect()
}

fn room_cases() -> Vec<Value> {
    let mut cases = Vec::new();
    for (index, suite) in SUITES.into_iter().enumerate() {
        for generation in [0, 1, 7] {
            let (stretched, entropy) = (bytes(20, 32), bytes(21 + u8::try_from(index).unwrap(), 32));
            let secret = RoomSecret::from_stretched(SecretBytes::copy_of(&stretched));
            let (call, who) = ("council-7", "Zoë");
            let drawn = entropy.clone().try_into().unwrap();
            let mut sealer =
                Sealer::from_room(profile(suite, call), ParticipantId::new(who).unwrap(), &secret, &drawn);
            for _ in 0..generation {
                sealer.rotate(&[0; 32]).unwrap();
            }
            cases.push(json!({
                "cipher_suite": suite.number(), "ratchet_bits": 4, "call": call, "participant": who,
                "stretched": encode(&stretched), "entropy": encode(&entropy), "generation": generation,
                "announcement": sealer.announcement().unwrap().to_string(),
                "base_key": encode(sealer.sender_key().unwrap().base.expose()),
            }));
        }
    }
    cases
}

fn stretch_cases() -> Vec<Value> {
    let call = CallId::new("council-7").unwrap();
    let stretched = RoomSecret::stretch("correct horse, Zoë", &call);
    vec![
        json!({ "call": "council-7", "secret": "correct horse, Zoë", "stretched": encode(stretched.hazmat_expose()) }),
    ]
}

#[test]
fn the_committed_figures_are_what_this_code_makes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors/frameseal/frameseal.json");
    let group = |kind: &str, cases: Vec<Value>| json!({ "kind": kind, "cases": cases });
    let groups = [
        group("frameseal.frame", frame_cases()),
        group("frameseal.ratchet", ratchet_cases()),
        group("frameseal.room", room_cases()),
        group("frameseal.stretch", stretch_cases()),
    ];
    let file = json!({ "schema": "frameseal-vectors/1", "source": "this repository, Frameseal format 1", "groups": groups });
    let text = serde_json::to_string_pretty(&file).unwrap() + "\n";
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &text).unwrap();
    }
    assert!(
        std::fs::read_to_string(&path).unwrap_or_default() == text,
        "{} is not what this code makes. If the wire was meant to change:\n  \
         UPDATE_VECTORS=1 cargo test -p frameseal-cli --test frameseal_vectors",
        path.display()
    );
    let file = VectorFile::read(&path).unwrap();
    for outcome in file.run() {
        assert!(outcome.result.is_ok(), "{outcome:?}");
    }
}

#[test]
fn a_changed_figure_fails() {
    for (kind, cases) in [
        ("frameseal.frame", frame_cases()),
        ("frameseal.ratchet", ratchet_cases()),
        ("frameseal.room", room_cases()),
    ] {
        let case = cases.last().unwrap();
        for (field, value) in case.as_object().unwrap() {
            // Of a suite, the ratchet takes the hash alone, and the next suite has the same; base keys do not know
            // how their KIDs are spelled.
            if matches!(
                (kind, field.as_str()),
                ("frameseal.ratchet", "cipher_suite") | ("frameseal.room", "ratchet_bits")
            ) {
                continue;
            }
            let changed = match value {
                Value::String(text) if text.is_empty() => json!("00"),
                Value::String(text) if text.ends_with(|c: char| c.is_ascii_hexdigit()) => {
                    let last = if text.ends_with('1') { "2" } else { "1" };
                    json!(format!("{}{last}", &text[..text.len() - 1]))
                }
                Value::String(text) => json!(format!("{text}x")),
                Value::Number(number) => json!(number.as_u64().unwrap() + 1),
                // Absent means the same as the plaintext.
                _ => json!("00"),
            };
            let mut case = case.clone();
            case[field] = changed;
            let groups = [json!({ "kind": kind, "cases": [case] })];
            let file = json!({ "schema": "frameseal-vectors/1", "groups": groups }).to_string();
            let file = VectorFile::parse(file.as_bytes()).unwrap();
            assert!(file.run().all(|outcome| outcome.result.is_err()), "{kind} with another {field}");
        }
    }
}
