//! LiveKit's frame format, byte for byte with clients in the field, and hardened where the wire allows.
//!
//! ```text
//! | clear | ciphertext | tag (16) | IV (12) | 0c | key index |
//!           `--- H.264 and H.265: emulation prevention from here on ---'
//! IV   SSRC (4) | t (4) | t - count (4), big-endian, modulo 2^32; t is the RTP timestamp
//! AAD  clear
//!
//! clear, bytes    audio 1 · VP8 10 of a key frame, 3 of a delta frame · VP9 none
//!                 H.264, H.265 up to the second byte behind the header of the first slice
//! ```
//! Data packets are AES-GCM without AAD; IV and key index travel beside them.
//!
//! | the wire allows | so |
//! |---|---|
//! | any IV | [`Sealer`] has one counter for all of its keys and tracks: no IV twice under a key |
//! | nothing but GCM's tag to prove a frame | windows, ratchet and tallies move after the tag was right, not before |
//! | a step that is not named | [`Opener`] derives ahead within bounds, each step once, however many forgeries come |
//! | frames made by the server | [`injected`]: constant payloads alone, when the caller asked for them, said apart |
//!
//! What the format cannot give: key index, track and participant are not authenticated. Whoever has a sender's key can
//! speak as that sender, so under a shared passphrase everybody in the room can.

mod data;
pub mod injected;
pub(crate) mod iv;
mod key;
mod layout;
mod opener;
mod sealer;
pub(crate) mod window;

pub use data::DataIv;
pub use key::{KEY_LEN_128, Kdf, KeyBits, MAX_RING, PBKDF2_ROUNDS, RATCHET_SALT, SlotKey};
pub use opener::{Opened, Opener};
pub use sealer::Sealer;

use crate::crypto::Provider;
use crate::id::TrackKind;

/// Tag length, bytes.
const TAG_LEN: usize = 16;
/// IV length, bytes, and the number that says so in the trailer.
const IV_LEN: usize = 12;
/// IV, its length, key index.
const TRAILER_LEN: usize = IV_LEN + 2;

/// What all members of a room set alike.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Cipher backend.
    pub provider: &'static Provider,
    /// AES key length.
    pub bits: KeyBits,
    /// Key slots, 1 to [`MAX_RING`]. Setting a key reduces its index modulo this.
    pub ring_size: u16,
    /// How many steps an opener looks ahead of the newest key of a slot.
    pub ratchet_window: u8,
}

impl Default for Options {
    /// 128 bits, 16 slots, 8 steps.
    fn default() -> Self {
        Self { provider: Provider::best(), bits: KeyBits::B128, ring_size: 16, ratchet_window: 8 }
    }
}

/// What is known of a frame besides its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Kind of its track, from local knowledge.
    pub kind: TrackKind,
    /// Its codec, as negotiated.
    pub codec: Codec,
    /// What the encoder, or the receiving browser, calls it.
    pub frame_type: FrameType,
    /// Its SSRC where the browser tells it. Sealing only.
    pub ssrc: Option<u32>,
    /// RTP timestamp. Sealing only.
    pub timestamp: u32,
}

/// One AEAD call, described: for an executor outside (WebCrypto).
#[cfg(feature = "hazmat")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// IV; when sealing it is spent already.
    pub iv: [u8; IV_LEN],
    /// Clear bytes, the AAD: the first of the buffer.
    pub clear: usize,
    /// Slot of the key.
    pub index: u8,
    escaped: bool,
}

/// Codecs, as far as the format tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Codec {
    /// Any audio codec, Opus and RED included.
    Audio = 1,
    /// VP8.
    Vp8 = 2,
    /// VP9, SVC included.
    Vp9 = 3,
    /// AV1: the format has no layout for it that packetizers can carry.
    Av1 = 4,
    /// H.264.
    H264 = 5,
    /// H.265.
    H265 = 6,
    /// Not known: by its bytes H.264 or H.265, else as VP8.
    Unknown = 7,
}

impl Codec {
    /// The codec with that number.
    #[must_use]
    pub const fn from_number(n: u8) -> Option<Self> {
        Some(match n {
            1 => Self::Audio,
            2 => Self::Vp8,
            3 => Self::Vp9,
            4 => Self::Av1,
            5 => Self::H264,
            6 => Self::H265,
            7 => Self::Unknown,
            _ => return None,
        })
    }
}

/// Type of an encoded video frame; of no account for audio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum FrameType {
    /// Decodes by itself.
    Key = 0,
    /// Needs frames before it.
    Delta = 1,
    /// What some browsers call a frame of no kind; nothing of it is clear.
    Empty = 2,
}
