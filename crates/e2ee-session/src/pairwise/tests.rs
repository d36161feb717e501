//! What only somebody can do who has the keys of a member and does not follow the rules.

use e2ee_core::{CallId, CipherSuite, Generation, KeyAt, Kid, KidScheme, Millis, ParticipantId, Step};

use super::announcement::{self, Scope};
use super::channel::{Channel, Whose};
use super::*;
use crate::mls::Trust;

fn id(name: &str) -> ParticipantId {
    ParticipantId::new(name).unwrap()
}

fn settings(me: &str) -> Settings {
    Settings {
        room: b"hall".to_vec(),
        call: CallId::new("c").unwrap(),
        suite: CipherSuite::Aes128GcmSha256_128,
        scheme: KidScheme::default(),
        me: id(me),
        name: me.to_owned(),
        proof: Vec::new(),
        grace_ms: 1000,
        rotate_every_ms: 0,
    }
}

fn scope() -> Scope {
    let Settings { room, call, suite, scheme, .. } = settings("any");
    Scope { room, call, suite, scheme }
}

fn drain(member: &mut Pairwise) -> Vec<Output> {
    std::iter::from_fn(|| member.poll()).collect()
}

fn letters(done: Vec<Output>) -> Vec<Vec<u8>> {
    let letter = |done| if let Output::Send { bytes, .. } = done { Some(bytes) } else { None };
    done.into_iter().filter_map(letter).collect()
}

/// Ada and Bob, each a member for the other.
fn two() -> (Pairwise, Pairwise) {
    let [mut ada, mut bob] = [("ada", 1), ("bob", 2)].map(|(name, seed)| {
        Pairwise::new(MemberKeys::generate(&[seed; 32]), settings(name), Millis(0)).unwrap()
    });
    let announced = |member: &mut Pairwise| {
        drain(member)
            .into_iter()
            .find_map(|done| if let Output::Announce(bytes) = done { Some(bytes) } else { None })
            .unwrap()
    };
    let (of_ada, of_bob) = (announced(&mut ada), announced(&mut bob));
    for (member, who, bytes) in [(&mut ada, "bob", of_bob), (&mut bob, "ada", of_ada)] {
        member.handle(Input::Came(&id(who), &bytes), Millis(0)).unwrap();
        let question = drain(member)
            .into_iter()
            .find_map(|done| if let Output::Decide { question, .. } = done { Some(question) } else { None })
            .unwrap();
        member.handle(Input::Verdict(question, Trust::Unverified), Millis(0)).unwrap();
    }
    for _ in 0..4 {
        for letter in letters(drain(&mut ada)) {
            bob.handle(Input::Message(&id("ada"), &letter), Millis(0)).unwrap();
        }
        for letter in letters(drain(&mut bob)) {
            ada.handle(Input::Message(&id("bob"), &letter), Millis(0)).unwrap();
        }
    }
    (ada, bob)
}

#[test]
fn keys_that_somebody_has_are_nobody_elses() {
    let (mut ada, _) = two();
    // Whoever has all of Bob's secrets, and another address; and the same with Ada's own.
    for seed in [1, 2] {
        let keys = MemberKeys::generate(&[seed; 32]);
        let bytes = announcement::write(&keys, &scope(), &id("eve"), "eve", b"");
        ada.handle(Input::Came(&id("eve"), &bytes), Millis(0)).unwrap();
        let standing = ada.roster().into_iter().find(|entry| entry.who == id("eve")).unwrap().standing;
        assert_eq!(standing, Standing::Outside(PairwiseError::KeysInUse));
    }
}

