//! RTP for codecs whose usual elements read the frame, or are not everywhere.
//!
//! `rtpvp8pay` reads partition sizes and `rtpvp9pay` the uncompressed header; of a sealed frame both are ciphertext, and
//! they stop the pipeline. `rtph264pay` takes zeros away at the end of a frame, which LiveKit's trailer may have. [`pay`]
//! does neither. AV1's elements are not in Debian 12.

mod av1;
mod depay;
mod h264;
mod pay;

use gst::glib;
use gst::prelude::*;

glib::wrapper! {
    /// Payloads sealed VP8, VP9, AV1 and H.264.
    pub(crate) struct FramesealPay(ObjectSubclass<pay::FramesealPay>)
        @extends gst_rtp::RTPBasePayload, gst::Element, gst::Object;
}

glib::wrapper! {
    /// Brings AV1 out of RTP packets.
    pub(crate) struct FramesealAv1Depay(ObjectSubclass<depay::FramesealAv1Depay>)
        @extends gst_rtp::RTPBaseDepayload, gst::Element, gst::Object;
}

pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    let (pay, depay) = (FramesealPay::static_type(), FramesealAv1Depay::static_type());
    gst::Element::register(Some(plugin), "framesealpay", gst::Rank::NONE, pay)?;
    gst::Element::register(Some(plugin), "framesealav1depay", gst::Rank::NONE, depay)
}

/// Caps of RTP packets of one codec.
fn rtp_caps(codecs: &[&str]) -> gst::Caps {
    let names = gst::List::new(codecs.iter().map(ToString::to_string));
    gst::Caps::builder("application/x-rtp")
        .field("media", "video")
        .field("encoding-name", names)
        .field("clock-rate", 90_000)
        .build()
}

fn template(
    name: &str,
    direction: gst::PadDirection,
    caps: &gst::Caps,
) -> Result<gst::PadTemplate, glib::BoolError> {
    gst::PadTemplate::new(name, direction, gst::PadPresence::Always, caps)
}
