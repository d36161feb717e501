//! What C sees besides functions. Fields hold plain numbers: an enum with a value of its own would be undefined
//! behaviour, a number is checked.

use core::ffi::c_char;

/// Version of this ABI. It grows when something is added; whatever there is keeps its meaning and layout.
pub const FRAMESEAL_ABI_VERSION: u32 = 1;

/// Bytes of entropy that a sealer takes.
pub const FRAMESEAL_ENTROPY_LEN: usize = 32;

/// The longest base key, bytes. Keys that Frameseal makes have 32.
pub const FRAMESEAL_MAX_BASE_KEY_LEN: usize = 256;

/// For `ratchet_bits`: no ratchet, the KID is the generation.
pub const FRAMESEAL_NO_RATCHET_BITS: u32 = 255;

/// For `ratchet_window`: no step is looked ahead.
pub const FRAMESEAL_NO_RATCHET_WINDOW: u32 = 255;

/// Bytes of an IV that travels beside a data packet in LiveKit's format.
pub const FRAMESEAL_DATA_IV_LEN: usize = 12;

/// Bytes of a stretched secret.
pub const FRAMESEAL_STRETCHED_LEN: usize = 32;

/// Layout of sealed frames.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum frameseal_format {
    /// Frameseal's profile for encoded frames of WebRTC: clear bytes that packetizers need, keys bound to call,
    /// participant and kind of track.
    Frameseal = 0,
    /// Bare SFrame (RFC 9605): nothing clear, keys bound to nothing but the base key.
    Sframe = 1,
    /// LiveKit's, byte for byte with its clients: keys in slots, no binding to call, participant or kind. For rooms
    /// with such clients in them.
    Livekit = 2,
    /// Jitsi Meet's, byte for byte with its clients: keys in slots, no binding to call, participant or kind. For rooms
    /// with such clients in them. AES-128-GCM; no data.
    Jitsi = 3,
}

/// Cipher suites of the SFrame registry (RFC 9605 section 8.1), by their numbers there.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum frameseal_suite {
    /// AES-128-CTR with HMAC-SHA-256, 10-byte tag.
    Aes128CtrHmacSha256Tag80 = 1,
    /// AES-128-CTR with HMAC-SHA-256, 8-byte tag.
    Aes128CtrHmacSha256Tag64 = 2,
    /// AES-128-CTR with HMAC-SHA-256, 4-byte tag: for audio only, one forgery in 2^32 passes.
    Aes128CtrHmacSha256Tag32 = 3,
    /// AES-128-GCM, 16-byte tag. The default.
    Aes128GcmSha256Tag128 = 4,
    /// AES-256-GCM with SHA-512, 16-byte tag.
    Aes256GcmSha512Tag128 = 5,
    /// AES-256-CTR with HMAC-SHA-512, 10-byte tag (draft-barnes-sframe-iana-256).
    Aes256CtrHmacSha512Tag80 = 6,
    /// AES-256-CTR with HMAC-SHA-512, 8-byte tag (draft-barnes-sframe-iana-256).
    Aes256CtrHmacSha512Tag64 = 7,
    /// AES-256-CTR with HMAC-SHA-512, 4-byte tag (draft-barnes-sframe-iana-256).
    Aes256CtrHmacSha512Tag32 = 8,
}

/// What a track carries. In Frameseal's format each kind has keys, counters and a replay window of its own.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum frameseal_kind {
    /// A microphone.
    Audio = 0,
    /// A camera.
    Video = 1,
    /// Sound of a shared screen.
    ScreenAudio = 2,
    /// A shared screen.
    ScreenVideo = 3,
    /// Messages.
    Data = 4,
}

/// How the bytes of a frame are laid out, which decides what stays clear for packetizers and SFUs.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum frameseal_codec {
    /// Nothing clear: Opus, RED, G.711, VP9, data.
    Opaque = 1,
    /// 6 bytes of a key frame, 1 of a delta frame.
    Vp8 = 2,
    /// Sequence headers; low-overhead OBUs, one temporal unit or one layer of it.
    Av1 = 3,
    /// Parameter sets and the start of the first slice; Annex B, one access unit.
    H264 = 4,
    /// As H.264.
    H265 = 5,
    /// Nothing clear. The same as opaque but in LiveKit's format, which must know.
    Vp9 = 6,
    /// LiveKit's format alone: by its bytes H.264 or H.265, else as VP8.
    Unknown = 7,
}

/// Type of a video frame, for VP8 in LiveKit's format and for every codec in Jitsi's, where it decides how many bytes are
/// clear.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum frameseal_frame_type {
    /// VP8: read it from the first byte, which is clear. Other codecs in Jitsi's format must say the type.
    FromBytes = 0,
    /// A key frame.
    Key = 1,
    /// A delta frame.
    Delta = 2,
}

/// What a secret of a slot is.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum frameseal_secret_kind {
    /// Raw bytes, 16 to 256 of them: HKDF. In Jitsi's format what its key exchange carries.
    Raw = 0,
    /// LiveKit's format: a passphrase in UTF-8, PBKDF2, some tens of milliseconds for each call that takes one.
    Passphrase = 1,
    /// Jitsi's format: the AES key itself, 16 or 32 bytes, that an application hands to everybody. It has no steps.
    Aes = 2,
}

/// What all members of a call agree on, and who this is about. Set it to zeros, then `size`, then what you need.
#[repr(C)]
pub struct frameseal_config {
    /// `sizeof(frameseal_config)`.
    pub size: usize,
    /// Name of the call, UTF-8 with a NUL at the end, 1 to 512 bytes. Keys are bound to it. Not used (may be NULL) but
    /// in Frameseal's format.
    pub call: *const c_char,
    /// Name of the sender, UTF-8 with a NUL at the end, 1 to 512 bytes: for a sealer and a ring who is here, for an
    /// opener whose frames it opens. Keys are bound to it.
    pub participant: *const c_char,
    /// A `frameseal_format`.
    pub format: u32,
    /// A `frameseal_suite`; 0 for the default, AES-128-GCM. LiveKit's format has AES-128-GCM and AES-256-GCM
    /// alone, Jitsi's the default alone.
    pub suite: u32,
    /// How many bits of a KID count ratchet steps, 1 to 16; 0 for the default of 4; `FRAMESEAL_NO_RATCHET_BITS`.
    pub ratchet_bits: u32,
    /// LiveKit's format: how many slots a key ring has, 1 to 256; 0 for the default of 16.
    pub slots: u32,
    /// LiveKit's and Jitsi's format: how many ratchet steps an opener looks ahead, up to 32; 0 for the default of 8;
    /// `FRAMESEAL_NO_RATCHET_WINDOW`.
    pub ratchet_window: u32,
}

/// What is known of one frame besides its bytes. Set it to zeros, then `size`, then what you need.
#[repr(C)]
pub struct frameseal_frame_info {
    /// `sizeof(frameseal_frame_info)`.
    pub size: usize,
    /// A `frameseal_kind`. From what you know of the track yourself, never from the SFU.
    pub kind: u32,
    /// A `frameseal_codec`. There is no default.
    pub codec: u32,
    /// Bytes that are authenticated with the frame and not sent; both sides must give the same. NULL for none.
    pub metadata: *const u8,
    /// How many.
    pub metadata_len: usize,
    /// LiveKit's and Jitsi's format: a `frameseal_frame_type`.
    pub frame_type: u32,
    /// LiveKit's and Jitsi's format, sealing: SSRC of the stream, 0 when it is not known.
    pub ssrc: u32,
    /// LiveKit's and Jitsi's format, sealing: RTP timestamp of the frame.
    pub timestamp: u32,
}
