//! Keys of a slot: a secret, its AES key, and the step after.
//!
//! ```text
//! out(n) = KDF(material(n), salt), 32 bytes      AES key(n) = the first 16 or all 32 of out(n)
//!                                                material(n+1) = out(n)
//! HKDF    HKDF-SHA-256, salt, info: 128 zero bytes      for raw keys
//! PBKDF2  PBKDF2-HMAC-SHA-256, salt, 100 000 rounds     for passphrases, at every step
//! ```

use alloc::boxed::Box;

use crate::crypto::kdf::{Prk, pbkdf2_sha256};
use crate::crypto::{Aead, CipherSuite, Hash, Provider, Unsupported};
use crate::secret::SecretBytes;

/// Salt of key derivation and ratchet that clients use unless told otherwise.
pub const RATCHET_SALT: &[u8] = b"LKFrameEncryptionKey";
/// Rounds of PBKDF2.
pub const PBKDF2_ROUNDS: u32 = 100_000;
/// Largest key ring: the index is one byte.
pub const MAX_RING: u16 = 256;
/// Bytes of a 128-bit key.
pub const KEY_LEN_128: usize = 16;
/// Bytes that a key derivation gives.
const OUT_LEN: usize = 32;
const HKDF_INFO: [u8; 128] = [0; 128];

/// Length of the AES key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyBits {
    /// AES-128, the default; the only one that native clients have.
    B128,
    /// AES-256. The AES key is then also what the next step comes from.
    B256,
}

/// How keys come from secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kdf {
    /// From raw bytes.
    Hkdf,
    /// From a passphrase.
    Pbkdf2,
}

impl Kdf {
    /// Steps that one frame that does not open may make an opener derive: HKDF takes microseconds, PBKDF2 tens of
    /// milliseconds.
    pub(super) const fn steps_per_frame(self) -> usize {
        match self {
            Self::Hkdf => usize::MAX,
            Self::Pbkdf2 => 1,
        }
    }

    fn run(self, material: &[u8], salt: &[u8]) -> SecretBytes {
        match self {
            Self::Hkdf => {
                let mut out = SecretBytes::zeroed(OUT_LEN);
                Prk::extract(Hash::Sha256, salt, material).expand(&[&HKDF_INFO], out.as_mut());
                out
            }
            Self::Pbkdf2 => pbkdf2_sha256(material, salt, PBKDF2_ROUNDS),
        }
    }
}

/// The key of one slot at one step.
pub struct SlotKey {
    kdf: Kdf,
    salt: Box<[u8]>,
    out: SecretBytes,
    /// What `out` came from, where that was a step and not a secret from outside.
    material: Option<SecretBytes>,
    step: u32,
}

impl SlotKey {
    /// Derives the first step from a secret: raw bytes under [`Kdf::Hkdf`], UTF-8 under [`Kdf::Pbkdf2`].
    #[must_use]
    pub fn derive(kdf: Kdf, secret: &[u8], salt: &[u8]) -> Self {
        Self { kdf, salt: salt.into(), out: kdf.run(secret, salt), material: None, step: 0 }
    }

    /// Takes what a derivation elsewhere gave (WebCrypto, from a key that it does not export).
    #[must_use]
    pub fn from_derived(kdf: Kdf, out: [u8; OUT_LEN], salt: &[u8]) -> Self {
        Self { kdf, salt: salt.into(), out: SecretBytes::copy_of(&out), material: None, step: 0 }
    }

    /// The key one step on.
    #[must_use]
    pub fn next(&self) -> Self {
        let out = self.kdf.run(self.out.expose(), &self.salt);
        let material = Some(SecretBytes::copy_of(self.out.expose()));
        Self { kdf: self.kdf, salt: self.salt.clone(), out, material, step: self.step.saturating_add(1) }
    }

    /// Steps since the secret.
    #[must_use]
    pub const fn step(&self) -> u32 {
        self.step
    }

    /// The secret that this step came from, from which others derive it too. `None` for a key that was set.
    #[must_use]
    pub fn expose_material(&self) -> Option<&[u8]> {
        self.material.as_ref().map(SecretBytes::expose)
    }

    pub(super) const fn kdf(&self) -> Kdf {
        self.kdf
    }

    /// The secret of the next step, which clients hand each other after a ratchet; also what the AES key is the
    /// beginning of.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        self.out.expose()
    }

    /// The AES key, for test vectors.
    #[must_use]
    pub fn expose_aes_key(&self, bits: KeyBits) -> &[u8] {
        match bits {
            KeyBits::B128 => self.out.expose().get(..KEY_LEN_128).unwrap_or_default(),
            KeyBits::B256 => self.out.expose(),
        }
    }

    pub(super) fn aead(&self, provider: &Provider, bits: KeyBits) -> Result<Box<dyn Aead>, Unsupported> {
        let suite = match bits {
            KeyBits::B128 => CipherSuite::Aes128GcmSha256_128,
            KeyBits::B256 => CipherSuite::Aes256GcmSha512_128,
        };
        provider.aead(suite, self.expose_aes_key(bits))
    }
}
