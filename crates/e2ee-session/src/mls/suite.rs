//! The cipher suite of a group (RFC 9420 section 17.1): who founds it says which, and who comes has the same or stays out.
use std::fmt;

use openmls_traits::types::Ciphersuite;

use super::error::MlsError;

/// A cipher suite of MLS. Signatures are Ed25519 in each: they must hold for as long as a call, keys for as long as a
/// recording of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Suite {
    /// 0x0001: X25519, AES-128-GCM, SHA-256, Ed25519. RFC 9420; what everybody speaks.
    #[default]
    Classic,
    /// 0x004F: ML-KEM-768 with X25519 (X-Wing), AES-128-GCM, SHA-256, Ed25519. Keys stay secret as long as one of the two
    /// holds. Needs the feature `pq`.
    ///
    /// **A draft.** The number is of draft-ietf-mls-pq-ciphersuites and the derivation of key pairs of
    /// draft-ietf-hpke-pq-03; both may change before they are RFCs, and other implementations derive key pairs
    /// otherwise today. All members of a group must run the same version of this crate. A member costs about ten times
    /// the bytes: see the module's tests for sizes.
    PostQuantumDraft,
}

impl Suite {
    /// The number of the suite.
    #[must_use]
    pub fn id(self) -> u16 {
        match self {
            Self::Classic => 0x0001,
            Self::PostQuantumDraft => 0x004F,
        }
    }

    /// The suite with this number; `None` for others.
    #[must_use]
    pub fn of_id(id: u16) -> Option<Self> {
        [Self::Classic, Self::PostQuantumDraft].into_iter().find(|suite| suite.id() == id)
    }

    /// Whether this build speaks it.
    #[must_use]
    pub fn is_built_in(self) -> bool {
        match self {
            Self::Classic => true,
            Self::PostQuantumDraft => cfg!(feature = "pq"),
        }
    }

    pub(super) fn of_mls(self) -> Result<Ciphersuite, MlsError> {
        match self {
            Self::Classic => Ok(Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519),
            #[cfg(feature = "pq")]
            Self::PostQuantumDraft => Ok(Ciphersuite::MLS_128_MLKEM768X25519_AES128GCM_SHA256_Ed25519),
            #[cfg(not(feature = "pq"))]
            Self::PostQuantumDraft => Err(MlsError::NoSuite),
        }
    }

    /// Tells a message of another suite from one that is broken: a build need not know the suite to know that.
    ///
    /// # Errors
    /// [`MlsError::OtherSuite`].
    pub(super) fn expect(self, place: Place, message: &[u8]) -> Result<(), MlsError> {
        let at = place as usize;
        match message.get(at..).and_then(|rest| rest.first_chunk::<2>()) {
            Some(id) if u16::from_be_bytes(*id) != self.id() && place.is_headed(message) => {
                Err(MlsError::OtherSuite)
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Classic => "X25519, AES-128-GCM, SHA-256, Ed25519",
            Self::PostQuantumDraft => "ML-KEM-768 with X25519 (draft), AES-128-GCM, SHA-256, Ed25519",
        })
    }
}

/// Where a message has its suite, in bytes from its beginning.
#[derive(Clone, Copy)]
pub(super) enum Place {
    /// `version (2) | suite (2)`, RFC 9420 section 10.
    KeyPackage = 2,
    /// `version (2) | wire format (2) | suite (2)`, sections 6 and 12.4.3.1.
    Welcome = 4,
    /// `version (2) | wire format (2) | version (2) | suite (2)`, sections 6, 8.1 and 12.4.3.
    GroupInfo = 6,
}

impl Place {
    /// Whether the bytes before it are those of such a message of MLS 1.0.
    fn is_headed(self, message: &[u8]) -> bool {
        message.starts_with(match self {
            Self::KeyPackage => &[0, 1],
            Self::Welcome => &[0, 1, 0, 3],
            Self::GroupInfo => &[0, 1, 0, 4, 0, 1],
        })
    }
}
