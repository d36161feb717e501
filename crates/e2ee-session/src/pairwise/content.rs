//! What stands inside an Olm message.
//!
//! ```text
//! version (1) | kind (1) | room | call | from | to | public keys of from (96) | public keys of to (96) | body
//!
//! 1 key        generation (4) | step (4) | length (1) | base key (16 to 64)
//! 2 ack        generation (4)
//! 3 need-key   generation (4)
//! ```
//! Texts have their length in two bytes before them. All but the body is what both sides expect, byte for byte: a
//! message cannot be moved to another room, call or pair of members, nor to other keys of the same two.
use e2ee_core::{BaseKey, Generation, ParticipantId, SecretBytes, SenderKey, Step};
use zeroize::Zeroizing;

use super::VERSION;
use super::announcement::{PublicKeys, Scope};
use super::error::PairwiseError;
use super::wire::{Reader, put};

const KEY: u8 = 1;
const ACK: u8 = 2;
const NEED_KEY: u8 = 3;

const MIN_KEY_LEN: usize = 16;
const MAX_KEY_LEN: usize = 64;

/// One end of a pair.
#[derive(Clone, Copy)]
pub(super) struct End<'a> {
    pub(super) who: &'a ParticipantId,
    pub(super) keys: &'a PublicKeys,
}

pub(super) enum Said {
    Key(SenderKey),
    Ack(Generation),
    NeedKey(Generation),
}

pub(super) enum Saying<'a> {
    Key(Generation, Step, &'a BaseKey),
    Ack(Generation),
    NeedKey(Generation),
}

pub(super) fn write(scope: &Scope, from: End<'_>, to: End<'_>, saying: &Saying<'_>) -> Zeroizing<Vec<u8>> {
    let bound = bound(scope, from, to);
    // Room for all of it: a key must not be left behind in a buffer that was too small.
    let mut out = Zeroizing::new(Vec::with_capacity(2 + bound.len() + 9 + MAX_KEY_LEN));
    out.extend_from_slice(&[VERSION, saying.kind()]);
    out.extend_from_slice(&bound);
    match saying {
        Saying::Key(generation, step, base) => {
            out.extend_from_slice(&generation.0.to_be_bytes());
            out.extend_from_slice(&step.0.to_be_bytes());
            // A suite's base keys are 32 or 64 bytes; what does not fit is refused by every reader.
            out.push(u8::try_from(base.expose().len()).unwrap_or(u8::MAX));
            out.extend_from_slice(base.expose());
        }
        Saying::Ack(generation) | Saying::NeedKey(generation) => {
            out.extend_from_slice(&generation.0.to_be_bytes());
        }
    }
    out
}

/// Reads what `from` said to `to`.
pub(super) fn read(bytes: &[u8], scope: &Scope, from: End<'_>, to: End<'_>) -> Result<Said, PairwiseError> {
    let mut rest = Reader(bytes);
    let version = rest.u8().ok_or(PairwiseError::Malformed)?;
    if version != VERSION {
        return Err(PairwiseError::UnknownVersion);
    }
    let kind = rest.u8().ok_or(PairwiseError::Malformed)?;
    let bound = bound(scope, from, to);
    if rest.take(bound.len()) != Some(bound.as_slice()) {
        return Err(PairwiseError::WrongBinding);
    }
    let said = body(kind, &mut rest).ok_or(PairwiseError::Malformed)?;
    if rest.is_done() { Ok(said) } else { Err(PairwiseError::Malformed) }
}

fn body(kind: u8, from: &mut Reader<'_>) -> Option<Said> {
    let generation = Generation(from.u32()?);
    match kind {
        KEY => {
            let step = Step(from.u32()?);
            let len = usize::from(from.u8()?);
            if !(MIN_KEY_LEN..=MAX_KEY_LEN).contains(&len) {
                return None;
            }
            let base = BaseKey::new(SecretBytes::copy_of(from.take(len)?)).ok()?;
            Some(Said::Key(SenderKey { generation, step, base }))
        }
        ACK => Some(Said::Ack(generation)),
        NEED_KEY => Some(Said::NeedKey(generation)),
        _ => None,
    }
}

fn bound(scope: &Scope, from: End<'_>, to: End<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    for text in [&scope.room, scope.call.as_str().as_bytes()] {
        put(&mut out, text);
    }
    for end in [from, to] {
        put(&mut out, end.who.as_str().as_bytes());
    }
    out.extend_from_slice(&from.keys.to_bytes());
    out.extend_from_slice(&to.keys.to_bytes());
    out
}

