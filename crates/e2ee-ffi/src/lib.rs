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
//! | `sealer`, `opener`, `library` | the exports |
#![allow(unsafe_code)]
#![deny(unsafe_op_in_unsafe_fn, clippy::undocumented_unsafe_blocks, clippy::multiple_unsafe_ops_per_block)]
#![allow(non_camel_case_types)]

mod fence;
mod handle;
mod read;
mod status;
mod types;

// The header has them in this order.
mod library;

mod sealer;

mod opener;

pub use library::{frameseal_abi_version, frameseal_last_error, frameseal_strerror, frameseal_wipe};
pub use opener::{
    frameseal_open, frameseal_opener, frameseal_opener_free, frameseal_opener_install_key,
    frameseal_opener_new,
};
pub use sealer::{
    frameseal_max_sealed_len, frameseal_seal, frameseal_sealer, frameseal_sealer_free, frameseal_sealer_key,
    frameseal_sealer_new,
};
pub use status::frameseal_status;
pub use types::{
    FRAMESEAL_ABI_VERSION, FRAMESEAL_ENTROPY_LEN, FRAMESEAL_MAX_BASE_KEY_LEN, FRAMESEAL_NO_RATCHET_BITS,
    frameseal_codec, frameseal_config, frameseal_format, frameseal_frame_info, frameseal_kind,
    frameseal_suite,
};
