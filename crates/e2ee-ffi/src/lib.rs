//! Frameseal's C ABI: what C programs link, and nothing else in the workspace may be unsafe.
//!
//! The rules of the boundary stand at the top of `include/frameseal.h`, which a test generates from this crate and
//! compares with the committed file (`UPDATE_HEADER=1 cargo test -p e2ee-ffi --test header` writes it).
//!
//! | module | holds |
//! |---|---|
//! | `types` | what C sees: enums, structs, constants |
//! | `status` | numbers and words of all outcomes |
//! | `fence` | the way into and out of every export: panics, the last error |
//! | `handle` | opaque handles that notice two callers at once |
//! | `read` | pointers into Rust values and back, each one checked |
//! | `media`, `follow` | sealers and openers of every format behind one door |
//! | `ring` | keys for sealers and openers on other threads |
//! | `sealer`, `opener`, `rings`, `livekit`, `library` | the exports |
//! | `session` | key agreement: inputs, outputs, its exports (feature `session`) |
//! | `owned` | the exports for Rust callers that may not be unsafe (feature `owned`) |
#![allow(unsafe_code)]
#![deny(unsafe_op_in_unsafe_fn, clippy::undocumented_unsafe_blocks, clippy::multiple_unsafe_ops_per_block)]
#![allow(non_camel_case_types)]

#[cfg(not(any(feature = "ring", feature = "rustcrypto")))]
compile_error!("AES-GCM comes by the feature `ring`, or by `rustcrypto`");

mod fence;
mod follow;
mod handle;
mod media;
mod read;
mod report;
mod ring;
mod status;
mod types;

// The header has them in this order.
mod library;

mod sealer;

mod opener;

mod rings;

mod livekit;

#[cfg(feature = "session")]
mod session;

#[cfg(feature = "owned")]
pub mod owned;

#[cfg(feature = "testing")]
pub mod fuzz;
#[cfg(feature = "testing")]
mod testing;

pub use library::{
    frameseal_abi_version, frameseal_last_error, frameseal_strerror, frameseal_stretch, frameseal_version,
    frameseal_wipe,
};
pub use livekit::{
    frameseal_open_data, frameseal_opener_allow_server_frames, frameseal_opener_forget_slot,
    frameseal_opener_set_slot, frameseal_seal_data, frameseal_sealer_ratchet_slot,
    frameseal_sealer_select_slot, frameseal_sealer_set_slot,
};
pub use opener::{
    frameseal_open, frameseal_opener, frameseal_opener_follow, frameseal_opener_forget_before,
    frameseal_opener_free, frameseal_opener_install_key, frameseal_opener_new, frameseal_opener_report,
    frameseal_opener_tick,
};
pub use rings::{
    frameseal_ring, frameseal_ring_follow, frameseal_ring_forget, frameseal_ring_free,
    frameseal_ring_install_key, frameseal_ring_new, frameseal_ring_opener, frameseal_ring_sealer,
    frameseal_ring_set_slot,
};
pub use sealer::{
    frameseal_max_sealed_len, frameseal_seal, frameseal_sealer, frameseal_sealer_announcement,
    frameseal_sealer_free, frameseal_sealer_key, frameseal_sealer_new, frameseal_sealer_new_shared,
    frameseal_sealer_report, frameseal_sealer_rotate, frameseal_sealer_set_padding, frameseal_sealer_step,
};
#[cfg(feature = "session")]
pub use session::*;
pub use status::frameseal_status;
#[cfg(feature = "testing")]
pub use testing::frameseal_testing_panic;
pub use types::{
    FRAMESEAL_ABI_VERSION, FRAMESEAL_DATA_IV_LEN, FRAMESEAL_ENTROPY_LEN, FRAMESEAL_MAX_BASE_KEY_LEN,
    FRAMESEAL_NO_RATCHET_BITS, FRAMESEAL_NO_RATCHET_WINDOW, FRAMESEAL_STRETCHED_LEN, frameseal_codec,
    frameseal_config, frameseal_format, frameseal_frame_info, frameseal_frame_type, frameseal_kind,
    frameseal_secret_kind, frameseal_suite,
};
