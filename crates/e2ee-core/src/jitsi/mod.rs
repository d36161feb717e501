//! Jitsi Meet's frame format, byte for byte with clients in the field, and hardened where the wire allows.
//!
//! ```text
//! | clear | ciphertext | tag (16) | IV (12) | 0c | key index |
//! IV   SSRC (4) | RTP timestamp (4) | count (4), big-endian
//! AAD  clear
//!
//! clear, bytes    sound 1 · video 10 of a key frame, 3 of any other, whatever the codec
//! ```
//! Clients send VP8 and Opus in it. AES-128-GCM under keys that [`SlotKey`] derives, or AES-128 or AES-256 under one
//! key that an application hands to everybody.
//!
//! | the wire allows | so |
//! |---|---|
//! | any IV, of any length it says | [`Sealer`] has one counter for all of its keys and tracks: no IV twice under a key. [`Opener`] takes 12 bytes |
//! | nothing but GCM's tag to prove a frame | windows, ratchet and tallies move after the tag was right, not before |
//! | a step that is not named | [`Opener`] derives ahead within bounds, each step once, however many forgeries come |
//! | old keys that stay in their slots | they go some seconds after a frame came under the newest |
//! | frames of no known type, or shorter than their clear bytes | are refused, and the next one is not affected |
//!
//! What the format cannot give: key index, track and participant are not authenticated. Whoever has a sender's key can
//! speak as that sender; under one key for all, everybody in the room can.

mod iv;
mod key;
mod opener;
mod sealer;

pub use key::{BadAesKey, ENCRYPTION_SALT, RATCHET_SALT, SlotKey};
pub use opener::Opener;
pub use sealer::Sealer;

use crate::crypto::Provider;
use crate::id::TrackKind;

/// Key slots of a participant. Setting a key reduces its index modulo this.
pub const RING: usize = 16;
/// Tag length, bytes.
const TAG_LEN: usize = 16;
/// IV length, bytes, and the number that says so in the trailer.
const IV_LEN: usize = 12;
/// IV, its length, key index.
pub const TRAILER_LEN: usize = IV_LEN + 2;
/// The length of an IV, as it stands in the trailer.
pub const TRAILER_MARK: u8 = IV_LEN as u8;
/// Bytes that sealing adds to every frame.
pub const OVERHEAD: usize = TAG_LEN + TRAILER_LEN;

/// What this side decides for itself.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Cipher backend.
    pub provider: &'static Provider,
    /// How many steps an opener looks ahead of the newest key of a slot. Clients do 8.
    pub ratchet_window: u8,
    /// What becomes of frames without a byte.
    pub empty: EmptyFrames,
}

impl Default for Options {
    /// 8 steps; frames without a byte are dropped.
    fn default() -> Self {
        Self { provider: Provider::best(), ratchet_window: 8, empty: EmptyFrames::Drop }
    }
}

/// What becomes of frames without a byte, which encoders make in silence and which nothing can authenticate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmptyFrames {
    /// They are refused, as receivers in the field do.
    Drop,
    /// They stay as they are: nothing hidden, nothing vouched for.
    Pass,
}

/// What is known of a frame besides its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What it is.
    pub frame_type: FrameType,
    /// Its SSRC where the browser tells it. Sealing only.
    pub ssrc: Option<u32>,
    /// RTP timestamp. Sealing only.
    pub timestamp: u32,
}

impl Frame {
    /// A frame to be opened.
    #[must_use]
    pub const fn received(frame_type: FrameType) -> Self {
        Self { frame_type, ssrc: None, timestamp: 0 }
    }
}

/// Type of an encoded frame. Each has another number of clear bytes, so a frame that is announced as another type than
/// it was sealed as does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum FrameType {
    /// Sound, of any codec.
    Audio = 1,
    /// Video that decodes by itself.
    Key = 2,
    /// Video that needs frames before it.
    Delta = 3,
}

impl FrameType {
    /// The type with that number. There is none for what browsers call `empty`: the format has no rule for it.
    #[must_use]
    pub const fn from_number(n: u8) -> Option<Self> {
        Some(match n {
            1 => Self::Audio,
            2 => Self::Key,
            3 => Self::Delta,
            _ => return None,
        })
    }

    /// Bytes that stay clear.
    #[must_use]
    pub const fn clear_len(self) -> usize {
        match self {
            Self::Audio => 1,
            Self::Key => 10,
            Self::Delta => 3,
        }
    }

    /// Kind of its track.
    #[must_use]
    pub const fn kind(self) -> TrackKind {
        match self {
            Self::Audio => TrackKind::Audio,
            Self::Key | Self::Delta => TrackKind::Video,
        }
    }
}

/// One AEAD call, described: for an executor outside (WebCrypto).
#[cfg(feature = "hazmat")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// IV; when sealing it is spent already.
    pub iv: [u8; IV_LEN],
    /// Clear bytes, the AAD: the first of the frame.
    pub clear: usize,
    /// Slot of the key.
    pub index: u8,
}

/// The slot of an index.
const fn slot_of(index: u32) -> u8 {
    (index as usize % RING) as u8
}
