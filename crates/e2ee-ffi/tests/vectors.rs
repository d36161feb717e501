//! The figures of vectors/ through the C functions, and nothing but them. What C cannot say is left to the CLI: keys at
//! KIDs over 32 bits, IVs of the caller's choice, counters that begin elsewhere.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use frameseal::frameseal_status as S;
use frameseal::owned::{Config, DataPacket, Info, Opener, Sealer, SenderKey, Slot, stretch};
use serde_json::Value;
use zeroize::Zeroizing;

const SFRAME: u32 = 1;
const LIVEKIT: u32 = 2;
const JITSI: u32 = 3;
const RAW: u32 = 0;
const PASSPHRASE: u32 = 1;
const AES: u32 = 2;

/// The cases of one kind; there must be some.
fn cases(path: &str, kind: &str) -> Vec<Value> {
    let path = format!("{}/../../vectors/{path}", env!("CARGO_MANIFEST_DIR"));
    let all: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let groups = all["groups"].as_array().unwrap().iter().filter(|group| group["kind"] == kind);
    let cases: Vec<_> = groups.flat_map(|group| group["cases"].as_array().unwrap().clone()).collect();
    assert!(!cases.is_empty(), "{path} has no {kind}");
    cases
}

fn text<'a>(case: &'a Value, field: &str) -> &'a str {
    case[field].as_str().unwrap_or_else(|| panic!("no {field} in {case}"))
}

fn number(case: &Value, field: &str) -> u32 {
    let value = &case[field];
    let number = value.as_u64().or_else(|| value.as_str()?.parse().ok());
    number.unwrap_or_else(|| panic!("no {field} in {case}")).try_into().unwrap()
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn bytes(case: &Value, field: &str) -> Vec<u8> {
    hex(text(case, field))
}

fn kind(name: &str) -> u32 {
    ["audio", "video", "screen-audio", "screen-video", "data"].iter().position(|kind| *kind == name).unwrap()
        as u32
}

fn codec(name: &str) -> u32 {
    match name {
        "opus" | "opaque" => 1,
        "vp8" => 2,
        "av1" => 3,
        "h264" => 4,
        "h265" => 5,
        "vp9" => 6,
        "unknown" => 7,
        other => panic!("codec {other}"),
    }
}

/// Of a format with slots: by codec and type of the frame.
fn slotted(case: &Value, codec_name: &str) -> Info<'static> {
    let frame_type = match case["frame_type"].as_str() {
        Some("key") => 1,
        Some("delta") => 2,
        _ => 0,
    };
    let sound = codec_name == "opus" || case["frame_type"].is_null();
    Info { kind: u32::from(!sound), codec: codec(codec_name), frame_type, ..Info::default() }
}

fn status(result: Result<(Vec<u8>, bool), frameseal::owned::Failed>) -> i32 {
    result.expect_err("it was opened").status
}

/// Opens a frame with a bit changed (each, or every so many), then as it is, then once more.
fn only_as_it_is(opener: &Opener, info: &Info<'_>, sealed: &[u8], plaintext: &[u8], every: usize) {
    for bit in (0..sealed.len() * 8).step_by(every) {
        let mut touched = sealed.to_vec();
        touched[bit / 8] ^= 1 << (bit % 8);
        assert!((100..200).contains(&status(opener.open(info, &touched))), "bit {bit}");
    }
    assert_eq!(opener.open(info, sealed).unwrap(), (plaintext.to_vec(), false));
    assert_eq!(status(opener.open(info, sealed)), S::Replayed as i32);
}

#[test]
fn frames_of_the_own_format_open_once_and_only_as_they_are() {
    for case in cases("frameseal/frameseal.json", "frameseal.frame") {
        let config = Config {
            call: Some(text(&case, "call").to_owned()),
            participant: text(&case, "participant").to_owned(),
            suite: number(&case, "cipher_suite"),
            ratchet_bits: match number(&case, "ratchet_bits") {
                0 => frameseal::FRAMESEAL_NO_RATCHET_BITS,
                bits => bits,
            },
            ..Config::default()
        };
        let opener = Opener::new(&config).unwrap();
        let (generation, step) = (number(&case, "generation"), number(&case, "step"));
        let base = Zeroizing::new(bytes(&case, "base_key"));
        opener.install_key(&SenderKey { generation, step, base }).unwrap();
        let metadata = bytes(&case, "metadata");
        let (kind, codec) = (kind(text(&case, "kind")), codec(text(&case, "codec")));
        let info = Info { kind, codec, metadata: &metadata, ..Info::default() };
        let expected = case["opened"].as_str().map_or_else(|| bytes(&case, "plaintext"), hex);
        let sealed = bytes(&case, "sealed");
        let another = Info { kind: (kind + 1) % 5, ..info };
        assert!(opener.open(&another, &sealed).is_err());
        for bit in 0..metadata.len() * 8 {
            let mut touched = metadata.clone();
            touched[bit / 8] ^= 1 << (bit % 8);
            assert!(opener.open(&Info { metadata: &touched, ..info }, &sealed).is_err());
        }
        only_as_it_is(&opener, &info, &sealed, &expected, 1);
    }
}

