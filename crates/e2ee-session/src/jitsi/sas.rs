//! Comparing, with the messages of Matrix and Jitsi's texts.
//!
//! ```text
//! commitment   unpadded base64 of SHA-256(accepter's key, text | JSON of the start's data)
//! code         HKDF-SHA-256(X25519 secret, info "starter|key|accepter|key"), 6 bytes
//! MAC          over the sender's key (text), info "Jitsi-KEY_VERIFICATION_MAC" | sender | receiver | transaction | key id;
//!              key id "ed25519:" or "curve25519:" and the receiver's id; in libolm's first, wrong base64
//! keys         the same over the sorted key ids with commas between them, info ... | "Jitsi-KEY_IDS"
//! ```
use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use vodozemac::sas::{EstablishedSas, Sas};

use super::error::JitsiError;
use crate::identity::verify::{EMOJI_COUNT, Emoji};

const MAC: &str = "Jitsi-KEY_VERIFICATION_MAC";
const KEY_IDS: &str = "Jitsi-KEY_IDS";
/// Kinds of keys that a MAC may cover.
pub(super) const ED25519: &str = "ed25519:";
pub(super) const CURVE25519: &str = "curve25519:";
const MAX_KEYS: usize = 4;

/// The keys of a side, as texts.
pub(super) struct Keys {
    pub(super) id: String,
    pub(super) ed25519: String,
    /// The one that the session is of.
    pub(super) curve25519: String,
}

enum State {
    /// Started; waits to be accepted.
    Started(Sas),
    /// The own key is sent; waits for the other's, which is bound by the commitment.
    Bound(Sas, String),
    /// Accepted; waits for the starter's key.
    Accepted(Sas),
    Established(EstablishedSas),
    Over,
}

/// One comparison, as one side sees it.
pub(super) struct Run {
    starter: bool,
    transaction: String,
    /// JSON of the start's data.
    start: String,
    state: State,
    confirmed: bool,
    /// Set by the other side's MAC: whether it covers the key of the session.
    theirs: Option<bool>,
}

/// What is shown.
pub(super) struct Code {
    pub(super) emoji: [Emoji; EMOJI_COUNT],
    pub(super) decimals: [u16; 3],
}

