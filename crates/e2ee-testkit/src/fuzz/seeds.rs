//! Where the engine starts from: small inputs that reach every branch which is hard to guess.

use e2ee_core::CodecRule;

/// The seeds of a target: a name for each. Made by `UPDATE_SEEDS=1 cargo test -p e2ee-testkit --test fuzz_seeds`.
#[must_use]
pub fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    match target {
        "announcement" => announcements(),
        "c_abi" => calls(),
        "c_session" => session_calls(),
        "codec" => per_frame(|rule, frame| {
            let rule = place(rule);
            [
                ("noise", [&[rule, 0], frame].concat()),
                ("there", [&[rule, 1, 3, 0x42, 0, 0, 1, 5][..], &[0xaa; 16], frame].concat()),
                ("zeros", [&[rule, 1, 0, 0, 0][..], &[0; 16], frame].concat()),
            ]
        }),
        "header" => headers(),
        "inspect" => per_frame(|rule, frame| {
            [
                ("told", [&[1, place(rule) + 1, 3, 4][..], frame].concat()),
                ("found", [&[0, 0, 3, 4][..], frame].concat()),
                ("trailer", [&[3, 0, 3, 4][..], frame, &[7; 28], &[0x0c, 0]].concat()),
            ]
        }),
        "jitsi_exchange" => exchanges(),
        "log_entry" => log_entries(),
        "matrixrtc" => matrixrtc(),
        "open_frameseal" => {
            let changed = per_frame(|rule, frame| {
                let rule = place(rule);
                let len = u16::try_from(frame.len()).unwrap_or(u16::MAX).to_be_bytes();
                let padded = [&[1, rule, 1, 6, 63][..], &len, frame, &[1, 2, 0, 20, 1, 0, 4, 0, 3, 2, 0]];
                [
                    ("noise", [&[0, rule, 1, 0][..], frame].concat()),
                    ("flipped", [&[0, rule, 1, 2, 1][..], &len, frame, &[0, 0, 0, 9, 1, 3]].concat()),
                    ("padded", padded.concat()),
                ]
            });
            changed.into_iter().chain(members()).collect()
        }
        "open_jitsi" => per_frame(|rule, frame| {
            let len = u16::try_from(frame.len()).unwrap_or(u16::MAX).to_be_bytes();
            let kind = place(rule) % 3;
            let forged = [&[kind, 0, 0, 0, 9, 1, 1][..], &len, frame, &[0, 0, 0, 9, 1, 3]];
            [
                ("noise", [&[kind, 0, 0, 0, 9, 0, 0][..], frame, &[7; 28], &[0x0c, 0]].concat()),
                ("flipped", forged.concat()),
                ("long_iv", [&[kind, 0, 0, 0, 9, 0, 0][..], frame, &[7; 32], &[0x10, 0]].concat()),
            ]
        }),
        "open_livekit" => per_frame(|rule, frame| {
            let len = u16::try_from(frame.len()).unwrap_or(u16::MAX).to_be_bytes();
            // Audio or VP9 for what is opaque; else the codec of the rule.
            let codec = place(rule) % 6;
            [
                ("noise", [&[codec, 1, 0, 0, 0, 9, 0, 0][..], frame, &[7; 28], &[0x0c, 0]].concat()),
                ("flipped", [&[codec, 1, 0, 0, 0, 9, 1, 1][..], &len, frame, &[0, 0, 0, 9, 1, 3]].concat()),
            ]
        }),
        "open_sframe" => per_frame(|rule, frame| {
            let len = u16::try_from(frame.len()).unwrap_or(u16::MAX).to_be_bytes();
            let suite = place(rule) % 4;
            [
                ("noise", [&[suite, 0, 0, 0][..], frame].concat()),
                ("flipped", [&[suite, 2, 1, 3][..], b"abc", &len, frame, &[0, 0, 0, 9, 1, 3]].concat()),
            ]
        }),
        "session_input" => session_inputs(),
        _ => Vec::new(),
    }
}

