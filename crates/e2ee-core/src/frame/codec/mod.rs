//! Codec rules: which bytes stay clear so that a packetizer and an SFU still work, and no more.
//!
//! Four pure steps, two on each side of the cipher. `clear` is the clear prefix, `hdr` the SFrame header:
//! ```text
//! sealing:  arrange   frame                        -> clear | moved | body | tail
//!           wrap      clear | hdr | ct | tag       -> wire
//! opening:  unwrap    wire                         -> clear | hdr | ct | tag
//!           restore   clear | moved | body | tail  -> frame
//! ```
//! `unwrap` looks at wire bytes alone, never at what a transport says about them, and answers every byte
//! string with a layout or an error. Both sides bring the clear prefix into one canonical spelling, because
//! it is authenticated and transports rewrite start codes and size fields:
//!
//! | codec        | clear prefix                                            | canonical                         |
//! |--------------|---------------------------------------------------------|-----------------------------------|
//! | opaque       | nothing                                                 |                                   |
//! | VP8          | 6 bytes of a key frame, 1 of a delta frame              | as they are                       |
//! | AV1          | sequence header OBUs before the first other coded OBU   | with size field, shortest LEB128  |
//! | H.264, H.265 | parameter sets, NAL unit header + 1 byte of first slice | start codes of 4 bytes            |
//!
//! What stands before the last clear unit and is not clear itself (temporal delimiter, access unit
//! delimiter, SEI) is *moved* behind the clear prefix, into the ciphertext; a table of runs remembers from
//! where. So `restore` gives back the frame that `arrange` took, in canonical spelling.

mod av1;
pub(crate) mod escape;
mod h26x;
mod layout;
mod moved;
mod vp8;

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

impl CodecRule {
    /// Every rule, in the order of its wire values.
    pub const ALL: [Self; 5] = [Self::Opaque, Self::Vp8, Self::Av1, Self::H264, Self::H265];

    /// The rule for a codec by its media type (`video/VP8`), as WebRTC statistics and frame metadata name it.
    ///
    /// Letter case and parameters behind a `;` do not count. `None` for a codec that is not known: guessing
    /// would let a packetizer tear the ciphertext apart.
    #[must_use]
    pub fn from_mime(mime: &str) -> Option<Self> {
        let name = mime.split(';').next().unwrap_or_default().trim();
        MIME_TYPES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, rule)| *rule)
    }

    /// The rule for a wire value.
    #[must_use]
    #[inline]
    pub const fn from_wire(value: u8) -> Option<Self> {
        match value {
            1 => Some(Self::Opaque),
            2 => Some(Self::Vp8),
            3 => Some(Self::Av1),
            4 => Some(Self::H264),
            5 => Some(Self::H265),
            _ => None,
        }
    }

    /// The wire value.
    #[must_use]
    #[inline]
    pub const fn to_wire(self) -> u8 {
        self as u8
    }
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

impl core::fmt::Display for LayoutError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::TooShort => "frame is shorter than the clear bytes of its codec",
            Self::NoCarrier => "frame has no slice or OBU to carry the ciphertext",
            Self::Malformed => "frame is not built as its codec asks",
            Self::TooComplex => "frame has too many units before its first slice",
        })
    }
}

impl core::error::Error for LayoutError {}

/// What `arrange` found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arranged {
    /// Length of the clear prefix, bytes.
    pub clear: usize,
    /// True when units were moved and a tail (run table) was appended.
    pub tail: bool,
}

/// Sealing, before the cipher: `frame` becomes `clear | moved | body | tail`.
///
/// # Errors
/// [`LayoutError`] when the frame is not one of this codec; the buffer's content is then unspecified.
#[inline]
pub fn arrange(rule: CodecRule, buf: &mut FrameBuf) -> Result<Arranged, LayoutError> {
    match rule {
        CodecRule::Opaque => Ok(Arranged { clear: 0, tail: false }),
        CodecRule::Vp8 => Ok(Arranged { clear: vp8::clear_len(buf.bytes())?, tail: false }),
        CodecRule::Av1 => av1::arrange(buf),
        CodecRule::H264 => h26x::arrange(h26x::Nal::H264, buf),
        CodecRule::H265 => h26x::arrange(h26x::Nal::H265, buf),
    }
}

/// Longest clear prefix of a frame that [`prefix`] takes, bytes.
pub(super) const MAX_CLEAR: usize = vp8::KEY_CLEAR;

/// Length of the clear prefix by a rule of which the four steps do nothing but find it; `None` by the others.
#[inline]
pub(super) fn prefix(rule: CodecRule, bytes: &[u8]) -> Option<Result<usize, LayoutError>> {
    match rule {
        CodecRule::Opaque => Some(Ok(0)),
        CodecRule::Vp8 => Some(vp8::clear_len(bytes)),
        CodecRule::Av1 | CodecRule::H264 | CodecRule::H265 => None,
    }
}

/// Sealing, behind the cipher: `clear | hdr | ct | tag` becomes what goes to the packetizer.
///
/// # Errors
/// [`LayoutError::Malformed`] when `clear` is longer than the frame.
#[inline]
pub fn wrap(rule: CodecRule, buf: &mut FrameBuf, clear: usize) -> Result<(), LayoutError> {
    match rule {
        CodecRule::Opaque | CodecRule::Vp8 => Ok(()),
        CodecRule::Av1 => av1::wrap(buf, clear),
        CodecRule::H264 | CodecRule::H265 => escape::escape(buf, clear),
    }
}

