//! Keys from one secret that everybody in a room shares (a link, a passphrase).
//!
//! One secret with many senders is the nonce trap: same key, same KID, counters from 0 on every side, and again after
//! each reload. So nobody ever seals under the shared secret. Every sender draws an *incarnation* (16 random bytes,
//! once per sealer), and its base keys are derived for (call, participant, incarnation, generation):
//! ```text
//! base_key = HKDF-Expand(HKDF-Extract("", room secret), "Frameseal 1 sender" || len (2) || call
//!                        || len (2) || participant || incarnation (16) || generation (4), 32)
//! ```
//! The incarnation is public and travels in an [`Announcement`] through any channel, an untrusted one too: a wrong
//! one only makes frames fail to open.

use alloc::vec::Vec;

use core::fmt;

use crate::crypto::kdf::{Prk, pbkdf2_sha256};
use crate::crypto::{CipherSuite, Hash};
use crate::id::{CallId, Generation, ParticipantId};
use crate::key::schedule::len16;
use crate::secret::{BaseKey, SecretBytes};

/// PBKDF2-HMAC-SHA-256 rounds that stretch a room secret.
pub const STRETCH_ROUNDS: u32 = 600_000;

const SENDER_LABEL: &[u8] = b"Frameseal 1 sender";
const STRETCH_SALT: &str = "Frameseal room 1";

/// A stretched room secret.
pub struct RoomSecret {
    stretched: SecretBytes,
}

impl RoomSecret {
    /// Stretches what people share: `PBKDF2-HMAC-SHA-256(secret, "Frameseal room 1" || call, 600 000, 32)`.
    /// Takes 65 ms where the processor has SHA instructions, several times that where it has not.
    #[must_use]
    pub fn stretch(secret: &str, call: &CallId) -> Self {
        let salt = [STRETCH_SALT, call.as_str()].concat();
        Self::from_stretched(pbkdf2_sha256(secret.as_bytes(), salt.as_bytes(), STRETCH_ROUNDS))
    }

    /// Takes the 32 bytes of [`RoomSecret::stretch`] computed elsewhere (WebCrypto), or 32 random bytes.
    #[must_use]
    pub fn from_stretched(stretched: SecretBytes) -> Self {
        Self { stretched }
    }

    /// The stretched secret, for test vectors.
    #[cfg(feature = "hazmat")]
    #[must_use]
    pub fn hazmat_expose(&self) -> &[u8] {
        self.stretched.expose()
    }

    /// The source of one sender's base keys.
    #[must_use]
    pub fn sender(&self, call: &CallId, who: &ParticipantId, incarnation: &Incarnation) -> RoomSender {
        let (call, who) = (call.as_str().as_bytes(), who.as_str().as_bytes());
        let info = [SENDER_LABEL, &len16(call), call, &len16(who), who, &incarnation.0].concat();
        let prk = Prk::extract(Hash::Sha256, b"", self.stretched.expose());
        RoomSender { prk, info }
    }
}

/// Derives the base keys of one sender from the room secret.
pub struct RoomSender {
    prk: Prk,
    info: Vec<u8>,
}

impl RoomSender {
    pub(crate) fn base_key(&self, generation: Generation) -> BaseKey {
        let mut bytes = SecretBytes::zeroed(32);
        self.prk.expand(&[&self.info, &generation.0.to_be_bytes()], bytes.as_mut());
        BaseKey::derived(bytes)
    }
}

/// 16 random bytes that tell one run of a sender from every other. Public.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Incarnation(pub [u8; 16]);

/// What a sender tells the others in public: format version, suite, incarnation.
///
/// As text: `fs1-` suite (4 hex digits) `-` incarnation (32 hex digits).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// Suite that the sender seals with.
    pub suite: CipherSuite,
    /// The sender's incarnation.
    pub incarnation: Incarnation,
}

/// Why a text is not an announcement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadAnnouncement {
    /// It starts with another version than `fs1-`.
    UnknownVersion,
    /// It names a cipher suite that this build does not know.
    UnknownSuite,
    /// It is not of the form `fs1-ssss-iiii...`.
    Malformed,
}

impl fmt::Display for BadAnnouncement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownVersion => "the announcement is of another version than fs1",
            Self::UnknownSuite => "the announcement names an unknown cipher suite",
            Self::Malformed => "the announcement is malformed: want fs1-ssss- and 32 hex digits",
        })
    }
}

impl core::error::Error for BadAnnouncement {}

impl fmt::Display for Announcement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "fs1-{:04x}-", self.suite.number())?;
        self.incarnation.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl core::str::FromStr for Announcement {
    type Err = BadAnnouncement;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rest = text.strip_prefix("fs1-").ok_or_else(|| {
            if text.starts_with("fs") { BadAnnouncement::UnknownVersion } else { BadAnnouncement::Malformed }
        })?;
        let (suite, incarnation) = rest.split_once('-').ok_or(BadAnnouncement::Malformed)?;
        let hex_only = |t: &str, len| t.len() == len && t.bytes().all(|b| b.is_ascii_hexdigit());
        if !hex_only(suite, 4) || !hex_only(incarnation, 32) {
            return Err(BadAnnouncement::Malformed);
        }
        let suite = u16::from_str_radix(suite, 16).map_err(|_| BadAnnouncement::Malformed)?;
        let number = u128::from_str_radix(incarnation, 16).map_err(|_| BadAnnouncement::Malformed)?;
        Ok(Self {
            suite: CipherSuite::from_number(suite).map_err(|_| BadAnnouncement::UnknownSuite)?,
            incarnation: Incarnation(number.to_be_bytes()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_announcement_survives_being_text() {
        let said = Announcement {
            suite: CipherSuite::Aes256GcmSha512_128,
            incarnation: Incarnation([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255]),
        };
        let text = said.to_string();
        assert_eq!(text, "fs1-0005-000102030405060708090a0b0c0d0eff");
        assert_eq!(text.parse(), Ok(said));
    }

    #[test]
    fn what_is_wrong_with_an_announcement_is_said() {
        let parse = |t: &str| t.parse::<Announcement>().err();
        assert_eq!(parse("fs2-0004-00"), Some(BadAnnouncement::UnknownVersion));
        assert_eq!(parse(""), Some(BadAnnouncement::Malformed));
        assert_eq!(parse("fs1-+004-000102030405060708090a0b0c0d0eff"), Some(BadAnnouncement::Malformed));
        assert_eq!(parse("fs1-0099-000102030405060708090a0b0c0d0eff"), Some(BadAnnouncement::UnknownSuite));
    }
}
