//! `framesealenc`: behind the encoder. What leaves it is sealed, or does not leave it.

use gst::glib;
use gst::prelude::*;

mod imp;

glib::wrapper! {
    /// Seals the frames of one track.
    pub(crate) struct FramesealEnc(ObjectSubclass<imp::FramesealEnc>)
        @extends gst::Element, gst::Object;
}

pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(Some(plugin), "framesealenc", gst::Rank::NONE, FramesealEnc::static_type())
}
