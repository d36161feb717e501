//! HKDF (RFC 5869) and PBKDF2 (RFC 8018), by RustCrypto on every platform: set-up work, never per frame.

use super::Hash;
use crate::secret::SecretBytes;
use hkdf::Hkdf;
use sha2::{Sha256, Sha512};

/// A pseudo-random key: the output of HKDF-Extract.
pub struct Prk {
    hash: Hash,
    bytes: SecretBytes,
}

impl Prk {
    /// `HKDF-Extract(salt, ikm)`.
    #[must_use]
    pub fn extract(hash: Hash, salt: &[u8], ikm: &[u8]) -> Self {
        let bytes = match hash {
            Hash::Sha256 => SecretBytes::copy_of(&Hkdf::<Sha256>::extract(Some(salt), ikm).0),
            Hash::Sha512 => SecretBytes::copy_of(&Hkdf::<Sha512>::extract(Some(salt), ikm).0),
        };
        Self { hash, bytes }
    }

    /// `HKDF-Expand(prk, info, out.len())`, `info` given in pieces.
    ///
    /// HKDF refuses only outputs over 255 hashes; every caller here asks for at most 96 bytes.
    pub fn expand(&self, info: &[&[u8]], out: &mut [u8]) {
        let done = match self.hash {
            Hash::Sha256 => Hkdf::<Sha256>::from_prk(self.bytes.expose())
                .is_ok_and(|k| k.expand_multi_info(info, out).is_ok()),
            Hash::Sha512 => Hkdf::<Sha512>::from_prk(self.bytes.expose())
                .is_ok_and(|k| k.expand_multi_info(info, out).is_ok()),
        };
        debug_assert!(done, "HKDF-Expand of {} bytes", out.len());
    }

    /// The key itself, for test vectors.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        self.bytes.expose()
    }
}

/// `PBKDF2-HMAC-SHA-256(passphrase, salt, rounds)`, 32 bytes. Slow on purpose.
#[must_use]
pub fn pbkdf2_sha256(passphrase: &[u8], salt: &[u8], rounds: u32) -> SecretBytes {
    let mut out = SecretBytes::zeroed(32);
    pbkdf2::pbkdf2_hmac::<Sha256>(passphrase, salt, rounds, out.as_mut());
    out
}
