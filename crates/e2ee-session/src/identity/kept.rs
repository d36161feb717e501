//! A member known by an identity that outlives calls ([`super::store::Record`]): it signs the signature key that the member
//! has in this call, so that who compared codes once knows it again.
//!
//! The key of a call stays one of its own: two devices or tabs of one person are two members, whoever takes the key of a call
//! has that call only, and MLS takes no key twice into a group (RFC 9420 section 7.3).

use std::{error, fmt};

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};

/// Bytes of a public key (Ed25519), of the identity and of the call.
pub const KEY_LEN: usize = 32;
/// Bytes of a signature.
pub const SIGNATURE_LEN: usize = 64;

const VERSION: u8 = 1;
const LABEL: &[u8] = b"frameseal kept identity 1";

/// Why a proof does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeptError {
    /// Bytes that are no proof of this version.
    Malformed,
    /// The identity did not sign this member's key.
    WrongKey,
    /// The proof within is of an identity that outlives calls, too.
    Nested,
}

impl fmt::Display for KeptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "not a proof of this version",
            Self::WrongKey => "the identity did not sign this member's key: the proof is another's",
            Self::Nested => "one identity within another",
        })
    }
}

impl error::Error for KeptError {}

/// What a member shows: `version (1) = 1 | identity key (32) | signature (64) | further proof (the rest)`. The signature is Ed25519
/// (RFC 8032) over `"frameseal kept identity 1" | signature key of the call (32)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof<'a> {
    /// What the identity is known by.
    pub key: [u8; KEY_LEN],
    signature: [u8; SIGNATURE_LEN],
    /// A proof of another kind ([`super::policy`]), as somebody may vouch for who has the identity; may be empty.
    pub further: &'a [u8],
}

impl<'a> Proof<'a> {
    /// Reads a proof; nothing is checked yet.
    ///
    /// # Errors
    ///
    /// [`KeptError::Malformed`].
    pub fn from_bytes(bytes: &'a [u8]) -> Result<Self, KeptError> {
        let rest = bytes.strip_prefix(&[VERSION]).ok_or(KeptError::Malformed)?;
        let (key, rest) = rest.split_first_chunk().ok_or(KeptError::Malformed)?;
        let (signature, further) = rest.split_first_chunk().ok_or(KeptError::Malformed)?;
        Ok(Self { key: *key, signature: *signature, further })
    }

    /// Checks that the identity signed this signature key.
    ///
    /// # Errors
    ///
    /// [`KeptError::WrongKey`].
    pub fn verify(&self, signature_key: &[u8; KEY_LEN]) -> Result<(), KeptError> {
        let key = VerifyingKey::from_bytes(&self.key).map_err(|_| KeptError::WrongKey)?;
        // Strict: keys of small order sign nothing.
        let signature = Signature::from_bytes(&self.signature);
        key.verify_strict(&message(signature_key), &signature).map_err(|_| KeptError::WrongKey)
    }
}

fn message(signature_key: &[u8; KEY_LEN]) -> Vec<u8> {
    [LABEL, signature_key].concat()
}

/// The proof that the identity with this secret key is the member with this signature key.
pub(super) fn prove(secret: &[u8; KEY_LEN], signature_key: &[u8; KEY_LEN], further: &[u8]) -> Vec<u8> {
    let key = SigningKey::from_bytes(secret);
    let signature = key.sign(&message(signature_key)).to_bytes();
    [&[VERSION], key.verifying_key().as_bytes().as_slice(), &signature, further].concat()
}