#[test]
fn rooms_announce_and_derive_what_the_vectors_say() {
    for case in cases("frameseal/frameseal.json", "frameseal.room") {
        let config = Config {
            call: Some(text(&case, "call").to_owned()),
            participant: text(&case, "participant").to_owned(),
            suite: number(&case, "cipher_suite"),
            ratchet_bits: number(&case, "ratchet_bits"),
            ..Config::default()
        };
        let sealer =
            Sealer::new_shared(&config, &bytes(&case, "stretched"), &bytes(&case, "entropy")).unwrap();
        assert_eq!(sealer.announcement().unwrap(), text(&case, "announcement"));
        for turn in 0..number(&case, "generation") {
            sealer.rotate(&[turn as u8 + 1; 32]).unwrap();
        }
        let key = sealer.key().unwrap();
        assert_eq!(
            (key.generation, key.base.to_vec()),
            (number(&case, "generation"), bytes(&case, "base_key"))
        );
    }
    for case in cases("frameseal/frameseal.json", "frameseal.stretch") {
        let stretched = stretch(text(&case, "secret"), text(&case, "call")).unwrap();
        assert_eq!(stretched.to_vec(), bytes(&case, "stretched"));
    }
}

#[test]
fn frames_of_the_standard_open_once_and_only_as_they_are() {
    let mut opened = 0;
    for case in cases("sframe/rfc9605.json", "sframe.frame") {
        let Ok(generation) = text(&case, "kid").parse::<u32>() else { continue };
        let config = Config {
            participant: "ada".to_owned(),
            format: SFRAME,
            suite: number(&case, "cipher_suite"),
            ratchet_bits: frameseal::FRAMESEAL_NO_RATCHET_BITS,
            ..Config::default()
        };
        let opener = Opener::new(&config).unwrap();
        let base = Zeroizing::new(bytes(&case, "base_key"));
        opener.install_key(&SenderKey { generation, step: 0, base }).unwrap();
        let metadata = bytes(&case, "metadata");
        let info = Info { kind: 1, codec: 1, metadata: &metadata, ..Info::default() };
        only_as_it_is(&opener, &info, &bytes(&case, "sealed"), &bytes(&case, "plaintext"), 1);
        opened += 1;
    }
    assert!(opened >= 8, "{opened}");
}

/// An opener in LiveKit's format, and the kind of its secrets.
fn livekit(case: &Value, slots: u32, ratchet_window: u32) -> Opener {
    let suite = if number(case, "key_bits") == 128 { 4 } else { 5 };
    let participant = "ada".to_owned();
    Opener::new(&Config { participant, format: LIVEKIT, suite, slots, ratchet_window, ..Config::default() })
        .unwrap()
}

fn give_livekit(opener: &Opener, case: &Value, index: u32, salt: &str) {
    let kind = if text(case, "kdf") == "pbkdf2" { PASSPHRASE } else { RAW };
    let secret = bytes(case, "material");
    opener.set_slot(&Slot { index, kind, secret: &secret, salt: salt.as_bytes() }).unwrap();
}

#[test]
fn frames_and_data_of_livekits_clients_open() {
    for case in cases("livekit/livekit.json", "livekit.frame") {
        let opener = livekit(&case, 256, 32);
        give_livekit(&opener, &case, number(&case, "key_index"), text(&case, "salt"));
        let info = slotted(&case, text(&case, "codec"));
        let (opened, _) = opener.open(&info, &bytes(&case, "sealed")).unwrap();
        assert_eq!(opened, bytes(&case, "plaintext"));
    }
    for case in cases("livekit/livekit.json", "livekit.data") {
        let opener = livekit(&case, 256, 32);
        give_livekit(&opener, &case, number(&case, "key_index"), text(&case, "salt"));
        let iv = bytes(&case, "iv").try_into().unwrap();
        let mut packet = DataPacket { bytes: bytes(&case, "sealed"), iv, slot: number(&case, "key_index") };
        assert_eq!(opener.open_data(&packet).unwrap(), bytes(&case, "plaintext"));
        packet.bytes[0] ^= 1;
        assert!(opener.open_data(&packet).is_err());
    }
}

