//! The Olm sessions with one other member.
//!
//! Each of the two begins one, so nobody waits for the other: a member's keys travel in the session that it began, and
//! what answers them travels back in the same one, which lets its ratchet turn.
//!
//! ```text
//! version (1) | kind (1) | whose (1) | type (1) | Olm message
//! whose: 0 the session that the sender of this message began, 1 the one that its receiver began
//! type:  0 pre-key message, 1 message
//! ```
use vodozemac::Curve25519PublicKey;
use vodozemac::olm::{Account, OlmMessage, PreKeyMessage, Session, SessionConfig};
use zeroize::Zeroizing;

use super::VERSION;
use super::announcement::Announced;
use super::error::PairwiseError;

/// Longest message of one member to another, bytes.
pub const MAX_MESSAGE_LEN: usize = 4096;

const KIND: u8 = 2;
/// Whose session.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// The one that this member began.
    Ours,
    /// The one that the other member began.
    Theirs,
}

pub(super) struct Channel {
    ours: Session,
    /// Set by the first message that was understood; another one never takes its place, since who loses its state comes
    /// back with new keys.
    theirs: Option<Session>,
}

/// A message that was decrypted. Its session is kept only when its content is right.
pub(super) struct Opened {
    pub(super) content: Zeroizing<Vec<u8>>,
    pub(super) whose: Whose,
    begun: Option<Session>,
}

impl Channel {
    pub(super) fn new(account: &Account, with: &Announced) -> Result<Self, PairwiseError> {
        let ours = account
            .create_outbound_session(
                SessionConfig::version_1(),
                Curve25519PublicKey::from_bytes(with.keys.curve25519),
                Curve25519PublicKey::from_bytes(with.fallback),
            )
            .map_err(|_| PairwiseError::BadKeys)?;
        Ok(Self { ours, theirs: None })
    }

    /// `None`: the other one has not begun a session yet, or Olm refused.
    pub(super) fn seal(&mut self, whose: Whose, content: &[u8]) -> Option<Vec<u8>> {
        let (session, mark) = match whose {
            Whose::Ours => (&mut self.ours, 0),
            Whose::Theirs => (self.theirs.as_mut()?, 1),
        };
        let (kind, olm) = session.encrypt(content).ok()?.to_parts();
        let mut out = vec![VERSION, KIND, mark, u8::try_from(kind).ok()?];
        out.extend_from_slice(&olm);
        Some(out)
    }

    pub(super) fn open(
        &mut self,
        account: &mut Account,
        from: &Announced,
        bytes: &[u8],
    ) -> Result<Opened, PairwiseError> {
        let (whose, message) = split(bytes)?;
        if let OlmMessage::PreKey(first) = &message
            && !is_exact(first, from)
        {
            return Err(PairwiseError::Unauthenticated);
        }
        let session = match (whose, &message) {
            (Whose::Ours, OlmMessage::Normal(_)) => &mut self.ours,
            // Who was answered in a session has no need of pre-key messages in it.
            (Whose::Ours, OlmMessage::PreKey(_)) => return Err(PairwiseError::Unauthenticated),
            (Whose::Theirs, OlmMessage::Normal(_)) => {
                self.theirs.as_mut().ok_or(PairwiseError::Unauthenticated)?
            }
            (Whose::Theirs, OlmMessage::PreKey(first)) => match &mut self.theirs {
                Some(session) if session.session_keys() == first.session_keys() => session,
                Some(_) => return Err(PairwiseError::Unauthenticated),
                None => {
                    let made = account
                        .create_inbound_session(
                            SessionConfig::version_1(),
                            Curve25519PublicKey::from_bytes(from.keys.curve25519),
                            first,
                        )
                        .map_err(|_| PairwiseError::Unauthenticated)?;
                    let content = Zeroizing::new(made.plaintext);
                    return Ok(Opened { content, whose, begun: Some(made.session) });
                }
            },
        };
        let content = session.decrypt(&message).map_err(|_| PairwiseError::Unauthenticated)?;
        Ok(Opened { content: Zeroizing::new(content), whose, begun: None })
    }

    /// Keeps the session of a message with the right content.
    pub(super) fn keep(&mut self, opened: Opened) {
        if let Some(begun) = opened.begun {
            self.theirs = Some(begun);
        }
    }

    /// Where a message goes that answers nothing.
    pub(super) const fn any(&self) -> Whose {
        if self.theirs.is_some() { Whose::Theirs } else { Whose::Ours }
    }
}

fn split(bytes: &[u8]) -> Result<(Whose, OlmMessage), PairwiseError> {
    if bytes.len() > MAX_MESSAGE_LEN {
        return Err(PairwiseError::TooLong);
    }
    let Some(([version, kind, whose, form], olm)) = bytes.split_first_chunk::<4>() else {
        return Err(PairwiseError::Malformed);
    };
    if *version != VERSION {
        return Err(PairwiseError::UnknownVersion);
    }
    let whose = match (*kind, *whose) {
        (KIND, 0) => Whose::Theirs,
        (KIND, 1) => Whose::Ours,
        _ => return Err(PairwiseError::Malformed),
    };
    let message = match *form {
        0 => OlmMessage::from_parts(0, olm),
        1 => OlmMessage::from_parts(1, olm),
        _ => return Err(PairwiseError::Malformed),
    };
    let message = message.map_err(|_| PairwiseError::Malformed)?;
    // What Olm's MAC covers can be wrapped in more than one way; only the one that is written is read.
    if message.to_parts().1 != olm {
        return Err(PairwiseError::Malformed);
    }
    Ok((whose, message))
}

/// The top bit of a Curve25519 key is of no matter to the agreement (RFC 7748 section 5), so it must be of none here.
fn is_exact(first: &PreKeyMessage, from: &Announced) -> bool {
    let keys = [first.base_key(), first.one_time_key()];
    first.identity_key().to_bytes() == from.keys.curve25519
        && keys.iter().all(|key| key.as_bytes().last().is_some_and(|byte| byte & 0x80 == 0))
}
