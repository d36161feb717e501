//! The payloader: VP8 (RFC 7741), VP9 (RFC 9628), AV1 and H.264 (RFC 6184), without a look into what may be sealed.

use std::sync::{LazyLock, Mutex, PoisonError};

use gst::glib;
use gst::subclass::prelude::*;
use gst_rtp::prelude::*;
use gst_rtp::subclass::prelude::*;

use super::{av1, h264};
use crate::codec::Codec;

/// The least payload worth the name, whatever the MTU says.
const LEAST: usize = 64;

#[derive(Default)]
struct State {
    codec: Option<Codec>,
    /// From the caps, for VP9's scalability structure.
    size: Option<(u16, u16)>,
    picture: Option<u16>,
}

#[derive(Default)]
pub(crate) struct FramesealPay {
    state: Mutex<State>,
}

/// A 15-bit picture id behind the mark that says so.
const fn picture_id(picture: u16) -> [u8; 2] {
    (picture | 0x8000).to_be_bytes()
}

/// VP8 payload descriptor: `X | S` with a picture id.
fn vp8_descriptor(picture: u16, first: bool) -> Vec<u8> {
    let [high, low] = picture_id(picture);
    vec![0x80 | if first { 0x10 } else { 0 }, 0x80, high, low]
}

/// VP9 payload descriptor, non-flexible, no layers. A key frame brings the structure: one layer, each picture refers to
/// the one before.
fn vp9_descriptor(picture: u16, first: bool, last: bool, key: bool, size: Option<(u16, u16)>) -> Vec<u8> {
    let structure = key && first;
    let flags = [(!key, 0x40), (first, 0x08), (last, 0x04), (structure, 0x02)];
    let bits = flags.iter().filter(|(on, _)| *on).fold(0x80, |all, (_, bit)| all | bit);
    let [high, low] = picture_id(picture);
    let mut descriptor = vec![bits, high, low];
    if structure {
        match size {
            Some((width, height)) => {
                descriptor.push(0x18);
                descriptor.extend(width.to_be_bytes());
                descriptor.extend(height.to_be_bytes());
            }
            None => descriptor.push(0x08),
        }
        // One picture in the group: temporal layer 0, one reference, the picture before.
        descriptor.extend([1, 0x04, 1]);
    }
    descriptor
}

/// Splits a frame and puts a descriptor before each part.
fn split(frame: &[u8], max: usize, descriptor: impl Fn(bool, bool) -> Vec<u8>) -> Vec<Vec<u8>> {
    let room = max.saturating_sub(descriptor(true, true).len()).max(1);
    let parts = frame.chunks(room);
    let count = parts.len();
    parts
        .enumerate()
        .map(|(at, part)| {
            let mut payload = descriptor(at == 0, at + 1 == count);
            payload.extend_from_slice(part);
            payload
        })
        .collect()
}

impl FramesealPay {
    fn payloads(&self, frame: &[u8], key: bool, max: usize) -> Result<Vec<Vec<u8>>, gst::FlowError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let picture = match state.picture {
            Some(before) => before.wrapping_add(1) & 0x7fff,
            None => {
                let mut start = [0; 2];
                getrandom::fill(&mut start).map_err(|_| gst::FlowError::Error)?;
                u16::from_be_bytes(start) & 0x7fff
            }
        };
        state.picture = Some(picture);
        let (codec, size) = (state.codec, state.size);
        drop(state);
        match codec {
            Some(Codec::Vp8) => Ok(split(frame, max, |first, _| vp8_descriptor(picture, first))),
            Some(Codec::Vp9) => {
                Ok(split(frame, max, |first, last| vp9_descriptor(picture, first, last, key, size)))
            }
            Some(Codec::Av1) => {
                av1::packetize(frame, max).ok_or_else(|| self.malformed("a temporal unit of AV1"))
            }
            Some(Codec::H264) => {
                h264::packetize(frame, max).ok_or_else(|| self.malformed("an access unit of H.264"))
            }
            _ => Err(gst::FlowError::NotNegotiated),
        }
    }
}

impl FramesealPay {
    fn malformed(&self, what: &str) -> gst::FlowError {
        gst::element_imp_error!(self, gst::StreamError::Format, ("Not {what}"));
        gst::FlowError::Error
    }
}

#[glib::object_subclass]
impl ObjectSubclass for FramesealPay {
    const NAME: &'static str = "GstFramesealPay";
    type Type = super::FramesealPay;
    type ParentType = gst_rtp::RTPBasePayload;
}

impl ObjectImpl for FramesealPay {}
impl GstObjectImpl for FramesealPay {}

