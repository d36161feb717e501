//! Every codec, through the payloaders and depayloaders of RTP: every frame comes back, and none travels in clear.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use support::{AV1, H264, H265, KEY, Line, OPUS, VP8, VP9, WAYS, Way, X264, has, init, read};

const FRAMES: u32 = 30;

/// Parts of a frame that no sealed frame may show: all behind what may be clear, which is at the front.
fn pieces<'a>(way: &Way, format: &str, frame: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let clear = match (way.name, format) {
        // The long SEI of x264: LiveKit's format leaves all before the first slice clear.
        ("h264 by x264", "livekit") => 800,
        // Three parameter sets.
        ("h265", _) => 192,
        _ => 64,
    };
    frame.get(clear..).unwrap_or_default().windows(24).step_by(24)
}

/// With start codes of three bytes: sealing spells them all alike.
fn spelled(frame: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(frame.len());
    for (at, byte) in frame.iter().enumerate() {
        if frame.get(at..at + 4) != Some(&[0, 0, 0, 1]) {
            out.push(*byte);
        }
    }
    out
}

fn through_rtp(way: &Way, format: &str) {
    init();
    if !has(way.needs) {
        return;
    }
    let setup = format!("format={format} participant=ada call=council-7 key={KEY}");
    let line = Line::new(&format!(
        "{} ! framesealenc name=enc {setup} ! {} ! {} ! framesealdec name=dec {setup} ! {} name=decoder ! fakesink name=sink",
        way.source(FRAMES),
        way.pay,
        way.depay,
        way.decoder,
    ));
    line.introduce();
    let before = line.tap("enc", "sink");
    let sealed = line.tap("enc", "src");
    let after = line.tap("dec", "src");
    let shown = line.counter("sink", "sink");
    let end = line.run();
    let what = format!("{} in {format}'s format", way.name);
    assert!(end.eos, "{what}: {end:?}");
    let (before, sealed, after) = (before.lock().unwrap(), sealed.lock().unwrap(), after.lock().unwrap());
    assert!(before.len() as u32 >= FRAMES, "{what}");
    for (plain, sealed) in before.iter().zip(sealed.iter()) {
        assert!(sealed.len() > plain.len(), "{what}");
        assert!(
            pieces(way, format, plain).all(|piece| sealed.windows(24).all(|other| other != piece)),
            "{what}"
        );
    }
    assert_eq!(line.count("enc", "sealed"), before.len() as u64, "{what}");
    assert_eq!(line.count("dec", "opened"), before.len() as u64, "{what}");
    let failed = ["no-key", "rejected", "malformed", "repeated"].map(|why| line.count("dec", why));
    assert_eq!((line.count("enc", "dropped"), failed), (0, [0; 4]), "{what}");
    assert_eq!(after.len(), before.len(), "{what}");
    for (at, (before, after)) in before.iter().zip(after.iter()).enumerate() {
        let same =
            if way.name.starts_with("h26") { spelled(before) == spelled(after) } else { before == after };
        assert!(same, "{what}: frame {at} of {} bytes came back otherwise", before.len());
    }
    assert_eq!(read(&shown), before.len() as u64, "{what}: decoded");
}

#[test]
fn opus_through_rtp() {
    through_rtp(&OPUS, "frameseal");
    through_rtp(&OPUS, "livekit");
}

#[test]
fn vp8_through_rtp() {
    through_rtp(&VP8, "frameseal");
    through_rtp(&VP8, "livekit");
}

#[test]
fn vp9_through_rtp() {
    through_rtp(&VP9, "frameseal");
    through_rtp(&VP9, "livekit");
}

#[test]
fn h264_through_rtp() {
    through_rtp(&H264, "frameseal");
    through_rtp(&H264, "livekit");
    // Its payloader puts parameter sets into the caps, and its depayloader puts them before the first frame.
    through_rtp(&Way { pay: "rtph264pay mtu=400", ..H264 }, "frameseal");
}

#[test]
fn h264_of_another_encoder_through_rtp() {
    through_rtp(&X264, "frameseal");
    through_rtp(&X264, "livekit");
}

#[test]
fn h265_through_rtp() {
    through_rtp(&H265, "frameseal");
}

#[test]
fn av1_through_rtp() {
    through_rtp(&AV1, "frameseal");
}

#[test]
fn livekits_format_refuses_av1_and_lets_nothing_through() {
    init();
    if !has(AV1.needs) {
        return;
    }
    let line = Line::new(&format!(
        "{} ! framesealenc name=enc format=livekit participant=ada key={KEY} ! fakesink name=sink",
        AV1.source(5)
    ));
    let out = line.counter("enc", "src");
    let end = line.run();
    assert_eq!(read(&out), 0);
    assert_eq!(line.count("enc", "sealed"), 0);
    assert!(!end.warnings.is_empty(), "{end:?}");
}

#[test]
fn every_suite_and_padding_in_every_codec() {
    init();
    let suites = ["aes-128-ctr-hmac-80", "aes-128-ctr-hmac-32", "aes-256-gcm", "aes-256-ctr-hmac-64"];
    for (way, suite) in WAYS.iter().zip(suites.into_iter().cycle()) {
        if !has(way.needs) {
            continue;
        }
        let setup = "participant=ada call=council-7 room-secret=\"a long secret of the room\"";
        let line = Line::new(&format!(
            "{} ! framesealenc name=enc {setup} suite={suite} padding=64 ! framesealdec name=dec {setup} ! {} ! fakesink name=sink",
            way.source(10),
            way.decoder,
        ));
        line.introduce();
        let shown = line.counter("sink", "sink");
        let end = line.run();
        assert!(end.eos, "{} {suite}: {end:?}", way.name);
        assert!(read(&shown) >= 10, "{} {suite}", way.name);
        assert_eq!(read(&shown), line.count("enc", "sealed"), "{} {suite}", way.name);
    }
}

#[test]
fn the_usual_payloaders_of_vp8_and_vp9_refuse_sealed_frames() {
    init();
    for (way, pay) in [(VP8, "rtpvp8pay"), (VP9, "rtpvp9pay")] {
        if !has(way.needs) {
            continue;
        }
        let line = Line::new(&format!(
            "{} ! framesealenc participant=ada call=council-7 key={KEY} ! {pay} ! fakesink",
            way.source(10)
        ));
        // The day they do not, `framesealpay` is not needed any more.
        assert_eq!(line.run().errors.len(), 1, "{pay}");
    }
}
