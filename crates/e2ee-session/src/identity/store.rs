//! An identity that outlives a call, and whom its holder has compared codes with.
//!
//! By default an identity key lives for one call: nothing is stored, nothing can be taken, and whom one compared with is
//! forgotten with the call. Where people meet again and again a [`Record`] can be kept instead. This module says what is in
//! it and how it is sealed; where it is put is the application's, behind [`IdentityStore`].
//!
//! Sealed bytes are safe to put anywhere, as far as the wrapping key is kept apart from them: by the operating system's key
//! store, by a smart card, or by the browser. They do not tell an older copy from the newest one: who can put back an older
//! record brings back a comparison that was taken back.
//!
//! # In a browser
//!
//! The same record, sealed by WebCrypto in the same form, in IndexedDB:
//!
//! 1. The wrapping key is made by `crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt",
//!    "decrypt"])`: not extractable. The `CryptoKey` itself is put into IndexedDB; its bytes are seen by no script.
//! 2. Each save draws 12 fresh bytes of nonce, and encrypts [`Record::to_bytes`] with `additionalData` as in
//!    [`Record::seal`]. One nonce is used once: a record is small and rarely saved, so random ones do not meet.
//! 3. Key and sealed bytes are in one object store. A change reads, seals anew and writes only if what it read is still there, in one
//!    transaction, else it begins again: two tabs must not overwrite each other's comparisons. Two tabs in one call are two
//!    members all the same, and both are shown.
//! 4. The plain record is in memory only while it is used, and is wiped there.
//! 5. `navigator.storage.persist()` is asked for. A browser may still clear it: then the identity is a new one, which others see
//!    as a changed key, and the application says so to its user.
//! 6. To forget, key and sealed bytes are deleted in one transaction: what a disk may keep of the sealed bytes is of no use then.
//!
//! This keeps the identity from who copies the browser's files without its key store, from backups, and from the server.
//! It does not keep it from scripts of the same origin: they can use the key, though not take it along.

use std::collections::BTreeMap;
use std::{error, fmt};

use aes_gcm::aead::{Aead as _, KeyInit as _, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use e2ee_core::Millis;
use ed25519_dalek::SigningKey;
use zeroize::Zeroizing;

/// Bytes of an identity key (Ed25519), public or secret.
pub const KEY_LEN: usize = 32;
/// Bytes of the key that a record is sealed with (AES-256-GCM).
pub const WRAPPING_KEY_LEN: usize = 32;
/// Bytes of the nonce that each sealing draws afresh.
pub const NONCE_LEN: usize = 12;
/// Most comparisons that are remembered; the oldest makes room.
pub const MAX_COMPARED: usize = 4096;

const VERSION: u8 = 1;
const LABEL: &[u8] = b"frameseal identity 1";

/// Where sealed records are put. What is put there is opaque to it.
///
/// A profile is the application's name for an identity, such as an account. Calls may come from one thread at a time.
pub trait IdentityStore {
    /// Why the place could not be read or written.
    type Error: error::Error;

    /// What was saved last for a profile, or `None`.
    ///
    /// # Errors
    ///
    /// The place cannot be read: begin no new identity then, it would replace the one that is there.
    fn load(&self, profile: &str) -> Result<Option<Vec<u8>>, Self::Error>;

    /// Replaces what is there for a profile, wholly or not at all.
    ///
    /// # Errors
    ///
    /// The place cannot be written; what was there is there still.
    fn save(&mut self, profile: &str, sealed: &[u8]) -> Result<(), Self::Error>;

    /// Forgets a profile; that there is none is no error.
    ///
    /// # Errors
    ///
    /// The place cannot be written.
    fn remove(&mut self, profile: &str) -> Result<(), Self::Error>;
}

/// Keeps records as long as the program runs.
#[derive(Default)]
pub struct MemoryStore {
    profiles: BTreeMap<String, Vec<u8>>,
}

impl IdentityStore for MemoryStore {
    type Error = std::convert::Infallible;

    fn load(&self, profile: &str) -> Result<Option<Vec<u8>>, Self::Error> {
        Ok(self.profiles.get(profile).cloned())
    }

    fn save(&mut self, profile: &str, sealed: &[u8]) -> Result<(), Self::Error> {
        self.profiles.insert(profile.to_owned(), sealed.to_vec());
        Ok(())
    }

    fn remove(&mut self, profile: &str) -> Result<(), Self::Error> {
        self.profiles.remove(profile);
        Ok(())
    }
}

/// Why a record cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecordError {
    /// Bytes that are no record of this version.
    Malformed,
    /// Sealed with another key, for another profile, or damaged.
    Sealed,
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "not a record of this version: newer software wrote it, or it is damaged",
            Self::Sealed => "sealed with another key or for another profile, or damaged",
        })
    }
}

impl error::Error for RecordError {}

/// An identity key, and whose codes its holder found to be the same.
///
/// Plain form: `version (1) = 1 | secret key (32) | made (8) | count (2) | count x (public key (32) | compared (8))`, numbers
/// big-endian, times in milliseconds since 1970, public keys in order.
pub struct Record {
    secret: Zeroizing<[u8; KEY_LEN]>,
    made: Millis,
    compared: BTreeMap<[u8; KEY_LEN], Millis>,
}

impl Record {
    /// A new identity from 32 random bytes.
    #[must_use]
    pub fn new(secret_key: [u8; KEY_LEN], now: Millis) -> Self {
        Self { secret: Zeroizing::new(secret_key), made: now, compared: BTreeMap::new() }
    }

