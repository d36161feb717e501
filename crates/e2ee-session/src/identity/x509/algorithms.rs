//! The algorithms that certificates are signed by, for the checker of chains.

use ed25519_dalek::{Signature as EdSignature, VerifyingKey as EdKey};
use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use rustls_pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id};
use sha2::{Digest as _, Sha256, Sha384};

use crate::identity::der::{self, Der};
use crate::identity::rsa_keys::{self, Hash};

/// How a certificate, or a proof, is signed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Checker {
    P256,
    P384,
    Ed25519,
    RsaPkcs1(Hash),
    RsaPss(Hash),
}

/// All of them. Nothing with SHA-1.
pub(super) const CHECKERS: [Checker; 9] = [
    Checker::P256,
    Checker::P384,
    Checker::Ed25519,
    Checker::RsaPkcs1(Hash::Sha256),
    Checker::RsaPkcs1(Hash::Sha384),
    Checker::RsaPkcs1(Hash::Sha512),
    Checker::RsaPss(Hash::Sha256),
    Checker::RsaPss(Hash::Sha384),
    Checker::RsaPss(Hash::Sha512),
];

impl Checker {
    fn check(self, key: &[u8], message: &[u8], signature: &[u8]) -> Option<bool> {
        Some(match self {
            Self::P256 => {
                let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(key).ok()?;
                let signature = der::ecdsa_signature(signature, 32)?;
                let signature = p256::ecdsa::Signature::from_slice(&signature).ok()?;
                key.verify_prehash(&Sha256::digest(message), &signature).is_ok()
            }
            Self::P384 => {
                let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(key).ok()?;
                let signature = der::ecdsa_signature(signature, 48)?;
                let signature = p384::ecdsa::Signature::from_slice(&signature).ok()?;
                key.verify_prehash(&Sha384::digest(message), &signature).is_ok()
            }
            Self::Ed25519 => {
                let key = EdKey::from_bytes(key.try_into().ok()?).ok()?;
                key.verify_strict(message, &EdSignature::from_slice(signature).ok()?).is_ok()
            }
            Self::RsaPkcs1(hash) => rsa_keys::pkcs1(&rsa_key(key)?, hash, message, signature),
            Self::RsaPss(hash) => rsa_keys::pss(&rsa_key(key)?, hash, message, signature),
        })
    }
}

/// `RSAPublicKey` of RFC 8017 appendix A.1.1.
fn rsa_key(der: &[u8]) -> Option<rsa::RsaPublicKey> {
    let mut outer = Der(der);
    let mut numbers = outer.expect(der::SEQUENCE)?;
    let (modulus, exponent) = (numbers.unsigned()?, numbers.unsigned()?);
    if !outer.0.is_empty() || !numbers.0.is_empty() {
        return None;
    }
    rsa_keys::key(modulus, exponent).ok()
}

impl SignatureVerificationAlgorithm for Checker {
    fn verify_signature(&self, key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        if self.check(key, message, signature) == Some(true) { Ok(()) } else { Err(InvalidSignature) }
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        match self {
            Self::P256 => alg_id::ECDSA_P256,
            Self::P384 => alg_id::ECDSA_P384,
            Self::Ed25519 => alg_id::ED25519,
            Self::RsaPkcs1(_) | Self::RsaPss(_) => alg_id::RSA_ENCRYPTION,
        }
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        match self {
            Self::P256 => alg_id::ECDSA_SHA256,
            Self::P384 => alg_id::ECDSA_SHA384,
            Self::Ed25519 => alg_id::ED25519,
            Self::RsaPkcs1(Hash::Sha256) => alg_id::RSA_PKCS1_SHA256,
            Self::RsaPkcs1(Hash::Sha384) => alg_id::RSA_PKCS1_SHA384,
            Self::RsaPkcs1(Hash::Sha512) => alg_id::RSA_PKCS1_SHA512,
            Self::RsaPss(Hash::Sha256) => alg_id::RSA_PSS_SHA256,
            Self::RsaPss(Hash::Sha384) => alg_id::RSA_PSS_SHA384,
            Self::RsaPss(Hash::Sha512) => alg_id::RSA_PSS_SHA512,
        }
    }
}