/// What becomes of an entry that a member made, where it is put, what follows it: see `session::log_entry`.
fn log_entries() -> Vec<(String, Vec<u8>)> {
    let named: [(&str, &[u8]); 11] = [
        ("genuine", &[1, 0]),
        ("genuine_refused", &[1, 1]),
        ("genuine_elsewhere", &[1, 4, 9]),
        ("where_one_was_read", &[0, 4, 1, 1, 0, 0, 0, 1]),
        ("flipped", &[2, 0, 0, 0, 0, 40, 0, 5]),
        ("cut", &[2, 0, 0, 2, 1, 0, 0, 0]),
        ("commit_alone", &[3, 0, 0, 0, 0, 0]),
        ("bad_welcome", b"\x03\x00\x00\x00\x00\x03abcinfo"),
        ("other_group_info", b"\x04\x00info"),
        ("other_version", &[5, 0, 2]),
        ("long_length", &[0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0]),
    ];
    named.map(|(name, bytes)| (name.to_owned(), bytes.to_vec())).to_vec()
}

/// Operation, how much later, bytes, what happens: see `session::session_input`.
fn session_inputs() -> Vec<(String, Vec<u8>)> {
    // Unchanged bytes of the kind, at the next place of the log.
    const KEEP: u8 = 4 | 8;
    let step = |kind: u8, what: u8| [KEEP | kind, 20, what];
    let named: [(&str, Vec<u8>); 9] = [
        ("an_entry", step(0, 1).to_vec()),
        ("a_message", [step(1, 3), step(1, 3), step(0, 1), step(1, 3)].concat()),
        ("a_knock_is_let_in", [step(2, 4), step(0, 13), step(0, 14), step(0, 14), step(0, 15)].concat()),
        ("a_knock_is_refused", [step(2, 4), [KEEP | 8, 1, 13], step(0, 14), step(0, 15)].concat()),
        ("rotations", [step(0, 9), step(0, 14), step(0, 15), step(0, 9), step(0, 14), step(0, 5)].concat()),
        ("bob_is_gone", [[4, 1, 7], step(0, 14), step(0, 14), [4, 1, 15]].concat()),
        ("nobody_else_is_there", [[4, 1, 8], [4, 255, 14], [4, 255, 14], [4, 255, 14], [4, 1, 15]].concat()),
        ("compared", [step(0, 10), step(1, 3), step(0, 10), step(0, 14)].concat()),
        (
            "the_log_went_back",
            [&[7, 1, 0, 0, 7, 1, 0, 6][..], &step(0, 0), &step(0, 11), &step(0, 14)].concat(),
        ),
    ];
    named.map(|(name, bytes)| (name.to_owned(), bytes)).to_vec()
}

