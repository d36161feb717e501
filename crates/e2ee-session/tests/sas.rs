//! Two members compare: the honest agree, who stands in between is seen, and nothing is taken out of its order.
#![cfg(feature = "olm")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use e2ee_session::identity::verify::{Emoji, MemberKeys, PairwiseSas, SasError, Step};
use proptest::prelude::*;
use vodozemac::sas::Sas;

const ROOM: &[u8] = b"weekly";
const RUN: [u8; 16] = [5; 16];

fn member(id: &str, key: u8) -> MemberKeys {
    let keys = vec![("ed25519".into(), vec![key; 32]), ("curve25519".into(), vec![key + 100; 32])];
    MemberKeys { id: id.into(), keys }
}

fn zoe() -> MemberKeys {
    member("zoe", 1)
}

fn yan() -> MemberKeys {
    member("yan", 2)
}

fn start(own: &MemberKeys, other: &MemberKeys) -> (PairwiseSas, Vec<u8>) {
    PairwiseSas::start(Sas::new(), RUN, own, other, ROOM).unwrap()
}

fn accept(start: &[u8], own: &MemberKeys, other: &MemberKeys) -> (PairwiseSas, Vec<u8>) {
    PairwiseSas::accept(Sas::new(), start, own, other, ROOM).unwrap()
}

fn sent(step: Result<Step, SasError>) -> Vec<u8> {
    match step.unwrap() {
        Step::Send(bytes) | Step::Compare(Some(bytes)) => bytes,
        other => panic!("{other:?}"),
    }
}

/// Both up to the comparison, each seeing the members as given, and all messages so far.
fn compared(
    zoe_sees: [&MemberKeys; 2],
    yan_sees: [&MemberKeys; 2],
) -> (PairwiseSas, PairwiseSas, Vec<Vec<u8>>) {
    let (mut a, first) = start(zoe_sees[0], zoe_sees[1]);
    let (mut b, second) = accept(&first, yan_sees[0], yan_sees[1]);
    let third = sent(a.on_message(&second));
    let fourth = sent(b.on_message(&third));
    assert_eq!(a.on_message(&fourth), Ok(Step::Compare(None)));
    (a, b, vec![first, second, third, fourth])
}

fn honest() -> (PairwiseSas, PairwiseSas, Vec<Vec<u8>>) {
    compared([&zoe(), &yan()], [&yan(), &zoe()])
}

#[test]
fn the_honest_see_the_same_and_are_verified() {
    let (mut a, mut b, _) = honest();
    assert!(a.emoji().is_some());
    assert_eq!(a.emoji(), b.emoji());
    assert_eq!(a.decimals(), b.decimals());
    let (first, second, third) = a.decimals().unwrap();
    assert!([first, second, third].iter().all(|number| (1000..=9191).contains(number)));
    let from_a = a.same().unwrap();
    assert_eq!(b.on_message(&from_a), Ok(Step::Wait));
    assert!(!a.is_verified() && !b.is_verified());
    let from_b = b.same().unwrap();
    assert!(b.is_verified() && !a.is_verified());
    assert_eq!(a.on_message(&from_b), Ok(Step::Verified));
    assert!(a.is_verified());
}

#[test]
fn emoji_are_numbered_as_vodozemac_numbers_them() {
    for _ in 0..200 {
        let (a, b) = (Sas::new(), Sas::new());
        let theirs = b.public_key();
        let bytes = a.diffie_hellman(theirs).unwrap().bytes("any");
        assert_eq!(Emoji::from_bits(bytes.as_bytes()).map(Emoji::number), bytes.emoji_indices());
    }
}

/// Mallory answers Zoe as Yan and starts with Yan as Zoe: two runs with two secrets, and other emoji in each.
#[test]
fn who_stands_in_between_is_seen_by_both() {
    for _ in 0..100 {
        let (with_zoe, _, _) = honest();
        let (_, with_yan, _) = honest();
        assert_ne!(with_zoe.emoji(), with_yan.emoji());
        assert_ne!(with_zoe.decimals(), with_yan.decimals());
    }
}

