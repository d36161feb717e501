use vodozemac::olm::{self, OlmMessage, PreKeyMessage, SessionKeys};
use vodozemac::{Curve25519PublicKey, base64_decode, base64_encode};
use wasm_bindgen::prelude::wasm_bindgen;
use zeroize::Zeroizing;

use crate::account::Account;
use crate::error::{OlmError, of_decoding, of_decryption};
use crate::pickle;

/// The message that an inbound session was made from, which vodozemac decrypts at once, and libolm's interface later.
struct First {
    body: String,
    plaintext: Zeroizing<Vec<u8>>,
}

/// One end of an Olm session, version 1. Dropping it wipes its keys.
#[wasm_bindgen]
pub struct Session {
    inner: olm::Session,
    first: Option<First>,
    /// Whether something was decrypted while `first` waited.
    heard: bool,
}

#[wasm_bindgen]
impl Session {
    /// Begins a session with the owner of these keys (32 bytes each, unpadded base64).
    ///
    /// # Errors
    /// [`OlmError::InvalidBase64`], [`OlmError::BadSessionKey`].
    pub fn create_outbound(account: &Account, identity: &str, one_time: &str) -> Result<Session, OlmError> {
        Ok(Self::of(account.begin(key(identity)?, key(one_time)?)?))
    }

    /// The other end of a session, from its first message, by whomever. Its one-time key is used up.
    ///
    /// # Errors
    /// As of [`Self::create_inbound_from`].
    pub fn create_inbound(account: &mut Account, body: &str) -> Result<Session, OlmError> {
        let message = pre_key(body)?;
        Self::accept(account, message.identity_key(), &message, body)
    }

    /// The other end of a session that the owner of this key began.
    ///
    /// # Errors
    /// [`OlmError::InvalidBase64`], [`OlmError::BadMessageVersion`], [`OlmError::BadMessageFormat`],
    /// [`OlmError::BadMessageKeyId`], [`OlmError::BadMessageMac`], [`OlmError::BadSessionKey`].
    pub fn create_inbound_from(
        account: &mut Account,
        identity: &str,
        body: &str,
    ) -> Result<Session, OlmError> {
        let identity = key(identity)?;
        Self::accept(account, identity, &pre_key(body)?, body)
    }

    /// The same at both ends; 32 bytes, unpadded base64.
    #[must_use]
    pub fn session_id(&self) -> String {
        self.inner.session_id()
    }

    /// Whether a message was decrypted.
    #[must_use]
    pub fn has_received_message(&self) -> bool {
        if self.first.is_some() { self.heard } else { self.inner.has_received_message() }
    }

    /// Whether a pre-key message belongs to this session.
    #[must_use]
    pub fn matches_inbound(&self, body: &str) -> bool {
        pre_key(body).is_ok_and(|message| message.session_keys() == self.inner.session_keys())
    }

    /// Whether a pre-key message by the owner of this key belongs to this session.
    ///
    /// # Errors
    /// [`OlmError::InvalidBase64`]: of the key.
    pub fn matches_inbound_from(&self, identity: &str, body: &str) -> Result<bool, OlmError> {
        let identity = key(identity)?;
        Ok(identity == self.inner.session_keys().identity_key && self.matches_inbound(body))
    }

    /// `0` or `1`, the type, and the message in unpadded base64.
    ///
    /// # Errors
    /// [`OlmError::BadSessionKey`].
    pub fn encrypt(&mut self, plaintext: &str) -> Result<String, OlmError> {
        let message = self.inner.encrypt(plaintext).map_err(|_| OlmError::BadSessionKey)?;
        let (kind, bytes) = message.to_parts();
        Ok(format!("{kind}{}", base64_encode(bytes)))
    }

    /// Decrypts a message, once.
    ///
    /// # Errors
    /// [`OlmError::InvalidBase64`], [`OlmError::BadMessageVersion`], [`OlmError::BadMessageFormat`],
    /// [`OlmError::BadMessageMac`]. The session is as it was.
    pub fn decrypt(&mut self, kind: u32, body: &str) -> Result<Vec<u8>, OlmError> {
        if kind == 0
            && let Some(first) = self.first.take_if(|first| first.body == body)
        {
            return Ok(first.plaintext.to_vec());
        }
        let bytes = base64(body)?;
        // Everything but 0 is an ordinary message to libolm.
        let message = OlmMessage::from_parts(usize::from(kind != 0), &bytes);
        let message = message.map_err(|error| of_decoding(&error))?;
        // The MAC is over the fields; another way of wrapping them is another message, as it is to libolm.
        if message.to_parts().1 != bytes {
            return Err(OlmError::BadMessageMac);
        }
        let plaintext = self.inner.decrypt(&message).map_err(|error| of_decryption(&error))?;
        self.heard = true;
        Ok(plaintext)
    }

    /// Everything, encrypted under a key of any length, in libolm's format.
    ///
    /// # Errors
    /// [`OlmError::CorruptedPickle`]: it cannot be written.
    pub fn pickle(&self, key: Vec<u8>) -> Result<String, OlmError> {
        pickle::write(&self.inner, self.has_received_message(), &Zeroizing::new(key))
    }

    /// Reads what [`Self::pickle`] or libolm wrote.
    ///
    /// # Errors
    /// [`OlmError::BadAccountKey`], [`OlmError::UnknownPickleVersion`], [`OlmError::CorruptedPickle`].
    pub fn unpickle(key: Vec<u8>, pickle: &str) -> Result<Session, OlmError> {
        Ok(Self::of(pickle::read(pickle, &Zeroizing::new(key))?))
    }
}

impl Session {
    const fn of(inner: olm::Session) -> Self {
        Self { inner, first: None, heard: false }
    }

    pub(crate) const fn keys(&self) -> SessionKeys {
        self.inner.session_keys()
    }

    fn accept(
        account: &mut Account,
        from: Curve25519PublicKey,
        message: &PreKeyMessage,
        body: &str,
    ) -> Result<Self, OlmError> {
        let (inner, plaintext) = account.accept(from, message)?;
        Ok(Self { inner, first: Some(First { body: body.to_owned(), plaintext }), heard: false })
    }
}

fn pre_key(body: &str) -> Result<PreKeyMessage, OlmError> {
    let bytes = base64(body)?;
    let message = PreKeyMessage::from_bytes(&bytes).map_err(|error| of_decoding(&error))?;
    if message.to_bytes() == bytes { Ok(message) } else { Err(OlmError::BadMessageFormat) }
}

/// As libolm writes it: without padding.
fn base64(text: &str) -> Result<Vec<u8>, OlmError> {
    if text.ends_with('=') {
        return Err(OlmError::InvalidBase64);
    }
    base64_decode(text).map_err(|_| OlmError::InvalidBase64)
}

pub(crate) fn key(text: &str) -> Result<Curve25519PublicKey, OlmError> {
    Curve25519PublicKey::from_slice(&base64(text)?).map_err(|_| OlmError::InvalidBase64)
}
