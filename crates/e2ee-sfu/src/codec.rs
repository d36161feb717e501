//! The codecs the SFU knows, and where a key frame starts in their RTP payloads.

use serde::Serialize;
use str0m::format::{Codec as NegotiatedCodec, PayloadParams};
use str0m::media::Pt;

/// A codec on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Codec {
    Opus,
    Red,
    Vp8,
    Vp9,
    Av1,
    H264,
    Other,
}

impl Codec {
    /// The codec of a payload type of these parameters.
    pub(crate) fn of(params: &PayloadParams, pt: Pt) -> Self {
        if params.red() == Some(pt) {
            return Self::Red;
        }
        match params.spec().codec {
            NegotiatedCodec::Opus => Self::Opus,
            NegotiatedCodec::Vp8 => Self::Vp8,
            NegotiatedCodec::Vp9 => Self::Vp9,
            NegotiatedCodec::Av1 => Self::Av1,
            NegotiatedCodec::H264 => Self::H264,
            _ => Self::Other,
        }
    }

    /// Name as in SDP.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Opus => "opus",
            Self::Red => "red",
            Self::Vp8 => "VP8",
            Self::Vp9 => "VP9",
            Self::Av1 => "AV1",
            Self::H264 => "H264",
            Self::Other => "other",
        }
    }

    /// Number in the eye's messages.
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Other => 0,
            Self::Opus => 1,
            Self::Vp8 => 2,
            Self::Vp9 => 3,
            Self::Av1 => 4,
            Self::H264 => 5,
            Self::Red => 6,
        }
    }

    /// Each packet is a frame of its own.
    pub(crate) fn is_audio(self) -> bool {
        matches!(self, Self::Opus | Self::Red | Self::Other)
    }

    /// Whether a payload ends a spatial layer of a picture (VP9 alone says so: E bit, with layers present).
    pub(crate) fn ends_layer(self, payload: &[u8]) -> bool {
        const LAYERS_AND_END: u8 = 0x24;
        self == Self::Vp9 && payload.first().is_some_and(|b| b & LAYERS_AND_END == LAYERS_AND_END)
    }

    /// Whether a payload is the first of a key frame, from what stays readable when frames are sealed.
    pub(crate) fn starts_key_frame(self, payload: &[u8]) -> bool {
        match self {
            Self::Vp8 => vp8_starts_key_frame(payload),
            Self::Vp9 => vp9_starts_key_frame(payload),
            // N bit: first packet of a coded video sequence.
            Self::Av1 => payload.first().is_some_and(|b| b & 0x08 != 0),
            Self::H264 => h264_has_parameter_set(payload),
            _ => true,
        }
    }
}

fn vp8_starts_key_frame(payload: &[u8]) -> bool {
    str0m::rtp::Vp8Descriptor::parse(payload).is_ok_and(|d| d.starts_keyframe(payload))
}

/// B set and P clear, and the lowest spatial layer if layers are there (RFC 9628, 4.2).
fn vp9_starts_key_frame(payload: &[u8]) -> bool {
    let Some(&flags) = payload.first() else { return false };
    let has_picture_id = flags & 0x80 != 0;
    let inter_predicted = flags & 0x40 != 0;
    let has_layers = flags & 0x20 != 0;
    let begins = flags & 0x08 != 0;
    if inter_predicted || !begins {
        return false;
    }
    if !has_layers {
        return true;
    }
    let mut at = 1;
    if has_picture_id {
        let Some(&first) = payload.get(at) else { return false };
        at += if first & 0x80 != 0 { 2 } else { 1 };
    }
    payload.get(at).is_some_and(|layers| (layers >> 1) & 0x07 == 0)
}

/// A sequence parameter set, alone or in an aggregate (RFC 6184): encoders for calls put one before each
/// key frame.
fn h264_has_parameter_set(payload: &[u8]) -> bool {
    const SPS: u8 = 7;
    const STAP_A: u8 = 24;
    match payload.first().map(|b| b & 0x1f) {
        Some(SPS) => true,
        Some(STAP_A) => {
            let mut rest = payload.get(1..).unwrap_or_default();
            while let Some((len, after)) = rest.split_first_chunk::<2>() {
                let len = usize::from(u16::from_be_bytes(*len));
                let Some((unit, after)) = after.split_at_checked(len) else { return false };
                if unit.first().is_some_and(|b| b & 0x1f == SPS) {
                    return true;
                }
                rest = after;
            }
            false
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vp8_key_frame_is_told_by_its_first_packet() {
        assert!(Codec::Vp8.starts_key_frame(&[0x10, 0x50, 1, 2]));
        assert!(!Codec::Vp8.starts_key_frame(&[0x10, 0x51, 1, 2]), "delta frame");
        assert!(!Codec::Vp8.starts_key_frame(&[0x00, 0x50, 1, 2]), "not the first packet");
        assert!(Codec::Vp8.starts_key_frame(&[0x90, 0x80, 0x81, 0x02, 0x50]), "with a picture id");
        assert!(!Codec::Vp8.starts_key_frame(&[]));
    }

    #[test]
    fn vp9_key_frame_is_the_lowest_layer_without_prediction() {
        assert!(Codec::Vp9.starts_key_frame(&[0x08]));
        assert!(!Codec::Vp9.starts_key_frame(&[0x48]), "predicted");
        assert!(!Codec::Vp9.starts_key_frame(&[0x00]), "does not begin a frame");
        assert!(Codec::Vp9.starts_key_frame(&[0xa8, 0x81, 0x01, 0x00]));
        assert!(!Codec::Vp9.starts_key_frame(&[0xa8, 0x81, 0x01, 0x02]), "second spatial layer");
    }

    #[test]
    fn h264_key_frame_is_told_by_its_parameter_set() {
        assert!(Codec::H264.starts_key_frame(&[0x67, 1]));
        assert!(Codec::H264.starts_key_frame(&[0x78, 0, 2, 0x67, 1, 0, 1, 0x68]));
        assert!(!Codec::H264.starts_key_frame(&[0x78, 0, 9, 0x67]), "truncated aggregate");
        assert!(!Codec::H264.starts_key_frame(&[0x61, 1]));
    }
}
