//! Short authentication strings of two members, in the order of Matrix (client-server API, "Short Authentication String
//! verification"): start, accept with a commitment, key, key, comparison by people, MACs.
//!
//! The messages are Frameseal's own and run inside the channel that is verified. The commitment is no option, and the MAC is
//! over all public keys of both members, the room, and every message of the run, so that nothing can be left out or put
//! in. Key agreement, emoji, decimals and MAC are vodozemac's.

use std::fmt;

use sha2::{Digest as _, Sha256};
use vodozemac::Curve25519PublicKey;
use vodozemac::sas::{EstablishedSas, Mac, Sas};

use super::{EMOJI_COUNT, Emoji};

/// Bytes of the name of a run, drawn afresh by who starts it.
pub const TRANSACTION_LEN: usize = 16;

const VERSION: u8 = 1;
const START: u8 = 1;
const ACCEPT: u8 = 2;
const KEY: u8 = 3;
const MAC: u8 = 4;

type Bytes32 = [u8; 32];
type Transaction = [u8; TRANSACTION_LEN];

/// Three numbers of 1000 to 9191, for who cannot tell pictures.
pub type Decimals = (u16, u16, u16);

/// A member, and all its public keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberKeys {
    /// Names the member, and differs from the other's.
    pub id: String,
    /// The name and the bytes of each public key that the member uses. The order is of no matter.
    pub keys: Vec<(String, Vec<u8>)>,
}

impl MemberKeys {
    fn hash(&self) -> Bytes32 {
        let mut keys: Vec<_> = self.keys.iter().collect();
        keys.sort();
        let mut hash = Sha256::new().chain_update(b"frameseal sas member 1");
        let mut part = |bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_be_bytes());
            hash.update(bytes);
        };
        part(self.id.as_bytes());
        for (name, key) in keys {
            part(name.as_bytes());
            part(key);
        }
        hash.finalize().into()
    }
}

/// Why a message was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SasError {
    /// Both members have the same id, or one has no key. Nothing was begun.
    BadMembers,
    /// Bytes that are no message of this version. Nothing changed.
    Malformed,
    /// A message of another run. Nothing changed.
    OtherTransaction,
    /// A message that is not awaited now, or that came before. Nothing changed.
    WrongOrder,
    /// The other's key is not what it had committed to. The run is over.
    WrongCommitment,
    /// The other's key is none. The run is over.
    BadKey,
    /// The other has other keys than it seems, or sees others for this member. The run is over.
    WrongMac,
    /// The run is over: it failed, or the person said that the codes differ.
    Over,
}

impl fmt::Display for SasError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BadMembers => "the members need different ids and at least one key each",
            Self::Malformed => "not a message of this version",
            Self::OtherTransaction => "a message of another run",
            Self::WrongOrder => "not awaited now, or used before",
            Self::WrongCommitment => {
                "the other changed its key after it saw ours: somebody may stand in between"
            }
            Self::BadKey => "the other's key is no key: somebody may stand in between",
            Self::WrongMac => "the keys that each sees of the other differ: somebody stands in between",
            Self::Over => "the run is over: start another",
        })
    }
}

impl std::error::Error for SasError {}

/// What to do after a message.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Send this to the other.
    Send(Vec<u8>),
    /// Have the person compare [`PairwiseSas::emoji`] or [`PairwiseSas::decimals`]; before that send this, if there is anything.
    Compare(Option<Vec<u8>>),
    /// Nothing, until the person has answered.
    Wait,
    /// The other is who it says it is, with all its keys.
    Verified,
}

enum State {
    /// Started; waits to be accepted.
    Started(Sas),
    /// Its key is sent; waits for the other's, which is bound by the commitment.
    Bound(Sas, Bytes32),
    /// Accepted; waits for the starter's key.
    Accepted(Sas),
    /// Both keys are known.
    Established {
        sas: EstablishedSas,
        confirmed: bool,
        theirs: bool,
    },
    Over,
}

/// One comparison of two members, as one of them sees it.
///
/// Messages: `version (1) = 1 | kind (1) | transaction (16) | body`. Start (kind 1) has no body. Accept (2) has `SHA-256("frameseal
/// sas commit 1" | accepter's key (32) | start message)`. Key (3) has an X25519 public key (32), first the starter's, then the
/// accepter's. MAC (4) has 32 bytes, sent by each when its person has said that the codes are the same.
///
/// Where both start at once, the run stays whose starter's id sorts first; the other drops its own and accepts.
pub struct PairwiseSas {
    starter: bool,
    transaction: Transaction,
    start: Vec<u8>,
    /// Hashes of starter, accepter and room.
    who: [Bytes32; 3],
    state: State,
}

