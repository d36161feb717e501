//! What must not pass, does not: without a key, with another, in another call, after the network touched it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use gst::prelude::*;
use support::{AV1, End, H264, KEY, Line, OPUS, OTHER_KEY, VP8, VP9, WAYS, has, init, read};

const SENDER: &str = "participant=ada call=council-7";

fn pair(source: &str, enc: &str, dec: &str) -> Line {
    Line::new(&format!(
        "{source} ! framesealenc name=enc {enc} ! framesealdec name=dec {dec} ! fakesink name=sink"
    ))
}

fn is_no_key(end: &End) -> bool {
    end.errors.iter().any(|error| error.matches(gst::StreamError::DecryptNokey))
}

#[test]
fn without_a_key_the_pipeline_fails_and_no_buffer_passes() {
    init();
    for format in ["frameseal", "livekit"] {
        let enc = Line::new(&format!(
            "{} ! framesealenc name=enc {SENDER} format={format} ! fakesink",
            OPUS.source(5)
        ));
        let out = enc.counter("enc", "src");
        let end = enc.run();
        assert!(is_no_key(&end), "{format}: {end:?}");
        assert_eq!(read(&out), 0);

        let setup = format!("{SENDER} format={format}");
        let dec = pair(&OPUS.source(5), &format!("{setup} key={KEY}"), &setup);
        let out = dec.counter("dec", "src");
        let end = dec.run();
        assert!(is_no_key(&end), "{format}: {end:?}");
        assert_eq!(read(&out), 0);
    }
}

#[test]
fn what_is_not_a_usable_setup_is_named_and_lets_nothing_pass() {
    init();
    for (setup, says) in [
        (format!("call=c key={KEY}"), "participant"),
        (format!("participant=ada key={KEY}"), "call"),
        (format!("{SENDER} key=0011"), "16 to 256 bytes"),
        (format!("{SENDER} key={KEY}0"), "hexadecimal"),
        (format!("{SENDER} key={KEY}zz"), "hexadecimal"),
        (format!("{SENDER} room-secret=\"\""), "room-secret"),
        (format!("{SENDER} key={KEY} format=livekit suite=aes-128-ctr-hmac-80"), "LiveKit"),
        (format!("{SENDER} kind=video key={KEY}"), "cannot carry"),
    ] {
        let line = Line::new(&format!("{} ! framesealenc name=enc {setup} ! fakesink", OPUS.source(5)));
        let out = line.counter("enc", "src");
        let end = line.run();
        let text = end.errors.iter().map(ToString::to_string).collect::<String>();
        assert!(text.contains(says), "{setup}: {text}");
        assert!(!text.contains(KEY), "{text}");
        assert_eq!(read(&out), 0, "{setup}");
    }
}

#[test]
fn a_key_that_is_taken_away_stops_the_sender() {
    init();
    let line =
        Line::new(&format!("{} ! framesealenc name=enc {SENDER} key={KEY} ! fakesink", OPUS.source(50)));
    let enc = line.element("enc");
    line.probe("enc", "sink", move |_, _, number| {
        if number == 10 {
            enc.set_property("key", None::<String>);
        }
    });
    let out = line.counter("enc", "src");
    let end = line.run();
    assert!(is_no_key(&end), "{end:?}");
    assert_eq!(read(&out), 10);
}

#[test]
fn under_another_key_call_name_or_kind_nothing_opens() {
    init();
    for way in [OPUS, VP8, VP9, H264, AV1] {
        if !has(way.needs) {
            continue;
        }
        let line =
            pair(&way.source(10), &format!("{SENDER} key={KEY}"), &format!("{SENDER} key={OTHER_KEY}"));
        line.introduce();
        let out = line.counter("dec", "src");
        let end = line.run();
        assert!(end.eos, "{}: {end:?}", way.name);
        assert_eq!((read(&out), line.count("dec", "opened")), (0, 0), "{}", way.name);
        assert_eq!(line.count("dec", "rejected"), line.count("enc", "sealed"), "{}", way.name);
        assert!(!end.warnings.is_empty(), "{}", way.name);
    }
    let others = [
        format!("participant=ada call=council-8 key={KEY}"),
        format!("participant=bob call=council-7 key={KEY}"),
        format!("{SENDER} key={KEY} kind=screen-audio"),
        format!("{SENDER} room-secret={KEY}"),
    ];
    for other in others {
        let line = pair(&OPUS.source(10), &format!("{SENDER} key={KEY}"), &other);
        line.introduce();
        assert!(line.run().eos);
        assert_eq!((line.count("dec", "opened"), line.count("dec", "rejected")), (0, 11), "{other}");
    }
    let livekit = format!("{SENDER} format=livekit");
    for other in ["key-index=1 key=".to_owned() + KEY, "key=".to_owned() + OTHER_KEY] {
        let line = pair(&OPUS.source(10), &format!("{livekit} key={KEY}"), &format!("{livekit} {other}"));
        assert!(line.run().eos);
        assert_eq!(line.count("dec", "opened"), 0, "{other}");
        assert_eq!(line.count("dec", "rejected") + line.count("dec", "no-key"), 11, "{other}");
    }
}

