//! An identity that outlives calls. What it is sealed with, and where the sealed bytes are put, is the page's.

use e2ee_core::Millis;
use e2ee_session::identity::policy::{kept, kept_proof};
use e2ee_session::identity::store::{KEY_LEN, Record};
use wasm_bindgen::prelude::wasm_bindgen;
use zeroize::{Zeroize as _, Zeroizing};

type Key = [u8; KEY_LEN];

/// An identity key, and with whom its holder compared codes.
#[wasm_bindgen]
pub struct Kept {
    record: Record,
    plain: Zeroizing<Vec<u8>>,
}

#[wasm_bindgen]
impl Kept {
    /// A new one from 32 random bytes, which are wiped. `now`: milliseconds since 1970.
    ///
    /// # Errors
    /// In words.
    #[wasm_bindgen(constructor)]
    pub fn new(secret: &mut [u8], now: f64) -> Result<Kept, String> {
        let key = <&Key>::try_from(&*secret).map(|secret| Record::new(*secret, Millis(now as u64)));
        secret.zeroize();
        Ok(Self { record: key.map_err(|_| "a key has 32 bytes")?, plain: Zeroizing::default() })
    }

    /// The one with this plain form, which is wiped.
    ///
    /// # Errors
    /// In words.
    pub fn read(plain: &mut [u8]) -> Result<Kept, String> {
        let record = Record::from_bytes(plain);
        plain.zeroize();
        Ok(Self { record: record.map_err(|error| error.to_string())?, plain: Zeroizing::default() })
    }

    /// Where its plain form lies in memory, to be sealed, until [`Kept::cover`].
    #[must_use]
    pub fn uncover(&mut self) -> u32 {
        self.plain = self.record.to_bytes();
        self.plain.as_ptr() as usize as u32
    }

    /// How long it is, bytes; 0: it is covered.
    #[must_use]
    pub fn uncovered(&self) -> u32 {
        self.plain.len() as u32
    }

    /// Wipes the plain form.
    pub fn cover(&mut self) {
        self.plain = Zeroizing::default();
    }

    /// The public key.
    #[must_use]
    pub fn key(&self) -> Vec<u8> {
        self.record.public_key().to_vec()
    }

    /// When it was made, milliseconds since 1970.
    #[must_use]
    pub fn made(&self) -> f64 {
        self.record.made().0 as f64
    }

    /// The proof for the session, with another one within or none. Empty where the signature key has not 32 bytes.
    #[must_use]
    pub fn prove(&self, signature_key: &[u8], further: &[u8]) -> Vec<u8> {
        let Ok(key) = <&Key>::try_from(signature_key) else { return Vec::new() };
        kept_proof(&self.record.prove(key, further))
    }

    /// When codes were compared with who has this key, milliseconds since 1970; negative: never.
    #[must_use]
    pub fn compared(&self, key: &[u8]) -> f64 {
        let when = <&Key>::try_from(key).ok().and_then(|key| self.record.compared(key));
        when.map_or(-1.0, |when| when.0 as f64)
    }

    /// Remembers that codes were the same.
    pub fn remember(&mut self, key: &[u8], now: f64) {
        if let Ok(key) = <&Key>::try_from(key) {
            self.record.remember(key, Millis(now as u64));
        }
    }

    /// Takes that back.
    pub fn forget(&mut self, key: &[u8]) {
        if let Ok(key) = <&Key>::try_from(key) {
            self.record.forget(key);
        }
    }
}

/// What a member shows: whether it has an identity that outlives calls (1 or 0), its key (32), the further proof.
///
/// # Errors
/// In words: it shows one that is not its own.
#[wasm_bindgen]
pub fn shown(proof: &[u8], signature_key: &[u8]) -> Result<Vec<u8>, String> {
    let signature_key = <&Key>::try_from(signature_key).map_err(|_| "a key has 32 bytes")?;
    let (key, further) = kept(proof, signature_key).map_err(|error| error.to_string())?;
    Ok(match key {
        Some(key) => [&[1], key.as_slice(), further].concat(),
        None => [&[0], further].concat(),
    })
}
