//! What lib-jitsi-meet uses of libolm's JavaScript interface, over vodozemac: accounts, sessions, short authentication
//! strings, hashes and signatures. Errors are libolm's texts, without the `OLM.` before them.
//!
//! The interface is private to `sdk/src/olm`. Randomness is the platform's: vodozemac takes no other.
#![forbid(unsafe_code)]

mod account;
mod error;
mod pickle;
mod sas;
mod session;
mod utility;

pub use account::Account;
pub use error::OlmError;
pub use sas::Sas;
pub use session::Session;
pub use utility::{backend, ed25519_verify, sha256};

/// Secrets pass through strings and vectors on their way to JavaScript: whatever is freed is wiped.
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static WIPED: zeroizing_alloc::ZeroAlloc<std::alloc::System> = zeroizing_alloc::ZeroAlloc(std::alloc::System);