    /// What others know this identity by.
    #[must_use]
    pub fn public_key(&self) -> [u8; KEY_LEN] {
        SigningKey::from_bytes(&self.secret).verifying_key().to_bytes()
    }

    /// The seed of the Ed25519 key (RFC 8032 section 5.1.5), to sign with. Not to be shown or written anywhere.
    #[must_use]
    pub fn secret_key(&self) -> &[u8; KEY_LEN] {
        &self.secret
    }

    /// What a member shows, to be known by this identity in a call in which it has this signature key; `further` is a proof of another
    /// kind that it shows too, or empty. See [`super::kept`].
    #[must_use]
    pub fn prove(&self, signature_key: &[u8; KEY_LEN], further: &[u8]) -> Vec<u8> {
        super::kept::prove(&self.secret, signature_key, further)
    }

    /// When it was made.
    #[must_use]
    pub fn made(&self) -> Millis {
        self.made
    }

    /// When codes were last compared with who has this key, and found to be the same.
    #[must_use]
    pub fn compared(&self, key: &[u8; KEY_LEN]) -> Option<Millis> {
        self.compared.get(key).copied()
    }

    /// Remembers that codes were the same. Of use where the other keeps its identity too: it is a key that is remembered.
    pub fn remember(&mut self, key: &[u8; KEY_LEN], now: Millis) {
        if self.compared.len() >= MAX_COMPARED && !self.compared.contains_key(key) {
            let oldest = self.compared.iter().min_by_key(|(_, when)| **when).map(|(key, _)| *key);
            oldest.and_then(|oldest| self.compared.remove(&oldest));
        }
        self.compared.insert(*key, now);
    }

    /// Takes a comparison back.
    pub fn forget(&mut self, key: &[u8; KEY_LEN]) {
        self.compared.remove(key);
    }

    /// The plain form. It holds the secret key: seal it, and keep it no longer than that takes.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        // Never grows, so that no copy is left behind.
        let mut out = Zeroizing::new(Vec::with_capacity(43 + self.compared.len() * 40));
        out.push(VERSION);
        out.extend_from_slice(self.secret.as_slice());
        out.extend_from_slice(&self.made.0.to_be_bytes());
        // At most MAX_COMPARED.
        out.extend_from_slice(&(self.compared.len() as u16).to_be_bytes());
        for (key, when) in &self.compared {
            out.extend_from_slice(key);
            out.extend_from_slice(&when.0.to_be_bytes());
        }
        out
    }

    /// Reads the plain form.
    ///
    /// # Errors
    ///
    /// [`RecordError::Malformed`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RecordError> {
        Self::read(bytes).ok_or(RecordError::Malformed)
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(&[VERSION])?;
        let (secret, rest) = rest.split_first_chunk::<KEY_LEN>()?;
        let (made, rest) = rest.split_first_chunk()?;
        let (count, rest) = rest.split_first_chunk()?;
        let (entries, rest) = rest.as_chunks::<40>();
        let count = usize::from(u16::from_be_bytes(*count));
        if count != entries.len() || count > MAX_COMPARED || !rest.is_empty() {
            return None;
        }
        let mut record = Self::new(*secret, Millis(u64::from_be_bytes(*made)));
        for entry in entries {
            let (key, when) = entry.split_first_chunk::<KEY_LEN>()?;
            if record.compared.last_key_value().is_some_and(|(last, _)| last >= key) {
                return None;
            }
            record.compared.insert(*key, Millis(u64::from_be_bytes(when.try_into().ok()?)));
        }
        Some(record)
    }

    /// Seals it for a profile: `version (1) = 1 | nonce (12) | AES-256-GCM of the plain form, with its tag`, the additional data
    /// being `"frameseal identity 1" | profile`. The nonce must be drawn afresh each time.
    ///
    /// # Errors
    ///
    /// None that a record can bring about.
    pub fn seal(
        &self,
        wrapping_key: &[u8; WRAPPING_KEY_LEN],
        nonce: [u8; NONCE_LEN],
        profile: &str,
    ) -> Result<Vec<u8>, RecordError> {
        let (plain, aad) = (self.to_bytes(), additional(profile));
        let payload = Payload { msg: &plain, aad: &aad };
        let cipher = Aes256Gcm::new(wrapping_key.into());
        let sealed = cipher.encrypt(&Nonce::from(nonce), payload).map_err(|_| RecordError::Malformed)?;
        Ok([&[VERSION], nonce.as_slice(), &sealed].concat())
    }

    /// Opens what was sealed.
    ///
    /// # Errors
    ///
    /// [`RecordError::Malformed`], [`RecordError::Sealed`]. Begin no new identity without asking: it would replace this one.
    pub fn open(
        sealed: &[u8],
        wrapping_key: &[u8; WRAPPING_KEY_LEN],
        profile: &str,
    ) -> Result<Self, RecordError> {
        let rest = sealed.strip_prefix(&[VERSION]).ok_or(RecordError::Malformed)?;
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_LEN>().ok_or(RecordError::Malformed)?;
        let aad = additional(profile);
        let cipher = Aes256Gcm::new(wrapping_key.into());
        let plain = cipher.decrypt(&Nonce::from(*nonce), Payload { msg: ciphertext, aad: &aad });
        Self::from_bytes(&Zeroizing::new(plain.map_err(|_| RecordError::Sealed)?))
    }
}

fn additional(profile: &str) -> Vec<u8> {
    [LABEL, profile.as_bytes()].concat()
}
