//! The public keys that an identity provider signs with (RFC 7517, RFC 7518 section 6, RFC 8037), and checking with them.

use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use ed25519_dalek::{Signature as EdSignature, VerifyingKey as EdKey};
use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use p256::ecdsa::{Signature as EcSignature, VerifyingKey as EcKey};
use rsa::RsaPublicKey;
use sha2::{Digest as _, Sha256};

use super::json::{Json, JsonError};
use super::rsa_keys::{self, Hash, NotAKey};

/// Longest key set that is read, bytes of JSON.
pub const MAX_KEY_SET_LEN: usize = 64 << 10;
/// Most keys of one set.
pub const MAX_KEYS: usize = 64;
/// How a token is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Algorithm {
    /// RSA, PKCS #1 v1.5, SHA-256.
    Rs256,
    /// RSA, PSS, SHA-256.
    Ps256,
    /// ECDSA on P-256, SHA-256.
    Es256,
    /// Ed25519, under its old name `EdDSA` or its new one `Ed25519` (RFC 9864).
    EdDsa,
}

impl Algorithm {
    pub(super) fn from_name(name: &str) -> Option<Self> {
        match name {
            "RS256" => Some(Self::Rs256),
            "PS256" => Some(Self::Ps256),
            "ES256" => Some(Self::Es256),
            "EdDSA" | "Ed25519" => Some(Self::EdDsa),
            _ => None,
        }
    }
}

/// Why a key set is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeySetError {
    /// Not a JSON object with an array `keys`, or a member of an object stands twice in it.
    Malformed,
    /// Longer than [`MAX_KEY_SET_LEN`], or more than [`MAX_KEYS`] keys.
    TooLarge,
    /// The key at this place lacks what its type needs, or its numbers are no key.
    BadKey(usize),
    /// The RSA key at this place has under 2048 or over 8192 bits.
    RsaSize(usize),
    /// The key at this place is a private key.
    Private(usize),
    /// The key at this place has the `kid` and the type of one before it.
    DuplicateKid(usize),
    /// No key of it checks signatures by RS256, PS256, ES256 or EdDSA.
    NoUsableKey,
}

impl fmt::Display for KeySetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => {
                f.write_str("not a JWK set: give what the provider's jwks_uri answers, as it is")
            }
            Self::TooLarge => write!(f, "a JWK set has at most {MAX_KEY_SET_LEN} bytes and {MAX_KEYS} keys"),
            Self::BadKey(index) => write!(f, "key {index} of the JWK set is incomplete or no public key"),
            Self::RsaSize(index) => write!(f, "key {index} of the JWK set: RSA keys have 2048 to 8192 bits"),
            Self::Private(index) => {
                write!(f, "key {index} of the JWK set is a private key: replace it, and give the public one")
            }
            Self::DuplicateKid(index) => write!(f, "key {index} of the JWK set has the kid of one before it"),
            Self::NoUsableKey => f.write_str("no key of the JWK set is for RS256, PS256, ES256 or EdDSA"),
        }
    }
}

impl std::error::Error for KeySetError {}

impl From<JsonError> for KeySetError {
    fn from(_: JsonError) -> Self {
        Self::Malformed
    }
}

#[derive(Clone)]
enum Public {
    Rsa(RsaPublicKey),
    P256(EcKey),
    Ed25519(EdKey),
}

#[derive(Clone)]
struct Key {
    kid: Option<String>,
    /// The only algorithm that it is for, where the set says so.
    only: Option<Algorithm>,
    public: Public,
}

/// Public keys of one provider. Keys for other uses, and of types and algorithms that are not spoken, are left out.
#[derive(Clone)]
pub struct KeySet {
    keys: Vec<Key>,
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|key| &key.kid)).finish()
    }
}

/// Why no key of a set is the one that signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoKey {
    /// None has this `kid`.
    Unknown,
    /// The one with this `kid` is of another type, or for another algorithm.
    Mismatch,
    /// No `kid`, and several keys that may be meant.
    Ambiguous,
}

impl KeySet {
    /// Reads what a provider's `jwks_uri` answers: a JWK set (RFC 7517 section 5) in JSON.
    ///
    /// # Errors
    ///
    /// What is wrong with the set, and which key it is, counted from 0.
    pub fn from_json(text: &str) -> Result<Self, KeySetError> {
        if text.len() > MAX_KEY_SET_LEN {
            return Err(KeySetError::TooLarge);
        }
        let set = Json::read(text.as_bytes())?;
        let list = set.get("keys").and_then(Json::as_array).ok_or(KeySetError::Malformed)?;
        if list.len() > MAX_KEYS {
            return Err(KeySetError::TooLarge);
        }
        let mut keys: Vec<Key> = Vec::new();
        for (index, jwk) in list.iter().enumerate() {
            if jwk.get("d").is_some() {
                return Err(KeySetError::Private(index));
            }
            let Some(key) = read(jwk, index)? else { continue };
            if keys.iter().any(|k| k.kid == key.kid && k.kid.is_some() && same_type(&k.public, &key.public)) {
                return Err(KeySetError::DuplicateKid(index));
            }
            keys.push(key);
        }
        if keys.is_empty() { Err(KeySetError::NoUsableKey) } else { Ok(Self { keys }) }
    }

