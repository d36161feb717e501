//! Keys of a slot.
//!
//! ```text
//! AES key(n)    = HKDF-SHA-256(material(n), salt "JFrameEncryptionKey", info empty), 16 bytes
//! material(n+1) = HKDF-SHA-256(material(n), salt "JFrameRatchetKey",    info empty), 32 bytes
//! ```
//! The first material is 32 random bytes of the participant's own. A key that an application manages itself is the AES
//! key, of 16 or 32 bytes, and has no next step.

use alloc::boxed::Box;

use subtle::ConstantTimeEq;

use crate::crypto::kdf::Prk;
use crate::crypto::{Aead, CipherSuite, Hash, Provider, Unsupported};
use crate::secret::SecretBytes;

/// Salt between material and AES key.
pub const ENCRYPTION_SALT: &[u8] = b"JFrameEncryptionKey";
/// Salt between material and the next material.
pub const RATCHET_SALT: &[u8] = b"JFrameRatchetKey";
/// Bytes of a derived AES key.
const AES_LEN: usize = 16;
/// Bytes of a step's material.
const MATERIAL_LEN: usize = 32;

/// The key of one slot at one step.
pub struct SlotKey {
    held: Held,
    step: u32,
}

enum Held {
    Material {
        material: SecretBytes,
        aes: SecretBytes,
    },
    Aes(SecretBytes),
    /// In WebCrypto, which does not export it.
    #[cfg_attr(not(feature = "hazmat"), allow(dead_code))]
    Outside,
}

/// An AES key of a length that is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadAesKey {
    /// Its length in bytes.
    pub len: usize,
}

impl SlotKey {
    /// Derives the first step from a participant's media key, of any length.
    #[must_use]
    pub fn derive(material: &[u8]) -> Self {
        Self::at(SecretBytes::copy_of(material), 0)
    }

    /// Takes an AES key that the application manages: nothing is derived from it.
    ///
    /// # Errors
    /// [`BadAesKey`] unless it has 16 or 32 bytes.
    pub fn external(aes: &[u8]) -> Result<Self, BadAesKey> {
        match aes.len() {
            16 | 32 => Ok(Self { held: Held::Aes(SecretBytes::copy_of(aes)), step: 0 }),
            len => Err(BadAesKey { len }),
        }
    }

    /// A key that an executor outside holds and does not give away. With it, `hazmat_plan` works and sealing or opening
    /// here does not.
    #[cfg(feature = "hazmat")]
    #[must_use]
    pub const fn hazmat_outside() -> Self {
        Self { held: Held::Outside, step: 0 }
    }

    /// The key one step on; `None` for a key without steps.
    #[must_use]
    pub fn next(&self) -> Option<Self> {
        let Held::Material { material, .. } = &self.held else { return None };
        Some(Self::at(run(material.expose(), RATCHET_SALT, MATERIAL_LEN), self.step.saturating_add(1)))
    }

    fn at(material: SecretBytes, step: u32) -> Self {
        let aes = run(material.expose(), ENCRYPTION_SALT, AES_LEN);
        Self { held: Held::Material { material, aes }, step }
    }

    /// Steps since the key was set.
    #[must_use]
    pub const fn step(&self) -> u32 {
        self.step
    }

    /// The material of this step, which is what participants hand each other; `None` for a key without steps.
    #[must_use]
    pub fn expose_material(&self) -> Option<&[u8]> {
        match &self.held {
            Held::Material { material, .. } => Some(material.expose()),
            Held::Aes(_) | Held::Outside => None,
        }
    }

    /// The AES key, for test vectors and for an executor outside; empty when that one holds it anyway.
    #[must_use]
    pub fn expose_aes_key(&self) -> &[u8] {
        match &self.held {
            Held::Material { aes, .. } | Held::Aes(aes) => aes.expose(),
            Held::Outside => &[],
        }
    }

    pub(super) const fn is_outside(&self) -> bool {
        matches!(self.held, Held::Outside)
    }

    /// Whether both are the same key at the same place of its chain. Never for keys outside: nobody here knows them.
    pub(super) fn same_as(&self, other: &Self) -> bool {
        match (&self.held, &other.held) {
            (Held::Material { material: a, .. }, Held::Material { material: b, .. })
            | (Held::Aes(a), Held::Aes(b)) => a.expose().ct_eq(b.expose()).into(),
            _ => false,
        }
    }

    /// `None` for a key that is outside.
    pub(super) fn aead(&self, provider: &Provider) -> Result<Option<Box<dyn Aead>>, Unsupported> {
        let suite = match self.expose_aes_key().len() {
            0 => return Ok(None),
            AES_LEN => CipherSuite::Aes128GcmSha256_128,
            _ => CipherSuite::Aes256GcmSha512_128,
        };
        provider.aead(suite, self.expose_aes_key()).map(Some)
    }
}

fn run(material: &[u8], salt: &[u8], len: usize) -> SecretBytes {
    let mut out = SecretBytes::zeroed(len);
    Prk::extract(Hash::Sha256, salt, material).expand(&[&[]], out.as_mut());
    out
}

impl core::fmt::Display for BadAesKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "an AES key has 16 or 32 bytes, this one has {}", self.len)
    }
}

impl core::error::Error for BadAesKey {}
