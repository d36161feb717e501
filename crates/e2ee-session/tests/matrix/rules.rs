//! One rule each, in virtual time.

use e2ee_core::livekit::{Codec, Frame, FrameType, Kdf, Opener, Options, RATCHET_SALT, Sealer, SlotKey};
use e2ee_core::{FrameBuf, Millis, ParticipantId, TrackKind};
use e2ee_session::matrixrtc::{
    Device, Event, Input, KEEP_OLD_MS, KEY_LEN, MAX_MEMBERS, MAX_PARKED, MatrixRtc, MatrixRtcError,
    Membership, Output, PARK_MS, ROTATION_GRACE_MS, SENDS, Settings, Shape, USE_DELAY_MS, hashed_identity,
};
use serde_json::{Value, json};

use super::{ROOM, member, settings};

/// What came out, in short.
#[derive(Clone, Debug, PartialEq)]
enum Done {
    Send { to: Vec<String>, index: u8, key: Vec<u8>, event_type: &'static str, content: Vec<u8> },
    Use(u8, Vec<u8>),
    Install(String, u8, Vec<u8>),
    Forget(String, u8),
    Drop(String),
    Event(Event),
}

struct Desk {
    engine: MatrixRtc,
    now: u64,
    wake: Option<u64>,
}

impl Desk {
    fn new(settings: Settings) -> Self {
        let engine = MatrixRtc::new(settings, &[3; 32], Millis(0), 1_700_000_000_000).unwrap();
        Self { engine, now: 0, wake: None }
    }

    fn give(&mut self, input: Input<'_>) -> Vec<Done> {
        self.engine.handle(input, Millis(self.now)).unwrap();
        self.drain()
    }

    fn drain(&mut self) -> Vec<Done> {
        let mut done = Vec::new();
        while let Some(output) = self.engine.poll() {
            done.push(match output {
                Output::Send { event_type, to, index, content } => {
                    let key = key_in(&content);
                    let to = to.iter().map(|device| device.device.clone()).collect();
                    Done::Send { to, index, key, event_type, content: content.to_vec() }
                }
                Output::Use { index, key } => Done::Use(index, key.expose().to_vec()),
                Output::Install { owner, index, key } => {
                    Done::Install(owner.device.device, index, key.expose().to_vec())
                }
                Output::Forget { owner, index } => Done::Forget(owner.device, index),
                Output::Drop(device) => Done::Drop(device.device),
                Output::Event(event) => Done::Event(event),
                Output::WakeAt(at) => {
                    assert!(at.0 > self.now);
                    self.wake = Some(at.0);
                    continue;
                }
            });
        }
        done
    }

    /// Lets time pass.
    fn run(&mut self, ms: u64) -> Vec<(u64, Done)> {
        let end = self.now + ms;
        let mut done = Vec::new();
        while let Some(at) = self.wake.filter(|at| *at <= end) {
            (self.now, self.wake) = (at, None);
            done.extend(self.give(Input::Wake).into_iter().map(|what| (at, what)));
        }
        self.now = end;
        done
    }

    fn members(&mut self, names: &[&str]) -> Vec<Done> {
        let all: Vec<Membership> = names.iter().map(|name| member(name, 1)).collect();
        self.give(Input::Members(&all))
    }

    fn hear(&mut self, from: &str, content: &Value) -> Vec<Done> {
        self.hear_bytes(from, content.to_string().as_bytes())
    }

