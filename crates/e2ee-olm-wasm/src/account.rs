use std::collections::VecDeque;
use std::fmt::Write as _;

use vodozemac::olm::{self, PreKeyMessage, SessionConfig};
use vodozemac::{Curve25519PublicKey, KeyId, base64_decode, base64_encode};
use wasm_bindgen::prelude::wasm_bindgen;
use zeroize::Zeroizing;

use crate::error::{OlmError, of_creation, of_pickle};
use crate::pickle;
use crate::session::Session;

/// One-time keys that are generated at once, and used ones that are known until they are removed.
const MAX_KEYS: usize = 100;

/// A device's keys. Dropping it wipes them.
#[wasm_bindgen]
pub struct Account {
    inner: olm::Account,
    /// One-time keys that sessions were created with, whose removal the application has not asked for yet. The secret
    /// halves are gone: vodozemac lets no one-time key be used twice.
    used: VecDeque<Curve25519PublicKey>,
    /// The fallback key, if one was generated or read from a pickle: id and key.
    fallback: Option<(KeyId, Curve25519PublicKey)>,
}

#[wasm_bindgen]
impl Account {
    /// New keys.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new() -> Self {
        Self::of(olm::Account::new())
    }

    /// `{"curve25519":"…","ed25519":"…"}`, unpadded base64.
    #[must_use]
    pub fn identity_keys(&self) -> String {
        let (curve25519, ed25519) = (self.inner.curve25519_key(), self.inner.ed25519_key());
        format!(r#"{{"curve25519":"{}","ed25519":"{}"}}"#, curve25519.to_base64(), ed25519.to_base64())
    }

    /// An Ed25519 signature (64 bytes), unpadded base64.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> String {
        self.inner.sign(message).to_base64()
    }

    /// Keys that were not marked as published: `{"curve25519":{"<id>":"<key>"}}`, the newest first.
    #[must_use]
    pub fn one_time_keys(&self) -> String {
        listed(self.inner.one_time_keys())
    }

    /// One-time keys, and a fallback key, are not listed any more.
    pub fn mark_keys_as_published(&mut self) {
        self.inner.mark_keys_as_published();
    }

    /// How many one-time keys should be unpublished at most.
    #[must_use]
    pub fn max_number_of_one_time_keys(&self) -> usize {
        MAX_KEYS
    }

    /// More of them. At most a hundred at once.
    pub fn generate_one_time_keys(&mut self, count: usize) {
        self.inner.generate_one_time_keys(count.min(MAX_KEYS));
    }

    /// The one-time key of an inbound session is not to be used again.
    ///
    /// # Errors
    /// [`OlmError::BadMessageKeyId`] if it is removed already, or is none of this account's.
    pub fn remove_one_time_keys(&mut self, session: &Session) -> Result<(), OlmError> {
        let key = session.keys().one_time_key;
        if let Some(at) = self.used.iter().position(|used| *used == key) {
            self.used.remove(at);
            return Ok(());
        }
        self.inner.remove_one_time_key(key).map(drop).ok_or(OlmError::BadMessageKeyId)
    }

    /// A key for those who find no one-time key.
    pub fn generate_fallback_key(&mut self) {
        self.inner.generate_fallback_key();
        self.fallback = self.inner.fallback_key().into_iter().next();
    }

    /// The fallback key, published or not, listed as one-time keys are.
    #[must_use]
    pub fn fallback_key(&self) -> String {
        listed(self.fallback)
    }

    /// The fallback key, if it is not published yet.
    #[must_use]
    pub fn unpublished_fallback_key(&self) -> String {
        listed(self.inner.fallback_key())
    }

    /// The fallback key before the last one opens nothing any more.
    pub fn forget_old_fallback_key(&mut self) {
        self.inner.forget_fallback_key();
    }

    /// Everything, encrypted under a key of any length, in libolm's format.
    ///
    /// # Errors
    /// [`OlmError::CorruptedPickle`]: it cannot be written.
    pub fn pickle(&self, key: Vec<u8>) -> Result<String, OlmError> {
        pickle::write_account(&self.inner, &Zeroizing::new(key))
    }

    /// Reads what [`Self::pickle`] or libolm wrote.
    ///
    /// # Errors
    /// [`OlmError::BadAccountKey`], [`OlmError::UnknownPickleVersion`], [`OlmError::CorruptedPickle`].
    pub fn unpickle(key: Vec<u8>, pickle: &str) -> Result<Account, OlmError> {
        let key = Zeroizing::new(key);
        let inner = olm::Account::from_libolm_pickle(pickle, &key).map_err(|error| of_pickle(&error))?;
        let fallback = inner.fallback_key().into_iter().next();
        Ok(Self { fallback, ..Self::of(inner) })
    }
}

impl Default for Account {
    fn default() -> Self {
        Self::new()
    }
}

impl Account {
    fn of(inner: olm::Account) -> Self {
        Self { inner, used: VecDeque::new(), fallback: None }
    }

    pub(crate) fn begin(
        &self,
        identity: Curve25519PublicKey,
        one_time: Curve25519PublicKey,
    ) -> Result<olm::Session, OlmError> {
        let config = SessionConfig::version_1();
        self.inner.create_outbound_session(config, identity, one_time).map_err(|error| of_creation(&error))
    }

    pub(crate) fn accept(
        &mut self,
        from: Curve25519PublicKey,
        first: &PreKeyMessage,
    ) -> Result<(olm::Session, Zeroizing<Vec<u8>>), OlmError> {
        let config = SessionConfig::version_1();
        let made =
            self.inner.create_inbound_session(config, from, first).map_err(|error| of_creation(&error))?;
        if self.used.len() >= MAX_KEYS {
            self.used.pop_front();
        }
        self.used.push_back(first.one_time_key());
        Ok((made.session, Zeroizing::new(made.plaintext)))
    }
}

fn listed(keys: impl IntoIterator<Item = (KeyId, Curve25519PublicKey)>) -> String {
    let mut keys: Vec<_> = keys.into_iter().map(|(id, key)| (spell(id), key)).collect();
    keys.sort_by(|(one, _), (other, _)| other.cmp(one));
    let mut out = String::from(r#"{"curve25519":{"#);
    for (at, (id, key)) in keys.iter().enumerate() {
        let comma = if at == 0 { "" } else { "," };
        // Writing into a `String` cannot fail.
        let _ = write!(out, r#"{comma}"{}":"{}""#, base64_encode(id), key.to_base64());
    }
    out.push_str("}}");
    out
}

/// libolm's ids have four bytes, those of vodozemac eight.
fn spell(id: KeyId) -> Vec<u8> {
    let id = base64_decode(id.to_base64()).unwrap_or_default();
    match id.split_first_chunk::<4>() {
        Some(([0, 0, 0, 0], low)) => low.to_vec(),
        _ => id,
    }
}