#[test]
fn names_that_mislead_and_points_of_small_order_stay_outside() {
    let (mut ada, _) = two();
    let keys = MemberKeys::generate(&[3; 32]);
    let standing =
        |ada: &Pairwise| ada.roster().into_iter().find(|entry| entry.who == id("eve")).unwrap().standing;
    let bytes = announcement::write(&keys, &scope(), &id("eve"), "\u{202e}ada", b"");
    ada.handle(Input::Came(&id("eve"), &bytes), Millis(0)).unwrap();
    assert_eq!(standing(&ada), Standing::Outside(PairwiseError::BadName));
    // Properly signed, and with a fallback key that any agreement gives zeros with.
    let bytes = announcement::write_with_fallback(&keys, &scope(), &id("eve"), "", b"", &[0; 32]);
    ada.handle(Input::Came(&id("eve"), &bytes), Millis(0)).unwrap();
    let question = drain(&mut ada)
        .into_iter()
        .find_map(|done| if let Output::Decide { question, .. } = done { Some(question) } else { None })
        .unwrap();
    ada.handle(Input::Verdict(question, Trust::Verified), Millis(0)).unwrap();
    assert_eq!(standing(&ada), Standing::Outside(PairwiseError::BadKeys));
    assert!(letters(drain(&mut ada)).is_empty());
}

#[test]
fn a_member_that_asks_all_the_time_is_answered_now_and_then() {
    let (mut ada, mut bob) = two();
    // Bob does not get the fresh key, and his clock runs a thousand times as fast.
    ada.handle(Input::Rotate, Millis(10)).unwrap();
    drain(&mut ada);
    for n in 1..=100 {
        bob.handle(Input::UnknownKid(&id("ada"), Kid(2 << 4)), Millis(n * ASK_MS)).unwrap();
    }
    let asked = letters(drain(&mut bob));
    assert_eq!(asked.len(), 100);
    let mut answers = 0;
    for letter in &asked {
        ada.handle(Input::Message(&id("bob"), letter), Millis(20)).unwrap();
        answers += letters(drain(&mut ada)).len();
    }
    assert_eq!(answers, 1);
}

#[test]
fn one_session_is_begun_by_a_member_and_no_other() {
    let (ada, bob) = (MemberKeys::generate(&[1; 32]), MemberKeys::generate(&[2; 32]));
    let read = |keys: &MemberKeys, name: &str| {
        let bytes = announcement::write(keys, &scope(), &id(name), name, b"");
        announcement::read(&bytes, &scope(), &id(name)).unwrap()
    };
    let (of_ada, of_bob) = (read(&ada, "ada"), read(&bob, "bob"));
    let mut at_bob = Channel::new(&bob.account, &of_ada).unwrap();
    let [mut first, mut second] = [0, 1].map(|_| Channel::new(&ada.account, &of_bob).unwrap());
    let mut account = bob.account;
    let letter = first.seal(Whose::Ours, b"one").unwrap();
    // Not kept: its content was not right, so the session is as if it had never been.
    assert!(at_bob.open(&mut account, &of_ada, &letter).is_ok());
    let opened = at_bob.open(&mut account, &of_ada, &second.seal(Whose::Ours, b"two").unwrap()).unwrap();
    assert_eq!(&opened.content[..], b"two");
    at_bob.keep(opened);
    let refused = at_bob.open(&mut account, &of_ada, &letter).err();
    assert_eq!(refused, Some(PairwiseError::Unauthenticated));
    // The one that was kept goes on, both ways.
    let opened = at_bob.open(&mut account, &of_ada, &second.seal(Whose::Ours, b"three").unwrap()).unwrap();
    assert_eq!(&opened.content[..], b"three");
    assert!(at_bob.seal(Whose::Theirs, b"back").is_some());
}

#[test]
fn a_slot_that_is_taken_again_pushes_out_what_it_held_and_all_that_is_older() {
    let (mut ada, mut bob) = two();
    let mut forgotten = Vec::new();
    for n in 1..=17 {
        ada.handle(Input::Rotate, Millis(n)).unwrap();
        for letter in letters(drain(&mut ada)) {
            bob.handle(Input::Message(&id("ada"), &letter), Millis(n)).unwrap();
        }
        for done in drain(&mut bob) {
            match done {
                Output::Forget { before, .. } => forgotten.push((n, before)),
                Output::Send { bytes, .. } => {
                    ada.handle(Input::Message(&id("bob"), &bytes), Millis(n)).unwrap()
                }
                _ => {}
            }
        }
    }
    // Generation 1 was the first, so 17 takes its slot, and 18 that of 2.
    let before = |generation| KeyAt::Sender(Generation(generation), Step(0));
    assert_eq!(forgotten, [(16, before(2)), (17, before(3))]);
}