/// A choice (who is under test, whether keys must be signed), and what is done: see `exchange::run`.
fn exchanges() -> Vec<(String, Vec<u8>)> {
    let made_up = |kind: &str, data: &str| {
        let json = format!(r#"{{"type":"olm","olm":{{"type":"{kind}","data":{data}}}}}"#);
        let len = u16::try_from(json.len()).unwrap_or(u16::MAX).to_be_bytes();
        [&[7][..], &len, json.as_bytes()].concat()
    };
    let key = "MtWylh7M8tZpgUoxNDWgWoUgTYCZzth88tZCQoJ+OoM";
    let init = made_up("session-init", &format!(r#"{{"idKey":"{key}","otKey":"{key}","uuid":"1"}}"#));
    let ack = made_up("session-ack", r#"{"uuid":"1","ciphertext":{"type":0,"body":"AwohBTM"}}"#);
    let info = made_up("key-info", r#"{"uuid":"1","ciphertext":{"type":1,"body":"AwohBTM"}}"#);
    let start = made_up("sas-start", r#"{"transactionId":"1"}"#);
    let mac = made_up("sas-mac", r#"{"transactionId":"1","mac":{"ed25519:ada":"AA"},"keys":"AA"}"#);
    let error = made_up("error", r#"{"error":"no"}"#);
    let all = [0; 12];
    // Overwrites a byte far behind the beginning: within a ciphertext.
    let changed = [0, 0, 5, 0, 1, 0, 120, 0, 65];
    let named: [(&str, Vec<u8>); 14] = [
        ("as_lower", [&[0][..], &all].concat()),
        ("as_higher", [&[1][..], &all].concat()),
        ("signed", [&[2][..], &all].concat()),
        ("unsigned", [&[3][..], &init, &all].concat()),
        ("repeated", [&[0, 6, 0, 6, 0, 6, 0, 6, 0][..], &all].concat()),
        ("ciphertext_changed", [&changed[..], &all].concat()),
        ("compared", [&[0][..], &all, &[11, 0, 0, 0, 0]].concat()),
        ("compared_by_the_other", [&[0][..], &all, &[27, 0, 0, 0, 0], &mac].concat()),
        ("made_up", [&[0][..], &ack, &info, &start, &error, &all].concat()),
        ("other_key", [&[0][..], &all, &[9, 1, 43], key.as_bytes(), &[0, 0]].concat()),
        ("gone_and_back", [&[0, 0, 0, 10, 42][..], &all].concat()),
        ("later", [&[0, 0, 0, 8, 60, 0, 8, 60][..], &all].concat()),
        ("switched_off", [&[0][..], &all, &[9, 0, 5], b"false", &[0, 0]].concat()),
        ("no_json", vec![0, 7, 0, 3, b'{', b'"', b'}', 0, 0]),
    ];
    named.map(|(name, bytes)| (name.to_owned(), bytes)).to_vec()
}

/// A choice (who is a member, which shape, which device), and content: see `session::matrixrtc`.
fn matrixrtc() -> Vec<(String, Vec<u8>)> {
    let room = r#""room_id":"!room:example.org""#;
    let member = r#""member":{"id":"@bob:example.org:PHONE","claimed_device_id":"PHONE"}"#;
    let key = r#"{"index":3,"key":"AAECAwQFBgcICQoLDA0ODw"}"#;
    let today = format!(r#"{{"keys":{key},{member},{room},"session":{{}},"sent_ts":7}}"#);
    let proposed = format!(r#"{{"media_key":{key},"member_id":"@bob:example.org:PHONE",{room}}}"#);
    let escaped = today.replace("PHONE\"}", "PH\\u004fNE\"}");
    let named: [(&str, u8, &str); 11] = [
        ("today", 0, &today),
        ("proposed", 2, &proposed),
        ("before_its_sender", 1, &today),
        ("of_another_device", 8, &today),
        ("in_clear", 12, &today),
        ("escaped", 0, &escaped),
        ("short_key", 0, &today.replace("AAECAwQFBgcICQoLDA0ODw", "AAEC")),
        ("long_index", 0, &today.replace("\"index\":3", "\"index\":256")),
        ("another_room", 0, &today.replace("!room", "!moor")),
        ("cut", 0, today.get(..40).unwrap_or_default()),
        ("no_object", 0, "[1,2]"),
    ];
    named.map(|(name, choice, text)| (name.to_owned(), [&[choice], text.as_bytes()].concat())).to_vec()
}

/// What a member sealed with a table of moved runs, and with padding: clear bytes, plaintext.
fn members() -> impl Iterator<Item = (String, Vec<u8>)> {
    let av1: (&[u8], &[u8]) = (b"\x0a\x02\x01\x02", b"\x12\x00\x32\x01\x07\x00\x00\x02\x01");
    let sets = b"\x00\x00\x00\x01\x67\x42\x00\x00\x00\x01\x65\x88";
    let moved = b"\x00\x00\x00\x01\x09\xf0\x00\x00\x01\x06zrest\x00\x00\x06\x01\x00\x05\x02";
    let h265 = b"\x00\x00\x00\x01\x42\x01a\x00\x00\x00\x01\x26\x01\xaf";
    let members: [(&str, CodecRule, &[u8], &[u8]); 4] = [
        ("opus", CodecRule::Opaque, b"", b"an Opus frame"),
        ("av1", CodecRule::Av1, av1.0, av1.1),
        ("h264", CodecRule::H264, sets, moved),
        ("h265", CodecRule::H265, h265, moved),
    ];
    members.into_iter().flat_map(|(name, rule, clear, text)| {
        let seed = |layout: u8, padding: &[u8]| {
            let len = u8::try_from(clear.len()).unwrap_or(u8::MAX);
            [&[0, place(rule), 1, 1, layout, 0, len][..], clear, text, padding].concat()
        };
        [
            (format!("{name}_member"), seed(0x10, b"")),
            (format!("{name}_member_plain"), seed(0, b"")),
            (format!("{name}_member_padded"), seed(0x30, b"\x01\x00\x00")),
            (format!("{name}_member_bad_padding"), seed(0x30, b"\x02\x00\x00")),
        ]
    })
}

/// Position in [`CodecRule::ALL`].
fn place(rule: CodecRule) -> u8 {
    rule.to_wire() - 1
}

fn per_frame<const N: usize>(
    make: impl Fn(CodecRule, &[u8]) -> [(&'static str, Vec<u8>); N],
) -> Vec<(String, Vec<u8>)> {
    let frames = frames().into_iter();
    let named = frames.flat_map(|(name, rule, frame)| {
        make(rule, &frame).map(|(how, seed)| (format!("{name}_{how}"), seed))
    });
    named.collect()
}

fn frames() -> Vec<(&'static str, CodecRule, Vec<u8>)> {
    let annex_b =
        |units: &[&[u8]]| units.iter().flat_map(|unit| [&[0, 0, 0, 1][..], unit].concat()).collect();
    let sets: &[u8] = &[0x67, 0x42, 0xe0, 0x1f];
    vec![
        ("empty", CodecRule::Opaque, Vec::new()),
        ("opus", CodecRule::Opaque, b"\x78 an Opus frame".to_vec()),
        ("vp8_key", CodecRule::Vp8, b"\x10\x02\x00\x9d\x01\x2a\x80\x02\xe0\x01body".to_vec()),
        ("vp8_delta", CodecRule::Vp8, b"\x11body".to_vec()),
        (
            "av1_key",
            CodecRule::Av1,
            b"\x12\x00\x0a\x05\x00\x00\x00\x24\xc4\x2a\x02\x01\x02\x32\x04body".to_vec(),
        ),
        ("av1_long_size", CodecRule::Av1, b"\x0a\x83\x80\x00abc\x12\x00\x0c\x08\x01z\x32\x04body".to_vec()),
        ("av1_delta", CodecRule::Av1, b"\x12\x00\x36\x08\x04body\x30".to_vec()),
        (
            "h264_key",
            CodecRule::H264,
            annex_b(&[&[9, 0xf0], sets, &[0x68, 0xce], &[6, 5, 1], b"\x65\x88\x00\x00\x03"]),
        ),
        (
            "h264_short_codes",
            CodecRule::H264,
            b"\x00\x00\x01\x67\x42\x00\x00\x01\x06z\x00\x00\x01\x65\x88a\x00\x00\x01\x65b".to_vec(),
        ),
        ("h264_delta", CodecRule::H264, annex_b(&[b"\x61\x00\x00"])),
        (
            "h265_key",
            CodecRule::H265,
            annex_b(&[b"\x46\x01\x50", b"\x40\x01\x0c", b"\x42\x01a", b"\x44\x01b", b"\x26\x01\xaf"]),
        ),
        ("h265_delta", CodecRule::H265, annex_b(&[b"\x02\x01\xd0body"])),
    ]
}

/// Calls of the C interface: what a handle is made with, then calls one after the other.
fn calls() -> Vec<(String, Vec<u8>)> {
    let key = [&[0, 0, 0, 0, 32][..], &[7; 32], &[8]].concat();
    let slot = [&[0, 0, 0, 0, 32][..], &[7; 32], &[12]].concat();
    let aes = [&[0, 1, 2, 0, 16][..], &[7; 16], &[12]].concat();
    let seal = |codec: u8, frame: &[u8]| {
        [&[0, 0, 0, 0, frame.len() as u8][..], frame, &[0, 0, 1, codec, 0, 0, 0, 0, 9, 9, 200]].concat()
    };
    let rotate = [&[0, 0, 0, 0, 32][..], &[9; 32], &[7]].concat();
    let step = vec![0, 0, 0, 0, 0, 6];
    let report = vec![1, 3, 4, 0, 2, 1, 2, 15];
    let frames =
        [seal(1, b"an Opus frame"), seal(2, &[0x10; 24]), seal(4, &[0, 0, 0, 1, 0x65, 0x88, 1, 2, 3])];
    let own = [&[0, 4, 0, 0, 0][..], &key, &frames.concat(), &step, &rotate, &report];
    let mut seeds = vec![
        ("own".to_owned(), own.concat()),
        ("livekit".to_owned(), [&[2, 0, 0, 0, 0][..], &slot, &frames.concat(), &report].concat()),
        ("sframe".to_owned(), [&[1, 5, 255, 255, 0][..], &key, &frames.concat(), &step].concat()),
        (
            "jitsi".to_owned(),
            [&[3, 4, 0, 0, 0][..], &slot, &frames.concat(), &step, &aes, &frames.concat()].concat(),
        ),
    ];
    for (name, number) in [("follow", 9), ("ring", 10), ("forget", 11), ("padding", 14), ("open", 3)] {
        let call = [&[1, 0, 0, 0, 41][..], b"fs1-0004-000102030405060708090a0b0c0d0e0f", &[number]].concat();
        seeds.push((name.to_owned(), [&[0, 0, 0, 0, 0][..], &call, &frames.concat(), &call].concat()));
    }
    seeds
}

/// Two members through the C interface: what each is made with, then what happens, one after the other.
fn session_calls() -> Vec<(String, Vec<u8>)> {
    // Time, and whether questions are answered.
    let serve = [0, 10, 0];
    let carry = [[8, 1], [0x88, 1]].concat();
    let round = [&serve[..], &carry].concat();
    let met = round.repeat(4);
    let frame = |who: u8, changed: u8| [&[who | 12, 1, 1, 5][..], b"hello", &[changed]].concat();
    let frames = [frame(0, 255), frame(0x80, 255), frame(0, 3), frame(0x80, 9)].concat();
    // A call: which, time, what was said, which byte of it becomes another, a number.
    let call = |which: u8, what: u8, changed: u8| {
        let place: &[u8] = if changed == 255 { &[255; 5] } else { &[changed, 1] };
        [&[20 + which, 1, what][..], place, &[1]].concat()
    };
    let (log, first, message, knock, append) = (0, 1, 2, 3, 4);
    let own = [0, 0];
    let with = |parts: &[&[u8]]| [&own[..], &met, &parts.concat(), &round, &frames].concat();
    let named: [(&str, Vec<u8>); 12] = [
        ("met", with(&[])),
        ("named_with_a_secret", [&[7, 7][..], &met, &frames].concat()),
        ("one_without_the_secret", [&[4, 0][..], &met, &frames].concat()),
        ("let_in_by_members", [&[0x20, 0x20][..], &met, &frames].concat()),
        ("other_suite", [&[0x40, 5, 0x40, 4][..], &met, &frames].concat()),
        ("rotated", with(&[&call(11, log, 255), &round, &round])),
        ("removed", with(&[&call(12, log, 255), &round, &round])),
        ("left", with(&[&call(18, log, 255), &round, &round])),
        ("compared", with(&[&call(14, message, 255), &carry, &carry, &call(15, log, 255), &round])),
        ("read_again", with(&[&call(1, first, 255), &call(1, log, 9), &call(5, log, 255), &round])),
        ("carried_badly", with(&[&call(6, knock, 7), &call(7, message, 7), &call(1, append, 7), &round])),
        (
            "policy",
            with(&[&call(13, log, 255), &call(10, log, 255), &call(9, log, 255), &call(19, log, 255)]),
        ),
    ];
    named.map(|(name, bytes)| (name.to_owned(), bytes)).to_vec()
}

fn headers() -> Vec<(String, Vec<u8>)> {
    let named: [(&str, &[u8]); 7] = [
        ("zero", &[0x00]),
        ("small", &[0x75]),
        ("one_byte", &[0x99, 0x12, 0x01, 0x2c]),
        ("longest", &[0xff, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]),
        ("not_minimal", &[0x90, 0x00, 0x01]),
        ("cut", &[0x8f, 1, 2]),
        ("pair", &[0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 3, 60]),
    ];
    named.map(|(name, bytes)| (name.to_owned(), bytes.to_vec())).to_vec()
}

fn announcements() -> Vec<(String, Vec<u8>)> {
    let named = [
        ("good", "fs1-0005-000102030405060708090a0b0c0d0eff"),
        ("upper", "fs1-0004-ABCDEF0123456789ABCDEF0123456789"),
        ("newer", "fs2-0004-000102030405060708090a0b0c0d0eff"),
        ("suite", "fs1-ffff-000102030405060708090a0b0c0d0eff"),
        ("sign", "fs1-+004-000102030405060708090a0b0c0d0eff"),
        ("short", "fs1-0004-00"),
    ];
    named.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec())).to_vec()
}
