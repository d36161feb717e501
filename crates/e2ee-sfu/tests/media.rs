//! Media through the server: str0m at both ends, loopback between.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use std::time::Duration;

use serde_json::json;
use str0m::format::Codec;
use str0m::media::Mid;
use support::{Client, Got, pass, server, settle, until, vp8};

/// Publishes, and waits until both ends are connected.
fn pair(
    room: &str,
    kinds: &[&'static str],
    layers: &[&str],
) -> (e2ee_sfu::Running, Client, Client, Vec<Mid>) {
    let server = server();
    let mut ada = Client::join(&server, room, "ada");
    let mut bob = Client::join(&server, room, "bob");
    let mids = ada.publish(kinds, layers);
    settle(&server, &mut [&mut ada, &mut bob], kinds.len());
    (server, ada, bob, mids)
}

/// The subscriber's m-line of a publisher's.
fn sub_mid(client: &Client, pub_mid: Mid) -> String {
    let tracks = client.last("offer").unwrap()["tracks"].as_array().unwrap();
    let track = tracks.iter().find(|t| t["pubMid"] == pub_mid.to_string()).unwrap();
    track["mid"].as_str().unwrap().to_owned()
}

fn bodies(got: &[Got], mid: &str, from: usize) -> Vec<Vec<u8>> {
    got.iter().filter(|g| g.mid == mid).map(|g| g.payload[from..].to_vec()).collect()
}

#[test]
fn audio_and_video_arrive_as_they_were_sent() {
    let (_server, mut ada, mut bob, mids) = pair("r", &["audio", "video"], &[]);
    for n in 0..20u16 {
        let video = vp8(n == 0, n, &[n as u8; 100]);
        ada.write(Codec::Opus, mids[0], None, u32::from(n) * 960, &[n as u8; 40]);
        ada.write(Codec::Vp8, mids[1], None, u32::from(n) * 3000, &video);
    }
    until(&mut [&mut ada, &mut bob], |c| c[1].got.len() == 40);
    let (audio, video) = (sub_mid(&bob, mids[0]), sub_mid(&bob, mids[1]));
    let sent: Vec<Vec<u8>> = (0..20u8).map(|n| vec![n; 40]).collect();
    assert_eq!(bodies(&bob.got, &audio, 0), sent);
    let sent: Vec<Vec<u8>> = (0..20u16).map(|n| vp8(n == 0, n, &[n as u8; 100])).collect();
    assert_eq!(bodies(&bob.got, &video, 0), sent);
    let video: Vec<&Got> = bob.got.iter().filter(|g| g.mid == video).collect();
    assert!(video.windows(2).all(|w| w[1].seq == w[0].seq + 1 && w[1].timestamp == w[0].timestamp + 3000));
    assert!(video.iter().all(|g| g.marker));
}

#[test]
fn who_comes_late_gets_a_key_frame_asked_for_and_nothing_before_it() {
    let (server, mut ada, mut bob, mids) = pair("r", &["video"], &[]);
    ada.write(Codec::Vp8, mids[0], None, 0, &vp8(true, 0, b"first"));
    until(&mut [&mut ada, &mut bob], |c| c[1].got.len() == 1);
    pass(&mut [&mut ada, &mut bob], Duration::from_millis(400));
    let asked = ada.asked.len();

    let mut cleo = Client::join(&server, "r", "cleo");
    let mut n = 0;
    until(&mut [&mut ada, &mut bob, &mut cleo], |c| {
        n += 1;
        c[0].write(Codec::Vp8, mids[0], None, n * 90, &vp8(false, n as u16, b"delta"));
        c[2].sub_connected() && c[0].asked.len() > asked
    });
    assert_eq!(ada.asked.last().unwrap().0, mids[0]);
    pass(&mut [&mut ada, &mut bob, &mut cleo], Duration::from_millis(100));
    assert!(cleo.got.is_empty(), "delta frames are of no use to a new decoder");
    ada.write(Codec::Vp8, mids[0], None, (n + 1) * 90, &vp8(true, n as u16 + 1, b"key"));
    ada.write(Codec::Vp8, mids[0], None, (n + 2) * 90, &vp8(false, n as u16 + 2, b"next"));
    until(&mut [&mut ada, &mut bob, &mut cleo], |c| c[2].got.len() == 2);
    assert_eq!([&cleo.got[0].payload[5..], &cleo.got[1].payload[5..]], [&b"key"[..], b"next"]);
}

#[test]
fn a_decoder_in_need_reaches_the_publisher() {
    let (_server, mut ada, mut bob, mids) = pair("r", &["video"], &[]);
    ada.write(Codec::Vp8, mids[0], None, 0, &vp8(true, 0, b"first"));
    until(&mut [&mut ada, &mut bob], |c| c[1].got.len() == 1);
    pass(&mut [&mut ada, &mut bob], Duration::from_millis(500));
    let asked = ada.asked.len();
    ada.write(Codec::Vp8, mids[0], None, 3000, &vp8(false, 1, b"second"));
    bob.ask_for_key_frame(&sub_mid(&bob, mids[0]));
    until(&mut [&mut ada, &mut bob], |c| c[0].asked.len() > asked);
}

#[test]
fn a_subscriber_changes_between_layers_without_a_gap() {
    let (server, mut ada, mut bob, mids) = pair("r", &["video"], &["q", "h", "f"]);
    let mid = mids[0];
    let mut n = 0u16;
    // Timestamps and picture numbers of the layers have nothing to do with each other.
    let mut round = |ada: &mut Client, key: Option<&str>| {
        n += 1;
        for (k, rid) in ["q", "h", "f"].into_iter().enumerate() {
            let k = k as u32;
            let picture = n + 100 * k as u16;
            let payload = vp8(n == 1 || key == Some(rid), picture, rid.as_bytes());
            ada.write(Codec::Vp8, mid, Some(rid), k * 1_000_000 + u32::from(n) * 3000, &payload);
        }
    };
    let seen = |bob: &Client| bob.got.last().map(|g| g.payload[5..].to_vec());

    until(&mut [&mut ada, &mut bob], |c| {
        round(c[0], None);
        seen(c[1]) == Some(b"f".to_vec()) || c[0].asked.iter().any(|(_, rid)| rid.is_some())
    });
    until(&mut [&mut ada, &mut bob], |c| {
        round(c[0], Some("f"));
        seen(c[1]) == Some(b"f".to_vec())
    });

    ada.asked.clear();
    bob.send(json!({"t": "layer", "of": "ada", "mid": mid.to_string(), "rid": "q"}));
    until(&mut [&mut ada, &mut bob], |c| {
        round(c[0], None);
        c[0].asked.contains(&(mid, Some("q".into())))
    });
    assert_eq!(seen(&bob), Some(b"f".to_vec()), "the old layer goes on until the new one has a key frame");
    round(&mut ada, Some("q"));
    until(&mut [&mut ada, &mut bob], |c| {
        round(c[0], None);
        seen(c[1]) == Some(b"q".to_vec())
    });
    for pair in bob.got.windows(2) {
        assert_eq!(pair[1].seq, pair[0].seq + 1);
        let step = pair[1].timestamp.wrapping_sub(pair[0].timestamp);
        assert!((1..900_000).contains(&step), "timestamps run on: {step}");
        let picture = |g: &Got| u16::from_be_bytes([g.payload[2], g.payload[3]]) & 0x7fff;
        assert_eq!(picture(&pair[1]), picture(&pair[0]) + 1, "picture numbers run on");
    }
    let stats = support::http::get(&server, "/api/stats").json();
    let participants = stats["rooms"][0]["participants"].as_array().unwrap();
    let bob_stats = participants.iter().find(|p| p["id"] == "bob").unwrap();
    assert_eq!(bob_stats["subscriptions"][0]["rid"], "q");

    bob.send(json!({"t": "layer", "of": "ada", "mid": mid.to_string(), "rid": null}));
    until(&mut [&mut ada, &mut bob], |c| {
        round(c[0], Some("f"));
        seen(c[1]) == Some(b"f".to_vec())
    });
}

#[test]
fn lost_packets_of_video_are_sent_again() {
    let (_server, mut ada, mut bob, mids) = pair("r", &["video"], &[]);
    ada.lose(13);
    bob.lose(17);
    for n in 0..60u16 {
        ada.write(Codec::Vp8, mids[0], None, u32::from(n) * 3000, &vp8(n == 0, n, &[n as u8; 400]));
        pass(&mut [&mut ada, &mut bob], Duration::from_millis(10));
    }
    until(&mut [&mut ada, &mut bob], |c| c[1].got.len() == 60);
    let mut got: Vec<&Got> = bob.got.iter().collect();
    got.sort_by_key(|g| g.seq);
    assert!(got.iter().enumerate().all(|(n, g)| g.payload == vp8(n == 0, n as u16, &[n as u8; 400])));
}

#[test]
fn dependency_descriptors_go_along_and_their_frame_numbers_run_on() {
    let (_server, mut ada, mut bob, mids) = pair("r", &["video"], &["q", "f"]);
    let mid = mids[0];
    let describe = |number: u16, tail: &[u8]| [&[0xc1][..], &number.to_be_bytes(), tail].concat();
    // A key frame's descriptor is long: it carries the structure, and needs the two-byte form.
    let structure = [0x80; 40];
    let send = |ada: &mut Client, rid: &str, n: u16, key: bool| {
        let tail = if key { &structure[..] } else { &[0x12][..] };
        let descriptor = describe(if rid == "q" { 0xfff0 + n } else { 500 + n }, tail);
        let payload = [0x28, 2, 0x08, n as u8, 0x30, n as u8];
        let payload = if key { payload } else { [0x10, 0x30, n as u8, 0, 0, 0] };
        ada.write_described(Codec::Av1, mid, Some(rid), u32::from(n) * 3000, &payload, Some(&descriptor));
    };
    send(&mut ada, "q", 1, true);
    send(&mut ada, "q", 2, false);
    until(&mut [&mut ada, &mut bob], |c| c[1].got.len() == 2);
    send(&mut ada, "f", 3, true);
    send(&mut ada, "f", 4, false);
    until(&mut [&mut ada, &mut bob], |c| c[1].got.len() == 4);
    let got: Vec<Vec<u8>> = bob.got.iter().map(|g| g.descriptor.clone().unwrap()).collect();
    assert_eq!(got[0], describe(0xfff1, &structure));
    assert_eq!(got[1], describe(0xfff2, &[0x12]));
    assert_eq!(got[2], describe(0xfff3, &structure));
    assert_eq!(got[3], describe(0xfff4, &[0x12]));
}

#[test]
fn tracks_come_and_go() {
    let (server, mut ada, mut bob, mids) = pair("r", &["audio"], &[]);
    let screen = ada.publish(&["screen", "screen-audio"], &[]);
    let tracks = |c: &Client| c.last("offer").unwrap()["tracks"].as_array().unwrap().len();
    settle(&server, &mut [&mut ada, &mut bob], 3);
    until(&mut [&mut ada, &mut bob], |c| tracks(c[1]) == 3);
    ada.write(Codec::Vp8, screen[0], None, 0, &vp8(true, 0, b"screen"));
    until(&mut [&mut ada, &mut bob], |c| c[1].got.len() == 1);
    let member = bob.last("member").unwrap();
    assert_eq!(member["tracks"].as_array().unwrap().len(), 3);
    assert_eq!(member["tracks"][1]["kind"], "screen");

    ada.unpublish(screen[0]);
    settle(&server, &mut [&mut ada, &mut bob], 2);
    until(&mut [&mut ada, &mut bob], |c| tracks(c[1]) == 2);
    ada.write(Codec::Opus, mids[0], None, 960, b"still here");
    until(&mut [&mut ada, &mut bob], |c| c[1].got.len() == 2);

    // Somebody else publishes into the m-line that came free.
    let mut cleo = Client::join(&server, "r", "cleo");
    let cleos = cleo.publish(&["video"], &[]);
    settle(&server, &mut [&mut ada, &mut bob, &mut cleo], 3 + 1 + 2);
    cleo.write(Codec::Vp8, cleos[0], None, 0, &vp8(true, 0, b"cleo"));
    until(&mut [&mut ada, &mut bob, &mut cleo], |c| c[1].got.len() == 3);
    assert_eq!(bob.got[2].payload[5..], *b"cleo");

    ada.send(json!({"t": "leave"}));
    until(&mut [&mut ada, &mut bob, &mut cleo], |c| c[0].closed && c[1].last("left").is_some());
    until(&mut [&mut bob, &mut cleo], |c| tracks(c[0]) == 1);
    assert_eq!(bob.last("left").unwrap()["id"], "ada");
}

#[test]
fn rooms_do_not_hear_each_other() {
    let (server, mut ada, mut bob, mids) = pair("one", &["audio"], &[]);
    let mut eve = Client::join(&server, "two", "eve");
    for n in 0..5 {
        ada.write(Codec::Opus, mids[0], None, n * 960, b"secret");
    }
    until(&mut [&mut ada, &mut bob, &mut eve], |c| c[1].got.len() == 5);
    assert!(eve.got.is_empty());
    assert_eq!(eve.inbox.len(), 1, "a welcome and nothing more: {:?}", eve.inbox);
    assert_eq!(eve.inbox[0]["members"], json!([]));
}

#[test]
fn reconnecting_takes_a_new_id_and_gets_the_tracks_again() {
    let (server, mut ada, bob, mids) = pair("r", &["video"], &[]);
    drop(bob);
    until(&mut [&mut ada], |c| c[0].last("left").is_some());
    let mut bob = Client::join(&server, "r", "bob-2");
    settle(&server, &mut [&mut ada, &mut bob], 1);
    ada.write(Codec::Vp8, mids[0], None, 0, &vp8(true, 0, b"again"));
    until(&mut [&mut ada, &mut bob], |c| c[1].got.len() == 1);
}
