//! The interface natively: recorded exchanges of libolm, and what must be refused. Against libolm itself it is tested in
//! `sdk/test/olm.test.ts`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use e2ee_olm_wasm::{Account, OlmError, Sas, Session, ed25519_verify, sha256};
use serde_json::Value;

fn cases(kind: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(include_str!("../../../vectors/jitsi/olm.json")).unwrap();
    let group =
        file["groups"].as_array().unwrap().iter().find(|group| group["kind"] == kind).unwrap().clone();
    group["cases"].as_array().unwrap().clone()
}

fn one_time_key(account: &mut Account) -> String {
    account.generate_one_time_keys(1);
    let listed: Value = serde_json::from_str(&account.one_time_keys()).unwrap();
    account.mark_keys_as_published();
    listed["curve25519"].as_object().unwrap().values().next().unwrap().as_str().unwrap().to_owned()
}

fn identity(account: &Account, kind: &str) -> String {
    let keys: Value = serde_json::from_str(&account.identity_keys()).unwrap();
    keys[kind].as_str().unwrap().to_owned()
}

fn pair() -> (Account, Account, Session, Session) {
    let (alice, mut bob) = (Account::new(), Account::new());
    let key = one_time_key(&mut bob);
    let mut from = Session::create_outbound(&alice, &identity(&bob, "curve25519"), &key).unwrap();
    let first = from.encrypt("first").unwrap();
    let mut to = Session::create_inbound(&mut bob, &first[1..]).unwrap();
    assert_eq!(to.decrypt(0, &first[1..]).unwrap(), b"first");
    (alice, bob, from, to)
}

fn pass(from: &mut Session, to: &mut Session, text: &str) {
    let message = from.encrypt(text).unwrap();
    let kind = message[..1].parse().unwrap();
    assert_eq!(to.decrypt(kind, &message[1..]).unwrap(), text.as_bytes());
}

#[test]
fn recorded_exchanges_open() {
    let recorded = cases("jitsi.olm");
    assert_eq!(recorded.len(), 4);
    for case in recorded {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let key = || text(&case["pickle_key"]).into_bytes();
        let (lower, higher) = (text(&case["lower"]), text(&case["higher"]));
        let mut account = Account::unpickle(key(), &text(&case["lower_account"])).unwrap();
        let other = Account::unpickle(key(), &text(&case["higher_account"])).unwrap();
        for (who, account) in [(&lower, &account), (&higher, &other)] {
            assert_eq!(
                serde_json::from_str::<Value>(&account.identity_keys()).unwrap(),
                case["identity_keys"][who]
            );
        }
        let mut opened = Vec::new();
        for message in case["messages"].as_array().unwrap() {
            let ciphertext = &message["data"]["ciphertext"];
            let Some(body) = ciphertext["body"].as_str() else { continue };
            let kind = u32::try_from(ciphertext["type"].as_u64().unwrap()).unwrap();
            let mut session = if message["type"] == "session-ack" {
                let from = text(&case["identity_keys"][&higher]["curve25519"]);
                let stranger = identity(&account, "curve25519");
                let refused = Session::create_inbound_from(&mut account, &stranger, body).err();
                assert_eq!(refused, Some(OlmError::BadMessageKeyId));
                Session::create_inbound_from(&mut account, &from, body).unwrap()
            } else {
                Session::unpickle(key(), &text(&message["receiver_session"])).unwrap()
            };
            let plain = session.decrypt(kind, body).unwrap();
            assert_eq!(session.decrypt(kind, body), Err(OlmError::BadMessageMac));
            let said: Value = serde_json::from_slice(&plain).unwrap();
            if let (Some(secret), Some(index)) = (said.get("key"), said["keyIndex"].as_u64()) {
                opened.push((text(&message["to"]), secret.clone(), index));
            }
        }
        // Every key that the peer told its application of was in one of the messages.
        for told in case["keys"].as_array().unwrap() {
            let found = opened.iter().any(|(to, key, index)| {
                let same = match told[2].as_str() {
                    Some(hex) => key.as_str().is_some_and(|key| hex == base64_to_hex(key)),
                    None => *key == Value::Bool(false),
                };
                *to == told[0] && same && told[3] == *index
            });
            assert!(found, "{told} of {}", case["id"]);
        }
        // Both ends after the acknowledgement, one as it was recorded and one as written anew.
        let mut one = Session::unpickle(key(), &text(&case["lower_session_after_ack"])).unwrap();
        let other = Session::unpickle(key(), &text(&case["higher_session_after_ack"])).unwrap();
        let mut other = Session::unpickle(b"x".to_vec(), &other.pickle(b"x".to_vec()).unwrap()).unwrap();
        assert_eq!(one.session_id(), other.session_id());
        pass(&mut one, &mut other, "a key");
        pass(&mut other, &mut one, "another");
    }
}

