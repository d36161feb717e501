//! Secret bytes: boxed, wiped on drop, silent, not clonable, not comparable.

use alloc::boxed::Box;
use alloc::vec;

use zeroize::Zeroize;

/// Longest base key taken, bytes. RFC 9605 allows any length; this bounds what a message can make us hold.
pub const MAX_BASE_KEY_LEN: usize = 256;

/// Secret bytes of a length that is not secret.
///
/// The bytes leave only through [`SecretBytes::expose`]: search for that word to audit every use.
pub struct SecretBytes(Box<[u8]>);

impl SecretBytes {
    /// Takes ownership of `bytes`.
    #[must_use]
    pub fn new(bytes: Box<[u8]>) -> Self {
        Self(bytes)
    }

    /// Copies `bytes`; wiping the original is up to the caller.
    #[must_use]
    pub fn copy_of(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }

    /// `len` zero bytes, to be written by a derivation.
    pub(crate) fn zeroed(len: usize) -> Self {
        Self(vec![0; len].into_boxed_slice())
    }

    pub(crate) fn as_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }

    /// The secret itself. Whoever calls this answers for where the bytes go.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// How many bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True for an empty secret.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Drop for SecretBytes {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// The root of one sender's keys (`base_key` of RFC 9605 section 4.4.2).
pub struct BaseKey(SecretBytes);

impl BaseKey {
    /// Takes a base key of 16 to [`MAX_BASE_KEY_LEN`] bytes.
    ///
    /// # Errors
    /// [`BadBaseKey`] for any other length.
    pub fn new(bytes: SecretBytes) -> Result<Self, BadBaseKey> {
        if bytes.len() < 16 || bytes.len() > MAX_BASE_KEY_LEN {
            return Err(BadBaseKey { len: bytes.len() });
        }
        Ok(Self(bytes))
    }

    /// Takes a base key of any length, as RFC 9605 allows: for test vectors.
    #[cfg(feature = "hazmat")]
    #[must_use]
    pub fn hazmat_any_len(bytes: SecretBytes) -> Self {
        Self(bytes)
    }

    pub(crate) fn derived(bytes: SecretBytes) -> Self {
        Self(bytes)
    }

    /// The key itself, to be handed to a peer over a secure channel.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        self.0.expose()
    }

    pub(crate) fn duplicate(&self) -> Self {
        Self(SecretBytes::copy_of(self.0.expose()))
    }
}

/// A base key of a length that is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadBaseKey {
    /// Its length in bytes.
    pub len: usize,
}

impl core::fmt::Display for BadBaseKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "a base key must have 16 to {MAX_BASE_KEY_LEN} bytes, this one has {}", self.len)
    }
}

impl core::error::Error for BadBaseKey {}