impl ElementImpl for FramesealPay {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "RTP payloader for sealed video",
                "Codec/Payloader/Network/RTP",
                "Puts sealed VP8 (RFC 7741), VP9 (RFC 9628), AV1 and H.264 (RFC 6184) frames into RTP packets without reading what is sealed",
                "Frameseal",
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
            let sink = "video/x-vp8; video/x-vp9; video/x-av1, alignment=(string)tu; \
                        video/x-h264, stream-format=(string)byte-stream, alignment=(string)au";
            let sink = sink.parse().unwrap_or_else(|_| gst::Caps::new_empty());
            let src = super::rtp_caps(&["VP8", "VP9", "AV1", "H264"]);
            [
                super::template("sink", gst::PadDirection::Sink, &sink),
                super::template("src", gst::PadDirection::Src, &src),
            ]
            .into_iter()
            .flatten()
            .collect()
        });
        &TEMPLATES
    }
}

impl RTPBasePayloadImpl for FramesealPay {
    fn set_caps(&self, caps: &gst::Caps) -> Result<(), gst::LoggableError> {
        let codec = Codec::from_caps(caps);
        let name = match codec {
            Some(Codec::Vp8) => "VP8",
            Some(Codec::Vp9) => "VP9",
            Some(Codec::Av1) => "AV1",
            Some(Codec::H264) => "H264",
            _ => return Err(gst::loggable_error!(crate::CATEGORY, "no payload format for {caps}")),
        };
        let side = |field| {
            let side: i32 = caps.structure(0)?.get(field).ok()?;
            u16::try_from(side).ok()
        };
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.codec = codec;
        state.size = side("width").zip(side("height"));
        drop(state);
        self.obj().set_options("video", true, name, 90_000);
        let mode = gst::Structure::builder("unused").field("packetization-mode", "1").build();
        self.obj()
            .set_outcaps((name == "H264").then_some(&mode))
            .map_err(|_| gst::loggable_error!(crate::CATEGORY, "downstream does not take {name}"))
    }

    fn handle_buffer(&self, buffer: gst::Buffer) -> Result<gst::FlowSuccess, gst::FlowError> {
        let frame = buffer.map_readable().map_err(|_| gst::FlowError::Error)?;
        let key = !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
        let max = gst_rtp::calc_payload_len(self.obj().mtu(), 0, 0);
        let payloads = self.payloads(&frame, key, usize::try_from(max).unwrap_or(LEAST).max(LEAST))?;
        drop(frame);
        let last = payloads.len().saturating_sub(1);
        let mut list = gst::BufferList::new_sized(payloads.len());
        for (at, payload) in payloads.iter().enumerate() {
            let len = u32::try_from(payload.len()).map_err(|_| gst::FlowError::Error)?;
            let mut packet = self.obj().allocate_output_buffer(len, 0, 0);
            let target = packet.make_mut();
            target.set_pts(buffer.pts());
            target.set_dts(buffer.dts());
            if at > 0 {
                target.set_flags(gst::BufferFlags::DELTA_UNIT);
            } else {
                let kept = gst::BufferFlags::DELTA_UNIT | gst::BufferFlags::DISCONT;
                target.set_flags(buffer.flags() & kept);
            }
            let mut rtp =
                gst_rtp::RTPBuffer::from_buffer_writable(target).map_err(|_| gst::FlowError::Error)?;
            rtp.payload_mut().map_err(|_| gst::FlowError::Error)?.copy_from_slice(payload);
            rtp.set_marker(at == last);
            drop(rtp);
            list.make_mut().add(packet);
        }
        self.obj().push_list(list)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn descriptors_are_those_of_the_rfcs() {
        assert_eq!(vp8_descriptor(0x1234, true), [0x90, 0x80, 0x92, 0x34]);
        assert_eq!(vp8_descriptor(0x1234, false), [0x80, 0x80, 0x92, 0x34]);
        assert_eq!(vp9_descriptor(5, true, false, false, None), [0xc8, 0x80, 5]);
        assert_eq!(vp9_descriptor(5, false, true, true, None), [0x84, 0x80, 5]);
        let key = vp9_descriptor(5, true, true, true, Some((640, 360)));
        assert_eq!(key, [0x8e, 0x80, 5, 0x18, 2, 0x80, 1, 0x68, 1, 4, 1]);
    }

    #[test]
    fn parts_stay_within_the_limit() {
        let frame = vec![7; 5000];
        let parts = split(&frame, 1188, |first, last| vp9_descriptor(1, first, last, true, Some((640, 360))));
        assert!(parts.iter().all(|part| part.len() <= 1188));
        assert_eq!(parts.len(), 5);
    }
}