fn base64_to_hex(text: &str) -> String {
    let bytes = vodozemac::base64_decode(text).unwrap();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn sessions_go_on_after_every_pickle() {
    let (_, _, mut one, mut other) = pair();
    for round in 0..40 {
        if round % 3 == 0 {
            one = Session::unpickle(vec![round], &one.pickle(vec![round]).unwrap()).unwrap();
        }
        if round % 4 == 0 {
            other = Session::unpickle(Vec::new(), &other.pickle(Vec::new()).unwrap()).unwrap();
        }
        // Some never arrive.
        one.encrypt("lost").unwrap();
        if round % 2 == 0 { pass(&mut one, &mut other, "a") } else { pass(&mut other, &mut one, "b") }
    }
}

#[test]
fn accounts_sign_the_same_after_a_pickle() {
    let account = Account::new();
    let moved = Account::unpickle(b"k".to_vec(), &account.pickle(b"k".to_vec()).unwrap()).unwrap();
    let again = Account::unpickle(b"k".to_vec(), &moved.pickle(b"k".to_vec()).unwrap()).unwrap();
    let key = identity(&account, "ed25519");
    for signer in [&account, &moved, &again] {
        ed25519_verify(&key, b"said", &signer.sign(b"said")).unwrap();
    }
    assert_eq!(account.sign(b"said"), moved.sign(b"said"));
    assert_eq!(ed25519_verify(&key, b"not said", &account.sign(b"said")), Err(OlmError::BadMessageMac));
}

#[test]
fn damaged_messages_change_nothing() {
    let (_, mut bob, mut from, mut to) = pair();
    let first = from.encrypt("pre-key").unwrap();
    pass(&mut to, &mut from, "turn");
    let later = from.encrypt("later").unwrap();
    for message in [&first, &later] {
        let bytes = vodozemac::base64_decode(&message[1..]).unwrap();
        for len in 0..bytes.len() {
            let cut = vodozemac::base64_encode(&bytes[..len]);
            assert!(to.decrypt(message[..1].parse().unwrap(), &cut).is_err(), "{len}");
            assert!(Session::create_inbound(&mut bob, &cut).is_err());
        }
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let changed = vodozemac::base64_encode(&changed);
            // The outer part of a pre-key message is of no matter to a session that is there, as in libolm.
            if message[..1] == *"1" {
                assert!(to.decrypt(1, &changed).is_err(), "{bit}");
            }
            assert!(Session::create_inbound(&mut bob, &changed).is_err());
        }
        // Wrapped in another way: a field that is not known.
        let more = [bytes.as_slice(), &[0x38, 1]].concat();
        assert!(to.decrypt(message[..1].parse().unwrap(), &vodozemac::base64_encode(more)).is_err());
    }
    for message in [&later, &first] {
        assert!(to.decrypt(message[..1].parse().unwrap(), &message[1..]).is_ok());
    }
}

#[test]
fn hostile_texts_are_refused() {
    let (alice, mut bob, _, mut to) = pair();
    let long = "A".repeat(100_000);
    for text in
        ["", "A", "AA", "=", "Awog", "\u{1F981}", "AwogAAAA", &long, "Aw==", "Awr/////////////////////"]
    {
        assert!(to.decrypt(0, text).is_err() && to.decrypt(1, text).is_err() && to.decrypt(7, text).is_err());
        assert!(Session::create_inbound(&mut bob, text).is_err());
        assert!(Session::create_outbound(&alice, text, text).is_err());
        assert!(Session::unpickle(b"k".to_vec(), text).is_err());
        assert!(Account::unpickle(b"k".to_vec(), text).is_err());
        assert!(!to.matches_inbound(text));
        assert!(Sas::new().set_their_key(text).is_err() || text.len() > 43);
        assert!(ed25519_verify(text, b"", text).is_err());
    }
    let session = to.pickle(b"k".to_vec()).unwrap();
    assert!(Account::unpickle(b"k".to_vec(), &session).is_err());
    assert_eq!(Session::unpickle(b"j".to_vec(), &session).err(), Some(OlmError::BadAccountKey));
}

#[test]
fn a_comparison_has_one_other_side() {
    let (mut one, mut other) = (Sas::new(), Sas::new());
    assert_eq!(one.generate_bytes(b"", 6), Err(OlmError::TheirKeyNotSet));
    assert_eq!(one.set_their_key("AAAA"), Err(OlmError::InputTooShort));
    assert_eq!(one.set_their_key(&"!".repeat(43)), Err(OlmError::InvalidBase64));
    one.set_their_key(&other.get_pubkey()).unwrap();
    other.set_their_key(&one.get_pubkey()).unwrap();
    assert_eq!(one.set_their_key(&Sas::new().get_pubkey()), Err(OlmError::TheirKeyAlreadySet));
    assert_eq!(one.generate_bytes(b"i", 6), other.generate_bytes(b"i", 6));
    assert_eq!(one.calculate_mac(b"a", b"b"), other.calculate_mac(b"a", b"b"));
    assert_eq!(one.generate_bytes(b"i", 8161), Err(OlmError::OutputTooLong));
    let mut alone = Sas::new();
    assert_eq!(alone.set_their_key(&"A".repeat(43)), Err(OlmError::BadSessionKey));
    assert!(!alone.is_their_key_set());
    assert_eq!(sha256(b"abc"), "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0");
}
