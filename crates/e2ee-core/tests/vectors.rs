//! The official figures, through the front door (`Sealer` and `Opener`), on every provider.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use e2ee_testkit::vectors::{VectorFile, check};

/// Checks all cases of a kind on every provider of this build; `count` is how many the sources have.
fn all_pass(kind: &str, count: usize) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors/sframe/rfc9605.json");
    let file = VectorFile::read(Path::new(path)).unwrap();
    for (index, case) in file.cases(kind).enumerate() {
        assert_eq!(check(kind, case), Ok(()), "{kind} {index}");
    }
    assert_eq!(file.cases(kind).count(), count);
}

#[test]
fn headers() {
    all_pass("sframe.header", 289);
}

#[test]
fn aes_ctr_hmac() {
    all_pass("sframe.aes_ctr_hmac", 6);
}

#[test]
fn frames() {
    all_pass("sframe.frame", 8);
}

#[test]
fn every_provider_took_part() {
    let names: Vec<_> = e2ee_core::Provider::all().iter().map(|provider| provider.name()).collect();
    assert_eq!(names, ["aws-lc-rs", "ring", "rustcrypto"]);
}
