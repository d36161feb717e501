//! The pipelines of the documentation are pipelines.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use support::init;

#[test]
fn every_pipeline_that_is_printed_can_be_made() {
    init();
    let text = include_str!("../../docs/gstreamer.md");
    let mut variables: Vec<(&str, String)> = vec![("$KEY", support::KEY.to_owned())];
    for name in ["ME", "ADA"] {
        let value = text.lines().find_map(|line| line.strip_prefix(&format!("{name}=\"")));
        let value = value.unwrap().trim_end_matches('"');
        let value = variables.iter().fold(value.to_owned(), |text, (name, with)| text.replace(name, with));
        variables.push(if name == "ME" { ("$ME", value) } else { ("$ADA", value) });
    }
    let mut made = 0;
    for line in text.lines().filter_map(|line| line.strip_prefix("gst-launch-1.0 ")) {
        let line = line.trim_start_matches("-v ").trim_start_matches("-e ");
        let line = variables.iter().fold(line.to_owned(), |text, (name, with)| text.replace(name, with));
        match gst::parse::launch(&line) {
            Ok(_) => made += 1,
            // The sinks of a desktop, and encoders, are not everywhere.
            Err(error) if error.matches(gst::ParseError::NoSuchElement) => println!("skipped: {error}"),
            Err(error) => panic!("{line}: {error}"),
        }
    }
    assert!(made >= 5, "{made} of the pipelines could be made");
}
