//! `frameseal vectors check`, from outside.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

const RFC9605: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors/sframe/rfc9605.json");

fn check(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_frameseal"));
    command.args(["vectors", "check"]).args(args).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn last_line(output: &Output) -> String {
    stdout(output).lines().last().unwrap().to_owned()
}

/// Writes a vector file under a name of its own.
fn file(name: &str, content: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.json"));
    std::fs::write(&path, content).unwrap();
    path
}

fn vectors(name: &str, kind: &str, cases: &[Value]) -> PathBuf {
    let groups = [json!({ "kind": kind, "cases": cases })];
    file(name, &json!({ "schema": "frameseal-vectors/1", "source": "a test", "groups": groups }).to_string())
}

/// The official cases of a kind.
fn official(kind: &str) -> Vec<Value> {
    let file: Value = serde_json::from_slice(&std::fs::read(RFC9605).unwrap()).unwrap();
    let groups = file["groups"].as_array().unwrap();
    let group = groups.iter().find(|group| group["kind"] == kind).unwrap();
    group["cases"].as_array().unwrap().clone()
}

/// Runs one case and gives its line.
fn line(name: &str, kind: &str, case: Value) -> String {
    let output = check(&[vectors(name, kind, &[case]).to_str().unwrap()]);
    let passed = output.status.code() == Some(0);
    assert_eq!(last_line(&output), if passed { "1 passed, 0 failed" } else { "0 passed, 1 failed" });
    stdout(&output).lines().nth(1).unwrap().to_owned()
}

/// The case with one field changed.
fn with(mut case: Value, field: &str, value: Value) -> Value {
    case[field] = value;
    case
}

#[test]
fn all_official_figures_pass() {
    let output = check(&[RFC9605]);
    let cases = [("sframe.header", 289), ("sframe.aes_ctr_hmac", 6), ("sframe.frame", 8)];
    for (kind, count) in cases {
        assert_eq!(official(kind).len(), count);
        let prefix = format!("pass {kind} ");
        assert_eq!(stdout(&output).lines().filter(|line| line.starts_with(&prefix)).count(), count);
    }
    assert_eq!(last_line(&output), "303 passed, 0 failed");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn several_files_count_together() {
    let header = vectors("header", "sframe.header", &official("sframe.header")[..2]);
    let output = check(&[RFC9605, header.to_str().unwrap()]);
    assert_eq!(last_line(&output), "305 passed, 0 failed");
}

#[test]
fn every_given_step_of_a_frame_is_compared() {
    let case = official("sframe.frame")[0].clone();
    for field in [
        "sframe_key_label",
        "sframe_salt_label",
        "sframe_secret",
        "sframe_key",
        "sframe_salt",
        "nonce",
        "aad",
        "sealed",
        "plaintext",
        "metadata",
        "base_key",
    ] {
        let text = case[field].as_str().unwrap();
        let swapped = if text.ends_with('0') { "1" } else { "0" };
        let changed = with(case.clone(), field, json!(format!("{}{swapped}", &text[..text.len() - 1])));
        let line = line(&format!("changed-{field}"), "sframe.frame", changed);
        assert!(line.starts_with("FAIL sframe.frame 0: "), "{field}: {line}");
        if !["plaintext", "metadata", "base_key"].contains(&field) {
            assert!(line.contains(&format!("`{field}` differs from byte")), "{line}");
        }
    }
    for (field, other) in [("kid", "292"), ("ctr", "17768"), ("cipher_suite", "2")] {
        let line = line(&format!("other-{field}"), "sframe.frame", with(case.clone(), field, json!(other)));
        assert!(line.starts_with("FAIL"), "{field}: {line}");
    }
}

#[test]
fn steps_that_are_not_given_are_not_asked_for() {
    for mut case in official("sframe.frame") {
        let fields = case.as_object_mut().unwrap();
        fields.retain(|name, _| {
            matches!(
                &**name,
                "cipher_suite" | "kid" | "ctr" | "base_key" | "plaintext" | "sealed" | "metadata"
            )
        });
        fields.insert("nonce".to_owned(), Value::Null);
        assert_eq!(line("bare", "sframe.frame", case), "pass sframe.frame 0");
    }
}

#[test]
fn key_ids_and_counters_reach_to_64_bits() {
    use e2ee_core::frame::header::Header;
    use e2ee_core::key::schedule;
    use e2ee_core::{CipherSuite, Ctr, Kid, Provider};

    for (kid, ctr) in [(u64::MAX, 0), (1 << 40, u64::MAX), (7, 1 << 32), (u64::MAX - 1, u64::MAX - 1)] {
        // By hand: RFC 9605 allows a base key of any length, and no metadata.
        let suite = CipherSuite::Aes256GcmSha512_128;
        let derived = schedule::derive(suite, b"short", Kid(kid));
        let aead = Provider::best().aead(suite, derived.key.expose()).unwrap();
        let header = Header { kid: Kid(kid), ctr: Ctr(ctr) }.encode();
        let mut body = [&b"hello"[..], &[0; 16]].concat();
        aead.seal(&schedule::nonce(&derived.salt, Ctr(ctr)), header.as_bytes(), &mut body).unwrap();
        let sealed = [header.as_bytes(), &body].concat();
        let hex = frameseal_cli::hex::encode;
        let case = json!({
            "cipher_suite": 5, "kid": kid.to_string(), "ctr": ctr.to_string(), "base_key": hex(b"short"),
            "metadata": null, "plaintext": hex(b"hello"), "sealed": hex(&sealed),
        });
        assert_eq!(line("wide", "sframe.frame", case), "pass sframe.frame 0");
    }
}

#[test]
fn a_wrong_header_says_what_it_is_instead() {
    let case = |header: &str| json!({ "kid": "1", "ctr": "8", "header": header });
    assert_eq!(line("header-right", "sframe.header", case("1808")), "pass sframe.header 0");
    for (name, header, why) in [
        ("other", "1809", "`header` differs from byte 1 on: got 08, want 09"),
        ("longer", "180800", "`header` has 2 bytes, want 3"),
        ("empty", "", "`header` has 2 bytes, want 0"),
        ("odd", "180", "field `header`: 3 hexadecimal digits, an odd number"),
        ("letters", "18zz", "field `header`: 'z' at character 2 is not a hexadecimal digit"),
    ] {
        let line = line(&format!("header-{name}"), "sframe.header", case(header));
        assert_eq!(line, format!("FAIL sframe.header 0: {why}"));
    }
}

#[test]
fn a_changed_cipher_figure_fails() {
    for case in official("sframe.aes_ctr_hmac") {
        assert_eq!(line("ctr", "sframe.aes_ctr_hmac", case.clone()), "pass sframe.aes_ctr_hmac 0");
        for field in ["key", "enc_key", "auth_key", "nonce", "aad", "plaintext", "ciphertext"] {
            let text = case[field].as_str().unwrap();
            let first = if text.starts_with('0') { "1" } else { "0" };
            let changed = with(case.clone(), field, json!(format!("{first}{}", &text[1..])));
            let line = line("ctr-changed", "sframe.aes_ctr_hmac", changed);
            assert!(line.starts_with("FAIL sframe.aes_ctr_hmac 0: "), "{field}: {line}");
        }
    }
}

#[test]
fn a_case_that_lacks_a_field_says_which() {
    for kind in ["sframe.header", "sframe.aes_ctr_hmac", "sframe.frame"] {
        assert_eq!(line("hollow", kind, json!(3)), format!("FAIL {kind} 0: the case is not an object"));
    }
    let case = official("sframe.frame")[0].clone();
    for field in ["cipher_suite", "kid", "ctr", "base_key", "plaintext", "sealed"] {
        let line = line("lacks", "sframe.frame", with(case.clone(), field, Value::Null));
        assert_eq!(line, format!("FAIL sframe.frame 0: field `{field}` is missing"));
    }
    let wrong = [
        ("cipher_suite", json!(99), "`cipher_suite` 99 is unknown"),
        ("kid", json!("-1"), "field `kid` is not an unsigned 64-bit integer (a decimal string)"),
        (
            "ctr",
            json!("18446744073709551616"),
            "field `ctr` is not an unsigned 64-bit integer (a decimal string)",
        ),
        ("sealed", json!(7), "field `sealed` is not a string"),
    ];
    for (field, value, why) in wrong {
        let line = line("wrong", "sframe.frame", with(case.clone(), field, value));
        assert_eq!(line, format!("FAIL sframe.frame 0: {why}"));
    }
}

#[test]
fn unknown_kinds_fail_case_by_case() {
    let path = vectors("unknown", "sframe.later", &[json!({}), json!({ "a": "00" })]);
    let output = check(&[path.to_str().unwrap(), RFC9605]);
    let text = stdout(&output);
    assert!(
        text.contains("\nFAIL sframe.later 0: unknown kind\nFAIL sframe.later 1: unknown kind\n"),
        "{text}"
    );
    assert_eq!(last_line(&output), "303 passed, 2 failed");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_file_that_cannot_be_used_fails_and_says_why() {
    let whole =
        |groups: &str| format!(r#"{{"schema":"frameseal-vectors/1","source":"s","groups":{groups}}}"#);
    let files = [
        ("not-json", "{".to_owned(), "is not JSON: EOF while parsing an object at line 1 column 1"),
        ("no-schema", "{}".to_owned(), "has no `schema`, want \"frameseal-vectors/1\""),
        (
            "other-schema",
            r#"{"schema":"x/2"}"#.to_owned(),
            "has the schema \"x/2\", want \"frameseal-vectors/1\"",
        ),
        ("no-groups", whole("null"), "`groups` is not a list"),
        ("no-kind", whole(r#"[{"cases":[]}]"#), "group 0 has no `kind`"),
        ("no-list", whole(r#"[{"kind":"sframe.header"}]"#), "group 0 has no list of `cases`"),
        ("empty", whole("[]"), "has no cases"),
        ("no-cases", whole(r#"[{"kind":"sframe.header","cases":[]}]"#), "has no cases"),
    ];
    for (name, content, why) in files {
        let path = file(name, &content);
        let output = check(&[path.to_str().unwrap()]);
        assert_eq!(stderr(&output), format!("error: {} {why}\n", path.display()));
        assert_eq!(stdout(&output), "0 passed, 1 failed\n");
        assert_eq!(output.status.code(), Some(1));
    }
    let output = check(&["/nowhere/at all.json", RFC9605]);
    assert!(stderr(&output).starts_with("error: /nowhere/at all.json cannot be read: "));
    assert_eq!(last_line(&output), "303 passed, 1 failed");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn json_holds_every_case_and_the_sums() {
    let bad = vectors("json", "x.y", &[json!({})]);
    let output = check(&["--json", RFC9605, bad.to_str().unwrap(), "/nowhere.json"]);
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&json["passed"], &json["failed"]), (&json!(303), &json!(2)));
    assert_eq!(json["files"][0]["cases"].as_array().unwrap().len(), 303);
    assert_eq!(
        json["files"][0]["cases"][0],
        json!({ "kind": "sframe.header", "index": 0, "passed": true, "error": null })
    );
    let failed = json!({ "kind": "x.y", "index": 0, "passed": false, "error": "unknown kind" });
    assert_eq!(json["files"][1]["cases"], json!([failed]));
    assert!(json["files"][2]["error"].as_str().unwrap().starts_with("cannot be read"));
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn wrong_usage_is_exit_code_2() {
    assert_eq!(check(&[]).status.code(), Some(2));
    assert_eq!(check(&["--frob", RFC9605]).status.code(), Some(2));
}

#[test]
fn figures_of_jitsi_pass_and_changed_ones_do_not() {
    // All of them are run by `cargo xtask test vectors`.
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors/jitsi/peers.json");
    let peers: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    for (group, changes) in [
        ("jitsi.key", &["material", "chain_material", "aes_key"][..]),
        ("jitsi.frame", &["material", "iv", "plaintext", "sealed"]),
        ("jitsi.refused", &["plaintext"]),
    ] {
        let groups = peers["groups"].as_array().unwrap();
        let case = groups.iter().find(|found| found["kind"] == group).unwrap()["cases"][0].clone();
        assert_eq!(line(group, group, case.clone()), format!("pass {group} 0"));
        for field in changes {
            let changed = format!("f0f0f0f0f0f0f0f0f0f0f0f0{}", case[field].as_str().unwrap());
            let line = line(&format!("{group}-{field}"), group, with(case.clone(), field, json!(changed)));
            assert!(line.starts_with(&format!("FAIL {group} 0: ")), "{field}: {line}");
        }
    }
    let groups = peers["groups"].as_array().unwrap();
    let mut case = groups.iter().find(|found| found["kind"] == "jitsi.receive").unwrap()["cases"][0].clone();
    case["frames"][0]["outcome"] = json!("130");
    // The backend that is tried first depends on the build.
    let line = line("jitsi-receive", "jitsi.receive", case);
    assert!(line.starts_with("FAIL jitsi.receive 0: frame 0: media ("), "{line}");
}

#[test]
fn figures_of_a_key_exchange_are_not_passed_and_who_checks_them_is_said() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let output = check(&[root.join("vectors/jitsi/olm.json").to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(last_line(&output), "0 passed, 20 failed");
    let mut said: Vec<_> =
        stdout(&output).lines().filter(|line| line.starts_with("FAIL")).map(ToOwned::to_owned).collect();
    assert_eq!(said.len(), 20);
    said.retain(|line| !line.contains("not checked here, but by `cargo test -p "));
    assert!(said.is_empty(), "{said:?}");
    for (test, kinds) in [
        ("crates/e2ee-olm-wasm/tests/olm.rs", &["jitsi.olm"][..]),
        ("crates/e2ee-session/tests/jitsi/recorded.rs", &["jitsi.olm", "jitsi.sas", "jitsi.sas_rendering"]),
    ] {
        let text = std::fs::read_to_string(root.join(test)).unwrap();
        for kind in kinds {
            assert!(text.contains(&format!("\"{kind}\"")), "{test} does not read {kind}");
        }
    }
}