#[test]
fn what_livekits_clients_sent_comes_to_its_outcome() {
    for case in cases("livekit/receive.json", "livekit.receive") {
        let window = match number(&case, "ratchet_window") {
            0 => frameseal::FRAMESEAL_NO_RATCHET_WINDOW,
            window => window,
        };
        let opener = livekit(&case, number(&case, "ring_size"), window);
        for key in case["keys"].as_array().unwrap() {
            give_livekit(&opener, key, number(key, "index"), text(&case, "salt"));
        }
        opener.allow_server_frames(&bytes(&case, "trailer")).unwrap();
        let info = slotted(&case, case["codec"].as_str().unwrap_or("unknown"));
        outcomes(&opener, &case, |_| info);
    }
}

/// Every frame of a case, in order.
fn outcomes<'i>(opener: &Opener, case: &Value, info: impl Fn(&Value) -> Info<'i>) {
    for (at, frame) in case["frames"].as_array().unwrap().iter().enumerate() {
        let came = opener.open(&info(frame), &bytes(frame, "input"));
        let outcome = match &came {
            Ok((bytes, _)) if bytes.is_empty() => "empty".to_owned(),
            Ok((_, false)) => "media".to_owned(),
            Ok((_, true)) => "injected".to_owned(),
            Err(failed) => failed.status.to_string(),
        };
        assert_eq!(outcome, text(frame, "outcome"), "frame {at} of {case}");
        if let (Some(output), Ok((bytes, _))) = (frame["output"].as_str(), &came) {
            assert_eq!(*bytes, hex(output), "frame {at} of {case}");
        }
    }
}

fn jitsi() -> Config {
    Config { participant: "ada".to_owned(), format: JITSI, ..Config::default() }
}

fn jitsi_info(case: &Value) -> Info<'static> {
    Info { kind: u32::from(!case["frame_type"].is_null()), codec: 2, ..slotted(case, "vp8") }
}

/// The key of a case as it stands there: material, or what the application manages.
fn jitsi_secret(case: &Value) -> (u32, Vec<u8>) {
    match case["aes_key"].as_str() {
        Some(key) => (AES, hex(key)),
        None => (RAW, bytes(case, "material")),
    }
}

#[test]
fn frames_of_jitsis_clients_open_once_and_only_as_they_are() {
    let mut opened = 0;
    for case in ["jitsi/jitsi.json", "jitsi/peers.json"].iter().flat_map(|path| cases(path, "jitsi.frame")) {
        let (kind, secret) = jitsi_secret(&case);
        // C takes 16 bytes of material and more, as of every secret.
        if secret.len() < 16 {
            continue;
        }
        let opener = Opener::new(&jitsi()).unwrap();
        opener
            .set_slot(&Slot { index: number(&case, "key_index"), kind, secret: &secret, salt: &[] })
            .unwrap();
        // Some are long, and every change has all steps of the ratchet tried.
        only_as_it_is(&opener, &jitsi_info(&case), &bytes(&case, "sealed"), &bytes(&case, "plaintext"), 67);
        opened += 1;
    }
    assert!(opened >= 80, "{opened}");
}

#[test]
fn keys_of_jitsis_clients_step_as_the_vectors_say() {
    for case in cases("jitsi/jitsi.json", "jitsi.key") {
        let (secret, sealer) = (bytes(&case, "material"), Sealer::new(&jitsi(), &[7; 32]).unwrap());
        if secret.len() < 16 {
            continue;
        }
        sealer.set_slot(&Slot { index: 3, kind: RAW, secret: &secret, salt: &[] }).unwrap();
        let mut material = secret;
        for _ in 0..number(&case, "ratchet_steps") {
            material = sealer.ratchet_slot(3).unwrap().to_vec();
        }
        assert_eq!(material, bytes(&case, "chain_material"));
        // And the AES key is that of the vectors: who has it opens what this seals.
        let opener = Opener::new(&jitsi()).unwrap();
        let secret = bytes(&case, "aes_key");
        opener.set_slot(&Slot { index: 3, kind: AES, secret: &secret, salt: &[] }).unwrap();
        let info = Info { kind: 1, codec: 2, ssrc: 7, timestamp: 9, ..Info::default() };
        let frame = b"\x10 a key frame of some length".to_vec();
        assert_eq!(opener.open(&info, &sealer.seal(&info, &frame).unwrap()).unwrap(), (frame, false));
    }
}

