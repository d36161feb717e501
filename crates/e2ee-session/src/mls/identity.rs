//! Who somebody says to be, as it stands in an MLS credential (RFC 9420 section 5.3, basic):
//! ```text
//! version (1) | length (2) | participant | length (2) | name | proof
//! ```
//! Lengths are big-endian; participant and name are UTF-8; the proof takes the rest, and may be empty.
use std::fmt;

use openmls::credentials::{BasicCredential, Credential};
use openmls::treesync::LeafNode;

use super::error::MlsError;
use crate::names::misleads;

/// Version of the layout.
const VERSION: u8 = 1;
/// Longest participant id and longest name, bytes.
pub const MAX_NAME_LEN: usize = 512;
/// Longest proof, bytes: an ID token, or a chain of certificates.
pub const MAX_PROOF_LEN: usize = 16 << 10;

/// What somebody says of itself, signed with its key and vouched for by nobody unless the proof says so.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// Its id on the transport, which its frames are bound to. 1 to 512 bytes.
    pub participant: String,
    /// As it wants to be shown; may be empty. Up to 512 bytes.
    pub name: String,
    /// Ed25519 public key that its messages are signed with, 32 bytes.
    pub key: Vec<u8>,
    /// What shall prove the name; empty: nothing.
    pub proof: Vec<u8>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}/", self.participant)?;
        self.key.iter().take(4).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Identity {
    /// What stands in the credential.
    pub(super) fn write(&self) -> Result<Vec<u8>, MlsError> {
        self.check()?;
        let mut out = vec![VERSION];
        for text in [&self.participant, &self.name] {
            let len = u16::try_from(text.len()).map_err(|_| MlsError::BadIdentity)?;
            out.extend_from_slice(&len.to_be_bytes());
            out.extend_from_slice(text.as_bytes());
        }
        out.extend_from_slice(&self.proof);
        Ok(out)
    }

    pub(crate) fn check(&self) -> Result<(), MlsError> {
        let plain = |text: &str| text.len() <= MAX_NAME_LEN && !text.chars().any(misleads);
        let fits = !self.participant.is_empty() && plain(&self.participant) && plain(&self.name);
        if fits && self.proof.len() <= MAX_PROOF_LEN { Ok(()) } else { Err(MlsError::BadIdentity) }
    }
}

pub(super) fn identity_in(leaf: &LeafNode) -> Result<Identity, MlsError> {
    identity_of(leaf.credential(), leaf.signature_key().as_slice())
}

pub(super) fn identity_of(credential: &Credential, key: &[u8]) -> Result<Identity, MlsError> {
    let basic = BasicCredential::try_from(credential.clone()).map_err(|_| MlsError::BadIdentity)?;
    let (version, rest) = basic.identity().split_first().ok_or(MlsError::BadIdentity)?;
    if *version != VERSION {
        return Err(MlsError::BadIdentity);
    }
    let (participant, rest) = text(rest)?;
    let (name, proof) = text(rest)?;
    let identity = Identity { participant, name, key: key.to_vec(), proof: proof.to_vec() };
    identity.check()?;
    Ok(identity)
}

fn text(bytes: &[u8]) -> Result<(String, &[u8]), MlsError> {
    let (len, rest) = bytes.split_first_chunk::<2>().ok_or(MlsError::BadIdentity)?;
    let (text, rest) =
        rest.split_at_checked(usize::from(u16::from_be_bytes(*len))).ok_or(MlsError::BadIdentity)?;
    let text = std::str::from_utf8(text).map_err(|_| MlsError::BadIdentity)?;
    Ok((text.to_owned(), rest))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    fn read(bytes: &[u8]) -> Result<Identity, MlsError> {
        identity_of(&BasicCredential::new(bytes.to_vec()).into(), &[7; 32])
    }

    fn ada() -> Identity {
        Identity {
            participant: "a1".into(), name: "Ada Löwe".into(), key: vec![7; 32], proof: vec![1, 2, 3]
        }
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(read(&ada().write().unwrap()), Ok(ada()));
        let bare = Identity { name: String::new(), proof: vec![], ..ada() };
        assert_eq!(read(&bare.write().unwrap()), Ok(bare));
    }

    #[test]
    fn cut_or_changed_bytes_are_refused_or_somebody_else() {
        let bytes = ada().write().unwrap();
        // Up to the proof, which takes what is there.
        for end in 0..bytes.len() - 3 {
            assert_eq!(read(&bytes[..end]), Err(MlsError::BadIdentity), "{end}");
        }
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << bit;
                assert_ne!(read(&changed), Ok(ada()));
            }
        }
    }

    #[test]
    fn names_that_mislead_or_do_not_fit_are_refused() {
        for bad in ["a\u{202e}b", "a\nb", "\u{200b}", "\u{0}", &"x".repeat(513)] {
            assert_eq!(Identity { name: bad.to_owned(), ..ada() }.write(), Err(MlsError::BadIdentity));
            assert_eq!(Identity { participant: bad.to_owned(), ..ada() }.write(), Err(MlsError::BadIdentity));
        }
        assert_eq!(Identity { participant: String::new(), ..ada() }.write(), Err(MlsError::BadIdentity));
        assert_eq!(
            Identity { proof: vec![0; MAX_PROOF_LEN + 1], ..ada() }.write(),
            Err(MlsError::BadIdentity)
        );
    }
}
