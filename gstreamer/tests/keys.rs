//! Keys that change while frames flow, and keys as the rest of the product has them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use e2ee_core::{
    Announcement, CallId, CodecRule, FrameBuf, FrameFormat, FrameInfo, KidScheme, Opener, ParticipantId,
    Profile, Provider, RoomSecret, SecretBytes, TrackKind,
};
use gst::prelude::*;
use support::{KEY, Line, OPUS, OTHER_KEY, VP8, init, read};

const SENDER: &str = "participant=ada call=council-7";

fn pair(source: &str, setup: &str) -> Line {
    Line::new(&format!(
        "{source} ! framesealenc name=enc {setup} ! framesealdec name=dec {setup} ! fakesink name=sink"
    ))
}

/// Opens what the element sealed with the core alone, under the secret as the SDK takes it.
fn opens_with_the_core(setup: &str, secret: &RoomSecret) {
    let line = Line::new(&format!(
        "{} ! framesealenc name=enc {SENDER} {setup} kind=screen-audio suite=aes-256-gcm ! fakesink",
        OPUS.source(10)
    ));
    line.pipeline.set_state(gst::State::Ready).unwrap();
    let said: String = line.element("enc").property("announcement");
    let said: Announcement = said.parse().unwrap();
    let (plain, sealed) = (line.tap("enc", "sink"), line.tap("enc", "src"));
    assert!(line.run().eos);
    let (call, who) = (CallId::new("council-7").unwrap(), ParticipantId::new("ada").unwrap());
    let profile = Profile {
        provider: Provider::best(),
        suite: said.suite,
        format: FrameFormat::Frameseal { call: call.clone() },
        scheme: KidScheme::default(),
    };
    let mut opener = Opener::new(profile, who.clone());
    opener.follow_room(secret.sender(&call, &who, &said.incarnation));
    let info = FrameInfo::track(TrackKind::ScreenAudio, CodecRule::Opaque);
    let (plain, sealed) = (plain.lock().unwrap(), sealed.lock().unwrap());
    assert_eq!((plain.len(), sealed.len()), (11, 11));
    for (plain, sealed) in plain.iter().zip(sealed.iter()) {
        let mut buf = FrameBuf::new();
        buf.fill(sealed);
        assert_eq!(opener.open(&info, &mut buf).unwrap(), plain);
    }
}

#[test]
fn key_and_room_secret_are_those_of_the_sdk() {
    init();
    let key: Vec<u8> = (0..32).collect();
    let key = RoomSecret::from_stretched(SecretBytes::copy_of(&key));
    opens_with_the_core(&format!("key={KEY}"), &key);
    let secret = RoomSecret::stretch("a long secret", &CallId::new("council-7").unwrap());
    opens_with_the_core("room-secret=\"a long secret\"", &secret);
}

#[test]
fn rotating_and_ratcheting_lose_no_frame() {
    init();
    for (format, works) in [("frameseal", [true, true]), ("livekit", [false, true])] {
        let line = pair(&OPUS.source(60), &format!("{SENDER} key={KEY} format={format}"));
        line.introduce();
        let before: Option<String> = line.element("enc").property("announcement");
        let enc = line.element("enc");
        line.probe("enc", "sink", move |_, _, number| {
            let [rotates, ratchets] = works;
            match number {
                10 | 40 => assert_eq!(enc.emit_by_name::<bool>("rotate", &[]), rotates),
                20 | 25 | 45 => assert_eq!(enc.emit_by_name::<bool>("ratchet", &[]), ratchets),
                _ => {}
            }
        });
        let end = line.run();
        assert!(end.eos && end.warnings.is_empty(), "{format}: {end:?}");
        assert_eq!((line.count("enc", "sealed"), line.count("dec", "opened")), (61, 61), "{format}");
        assert_eq!(before, line.element("enc").property::<Option<String>>("announcement"), "{format}");
    }
    let idle = Line::new("framesealenc name=enc ! fakesink");
    assert!(!idle.element("enc").emit_by_name::<bool>("rotate", &[]));
}

/// One announcement is all that receivers know of a participant.
#[test]
fn camera_and_microphone_of_a_participant_have_one_announcement() {
    init();
    let setup = format!("participant=bob call=council-7 key={KEY}");
    let line = Line::new(&format!(
        "{} ! framesealenc name=enc {setup} padding=100 ! framesealdec name=dec {setup} ! fakesink \
         {} ! framesealenc name=enc2 {setup} ! framesealdec name=dec2 {setup} ! fakesink \
         {} ! framesealenc name=enc3 {setup} kind=screen-video ! framesealdec name=dec3 {setup} kind=screen-video ! fakesink",
        OPUS.source(30),
        VP8.source(30),
        VP8.source(30),
    ));
    line.introduce();
    let said: String = line.element("enc").property("announcement");
    let alone = Line::new(&format!("framesealenc name=enc {SENDER} key={OTHER_KEY} ! fakesink"));
    alone.pipeline.set_state(gst::State::Ready).unwrap();
    assert_ne!(said, alone.element("enc").property::<String>("announcement"), "another secret");
    for (enc, dec) in [("enc2", "dec2"), ("enc3", "dec3")] {
        assert_eq!(said, line.element(enc).property::<String>("announcement"));
        line.element(dec).set_property("announcement", &said);
    }
    let enc = line.element("enc2");
    line.probe("enc", "sink", move |_, _, number| {
        if number == 10 {
            assert!(enc.emit_by_name::<bool>("rotate", &[]));
        }
    });
    let padded = line.tap("enc", "src");
    let end = line.run();
    assert!(end.eos && end.warnings.is_empty(), "{end:?}");
    assert_eq!(["dec", "dec2", "dec3"].map(|dec| line.count(dec, "opened")), [31, 30, 30]);
    // Layout byte, header of 1 to 3 bytes, tag.
    assert!(padded.lock().unwrap().iter().all(|frame| (18..=20).contains(&(frame.len() % 100))));
}

