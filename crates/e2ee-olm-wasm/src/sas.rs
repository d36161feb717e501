use vodozemac::sas::EstablishedSas;
use vodozemac::{Curve25519PublicKey, base64_decode};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::error::OlmError;

enum State {
    Alone(vodozemac::sas::Sas),
    Agreed(EstablishedSas),
    /// The other side's key was none.
    Over,
}

/// Half of a comparison by short strings. Dropping it wipes the secret.
#[wasm_bindgen]
pub struct Sas {
    key: String,
    state: State,
}

#[wasm_bindgen]
impl Sas {
    /// A new key.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new() -> Self {
        let sas = vodozemac::sas::Sas::new();
        Self { key: sas.public_key().to_base64(), state: State::Alone(sas) }
    }

    /// The own key, 32 bytes, unpadded base64.
    #[must_use]
    pub fn get_pubkey(&self) -> String {
        self.key.clone()
    }

    /// The other side's key. What comes behind 32 bytes is not read, as by libolm.
    ///
    /// # Errors
    /// [`OlmError::InputTooShort`], [`OlmError::InvalidBase64`]: nothing changed. [`OlmError::TheirKeyAlreadySet`].
    /// [`OlmError::BadSessionKey`]: nothing can be agreed with it; this half is of no more use.
    pub fn set_their_key(&mut self, key: &str) -> Result<(), OlmError> {
        let text = key.as_bytes().get(..KEY_TEXT).ok_or(OlmError::InputTooShort)?;
        let bytes = base64_decode(text).map_err(|_| OlmError::InvalidBase64)?;
        let key = Curve25519PublicKey::from_slice(&bytes).map_err(|_| OlmError::InvalidBase64)?;
        match std::mem::replace(&mut self.state, State::Over) {
            State::Alone(sas) => {
                self.state = State::Agreed(sas.diffie_hellman(key).map_err(|_| OlmError::BadSessionKey)?);
                Ok(())
            }
            other => {
                self.state = other;
                Err(OlmError::TheirKeyAlreadySet)
            }
        }
    }

    /// Whether it is there.
    #[must_use]
    pub fn is_their_key_set(&self) -> bool {
        matches!(self.state, State::Agreed(_))
    }

    /// Bytes to be compared, bound to `info`; at most 8160.
    ///
    /// # Errors
    /// [`OlmError::TheirKeyNotSet`], [`OlmError::OutputTooLong`].
    pub fn generate_bytes(&self, info: &[u8], length: usize) -> Result<Vec<u8>, OlmError> {
        if length > MAX_BYTES {
            return Err(OlmError::OutputTooLong);
        }
        let agreed = self.agreed()?;
        agreed.bytes_raw(text(info)?, length).map_err(|_| OlmError::OutputTooLong)
    }

    /// A MAC in libolm's first spelling, which is no base64 of it: of its 32 bytes the first six go in. Jitsi uses it.
    ///
    /// # Errors
    /// [`OlmError::TheirKeyNotSet`].
    pub fn calculate_mac(&self, input: &[u8], info: &[u8]) -> Result<String, OlmError> {
        let agreed = self.agreed()?;
        Ok(agreed.calculate_mac_invalid_base64(text(input)?, text(info)?))
    }

    /// A MAC, unpadded base64.
    ///
    /// # Errors
    /// [`OlmError::TheirKeyNotSet`].
    pub fn calculate_mac_fixed_base64(&self, input: &[u8], info: &[u8]) -> Result<String, OlmError> {
        let agreed = self.agreed()?;
        Ok(agreed.calculate_mac(text(input)?, text(info)?).to_base64())
    }

    fn agreed(&self) -> Result<&EstablishedSas, OlmError> {
        match &self.state {
            State::Agreed(sas) => Ok(sas),
            _ => Err(OlmError::TheirKeyNotSet),
        }
    }
}

/// Length of 32 bytes in unpadded base64.
const KEY_TEXT: usize = 43;
/// What HKDF-SHA-256 gives at most.
const MAX_BYTES: usize = 255 * 32;

impl Default for Sas {
    fn default() -> Self {
        Self::new()
    }
}

fn text(bytes: &[u8]) -> Result<&str, OlmError> {
    str::from_utf8(bytes).map_err(|_| OlmError::BadMessageFormat)
}
