//! `framesealdec`: before the decoder. What leaves it was authenticated, or does not leave it.

use gst::glib;
use gst::prelude::*;

mod imp;
mod stream;

glib::wrapper! {
    /// Opens the frames of one track of one sender.
    pub(crate) struct FramesealDec(ObjectSubclass<imp::FramesealDec>)
        @extends gst::Element, gst::Object;
}

pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(Some(plugin), "framesealdec", gst::Rank::NONE, FramesealDec::static_type())
}
