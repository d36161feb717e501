//! Pipelines that run to their end, and what was seen on their pads.
#![allow(dead_code)] // not every test file uses everything

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use gst::prelude::*;

/// A sender's key, hexadecimal.
pub(crate) const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
/// Another one.
pub(crate) const OTHER_KEY: &str = "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// What Debian's packages have for a codec.
pub(crate) struct Way {
    pub(crate) name: &'static str,
    /// Makes `N` frames; `N` is replaced.
    pub(crate) encoder: &'static str,
    pub(crate) pay: &'static str,
    pub(crate) depay: &'static str,
    pub(crate) decoder: &'static str,
    /// An element that is not everywhere.
    pub(crate) needs: &'static str,
}

const PICTURES: &str =
    "videotestsrc num-buffers=N pattern=ball ! video/x-raw,format=I420,width=320,height=240,framerate=30/1";

pub(crate) const OPUS: Way = Way {
    name: "opus",
    encoder: "audiotestsrc num-buffers=N samplesperbuffer=960 ! audio/x-raw,rate=48000,channels=2 ! opusenc",
    pay: "rtpopuspay",
    depay: "rtpopusdepay",
    decoder: "opusdec",
    needs: "opusenc",
};
pub(crate) const VP8: Way = Way {
    name: "vp8",
    encoder: "PICTURES ! vp8enc deadline=1 keyframe-max-dist=10",
    pay: "framesealpay mtu=400",
    depay: "rtpvp8depay",
    decoder: "vp8dec",
    needs: "vp8enc",
};
pub(crate) const VP9: Way = Way {
    name: "vp9",
    encoder: "PICTURES ! vp9enc deadline=1 lag-in-frames=0 keyframe-max-dist=10",
    pay: "framesealpay mtu=400",
    depay: "rtpvp9depay",
    decoder: "vp9dec",
    needs: "vp9enc",
};
pub(crate) const H264: Way = Way {
    name: "h264",
    encoder: "PICTURES ! openh264enc gop-size=10",
    pay: "framesealpay mtu=400",
    depay: "rtph264depay",
    decoder: "h264parse ! openh264dec",
    needs: "openh264enc",
};
pub(crate) const AV1: Way = Way {
    name: "av1",
    encoder: "PICTURES ! av1enc usage-profile=realtime cpu-used=8 lag-in-frames=0 keyframe-max-dist=10",
    pay: "framesealpay mtu=400",
    depay: "framesealav1depay",
    decoder: "av1dec",
    needs: "av1enc",
};
/// Writes access unit delimiters and SEI, which OpenH264 does not.
pub(crate) const X264: Way = Way {
    name: "h264 by x264",
    encoder: "PICTURES ! x264enc tune=zerolatency aud=true key-int-max=10 ! video/x-h264,profile=baseline",
    needs: "x264enc",
    ..H264
};
pub(crate) const H265: Way = Way {
    name: "h265",
    encoder: "PICTURES ! x265enc tune=zerolatency speed-preset=ultrafast key-int-max=10",
    pay: "rtph265pay mtu=400",
    depay: "rtph265depay",
    decoder: "h265parse",
    needs: "x265enc",
};
pub(crate) const WAYS: [Way; 5] = [OPUS, VP8, VP9, H264, AV1];

impl Way {
    pub(crate) fn source(&self, frames: u32) -> String {
        self.encoder.replace("PICTURES", PICTURES).replace('N', &frames.to_string())
    }
}

/// Registers the plugin once.
pub(crate) fn init() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        gst::init().unwrap();
        gstframeseal::plugin_desc::plugin_register_static().unwrap();
    });
}

/// Whether an element is there; says so when not.
pub(crate) fn has(element: &str) -> bool {
    let there = gst::ElementFactory::find(element).is_some();
    if !there {
        println!("skipped: there is no element {element}");
    }
    there
}

/// What became of a pipeline.
#[derive(Debug, Default)]
pub(crate) struct End {
    pub(crate) eos: bool,
    pub(crate) errors: Vec<gst::glib::Error>,
    pub(crate) warnings: Vec<String>,
}

pub(crate) struct Line {
    pub(crate) pipeline: gst::Pipeline,
}

impl Line {
    pub(crate) fn new(description: &str) -> Self {
        init();
        let pipeline =
            gst::parse::launch(description).unwrap_or_else(|error| panic!("{description}: {error}"));
        Self { pipeline: pipeline.downcast().unwrap() }
    }

    pub(crate) fn element(&self, name: &str) -> gst::Element {
        self.pipeline.by_name(name).unwrap_or_else(|| panic!("no element {name}"))
    }

    pub(crate) fn count(&self, element: &str, property: &str) -> u64 {
        self.element(element).property(property)
    }

    /// Hands the announcement of `enc` to `dec`, as signalling would.
    pub(crate) fn introduce(&self) {
        self.pipeline.set_state(gst::State::Ready).unwrap();
        let said: Option<String> = self.element("enc").property("announcement");
        self.element("dec").set_property("announcement", said);
    }

    /// Plays to the end of the stream or the first error.
    pub(crate) fn run(&self) -> End {
        let bus = self.pipeline.bus().unwrap();
        let mut end = End::default();
        let _ = self.pipeline.set_state(gst::State::Playing);
        loop {
            let Some(message) = bus.timed_pop(gst::ClockTime::from_seconds(60)) else {
                panic!("the pipeline neither ended nor failed: {end:?}");
            };
            match message.view() {
                gst::MessageView::Eos(_) => {
                    end.eos = true;
                    break;
                }
                gst::MessageView::Error(error) => {
                    end.errors.push(error.error());
                    break;
                }
                gst::MessageView::Warning(warning) => {
                    end.warnings.push(format!("{} {:?}", warning.error(), warning.debug()));
                }
                _ => {}
            }
        }
        end
    }

    /// Collects the buffers that pass a pad.
    pub(crate) fn tap(&self, element: &str, pad: &str) -> Arc<Mutex<Vec<Vec<u8>>>> {
        let taken: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
        let into = Arc::clone(&taken);
        self.probe(element, pad, move |_, buffer, _| {
            into.lock().unwrap().push(buffer.map_readable().unwrap().to_vec());
        });
        taken
    }

    /// Counts the buffers that pass a pad.
    pub(crate) fn counter(&self, element: &str, pad: &str) -> Arc<AtomicU64> {
        let count: Arc<AtomicU64> = Arc::default();
        let into = Arc::clone(&count);
        self.probe(element, pad, move |_, _, _| {
            into.fetch_add(1, Ordering::SeqCst);
        });
        count
    }

    /// Calls `with` for every buffer, with its number from 0.
    pub(crate) fn probe(
        &self,
        element: &str,
        pad: &str,
        with: impl Fn(&gst::Pad, &mut gst::Buffer, u64) + Send + Sync + 'static,
    ) {
        let pad = self.element(element).static_pad(pad).unwrap();
        let number = AtomicU64::new(0);
        pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
            if let Some(buffer) = info.buffer_mut() {
                with(pad, buffer, number.fetch_add(1, Ordering::SeqCst));
            }
            gst::PadProbeReturn::Ok
        });
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Reads a counter.
pub(crate) fn read(count: &AtomicU64) -> u64 {
    count.load(Ordering::SeqCst)
}
