//! Every recipe can be encoded here, and the cut is what the container and codec say.

use std::path::Path;

use e2ee_testkit::streams::{Codec, RECIPES, VIDEO_FRAMES, read_frames, stream, streams};

fn dir() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

#[test]
fn every_stream_has_its_frames() {
    let made = streams(dir()).unwrap_or_else(|error| panic!("{error}"));
    assert!(made.len() >= RECIPES.iter().filter(|recipe| !recipe.optional).count());
    for stream in made {
        let expected = if stream.codec == Codec::Opus { 100..=160 } else { VIDEO_FRAMES..=VIDEO_FRAMES };
        assert!(expected.contains(&stream.frames.len()), "{}: {} frames", stream.name, stream.frames.len());
        assert!(stream.frames.iter().all(|frame| !frame.is_empty()), "{}", stream.name);
    }
}

#[test]
fn annex_b_access_units_add_up_to_the_file() {
    let slices = stream(dir(), "h264-slices").unwrap_or_else(|error| panic!("{error}"));
    for entry in std::fs::read_dir(dir()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with("h264-slices-") {
            assert_eq!(slices.frames.concat(), std::fs::read(&path).unwrap());
            assert_eq!(read_frames(&path, Codec::H264).unwrap(), slices.frames);
        }
    }
    // Each access unit begins with its delimiter.
    assert!(slices.frames.iter().all(|frame| frame.starts_with(&[0, 0, 0, 1, 9])));
}

#[test]
fn an_unknown_stream_is_named() {
    let error = stream(dir(), "h266").unwrap_err().to_string();
    assert_eq!(error, "no stream is called \"h266\"");
}