/// Opening, before the cipher: wire bytes become `clear | hdr | ct | tag`; returns the length of `clear`, bytes.
///
/// # Errors
/// [`LayoutError`] when no sealer of this codec writes such bytes; the buffer's content is then unspecified.
#[inline]
pub fn unwrap(rule: CodecRule, buf: &mut FrameBuf) -> Result<usize, LayoutError> {
    match rule {
        CodecRule::Opaque => Ok(0),
        CodecRule::Vp8 => vp8::clear_len(buf.bytes()),
        CodecRule::Av1 => av1::unwrap(buf),
        CodecRule::H264 => h26x::unwrap(h26x::Nal::H264, buf),
        CodecRule::H265 => h26x::unwrap(h26x::Nal::H265, buf),
    }
}

/// Opening, behind the cipher: `clear | moved | body | tail` becomes the frame that was sealed, in canonical
/// spelling. `tail` says whether units were moved (authenticated, from the layout byte).
///
/// # Errors
/// [`LayoutError::Malformed`] when the run table does not fit the frame: the sender is faulty or hostile.
#[inline]
pub fn restore(rule: CodecRule, buf: &mut FrameBuf, clear: usize, tail: bool) -> Result<(), LayoutError> {
    if !tail {
        return Ok(());
    }
    match rule {
        // These rules move nothing.
        CodecRule::Opaque | CodecRule::Vp8 => Err(LayoutError::Malformed),
        CodecRule::Av1 => moved::restore(buf, clear, av1::clear_units),
        CodecRule::H264 => moved::restore(buf, clear, |bytes| h26x::clear_units(h26x::Nal::H264, bytes)),
        CodecRule::H265 => moved::restore(buf, clear, |bytes| h26x::clear_units(h26x::Nal::H265, bytes)),
    }
}

/// Whether a decoder can start at this frame, told from bytes that are clear in a sealed frame too.
///
/// VP8: key bit; AV1: a sequence header; H.264: IDR; H.265: IDR, BLA or CRA. `None` when the rule shows
/// nothing (opaque) or the bytes are not a frame of this codec.
#[must_use]
pub fn is_key_frame(rule: CodecRule, bytes: &[u8]) -> Option<bool> {
    match rule {
        CodecRule::Opaque => None,
        CodecRule::Vp8 => vp8::is_key_frame(bytes),
        CodecRule::Av1 => av1::is_key_frame(bytes),
        CodecRule::H264 => h26x::is_key_frame(h26x::Nal::H264, bytes),
        CodecRule::H265 => h26x::is_key_frame(h26x::Nal::H265, bytes),
    }
}

const MIME_TYPES: &[(&str, CodecRule)] = &[
    ("audio/opus", CodecRule::Opaque),
    ("audio/red", CodecRule::Opaque),
    ("audio/multiopus", CodecRule::Opaque),
    ("audio/PCMU", CodecRule::Opaque),
    ("audio/PCMA", CodecRule::Opaque),
    ("audio/G722", CodecRule::Opaque),
    ("audio/L16", CodecRule::Opaque),
    ("audio/CN", CodecRule::Opaque),
    ("audio/telephone-event", CodecRule::Opaque),
    ("video/VP8", CodecRule::Vp8),
    ("video/VP9", CodecRule::Opaque),
    ("video/AV1", CodecRule::Av1),
    ("video/H264", CodecRule::H264),
    ("video/H265", CodecRule::H265),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_are_matched_without_case_and_parameters() {
        assert_eq!(CodecRule::from_mime("VIDEO/vp8"), Some(CodecRule::Vp8));
        assert_eq!(CodecRule::from_mime("video/VP9"), Some(CodecRule::Opaque));
        assert_eq!(CodecRule::from_mime("video/AV1; profile=0"), Some(CodecRule::Av1));
        assert_eq!(CodecRule::from_mime("video/H264;packetization-mode=1"), Some(CodecRule::H264));
        assert_eq!(CodecRule::from_mime("video/h265"), Some(CodecRule::H265));
        assert_eq!(CodecRule::from_mime("audio/PCMU"), Some(CodecRule::Opaque));
        for unknown in ["", "video/", "video/VP8X", "video/VP", "video/rtx", "video/H266", "application/x"] {
            assert_eq!(CodecRule::from_mime(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn wire_values_go_both_ways() {
        for rule in CodecRule::ALL {
            assert_eq!(CodecRule::from_wire(rule.to_wire()), Some(rule));
        }
        for value in (0..=255).filter(|v| !(1..=5).contains(v)) {
            assert_eq!(CodecRule::from_wire(value), None);
        }
    }

    #[test]
    fn opaque_frames_pass_through_every_step_even_when_empty() {
        for frame in [&b""[..], b"opus"] {
            let mut buf = FrameBuf::new();
            buf.fill(frame);
            assert_eq!(arrange(CodecRule::Opaque, &mut buf), Ok(Arranged { clear: 0, tail: false }));
            assert_eq!(wrap(CodecRule::Opaque, &mut buf, 0), Ok(()));
            assert_eq!(unwrap(CodecRule::Opaque, &mut buf), Ok(0));
            assert_eq!(restore(CodecRule::Opaque, &mut buf, 0, false), Ok(()));
            assert_eq!(restore(CodecRule::Opaque, &mut buf, 0, true), Err(LayoutError::Malformed));
            assert_eq!(buf.bytes(), frame);
            assert_eq!(is_key_frame(CodecRule::Opaque, frame), None);
        }
    }
}
