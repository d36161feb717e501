//! Key agreement for encrypted calls: who holds a key, and how everyone knows.
//!
//! Sans-IO: bytes in, bytes out. Randomness is drawn from a seed that the caller gives, so a run replays from its inputs.
#![forbid(unsafe_code)]

pub mod identity;
#[cfg(feature = "jitsi")]
pub mod jitsi;
#[cfg(feature = "matrixrtc")]
pub mod matrixrtc;
pub mod mls;
mod names;
#[cfg(feature = "olm")]
pub mod pairwise;
pub mod session;