/// The kind of a message and its data.
pub(super) type Reply = (&'static str, Value);

impl Run {
    pub(super) fn start(transaction: String) -> (Self, Reply) {
        let data = json!({ "transactionId": transaction });
        let state = State::Started(Sas::new());
        let start = data.to_string();
        (
            Self { starter: true, transaction, start, state, confirmed: false, theirs: None },
            ("sas-start", data),
        )
    }

    pub(super) fn accept(transaction: String, start: &str) -> (Self, Reply) {
        let sas = Sas::new();
        let commitment = commitment(&sas.public_key().to_base64(), start);
        let data = json!({ "transactionId": transaction, "commitment": commitment });
        let state = State::Accepted(sas);
        let start = start.to_owned();
        (
            Self { starter: false, transaction, start, state, confirmed: false, theirs: None },
            ("sas-accept", data),
        )
    }

    /// Started here, and not answered yet.
    pub(super) const fn is_waiting(&self) -> bool {
        matches!(self.state, State::Started(_))
    }

    pub(super) fn on_accept(&mut self, transaction: &str, commitment: String) -> Result<Reply, JitsiError> {
        self.check(transaction)?;
        match std::mem::replace(&mut self.state, State::Over) {
            State::Started(sas) => {
                let data = json!({ "transactionId": self.transaction, "key": sas.public_key().to_base64() });
                self.state = State::Bound(sas, commitment);
                Ok(("sas-key", data))
            }
            other => self.stay(other),
        }
    }

    /// The code to be compared, and what is sent before it is shown.
    pub(super) fn on_key(
        &mut self,
        transaction: &str,
        key: &str,
        own: &Keys,
        their: &Keys,
    ) -> Result<(Code, Option<Reply>), JitsiError> {
        self.check(transaction)?;
        let (sas, reply) = match std::mem::replace(&mut self.state, State::Over) {
            State::Bound(sas, bound) => {
                let same = commitment(key, &self.start).as_bytes().ct_eq(bound.as_bytes());
                if !bool::from(same) {
                    return Err(JitsiError::WrongCommitment);
                }
                (sas, None)
            }
            State::Accepted(sas) => {
                let data = json!({ "transactionId": self.transaction, "key": sas.public_key().to_base64() });
                (sas, Some(("sas-key", data)))
            }
            other => return self.stay(other),
        };
        let theirs = super::message::key(key).map_err(|_| JitsiError::BadKeys)?;
        let mine = sas.public_key().to_base64();
        // Our own key come back: nobody is at the other end. Another spelling of a key would give other codes.
        if mine == key || theirs.to_base64() != key {
            return Err(JitsiError::BadKeys);
        }
        let sas = sas.diffie_hellman(theirs).map_err(|_| JitsiError::BadKeys)?;
        let (mine, theirs) = (format!("{}|{mine}", own.id), format!("{}|{key}", their.id));
        let info = if self.starter { format!("{mine}|{theirs}") } else { format!("{theirs}|{mine}") };
        let bytes = sas.bytes(&info);
        let (one, two, three) = bytes.decimals();
        self.state = State::Established(sas);
        Ok((Code { emoji: Emoji::from_bits(bytes.as_bytes()), decimals: [one, two, three] }, reply))
    }

    /// The user says that the codes are the same. `session`: the other side reads MACs of the session's key.
    pub(super) fn confirm(&mut self, own: &Keys, their: &Keys, session: bool) -> Result<Reply, JitsiError> {
        let State::Established(sas) = &self.state else { return Err(JitsiError::NothingToCompare) };
        if self.confirmed {
            return Err(JitsiError::NothingToCompare);
        }
        let base = format!("{MAC}{}{}{}", own.id, their.id, self.transaction);
        let mut covered = vec![(format!("{ED25519}{}", their.id), &own.ed25519)];
        if session {
            covered.push((format!("{CURVE25519}{}", their.id), &own.curve25519));
        }
        let mac: BTreeMap<&str, String> = covered
            .iter()
            .map(|(id, key)| (id.as_str(), sas.calculate_mac_invalid_base64(key, &format!("{base}{id}"))))
            .collect();
        let keys =
            sas.calculate_mac_invalid_base64(&joined(mac.keys().copied()), &format!("{base}{KEY_IDS}"));
        let data = json!({ "transactionId": self.transaction, "mac": mac, "keys": keys });
        self.confirmed = true;
        Ok(("sas-mac", data))
    }

    /// `session`: the MAC must cover the session's key too.
    pub(super) fn on_mac(
        &mut self,
        transaction: &str,
        mac: &BTreeMap<String, String>,
        keys: &str,
        own: &Keys,
        their: &Keys,
        session: bool,
    ) -> Result<(), JitsiError> {
        self.check(transaction)?;
        let (State::Established(sas), None) = (&self.state, self.theirs) else {
            return Err(JitsiError::OtherRun);
        };
        let base = format!("{MAC}{}{}{}", their.id, own.id, self.transaction);
        let same = |input: &str, info: &str, given: &str| {
            bool::from(sas.calculate_mac_invalid_base64(input, info).as_bytes().ct_eq(given.as_bytes()))
        };
        let mut covers = (false, false);
        let mut fine = mac.len() <= MAX_KEYS
            && same(&joined(mac.keys().map(String::as_str)), &format!("{base}{KEY_IDS}"), keys);
        for (id, given) in mac {
            let key = if id.starts_with(ED25519) {
                covers.0 = true;
                &their.ed25519
            } else if id.starts_with(CURVE25519) {
                covers.1 = true;
                &their.curve25519
            } else {
                return Err(JitsiError::WrongMac);
            };
            fine &= same(key, &format!("{base}{id}"), given);
        }
        if !fine || !covers.0 || (session && !covers.1) {
            return Err(JitsiError::WrongMac);
        }
        self.theirs = Some(covers.1);
        Ok(())
    }

    /// Whether both sides are through, and then whether the session's key was covered.
    pub(super) fn verified(&self) -> Option<bool> {
        self.theirs.filter(|_| self.confirmed)
    }

    fn check(&self, transaction: &str) -> Result<(), JitsiError> {
        if transaction == self.transaction { Ok(()) } else { Err(JitsiError::OtherRun) }
    }

    fn stay<T>(&mut self, state: State) -> Result<T, JitsiError> {
        self.state = state;
        Err(JitsiError::OtherRun)
    }
}

/// As JavaScript sorts: by UTF-16 units.
fn joined<'a>(ids: impl Iterator<Item = &'a str>) -> String {
    let mut ids: Vec<&str> = ids.collect();
    ids.sort_by(|one, other| one.encode_utf16().cmp(other.encode_utf16()));
    ids.join(",")
}

pub(super) fn commitment(key: &str, start: &str) -> String {
    vodozemac::base64_encode(Sha256::new().chain_update(key).chain_update(start).finalize())
}