#[test]
fn frames_that_were_touched_are_dropped_and_counted_and_the_others_open() {
    init();
    for way in &WAYS {
        if !has(way.needs) {
            continue;
        }
        for format in ["frameseal", "livekit"] {
            if way.name == "av1" && format == "livekit" {
                continue;
            }
            let setup = format!("{SENDER} key={KEY} format={format}");
            let line = pair(&way.source(30), &setup, &setup);
            line.introduce();
            line.probe("enc", "src", |_, buffer, number| {
                if number % 3 == 1 {
                    let mut map = buffer.make_mut().map_writable().unwrap();
                    let middle = map.len() / 2;
                    map[middle] ^= 0x40;
                }
            });
            let start = std::time::Instant::now();
            let end = line.run();
            let seconds = start.elapsed().as_secs() as usize;
            let what = format!("{} in {format}'s format", way.name);
            assert!(end.eos, "{what}: {end:?}");
            let (sealed, opened) = (line.count("enc", "sealed"), line.count("dec", "opened"));
            let dropped = line.count("dec", "rejected") + line.count("dec", "malformed");
            assert_eq!((opened, dropped), (sealed - (sealed + 1) / 3, (sealed + 1) / 3), "{what}");
            // One a second at most.
            assert!((1..=seconds + 2).contains(&end.warnings.len()), "{what}: {:?}", end.warnings);
        }
    }
}

#[test]
fn what_was_not_sealed_does_not_pass() {
    init();
    for way in &WAYS {
        if !has(way.needs) {
            continue;
        }
        for format in ["frameseal", "livekit"] {
            let line = Line::new(&format!(
                "{} ! framesealdec name=dec {SENDER} key={KEY} format={format} announcement=fs1-0004-000102030405060708090a0b0c0d0eff ! fakesink",
                way.source(10)
            ));
            let out = line.counter("dec", "src");
            assert!(line.run().eos);
            assert_eq!((read(&out), line.count("dec", "opened")), (0, 0), "{} {format}", way.name);
        }
    }
}

#[test]
fn repeats_are_dropped_without_a_warning() {
    init();
    for format in ["frameseal", "livekit"] {
        let setup = format!("{SENDER} key={KEY} format={format}");
        let line = pair(&OPUS.source(30), &setup, &setup);
        line.introduce();
        let sink = line.element("dec").static_pad("sink").unwrap();
        line.probe("enc", "src", move |_, buffer, number| {
            if number > 0 {
                // First by this way, then by the usual one.
                sink.chain(buffer.copy()).unwrap();
            }
        });
        let end = line.run();
        assert!(end.eos, "{format}: {end:?}");
        assert_eq!(line.count("dec", "opened"), 31, "{format}");
        assert_eq!(line.count("dec", "repeated"), 30, "{format}");
        assert!(end.warnings.is_empty(), "{format}: {:?}", end.warnings);
    }
}

#[test]
fn without_an_announcement_frames_are_dropped_until_it_comes() {
    init();
    let line = pair(&VP8.source(30), &format!("{SENDER} key={KEY}"), &format!("{SENDER} key={KEY}"));
    let (enc, dec) = (line.element("enc"), line.element("dec"));
    line.probe("enc", "src", move |_, _, number| {
        if number == 12 {
            dec.set_property("announcement", enc.property::<Option<String>>("announcement"));
        }
    });
    let asked = line.pipeline.clone();
    let source = line.element("enc").static_pad("sink").unwrap();
    let requests = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let seen = std::sync::Arc::clone(&requests);
    source.add_probe(gst::PadProbeType::EVENT_UPSTREAM, move |_, info| {
        if info.event().is_some_and(|e| e.has_name("GstForceKeyUnit")) {
            seen.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        }
        gst::PadProbeReturn::Ok
    });
    let end = line.run();
    drop(asked);
    assert!(end.eos, "{end:?}");
    assert_eq!((line.count("dec", "no-key"), line.count("dec", "opened")), (12, 18));
    assert_eq!(read(&requests), 1, "the decoder cannot start at a delta frame: a key frame is asked for");
}
