//! Frameseal's ciphers as values: a [`Provider`] makes [`Aead`] objects; a key is set up once, never per frame.
//!
//! A crate of its own so that it can be compiled for speed where all else is compiled for size: RustCrypto's ciphers
//! are generic, and their code is made in the crate that names them.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

#[cfg(any(test, target_arch = "wasm32"))]
mod ahead;
mod ctr_hmac;
mod suite;

#[cfg(feature = "aws-lc-rs")]
mod aws_lc;
#[cfg(feature = "conformance")]
pub mod conformance;
#[cfg(feature = "ring")]
mod ring;
#[cfg(feature = "rustcrypto")]
mod rustcrypto;

use alloc::boxed::Box;

pub use suite::{CipherSuite, Hash, UnknownSuite};

/// Nonce length of every suite (`Nn` of RFC 9605), bytes.
pub const NONCE_LEN: usize = 12;
/// Longest tag of any suite (`Nt`), bytes.
pub const MAX_TAG_LEN: usize = 16;

/// One AEAD key, ready for use in both directions. Ciphertext and tag are neighbours, as on the wire.
pub trait Aead: Send + Sync {
    /// Encrypts in place. The last [`Aead::tag_len`] bytes of `text_and_tag` receive the tag; what precedes them is
    /// the plaintext going in and the ciphertext coming out.
    ///
    /// # Errors
    /// [`Refused`] when the buffer is shorter than a tag or longer than the cipher allows.
    fn seal(&self, nonce: &[u8; NONCE_LEN], aad: &[u8], text_and_tag: &mut [u8]) -> Result<(), Refused>;

    /// Authenticates and decrypts in place. On success all but the last [`Aead::tag_len`] bytes are plaintext;
    /// on failure the content is unspecified and must not be used.
    ///
    /// # Errors
    /// [`Refused`], one word for everything, so that nothing can be learned from it.
    fn open(&self, nonce: &[u8; NONCE_LEN], aad: &[u8], text_and_tag: &mut [u8]) -> Result<(), Refused>;

    /// Tag length of this key's suite, bytes.
    fn tag_len(&self) -> usize;
}

/// The cipher refused. It never says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;

/// This provider has no such suite, or the key has the wrong length for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsupported {
    /// Name of the provider.
    pub provider: &'static str,
    /// The suite asked for.
    pub suite: CipherSuite,
}

impl core::fmt::Display for Unsupported {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} has no {} for a key of this length", self.provider, self.suite)
    }
}

impl core::error::Error for Unsupported {}

/// Sets up a key of [`CipherSuite::key_len`] bytes, or answers `None`.
pub type MakeAead = fn(CipherSuite, &[u8]) -> Option<Box<dyn Aead>>;

/// Makes AEAD keys. A value, not a global: several may live in one program.
pub struct Provider {
    name: &'static str,
    aead: MakeAead,
}

impl Provider {
    /// Describes a backend.
    #[must_use]
    pub const fn new(name: &'static str, aead: MakeAead) -> Self {
        Self { name, aead }
    }

    /// Its name, for reports.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Sets up a key.
    ///
    /// # Errors
    /// [`Unsupported`] when the suite is not there or the key has the wrong length.
    pub fn aead(&self, suite: CipherSuite, key: &[u8]) -> Result<Box<dyn Aead>, Unsupported> {
        (self.aead)(suite, key).ok_or(Unsupported { provider: self.name, suite })
    }

    /// Every provider that was compiled in, the preferred one first.
    #[must_use]
    pub fn all() -> &'static [&'static Self] {
        ALL
    }

    /// The preferred provider of this build: aws-lc-rs, else ring, else RustCrypto.
    #[must_use]
    pub fn best() -> &'static Self {
        Self::all().first().copied().unwrap_or(&CTR_ONLY)
    }
}

impl core::fmt::Debug for Provider {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("Provider").field(&self.name).finish()
    }
}

/// aws-lc-rs for AES-GCM; AES-CTR with HMAC by RustCrypto.
#[cfg(feature = "aws-lc-rs")]
pub static AWS_LC: Provider = Provider::new("aws-lc-rs", aws_lc::aead);
/// ring for AES-GCM; AES-CTR with HMAC by RustCrypto.
#[cfg(feature = "ring")]
pub static RING: Provider = Provider::new("ring", ring::aead);
/// RustCrypto for everything.
#[cfg(feature = "rustcrypto")]
pub static RUSTCRYPTO: Provider = Provider::new("rustcrypto", rustcrypto::aead);

static ALL: &[&Provider] = &[
    #[cfg(feature = "aws-lc-rs")]
    &AWS_LC,
    #[cfg(feature = "ring")]
    &RING,
    #[cfg(feature = "rustcrypto")]
    &RUSTCRYPTO,
    #[cfg(not(any(feature = "aws-lc-rs", feature = "ring", feature = "rustcrypto")))]
    &CTR_ONLY,
];

/// A build without any AES-GCM backend still has the AES-CTR suites.
static CTR_ONLY: Provider = Provider::new("ctr-only", ctr_hmac::aead);

/// Splits `text_and_tag` into text and tag.
fn split_tag(text_and_tag: &mut [u8], tag_len: usize) -> Result<(&mut [u8], &mut [u8]), Refused> {
    let text = text_and_tag.len().checked_sub(tag_len).ok_or(Refused)?;
    text_and_tag.split_at_mut_checked(text).ok_or(Refused)
}
