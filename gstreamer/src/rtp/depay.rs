//! The depayloader of AV1.

use std::sync::{LazyLock, Mutex, PoisonError};

use e2ee_core::CodecRule;
use e2ee_core::frame::codec::is_key_frame;
use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_rtp::prelude::*;
use gst_rtp::subclass::prelude::*;

use super::av1::Unit;

#[derive(Default)]
struct State {
    unit: Unit,
    /// Sequence number and timestamp of the packet before.
    before: Option<(u16, u32)>,
}

#[derive(Default)]
pub(crate) struct FramesealAv1Depay {
    state: Mutex<State>,
}

#[glib::object_subclass]
impl ObjectSubclass for FramesealAv1Depay {
    const NAME: &'static str = "GstFramesealAv1Depay";
    type Type = super::FramesealAv1Depay;
    type ParentType = gst_rtp::RTPBaseDepayload;
}

impl ObjectImpl for FramesealAv1Depay {}
impl GstObjectImpl for FramesealAv1Depay {}

impl ElementImpl for FramesealAv1Depay {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "RTP depayloader for AV1",
                "Codec/Depayloader/Network/RTP",
                "Brings AV1 temporal units, sealed ones too, out of RTP packets; units with lost packets are dropped",
                "Frameseal",
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
            let src = av1_caps();
            [
                super::template("sink", gst::PadDirection::Sink, &super::rtp_caps(&["AV1"])),
                super::template("src", gst::PadDirection::Src, &src),
            ]
            .into_iter()
            .flatten()
            .collect()
        });
        &TEMPLATES
    }

    fn change_state(
        &self,
        change: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        if change == gst::StateChange::ReadyToPaused {
            *self.state.lock().unwrap_or_else(PoisonError::into_inner) = State::default();
        }
        self.parent_change_state(change)
    }
}

fn av1_caps() -> gst::Caps {
    gst::Caps::builder("video/x-av1").field("stream-format", "obu-stream").field("alignment", "tu").build()
}

impl RTPBaseDepayloadImpl for FramesealAv1Depay {
    fn set_caps(&self, _caps: &gst::Caps) -> Result<(), gst::LoggableError> {
        if self.obj().src_pad().push_event(gst::event::Caps::new(&av1_caps())) {
            return Ok(());
        }
        Err(gst::loggable_error!(crate::CATEGORY, "downstream does not take AV1"))
    }

    fn process_rtp_packet(
        &self,
        rtp: &gst_rtp::RTPBuffer<gst_rtp::rtp_buffer::Readable>,
    ) -> Option<gst::Buffer> {
        let mut guard = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let state = &mut *guard;
        let (seq, timestamp) = (rtp.seq(), rtp.timestamp());
        if let Some((seq_before, timestamp_before)) = state.before {
            if timestamp != timestamp_before {
                // Whatever has no end is not whole.
                let _ = state.unit.end();
            }
            if seq != seq_before.wrapping_add(1) {
                state.unit.lose();
            }
        }
        state.before = Some((seq, timestamp));
        match rtp.payload() {
            Ok(payload) => state.unit.add(payload),
            Err(_) => state.unit.lose(),
        }
        let unit = if rtp.is_marker() { state.unit.end()? } else { return None };
        let delta = is_key_frame(CodecRule::Av1, &unit) != Some(true);
        let mut buffer = gst::Buffer::from_mut_slice(unit);
        if delta {
            buffer.make_mut().set_flags(gst::BufferFlags::DELTA_UNIT);
        }
        Some(buffer)
    }
}
