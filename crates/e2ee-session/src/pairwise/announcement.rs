//! What a member says of itself before anything is agreed.
//!
//! ```text
//! version (1) | kind (1) | suite (2) | ratchet bits (1) | room | call | participant | name | proof
//!   | Curve25519 key (32) | Ed25519 key (32) | signature key (32) | fallback key (32)
//!   | signature by the signature key (64) | signature by the Ed25519 key (64)
//! ```
//! Texts have their length in two bytes before them. Both signatures are over `"Frameseal 1 announcement"` and all that
//! stands before them: nobody can claim the keys of another, nor pass on half of what was announced.
use chacha20::ChaCha20Rng;
use e2ee_core::id::MAX_NAME_LEN;
use e2ee_core::{CallId, CipherSuite, KidScheme, ParticipantId};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use hpke::rand_core::{Rng as _, SeedableRng as _};
use vodozemac::olm::Account;
use vodozemac::{Ed25519PublicKey, Ed25519Signature};
use zeroize::Zeroizing;

use super::error::PairwiseError;
use super::wire::{Reader, put};
use super::{SEED_LEN, VERSION};
use crate::mls::{Identity, MAX_PROOF_LEN};

/// Longest announcement, bytes.
pub const MAX_ANNOUNCEMENT_LEN: usize = MAX_PROOF_LEN + 4 * (MAX_NAME_LEN + 2) + 512;

const KIND: u8 = 1;
const LABEL: &[u8] = b"Frameseal 1 announcement";
const SIGNATURES: usize = 2 * 64;

/// Everything public that a member has for the length of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKeys {
    /// Curve25519 key that Olm sessions are agreed with.
    pub curve25519: [u8; 32],
    /// Ed25519 key of the Olm account.
    pub ed25519: [u8; 32],
    /// Ed25519 key that a proof vouches for.
    pub signature: [u8; 32],
}

impl PublicKeys {
    /// `Curve25519 (32) | Ed25519 (32) | signature key (32)`.
    pub(super) fn to_bytes(self) -> [u8; 96] {
        let mut out = [0; 96];
        let parts = [self.curve25519, self.ed25519, self.signature];
        for (to, from) in out.chunks_exact_mut(32).zip(parts) {
            to.copy_from_slice(&from);
        }
        out
    }

    fn shares_one_with(&self, other: &Self) -> bool {
        self.curve25519 == other.curve25519
            || self.ed25519 == other.ed25519
            || self.signature == other.signature
    }
}

/// The keys of one member for one call. Dropping them wipes them.
///
/// The signature key comes from the seed, the Olm account from the system's generator.
pub struct MemberKeys {
    pub(super) account: Account,
    signing: SigningKey,
    fallback: [u8; 32],
    pub(super) rng: ChaCha20Rng,
}

impl MemberKeys {
    /// New keys. The seed is used once.
    #[must_use]
    pub fn generate(seed: &[u8; SEED_LEN]) -> Self {
        let mut rng = ChaCha20Rng::from_seed(*seed);
        let mut secret = Zeroizing::new([0; 32]);
        rng.fill_bytes(secret.as_mut_slice());
        let mut account = Account::new();
        // One-time keys would need a server that hands out each of them once; one key for the length of a call does
        // not, and a message that comes twice is told by its content.
        account.generate_fallback_key();
        let fallback = account.fallback_key().into_values().next().map_or([0; 32], |key| key.to_bytes());
        account.mark_keys_as_published();
        Self { account, signing: SigningKey::from_bytes(&secret), fallback, rng }
    }

    /// The public ones: a proof is asked for [`PublicKeys::signature`].
    #[must_use]
    pub fn public(&self) -> PublicKeys {
        PublicKeys {
            curve25519: self.account.curve25519_key().to_bytes(),
            ed25519: *self.account.ed25519_key().as_bytes(),
            signature: self.signing.verifying_key().to_bytes(),
        }
    }
}

/// The call that an announcement must be for.
#[derive(Clone)]
pub(super) struct Scope {
    pub(super) room: Vec<u8>,
    pub(super) call: CallId,
    pub(super) suite: CipherSuite,
    pub(super) scheme: KidScheme,
}

impl Scope {
    fn ratchet_bits(&self) -> u8 {
        match self.scheme {
            KidScheme::SenderKeys { ratchet_bits } => ratchet_bits,
            _ => u8::MAX,
        }
    }
}

/// An announcement that was read, with signatures that are by the keys in it.
#[derive(Clone)]
pub(super) struct Announced {
    pub(super) identity: Identity,
    pub(super) keys: PublicKeys,
    pub(super) fallback: [u8; 32],
}

