//! An identity that outlives calls vouches for one key of one call, and for no other.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use e2ee_core::Millis;
use e2ee_session::identity::kept::{KeptError, Proof};
use e2ee_session::identity::policy::{IdentityError, IdentityPolicy, kept, kept_proof};
use e2ee_session::identity::store::Record;
use proptest::prelude::*;

const CALL_KEY: [u8; 32] = [4; 32];

fn record() -> Record {
    Record::new([7; 32], Millis(0))
}

fn shown(further: &[u8]) -> Vec<u8> {
    kept_proof(&record().prove(&CALL_KEY, further))
}

#[test]
fn an_identity_is_known_again_under_any_key_that_it_signed() {
    for key in [CALL_KEY, [5; 32]] {
        let proof = kept_proof(&record().prove(&key, b"\x01more"));
        assert_eq!(kept(&proof, &key), Ok((Some(record().public_key()), b"\x01more".as_slice())));
    }
    assert_eq!(kept(&shown(&[]), &CALL_KEY), Ok((Some(record().public_key()), [].as_slice())));
    assert_eq!(kept(&[], &CALL_KEY), Ok((None, [].as_slice())));
    assert_eq!(kept(b"\x01token", &CALL_KEY), Ok((None, b"\x01token".as_slice())), "another kind");
}

#[test]
fn what_another_shows_is_refused() {
    let refused = |proof: &[u8]| kept(proof, &CALL_KEY).unwrap_err();
    assert_eq!(kept(&shown(&[]), &[5; 32]), Err(IdentityError::Kept(KeptError::WrongKey)), "of another key");
    let good = shown(&[]);
    for bit in 8..good.len() * 8 {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        refused(&bad);
    }
    for len in 1..good.len() {
        assert_eq!(refused(&good[..len]), IdentityError::Kept(KeptError::Malformed), "{len} bytes");
    }
    assert_eq!(refused(&shown(&good)), IdentityError::Kept(KeptError::Nested));
    // A key of small order signs anything, where one lets it.
    let mut weak = vec![3, 1];
    weak.extend_from_slice(&[[1].as_slice(), &[0; 31], &[1], &[0; 63]].concat());
    assert_eq!(refused(&weak), IdentityError::Kept(KeptError::WrongKey));
}

#[test]
fn nobody_vouches_for_it_and_a_proof_within_counts() {
    let policy = IdentityPolicy::default();
    assert_eq!(policy.verify(&shown(&[]), &CALL_KEY, b"room", Millis(0)), Ok(None));
    let token = policy.verify(&shown(b"\x01token"), &CALL_KEY, b"room", Millis(0));
    assert_eq!(token, Err(IdentityError::NotTaken(1)), "it is looked at");
    let stolen = policy.verify(&shown(b"\x01token"), &[5; 32], b"room", Millis(0));
    assert_eq!(stolen, Err(IdentityError::Kept(KeptError::WrongKey)));
}

proptest! {
    #[test]
    fn any_bytes_have_an_answer(bytes: Vec<u8>) {
        if let Ok(proof) = Proof::from_bytes(&bytes) {
            prop_assert!(proof.verify(&CALL_KEY).is_err());
        }
        let _ = kept(&bytes, &CALL_KEY);
    }
}
