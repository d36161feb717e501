//! Seven emoji for a whole group, by commitment and reveal.

use std::fmt;

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::{EMOJI_COUNT, Emoji};

/// Bytes of a member's identity key.
const KEY_LEN: usize = 32;
/// Bytes of the nonce that each member draws afresh for each round.
pub const NONCE_LEN: usize = 32;
/// Bytes of a message.
pub const MESSAGE_LEN: usize = 2 + 32;

const VERSION: u8 = 1;
const COMMITMENT: u8 = 1;
const REVEAL: u8 = 2;

type Key = [u8; KEY_LEN];
type Bytes32 = [u8; 32];

/// Why a message was not taken, or a round cannot be. Members are named by their identity keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RoundError {
    /// The own key is not in the roster, or a key is there twice, or nobody else is.
    BadRoster,
    /// Bytes that are no message of this version. Nothing changed.
    Malformed,
    /// From somebody who is not in the roster, or from oneself. Nothing changed.
    Stranger(Key),
    /// This member said the same before. Nothing changed.
    Repeated(Key),
    /// A reveal, while commitments of others are missing. Nothing changed: hand it in again when all are there.
    Early(Key),
    /// This member committed to something else before. The round is over, and there is no code.
    Changed(Key),
    /// This member revealed something else than it committed to. The round is over, and there is no code.
    Mismatch(Key),
    /// The round is over.
    Over,
}

impl fmt::Display for RoundError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, who) = match self {
            Self::BadRoster => ("a roster has the own key, no key twice, and somebody else", None),
            Self::Malformed => ("not a message of this version", None),
            Self::Stranger(who) => ("not in the roster of this round", Some(who)),
            Self::Repeated(who) => ("said this before", Some(who)),
            Self::Early(who) => {
                ("revealed before all had committed: hand it in again when they have", Some(who))
            }
            Self::Changed(who) => ("changed its commitment: begin anew, and ask who this is", Some(who)),
            Self::Mismatch(who) => {
                ("revealed something else than it committed to: begin anew, and ask who this is", Some(who))
            }
            Self::Over => ("the round is over: begin anew", None),
        };
        if let Some(who) = who {
            write!(f, "member ")?;
            who.iter().take(4).try_for_each(|byte| write!(f, "{byte:02x}"))?;
            write!(f, ": ")?;
        }
        f.write_str(what)
    }
}

impl std::error::Error for RoundError {}

#[derive(Default)]
struct Other {
    commitment: Option<Bytes32>,
    nonce: Option<Bytes32>,
}

/// One comparison in one epoch of a group.
///
/// Everybody sends its commitment, `version (1) = 1 | kind (1) = 1 | SHA-256("frameseal emoji commit 1" |
/// SHA-256(authenticator) | key | nonce)`, and once the commitments of all of the roster are there, its reveal, `version |
/// kind = 2 | nonce (32)`. When all reveals are there everybody shows the first 42 bits of `SHA-256("frameseal emoji code 1"
/// | SHA-256(authenticator) | count (4, big-endian) | keys in order | nonces in the order of keys)`.
///
/// Messages must come over the group's own authenticated channel, so that `from` is who sent it. Whoever relays them sees
/// the code; it is no secret. A new epoch needs a new round, and a new nonce.
pub struct EmojiRound {
    authenticator: Bytes32,
    own: Key,
    nonce: Zeroizing<[u8; NONCE_LEN]>,
    /// In the order of their keys.
    others: Vec<(Key, Other)>,
    over: bool,
}

impl EmojiRound {
    /// Begins a round over the epoch authenticator (RFC 9420 section 8.7) and the identity keys of everybody in the group, with
    /// 32 fresh random bytes.
    ///
    /// # Errors
    ///
    /// [`RoundError::BadRoster`].
    pub fn new(
        authenticator: &[u8],
        roster: &[[u8; KEY_LEN]],
        own: &[u8; KEY_LEN],
        nonce: [u8; NONCE_LEN],
    ) -> Result<Self, RoundError> {
        let mut keys = roster.to_vec();
        keys.sort_unstable();
        let all_different = keys.windows(2).all(|pair| pair.first() != pair.last());
        let own_is_there = keys.contains(own);
        keys.retain(|key| key != own);
        let others: Vec<_> = keys.into_iter().map(|key| (key, Other::default())).collect();
        if !all_different || !own_is_there || others.is_empty() {
            return Err(RoundError::BadRoster);
        }
        Ok(Self {
            authenticator: Sha256::digest(authenticator).into(),
            own: *own,
            nonce: Zeroizing::new(nonce),
            others,
            over: false,
        })
    }

