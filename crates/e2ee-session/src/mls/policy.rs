//! What the members of a room agreed on. It stands in the group's context (RFC 9420 section 12.1.7), so that every member
//! signs for it and whoever carries the messages cannot change it:
//! ```text
//! version (1) | mode (1) | who may admit (1) | cipher suite of frames (2, big-endian, SFrame registry)
//! ```
use openmls::extensions::{
    Extension, ExtensionType, Extensions, RequiredCapabilitiesExtension, UnknownExtension,
};
use openmls::group::GroupContext;
use openmls::prelude::Capabilities;

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

/// Who lets somebody in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admit {
    /// Nobody needs to: who knows the room may enter, and is shown.
    Anyone,
    /// A member: whoever comes waits in the lobby until one of them lets it in.
    Members,
}

/// See the module's comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoomPolicy {
    /// Whether media is encrypted.
    pub mode: Mode,
    /// Who lets somebody in.
    pub admit: Admit,
    /// Cipher suite of frames, as numbered in the SFrame registry (RFC 9605 section 8.1).
    pub suite: u16,
}

impl Default for RoomPolicy {
    /// Encrypted always, open to who knows the room, AES-128-GCM with a tag of 128 bits.
    fn default() -> Self {
        Self { mode: Mode::Required, admit: Admit::Anyone, suite: 0x0004 }
    }
}

impl RoomPolicy {
    fn write(self) -> Vec<u8> {
        let mode = match self.mode {
            Mode::Required => 1,
            Mode::Preferred => 2,
            Mode::Off => 3,
        };
        let admit = match self.admit {
            Admit::Anyone => 1,
            Admit::Members => 2,
        };
        let [high, low] = self.suite.to_be_bytes();
        vec![VERSION, mode, admit, high, low]
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let [VERSION, mode, admit, high, low] = bytes else { return None };
        let mode = match mode {
            1 => Mode::Required,
            2 => Mode::Preferred,
            3 => Mode::Off,
            _ => return None,
        };
        let admit = match admit {
            1 => Admit::Anyone,
            2 => Admit::Members,
            _ => return None,
        };
        Some(Self { mode, admit, suite: u16::from_be_bytes([*high, *low]) })
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
pub(super) fn capabilities() -> Capabilities {
    Capabilities::new(None, None, Some(&[ExtensionType::Unknown(TYPE)]), None, None)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        for mode in [Mode::Required, Mode::Preferred, Mode::Off] {
            for admit in [Admit::Anyone, Admit::Members] {
                let policy = RoomPolicy { mode, admit, suite: 0x0102 };
                assert_eq!(RoomPolicy::read(&policy.write()), Some(policy));
                assert_eq!(RoomPolicy::of(&policy.extensions().unwrap()), Ok(policy));
            }
        }
        for bad in
            [&[][..], &[1, 1, 1, 0], &[2, 1, 1, 0, 4], &[1, 0, 1, 0, 4], &[1, 4, 1, 0, 4], &[1, 1, 3, 0, 4]]
        {
            assert_eq!(RoomPolicy::read(bad), None);
        }
        assert_eq!(RoomPolicy::of(&Extensions::empty()), Err(MlsError::NoPolicy));
    }
}
