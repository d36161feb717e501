//! `frameseal inspect`, from outside, on frames that a `Sealer` made.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use e2ee_core::{
    BaseKey, CallId, CipherSuite, CodecRule, Ctr, FrameBuf, FrameFormat, FrameInfo, Generation, KeyAt,
    KidScheme, Padding, ParticipantId, Profile, Provider, Sealer, SecretBytes, Step, TrackKind,
};
use frameseal_cli::hex;
use serde_json::{Value, json};

fn inspect(args: &[&str], stdin: Option<&[u8]>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_frameseal"));
    let command = command.arg("inspect").args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(stdin.unwrap_or_default()).unwrap();
    child.wait_with_output().unwrap()
}

fn text(args: &[&str]) -> String {
    let output = inspect(args, None);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn json(args: &[&str]) -> Value {
    let args = [args, &["--json"]].concat();
    serde_json::from_str(&text(&args)).unwrap()
}

fn refusal(args: &[&str]) -> String {
    let output = inspect(args, None);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(output.stdout.is_empty());
    String::from_utf8(output.stderr).unwrap()
}

fn at(format: FrameFormat, suite: CipherSuite, at: KeyAt) -> Sealer {
    let profile = Profile { provider: Provider::best(), suite, format, scheme: KidScheme::default() };
    let base = BaseKey::new(SecretBytes::copy_of(&[7; 32])).unwrap();
    Sealer::hazmat_at(profile, ParticipantId::new("ada").unwrap(), at, base)
}

/// A sealer at generation 1, step 2, counter 300.
fn sealer(format: FrameFormat, suite: CipherSuite) -> Sealer {
    let mut sealer = at(format, suite, KeyAt::Sender(Generation(1), Step(2)));
    for kind in TrackKind::ALL {
        sealer.hazmat_set_ctr(kind, Ctr(300)).unwrap();
    }
    sealer
}

fn sealed(rule: CodecRule, frame: &[u8]) -> Vec<u8> {
    let format = FrameFormat::Frameseal { call: CallId::new("call").unwrap() };
    let mut sealer = sealer(format, CipherSuite::Aes128GcmSha256_128);
    let mut buf = FrameBuf::new();
    buf.fill(frame);
    sealer.seal(&FrameInfo::track(TrackKind::Video, rule), &mut buf).unwrap().to_vec()
}

const VP8_KEY: &[u8] = &[0x50, 0x01, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0xe0, 0x01, 1, 2, 3];

fn h264() -> Vec<u8> {
    let start = [0, 0, 0, 1];
    let parts: [&[u8]; 8] = [
        &start,
        &[0x09, 0xf0],
        &start,
        &[0x67, 0x42, 0xe0, 0x1f],
        &start,
        &[0x68, 0xce, 0x3c],
        &start,
        &[0x65; 90],
    ];
    parts.concat()
}

/// Name, start and end of each part.
fn parts(reading: &Value) -> Vec<(String, u64, u64)> {
    let parts = reading["parts"].as_array().unwrap().iter();
    let part = |part: &Value| {
        let at = |end: &str| part[end].as_u64().unwrap();
        (part["name"].as_str().unwrap().to_owned(), at("start"), at("end"))
    };
    parts.map(part).collect()
}

fn named(list: &[(&str, u64, u64)]) -> Vec<(String, u64, u64)> {
    list.iter().map(|(name, start, end)| ((*name).to_owned(), *start, *end)).collect()
}

#[test]
fn a_vp8_key_frame_is_taken_apart() {
    let wire = hex::encode(&sealed(CodecRule::Vp8, VP8_KEY));
    let text = text(&[&wire, "--codec", "vp8", "--format", "frameseal"]);
    for said in [
        "34 bytes, Frameseal (vp8)",
        "a decoder can start here",
        "0..3  clear       500100                      frame tag: key frame, version 0, shown, first partition 10 bytes",
        "3..6  clear       9d012a                      start code of a key frame",
        "6..7  layout      42                          version 1, VP8",
        "7..11  header      8912012c",
        "KID 0x12 (generation 1, step 2 with 4 ratchet bits), CTR 300",
        "ciphertext",
        "18..34  tag",
        "16 bytes if the suite is AES_128_GCM_SHA256_128",
        "overhead 21 bytes",
    ] {
        assert!(text.contains(said), "{said:?} in\n{text}");
    }
    assert!(!text.contains("guess"), "{text}");
}

#[test]
fn json_says_the_same_and_finds_the_codec_out() {
    let told =
        json(&[&hex::encode(&sealed(CodecRule::Vp8, VP8_KEY)), "--codec", "vp8", "--format", "frameseal"]);
    let found = json(&[&hex::encode(&sealed(CodecRule::Vp8, VP8_KEY))]);
    for (report, guess) in [(told, false), (found, true)] {
        assert_eq!(report["length"], 34);
        let reading = &report["readings"][0];
        for (field, value) in [
            ("format", json!("frameseal")),
            ("codec", json!("vp8")),
            ("guess", json!(guess)),
            ("key_frame", json!(true)),
            ("kid", json!("18")),
            ("generation", json!(1)),
            ("step", json!(2)),
            ("ratchet_bits", json!(4)),
            ("ctr", json!("300")),
            ("clear_bytes", json!(6)),
            ("overhead", json!(21)),
        ] {
            assert_eq!(reading[field], value, "{field}");
        }
        let want =
            [("clear", 0, 3), ("clear", 3, 6), ("layout", 6, 7), ("header", 7, 11), ("ciphertext", 11, 18)];
        assert_eq!(parts(reading), named(&[&want[..], &[("tag", 18, 34)]].concat()));
        assert_eq!(reading["parts"][3]["hex"], "8912012c");
    }
}

#[test]
fn every_codec_is_found_without_being_told() {
    let av1 = [&[0x12, 0][..], &[0x0a, 2, 9, 9], &[0x32, 3, 1, 2, 3]].concat();
    let h265 =
        [&[0, 0, 0, 1, 0x40, 1, 5][..], &[0, 0, 0, 1, 0x42, 1, 6], &[0, 0, 0, 1, 0x26, 1], &[9; 60]].concat();
    for (rule, name, frame, clear) in [
        (CodecRule::Opaque, "opaque", b"opus".to_vec(), 0),
        (CodecRule::Vp8, "vp8", vec![0x31, 5, 6, 7], 1),
        (CodecRule::Vp8, "vp8", VP8_KEY.to_vec(), 6),
        (CodecRule::Av1, "av1", av1, 4),
        (CodecRule::H264, "h264", h264(), 21),
        (CodecRule::H265, "h265", h265, 21),
    ] {
        let wire = sealed(rule, &frame);
        let report = json(&[&hex::encode(&wire)]);
        let reading = &report["readings"][0];
        assert_eq!((&reading["codec"], &reading["clear_bytes"]), (&json!(name), &json!(clear)), "{report}");
        assert_eq!(reading["ctr"], "300");
        // The parts cover the frame without gap or overlap.
        let ends = parts(reading).into_iter().fold(0, |at, (_, start, end)| {
            assert_eq!(start, at);
            end
        });
        assert_eq!(ends, wire.len() as u64);
    }
}

#[test]
fn av1_shows_its_carrier() {
    let frame = [&[0x12, 0][..], &[0x0a, 2, 9, 9], &[0x32, 3, 1, 2, 3]].concat();
    let wire = sealed(CodecRule::Av1, &frame);
    let report = json(&[&hex::encode(&wire), "--codec", "av1"]);
    let reading = &report["readings"][0];
    let len = wire.len() as u64;
    let want = [
        ("clear", 0, 4),
        ("carrier", 4, 6),
        ("layout", 6, 7),
        ("header", 7, 11),
        ("ciphertext", 11, len - 16),
        ("tag", len - 16, len),
    ];
    assert_eq!(parts(reading), named(&want));
    assert_eq!(reading["overhead"], 2 + 1 + 4 + 16);
    assert!(reading["notes"][0].as_str().unwrap().contains("moved units"));

    // A delimiter that a transport puts in front is no part of what was sealed.
    let with_delimiter = json(&[&hex::encode(&[&[0x12, 0][..], &wire].concat()), "--codec", "av1"]);
    let reading = &with_delimiter["readings"][0];
    assert_eq!(parts(reading)[..3], named(&[("clear", 0, 6), ("carrier", 6, 8), ("layout", 8, 9)]));
    assert!(reading["notes"].to_string().contains("spelling"));
}

#[test]
fn h264_names_units_and_maps_positions_through_emulation_prevention() {
    let wire = sealed(CodecRule::H264, &h264());
    let text = text(&[&hex::encode(&wire), "--codec", "h264"]);
    let (set, slice) = (
        "start code, sequence parameter set",
        "start code, header and first byte of a slice of a key frame (IDR)",
    );
    for said in
        [set, "start code, picture parameter set", slice, "moved units inside", "keeps trailing zeros"]
    {
        assert!(text.contains(said), "{said:?} in\n{text}");
    }

    // A header of `0b 01 00 00 00`: a byte is inserted before its third zero.
    let format = FrameFormat::Frameseal { call: CallId::new("call").unwrap() };
    let mut sealer = at(format, CipherSuite::Aes128GcmSha256_128, KeyAt::Sender(Generation(0), Step(0)));
    sealer.hazmat_set_ctr(TrackKind::Video, Ctr(0x0100_0000)).unwrap();
    let mut buf = FrameBuf::new();
    buf.fill(&[&[0, 0, 0, 1, 0x61, 0][..], &[3; 40]].concat());
    let wire = sealer.seal(&FrameInfo::track(TrackKind::Video, CodecRule::H264), &mut buf).unwrap();
    let report = json(&[&hex::encode(wire), "--codec", "h264"]);
    let reading = &report["readings"][0];
    assert_eq!(reading["ctr"], "16777216");
    assert_eq!(reading["parts"][2]["hex"], "0b0100000300");
    let want =
        [("clear", 0, 6), ("layout", 6, 7), ("header", 7, 13), ("ciphertext", 13, 53), ("tag", 53, 69)];
    assert_eq!(parts(reading), named(&[&want[..], &[("final", 69, 70)]].concat()));
    assert_eq!(reading["overhead"], 1 + 6 + 16 + 1);
    assert!(reading["notes"][0].as_str().unwrap().starts_with("1 byte of emulation prevention"));
}

#[test]
fn padding_is_said_where_it_is() {
    let format = FrameFormat::Frameseal { call: CallId::new("call").unwrap() };
    let mut sealer = sealer(format, CipherSuite::Aes128CtrHmacSha256_80);
    sealer.set_padding(TrackKind::Audio, Padding::MultipleOf(64));
    let mut buf = FrameBuf::new();
    buf.fill(b"opus");
    let wire = sealer.seal(&FrameInfo::track(TrackKind::Audio, CodecRule::Opaque), &mut buf).unwrap();
    let text = text(&[&hex::encode(wire), "--codec", "opus", "--suite", "1"]);
    assert!(text.contains("version 1, opaque (Opus, RED, VP9, data), padded"), "{text}");
    assert!(text.contains("ciphertext also holds padding"), "{text}");
    assert!(text.contains("10 bytes if the suite is AES_128_CTR_HMAC_SHA256_80"), "{text}");
}

#[test]
fn bare_sframe_is_read_when_told() {
    let mut sealer = sealer(FrameFormat::Sframe, CipherSuite::Aes128GcmSha256_128);
    let mut buf = FrameBuf::new();
    buf.fill(b"message");
    let wire = hex::encode(sealer.seal(&FrameInfo::data(b""), &mut buf).unwrap());
    let report = json(&[&wire, "--format", "sframe", "--ratchet-bits", "1"]);
    let reading = &report["readings"][0];
    assert_eq!((&reading["format"], &reading["guess"]), (&json!("sframe"), &json!(false)));
    assert_eq!((&reading["generation"], &reading["step"]), (&json!(9), &json!(0)));
    assert_eq!(parts(reading), named(&[("header", 0, 4), ("ciphertext", 4, 11), ("tag", 11, 27)]));
    assert_eq!(reading["overhead"], 20);
}

#[test]
fn trailers_of_livekit_and_jitsi_are_recognised_as_a_guess() {
    for (path, maker) in [("livekit/livekit.json", "LiveKit"), ("jitsi/jitsi.json", "Jitsi")] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors").join(path);
        let file: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let groups = file["groups"].as_array().unwrap().iter();
        let frames = groups.filter(|group| group["kind"].as_str().unwrap().ends_with(".frame"));
        let (mut seen, mut plain) = (0, 0);
        for case in frames.flat_map(|group| group["cases"].as_array().unwrap()) {
            let sealed = case["sealed"].as_str().unwrap();
            // A frame of unknown type is sent in clear by that client, an encrypted copy behind it; and some are empty.
            if case["plaintext"] == "" || sealed.is_empty() {
                plain += 1;
                continue;
            }
            let report = json(&[sealed]);
            let reading = &report["readings"][0];
            assert_eq!(
                (&reading["format"], &reading["guess"]),
                (&json!("trailer"), &json!(true)),
                "{case} {report}"
            );
            assert_eq!(reading["overhead"], 30);
            let notes = reading["notes"].to_string();
            let escaped = ["h264", "h265"].contains(&case["codec"].as_str().unwrap());
            assert!(
                notes.contains(&format!("maker is: {maker}"))
                    || escaped
                    || notes.contains("LiveKit or Jitsi"),
                "{case} {notes}"
            );
            let index = format!("key {} of the ring", case["key_index"]);
            assert!(reading["parts"].to_string().contains(&index), "{case} {reading}");
            seen += 1;
        }
        assert!(seen > 20 && plain < 10, "{seen} {plain}");
    }
}