    fn commitment(&self, key: &Key, nonce: &Bytes32) -> Bytes32 {
        let hash = Sha256::new().chain_update(b"frameseal emoji commit 1").chain_update(self.authenticator);
        hash.chain_update(key).chain_update(nonce).finalize().into()
    }

    /// To be sent to everybody first.
    #[must_use]
    pub fn own_commitment(&self) -> [u8; MESSAGE_LEN] {
        message(COMMITMENT, &self.commitment(&self.own, &self.nonce))
    }

    /// To be sent to everybody when it is there: once the commitments of all are.
    #[must_use]
    pub fn own_reveal(&self) -> Option<[u8; MESSAGE_LEN]> {
        let all = self.others.iter().all(|(_, other)| other.commitment.is_some());
        (all && !self.over).then(|| message(REVEAL, &self.nonce))
    }

    /// A commitment of another member.
    ///
    /// # Errors
    ///
    /// See [`RoundError`]. After [`RoundError::Changed`] the round is over.
    pub fn on_commitment(&mut self, from: &[u8; KEY_LEN], bytes: &[u8]) -> Result<(), RoundError> {
        let commitment = self.read(COMMITMENT, bytes)?;
        let other = self.other(from).ok_or(RoundError::Stranger(*from))?;
        match other.commitment {
            None => other.commitment = Some(commitment),
            Some(before) if before == commitment => return Err(RoundError::Repeated(*from)),
            Some(_) => {
                self.over = true;
                return Err(RoundError::Changed(*from));
            }
        }
        Ok(())
    }

    /// A reveal of another member.
    ///
    /// # Errors
    ///
    /// See [`RoundError`]. After [`RoundError::Mismatch`] the round is over.
    pub fn on_reveal(&mut self, from: &[u8; KEY_LEN], bytes: &[u8]) -> Result<(), RoundError> {
        let nonce = self.read(REVEAL, bytes)?;
        let other = self.other(from).ok_or(RoundError::Stranger(*from))?;
        let (revealed, committed) = (other.nonce == Some(nonce), other.commitment);
        if self.own_reveal().is_none() {
            return Err(RoundError::Early(*from));
        }
        if revealed {
            return Err(RoundError::Repeated(*from));
        }
        if committed != Some(self.commitment(from, &nonce)) {
            self.over = true;
            return Err(RoundError::Mismatch(*from));
        }
        if let Some(other) = self.other(from) {
            other.nonce = Some(nonce);
        }
        Ok(())
    }

    /// Who has not sent what is awaited now: commitments first, then reveals.
    pub fn awaited(&self) -> impl Iterator<Item = &[u8; KEY_LEN]> {
        let reveals = self.own_reveal().is_some();
        let lacks =
            move |other: &Other| if reveals { other.nonce.is_none() } else { other.commitment.is_none() };
        self.others.iter().filter(move |(_, other)| lacks(other)).map(|(key, _)| key)
    }

    /// What everybody sees, once everybody has revealed.
    #[must_use]
    pub fn code(&self) -> Option<[Emoji; EMOJI_COUNT]> {
        if self.over {
            return None;
        }
        let mut nonces: Vec<(&Key, &Bytes32)> = vec![(&self.own, &self.nonce)];
        for (key, other) in &self.others {
            nonces.push((key, other.nonce.as_ref()?));
        }
        nonces.sort_unstable();
        let count = u32::try_from(nonces.len()).ok()?;
        let mut hash = Sha256::new().chain_update(b"frameseal emoji code 1").chain_update(self.authenticator);
        hash.update(count.to_be_bytes());
        nonces.iter().for_each(|(key, _)| hash.update(key));
        nonces.iter().for_each(|(_, nonce)| hash.update(nonce));
        let hash: Bytes32 = hash.finalize().into();
        hash.first_chunk().map(Emoji::from_bits)
    }

    fn other(&mut self, from: &Key) -> Option<&mut Other> {
        self.others.iter_mut().find(|(key, _)| key == from).map(|(_, other)| other)
    }

    fn read(&self, kind: u8, bytes: &[u8]) -> Result<Bytes32, RoundError> {
        if self.over {
            return Err(RoundError::Over);
        }
        let body = bytes.strip_prefix(&[VERSION, kind]).ok_or(RoundError::Malformed)?;
        body.try_into().map_err(|_| RoundError::Malformed)
    }
}

fn message(kind: u8, body: &Bytes32) -> [u8; MESSAGE_LEN] {
    let mut out = [0; MESSAGE_LEN];
    let (head, rest) = out.split_at_mut(2);
    head.copy_from_slice(&[VERSION, kind]);
    rest.copy_from_slice(body);
    out
}