impl Announced {
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.keys == other.keys
    }

    pub(super) fn shares_a_key_with(&self, keys: &PublicKeys) -> bool {
        self.keys.shares_one_with(keys)
    }
}

pub(super) fn write(
    keys: &MemberKeys,
    scope: &Scope,
    me: &ParticipantId,
    name: &str,
    proof: &[u8],
) -> Vec<u8> {
    write_with_fallback(keys, scope, me, name, proof, &keys.fallback)
}

pub(super) fn write_with_fallback(
    keys: &MemberKeys,
    scope: &Scope,
    me: &ParticipantId,
    name: &str,
    proof: &[u8],
    fallback: &[u8; 32],
) -> Vec<u8> {
    let mut out = vec![VERSION, KIND];
    out.extend_from_slice(&scope.suite.number().to_be_bytes());
    out.push(scope.ratchet_bits());
    for text in [&scope.room, scope.call.as_str().as_bytes(), me.as_str().as_bytes(), name.as_bytes()] {
        put(&mut out, text);
    }
    put(&mut out, proof);
    out.extend_from_slice(&keys.public().to_bytes());
    out.extend_from_slice(fallback);
    let signed = [LABEL, &out].concat();
    out.extend_from_slice(&keys.signing.sign(&signed).to_bytes());
    out.extend_from_slice(&keys.account.sign(&signed).to_bytes());
    out
}

pub(super) fn read(bytes: &[u8], scope: &Scope, who: &ParticipantId) -> Result<Announced, PairwiseError> {
    if bytes.len() > MAX_ANNOUNCEMENT_LEN {
        return Err(PairwiseError::TooLong);
    }
    match bytes.first() {
        None => return Err(PairwiseError::NotAnnounced),
        Some(&VERSION) => {}
        Some(_) => return Err(PairwiseError::UnknownVersion),
    }
    let parts = split(bytes).ok_or(PairwiseError::Malformed)?;
    if !signatures_hold(&parts).unwrap_or(false) {
        return Err(PairwiseError::BadSignature);
    }
    if parts.room != scope.room || parts.call != scope.call.as_str() || parts.who != who.as_str() {
        return Err(PairwiseError::WrongCall);
    }
    if parts.suite != scope.suite.number() || parts.ratchet_bits != scope.ratchet_bits() {
        return Err(PairwiseError::WrongSuite);
    }
    let Parts { who, name, proof, keys, fallback, .. } = parts;
    let identity = Identity {
        participant: who.to_owned(),
        name: name.to_owned(),
        key: keys.signature.to_vec(),
        proof: proof.to_vec(),
    };
    identity.check().map_err(|_| PairwiseError::BadName)?;
    Ok(Announced { identity, keys, fallback })
}

struct Parts<'a> {
    suite: u16,
    ratchet_bits: u8,
    room: &'a [u8],
    call: &'a str,
    who: &'a str,
    name: &'a str,
    proof: &'a [u8],
    keys: PublicKeys,
    fallback: [u8; 32],
    signed: &'a [u8],
    by_signature_key: [u8; 64],
    by_ed25519: [u8; 64],
}

fn split(bytes: &[u8]) -> Option<Parts<'_>> {
    let signed = bytes.get(..bytes.len().checked_sub(SIGNATURES)?)?;
    let mut from = Reader(bytes);
    let _version = from.u8()?;
    if from.u8()? != KIND {
        return None;
    }
    let parts = Parts {
        suite: from.u16()?,
        ratchet_bits: from.u8()?,
        room: from.var(MAX_NAME_LEN)?,
        call: from.name()?,
        who: from.name()?,
        name: str::from_utf8(from.var(MAX_NAME_LEN)?).ok()?,
        proof: from.var(MAX_PROOF_LEN)?,
        keys: PublicKeys { curve25519: from.array()?, ed25519: from.array()?, signature: from.array()? },
        fallback: from.array()?,
        signed,
        by_signature_key: from.array()?,
        by_ed25519: from.array()?,
    };
    from.is_done().then_some(parts)
}

fn signatures_hold(parts: &Parts<'_>) -> Option<bool> {
    let signed = [LABEL, parts.signed].concat();
    let key = VerifyingKey::from_bytes(&parts.keys.signature).ok()?;
    key.verify_strict(&signed, &Signature::from_bytes(&parts.by_signature_key)).ok()?;
    let key = Ed25519PublicKey::from_slice(&parts.keys.ed25519).ok()?;
    let signature = Ed25519Signature::from_slice(&parts.by_ed25519).ok()?;
    Some(key.verify(&signed, &signature).is_ok())
}
