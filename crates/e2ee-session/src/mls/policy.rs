//! What the members of a room agreed on. It stands in the group's context (RFC 9420 section 12.1.7), so that every member
//! signs for it and whoever carries the messages cannot change it:
//! ```text
//! version (1) | mode (1) | who may admit (1) | cipher suite of frames (2, big-endian, SFrame registry)
//!     | 0 (1)                         no secret is needed
//!     | 8 (1) | id of the secret (8)  every commit carries it
//! ```
use openmls::extensions::{
    Extension, ExtensionType, Extensions, RequiredCapabilitiesExtension, UnknownExtension,
};
use openmls::group::GroupContext;
use openmls::prelude::Capabilities;
use openmls_traits::types::Ciphersuite;

use super::error::MlsError;

/// Extension type of the policy, in the range for private use.
const TYPE: u16 = 0xf5ea;
const VERSION: u8 = 1;

/// Whether media is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Always. Who cannot encrypt gets nothing, and is shown.
    Required,
    /// Always; who cannot encrypt is shown, and the application may offer to agree on [`Mode::Off`].
    Preferred,
    /// Not at all: nobody gets a key.
    Off,
}

impl Mode {
    /// As it is written: 1, 2, 3.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Required => 1,
            Self::Preferred => 2,
            Self::Off => 3,
        }
    }

    /// Out of its number.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Required),
            2 => Some(Self::Preferred),
            3 => Some(Self::Off),
            _ => None,
        }
    }
}

/// Who lets somebody in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admit {
    /// Nobody needs to: who knows the room may enter, and is shown.
    Anyone,
    /// A member: whoever comes waits in the lobby until one of them lets it in.
    Members,
}

impl Admit {
    /// As it is written: 1, 2.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Anyone => 1,
            Self::Members => 2,
        }
    }

    /// Out of its number.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Anyone),
            2 => Some(Self::Members),
            _ => None,
        }
    }
}

/// Names a secret from outside that whoever is in the room has (RFC 9420 section 8.4, external). Random, and tells nothing
/// of the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecretId(pub [u8; 8]);

/// See the module's comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoomPolicy {
    /// Whether media is encrypted.
    pub mode: Mode,
    /// Who lets somebody in.
    pub admit: Admit,
    /// Cipher suite of frames, as numbered in the SFrame registry (RFC 9605 section 8.1).
    pub suite: u16,
    /// The secret that nobody enters without; it goes into the keys of every epoch.
    pub secret: Option<SecretId>,
}

impl Default for RoomPolicy {
    /// Encrypted always, open to who knows the room, AES-128-GCM with a tag of 128 bits.
    fn default() -> Self {
        Self { mode: Mode::Required, admit: Admit::Anyone, suite: 0x0004, secret: None }
    }
}

impl RoomPolicy {
    fn write(self) -> Vec<u8> {
        let [high, low] = self.suite.to_be_bytes();
        let mut out = vec![VERSION, self.mode.number(), self.admit.number(), high, low];
        match self.secret {
            None => out.push(0),
            Some(SecretId(id)) => {
                out.push(8);
                out.extend_from_slice(&id);
            }
        }
        out
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let [VERSION, mode, admit, high, low, secret @ ..] = bytes else { return None };
        let (mode, admit) = (Mode::from_number(*mode)?, Admit::from_number(*admit)?);
        let secret = match secret {
            [0] => None,
            [8, id @ ..] => Some(SecretId(id.try_into().ok()?)),
            _ => return None,
        };
        Some(Self { mode, admit, suite: u16::from_be_bytes([*high, *low]), secret })
    }

    pub(super) fn extensions(self) -> Result<Extensions<GroupContext>, MlsError> {
        let required = RequiredCapabilitiesExtension::new(&[ExtensionType::Unknown(TYPE)], &[], &[]);
        let policy = Extension::Unknown(TYPE, UnknownExtension(self.write()));
        Extensions::from_vec(vec![Extension::RequiredCapabilities(required), policy])
            .map_err(|_| MlsError::Refused)
    }

    /// The policy of a group; one without, or with one that is not understood, is no group of ours.
    pub(super) fn of(extensions: &Extensions<GroupContext>) -> Result<Self, MlsError> {
        extensions.unknown(TYPE).and_then(|found| Self::read(&found.0)).ok_or(MlsError::NoPolicy)
    }
}

/// What every leaf says it understands.
pub(super) fn capabilities(suite: Ciphersuite) -> Capabilities {
    Capabilities::new(None, Some(&[suite]), Some(&[ExtensionType::Unknown(TYPE)]), None, None)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        for mode in [Mode::Required, Mode::Preferred, Mode::Off] {
            for admit in [Admit::Anyone, Admit::Members] {
                for secret in [None, Some(SecretId(*b"12345678"))] {
                    let policy = RoomPolicy { mode, admit, suite: 0x0102, secret };
                    assert_eq!(RoomPolicy::read(&policy.write()), Some(policy));
                    assert_eq!(RoomPolicy::of(&policy.extensions().unwrap()), Ok(policy));
                }
            }
        }
        let bad = [
            &[][..],
            &[1, 1, 1, 0],
            &[1, 1, 1, 0, 4],
            &[2, 1, 1, 0, 4, 0],
            &[1, 0, 1, 0, 4, 0],
            &[1, 4, 1, 0, 4, 0],
            &[1, 1, 3, 0, 4, 0],
            &[1, 1, 1, 0, 4, 0, 0],
            &[1, 1, 1, 0, 4, 8, 1, 2, 3, 4, 5, 6, 7],
        ];
        for bad in bad {
            assert_eq!(RoomPolicy::read(bad), None);
        }
        assert_eq!(RoomPolicy::of(&Extensions::empty()), Err(MlsError::NoPolicy));
    }
}
