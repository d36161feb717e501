//! Frames of senders whose keys are not here: sealed ones are told from unsealed ones by their build.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use e2ee_core::{CodecRule, FrameBuf, Opener};
use proptest::prelude::*;
use serde_json::Value;

fn looks_sealed(rule: CodecRule, bytes: &[u8]) -> bool {
    let mut buf = FrameBuf::new();
    buf.fill(bytes);
    Opener::looks_sealed(rule, &mut buf)
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn whoever_sealed_a_frame_it_looks_sealed_and_its_plaintext_does_not() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors/frameseal/frameseal.json");
    let file: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let groups = file["groups"].as_array().unwrap();
    let frames = groups.iter().filter(|group| group["kind"] == "frameseal.frame");
    let names = ["opaque", "vp8", "av1", "h264", "h265"];
    let mut looked = 0;
    for case in frames.flat_map(|group| group["cases"].as_array().unwrap()) {
        let at = names.iter().position(|name| case["codec"] == *name).unwrap();
        let rule = CodecRule::ALL[at];
        assert!(looks_sealed(rule, &hex(case["sealed"].as_str().unwrap())), "{case}");
        assert!(!looks_sealed(rule, &hex(case["plaintext"].as_str().unwrap())), "{case}");
        looked += 1;
    }
    assert!(looked >= 30, "only {looked} frames");
}

proptest! {
    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..200), rule in 0..CodecRule::ALL.len()) {
        looks_sealed(CodecRule::ALL[rule], &bytes);
    }
}
