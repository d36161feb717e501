//! GStreamer elements for end-to-end encryption: sealed between encoder and payloader, opened between depayloader and
//! decoder. Keys, formats and codec rules are those of `e2ee-core`; here is what GStreamer needs around them.
//!
//! | element | place |
//! |---|---|
//! | `framesealenc` | behind the encoder: nothing leaves it that is not sealed |
//! | `framesealdec` | before the decoder: nothing leaves it that did not open |
//! | `framesealpay` | RTP payloader for sealed VP8, VP9 and AV1: the usual ones read the frame, which is ciphertext here |
//! | `framesealav1depay` | RTP depayloader for AV1 |
//!
//! `docs/gstreamer.md` has pipelines for every codec.

mod codec;
mod dec;
mod element;
mod enc;
mod h26x;
mod keys;
mod opening;
mod rtp;
mod sealing;
mod settings;
#[allow(missing_docs, unsafe_code)] // what `plugin_define` makes
mod plugin {
    use gst::glib;

    fn plugin_init(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
        crate::enc::register(plugin)?;
        crate::dec::register(plugin)?;
        crate::rtp::register(plugin)
    }

    gst::plugin_define!(
        frameseal,
        "End-to-end encryption of encoded frames",
        plugin_init,
        env!("CARGO_PKG_VERSION"),
        "MIT/X11",
        env!("CARGO_PKG_NAME"),
        env!("CARGO_PKG_NAME"),
        env!("CARGO_PKG_REPOSITORY")
    );
}

pub use plugin::plugin_desc;

/// The plugin's debug category: `GST_DEBUG=frameseal:6`. It never sees a key.
static CATEGORY: std::sync::LazyLock<gst::DebugCategory> = std::sync::LazyLock::new(|| {
    gst::DebugCategory::new("frameseal", gst::DebugColorFlags::empty(), Some("End-to-end encryption"))
});