#[test]
fn a_new_key_comes_with_a_new_announcement() {
    init();
    let line = pair(&OPUS.source(40), &format!("{SENDER} key={KEY}"));
    line.introduce();
    let (enc, dec) = (line.element("enc"), line.element("dec"));
    let first: String = enc.property("announcement");
    let told = dec.clone();
    enc.connect_notify(Some("announcement"), move |enc, _| {
        told.set_property("announcement", enc.property::<Option<String>>("announcement"));
    });
    let hand = enc.clone();
    line.probe("enc", "sink", move |_, _, number| {
        if number == 20 {
            dec.set_property("key", OTHER_KEY);
            hand.set_property("key", OTHER_KEY);
            // The same again changes nothing.
            let said: String = hand.property("announcement");
            hand.set_property("key", OTHER_KEY);
            assert_eq!(said, hand.property::<String>("announcement"));
        }
    });
    assert!(line.run().eos);
    assert_eq!(line.count("dec", "opened"), 41);
    assert_ne!(first, line.element("enc").property::<String>("announcement"));
}

#[test]
fn livekits_slots_are_set_ahead_and_old_frames_still_open() {
    init();
    let line = pair(&OPUS.source(40), &format!("{SENDER} key={KEY} format=livekit"));
    let (enc, dec) = (line.element("enc"), line.element("dec"));
    line.probe("enc", "sink", move |_, _, number| match number {
        10 => {
            dec.set_property("key-index", 3_u32);
            dec.set_property("key", OTHER_KEY);
        }
        20 => {
            enc.set_property("key-index", 3_u32);
            enc.set_property("key", OTHER_KEY);
        }
        _ => {}
    });
    assert!(line.run().eos);
    assert_eq!(line.count("dec", "opened"), 41);
}

#[test]
fn the_call_stays_what_it_is_while_frames_flow_and_changes_before() {
    init();
    // A name of its own: tests run in one process, and a sealer is a participant's.
    let line = pair(&OPUS.source(30), "participant=eve call=council-6");
    for element in ["enc", "dec"] {
        line.element(element).set_property("key", KEY);
    }
    line.introduce();
    let first: String = line.element("enc").property("announcement");
    for element in ["enc", "dec"] {
        line.element(element).set_property("call", "council-7");
    }
    let second: String = line.element("enc").property("announcement");
    assert_ne!(first, second, "another call, another sealer");
    line.introduce();
    let enc = line.element("enc");
    line.probe("enc", "sink", move |_, _, number| match number {
        10 => enc.set_property("call", "council-8"),
        // Whatever was ignored, keys are taken.
        20 => enc.set_property("key", OTHER_KEY),
        _ => {}
    });
    assert!(line.run().eos);
    assert_eq!(line.element("enc").property::<String>("call"), "council-7");
    assert_eq!((line.count("dec", "opened"), line.count("dec", "rejected")), (20, 11));
}

/// An announcement that comes again finds the replay window that it had.
#[test]
fn going_back_to_an_announcement_opens_no_frame_twice() {
    init();
    let line = pair(&OPUS.source(20), &format!("{SENDER} key={KEY}"));
    line.introduce();
    let dec = line.element("dec");
    let sink = dec.static_pad("sink").unwrap();
    line.probe("enc", "src", move |_, buffer, _| {
        sink.chain(buffer.copy()).unwrap();
        let said: String = dec.property("announcement");
        dec.set_property("announcement", "fs1-0004-000102030405060708090a0b0c0d0eff");
        dec.set_property("announcement", None::<String>);
        dec.set_property("announcement", said);
    });
    let opened = line.counter("dec", "src");
    // The first copy comes before caps and segment went through.
    let end = line.run();
    assert!(end.eos, "{end:?}");
    assert_eq!((line.count("dec", "opened"), line.count("dec", "repeated")), (21, 21));
    assert_eq!(read(&opened), 21);
}

#[test]
fn a_stopped_sender_goes_on_with_its_counters() {
    init();
    let line = pair(&OPUS.source(10), &format!("{SENDER} key={KEY}"));
    line.introduce();
    let first: String = line.element("enc").property("announcement");
    for round in 1..=3 {
        assert!(line.run().eos);
        line.pipeline.set_state(gst::State::Null).unwrap();
        assert_eq!(line.count("dec", "opened"), 11 * round);
    }
    assert_eq!(first, line.element("enc").property::<String>("announcement"));
    assert_eq!(line.count("dec", "repeated"), 0);
}

#[test]
fn vp8s_size_is_that_of_the_opened_frame() {
    init();
    let setup = format!("{SENDER} key={KEY}");
    let line = Line::new(&format!(
        "{} ! framesealenc name=enc {setup} ! framesealpay ! rtpvp8depay ! framesealdec name=dec {setup} ! fakesink",
        VP8.source(25)
    ));
    line.introduce();
    let sizes = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = std::sync::Arc::clone(&sizes);
    let pad = line.element("dec").static_pad("src").unwrap();
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        if let Some(gst::EventView::Caps(caps)) = info.event().map(|event| event.view()) {
            let caps = caps.caps().structure(0).unwrap();
            let side = |name| caps.get::<i32>(name).unwrap();
            seen.lock().unwrap().push((side("width"), side("height")));
        }
        gst::PadProbeReturn::Ok
    });
    assert!(line.run().eos);
    assert_eq!(*sizes.lock().unwrap(), [(320, 240)]);
}
