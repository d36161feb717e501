//! Floor 3, the media wing: one frame in, one sealed or opened frame out, in place.
//!
//! ```text
//! Sframe       header || ct || tag                                        AAD = header || metadata
//! Frameseal    clear || [OBU carrier] || layout || header || ct || tag    AAD = header || clear || layout || metadata
//!              pt = moved || body || tail || [01 00...]                   (H.26x: escaped behind clear, then 80)
//! ```
//! The layout byte says, authenticated, how to read the frame:
//! ```text
//!  7 6 5 4 3 2 1 0
//! +---+-+-+-------+
//! |0 1|P|T| rule  |   version 1; P padded: pt ends with 01 and zeros; T: a table of moved runs ends the body
//! +---+-+-+-------+
//! ```

pub mod buf;
pub mod codec;
pub mod header;
pub(crate) mod opener;
mod sealer;

use alloc::vec::Vec;

pub use buf::FrameBuf;
pub use codec::CodecRule;
pub use opener::{OpenPlan, Opener, Tally};
pub use sealer::{MAX_FRAMES_PER_KEY, Padding, SealPlan, Sealer, SenderKey};

use crate::id::{CallId, TrackKind};

/// Layout of a sealed frame.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrameFormat {
    /// Bare SFrame as in RFC 9605. Nothing is clear, keys are bound to what the base key is bound to, and to nothing
    /// more; kinds of track share the counter and the window of their key.
    Sframe,
    /// SFrame behind the clear bytes that packetizers need, keys bound to call, sender and kind of track.
    Frameseal {
        /// The call.
        call: CallId,
    },
}

/// What is known of a frame besides its bytes.
#[derive(Clone, Copy, Debug)]
pub struct FrameInfo<'a> {
    /// Kind of its track, from local knowledge and never from the SFU.
    pub kind: TrackKind,
    /// How its codec is laid out.
    pub rule: CodecRule,
    /// Authenticated with the frame and not sent. Both sides must have the same; empty as a rule.
    pub metadata: &'a [u8],
}

impl FrameInfo<'static> {
    /// A frame of a track.
    #[must_use]
    pub const fn track(kind: TrackKind, rule: CodecRule) -> Self {
        Self { kind, rule, metadata: &[] }
    }
}

impl<'a> FrameInfo<'a> {
    /// A message.
    #[must_use]
    pub const fn data(metadata: &'a [u8]) -> Self {
        Self { kind: TrackKind::Data, rule: CodecRule::Opaque, metadata }
    }

    /// The kind that keys are kept under: bare SFrame has one for all.
    const fn slot(&self, format: &FrameFormat) -> TrackKind {
        match format {
            FrameFormat::Sframe => TrackKind::Data,
            FrameFormat::Frameseal { .. } => self.kind,
        }
    }
}

/// In the layout byte: the version's two bits, and their value.
const VERSION_MASK: u8 = 0xc0;
const VERSION_1: u8 = 0x40;
/// In the layout byte: the plaintext is padded.
const PADDED: u8 = 0x20;
/// In the layout byte: a table of moved runs ends the body.
const TAIL: u8 = 0x10;
/// In the layout byte: the codec rule.
const RULE_MASK: u8 = 0x0f;
/// First byte of padding; zeros follow.
const PADDING_MARK: u8 = 0x01;

/// What became of a frame that was to go straight from one memory to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Straight {
    /// So many bytes were written.
    Done(usize),
    /// Nothing was done and no counter spent: the output must have so many bytes.
    Short(usize),
    /// Nothing was done and no counter spent: a frame that has to be taken apart (its codec, padding). It needs a
    /// [`FrameBuf`].
    Apart,
}

impl Straight {
    /// The most that sealing adds to a frame that goes straight, bytes: header, layout byte, tag.
    pub const MOST_ADDED: usize = header::MAX_HEADER_LEN + 1 + 16;
}

/// Longest `header || clear || layout` of a frame that is not taken apart, bytes.
const MAX_PREFIX: usize = header::MAX_HEADER_LEN + codec::MAX_CLEAR + 1;

/// `header || clear || layout`, for a frame in which they do not stand in this order.
struct Prefix {
    bytes: [u8; MAX_PREFIX],
    len: usize,
}

impl Prefix {
    #[inline]
    fn new(header: &[u8], clear: &[u8], layout: Option<u8>) -> Option<Self> {
        let mut prefix = Self { bytes: [0; MAX_PREFIX], len: header.len() + clear.len() };
        prefix.bytes.get_mut(..header.len())?.copy_from_slice(header);
        prefix.bytes.get_mut(header.len()..prefix.len)?.copy_from_slice(clear);
        if let Some(layout) = layout {
            *prefix.bytes.get_mut(prefix.len)? = layout;
            prefix.len += 1;
        }
        Some(prefix)
    }

    #[inline]
    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// Room for the AAD when metadata keeps it from being one slice of the frame.
type Scratch = Vec<u8>;

/// `header || clear || metadata` in `scratch`, when `metadata` is not empty.
fn with_metadata<'s>(prefix: &'s [u8], metadata: &[u8], scratch: &'s mut Scratch) -> &'s [u8] {
    if metadata.is_empty() {
        return prefix;
    }
    scratch.clear();
    scratch.extend_from_slice(prefix);
    scratch.extend_from_slice(metadata);
    scratch
}