#[test]
fn what_jitsis_clients_sent_comes_to_its_outcome_and_what_cannot_be_sealed_is_refused() {
    for case in cases("jitsi/peers.json", "jitsi.receive") {
        let opener = Opener::new(&jitsi()).unwrap();
        for key in case["keys"].as_array().unwrap() {
            let (kind, secret) = jitsi_secret(key);
            opener.set_slot(&Slot { index: number(key, "index"), kind, secret: &secret, salt: &[] }).unwrap();
        }
        outcomes(&opener, &case, jitsi_info);
    }
    for case in cases("jitsi/peers.json", "jitsi.refused") {
        let sealer = Sealer::new(&jitsi(), &[7; 32]).unwrap();
        let secret = bytes(&case, "material");
        sealer.set_slot(&Slot { index: 0, kind: RAW, secret: &secret, salt: &[] }).unwrap();
        let info = jitsi_info(&case);
        let refused = sealer.seal(&info, &bytes(&case, "plaintext")).expect_err("it was sealed");
        assert!((200..300).contains(&refused.status), "{refused:?}");
        assert!(sealer.seal(&info, b"\x11 another frame").is_ok());
    }
}

#[test]
fn jitsis_format_takes_what_it_knows_and_nothing_else() {
    let (sealer, opener) = (Sealer::new(&jitsi(), &[7; 32]).unwrap(), Opener::new(&jitsi()).unwrap());
    let slot = Slot { index: 17, kind: RAW, secret: &[5; 32], salt: &[] };
    let info = Info { kind: 1, codec: 6, frame_type: 1, ..Info::default() };
    let frame = b"a key frame of VP9".to_vec();
    assert_eq!(sealer.seal(&info, &frame).unwrap_err().status, S::NoSenderKey as i32);
    sealer.set_slot(&slot).unwrap();
    let sealed = sealer.seal(&info, &frame).unwrap();
    assert_eq!((sealed.len(), &sealed[..10]), (frame.len() + 30, &frame[..10]));
    assert_eq!(status(opener.open(&info, &sealed)), S::UnknownKey as i32);
    opener.set_slot(&Slot { index: 1, ..slot }).unwrap();
    assert_eq!(opener.open(&info, &sealed).unwrap(), (frame.clone(), false));

    let unsaid = Info { frame_type: 0, ..info };
    assert_eq!(sealer.seal(&unsaid, &frame).unwrap_err().status, S::BadOption as i32);
    assert_eq!(
        sealer.seal(&Info { kind: 4, ..info }, &frame).unwrap_err().status,
        S::SealUnknownCodec as i32
    );
    assert_eq!(status(opener.open(&Info { kind: 4, ..info }, &sealed)), S::UnknownCodec as i32);
    let refused = |slot: Slot<'_>| opener.set_slot(&slot).unwrap_err().status;
    assert_eq!(refused(Slot { kind: PASSPHRASE, ..slot }), S::BadOption as i32);
    assert_eq!(refused(Slot { salt: b"salt", ..slot }), S::BadOption as i32);
    assert_eq!(refused(Slot { kind: AES, secret: &[5; 24], ..slot }), S::BadKey as i32);
    assert_eq!(refused(Slot { secret: &[5; 15], ..slot }), S::BadKey as i32);
    for config in [
        Config { suite: 5, ..jitsi() },
        Config { slots: 8, ..jitsi() },
        Config { ratchet_window: 33, ..jitsi() },
    ] {
        assert!(Opener::new(&config).is_err());
    }
    for refused in
        [sealer.select_slot(0), sealer.step(), opener.forget_slot(0), opener.allow_server_frames(&[1])]
    {
        assert_eq!(refused.unwrap_err().status, S::WrongFormat as i32);
    }
    assert_eq!(sealer.ratchet_slot(2).unwrap_err().status, S::BadOption as i32);
    assert!(opener.report().unwrap().contains("\"format\":\"jitsi\""));

    // By a ring: a step that the sender makes is followed, and who left is forgotten.
    let ring = frameseal::owned::Ring::new(&jitsi()).unwrap();
    let opener = ring.opener("ada").unwrap();
    ring.set_slot(Some("ada"), &slot).unwrap();
    assert_eq!(sealer.ratchet_slot(1).unwrap().len(), 32);
    assert!(opener.open(&info, &sealer.seal(&info, &frame).unwrap()).is_ok());
    ring.forget("ada").unwrap();
    assert_eq!(status(opener.open(&info, &sealer.seal(&info, &frame).unwrap())), S::UnknownKey as i32);
    // An AES key has no steps.
    sealer.set_slot(&Slot { kind: AES, ..slot }).unwrap();
    assert_eq!(sealer.ratchet_slot(1).unwrap_err().status, S::NoSenderKey as i32);
}