/// To choose the emoji Mallory would have to choose its key when it knows Zoe's: it has committed before.
#[test]
fn a_key_that_was_not_committed_to_ends_the_run() {
    let (mut a, first) = start(&zoe(), &yan());
    let (_, second) = accept(&first, &yan(), &zoe());
    sent(a.on_message(&second));
    let other = [&[1, 3], RUN.as_slice(), Sas::new().public_key().as_bytes()].concat();
    assert_eq!(a.on_message(&other), Err(SasError::WrongCommitment));
    assert_eq!(a.on_message(&other), Err(SasError::Over));
    assert_eq!((a.emoji(), a.same()), (None, Err(SasError::Over)));
}

#[test]
fn a_commitment_is_to_this_start() {
    let (mut a, _) = start(&zoe(), &yan());
    let (mut other, first) = PairwiseSas::start(Sas::new(), [6; 16], &zoe(), &yan(), ROOM).unwrap();
    let (mut b, second) = accept(&first, &yan(), &zoe());
    let mut moved = second.clone();
    moved[2..18].copy_from_slice(&RUN);
    assert_eq!(a.on_message(&second), Err(SasError::OtherTransaction));
    sent(a.on_message(&moved));
    let third = sent(other.on_message(&second));
    let mut fourth = sent(b.on_message(&third));
    fourth[2..18].copy_from_slice(&RUN);
    assert_eq!(a.on_message(&fourth), Err(SasError::WrongCommitment));
}

#[test]
fn other_keys_other_members_and_another_room_are_seen_in_emoji_and_mac() {
    let mut one_key = yan();
    one_key.keys[1].1[0] ^= 1;
    let mut a_key_less = yan();
    a_key_less.keys.pop();
    let mut a_key_more = yan();
    a_key_more.keys.push(("pq".into(), vec![1]));
    let mut renamed = yan();
    renamed.keys[0].0 = "x25519".into();
    for false_yan in [one_key, a_key_less, a_key_more, renamed, member("yann", 2)] {
        let (mut a, mut b, _) = compared([&zoe(), &false_yan], [&yan(), &zoe()]);
        assert_ne!(a.emoji(), b.emoji(), "{false_yan:?}");
        // And where people do not look.
        let (from_a, from_b) = (a.same().unwrap(), b.same().unwrap());
        assert_eq!(b.on_message(&from_a), Err(SasError::WrongMac), "{false_yan:?}");
        assert_eq!(a.on_message(&from_b), Err(SasError::WrongMac), "{false_yan:?}");
        assert!(!a.is_verified() && !b.is_verified());
        assert_eq!(a.on_message(&from_b), Err(SasError::Over));
    }
    let (mut a, first) = start(&zoe(), &yan());
    let (mut b, second) = PairwiseSas::accept(Sas::new(), &first, &yan(), &zoe(), b"other room").unwrap();
    let third = sent(a.on_message(&second));
    let fourth = sent(b.on_message(&third));
    a.on_message(&fourth).unwrap();
    assert_ne!(a.emoji(), b.emoji());
    assert_eq!(b.on_message(&a.same().unwrap()), Err(SasError::WrongMac));
}

#[test]
fn the_order_of_a_members_keys_is_of_no_matter() {
    let mut turned = yan();
    turned.keys.reverse();
    let (a, b, _) = compared([&zoe(), &turned], [&yan(), &zoe()]);
    assert_eq!(a.emoji(), b.emoji());
}

