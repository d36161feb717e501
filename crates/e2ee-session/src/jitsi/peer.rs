//! What is known of another participant.
use std::cmp::Ordering;
use std::collections::BTreeMap;

use e2ee_core::{Millis, SecretBytes};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use vodozemac::olm::{OlmMessage, Session};
use vodozemac::{Curve25519PublicKey, Ed25519PublicKey};
use zeroize::Zeroizing;

use super::SLOTS;
use super::error::JitsiError;
use super::message::{SignedForm, is_of};
use super::sas::Run;

/// A request that waits for its answer.
pub(super) struct Request {
    pub(super) uuid: String,
    pub(super) until: Millis,
    pub(super) sent: u8,
}

/// A session that was offered.
pub(super) struct Offer {
    pub(super) request: Request,
    pub(super) one_time: Curve25519PublicKey,
}

/// An Olm session, and whose it is.
pub(super) struct Channel {
    pub(super) session: Session,
    pub(super) identity: Curve25519PublicKey,
    /// The Ed25519 key that signed for it.
    pub(super) signed_by: Option<Ed25519PublicKey>,
}

impl Channel {
    pub(super) fn open(&mut self, message: &OlmMessage) -> Result<Zeroizing<Vec<u8>>, JitsiError> {
        if !is_of(message, self.session.session_keys()) {
            return Err(JitsiError::Unauthenticated);
        }
        let plain = self.session.decrypt(message).map_err(|_| JitsiError::Unauthenticated)?;
        Ok(Zeroizing::new(plain))
    }
}

pub(super) struct Slot {
    index: u32,
    /// Tells whether the same key comes again; the key itself is the frame layer's.
    digest: [u8; 32],
}

#[derive(Default)]
pub(super) struct Peer {
    /// It has the feature.
    pub(super) e2ee: bool,
    /// Its encryption is on, it says.
    pub(super) enabled: bool,
    /// It came after the own key was used last.
    pub(super) newcomer: bool,
    /// It has signed once.
    pub(super) signs: Option<SignedForm>,
    pub(super) ed25519: Option<Ed25519PublicKey>,
    pub(super) curve25519: Option<Curve25519PublicKey>,
    pub(super) offer: Option<Offer>,
    pub(super) channel: Option<Channel>,
    /// The newest own key was sent to it.
    pub(super) asked: Option<Request>,
    pub(super) slots: BTreeMap<u32, Slot>,
    pub(super) run: Option<Run>,
}

impl Peer {
    /// Without a session, as at first.
    pub(super) fn clear(&mut self) {
        self.offer = None;
        self.channel = None;
        self.asked = None;
        self.run = None;
        self.slots.clear();
    }

    /// Whether this key is new. Each slot takes what is newer than what it holds, or another key of the same index.
    pub(super) fn take(&mut self, index: u32, key: &SecretBytes) -> bool {
        let digest: [u8; 32] = Sha256::digest(key.expose()).into();
        if let Some(slot) = self.slots.get(&(index % SLOTS)) {
            let same = slot.index == index && bool::from(slot.digest.ct_eq(&digest));
            if same || slot.index > index {
                return false;
            }
        }
        self.slots.insert(index % SLOTS, Slot { index, digest });
        true
    }

    /// It switched encryption off; `true`: it had a key.
    pub(super) fn take_none(&mut self) -> bool {
        let had = !self.slots.is_empty();
        self.slots.clear();
        had
    }
}

/// As JavaScript compares texts.
pub(super) fn is_lower(one: &str, other: &str) -> bool {
    one.encode_utf16().cmp(other.encode_utf16()) == Ordering::Less
}
