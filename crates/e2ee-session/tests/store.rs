//! An identity that outlives a call: sealed, and opened only whole, with its key, for its profile.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use e2ee_core::Millis;
use e2ee_session::identity::store::{IdentityStore, MAX_COMPARED, MemoryStore, Record, RecordError};
use proptest::prelude::*;

const MADE: Millis = Millis(1_795_260_765_824);
const WRAPPING: [u8; 32] = [3; 32];
const NONCE: [u8; 12] = [5; 12];
const PROFILE: &str = "zoe@example.org";

fn record() -> Record {
    let mut record = Record::new([7; 32], MADE);
    record.remember(&[9; 32], Millis(MADE.0 + 1));
    record
}

fn sealed() -> Vec<u8> {
    record().seal(&WRAPPING, NONCE, PROFILE).unwrap()
}

#[test]
fn what_was_saved_is_there_in_the_next_call() {
    let mut store = MemoryStore::default();
    assert_eq!(store.load(PROFILE).unwrap(), None);
    store.save(PROFILE, &sealed()).unwrap();
    let opened = Record::open(&store.load(PROFILE).unwrap().unwrap(), &WRAPPING, PROFILE).unwrap();
    assert_eq!(opened.public_key(), record().public_key());
    assert_eq!((opened.secret_key(), opened.made()), (&[7; 32], MADE));
    assert_eq!(opened.compared(&[9; 32]), Some(Millis(MADE.0 + 1)));
    assert_eq!(opened.compared(&[8; 32]), None);
    assert_eq!(store.load("yan@example.org").unwrap(), None);
    store.remove(PROFILE).unwrap();
    store.remove(PROFILE).unwrap();
    assert_eq!(store.load(PROFILE).unwrap(), None);
}

/// As WebCrypto of Node 20 seals the same record: `subtle.encrypt({ name: "AES-GCM", iv, additionalData }, key, plain)`.
#[test]
fn the_form_is_what_a_browser_makes() {
    let webcrypto = "010505050505050505050505051725d863b5db1046ad09cd04d4e0405530407f367631f11c201a5e0a0c2cd23f31b1894bbd723953\
                     cb3b48c179aee264eba2b8e6551acce0c25742f651508b761e07d39545a162c4286594360247404b42a9ca55e185fa55a73866503e\
                     aeacbfd9cc09";
    let webcrypto: String = webcrypto.split_whitespace().collect();
    let hex: String = sealed().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, webcrypto);
    let plain = [&[1][..], &[7; 32], &MADE.0.to_be_bytes(), &[0, 1], &[9; 32], &(MADE.0 + 1).to_be_bytes()];
    assert_eq!(record().to_bytes().as_slice(), plain.concat());
}

#[test]
fn another_key_another_profile_and_damage_are_refused() {
    let open = |sealed: &[u8], key, profile| Record::open(sealed, key, profile).map(|_| ());
    let good = sealed();
    assert_eq!(open(&good, &WRAPPING, PROFILE), Ok(()));
    assert_eq!(open(&good, &[4; 32], PROFILE), Err(RecordError::Sealed));
    assert_eq!(open(&good, &WRAPPING, "yan@example.org"), Err(RecordError::Sealed));
    assert_eq!(open(&good, &WRAPPING, ""), Err(RecordError::Sealed));
    for len in 0..good.len() {
        assert!(open(&good[..len], &WRAPPING, PROFILE).is_err(), "{len} bytes");
    }
    for bit in 0..good.len() * 8 {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        assert!(open(&bad, &WRAPPING, PROFILE).is_err(), "bit {bit}");
    }
}

#[test]
fn comparisons_are_taken_back_and_bounded() {
    let mut record = record();
    record.forget(&[9; 32]);
    assert_eq!(record.compared(&[9; 32]), None);
    let key = |n: usize| {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&(n as u64).to_be_bytes());
        key
    };
    for n in 0..=MAX_COMPARED {
        record.remember(&key(n), Millis(1000 + n as u64));
    }
    assert_eq!(record.compared(&key(0)), None, "the oldest made room");
    assert!(record.compared(&key(1)).is_some() && record.compared(&key(MAX_COMPARED)).is_some());
    // One that is known makes nobody leave.
    record.remember(&key(1), Millis(9999));
    assert!(record.compared(&key(2)).is_some());
    let again = Record::from_bytes(&record.to_bytes()).unwrap();
    assert_eq!(again.compared(&key(1)), Some(Millis(9999)));
    assert_eq!(again.to_bytes(), record.to_bytes());
}

#[test]
fn a_record_has_one_form() {
    let good = record().to_bytes().to_vec();
    let read = |bytes: &[u8]| Record::from_bytes(bytes).map(|_| ());
    assert_eq!(read(&good), Ok(()));
    let twice = [&good[..42], &[2], &good[43..], &good[43..]].concat();
    for bad in
        [&good[..good.len() - 1], &[&good[..], &[0]].concat(), &[&[2], &good[1..]].concat(), &twice, &[]]
    {
        assert_eq!(read(bad), Err(RecordError::Malformed));
    }
    let full =
        [&good[..41], &(MAX_COMPARED as u16 + 1).to_be_bytes(), &vec![0; 40 * (MAX_COMPARED + 1)]].concat();
    assert_eq!(read(&full), Err(RecordError::Malformed));
}

proptest! {
    #[test]
    fn any_bytes_have_an_answer(bytes: Vec<u8>) {
        prop_assert!(Record::open(&bytes, &WRAPPING, PROFILE).is_err());
        if let Ok(record) = Record::from_bytes(&bytes) {
            prop_assert!(record.to_bytes().as_slice() == bytes);
        }
    }
}
