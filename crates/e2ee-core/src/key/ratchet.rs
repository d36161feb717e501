//! The forward ratchet of sender keys (RFC 9605 section 5.1).
//!
//! ```text
//! base_key[i+1] = HKDF-Expand(HKDF-Extract("", base_key[i]), "SFrame 1.0 Ratchet", Nh)
//! ```

use crate::crypto::CipherSuite;
use crate::crypto::kdf::Prk;
use crate::secret::{BaseKey, SecretBytes};

/// How many steps ahead a receiver follows. It bounds what a forged KID can cost: one HKDF a step.
pub const RATCHET_REACH: u32 = 16;

const LABEL: &[u8] = b"SFrame 1.0 Ratchet";

/// The base key one step on. There is no way back.
#[must_use]
pub fn step(suite: CipherSuite, base: &BaseKey) -> BaseKey {
    let hash = suite.hash();
    let mut next = SecretBytes::zeroed(hash.output_len());
    Prk::extract(hash, b"", base.expose()).expand(&[LABEL], next.as_mut());
    BaseKey::derived(next)
}

/// The base key `steps` on; the caller bounds `steps`.
#[must_use]
pub fn steps(suite: CipherSuite, base: &BaseKey, steps: u32) -> BaseKey {
    (0..steps).fold(base.duplicate(), |base, _| step(suite, &base))
}
