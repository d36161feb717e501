//! From caps to codec rule.

use e2ee_core::frame::codec::is_key_frame;
use e2ee_core::livekit::{Codec as LivekitCodec, FrameType};
use e2ee_core::{CodecRule, TrackKind};

/// What sealing asks for: whole frames, and units that can be found in them.
const CAPS: &[&str] = &[
    "audio/x-opus",
    "video/x-vp8",
    "video/x-vp9",
    "video/x-h264, stream-format=(string)byte-stream, alignment=(string)au",
    "video/x-h265, stream-format=(string)byte-stream, alignment=(string)au",
    // `av1enc` of GStreamer 1.22 names no stream format, so `Codec::from_caps` looks at it.
    "video/x-av1, alignment=(string)tu",
];

/// The caps of every pad that frames pass, sealed or not.
pub(crate) fn caps() -> gst::Caps {
    CAPS.iter().filter_map(|caps| caps.parse::<gst::Caps>().ok()).fold(
        gst::Caps::new_empty(),
        |mut all, one| {
            all.merge(one);
            all
        },
    )
}

/// A codec that WebRTC carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Codec {
    Opus,
    Vp8,
    Vp9,
    H264,
    H265,
    Av1,
}

impl Codec {
    pub(crate) fn from_caps(caps: &gst::CapsRef) -> Option<Self> {
        let structure = caps.structure(0)?;
        Some(match structure.name().as_str() {
            "audio/x-opus" => Self::Opus,
            "video/x-vp8" => Self::Vp8,
            "video/x-vp9" => Self::Vp9,
            "video/x-h264" => Self::H264,
            "video/x-h265" => Self::H265,
            "video/x-av1" => {
                let format: Option<&str> = structure.get("stream-format").ok();
                return format.is_none_or(|format| format == "obu-stream").then_some(Self::Av1);
            }
            _ => return None,
        })
    }

    pub(crate) const fn is_audio(self) -> bool {
        matches!(self, Self::Opus)
    }

    pub(crate) const fn rule(self) -> CodecRule {
        match self {
            Self::Opus | Self::Vp9 => CodecRule::Opaque,
            Self::Vp8 => CodecRule::Vp8,
            Self::H264 => CodecRule::H264,
            Self::H265 => CodecRule::H265,
            Self::Av1 => CodecRule::Av1,
        }
    }

    pub(crate) const fn livekit(self) -> LivekitCodec {
        match self {
            Self::Opus => LivekitCodec::Audio,
            Self::Vp8 => LivekitCodec::Vp8,
            Self::Vp9 => LivekitCodec::Vp9,
            Self::H264 => LivekitCodec::H264,
            Self::H265 => LivekitCodec::H265,
            Self::Av1 => LivekitCodec::Av1,
        }
    }

    /// Ticks a second of the codec's RTP clock.
    pub(crate) const fn clock_rate(self) -> u64 {
        if self.is_audio() { 48_000 } else { 90_000 }
    }

    /// The kind of track when nobody said which.
    pub(crate) const fn kind(self) -> TrackKind {
        if self.is_audio() { TrackKind::Audio } else { TrackKind::Video }
    }

    /// What LiveKit's format asks to know of a frame, sealed or not; the bytes that tell it are clear.
    pub(crate) fn frame_type(self, bytes: &[u8]) -> FrameType {
        match is_key_frame(self.rule(), bytes) {
            Some(true) => FrameType::Key,
            _ => FrameType::Delta,
        }
    }
}

/// Width and height of a VP8 key frame (RFC 6386 section 9.1), pixels.
pub(crate) fn vp8_size(frame: &[u8]) -> Option<(i32, i32)> {
    let (header, _) = frame.split_first_chunk::<10>()?;
    let [tag, _, _, 0x9d, 0x01, 0x2a, w0, w1, h0, h1] = *header else { return None };
    let side = |low, high| i32::from(u16::from_le_bytes([low, high]) & 0x3fff);
    (tag & 1 == 0).then(|| (side(w0, w1), side(h0, h1)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn every_caps_of_the_pads_names_a_codec() {
        gst::init().unwrap();
        let all = caps();
        assert_eq!(all.size(), CAPS.len());
        for text in CAPS {
            let caps: gst::Caps = text.parse().unwrap();
            assert!(Codec::from_caps(&caps).is_some(), "{text}");
        }
        let raw: gst::Caps = "video/x-raw".parse().unwrap();
        assert_eq!(Codec::from_caps(&raw), None);
        let annexb: gst::Caps = "video/x-av1, stream-format=annexb, alignment=tu".parse().unwrap();
        assert_eq!(Codec::from_caps(&annexb), None);
        assert_eq!(Codec::from_caps(&gst::Caps::new_any()), None);
    }

    #[test]
    fn a_vp8_key_frame_tells_its_size() {
        let frame = [0x50, 0x01, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0x40, 7];
        assert_eq!(vp8_size(&frame), Some((320, 240)));
        assert_eq!(vp8_size(&frame[..9]), None);
        let mut delta = frame;
        delta[0] |= 1;
        assert_eq!(vp8_size(&delta), None);
    }
}
