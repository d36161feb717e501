//! Frameseal's comparison of two members: a door over `e2ee_session::identity::verify::PairwiseSas`.
//!
//! The interface is private to `sdk/src/sas`.
#![forbid(unsafe_code)]

use e2ee_session::identity::verify::{EMOJI_COUNT, MemberKeys, PairwiseSas, Step, TRANSACTION_LEN};
use vodozemac::sas::Sas;
use wasm_bindgen::prelude::wasm_bindgen;

/// What to do after a message; the same numbers stand in `sdk/src/sas/index.ts`.
mod step {
    pub(crate) const NOTHING: u8 = 0;
    pub(crate) const COMPARE: u8 = 1;
    pub(crate) const VERIFIED: u8 = 2;
}

/// A member, and all its public keys.
#[wasm_bindgen]
pub struct Who(MemberKeys);

#[wasm_bindgen]
impl Who {
    /// A member by a name that the other has not.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new(id: &str) -> Self {
        Self(MemberKeys { id: id.to_owned(), keys: Vec::new() })
    }

    /// One of its public keys.
    pub fn add_key(&mut self, name: &str, key: &[u8]) {
        self.0.keys.push((name.to_owned(), key.to_vec()));
    }
}

/// One comparison, as one of the two sees it.
#[wasm_bindgen]
pub struct Run {
    sas: PairwiseSas,
    send: Option<Vec<u8>>,
}

#[wasm_bindgen]
impl Run {
    /// Starts; [`Run::send`] has the message. `transaction`: 16 random bytes.
    ///
    /// # Errors
    /// In words.
    pub fn start(own: &Who, other: &Who, room: &str, transaction: &[u8]) -> Result<Run, String> {
        let transaction = <[u8; TRANSACTION_LEN]>::try_from(transaction).map_err(|_| "want 16 bytes")?;
        let made = PairwiseSas::start(Sas::new(), transaction, &own.0, &other.0, room.as_bytes());
        let (sas, message) = made.map_err(|error| error.to_string())?;
        Ok(Self { sas, send: Some(message) })
    }

    /// Accepts what the other started; [`Run::send`] has the answer.
    ///
    /// # Errors
    /// In words.
    pub fn accept(own: &Who, other: &Who, room: &str, start: &[u8]) -> Result<Run, String> {
        let made = PairwiseSas::accept(Sas::new(), start, &own.0, &other.0, room.as_bytes());
        let (sas, message) = made.map_err(|error| error.to_string())?;
        Ok(Self { sas, send: Some(message) })
    }

    /// What is to be sent to the other, once.
    #[must_use]
    pub fn send(&mut self) -> Option<Vec<u8>> {
        self.send.take()
    }

    /// A message of the other; what to do then.
    ///
    /// # Errors
    /// In words; whether the run goes on says [`Run::is_over`].
    pub fn hear(&mut self, message: &[u8]) -> Result<u8, String> {
        Ok(match self.sas.on_message(message).map_err(|error| error.to_string())? {
            Step::Send(message) => {
                self.send = Some(message);
                step::NOTHING
            }
            Step::Compare(message) => {
                self.send = message;
                step::COMPARE
            }
            Step::Verified => step::VERIFIED,
            _ => step::NOTHING,
        })
    }

    /// The person says that the codes are the same; [`Run::send`] has the message.
    ///
    /// # Errors
    /// In words.
    pub fn same(&mut self) -> Result<(), String> {
        self.send = Some(self.sas.same().map_err(|error| error.to_string())?);
        Ok(())
    }

    /// The person says that they differ, or wants no more of this.
    pub fn cancel(&mut self) {
        self.sas.cancel();
    }

    /// Both have said so, and see the same keys of each other.
    #[must_use]
    pub fn is_verified(&self) -> bool {
        self.sas.is_verified()
    }

    /// Nothing more comes of it.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.sas.is_over()
    }

    /// Numbers of seven emoji; empty before there are any.
    #[must_use]
    pub fn emoji(&self) -> Vec<u8> {
        let emoji = self.sas.emoji();
        emoji.map_or_else(Vec::new, |all: [_; EMOJI_COUNT]| all.iter().map(|one| one.number()).collect())
    }

    /// Three numbers from 1000 to 9191; empty before there are any.
    #[must_use]
    pub fn decimals(&self) -> Vec<u16> {
        self.sas.decimals().map_or_else(Vec::new, |(one, two, three)| vec![one, two, three])
    }
}