impl PairwiseSas {
    /// Starts a run; the message is to be sent to the other. [`Sas`] is made by the caller, as it draws randomness, and so is the
    /// name of the run.
    ///
    /// # Errors
    ///
    /// [`SasError::BadMembers`].
    pub fn start(
        sas: Sas,
        transaction: [u8; TRANSACTION_LEN],
        own: &MemberKeys,
        other: &MemberKeys,
        room: &[u8],
    ) -> Result<(Self, Vec<u8>), SasError> {
        let start = message(START, &transaction, &[]);
        let who = who(own, other, room)?;
        let state = State::Started(sas);
        Ok((Self { starter: true, transaction, start: start.clone(), who, state }, start))
    }

    /// Accepts the run that this start message begins; the answer is to be sent to the other.
    ///
    /// # Errors
    ///
    /// [`SasError::BadMembers`], [`SasError::Malformed`], [`SasError::WrongOrder`] where it is no start message.
    pub fn accept(
        sas: Sas,
        start: &[u8],
        own: &MemberKeys,
        other: &MemberKeys,
        room: &[u8],
    ) -> Result<(Self, Vec<u8>), SasError> {
        let (kind, transaction, body) = read(start)?;
        if kind != START {
            return Err(SasError::WrongOrder);
        }
        if !body.is_empty() {
            return Err(SasError::Malformed);
        }
        let who = who(other, own, room)?;
        let commitment = commitment(&sas.public_key(), start);
        let this =
            Self { starter: false, transaction, start: start.to_vec(), who, state: State::Accepted(sas) };
        Ok((this, message(ACCEPT, &transaction, &commitment)))
    }

    /// A message of the other, after the start.
    ///
    /// # Errors
    ///
    /// See [`SasError`], which says of each whether the run goes on.
    pub fn on_message(&mut self, bytes: &[u8]) -> Result<Step, SasError> {
        let (kind, transaction, body) = read(bytes)?;
        if transaction != self.transaction {
            return Err(SasError::OtherTransaction);
        }
        let body32 = || <Bytes32>::try_from(body).map_err(|_| SasError::Malformed);
        // What is not awaited leaves the state as it was: it is put back.
        match (std::mem::replace(&mut self.state, State::Over), kind) {
            (State::Started(sas), ACCEPT) => {
                let key = sas.public_key();
                match body32() {
                    Ok(commitment) => self.state = State::Bound(sas, commitment),
                    Err(error) => return self.stay(State::Started(sas), error),
                }
                Ok(Step::Send(message(KEY, &self.transaction, key.as_bytes())))
            }
            (State::Accepted(sas), KEY) => {
                let own = message(KEY, &self.transaction, sas.public_key().as_bytes());
                match body32() {
                    Ok(key) => self.establish(sas, key)?,
                    Err(error) => return self.stay(State::Accepted(sas), error),
                }
                Ok(Step::Compare(Some(own)))
            }
            (State::Bound(sas, bound), KEY) => {
                let key = match body32() {
                    Ok(key) => key,
                    Err(error) => return self.stay(State::Bound(sas, bound), error),
                };
                if commitment(&Curve25519PublicKey::from_bytes(key), &self.start) != bound {
                    return Err(SasError::WrongCommitment);
                }
                self.establish(sas, key)?;
                Ok(Step::Compare(None))
            }
            (State::Established { sas, confirmed, theirs: false }, MAC) => {
                if let Err(error) = body32() {
                    return self.stay(State::Established { sas, confirmed, theirs: false }, error);
                }
                let mac = Mac::from_slice(body);
                sas.verify_mac(&self.transcript(&sas), mac_info(!self.starter), &mac)
                    .map_err(|_| SasError::WrongMac)?;
                self.state = State::Established { sas, confirmed, theirs: true };
                Ok(if confirmed { Step::Verified } else { Step::Wait })
            }
            (State::Over, _) => Err(SasError::Over),
            (state, _) => self.stay(state, SasError::WrongOrder),
        }
    }

    fn stay(&mut self, state: State, error: SasError) -> Result<Step, SasError> {
        self.state = state;
        Err(error)
    }

    fn establish(&mut self, sas: Sas, key: Bytes32) -> Result<(), SasError> {
        let sas = sas.diffie_hellman(Curve25519PublicKey::from_bytes(key)).map_err(|_| SasError::BadKey)?;
        // Our own key come back: nobody is at the other end.
        if sas.our_public_key() == sas.their_public_key() {
            return Err(SasError::BadKey);
        }
        self.state = State::Established { sas, confirmed: false, theirs: false };
        Ok(())
    }