#[test]
fn frames_come_from_files_and_standard_input_as_hex_or_raw() {
    let wire = sealed(CodecRule::Vp8, VP8_KEY);
    let want = json(&[&hex::encode(&wire)]);
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let pasted = format!("0x{}\n", hex::encode(&wire)).into_bytes();
    for (name, content, reads) in [("raw", &wire, "raw"), ("hex", &pasted, "hex")] {
        let path = dir.join(name);
        std::fs::write(&path, content).unwrap();
        assert_eq!(json(&["--file", path.to_str().unwrap()]), want);
        assert_eq!(json(&["--file", path.to_str().unwrap(), "--reads", reads]), want);
        for args in [&["-", "--json"][..], &["--json"]] {
            let output = inspect(args, Some(content));
            assert_eq!(serde_json::from_slice::<Value>(&output.stdout).unwrap(), want);
        }
    }
}

#[test]
fn bad_input_says_what_and_where() {
    let missing = Path::new(env!("CARGO_TARGET_TMPDIR")).join("not-there");
    let missing = missing.to_str().unwrap();
    let vp8 = hex::encode(&sealed(CodecRule::Vp8, VP8_KEY));
    let short = &vp8[..2 * 20];
    for (args, want) in [
        (
            &["410z"][..],
            "error: the argument is not hexadecimal: 'z' at character 3 is not a hexadecimal digit\n",
        ),
        (&["410"], "error: the argument is not hexadecimal: 3 hexadecimal digits, an odd number\n"),
        (&[""], "error: the argument is empty: no frame to explain\n"),
        (&["0x"], "error: the argument is empty: no frame to explain\n"),
        (&["-"], "error: standard input is empty: no frame to explain\n"),
        (
            &["--file", missing],
            &format!("error: {missing} cannot be read: No such file or directory (os error 2)\n"),
        ),
        (&["ff"], "error: not a sealed frame of any format and codec known here\n"),
        (&["1900", "--format", "sframe"], "error: the frame ends inside the SFrame header at byte 0\n"),
        (
            &["8000", "--format", "sframe"],
            "error: no SFrame header at byte 0: KID or CTR is not in its shortest form\n",
        ),
        (&["0011", "--format", "sframe"], "error: too short: 2 bytes, want at least 17\n"),
        (
            &["00".repeat(40).as_str(), "--format", "trailer"],
            "error: no trailer: the last but one byte is 0x00, not the IV length 0x0c\n",
        ),
        (
            &[short, "--codec", "vp8", "--format", "frameseal"],
            "error: too short: 20 bytes, want at least 27\n",
        ),
        (
            &[&vp8, "--codec", "h264"],
            "error: not a sealed frame of codec rule h264: frame is not built as its codec asks\n",
        ),
        (&["44", "--codec", "opus"], "error: sealed for codec rule h264, not opaque\n"),
        (
            &["31ff00", "--codec", "vp8"],
            "error: byte 1 behind the clear bytes is 0xff, not a layout byte of version 1 (0x40 to 0x7f): not sealed, or by another format or version\n",
        ),
    ] {
        assert_eq!(refusal(args), want, "{args:?}");
    }
}

#[test]
fn wrong_usage_is_exit_code_2() {
    for args in [
        &["--ratchet-bits", "17", "00"][..],
        &["--suite", "9", "00"],
        &["--codec", "mjpeg", "00"],
        &["00", "--file", "x"],
    ] {
        assert_eq!(inspect(args, None).status.code(), Some(2), "{args:?}");
    }
}

#[test]
fn help_has_examples_and_exit_codes() {
    for args in [&["inspect", "--help"][..], &["vectors", "check", "--help"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_frameseal")).args(args).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("Examples:") && text.contains("Exit codes: 0 "), "{text}");
    }
}
