//! RSA public keys of others, and their signatures.

use rsa::traits::PublicKeyParts as _;
use rsa::{BigUint, Pkcs1v15Sign, Pss, RsaPublicKey};
use sha2::{Digest as _, Sha256};
#[cfg(feature = "x509")]
use sha2::{Sha384, Sha512};

/// Bits of a modulus: what RFC 7518 section 3.3 asks for at least, and what is still quickly checked.
const BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// Why numbers are no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotAKey {
    /// The modulus is too short or too long.
    Size,
    /// Numbers that no key has.
    Numbers,
}

/// A key of big-endian numbers.
pub(super) fn key(modulus: &[u8], exponent: &[u8]) -> Result<RsaPublicKey, NotAKey> {
    let (n, e) = (BigUint::from_bytes_be(modulus), BigUint::from_bytes_be(exponent));
    if !BITS.contains(&n.bits()) {
        return Err(NotAKey::Size);
    }
    // Even numbers, and exponents out of all measure, are refused there.
    RsaPublicKey::new_with_max_size(n, e, *BITS.end()).map_err(|_| NotAKey::Numbers)
}

/// The hash of a signature, in PSS also that of its mask.
#[derive(Clone, Copy, Debug)]
pub(super) enum Hash {
    Sha256,
    #[cfg(feature = "x509")]
    Sha384,
    #[cfg(feature = "x509")]
    Sha512,
}

impl Hash {
    fn digest(self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(message).to_vec(),
            #[cfg(feature = "x509")]
            Self::Sha384 => Sha384::digest(message).to_vec(),
            #[cfg(feature = "x509")]
            Self::Sha512 => Sha512::digest(message).to_vec(),
        }
    }

    /// DER before the digest (RFC 8017 section 9.2, note 1).
    fn prefix(self, len: u8) -> Box<[u8]> {
        let arc = match self {
            Self::Sha256 => 1,
            #[cfg(feature = "x509")]
            Self::Sha384 => 2,
            #[cfg(feature = "x509")]
            Self::Sha512 => 3,
        };
        Box::new([0x30, 17 + len, 0x30, 13, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, arc, 5, 0, 4, len])
    }
}

/// PKCS #1 v1.5 (RFC 8017 section 8.2).
pub(super) fn pkcs1(key: &RsaPublicKey, hash: Hash, message: &[u8], signature: &[u8]) -> bool {
    let digest = hash.digest(message);
    let Ok(len) = u8::try_from(digest.len()) else { return false };
    let scheme = Pkcs1v15Sign { hash_len: Some(digest.len()), prefix: hash.prefix(len) };
    signature.len() == key.size() && key.verify(scheme, &digest, signature).is_ok()
}

/// PSS with a salt of the digest's length (RFC 8017 section 8.1).
pub(super) fn pss(key: &RsaPublicKey, hash: Hash, message: &[u8], signature: &[u8]) -> bool {
    let scheme = match hash {
        Hash::Sha256 => Pss::new::<rsa::sha2::Sha256>(),
        #[cfg(feature = "x509")]
        Hash::Sha384 => Pss::new::<rsa::sha2::Sha384>(),
        #[cfg(feature = "x509")]
        Hash::Sha512 => Pss::new::<rsa::sha2::Sha512>(),
    };
    signature.len() == key.size() && key.verify(scheme, &hash.digest(message), signature).is_ok()
}
