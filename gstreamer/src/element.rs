//! What both elements do with pads, buffers and warnings.

use std::time::{Duration, Instant};

use gst::prelude::*;

use crate::codec::Codec;

/// At most one warning in so long.
const WARN_EVERY: Duration = Duration::from_secs(1);

/// Always pads `sink` and `src` with `caps`.
pub(crate) fn templates(caps: &gst::Caps) -> Vec<gst::PadTemplate> {
    let template = |name, direction| gst::PadTemplate::new(name, direction, gst::PadPresence::Always, caps);
    [template("sink", gst::PadDirection::Sink), template("src", gst::PadDirection::Src)]
        .into_iter()
        .flatten()
        .collect()
}

/// A pad of the class's template.
#[allow(clippy::expect_used)] // the class got its templates from `templates`, before there is an element
pub(crate) fn pad(template: Option<gst::PadTemplate>) -> gst::PadBuilder<gst::Pad> {
    gst::Pad::builder_from_template(&template.expect("the class has a sink and a src template"))
}

/// Adds the pads to a new element.
pub(crate) fn add_pads(element: &gst::Element, pads: [&gst::Pad; 2]) {
    for pad in pads {
        if let Err(error) = element.add_pad(pad) {
            gst::error!(crate::CATEGORY, obj = element, "{error}");
        }
    }
}

/// A buffer with other bytes and the same times and flags. Of the metadata only clock times go along: others (captions,
/// audio levels, regions of interest) tell of the content.
pub(crate) fn carry(from: &gst::Buffer, bytes: &[u8]) -> gst::Buffer {
    let mut to = gst::Buffer::from_mut_slice(Vec::from(bytes));
    let target = to.make_mut();
    // Cannot fail without memory and metadata to be copied.
    let _ = from.copy_into(target, gst::BufferCopyFlags::FLAGS | gst::BufferCopyFlags::TIMESTAMPS, ..);
    for meta in from.iter_meta::<gst::meta::ReferenceTimestampMeta>() {
        let duration = meta.duration();
        gst::meta::ReferenceTimestampMeta::add(target, &meta.reference_owned(), meta.timestamp(), duration);
    }
    to
}

/// Presentation time on the codec's RTP clock, modulo 2^32.
pub(crate) fn timestamp(buffer: &gst::Buffer, codec: Codec) -> u32 {
    let time = buffer.pts().or(buffer.dts()).map_or(0, gst::ClockTime::nseconds);
    let ticks = u128::from(time) * u128::from(codec.clock_rate()) / 1_000_000_000;
    u32::try_from(ticks & u128::from(u32::MAX)).unwrap_or_default()
}

/// Tells when it is time for another warning.
#[derive(Default)]
pub(crate) struct Warnings {
    last: Option<Instant>,
    since: u64,
}

impl Warnings {
    /// Counts a dropped frame; `Some` with their number since the last warning when one is due.
    pub(crate) fn count(&mut self) -> Option<u64> {
        self.since += 1;
        if self.last.is_some_and(|last| last.elapsed() < WARN_EVERY) {
            return None;
        }
        self.last = Some(Instant::now());
        Some(std::mem::take(&mut self.since))
    }
}
