//! Seven emoji that all members of an epoch see, by commitment and reveal ([`EmojiRound`]), in messages that each signs.
use e2ee_core::{Epoch, Millis};

use crate::identity::verify::{EMOJI_COUNT, Emoji, EmojiRound, MESSAGE_LEN, RoundError};
use crate::mls::Identity;

use super::message;
use super::types::{Event, Output, SessionError};
use super::{MlsError, Session, Stage};

/// How often what was said is said again to who may not have heard it, milliseconds.
const SAY_AGAIN_MS: u64 = 500;
/// The second byte of a message of a round: a commitment.
const COMMITMENT: u8 = 1;

/// A comparison in one epoch.
pub(super) struct Comparison {
    epoch: Epoch,
    round: EmojiRound,
    /// Reveals that came before all had committed.
    early: Vec<(Identity, [u8; MESSAGE_LEN])>,
    revealed: bool,
    code: Option<[Emoji; EMOJI_COUNT]>,
    said: Option<Millis>,
}

impl Session {
    /// The user wants to compare, or to be shown again what to compare.
    pub(super) fn compare_emoji(&mut self) -> Result<(), SessionError> {
        if !matches!(self.stage, Stage::Member(_)) {
            return Err(SessionError::WrongState);
        }
        if let Some(code) = self.comparison.as_ref().and_then(|comparison| comparison.code) {
            self.out.push_back(Output::Emoji(code));
        }
        self.begin_comparison()?;
        self.say_again();
        self.go_on_comparing();
        Ok(())
    }

    fn begin_comparison(&mut self) -> Result<(), SessionError> {
        let Stage::Member(group) = &self.stage else { return Ok(()) };
        if self.comparison.is_some() {
            return Ok(());
        }
        let key = |key: &[u8]| <[u8; 32]>::try_from(key).map_err(|_| MlsError::BadIdentity);
        let members = group.members()?;
        let keys = members.iter().map(|member| key(&member.identity.key)).collect::<Result<Vec<_>, _>>()?;
        let own = key(&group.identity().key)?;
        // One who is alone has nobody to compare with.
        let Ok(round) = EmojiRound::new(group.authenticator(), &keys, &own, group.random()?) else {
            return Ok(());
        };
        self.comparison = Some(Comparison {
            epoch: group.epoch(),
            round,
            early: Vec::new(),
            revealed: false,
            code: None,
            said: None,
        });
        Ok(())
    }

    /// What was said so far, for who did not hear it.
    fn say_again(&mut self) {
        let (Stage::Member(group), Some(comparison)) = (&self.stage, &mut self.comparison) else { return };
        if comparison.said.is_some_and(|said| said.0 + SAY_AGAIN_MS > self.now.0) {
            return;
        }
        comparison.said = Some(self.now);
        let reveal = comparison.round.own_reveal().filter(|_| comparison.revealed);
        for words in [Some(comparison.round.own_commitment()), reveal].into_iter().flatten() {
            self.out.extend(message::comparing(group, comparison.epoch, &words).map(Output::Send));
        }
    }

    /// A member says something for a comparison.
    pub(super) fn compared(&mut self, from: &Identity, epoch: Epoch, words: [u8; MESSAGE_LEN]) {
        let Stage::Member(group) = &self.stage else { return };
        if group.epoch() != epoch || self.begin_comparison().is_err() {
            return;
        }
        let (Some(comparison), Ok(key)) = (&mut self.comparison, <[u8; 32]>::try_from(from.key.as_slice()))
        else {
            return;
        };
        let [_, kind, ..] = words;
        let taken = match kind {
            COMMITMENT => comparison.round.on_commitment(&key, &words),
            _ => comparison.round.on_reveal(&key, &words),
        };
        match taken {
            Ok(()) => {}
            Err(RoundError::Early(_)) => {
                if !comparison.early.iter().any(|(who, _)| who == from) {
                    comparison.early.push((from.clone(), words));
                }
            }
            Err(RoundError::Repeated(_)) => self.say_again(),
            Err(RoundError::Changed(_) | RoundError::Mismatch(_)) => {
                return self.out.push_back(Output::Event(Event::Cheated(from.clone())));
            }
            Err(RoundError::Over) => return,
            Err(_) => return self.drop_bytes(MlsError::Malformed),
        }
        if self.comparison.as_ref().is_some_and(|comparison| comparison.said.is_none()) {
            self.say_again();
        }
        self.go_on_comparing();
    }

    /// Reveals when all have committed, and shows what comes of it when all have revealed.
    fn go_on_comparing(&mut self) {
        let (Stage::Member(group), Some(comparison)) = (&self.stage, &mut self.comparison) else { return };
        let Some(reveal) = comparison.round.own_reveal() else { return };
        if !std::mem::replace(&mut comparison.revealed, true) {
            self.out.extend(message::comparing(group, comparison.epoch, &reveal).map(Output::Send));
        }
        let epoch = comparison.epoch;
        let early = std::mem::take(&mut comparison.early);
        if comparison.code.is_none()
            && let Some(code) = comparison.round.code()
        {
            comparison.code = Some(code);
            self.out.push_back(Output::Emoji(code));
        }
        for (from, words) in early {
            self.compared(&from, epoch, words);
        }
    }
}