    /// The keys of this set and of another: both are taken while a provider changes its keys.
    #[must_use]
    pub fn with(mut self, more: Self) -> Self {
        for key in more.keys {
            let known = |k: &Key| k.kid == key.kid && k.kid.is_some() && same_type(&k.public, &key.public);
            if !self.keys.iter().any(known) {
                self.keys.push(key);
            }
        }
        self
    }

    /// The one key that a token with this header was signed with.
    pub(super) fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Result<Checker<'_>, NoKey> {
        let fits = |key: &&Key| key.kind_of(algorithm) && key.only.is_none_or(|only| only == algorithm);
        if let Some(kid) = kid {
            let mut named = self.keys.iter().filter(|key| key.kid.as_deref() == Some(kid)).peekable();
            let missing = if named.peek().is_none() { NoKey::Unknown } else { NoKey::Mismatch };
            return named.find(fits).map(|key| Checker { key, algorithm }).ok_or(missing);
        }
        let mut fitting = self.keys.iter().filter(fits);
        match (fitting.next(), fitting.next()) {
            (Some(key), None) => Ok(Checker { key, algorithm }),
            (Some(_), Some(_)) => Err(NoKey::Ambiguous),
            (None, _) => Err(NoKey::Mismatch),
        }
    }
}

fn same_type(a: &Public, b: &Public) -> bool {
    std::mem::discriminant(a) == std::mem::discriminant(b)
}

/// `None`: a key for something else.
fn read(jwk: &Json<'_>, index: usize) -> Result<Option<Key>, KeySetError> {
    let bad = KeySetError::BadKey(index);
    let text = |name: &str| jwk.get(name).and_then(Json::as_str);
    let kty = text("kty").ok_or(bad)?;
    let verifies = |ops: &[Json<'_>]| ops.iter().any(|op| op.as_str() == Some("verify"));
    if text("use").is_some_and(|usage| usage != "sig")
        || jwk.get("key_ops").and_then(Json::as_array).is_some_and(|ops| !verifies(ops))
    {
        return Ok(None);
    }
    let only = match text("alg").map(Algorithm::from_name) {
        Some(None) => return Ok(None),
        other => other.flatten(),
    };
    let bytes = |name: &str| {
        text(name)
            .and_then(|text| Base64UrlUnpadded::decode_vec(text).ok())
            .filter(|b| !b.is_empty())
            .ok_or(bad)
    };
    let public = match (kty, text("crv")) {
        ("RSA", _) => {
            let key = rsa_keys::key(&bytes("n")?, &bytes("e")?);
            Public::Rsa(
                key.map_err(|why| if why == NotAKey::Size { KeySetError::RsaSize(index) } else { bad })?,
            )
        }
        ("EC", Some("P-256")) => {
            let (x, y) = (bytes("x")?, bytes("y")?);
            if x.len() != 32 || y.len() != 32 {
                return Err(bad);
            }
            Public::P256(EcKey::from_sec1_bytes(&[&[4], x.as_slice(), &y].concat()).map_err(|_| bad)?)
        }
        ("OKP", Some("Ed25519")) => {
            let x = <[u8; 32]>::try_from(bytes("x")?).map_err(|_| bad)?;
            Public::Ed25519(EdKey::from_bytes(&x).ok().filter(|key| !key.is_weak()).ok_or(bad)?)
        }
        _ => return Ok(None),
    };
    let key = Key { kid: text("kid").map(str::to_owned), only, public };
    // A key whose `alg` is of another type than the key is nobody's.
    if only.is_some_and(|only| !key.kind_of(only)) { Err(bad) } else { Ok(Some(key)) }
}

impl Key {
    fn kind_of(&self, algorithm: Algorithm) -> bool {
        matches!(
            (&self.public, algorithm),
            (Public::Rsa(_), Algorithm::Rs256 | Algorithm::Ps256)
                | (Public::P256(_), Algorithm::Es256)
                | (Public::Ed25519(_), Algorithm::EdDsa)
        )
    }
}

/// A key, and the one algorithm that it is used with.
pub(super) struct Checker<'a> {
    key: &'a Key,
    algorithm: Algorithm,
}

impl Checker<'_> {
    /// Whether the key signed this. Constant time is of no concern: nothing here is secret.
    pub(super) fn check(&self, message: &[u8], signature: &[u8]) -> bool {
        match (&self.key.public, self.algorithm) {
            (Public::Rsa(key), Algorithm::Rs256) => rsa_keys::pkcs1(key, Hash::Sha256, message, signature),
            (Public::Rsa(key), Algorithm::Ps256) => rsa_keys::pss(key, Hash::Sha256, message, signature),
            (Public::P256(key), Algorithm::Es256) => EcSignature::from_slice(signature)
                .is_ok_and(|signature| key.verify_prehash(&Sha256::digest(message), &signature).is_ok()),
            (Public::Ed25519(key), Algorithm::EdDsa) => EdSignature::from_slice(signature)
                .is_ok_and(|signature| key.verify_strict(message, &signature).is_ok()),
            _ => false,
        }
    }
}
