use sha2::{Digest as _, Sha256};
use vodozemac::{Ed25519PublicKey, Ed25519Signature, base64_encode};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::error::OlmError;

/// SHA-256, unpadded base64.
#[wasm_bindgen]
#[must_use]
pub fn sha256(input: &[u8]) -> String {
    base64_encode(Sha256::digest(input))
}

/// Checks an Ed25519 signature; key (32 bytes) and signature (64) in unpadded base64.
///
/// # Errors
/// [`OlmError::InvalidBase64`]: of the key. [`OlmError::BadMessageMac`].
#[wasm_bindgen]
pub fn ed25519_verify(key: &str, message: &[u8], signature: &str) -> Result<(), OlmError> {
    let key = Ed25519PublicKey::from_base64(key).map_err(|_| OlmError::InvalidBase64)?;
    let signature = Ed25519Signature::from_base64(signature).map_err(|_| OlmError::BadMessageMac)?;
    key.verify(message, &signature).map_err(|_| OlmError::BadMessageMac)
}

/// What stands behind the interface, and its version.
#[wasm_bindgen]
#[must_use]
pub fn backend() -> String {
    format!("vodozemac {}", vodozemac::VERSION)
}
