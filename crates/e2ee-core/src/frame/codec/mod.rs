//! Codec rules: which bytes stay clear so that a packetizer and an SFU still work, and no more.
//!
//! Four pure steps, two on each side of the cipher. `clear` is the clear prefix, `hdr` the SFrame header:
//! ```text
//! sealing:  arrange   frame                      -> clear | moved | body | tail
//!           wrap      clear | hdr | ct | tag     -> wire
//! opening:  unwrap    wire                       -> clear | hdr | ct | tag
//!           restore   clear | moved | body | tail -> frame
//! ```

use super::buf::FrameBuf;

/// The rule by which clear bytes are found. Several codecs share one rule.
///
/// The value is written (authenticated) into every sealed frame of the Frameseal format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum CodecRule {
    /// Nothing clear: Opus, RED, VP9, data.
    Opaque = 1,
    /// 6 bytes of a key frame, 1 of a delta frame.
    Vp8 = 2,
    /// Leading sequence header OBUs; the rest travels in one opaque OBU.
    Av1 = 3,
    /// Parameter sets and the start of the first slice; the rest is emulation-prevented.
    H264 = 4,
    /// As H.264, with two-byte NAL unit headers.
    H265 = 5,
}

/// Why a frame cannot be laid out: it is not what the codec says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LayoutError {
    /// Fewer bytes than the codec's clear prefix.
    TooShort,
    /// No slice (H.264, H.265) or no OBU (AV1) to carry the ciphertext.
    NoCarrier,
    /// Structure that this codec does not allow at that place.
    Malformed,
    /// More parameter sets, moved runs or bytes before the first slice than the bounds allow.
    TooComplex,
}

/// What `arrange` found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arranged {
    /// Length of the clear prefix, bytes.
    pub clear: usize,
    /// True when units were moved and a tail (run table) was appended.
    pub tail: bool,
}
