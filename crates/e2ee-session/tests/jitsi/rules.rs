use e2ee_core::Millis;
use e2ee_session::jitsi::{
    CHANGE_MS, Event, Input, Jitsi, JitsiError, MAX_PEERS, MAX_STEPS, Output, REQUEST_MS, Settings,
    SignedForm,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::world::{World, kind};
use super::{reaches, step};

#[test]
fn five_agree_and_every_session_is_signed() {
    let mut world = World::of(&["a", "b", "c", "d", "e"]);
    for who in ["a", "b", "c", "d", "e"] {
        let signed = world
            .events(who)
            .iter()
            .filter(|event| matches!(event, Event::Session { signed: true, .. }))
            .count();
        assert_eq!(signed, 4);
        assert_eq!(world.seal(who).0, 0);
    }
    // The lower one of two begins.
    assert!(world.sent.iter().all(|(from, to, json)| !json.contains("session-init") || from < to));
}

#[test]
fn a_newcomer_gets_no_key_that_has_sealed() {
    for wait in [0, 100, CHANGE_MS - 1, CHANGE_MS, CHANGE_MS + 1000] {
        for new in ["0", "z"] {
            let mut world = World::of(&["a", "b"]);
            let (index, used) = world.seal("a");
            world.join(Settings::new(new));
            world.run(wait);
            world.give(new, Input::Enable(true));
            world.run(1000);
            assert!(world.agree(), "{wait} {new}");
            let has = &world.people[new].opens[&("a".to_owned(), index)];
            assert!(*has == step(&used), "{wait} {new}");
            assert!(world.people["a"].history.len() == 2);
        }
    }
}

#[test]
fn without_a_session_the_ratchet_waits_as_long_as_jitsi_does() {
    let mut world = World::of(&["a", "b"]);
    let (index, used) = world.seal("a");
    let joined = world.now;
    world.join(Settings::new("c"));
    world.run(3000);
    world.join(Settings::new("d"));
    world.run(10_000);
    let (at, now_index, key) = world.people["a"].history[1].clone();
    assert_eq!((at, now_index, key), (joined + 3000 + CHANGE_MS, index, step(&used)));
    assert_eq!(world.people["a"].history.len(), 2);
}

#[test]
fn many_newcomers_bring_a_fresh_key_before_others_lose_track() {
    let mut world = World::of(&["a", "b"]);
    let told = world.seal("a");
    for at in 0..20 {
        let name = format!("c{at:02}");
        world.join(Settings::new(&name));
        world.give(&name, Input::Enable(true));
        world.run(10);
        assert!(world.agree(), "{at}");
    }
    assert!(!reaches(&told.1, &world.seal("a").1) && world.seal("a").0 > told.0);
    assert!(
        world.people["a"].history.windows(6).all(|turns| turns[0].1 != turns[5].1),
        "at most {MAX_STEPS} steps"
    );
}

#[test]
fn a_leave_changes_keys_five_seconds_later_and_later_leaves_do_not_put_that_off() {
    let mut world = World::of(&["a", "b", "c", "d"]);
    let (index, used) = world.seal("a");
    let left = world.now;
    world.leave("b");
    world.run(4000);
    world.leave("c");
    world.run(999);
    assert_eq!(world.seal("a"), (index, used.clone()));
    world.run(1);
    let (next, key) = world.seal("a");
    assert!(next == index + 1 && !reaches(&used, &key));
    assert_eq!(world.people["a"].history.last().unwrap().0, left + CHANGE_MS);
    world.run(CHANGE_MS);
    assert!(world.agree());
    // At once, where it is set so.
    let mut world = World::new();
    for name in ["a", "b", "c"] {
        world.join(Settings { rotate_ms: 0, ..Settings::new(name) });
        world.give(name, Input::Enable(true));
    }
    world.run(100);
    world.leave("b");
    world.run(0);
    assert!(world.agree() && world.seal("a").0 == 1);
}

#[test]
fn a_key_is_used_after_five_seconds_whoever_has_it_and_sent_three_times() {
    let mut world = World::of(&["a", "b", "c"]);
    world.leave("c");
    world.server = Box::new(|_, to, message| (to != "b").then_some(message));
    let before = world.seal("a").0;
    world.run(CHANGE_MS + REQUEST_MS - 1);
    assert_eq!(world.seal("a").0, before);
    world.run(1);
    assert_eq!(world.seal("a").0, before + 1);
    world.run(4 * REQUEST_MS);
    let sent =
        world.sent.iter().filter(|(from, _, json)| from == "a" && json.contains("\"key-info\"")).count();
    assert_eq!(sent, 2 + 3);
    assert!(world.events("a").contains(&Event::CannotHear("b".to_owned())));
    // It is told as soon as it can be: by an answer to what it says.
    world.server = Box::new(|_, _, message| Some(message));
    world.run(4 * REQUEST_MS);
    world.join(Settings::new("d"));
    world.give("d", Input::Enable(true));
    world.run(10 * REQUEST_MS);
    world.leave("d");
    world.run(10 * REQUEST_MS);
    assert!(world.agree());
}

#[test]
fn lost_offers_and_answers_are_made_again() {
    for lost in ["session-init", "session-ack"] {
        let mut world = World::new();
        let mut left = 2;
        world.server = Box::new(move |_, _, message| {
            let drop = kind(&message) == lost && left > 0;
            left -= i32::from(drop);
            (!drop).then_some(message)
        });
        for name in ["a", "b"] {
            world.join(Settings::new(name));
            world.give(name, Input::Enable(true));
        }
        world.run(4 * REQUEST_MS);
        assert!(world.agree(), "{lost}");
    }
    let mut world = World::new();
    world.server = Box::new(|_, _, _| None);
    for name in ["a", "b"] {
        world.join(Settings::new(name));
        world.give(name, Input::Enable(true));
    }
    world.run(10 * REQUEST_MS);
    assert!(world.events("a").contains(&Event::NoSession("b".to_owned())));
    assert!(world.people["a"].seals.is_some());
}

#[test]
fn who_signed_is_not_believed_without() {
    let strip = |from: &str, _: &str, mut message: Value| {
        if from == "a" || from == "b" {
            message["olm"]["data"].as_object_mut().unwrap().remove("signature");
        }
        Some(message)
    };
    // Never signed: taken, and said so.
    let mut world = World::new();
    world.server = Box::new(strip);
    for name in ["a", "b"] {
        world.join(Settings::new(name));
        world.give(name, Input::Enable(true));
    }
    world.run(100);
    assert!(world.agree());
    assert!(world.events("b").contains(&Event::Session { who: "a".to_owned(), signed: false }));
    // It signed before, and comes back: by its own will or by the server's.
    for first in ["a", "b"] {
        let other = if first == "a" { "b" } else { "a" };
        let mut world = World::of(&["a", "b"]);
        world.leave(first);
        world.server = Box::new(strip);
        world.join(Settings::new(first));
        world.give(first, Input::Enable(true));
        world.run(100);
        assert!(world.refused(other, JitsiError::NotSigned), "{first}");
        assert!(!world.people[other].opens.contains_key(&(first.to_owned(), 0)));
    }
    // Off and on again.
    let mut world = World::of(&["a", "b"]);
    world.server = Box::new(strip);
    world.give("a", Input::Enable(false));
    world.run(100);
    world.give("a", Input::Enable(true));
    world.run(100);
    assert!(world.refused("b", JitsiError::NotSigned));
    // Signatures only.
    let mut world = World::new();
    world.server = Box::new(strip);
    world.join(Settings::new("a"));
    world.join(Settings { signed_only: true, ..Settings::new("b") });
    world.give("a", Input::Enable(true));
    world.give("b", Input::Enable(true));
    world.run(100);
    assert!(world.refused("b", JitsiError::NotSigned));
}

#[test]
fn keys_that_the_server_changes_are_refused() {
    let stranger = vodozemac::olm::Account::new().curve25519_key().to_base64();
    type Change = fn(&mut Value, &str);
    let changes: [(&str, Change, JitsiError); 6] = [
        ("session-init", |data, key| data["idKey"] = key.into(), JitsiError::KeyChanged),
        ("session-init", |data, key| data["otKey"] = key.into(), JitsiError::BadSignature),
        ("session-init", |data, _| data["signature"] = "A".repeat(86).into(), JitsiError::BadSignature),
        ("session-ack", |data, key| data["idKey"] = key.into(), JitsiError::Unauthenticated),
        ("session-ack", |data, _| data["signature"] = "A".repeat(86).into(), JitsiError::BadSignature),
        ("session-ack", |data, _| data["uuid"] = "other".into(), JitsiError::WrongUuid),
    ];
    for (which, change, why) in changes {
        let (mut world, key) = (World::new(), stranger.clone());
        world.server = Box::new(move |_, _, mut message| {
            if kind(&message) == which {
                change(&mut message["olm"]["data"], &key);
            }
            Some(message)
        });
        for name in ["a", "b"] {
            world.join(Settings::new(name));
            world.give(name, Input::Enable(true));
        }
        world.run(100);
        let receiver = if which == "session-init" { "b" } else { "a" };
        assert!(world.refused(receiver, why), "{which} {why:?}");
        assert!(world.people[receiver].opens.is_empty());
    }
    // The published key may not change under a session.
    let mut world = World::of(&["a", "b"]);
    let other = vodozemac::olm::Account::new();
    world.publish("a", "e2ee.idKey.ed25519", &other.ed25519_key().to_base64());
    assert!(world.refused("b", JitsiError::KeyChanged));
    world.publish("a", "e2ee.idKey.curve25519", &other.curve25519_key().to_base64());
    assert!(world.refused("b", JitsiError::KeyChanged));
}

#[test]
fn both_forms_of_signatures_are_read() {
    let mut world = World::new();
    world.join(Settings { form: SignedForm::Joined, ..Settings::new("a") });
    world.join(Settings { signed_only: true, ..Settings::new("b") });
    world.join(Settings { signed_only: true, ..Settings::new("c") });
    for name in ["a", "b", "c"] {
        world.give(name, Input::Enable(true));
    }
    world.run(100);
    assert!(world.agree());
}

fn both_say_yes(world: &mut World) {
    world.run(10);
    for (who, with) in [("a", "b"), ("b", "a")] {
        world.give(who, Input::Same(with, true));
    }
    world.run(10);
}

#[test]
fn comparing_covers_the_key_of_the_session() {
    let mut world = World::of(&["a", "b"]);
    world.give("b", Input::Compare("a"));
    both_say_yes(&mut world);
    let (one, other) = (world.events("a"), world.events("b"));
    let shown = |events: &[Event]| {
        events.iter().find_map(|event| match event {
            Event::Compare { emoji, decimals, .. } => Some((*emoji, *decimals)),
            _ => None,
        })
    };
    assert!(shown(&one).is_some() && shown(&one) == shown(&other));
    assert!(one.contains(&Event::Verified { who: "b".to_owned(), session: true }));
    assert!(other.contains(&Event::Verified { who: "a".to_owned(), session: true }));
    // Begun by both at once: one run stays.
    world.give("a", Input::Compare("b"));
    world.give("b", Input::Compare("a"));
    both_say_yes(&mut world);
    assert!(world.events("a").contains(&Event::Verified { who: "b".to_owned(), session: true }));
    // One says that they differ.
    world.give("a", Input::Compare("b"));
    world.run(10);
    world.give("b", Input::Same("a", false));
    world.give("a", Input::Same("b", true));
    world.run(10);
    assert!(world.events("b").contains(&Event::NotVerified("a".to_owned(), None)));
    assert!(!world.events("a").iter().any(|event| matches!(event, Event::Verified { .. })));
    assert_eq!(world.try_give("b", Input::Same("a", true)), Err(JitsiError::NothingToCompare));
}

#[test]
fn a_server_in_between_is_found_by_comparing() {
    type Change = fn(&mut Value, &Value);
    let strange = vodozemac::sas::Sas::new().public_key().to_base64();
    let changes: [(&str, Change, JitsiError); 7] = [
        ("sas-key", |data, key| data["key"] = key.clone(), JitsiError::WrongCommitment),
        ("sas-accept", |data, _| data["commitment"] = "AAAA".into(), JitsiError::WrongCommitment),
        ("sas-accept", |data, _| data["transactionId"] = "x".into(), JitsiError::OtherRun),
        ("sas-mac", |data, _| data["keys"] = "AAAA".into(), JitsiError::WrongMac),
        ("sas-mac", |data, _| data["mac"] = json!({}), JitsiError::WrongMac),
        (
            "sas-mac",
            |data, _| data["mac"].as_object_mut().unwrap().retain(|id, _| !id.starts_with("curve25519:")),
            JitsiError::WrongMac,
        ),
        ("sas-mac", |data, _| data["mac"]["other:b"] = "A".into(), JitsiError::WrongMac),
    ];
    for (which, change, why) in changes {
        let (mut world, key) = (World::of(&["a", "b"]), Value::from(strange.clone()));
        world.server = Box::new(move |from, _, mut message| {
            // What comes from who was asked: the starter is bound by nothing yet.
            if from == "b" && kind(&message) == which {
                change(&mut message["olm"]["data"], &key);
            }
            Some(message)
        });
        world.give("a", Input::Compare("b"));
        world.run(10);
        for (who, with) in [("a", "b"), ("b", "a")] {
            let _ = world.try_give(who, Input::Same(with, true));
        }
        world.run(10);
        let events = world.events("a");
        assert!(
            events.iter().any(|event| matches!(event, Event::Refused(_, found) if *found == why)),
            "{which} {why:?}"
        );
        assert!(!events.iter().any(|event| matches!(event, Event::Verified { .. })), "{which} {why:?}");
    }
}

#[test]
fn replays_change_nothing() {
    let mut world = World::of(&["a", "b", "c"]);
    world.leave("c");
    world.run(20_000);
    world.give("a", Input::Compare("b"));
    both_say_yes(&mut world);
    let keys = |world: &World| ["a", "b"].map(|who| (world.seal(who), world.people[who].opens.clone()));
    let before = keys(&world);
    for (from, to, json) in world.sent.clone() {
        if to != "c" && from != "c" {
            world.give(&to, Input::Message { from: &from, json: &json });
            world.run(10);
        }
    }
    assert_eq!(keys(&world), before);
    assert!(world.agree());
    // Nor does what is for one, given to another.
    let mut world = World::of(&["a", "b", "c"]);
    let before: Vec<_> = ["a", "b", "c"].map(|who| world.people[who].opens.clone()).to_vec();
    for (from, to, json) in world.sent.clone() {
        for other in ["a", "b", "c"].into_iter().filter(|other| *other != to && *other != from) {
            world.give(other, Input::Message { from: &from, json: &json });
        }
    }
    world.run(10);
    assert_eq!(["a", "b", "c"].map(|who| world.people[who].opens.clone()).to_vec(), before);
}

#[test]
fn an_offer_that_comes_twice_begins_one_session() {
    let mut world = World::new();
    world.server = Box::new(|_, _, _| None);
    for name in ["a", "b"] {
        world.join(Settings::new(name));
        world.give(name, Input::Enable(true));
    }
    world.run(0);
    let (from, to, json) = world.sent[0].clone();
    for _ in 0..2 {
        world.give(&to, Input::Message { from: &from, json: &json });
    }
    let events = world.events("b");
    assert_eq!(events.iter().filter(|event| matches!(event, Event::Session { .. })).count(), 1);
    assert!(events.contains(&Event::Refused("a".to_owned(), JitsiError::SessionExists)));
}

#[test]
fn off_is_said_and_sessions_end() {
    let mut world = World::of(&["a", "b"]);
    world.give("a", Input::Enable(false));
    world.run(10);
    assert!(world.people["a"].seals.is_none() && world.people["a"].opens.is_empty());
    assert!(world.people["b"].opens.is_empty());
    assert!(world.events("b").contains(&Event::SwitchedOff("a".to_owned())));
    world.give("a", Input::Enable(true));
    world.run(10);
    assert!(world.agree());
    assert_eq!(world.seal("a").0, 2);
}

#[test]
fn everything_is_bounded() {
    assert!(Jitsi::new(Settings::new(""), &[0; 32], Millis(0)).is_err());
    assert!(
        Jitsi::new(Settings { rotate_ms: CHANGE_MS + 1, ..Settings::new("a") }, &[0; 32], Millis(0)).is_err()
    );
    let mut world = World::of(&["m", "n"]);
    for at in 0..MAX_PEERS + 10 {
        world.give("m", Input::Joined { who: &format!("p{at}"), e2ee: false, earlier: false });
    }
    let full =
        world.events("m").iter().filter(|event| matches!(event, Event::Refused(_, JitsiError::Full))).count();
    assert_eq!(full, 11);
    assert!(world.try_give("m", Input::Joined { who: "m", e2ee: true, earlier: true }).is_err());
    assert!(
        world.try_give("m", Input::Joined { who: &"x".repeat(2000), e2ee: true, earlier: true }).is_err()
    );
    // Without anybody who polls.
    let mut alone = Jitsi::new(Settings::new("a"), &[0; 32], Millis(0)).unwrap();
    alone.handle(Input::Joined { who: "b", e2ee: true, earlier: true }, Millis(0)).unwrap();
    let refused = (0..100_000).find_map(|_| {
        alone
            .handle(
                Input::Message {
                    from: "b",
                    json: r#"{"type":"olm","olm":{"type":"error","data":{"error":1}}}"#,
                },
                Millis(0),
            )
            .err()
    });
    assert_eq!(refused, Some(JitsiError::NotPolled));
}

#[test]
fn hostile_texts_are_refused() {
    let mut world = World::of(&["a", "b"]);
    let of = |kind: &str, data: &str| format!(r#"{{"type":"olm","olm":{{"type":"{kind}","data":{data}}}}}"#);
    let kinds = [
        "session-init",
        "session-ack",
        "key-info",
        "key-info-ack",
        "error",
        "sas-start",
        "sas-accept",
        "sas-key",
        "sas-mac",
    ];
    let datas = [
        "null",
        "{}",
        "[]",
        "1",
        "\"x\"",
        r#"{"uuid":1}"#,
        r#"{"transactionId":""}"#,
        r#"{"ciphertext":{"type":2,"body":""},"uuid":"u"}"#,
        r#"{"ciphertext":{"type":1,"body":"Awog"},"uuid":"u"}"#,
        r#"{"idKey":"","otKey":"","uuid":"u"}"#,
    ];
    let long = "x".repeat(20_000);
    let mut texts: Vec<String> =
        kinds.iter().flat_map(|kind| datas.iter().map(move |data| of(kind, data))).collect();
    texts.extend(
        ["", "{", "null", "[]", r#"{"type":"olm"}"#, r#"{"type":"olm","olm":null}"#, &long]
            .map(ToOwned::to_owned),
    );
    texts.push(format!("{}1{}", "[".repeat(5000), "]".repeat(5000)));
    for text in &texts {
        world.give("b", Input::Message { from: "a", json: text });
        world.give("b", Input::Message { from: "nobody", json: text });
    }
    // Other things that a page sends are none of this engine's business.
    world.events("b");
    for text in [r#"{"type":"chat","text":"hi"}"#, r#"{"type":"olm","olm":{"type":"custom","data":{}}}"#] {
        world.give("b", Input::Message { from: "a", json: text });
    }
    assert!(world.events("b").is_empty());
    world.run(10_000);
    assert!(world.agree());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn damaged_messages_never_panic_and_give_no_key(seed in any::<u64>(), flips in prop::collection::vec((any::<u16>(), 1_u8..=255), 1..4)) {
        let mut world = World::of(&["a", "b"]);
        world.give("a", Input::Compare("b"));
        world.run(10);
        let (sent, before) = (world.sent.clone(), world.people["b"].opens.clone());
        let (from, to, json) = &sent[usize::try_from(seed % sent.len() as u64).unwrap()];
        let mut bytes = json.clone().into_bytes();
        for (at, bits) in flips {
            let at = usize::from(at) % bytes.len();
            bytes[at] ^= bits;
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let mut open = false;
        let engine = &mut world.people.get_mut(to).unwrap().engine;
        engine.handle(Input::Message { from, json: &text }, Millis(1_000_000)).unwrap();
        while let Some(output) = engine.poll() {
            open |= matches!(output, Output::Open { .. });
        }
        prop_assert!(!open);
        prop_assert_eq!(&world.people["b"].opens, &before);
    }
}