    /// The person says that the codes are the same. The message is to be sent to the other; whether the other is verified now is
    /// what [`Self::is_verified`] says.
    ///
    /// # Errors
    ///
    /// [`SasError::WrongOrder`] before there is a code and after a first answer, [`SasError::Over`].
    pub fn same(&mut self) -> Result<Vec<u8>, SasError> {
        match &self.state {
            State::Established { sas, confirmed: false, .. } => {
                let mac = sas.calculate_mac(&self.transcript(sas), mac_info(self.starter));
                let message = message(MAC, &self.transaction, mac.as_bytes());
                if let State::Established { confirmed, .. } = &mut self.state {
                    *confirmed = true;
                }
                Ok(message)
            }
            State::Over => Err(SasError::Over),
            _ => Err(SasError::WrongOrder),
        }
    }

    /// The person says that the codes differ, or wants no more of this. The run is over.
    pub fn cancel(&mut self) {
        self.state = State::Over;
    }

    /// It failed, or was cancelled.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// The person has said that the codes are the same, and the other's MAC says that it sees the same keys.
    #[must_use]
    pub fn is_verified(&self) -> bool {
        matches!(self.state, State::Established { confirmed: true, theirs: true, .. })
    }

    /// Seven emoji to compare, once both keys are there.
    #[must_use]
    pub fn emoji(&self) -> Option<[Emoji; EMOJI_COUNT]> {
        self.established().map(|sas| Emoji::from_bits(sas.bytes(&self.info(sas)).as_bytes()))
    }

    /// Three numbers to compare, once both keys are there.
    #[must_use]
    pub fn decimals(&self) -> Option<Decimals> {
        self.established().map(|sas| sas.bytes(&self.info(sas)).decimals())
    }

    fn established(&self) -> Option<&EstablishedSas> {
        match &self.state {
            State::Established { sas, .. } => Some(sas),
            _ => None,
        }
    }

    /// Everything that both must see alike: who, where, in which run, by which keys.
    fn transcript(&self, sas: &EstablishedSas) -> String {
        let (own, their) = (sas.our_public_key(), sas.their_public_key());
        let keys = if self.starter { [own, their] } else { [their, own] };
        let mut hash = Sha256::new().chain_update(b"frameseal sas run 1").chain_update(&self.start);
        self.who.iter().for_each(|part| hash.update(part));
        keys.iter().for_each(|key| hash.update(key.as_bytes()));
        let mut text = String::with_capacity(64);
        for byte in hash.finalize() {
            text.extend(
                [byte >> 4, byte & 15].into_iter().filter_map(|half| char::from_digit(half.into(), 16)),
            );
        }
        text
    }

    fn info(&self, sas: &EstablishedSas) -> String {
        format!("frameseal sas code 1|{}", self.transcript(sas))
    }
}

/// The starter's MAC is none of the accepter's.
fn mac_info(of_starter: bool) -> &'static str {
    if of_starter { "frameseal sas mac 1|starter" } else { "frameseal sas mac 1|accepter" }
}

fn who(starter: &MemberKeys, accepter: &MemberKeys, room: &[u8]) -> Result<[Bytes32; 3], SasError> {
    if starter.id == accepter.id || starter.keys.is_empty() || accepter.keys.is_empty() {
        return Err(SasError::BadMembers);
    }
    Ok([starter.hash(), accepter.hash(), Sha256::digest(room).into()])
}

fn commitment(key: &Curve25519PublicKey, start: &[u8]) -> Bytes32 {
    let hash = Sha256::new().chain_update(b"frameseal sas commit 1").chain_update(key.as_bytes());
    hash.chain_update(start).finalize().into()
}

fn message(kind: u8, transaction: &Transaction, body: &[u8]) -> Vec<u8> {
    [&[VERSION, kind], transaction.as_slice(), body].concat()
}

fn read(bytes: &[u8]) -> Result<(u8, Transaction, &[u8]), SasError> {
    let (&[version, kind], rest) = bytes.split_first_chunk().ok_or(SasError::Malformed)?;
    let (transaction, body) = rest.split_first_chunk().ok_or(SasError::Malformed)?;
    if version != VERSION || !(START..=MAC).contains(&kind) {
        return Err(SasError::Malformed);
    }
    Ok((kind, *transaction, body))
}
