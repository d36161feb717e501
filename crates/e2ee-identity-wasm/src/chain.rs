//! X.509 chains as proofs: checked here, signed by the page's key or smart card.

use e2ee_core::Millis;
use e2ee_session::identity::policy::{IdentityPolicy, x509_proof};
use e2ee_session::identity::x509::{Proof, Purpose, SIGNATURE_KEY_LEN, X509Policy, message};
use wasm_bindgen::prelude::wasm_bindgen;

use super::Who;

/// The authorities whose word an application takes.
#[wasm_bindgen]
#[derive(Default)]
pub struct Authorities {
    anchors: Vec<Vec<u8>>,
    lists: Vec<Vec<u8>>,
    policy: IdentityPolicy,
}

#[wasm_bindgen]
impl Authorities {
    /// None yet; certificates count once [`Authorities::pin`] was called.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The certificate of an authority, DER.
    pub fn add_anchor(&mut self, der: &[u8]) {
        self.anchors.push(der.to_vec());
    }

    /// A list of revoked certificates, DER.
    pub fn add_revocation_list(&mut self, der: &[u8]) {
        self.lists.push(der.to_vec());
    }

    /// Takes the word of those who were added; `email`: also for certificates that are for e-mail.
    ///
    /// # Errors
    /// In words, which of them cannot be used.
    pub fn pin(&mut self, email: bool) -> Result<(), String> {
        let anchors: Vec<&[u8]> = self.anchors.iter().map(Vec::as_slice).collect();
        let lists: Vec<&[u8]> = self.lists.iter().map(Vec::as_slice).collect();
        let mut policy = X509Policy::new(&anchors).map_err(|error| error.to_string())?;
        if !lists.is_empty() {
            policy = policy.with_revocation_lists(&lists).map_err(|error| error.to_string())?;
        }
        if email {
            policy.purpose = Purpose::ClientAuthOrEmail;
        }
        self.policy.x509 = Some(policy);
        Ok(())
    }

    /// Who a member with this signature key is in this room; nothing if it shows no proof.
    ///
    /// # Errors
    /// Why its proof does not hold, in words.
    pub fn verify(&self, proof: &[u8], key: &[u8], room: &str, now: f64) -> Result<Option<Who>, String> {
        let key = <&[u8; SIGNATURE_KEY_LEN]>::try_from(key).map_err(|_| "a key has 32 bytes".to_owned())?;
        let known = self.policy.verify(proof, key, room.as_bytes(), Millis(now as u64));
        Ok(known.map_err(|error| error.to_string())?.map(Who))
    }
}

/// What the certificate's key is to sign. Empty where the signature key has not 32 bytes.
#[wasm_bindgen]
#[must_use]
pub fn chain_message(key: &[u8], room: &str) -> Vec<u8> {
    let key = <&[u8; SIGNATURE_KEY_LEN]>::try_from(key);
    key.map_or_else(|_| Vec::new(), |key| message(key, room.as_bytes()))
}

/// The proof for the session. `chain`: `count (1) | count x (length (2) | certificate)`, the own one first; `scheme` as in TLS 1.3.
///
/// # Errors
/// In words.
#[wasm_bindgen]
pub fn chain_proof(scheme: u16, chain: &[u8], signature: &[u8]) -> Result<Vec<u8>, String> {
    let bytes = [&[1], scheme.to_be_bytes().as_slice(), chain, signature].concat();
    let read = Proof::from_bytes(&bytes).map_err(|error| error.to_string())?;
    // The chain ends where the signature begins.
    if read.signature != signature {
        return Err("the chain is not well-formed".to_owned());
    }
    Ok(x509_proof(&bytes))
}
