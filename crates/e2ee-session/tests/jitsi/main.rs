//! Jitsi's key exchange: the rules in virtual time, hostile input, recorded figures, and participants on libolm in Node.
#![cfg(feature = "jitsi")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod frames;
mod recorded;
mod rules;
mod stock;
mod world;

use hkdf::Hkdf;
use sha2::Sha256;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The next key of the ratchet, written from the format alone.
fn step(key: &str) -> String {
    let bytes: Vec<u8> =
        (0..key.len()).step_by(2).map(|at| u8::from_str_radix(&key[at..at + 2], 16).unwrap()).collect();
    let mut next = [0; 32];
    Hkdf::<Sha256>::new(Some(b"JFrameRatchetKey"), &bytes).expand(&[], &mut next).unwrap();
    hex(&next)
}

/// Whether a receiver with this key opens frames of that one: it tries eight steps.
fn reaches(has: &str, used: &str) -> bool {
    let mut key = has.to_owned();
    for _ in 0..=8 {
        if key == used {
            return true;
        }
        key = step(&key);
    }
    false
}