    fn hear_bytes(&mut self, from: &str, content: &[u8]) -> Vec<Done> {
        let Device { user, device } = member(from, 0).device;
        let event_type = Shape::ElementCall.event_type();
        self.give(Input::ToDevice { event_type, sender: &user, device: Some(&device), content })
    }
}

fn key_in(content: &[u8]) -> Vec<u8> {
    let content: Value = serde_json::from_slice(content).unwrap();
    let text = content.pointer("/keys/key").or(content.pointer("/media_key/key")).unwrap();
    unbase64(text.as_str().unwrap())
}

fn unbase64(text: &str) -> Vec<u8> {
    use base64ct::{Base64, Encoding as _};
    Base64::decode_vec(text).unwrap()
}

fn key(n: u8) -> Vec<u8> {
    vec![n; KEY_LEN]
}

fn said(from: &str, index: u64, key: &[u8], sent_ts: u64) -> Value {
    use base64ct::{Base64, Encoding as _};
    let me = member(from, 0);
    json!({
        "keys": { "index": index, "key": Base64::encode_string(key) },
        "member": { "id": me.member_id, "claimed_device_id": me.device.device },
        "room_id": ROOM,
        "session": { "application": "m.call", "call_id": "", "scope": "m.room" },
        "sent_ts": sent_ts,
    })
}

fn sends(done: &[Done]) -> Vec<(Vec<String>, u8, Vec<u8>)> {
    let send = |done: &Done| match done {
        Done::Send { to, index, key, .. } => Some((to.clone(), *index, key.clone())),
        _ => None,
    };
    done.iter().filter_map(send).collect()
}

fn dropped(from: &str, error: MatrixRtcError) -> Vec<Done> {
    vec![Done::Event(Event::Dropped(member(from, 0).device, error))]
}

#[test]
fn the_first_key_is_used_at_once_and_goes_to_who_comes_within_the_grace() {
    let mut ada = Desk::new(settings("ada"));
    let Done::Use(0, first) = ada.drain().remove(0) else { panic!("no key to begin with") };
    assert_eq!(first.len(), KEY_LEN);
    assert_eq!(sends(&ada.members(&["ada", "bob"])), [(vec!["BOB".to_owned()], 0, first.clone())]);
    assert_eq!(ada.members(&["ada", "bob"]), [], "nothing changed, nothing is sent");
    ada.run(ROTATION_GRACE_MS - 1);
    assert_eq!(sends(&ada.members(&["ada", "bob", "cleo"])), [(vec!["CLEO".to_owned()], 0, first)]);
}

#[test]
fn who_comes_after_the_grace_gets_a_fresh_key_as_all_do() {
    let mut ada = Desk::new(settings("ada"));
    let first = ada.drain();
    ada.members(&["ada", "bob"]);
    ada.run(ROTATION_GRACE_MS);
    let sent = sends(&ada.members(&["ada", "bob", "cleo"]));
    let [(to, 1, fresh)] = sent.as_slice() else { panic!("{sent:?}") };
    assert_eq!(*to, ["BOB", "CLEO"]);
    assert!(!first.contains(&Done::Use(0, fresh.clone())));
    assert_eq!(ada.run(USE_DELAY_MS), [(ROTATION_GRACE_MS + USE_DELAY_MS, Done::Use(1, fresh.clone()))]);
}

#[test]
fn with_no_grace_no_newcomer_gets_a_key_that_was_used() {
    let mut ada = Desk::new(Settings { rotation_grace_ms: 0, ..settings("ada") });
    let mut used = Vec::new();
    for n in 1..20 {
        let names: Vec<String> = (0..n).map(|n| format!("m{n}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let done = ada.members(&names);
        for (.., key) in sends(&done) {
            assert!(!used.contains(&key));
        }
        for (_, done) in ada.run([100, 1500][n % 2]) {
            if let Done::Use(_, key) = done {
                used.push(key);
            }
        }
    }
    assert!(used.len() > 5);
}

#[test]
fn a_leave_gives_the_rest_a_fresh_key_and_more_leaves_do_not_put_it_off() {
    let mut ada = Desk::new(settings("ada"));
    ada.members(&["ada", "bob", "cleo", "dan"]);
    ada.drain();
    let done = ada.members(&["ada", "bob", "dan"]);
    assert_eq!(done[0], Done::Drop("CLEO".into()));
    assert_eq!(sends(&done)[0].0, ["BOB", "DAN"]);
    assert_eq!(sends(&done)[0].1, 1);
    ada.run(600);
    let second = sends(&ada.members(&["ada", "bob"]));
    assert_eq!((&second[0].0[..], second[0].1), (&["BOB".to_owned()][..], 2));
    // The second takes the place of the first, and its time.
    assert_eq!(ada.run(400), [(USE_DELAY_MS, Done::Use(2, second[0].2.clone()))]);
    // Alone: nobody has to be waited for.
    let done = ada.members(&["ada"]);
    assert!(matches!(done.as_slice(), [Done::Drop(_), Done::Use(3, _)]), "{done:?}");
}

#[test]
fn who_is_removed_is_out_at_once_and_stays_out_while_the_room_shows_it() {
    let mut ada = Desk::new(settings("ada"));
    ada.members(&["ada", "bob", "cleo"]);
    let cleo = member("cleo", 1).device;
    let done = ada.give(Input::Remove(&cleo));
    assert_eq!(done[0], Done::Drop("CLEO".into()));
    assert!(matches!(done[1], Done::Use(1, _)), "before anything else is sealed");
    assert_eq!(sends(&done)[0].0, ["BOB"]);
    assert_eq!(ada.members(&["ada", "bob", "cleo"]), []);
    assert_eq!(ada.hear("cleo", &said("cleo", 0, &key(1), 5)), dropped("cleo", MatrixRtcError::Removed));
    // Once the room agrees, who joins again is a newcomer.
    ada.members(&["ada", "bob"]);
    assert_eq!(sends(&ada.members(&["ada", "bob", "cleo"]))[0].0, ["CLEO"]);
}

#[test]
fn the_index_wraps() {
    let mut ada = Desk::new(settings("ada"));
    ada.members(&["ada", "bob"]);
    let mut indices = Vec::new();
    for _ in 0..300 {
        indices.extend(sends(&ada.give(Input::Rotate)).into_iter().map(|(_, index, _)| index));
        ada.run(USE_DELAY_MS);
    }
    assert_eq!(indices[254..257], [255, 0, 1]);
}

#[test]
fn a_key_opens_at_once_and_older_ones_go_after_ten_seconds() {
    let mut ada = Desk::new(settings("ada"));
    ada.members(&["ada", "bob"]);
    assert_eq!(ada.hear("bob", &said("bob", 7, &key(7), 100)), [Done::Install("BOB".into(), 7, key(7))]);
    assert_eq!(ada.hear("bob", &said("bob", 7, &key(7), 101)), [], "the same again");
    ada.run(1000);
    assert_eq!(ada.hear("bob", &said("bob", 8, &key(8), 200)), [Done::Install("BOB".into(), 8, key(8))]);
    // One that was overtaken is taken too, and does not push out the newer one.
    assert_eq!(ada.hear("bob", &said("bob", 6, &key(6), 50)), [Done::Install("BOB".into(), 6, key(6))]);
    let gone = ada.run(KEEP_OLD_MS);
    let at = 1000 + KEEP_OLD_MS;
    assert_eq!(gone, [(at, Done::Forget("BOB".into(), 6)), (at, Done::Forget("BOB".into(), 7))]);
    assert_eq!(ada.run(1_000_000), []);
    // Another key of the same index: the newer one is taken, and an older one is not.
    assert_eq!(ada.hear("bob", &said("bob", 8, &key(9), 300)), [Done::Install("BOB".into(), 8, key(9))]);
    assert_eq!(ada.hear("bob", &said("bob", 8, &key(8), 200)), dropped("bob", MatrixRtcError::Old));
    // Over the wrap, where nothing is said of the time.
    let bare = |index: u8, n: u8| {
        let mut said = said("bob", index.into(), &key(n), 0);
        said.as_object_mut().unwrap().remove("sent_ts");
        said
    };
    ada.members(&["ada"]);
    ada.members(&["ada", "bob"]);
    ada.hear("bob", &bare(1, 1));
    ada.hear("bob", &bare(255, 255));
    assert!(ada.run(KEEP_OLD_MS).iter().any(|(_, done)| *done == Done::Forget("BOB".into(), 255)));
}

#[test]
fn a_key_before_its_membership_waits_a_while() {
    let mut ada = Desk::new(settings("ada"));
    ada.members(&["ada"]);
    assert_eq!(ada.hear("bob", &said("bob", 0, &key(1), 1)), []);
    assert!(ada.members(&["ada", "bob"]).contains(&Done::Install("BOB".into(), 0, key(1))));
    ada.hear("cleo", &said("cleo", 0, &key(1), 1));
    ada.run(PARK_MS);
    let done = ada.members(&["ada", "bob", "cleo"]);
    assert!(!done.iter().any(|done| matches!(done, Done::Install(..))), "{done:?}");
    // Bounded, for each and for all; what came first does not shut out what comes now.
    for n in 0..MAX_PARKED.1 as u64 {
        assert_eq!(ada.hear("dan", &said("dan", n, &key(1), 1)), []);
    }
    assert_eq!(ada.hear("dan", &said("dan", 9, &key(1), 1)), dropped("dan", MatrixRtcError::Full));
    for n in 0..MAX_PARKED.0 {
        let name = format!("n{n}");
        ada.hear(&name, &said(&name, 0, &key(1), 1));
    }
    assert!(ada.members(&["ada", "bob", "cleo", "n255"]).contains(&Done::Install("N255".into(), 0, key(1))));
}

#[test]
fn what_is_not_from_there_or_not_for_here_is_refused() {
    let mut ada = Desk::new(settings("ada"));
    ada.members(&["ada", "bob", "cleo"]);
    let good = said("bob", 1, &key(1), 1);
    let text = good.to_string();
    let (bob, device) = ("@bob:example.org", Some("BOB"));
    let content = text.as_bytes();
    let event_type = Shape::ElementCall.event_type();
    let mut give = |event_type: &str, device: Option<&str>, content: &[u8]| {
        let done = ada.give(Input::ToDevice { event_type, sender: bob, device, content });
        match done.as_slice() {
            [Done::Event(Event::Dropped(from, error))] => {
                assert_eq!(from.user, bob);
                Some(*error)
            }
            _ => None,
        }
    };
    assert_eq!(give("m.room.message", device, content), Some(MatrixRtcError::WrongType));
    assert_eq!(give(event_type, None, content), Some(MatrixRtcError::InClear));
    assert_eq!(give(event_type, Some("OTHER"), content), Some(MatrixRtcError::WrongDevice));
    assert_eq!(give(event_type, Some(""), content), Some(MatrixRtcError::Malformed));
    let mut with = |pointer: &str, value: Value| {
        let mut changed = good.clone();
        *changed.pointer_mut(pointer).unwrap() = value;
        give(event_type, device, changed.to_string().as_bytes())
    };
    assert_eq!(with("/room_id", json!("!other:example.org")), Some(MatrixRtcError::WrongRoom));
    assert_eq!(with("/member/id", json!("@cleo:example.org:CLEO")), Some(MatrixRtcError::WrongMember));
    for index in [json!(256), json!(-1), json!(1.5), json!("1"), json!(null), json!([1])] {
        assert_eq!(with("/keys/index", index), Some(MatrixRtcError::Malformed));
    }
    for text in ["", "AAAA", "not base64!", "AAAAAAAAAAAAAAAAAAAAAA=A", &"A".repeat(88), &"A".repeat(3000)] {
        assert_eq!(with("/keys/key", json!(text)), Some(MatrixRtcError::Malformed), "{text}");
    }
    assert_eq!(with("/keys/key", json!("A".repeat(5000))), Some(MatrixRtcError::TooLong));
    assert_eq!(give(event_type, device, content), None);
}

#[test]
fn keys_are_read_in_every_way_that_base64_is_written() {
    let mut ada = Desk::new(settings("ada"));
    ada.members(&["ada", "bob"]);
    let bytes: Vec<u8> = vec![0xfb, 0xff, 0xbf, 0xfb, 0xff, 0xbf, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
    for (index, text) in [
        "+/+/+/+/AQIDBAUGBwgJCg==",
        "-_-_-_-_AQIDBAUGBwgJCg==",
        "+/+/+/+/AQIDBAUGBwgJCg",
        "-_-_-_-_AQIDBAUGBwgJCg",
    ]
    .iter()
    .enumerate()
    {
        let mut said = said("bob", index as u64, &key(0), 1);
        said["keys"]["key"] = json!(text);
        let done = ada.hear("bob", &said);
        assert_eq!(done, [Done::Install("BOB".into(), index as u8, bytes.clone())]);
    }
    // An escape that JSON allows, and members that are not known here.
    let text = r#"{"keys":{"index":9,"key":"+\/+\/+\/+\/AQIDBAUGBwgJCg==","x":1},"room_id":"!town-hall:example.org",
        "member":{"claimed_device_id":"BOB"},"session":{"deep":[[[]]]},"sent_ts":-5,"more":{}}"#;
    assert_eq!(ada.hear_bytes("bob", text.as_bytes()), [Done::Install("BOB".into(), 9, bytes)]);
}

#[test]
fn both_shapes_are_written_and_read() {
    for shape in [Shape::ElementCall, Shape::Msc4143] {
        let mut ada = Desk::new(Settings { shape, ..settings("ada") });
        let mut bob = Desk::new(settings("bob"));
        ada.members(&["ada", "bob"]);
        bob.members(&["ada", "bob"]);
        let sent = ada.give(Input::Rotate);
        let Some(Done::Send { event_type, content, index, key, .. }) = sent.into_iter().next() else {
            panic!("nothing was sent")
        };
        assert_eq!(event_type, shape.event_type());
        let (sender, device) = ("@ada:example.org", Some("ADA"));
        let done = bob.give(Input::ToDevice { event_type, sender, device, content: &content });
        assert_eq!(done, [Done::Install("ADA".into(), index, key)]);
    }
    let mut ada = Desk::new(Settings { shape: Shape::Msc4143, ..settings("ada") });
    let sent = ada.members(&["ada", "bob"]);
    let Some(Done::Send { content, .. }) = sent.iter().find(|done| matches!(done, Done::Send { .. })) else {
        panic!("nothing was sent")
    };
    let content: Value = serde_json::from_slice(content).unwrap();
    assert_eq!(content["member_id"], "@ada:example.org:ADA");
    assert_eq!(content["room_id"], ROOM);
    assert_eq!(content["media_key"]["index"], 0);
}

#[test]
fn what_was_not_delivered_is_sent_again_then_given_up() {
    let mut ada = Desk::new(settings("ada"));
    ada.members(&["ada", "bob", "cleo"]);
    let bob = [member("bob", 1).device];
    for _ in 1..SENDS {
        assert_eq!(ada.give(Input::NotDelivered(0, &bob)), []);
        assert_eq!(ada.give(Input::NotDelivered(0, &bob)), [], "said twice");
        let again: Vec<Done> = ada.run(1000).into_iter().map(|(_, done)| done).collect();
        assert_eq!(sends(&again)[0].0, ["BOB"]);
    }
    assert_eq!(ada.give(Input::NotDelivered(0, &bob)), [Done::Event(Event::CannotHear(bob[0].clone()))]);
    assert_eq!(ada.run(100_000), []);
    // The next key is sent to it all the same.
    assert_eq!(sends(&ada.give(Input::Rotate))[0].0, ["BOB", "CLEO"]);
    assert_eq!(ada.give(Input::NotDelivered(0, &bob)), [], "of a key that is gone");
}

#[test]
fn who_joins_again_is_sent_the_key_again() {
    let mut ada = Desk::new(settings("ada"));
    ada.members(&["ada", "bob"]);
    ada.hear("bob", &said("bob", 0, &key(1), 1));
    // The same member id: it may have kept its keys, and may have lost ours.
    assert_eq!(sends(&ada.give(Input::Members(&[member("bob", 2)])))[0].1, 0);
    let again = Membership { member_id: "another".into(), ..member("bob", 3) };
    let done = ada.give(Input::Members(std::slice::from_ref(&again)));
    assert_eq!(done[0], Done::Drop("BOB".into()));
    assert_eq!(sends(&done).len(), 1);
    // Of two memberships of one device the later one counts.
    assert_eq!(ada.give(Input::Members(&[again, member("bob", 1)])), []);
}

#[test]
fn members_are_bounded_and_mistakes_of_the_caller_are_errors() {
    let mut ada = Desk::new(settings("ada"));
    let many: Vec<Membership> = (0..MAX_MEMBERS + 5).map(|n| member(&format!("m{n:04}"), 1)).collect();
    let done = ada.give(Input::Members(&many));
    assert_eq!(done.iter().filter(|done| **done == Done::Event(Event::Full)).count(), 5);
    assert_eq!(ada.engine.members().count(), MAX_MEMBERS);
    let nameless = Membership { member_id: String::new(), ..member("bob", 1) };
    let refused = ada.engine.handle(Input::Members(&[nameless]), Millis(0));
    assert_eq!(refused, Err(MatrixRtcError::BadSettings));
    assert_eq!(ada.engine.members().count(), MAX_MEMBERS);
    for bad in [
        Settings { room: String::new(), ..settings("ada") },
        Settings { room: "!".repeat(513), ..settings("ada") },
        Settings { use_delay_ms: 60_001, ..settings("ada") },
        Settings { rotation_grace_ms: 60_001, ..settings("ada") },
    ] {
        let made = MatrixRtc::new(bad, &[1; 32], Millis(0), 0);
        assert_eq!(made.err(), Some(MatrixRtcError::BadSettings));
    }
    let mut ada = Desk::new(settings("ada"));
    ada.members(&["ada", "bob"]);
    let full = (0..100_000).find_map(|_| ada.engine.handle(Input::Rotate, Millis(0)).err());
    assert_eq!(full, Some(MatrixRtcError::NotPolled));
}

#[test]
fn hostile_content_never_panics_and_never_counts() {
    let mut ada = Desk::new(settings("ada"));
    ada.members(&["ada", "bob"]);
    let good = said("bob", 3, &key(3), 9).to_string();
    for len in 0..good.len() {
        let done = ada.hear_bytes("bob", &good.as_bytes()[..len]);
        assert_eq!(done, dropped("bob", MatrixRtcError::Malformed), "{len}");
    }
    for bit in 0..good.len() * 8 {
        let mut changed = good.clone().into_bytes();
        changed[bit / 8] ^= 1 << (bit % 8);
        // Olm authenticates the content; here it must only be read without harm.
        for done in ada.hear_bytes("bob", &changed) {
            assert!(matches!(done, Done::Install(..) | Done::Event(Event::Dropped(..))));
        }
    }
    for bytes in [&b""[..], b"null", b"[]", b"{}", b"\xff", &b"[".repeat(4000), &b"{\"keys\":".repeat(500)] {
        assert_eq!(ada.hear_bytes("bob", bytes), dropped("bob", MatrixRtcError::Malformed));
    }
}

#[test]
fn the_hashed_name_is_a_digest_of_json() {
    // printf '%s' '["@ada:example.org","ADA","m1"]' | openssl dgst -sha256 -binary | base64
    let ada = Membership { member_id: "m1".into(), ..member("ada", 1) };
    assert_eq!(hashed_identity(&ada), "wIYIGGtRwIPoTSU9QhQyXHgzMu4drjZeeTid+osHM8Y");
}

/// The frame layer of a member, in LiveKit's format: what it seals, and what it opens of one other.
struct Frames {
    sealer: Sealer,
    opener: Opener,
}

impl Frames {
    fn new(me: &str, of: &str) -> Self {
        let options = Options { ring_size: 256, ..Options::default() };
        let id = |name| ParticipantId::new(name).unwrap();
        Self {
            sealer: Sealer::new(options, id(me), [me.len() as u8; 8]),
            opener: Opener::new(options, id(of)),
        }
    }

    fn take(&mut self, done: &[Done], of: &str) {
        let slot_key = |key: &[u8]| SlotKey::derive(Kdf::Hkdf, key, RATCHET_SALT);
        for done in done {
            match done {
                Done::Use(index, key) => {
                    self.sealer.set_key((*index).into(), slot_key(key)).unwrap();
                    self.sealer.select((*index).into());
                }
                Done::Install(owner, index, key) if owner == of => {
                    self.opener.set_key((*index).into(), slot_key(key)).unwrap();
                }
                Done::Forget(owner, index) if owner == of => self.opener.forget(*index),
                _ => {}
            }
        }
    }

    fn seal(&mut self, text: &[u8]) -> Vec<u8> {
        let mut buf = FrameBuf::new();
        buf.fill(text);
        self.sealer.seal(&AUDIO, &mut buf).unwrap().to_vec()
    }

    fn opens(&mut self, wire: &[u8]) -> bool {
        let mut buf = FrameBuf::new();
        buf.fill(wire);
        self.opener.open(&AUDIO, &mut buf).is_ok()
    }
}

const AUDIO: Frame = Frame {
    kind: TrackKind::Audio,
    codec: Codec::Audio,
    frame_type: FrameType::Key,
    ssrc: Some(7),
    timestamp: 960,
};

/// What Ada did: her own frame layer takes it, and what she sent goes to those whom it is for.
fn act(media: &mut Frames, others: &mut [(&str, Desk, Frames)], done: &[Done]) {
    media.take(done, "BOB");
    for (name, desk, frames) in others {
        for done in done {
            let Done::Send { to, content, .. } = done else { continue };
            if to.contains(&name.to_uppercase()) {
                let heard = desk.hear_bytes("ada", content);
                frames.take(&heard, "ADA");
            }
        }
        let heard = desk.members(&["ada", "bob", "cleo"]);
        frames.take(&heard, "ADA");
    }
}

#[test]
fn frames_in_livekits_format_open_for_who_is_in_the_call_and_no_longer() {
    for (rotation_grace_ms, newcomer_opens_before) in [(ROTATION_GRACE_MS, true), (0, false)] {
        let with = |name| Settings { rotation_grace_ms, ..settings(name) };
        let mut ada = Desk::new(with("ada"));
        let mut media = Frames::new("ada", "bob");
        let others = ["bob", "cleo"];
        let mut desks = others.map(|name| (name, Desk::new(with(name)), Frames::new(name, "ada")));
        let first = ada.drain();
        act(&mut media, &mut desks, &first);
        let done = ada.members(&["ada", "bob"]);
        act(&mut media, &mut desks, &done);
        let done: Vec<Done> = ada.run(USE_DELAY_MS).into_iter().map(|(_, done)| done).collect();
        act(&mut media, &mut desks, &done);
        let before = media.seal(b"before");
        let done = ada.members(&["ada", "bob", "cleo"]);
        act(&mut media, &mut desks, &done);
        let done: Vec<Done> = ada.run(USE_DELAY_MS).into_iter().map(|(_, done)| done).collect();
        act(&mut media, &mut desks, &done);
        let during = media.seal(b"during");
        let done = ada.members(&["ada", "bob"]);
        act(&mut media, &mut desks, &done);
        let done: Vec<Done> = ada.run(USE_DELAY_MS).into_iter().map(|(_, done)| done).collect();
        act(&mut media, &mut desks, &done);
        let after = media.seal(b"after");
        let [(_, _, bob), (_, _, cleo)] = &mut desks;
        assert!(bob.opens(&before) && bob.opens(&during) && bob.opens(&after));
        assert_eq!(cleo.opens(&before), newcomer_opens_before);
        assert!(cleo.opens(&during));
        assert!(!cleo.opens(&after));
    }
}