#[test]
fn messages_out_of_order_used_twice_or_sent_back_change_nothing() {
    let (mut a, mut b, messages) = honest();
    let code = a.emoji();
    for message in &messages {
        assert_eq!(a.on_message(message), Err(SasError::WrongOrder));
        assert_eq!(b.on_message(message), Err(SasError::WrongOrder));
    }
    assert_eq!((a.emoji(), b.emoji()), (code, code));
    let (from_a, from_b) = (a.same().unwrap(), b.same().unwrap());
    assert_eq!(a.same(), Err(SasError::WrongOrder));
    assert_eq!(b.on_message(&from_a[..49]), Err(SasError::Malformed));
    assert_eq!(b.on_message(&from_a), Ok(Step::Verified));
    assert_eq!(b.on_message(&from_a), Err(SasError::WrongOrder));
    assert!(b.is_verified());
    // The own MAC come back is not the other's.
    assert_eq!(a.on_message(&from_a), Err(SasError::WrongMac));
    assert!(!a.is_verified());
    assert_eq!(a.on_message(&from_b), Err(SasError::Over));

    let (mut a, first) = start(&zoe(), &yan());
    for message in &messages[2..] {
        assert_eq!(a.on_message(message), Err(SasError::WrongOrder));
    }
    assert_eq!(a.on_message(&first), Err(SasError::WrongOrder));
    assert_eq!(a.same(), Err(SasError::WrongOrder));
    let accepted = PairwiseSas::accept(Sas::new(), &messages[1], &yan(), &zoe(), ROOM).map(|_| ());
    assert_eq!(accepted, Err(SasError::WrongOrder));
    // It still goes on as it should.
    let (_, second) = accept(&first, &yan(), &zoe());
    assert!(matches!(a.on_message(&second), Ok(Step::Send(_))));
}

#[test]
fn keys_that_are_none_are_refused() {
    for bad in [[0; 32], {
        let mut one = [0; 32];
        one[0] = 1;
        one
    }] {
        let (_, first) = start(&zoe(), &yan());
        let (mut b, _) = accept(&first, &yan(), &zoe());
        assert_eq!(b.on_message(&[&[1, 3], RUN.as_slice(), &bad].concat()), Err(SasError::BadKey));
        assert_eq!(b.emoji(), None);
    }
    // A mirror: the accepter is given its own key.
    let (_, first) = start(&zoe(), &yan());
    let sas = Sas::new();
    let own = *sas.public_key().as_bytes();
    let (mut b, _) = PairwiseSas::accept(sas, &first, &yan(), &zoe(), ROOM).unwrap();
    assert_eq!(b.on_message(&[&[1, 3], RUN.as_slice(), &own].concat()), Err(SasError::BadKey));
}

#[test]
fn a_person_who_sees_a_difference_ends_the_run() {
    let (mut a, mut b, _) = honest();
    let from_b = b.same().unwrap();
    a.cancel();
    assert_eq!(a.on_message(&from_b), Err(SasError::Over));
    assert_eq!(a.same(), Err(SasError::Over));
    assert!(!a.is_verified() && a.emoji().is_none());
}

#[test]
fn two_different_members_with_keys_are_needed() {
    let keyless = MemberKeys { id: "yan".into(), keys: vec![] };
    for (own, other) in [(zoe(), zoe()), (zoe(), keyless.clone()), (keyless, zoe())] {
        let started = PairwiseSas::start(Sas::new(), RUN, &own, &other, ROOM).map(|_| ());
        assert_eq!(started, Err(SasError::BadMembers));
    }
}

proptest! {
    #[test]
    fn any_bytes_have_an_answer(bytes: Vec<u8>, version in 0..3_u8, kind in 0..6_u8, body: Vec<u8>) {
        let framed = [&[version, kind], RUN.as_slice(), &body].concat();
        for bytes in [&bytes, &framed] {
            let begun = PairwiseSas::accept(Sas::new(), bytes, &yan(), &zoe(), ROOM);
            prop_assert_eq!(begun.is_ok(), bytes.len() == 18 && bytes[..2] == [1, 1]);
            let (mut started, first) = start(&zoe(), &yan());
            let right = bytes.len() == 50 && bytes[..2] == [1, 2] && bytes[2..18] == RUN;
            prop_assert_eq!(started.on_message(bytes).is_ok(), right);
            let (mut accepted, _) = accept(&first, &yan(), &zoe());
            prop_assert!(accepted.on_message(bytes).is_err() || bytes.len() == 50);
            let (mut a, _, _) = honest();
            prop_assert!(a.on_message(bytes).is_err());
            prop_assert!(!a.is_verified());
        }
    }

    #[test]
    fn no_bit_of_a_mac_may_differ(bit in 0..256_usize) {
        let (mut a, mut b, _) = honest();
        let mut mac = a.same().unwrap();
        mac[18 + bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(b.on_message(&mac), Err(SasError::WrongMac));
    }
}
