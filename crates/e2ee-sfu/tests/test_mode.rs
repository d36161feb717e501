//! The eye, the verdict on plaintext, dumps and the hostile mode, seen from outside.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use e2ee_sfu::Running;
use serde_json::{Value, json};
use str0m::format::Codec;
use str0m::media::Mid;
use support::http::{get, post};
use support::{Client, server, settle, until, vp8};

const BODY: &[u8] = b"what the encoder made of a picture, longer than a run, and then some more of it";

fn pair(kinds: &[&'static str]) -> (Running, Client, Client, Vec<Mid>) {
    let server = server();
    let mut ada = Client::join(&server, "r", "ada");
    let mut bob = Client::join(&server, "r", "bob");
    let mids = ada.publish(kinds, &[]);
    settle(&server, &mut [&mut ada, &mut bob], kinds.len());
    (server, ada, bob, mids)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// A frame that differs from all others by its number.
fn frame(n: u16) -> Vec<u8> {
    let mut payload = vp8(n == 0, n, BODY);
    payload.extend_from_slice(&n.to_be_bytes());
    payload
}

#[test]
fn plaintext_is_found_and_anything_else_is_not() {
    let (server, mut ada, mut bob, mids) = pair(&["video", "audio"]);
    let (video, audio) = (ada.ssrc(mids[0], None), ada.ssrc(mids[1], None));
    let sealed: Vec<u8> = BODY.iter().map(|b| b ^ 0x5a).collect();
    for n in 0..10u16 {
        // Every second picture is as the encoder made it.
        let payload = if n % 2 == 0 { vp8(n == 0, n, BODY) } else { vp8(false, n, &sealed) };
        ada.write(Codec::Vp8, mids[0], None, u32::from(n) * 3000, &payload);
        ada.write(Codec::Opus, mids[1], None, u32::from(n) * 960, &sealed);
    }
    until(&mut [&mut ada, &mut bob], |c| c[1].got.len() == 20);
    let windows = [hex(&BODY[..16]), hex(&BODY[30..46])];
    let told = |ssrc: u32, step: u32| {
        (0..10u32).map(|n| json!({"ssrc": ssrc, "ts": n * step, "windows": windows})).collect::<Vec<Value>>()
    };
    let frames = [told(video, 3000), told(audio, 960)].concat();
    assert_eq!(post(&server, "/api/plaintext", &json!({"frames": frames})).status, 204);
    let verdict = get(&server, "/api/verdict").json();
    let figures = |v: &Value| json!([v["frames"], v["compared"], v["plaintextFrames"]]);
    assert_eq!(figures(&verdict), json!([20, 20, 5]));
    let stream = |ssrc: u32| {
        let streams = verdict["streams"].as_array().unwrap();
        streams.iter().find(|s| s["ssrc"] == ssrc).unwrap().clone()
    };
    assert_eq!(figures(&stream(video)), json!([10, 10, 5]));
    assert_eq!(figures(&stream(audio)), json!([10, 10, 0]));
    assert_eq!(stream(video)["codec"], "vp8");
    assert_eq!(stream(audio)["id"], "ada");
    assert_eq!(stream(audio)["mid"], mids[1].to_string());

    let bad = json!({"frames": [{"ssrc": "x"}]});
    assert_eq!(post(&server, "/api/plaintext", &bad).status, 422);
}

#[test]
fn a_track_can_be_dumped_for_a_decoder() {
    let (server, mut ada, mut bob, mids) = pair(&["video"]);
    for n in 0..5 {
        ada.write(Codec::Vp8, mids[0], None, u32::from(n) * 3000, &frame(n));
    }
    until(&mut [&mut ada, &mut bob], |c| c[1].got.len() == 5);
    let dump = get(&server, &format!("/api/dump?room=r&id=ada&mid={}", mids[0]));
    assert_eq!(dump.header("content-type"), Some("video/x-ivf"));
    assert_eq!(dump.body[..12], *b"DKIF\0\0\x20\0VP80");
    assert_eq!(dump.body.len(), 32 + 5 * (12 + 1 + BODY.len() + 2));
    assert_eq!(get(&server, "/api/dump?room=r&id=ada&mid=none").status, 404);
    assert_eq!(get(&server, "/api/dump?room=r").status, 400);
}

#[test]
fn the_eye_shows_what_is_forwarded() {
    let (_server, mut ada, mut bob, mids) = pair(&["audio", "video"]);
    bob.send(json!({"t": "eye", "of": "ada"}));
    until(&mut [&mut ada, &mut bob], |c| c[1].last("eye").is_some());
    let eye = bob.last("eye").unwrap();
    assert_eq!([&eye["of"], &eye["mid"], &eye["kind"]], ["ada", &mids[1].to_string(), "video"]);

    ada.write(Codec::Vp8, mids[1], None, 90, &vp8(false, 1, b"before any key frame"));
    ada.write(Codec::Vp8, mids[1], None, 0x01020304, &vp8(true, 2, b"key"));
    ada.write(Codec::Vp8, mids[1], None, 0x01020305, &vp8(false, 3, b"delta"));
    until(&mut [&mut ada, &mut bob], |c| c[1].eye.len() == 2);
    assert_eq!(bob.eye[0], [&[1, 1, 2, 1, 2, 3, 4, 0x50][..], b"key"].concat());
    assert_eq!(bob.eye[1], [&[1, 0, 2, 1, 2, 3, 5, 0x51][..], b"delta"].concat());

    // Anybody may look at anybody, oneself too.
    ada.send(json!({"t": "eye", "of": "ada", "mid": mids[0].to_string()}));
    until(&mut [&mut ada, &mut bob], |c| c[0].last("eye").is_some());
    ada.write(Codec::Opus, mids[0], None, 960, b"sound");
    until(&mut [&mut ada, &mut bob], |c| c[0].eye.len() == 1);
    assert_eq!(ada.eye[0], b"\x01\x01\x01\0\0\x03\xc0sound");

    bob.send(json!({"t": "eye", "of": null}));
    until(&mut [&mut ada, &mut bob], |c| c[1].last("eye").unwrap()["of"].is_null());
    ada.write(Codec::Vp8, mids[1], None, 0x01020306, &vp8(false, 4, b"unseen"));
    let n = bob.got.len();
    until(&mut [&mut ada, &mut bob], |c| c[1].got.len() > n);
    assert_eq!(bob.eye.len(), 2);
}

#[test]
fn the_eye_shuts_when_its_participant_leaves() {
    let (_server, mut ada, mut bob, _) = pair(&["video"]);
    bob.send(json!({"t": "eye", "of": "ada"}));
    until(&mut [&mut ada, &mut bob], |c| c[1].last("eye").is_some());
    ada.send(json!({"t": "leave"}));
    until(&mut [&mut ada, &mut bob], |c| c[1].last("eye").unwrap()["of"].is_null());
}

/// Sends frames under an order and gives what the subscriber got and what the server says it did.
fn under(order: Value, frames: u16, want: usize) -> (Vec<support::Got>, Value) {
    let (server, mut ada, mut bob, mids) = pair(&["video"]);
    ada.write(Codec::Vp8, mids[0], None, 0, &frame(0));
    until(&mut [&mut ada, &mut bob], |c| c[1].got.len() == 1);
    assert_eq!(post(&server, "/api/hostile", &order).status, 200);
    for n in 1..=frames {
        ada.write(Codec::Vp8, mids[0], None, u32::from(n) * 3000, &frame(n));
    }
    until(&mut [&mut ada, &mut bob], |c| c[1].got.len() == want + 1);
    let report = get(&server, "/api/hostile").json();
    let mut got = bob.got.split_off(1);
    got.sort_by_key(|g| g.seq);
    for pair in got.windows(2) {
        assert_eq!(pair[1].seq, pair[0].seq + 1, "no gap that would be taken for a loss");
        assert!(pair[1].timestamp > pair[0].timestamp, "each is a frame of its own");
    }
    (got, report)
}

/// Number of the frame in a payload.
fn number(got: &support::Got) -> u16 {
    let at = got.payload.len() - 2;
    u16::from_be_bytes([got.payload[at], got.payload[at + 1]])
}

#[test]
fn replayed_frames_come_as_new_ones_and_are_counted() {
    let (got, report) = under(json!({"mode": "replay", "every": 20}), 100, 104);
    assert_eq!(report, json!({"mode": "replay", "frames": 100, "done": 4, "total": {"replay": 4}}));
    let numbers: Vec<u16> = got.iter().map(number).collect();
    let old: Vec<u16> =
        (1..numbers.len()).filter(|i| numbers[*i] < numbers[i - 1]).map(|i| numbers[i]).collect();
    // The replays stand behind frames 40, 60, 80 and 100; each is 39 frames old.
    assert_eq!(old, [1, 21, 41, 61]);
}

#[test]
fn frames_are_cut_and_changed_on_their_way() {
    let whole = frame(1).len();
    let (got, report) = under(json!({"mode": "truncate", "every": 5, "of": "ada"}), 20, 20);
    assert_eq!(got.iter().filter(|g| g.payload.len() == whole - 7).count(), 4);
    assert_eq!(report["done"], 4);

    let (got, report) = under(json!({"mode": "flip", "every": 5, "kind": "video"}), 20, 20);
    let changed = got.iter().enumerate().filter(|(n, g)| g.payload != frame(*n as u16 + 1));
    assert_eq!((changed.count() as u64, report["done"].as_u64()), (4, Some(4)));

    let (got, report) = under(json!({"mode": "inject", "every": 5}), 20, 24);
    let made_up = got.iter().filter(|g| !g.payload.ends_with(&number(g).to_be_bytes()) || number(g) > 20);
    assert_eq!(report["total"]["inject"], 4);
    assert_eq!(made_up.count(), 4);

    let (got, report) = under(json!({"mode": "clear", "every": 10}), 20, 22);
    assert_eq!(got.iter().filter(|g| g.payload.starts_with(b"\x10\x10\x02\x00\x9d\x01\x2a")).count(), 2);
    assert_eq!(report["done"], 2);
}

#[test]
fn an_order_for_others_leaves_a_participant_alone() {
    let (got, report) = under(json!({"mode": "flip", "every": 1, "of": "bob"}), 10, 10);
    assert!(got.iter().enumerate().all(|(n, g)| g.payload == frame(n as u16 + 1)));
    assert_eq!(report["done"], 0);
    let (got, _) = under(json!({"mode": "flip", "every": 1, "kind": "screen"}), 10, 10);
    assert!(got.iter().enumerate().all(|(n, g)| g.payload == frame(n as u16 + 1)));
}

#[test]
fn one_participants_frames_are_sent_on_anothers_track() {
    let (server, mut ada, mut bob, mids) = pair(&["video"]);
    let mut cleo = Client::join(&server, "r", "cleo");
    let cleos = cleo.publish(&["video"], &[]);
    settle(&server, &mut [&mut ada, &mut bob, &mut cleo], 4);
    post(&server, "/api/hostile", &json!({"mode": "swap", "every": 1, "of": "ada"}));
    let mut n = 0;
    let sub_mid = |bob: &Client| {
        let tracks = bob.last("offer").unwrap()["tracks"].as_array().unwrap().clone();
        tracks.iter().find(|t| t["of"] == "ada").unwrap()["mid"].as_str().unwrap().to_owned()
    };
    until(&mut [&mut ada, &mut bob, &mut cleo], |c| {
        n += 1;
        c[2].write(
            Codec::Vp8,
            cleos[0],
            None,
            n * 3000,
            &vp8(true, n as u16, b"cleo's picture, long enough"),
        );
        c[0].write(Codec::Vp8, mids[0], None, n * 3000, &vp8(true, n as u16, b"ada's picture, long enough"));
        let mid = sub_mid(c[1]);
        c[1].got.iter().any(|g| g.mid == mid && g.payload[5..].starts_with(b"cleo"))
    });
}
