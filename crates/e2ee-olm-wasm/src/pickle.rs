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
//!
//! A session's parts are read out of what vodozemac serialises, in the order in which it does: a tenth of the code that
//! reading it by names takes. Tests write and read every state.
use vodozemac::hazmat::Cipher;
use vodozemac::olm::{Account, Session};
use vodozemac::{Curve25519PublicKey, Curve25519SecretKey, base64_decode, base64_encode};
use zeroize::{Zeroize as _, Zeroizing};

use crate::error::{OlmError, of_pickle};

const KEY: usize = 32;

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
    let raw = postcard::to_allocvec(&session.pickle()).map_err(|_| OlmError::CorruptedPickle)?;
    let raw = Zeroizing::new(raw);
    // Never longer than what is read, but for headers: no key is left behind in a buffer that was too small.
    let mut out = Zeroizing::new(Vec::with_capacity(2 * raw.len() + 256));
    let mut from = Reader(&raw);
    copy(&mut from, received, &mut out).ok_or(OlmError::CorruptedPickle)?;
    Ok(base64_encode(Cipher::new_pickle(key).encrypt_pickle(&out)))
}

/// From vodozemac's order of things to libolm's.
fn copy(from: &mut Reader<'_>, received: bool, out: &mut Vec<u8>) -> Option<()> {
    out.extend_from_slice(&1_u32.to_be_bytes());
    out.push(u8::from(received));
    // Identity key, base key, one-time key.
    out.extend_from_slice(from.take(3 * KEY)?);
    let kind = from.text()?;
    let newest = if kind == b"active" {
        if from.byte()? == 1 {
            from.take(KEY)?;
        }
        from.skip_count()?;
        let (root, secret) = (from.take(KEY)?, from.take(KEY)?);
        out.extend_from_slice(root);
        count(1, out)?;
        let mut secret = <[u8; KEY]>::try_from(secret).ok()?;
        let public = Curve25519PublicKey::from(&Curve25519SecretKey::from_slice(&secret));
        out.extend_from_slice(public.as_bytes());
        out.extend_from_slice(&secret);
        secret.zeroize();
        from.indexed()?.put(out)?;
        None
    } else {
        out.extend_from_slice(from.take(KEY)?);
        count(0, out)?;
        let newest = from.take(KEY)?;
        from.skip_count()?;
        Some(newest)
    };
    let mut chains = Vec::new();
    for _ in 0..from.number()? {
        let (name, chain) = (from.take(KEY)?, from.indexed()?);
        let skipped = (0..from.number()?).map(|_| from.indexed()).collect::<Option<Vec<_>>>()?;
        from.skip_count()?;
        chains.push((name, chain, skipped));
    }
    // Without a sender chain the first receiver chain is the one that is answered.
    chains.reverse();
    chains.sort_by_key(|(name, ..)| newest != Some(*name));
    count(chains.len(), out)?;
    for (name, chain, _) in &chains {
        out.extend_from_slice(name);
        chain.put(out)?;
    }
    count(chains.iter().map(|(.., skipped)| skipped.len()).sum(), out)?;
    for (name, _, skipped) in &chains {
        for key in skipped {
            out.extend_from_slice(name);
            key.put(out)?;
        }
    }
    Some(())
}

/// A key with its index.
struct Indexed<'a>(&'a [u8], u32);

impl Indexed<'_> {
    fn put(&self, out: &mut Vec<u8>) -> Option<()> {
        out.extend_from_slice(self.0);
        out.extend_from_slice(&self.1.to_be_bytes());
        Some(())
    }
}

fn count(n: usize, out: &mut Vec<u8>) -> Option<()> {
    out.extend_from_slice(&u32::try_from(n).ok()?.to_be_bytes());
    Some(())
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    /// Seven bits in each byte, the lowest first.
    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn text(&mut self) -> Option<&'a [u8]> {
        let len = self.number()?;
        self.take(usize::try_from(len).ok()?)
    }

    fn indexed(&mut self) -> Option<Indexed<'a>> {
        let key = self.take(KEY)?;
        Some(Indexed(key, u32::try_from(self.number()?).ok()?))
    }

    /// How often the ratchet turned: a number, or that it is not known.
    fn skip_count(&mut self) -> Option<()> {
        if self.number()? == 0 {
            self.number()?;
        }
        Some(())
    }
}
