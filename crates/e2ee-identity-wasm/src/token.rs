//! ID tokens as proofs.

use e2ee_core::Millis;
use e2ee_session::identity::oidc::{
    Issuer, KeySet, Lifetime, OidcPolicy, Proof, SALT_LEN, SIGNATURE_KEY_LEN, nonce,
};
use e2ee_session::identity::policy::{IdentityPolicy, oidc_proof};
use wasm_bindgen::prelude::wasm_bindgen;

use super::Who;

/// Whose word an application takes.
#[wasm_bindgen]
pub struct Policy(OidcPolicy);

#[wasm_bindgen]
impl Policy {
    /// Nobody's word yet. `count_from_login`: a token counts for `max_age_ms` after the login (0: twelve hours), its `exp`
    /// notwithstanding.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new(count_from_login: bool, max_age_ms: f64) -> Self {
        let mut policy = OidcPolicy::new(Vec::new());
        if count_from_login {
            policy.lifetime = Lifetime::Age;
        }
        if max_age_ms > 0.0 {
            policy.max_age = Millis(max_age_ms as u64);
        }
        Self(policy)
    }

    /// Takes a provider's word. `audiences` with a line break between them; `jwks` as its `jwks_uri` answers.
    ///
    /// # Errors
    /// What is wrong with the keys, in words.
    pub fn add_issuer(&mut self, issuer: &str, audiences: &str, jwks: &str) -> Result<(), String> {
        let keys = KeySet::from_json(jwks).map_err(|error| error.to_string())?;
        let audiences = audiences.lines().map(str::to_owned).collect();
        self.0.issuers.push(Issuer { issuer: issuer.to_owned(), audiences, keys });
        Ok(())
    }

    /// Who a member with this signature key is; nothing if it shows no proof.
    ///
    /// # Errors
    /// Why its proof does not hold, in words.
    pub fn verify(&self, proof: &[u8], key: &[u8], now: f64) -> Result<Option<Who>, String> {
        let mut policy = IdentityPolicy::default();
        policy.oidc = Some(self.0.clone());
        let key = <&[u8; SIGNATURE_KEY_LEN]>::try_from(key).map_err(|_| "a key has 32 bytes".to_owned())?;
        // A token is for a key, whatever the room.
        let known = policy.verify(proof, key, &[], Millis(now as u64));
        Ok(known.map_err(|error| error.to_string())?.map(Who))
    }
}

/// The nonce of the login that is to vouch for this signature key; `salt` is 16 random bytes. Empty for other lengths.
#[wasm_bindgen]
#[must_use]
pub fn login_nonce(key: &[u8], salt: &[u8]) -> String {
    match (<&[u8; SIGNATURE_KEY_LEN]>::try_from(key), <&[u8; SALT_LEN]>::try_from(salt)) {
        (Ok(key), Ok(salt)) => nonce(key, salt),
        _ => String::new(),
    }
}

/// The proof for the session: the ID token that the login gave, and the salt. Empty where the salt has another length.
#[wasm_bindgen]
#[must_use]
pub fn login_proof(salt: &[u8], token: &str) -> Vec<u8> {
    let Ok(salt) = <[u8; SALT_LEN]>::try_from(salt) else { return Vec::new() };
    oidc_proof(&Proof { salt, token }.to_bytes())
}
