//! Messages between members, beside the log: `version (1) | kind (1) | signed`. They are signed and not encrypted, for
//! members whose groups differ must understand each other.
use e2ee_core::Epoch;
use sha2::{Digest as _, Sha256};

use super::types::Position;
use crate::identity::verify::MESSAGE_LEN;
use crate::mls::{Group, Identity, MlsError};

const VERSION: u8 = 1;
/// `position (8) | epoch (8) | hash of the epoch authenticator (32)`, big-endian.
const SEEN: u8 = 1;
/// Empty: the sender leaves.
const BYE: u8 = 2;
/// `epoch (8) | message of a comparison (34)`.
const COMPARE: u8 = 3;
/// Longest message, bytes.
pub const MAX_MESSAGE_LEN: usize = 1024;

/// What one member sees at a position of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sight {
    pub(super) position: Position,
    pub(super) epoch: Epoch,
    pub(super) hash: [u8; 32],
}

impl Sight {
    pub(super) fn of(group: &Group, position: Position) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"frameseal epoch 1");
        hash.update(group.authenticator());
        Self { position, epoch: group.epoch(), hash: hash.finalize().into() }
    }

    pub(super) fn write(&self, group: &Group) -> Result<Vec<u8>, MlsError> {
        let (position, epoch) = (self.position.0.to_be_bytes(), self.epoch.0.to_be_bytes());
        envelope(group, SEEN, &[position.as_slice(), &epoch, &self.hash].concat())
    }
}

pub(super) fn bye(group: &Group) -> Result<Vec<u8>, MlsError> {
    envelope(group, BYE, &[])
}

pub(super) fn comparing(group: &Group, epoch: Epoch, words: &[u8]) -> Result<Vec<u8>, MlsError> {
    envelope(group, COMPARE, &[&epoch.0.to_be_bytes(), words].concat())
}

fn envelope(group: &Group, kind: u8, body: &[u8]) -> Result<Vec<u8>, MlsError> {
    Ok([[VERSION, kind].as_slice(), &group.sign(kind, body)?].concat())
}

/// A message of a member that was read.
pub(super) enum Message {
    Seen(Identity, Sight),
    Bye(Identity),
    Compare(Identity, Epoch, [u8; MESSAGE_LEN]),
}

pub(super) fn read(group: &Group, bytes: &[u8]) -> Result<Message, MlsError> {
    let [VERSION, kind, signed @ ..] = bytes else { return Err(MlsError::Malformed) };
    if bytes.len() > MAX_MESSAGE_LEN || ![SEEN, BYE, COMPARE].contains(kind) {
        return Err(MlsError::Malformed);
    }
    let signed = group.verify(*kind, signed)?;
    match (*kind, signed.body) {
        (BYE, []) => Ok(Message::Bye(signed.from)),
        (COMPARE, body) => {
            let (epoch, words) = body.split_first_chunk::<8>().ok_or(MlsError::Malformed)?;
            let words = words.try_into().map_err(|_| MlsError::Malformed)?;
            Ok(Message::Compare(signed.from, Epoch(u64::from_be_bytes(*epoch)), words))
        }
        (SEEN, body) => {
            let (position, rest) = body.split_first_chunk::<8>().ok_or(MlsError::Malformed)?;
            let (epoch, hash) = rest.split_first_chunk::<8>().ok_or(MlsError::Malformed)?;
            let sight = Sight {
                position: Position(u64::from_be_bytes(*position)),
                epoch: Epoch(u64::from_be_bytes(*epoch)),
                hash: hash.try_into().map_err(|_| MlsError::Malformed)?,
            };
            Ok(Message::Seen(signed.from, sight))
        }
        _ => Err(MlsError::Malformed),
    }
}
