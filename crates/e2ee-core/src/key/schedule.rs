//! Base key to frame key (RFC 9605 section 4.4.2), and what Frameseal binds into it.
//!
//! ```text
//! RFC 9605     secret = HKDF-Extract("", base_key)
//!              key    = HKDF-Expand(secret, "SFrame 1.0 Secret key "  || KID (8) || suite (2), Nk)
//!              salt   = HKDF-Expand(secret, "SFrame 1.0 Secret salt " || KID (8) || suite (2), Nn)
//! Frameseal    base_key' = HKDF-Expand(HKDF-Extract("", base_key),
//!                          "Frameseal 1 media" || len (2) || call || len (2) || sender || kind (1), Nh)
//!              and then as RFC 9605, from base_key'
//! ```
//! So a frame opens only under the call, the sender and the kind of track it was sealed for.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::crypto::kdf::Prk;
use crate::crypto::{Aead, CipherSuite, NONCE_LEN, Provider, Unsupported};
use crate::frame::FrameFormat;
use crate::id::{Ctr, Kid, ParticipantId, TrackKind};
use crate::key::kid::KidScheme;
use crate::secret::{BaseKey, SecretBytes};

const KEY_LABEL: &[u8] = b"SFrame 1.0 Secret key ";
const SALT_LABEL: &[u8] = b"SFrame 1.0 Secret salt ";
const MEDIA_LABEL: &[u8] = b"Frameseal 1 media";

/// What all members of a call agree on. A value, copied into every sealer and opener.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Cipher backend.
    pub provider: &'static Provider,
    /// Cipher suite.
    pub suite: CipherSuite,
    /// Layout of a sealed frame, and what its keys are bound to.
    pub format: FrameFormat,
    /// Layout of KIDs.
    pub scheme: KidScheme,
}

/// The steps of RFC 9605 section 4.4.2 for one KID.
pub struct Derived {
    /// `sframe_secret`.
    pub secret: Prk,
    /// `sframe_key`, `Nk` bytes.
    pub key: SecretBytes,
    /// `sframe_salt`.
    pub salt: [u8; NONCE_LEN],
}

/// The label that `sframe_key` is expanded with: text, KID and suite.
#[must_use]
pub fn key_label(kid: Kid, suite: CipherSuite) -> Vec<u8> {
    label(KEY_LABEL, kid, suite)
}

/// The label that `sframe_salt` is expanded with.
#[must_use]
pub fn salt_label(kid: Kid, suite: CipherSuite) -> Vec<u8> {
    label(SALT_LABEL, kid, suite)
}

fn label(text: &[u8], kid: Kid, suite: CipherSuite) -> Vec<u8> {
    [text, &kid.0.to_be_bytes(), &suite.number().to_be_bytes()].concat()
}

/// Derives key and salt from `base_key` as RFC 9605 does.
#[must_use]
pub fn derive(suite: CipherSuite, base_key: &[u8], kid: Kid) -> Derived {
    let secret = Prk::extract(suite.hash(), b"", base_key);
    let mut key = SecretBytes::zeroed(suite.key_len());
    let mut salt = [0; NONCE_LEN];
    let (kid, number) = (kid.0.to_be_bytes(), suite.number().to_be_bytes());
    secret.expand(&[KEY_LABEL, &kid, &number], key.as_mut());
    secret.expand(&[SALT_LABEL, &kid, &number], &mut salt);
    Derived { secret, key, salt }
}

/// The nonce of one frame: `salt XOR CTR`, CTR right-aligned and big-endian.
#[inline]
#[must_use]
pub fn nonce(salt: &[u8; NONCE_LEN], ctr: Ctr) -> [u8; NONCE_LEN] {
    let wide = u128::from(ctr.0).to_be_bytes();
    let mut out = *salt;
    for (byte, with) in out.iter_mut().zip(wide.iter().skip(wide.len() - NONCE_LEN)) {
        *byte ^= with;
    }
    out
}

/// An AEAD key with its salt: everything that one KID needs for one kind of track.
pub(crate) struct FrameKey {
    pub(crate) aead: Box<dyn Aead>,
    salt: [u8; NONCE_LEN],
}

impl FrameKey {
    pub(crate) fn derive(
        profile: &Profile,
        sender: &ParticipantId,
        base: &BaseKey,
        kid: Kid,
        kind: TrackKind,
    ) -> Result<Self, Unsupported> {
        let derived = frame_key_material(profile, sender, base, kid, kind);
        let aead = profile.provider.aead(profile.suite, derived.key.expose())?;
        Ok(Self { aead, salt: derived.salt })
    }

    #[inline]
    pub(crate) fn nonce(&self, ctr: Ctr) -> [u8; NONCE_LEN] {
        nonce(&self.salt, ctr)
    }
}

/// The same derivation, with the key as bytes: for an executor that holds keys of its own (WebCrypto).
pub(crate) fn frame_key_material(
    profile: &Profile,
    sender: &ParticipantId,
    base: &BaseKey,
    kid: Kid,
    kind: TrackKind,
) -> Derived {
    let suite = profile.suite;
    match &profile.format {
        FrameFormat::Sframe => derive(suite, base.expose(), kid),
        FrameFormat::Frameseal { call } => {
            let (call, sender) = (call.as_str().as_bytes(), sender.as_str().as_bytes());
            let mut bound = SecretBytes::zeroed(suite.hash().output_len());
            Prk::extract(suite.hash(), b"", base.expose()).expand(
                &[MEDIA_LABEL, &len16(call), call, &len16(sender), sender, &[kind as u8]],
                bound.as_mut(),
            );
            derive(suite, bound.expose(), kid)
        }
    }
}

/// Length prefix of a name; names are bounded far below 65536 bytes.
pub(crate) fn len16(bytes: &[u8]) -> [u8; 2] {
    u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_be_bytes()
}
