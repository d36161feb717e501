//! libolm's format of pickles.
//!
//! Accounts: vodozemac reads and writes them, but writes the Ed25519 secret as SHA-512 left it. libolm takes it for a
//! scalar as it stands, and would sign what nobody can verify: the bits that RFC 8032 section 5.1.5 sets are set here.
//!
//! Sessions, version 1: vodozemac reads them, and writes a format of its own only.
//!
//! ```text
//! version = 1 (4) | a message was received (1) | identity key (32) | base key (32) | one-time key (32) | root key (32)
//!   | sender chains      n (4) | n * { public key (32) | secret key (32) | chain key (32) | index (4) }
//!   | receiver chains    n (4) | n * { public key (32) | chain key (32) | index (4) }, the newest first
//!   | skipped messages   n (4) | n * { public key of the chain (32) | message key (32) | index (4) }
//! ```
//! Big-endian; then AES-256-CBC with an HMAC, keys by HKDF-SHA-256 from the pickle's key, in unpadded base64.
use serde::Deserialize;
use vodozemac::hazmat::Cipher;
use vodozemac::olm::{Account, Session};
use vodozemac::{Curve25519PublicKey, Curve25519SecretKey, base64_decode, base64_encode};
use zeroize::{Zeroize, Zeroizing};

use crate::error::{OlmError, of_pickle};

type Key = [u8; 32];

// What vodozemac serialises of a session. Names and shapes are its own: a test writes and reads every state.
#[derive(Deserialize)]
struct Whole {
    session_keys: Names,
    sending_ratchet: Sending,
    receiving_chains: Chains,
}

#[derive(Deserialize)]
struct Names {
    identity_key: Key,
    base_key: Key,
    one_time_key: Key,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase", tag = "type")]
enum Sending {
    Active { active_ratchet: Active, symmetric_key_ratchet: Chain },
    Inactive { root_key: Root, ratchet_key: Key },
}

#[derive(Deserialize)]
struct Active {
    root_key: Key,
    ratchet_key: Key,
}

#[derive(Deserialize)]
struct Root {
    key: Key,
}

#[derive(Deserialize)]
struct Chain {
    key: Key,
    index: u64,
}

#[derive(Deserialize)]
struct Chains {
    inner: Vec<Receiving>,
}

#[derive(Deserialize)]
struct Receiving {
    ratchet_key: Key,
    hkdf_ratchet: Chain,
    skipped_message_keys: Skipped,
}

#[derive(Deserialize)]
struct Skipped {
    inner: Vec<Chain>,
}

macro_rules! wiped {
    ($($type:ty { $($field:ident),* })*) => {
        $(impl Drop for $type {
            fn drop(&mut self) {
                $(self.$field.zeroize();)*
            }
        })*
    };
}

wiped! {
    Active { root_key, ratchet_key }
    Root { key }
    Chain { key }
}

/// Where an account's Ed25519 scalar is: behind version and public key.
const SCALAR: std::ops::Range<usize> = 36..68;

pub(crate) fn write_account(account: &Account, key: &[u8]) -> Result<String, OlmError> {
    let raw = account.to_libolm_pickle(key).map_err(|error| of_pickle(&error))?;
    let cipher = Cipher::new_pickle(key);
    let raw = base64_decode(raw).map_err(|_| OlmError::CorruptedPickle)?;
    let mut plain = Zeroizing::new(cipher.decrypt_pickle(&raw).map_err(|_| OlmError::CorruptedPickle)?);
    match plain.get_mut(SCALAR) {
        Some([first, .., last]) => {
            *first &= 0b1111_1000;
            *last = *last & 0b0111_1111 | 0b0100_0000;
        }
        _ => return Err(OlmError::CorruptedPickle),
    }
    Ok(base64_encode(cipher.encrypt_pickle(&plain)))
}

pub(crate) fn read(pickle: &str, key: &[u8]) -> Result<Session, OlmError> {
    Session::from_libolm_pickle(pickle, key).map_err(|error| of_pickle(&error))
}

pub(crate) fn write(session: &Session, received: bool, key: &[u8]) -> Result<String, OlmError> {
    let corrupted = |_| OlmError::CorruptedPickle;
    let json = Zeroizing::new(serde_json::to_vec(&session.pickle()).map_err(corrupted)?);
    let whole: Whole = serde_json::from_slice(&json).map_err(corrupted)?;
    // Room for all of it: keys must not be left behind in a buffer that was too small.
    let mut out = Zeroizing::new(Vec::with_capacity(whole.size()));
    whole.put(received, &mut out)?;
    Ok(base64_encode(Cipher::new_pickle(key).encrypt_pickle(&out)))
}

impl Whole {
    fn size(&self) -> usize {
        let skipped: usize =
            self.receiving_chains.inner.iter().map(|chain| chain.skipped_message_keys.inner.len()).sum();
        256 + 100 * (1 + self.receiving_chains.inner.len() + skipped)
    }

    fn put(&self, received: bool, out: &mut Vec<u8>) -> Result<(), OlmError> {
        let Names { identity_key, base_key, one_time_key } = &self.session_keys;
        out.extend_from_slice(&1_u32.to_be_bytes());
        out.push(u8::from(received));
        for key in [identity_key, base_key, one_time_key] {
            out.extend_from_slice(key);
        }
        let newest = match &self.sending_ratchet {
            Sending::Active { active_ratchet, symmetric_key_ratchet } => {
                out.extend_from_slice(&active_ratchet.root_key);
                count(1, out)?;
                let secret = Curve25519SecretKey::from_slice(&active_ratchet.ratchet_key);
                out.extend_from_slice(Curve25519PublicKey::from(&secret).as_bytes());
                out.extend_from_slice(&active_ratchet.ratchet_key);
                symmetric_key_ratchet.put(out)?;
                None
            }
            Sending::Inactive { root_key, ratchet_key } => {
                out.extend_from_slice(&root_key.key);
                count(0, out)?;
                Some(ratchet_key)
            }
        };
        // Without a sender chain the first receiver chain is the one that is answered.
        let mut chains: Vec<&Receiving> = self.receiving_chains.inner.iter().rev().collect();
        chains.sort_by_key(|chain| newest != Some(&chain.ratchet_key));
        count(chains.len(), out)?;
        for chain in &chains {
            out.extend_from_slice(&chain.ratchet_key);
            chain.hkdf_ratchet.put(out)?;
        }
        count(chains.iter().map(|chain| chain.skipped_message_keys.inner.len()).sum(), out)?;
        for chain in &chains {
            for skipped in &chain.skipped_message_keys.inner {
                out.extend_from_slice(&chain.ratchet_key);
                skipped.put(out)?;
            }
        }
        Ok(())
    }
}

impl Chain {
    fn put(&self, out: &mut Vec<u8>) -> Result<(), OlmError> {
        out.extend_from_slice(&self.key);
        let index = u32::try_from(self.index).map_err(|_| OlmError::CorruptedPickle)?;
        out.extend_from_slice(&index.to_be_bytes());
        Ok(())
    }
}

fn count(n: usize, out: &mut Vec<u8>) -> Result<(), OlmError> {
    let n = u32::try_from(n).map_err(|_| OlmError::CorruptedPickle)?;
    out.extend_from_slice(&n.to_be_bytes());
    Ok(())
}