impl Saying<'_> {
    const fn kind(&self) -> u8 {
        match self {
            Self::Key(..) => KEY,
            Self::Ack(_) => ACK,
            Self::NeedKey(_) => NEED_KEY,
        }
    }
}

#[cfg(test)]
mod tests {
    use e2ee_core::{CallId, CipherSuite, KidScheme};

    use super::*;

    fn scope(room: &str, call: &str) -> Scope {
        Scope {
            room: room.into(),
            call: CallId::new(call).unwrap(),
            suite: CipherSuite::Aes128GcmSha256_128,
            scheme: KidScheme::default(),
        }
    }

    fn keys(n: u8) -> PublicKeys {
        PublicKeys { curve25519: [n; 32], ed25519: [n + 1; 32], signature: [n + 2; 32] }
    }

    fn written() -> Vec<u8> {
        let (ada, bob) = (ParticipantId::new("ada").unwrap(), ParticipantId::new("bob").unwrap());
        let (a, b) = (keys(1), keys(7));
        let base = BaseKey::new(SecretBytes::copy_of(&[9; 32])).unwrap();
        let from = End { who: &ada, keys: &a };
        let to = End { who: &bob, keys: &b };
        write(&scope("hall", "c"), from, to, &Saying::Key(Generation(3), Step(4), &base)).to_vec()
    }

    fn refused(scope: &Scope, from: (&str, PublicKeys), to: (&str, PublicKeys)) -> Option<PairwiseError> {
        let [sender, receiver] = [from.0, to.0].map(|name| ParticipantId::new(name).unwrap());
        let from = End { who: &sender, keys: &from.1 };
        read(&written(), scope, from, End { who: &receiver, keys: &to.1 }).err()
    }

    #[test]
    fn a_key_is_for_one_call_one_pair_and_their_keys() {
        let hall = scope("hall", "c");
        let (a, b) = (keys(1), keys(7));
        assert_eq!(refused(&hall, ("ada", a), ("bob", b)), None);
        let wrong = Some(PairwiseError::WrongBinding);
        assert_eq!(refused(&scope("hall2", "c"), ("ada", a), ("bob", b)), wrong);
        assert_eq!(refused(&scope("hall", "d"), ("ada", a), ("bob", b)), wrong);
        // A text that moves over the border of two fields.
        assert_eq!(refused(&scope("hal", "lc"), ("ada", a), ("bob", b)), wrong);
        assert_eq!(refused(&hall, ("adb", a), ("bob", b)), wrong);
        assert_eq!(refused(&hall, ("ada", a), ("bobby", b)), wrong);
        assert_eq!(refused(&hall, ("bob", b), ("ada", a)), wrong, "sent back");
        for change in [
            |k: &mut PublicKeys| k.curve25519[0] ^= 1,
            |k: &mut PublicKeys| k.ed25519[31] ^= 1,
            |k: &mut PublicKeys| k.signature[7] ^= 1,
        ] {
            let (mut other_a, mut other_b) = (a, b);
            change(&mut other_a);
            change(&mut other_b);
            assert_eq!(refused(&hall, ("ada", other_a), ("bob", b)), wrong);
            assert_eq!(refused(&hall, ("ada", a), ("bob", other_b)), wrong);
        }
    }

    #[test]
    fn content_that_is_cut_longer_or_changed_is_refused() {
        let (ada, bob) = (ParticipantId::new("ada").unwrap(), ParticipantId::new("bob").unwrap());
        let (a, b) = (keys(1), keys(7));
        let (from, to) = (End { who: &ada, keys: &a }, End { who: &bob, keys: &b });
        let hall = scope("hall", "c");
        let good = written();
        let body = good.len() - (4 + 4 + 1 + 32);
        for len in 0..good.len() {
            assert!(read(&good[..len], &hall, from, to).is_err(), "{len}");
        }
        assert!(read(&[&good[..], &[0]].concat(), &hall, from, to).is_err());
        for bit in 0..good.len() * 8 {
            let mut changed = good.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let said = read(&changed, &hall, from, to);
            // Within the body are numbers of the sender's choice; the length is not.
            let free = bit / 8 >= body && bit / 8 != body + 8;
            assert_eq!(said.is_ok(), free, "bit {bit}");
        }
        for len in [0, 15, 65, 255] {
            let mut other = good[..body + 8].to_vec();
            other.push(len);
            other.resize(body + 9 + usize::from(len), 1);
            assert_eq!(read(&other, &hall, from, to).err(), Some(PairwiseError::Malformed), "{len}");
        }
    }
}
