//! What `gst-inspect-1.0` shows, and that no log has a key. In a process of its own: logging is global.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::sync::{Arc, Mutex};

use gst::prelude::*;
use support::{KEY, Line, OPUS, OTHER_KEY, init};

const ELEMENTS: [&str; 4] = ["framesealenc", "framesealdec", "framesealpay", "framesealav1depay"];

#[test]
fn every_element_and_property_is_described() {
    init();
    for name in ELEMENTS {
        let factory = gst::ElementFactory::find(name).unwrap();
        for key in ["long-name", "klass", "description", "author"] {
            assert!(factory.metadata(key).is_some_and(|text| !text.is_empty()), "{name}: {key}");
        }
        let element = factory.create().build().unwrap();
        for pspec in element.list_properties() {
            if pspec.owner_type() == element.type_() {
                assert!(pspec.blurb().is_some_and(|text| text.len() > 20), "{name}: {}", pspec.name());
                assert_ne!(pspec.nick(), pspec.name(), "{name}");
            }
        }
        assert_eq!(factory.static_pad_templates().len(), 2, "{name}");
    }
}

#[test]
fn keys_can_be_written_and_not_read() {
    init();
    for name in ["framesealenc", "framesealdec"] {
        let element = gst::ElementFactory::make(name).build().unwrap();
        for property in ["key", "room-secret"] {
            let flags = element.find_property(property).unwrap().flags();
            assert!(flags.contains(gst::glib::ParamFlags::WRITABLE), "{name}");
            assert!(!flags.contains(gst::glib::ParamFlags::READABLE), "{name}");
        }
    }
}

#[test]
fn no_log_has_a_key() {
    init();
    let lines: Arc<Mutex<Vec<String>>> = Arc::default();
    let into = Arc::clone(&lines);
    let log = gst::log::add_log_function(move |category, _, _, _, _, object, message| {
        let text = message.get().map(|text| text.to_string()).unwrap_or_default();
        into.lock().unwrap().push(format!("{} {object:?} {text}", category.name()));
    });
    gst::log::remove_default_log_function();
    gst::log::set_default_threshold(gst::DebugLevel::Memdump);
    const SECRET: &str = "the-secret-of-the-room";
    // Not in the description: whoever parses one logs it.
    let line = Line::new(&format!(
        "{} ! framesealenc name=enc participant=ada call=council-7 ! framesealdec name=dec participant=ada call=council-7 ! fakesink",
        OPUS.source(3)
    ));
    for element in ["enc", "dec"] {
        line.element(element).set_property("room-secret", SECRET);
        line.element(element).set_property("key", KEY);
    }
    line.introduce();
    let enc = line.element("enc");
    line.probe("enc", "sink", move |_, _, _| {
        let _: bool = enc.emit_by_name("rotate", &[]);
    });
    assert!(line.run().eos);
    line.element("enc").set_property("key", OTHER_KEY);
    line.element("dec").set_property("key", format!("{KEY}0"));
    let _ = line.pipeline.set_state(gst::State::Null);
    gst::log::set_default_threshold(gst::DebugLevel::None);
    gst::log::remove_log_function(log);
    let lines = lines.lock().unwrap();
    assert!(
        lines.iter().any(|line| line.starts_with("frameseal ")),
        "the plugin's own category is among them"
    );
    let bad = lines.iter().find(|line| [KEY, OTHER_KEY, SECRET].iter().any(|key| line.contains(key)));
    assert_eq!(bad, None);
}
