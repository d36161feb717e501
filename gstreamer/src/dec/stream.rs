//! What the element knows of its track: caps, events that wait for them, and how frames fared.

use e2ee_core::{OpenCause, TrackKind};

use crate::codec::{self, Codec};

/// How frames fared.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) opened: u64,
    pub(super) repeated: u64,
    pub(super) no_key: u64,
    pub(super) rejected: u64,
    pub(super) malformed: u64,
}

impl Tally {
    pub(super) fn count(&mut self, cause: Option<OpenCause>) {
        let counter = match cause.map(|cause| cause.code().0) {
            None | Some(110 | 111 | 140) => &mut self.no_key,
            Some(120 | 121) => &mut self.repeated,
            Some(130) => &mut self.rejected,
            Some(_) => &mut self.malformed,
        };
        *counter += 1;
    }

    pub(super) fn get(&self, name: &str) -> Option<u64> {
        Some(match name {
            "opened" => self.opened,
            "repeated" => self.repeated,
            "no-key" => self.no_key,
            "rejected" => self.rejected,
            "malformed" => self.malformed,
            _ => return None,
        })
    }
}

/// One track as it comes in and goes out.
pub(super) struct Stream {
    pub(super) codec: Codec,
    pub(super) kind: TrackKind,
    /// What came in.
    pub(super) caps: gst::Caps,
    /// What went out; VP8's wait for the first frame.
    pub(super) sent: Option<gst::Caps>,
    /// Events that must not overtake the caps.
    pub(super) held: Vec<gst::Event>,
    /// Frames were dropped since the last one that opened.
    pub(super) gap: bool,
}

impl Stream {
    /// The caps to be sent before this frame, when they changed.
    pub(super) fn outgoing(&mut self, frame: &[u8]) -> Option<gst::Caps> {
        if self.codec != Codec::Vp8 {
            return None;
        }
        let caps = match codec::vp8_size(frame) {
            Some((width, height)) => {
                let mut caps = self.caps.clone();
                caps.make_mut().set("width", width);
                caps.make_mut().set("height", height);
                caps
            }
            // Only key frames tell.
            None if self.sent.is_some() => return None,
            None => self.unsized_caps(),
        };
        if self.sent.as_ref() == Some(&caps) {
            return None;
        }
        self.sent = Some(caps.clone());
        Some(caps)
    }

    pub(super) fn unsized_caps(&self) -> gst::Caps {
        let mut caps = self.caps.clone();
        if let Some(structure) = caps.make_mut().structure_mut(0) {
            structure.remove_fields(["width", "height"]);
        }
        caps
    }
}
