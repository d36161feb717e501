//! Frameseal's session module for a worker: a door over `e2ee-session`. Bytes and numbers in, tagged bytes out
//! ([`wire`]); time is an argument, and so is randomness, once.
//!
//! The interface is private to the worker in `sdk/src/session/worker`.
#![forbid(unsafe_code)]

mod owners;
mod wire;

use std::collections::VecDeque;

use e2ee_core::{BaseKey, Epoch, Millis};
use e2ee_session::mls::{Identity, MlsError, SEED_LEN, Trust};
use e2ee_session::session::{Input, Output, Question, Session, SessionError};
use wasm_bindgen::prelude::wasm_bindgen;

use owners::Owners;

/// What happens to a session: the first argument of [`Door::handle`]. The same numbers stand in
/// `sdk/src/session/worker/module.ts`.
mod what {
    /// `number`: position of the newest entry, 0: the log is empty. The entry.
    pub(crate) const HEAD: u32 = 1;
    /// `number`: position. The entry.
    pub(crate) const LOG: u32 = 2;
    /// `number`: the position that was expected.
    pub(crate) const CONFLICT: u32 = 3;
    /// A key package.
    pub(crate) const KNOCK: u32 = 4;
    /// A participant's name.
    pub(crate) const GONE: u32 = 6;
    pub(crate) const ROTATE: u32 = 7;
    /// `number`: index of a member in the newest epoch.
    pub(crate) const REMOVE: u32 = 8;
    /// `number`: the question. One byte for each that it names: 0 unverified, 1 verified, 2 refused.
    pub(crate) const VERDICT: u32 = 10;
    pub(crate) const WAKE: u32 = 11;
}

/// Numbers of errors; in `sdk/src/session/worker/module.ts` too. Those of MLS: [`wire::mls`].
mod code {
    pub(crate) const WRONG_STATE: u8 = 1;
    pub(crate) const NO_SUCH_QUESTION: u8 = 2;
    pub(crate) const NO_SUCH_MEMBER: u8 = 3;
    pub(crate) const BAD_INPUT: u8 = 4;
}

/// An epoch whose keys may be used.
struct Kept {
    epoch: Epoch,
    secret: BaseKey,
}

/// One session.
#[wasm_bindgen]
pub struct Door {
    session: Session,
    owners: Owners,
    /// Of the newest epoch, by index.
    members: Vec<(u32, Identity)>,
    kept: Vec<Kept>,
    out: VecDeque<Vec<u8>>,
}

#[wasm_bindgen]
impl Door {
    /// A session of `participant`, shown as `name`, in `room`. `seed`: 32 random bytes, which are wiped.
    ///
    /// # Errors
    /// A number, see [`Door::handle`].
    #[wasm_bindgen(constructor)]
    pub fn new(room: &str, participant: &str, name: &str, seed: &mut [u8]) -> Result<Door, u8> {
        let _ = name;
        let made = match <&[u8; SEED_LEN]>::try_from(&*seed) {
            Ok(seed) => Session::new(room.as_bytes(), participant, seed).map_err(number),
            Err(_) => Err(code::BAD_INPUT),
        };
        seed.fill(0);
        Ok(Self {
            session: made?,
            owners: Owners::default(),
            members: Vec::new(),
            kept: Vec::new(),
            out: VecDeque::new(),
        })
    }

    /// Takes what happened; 0, or the number of an error: nothing changed then. `now`: milliseconds since 1970.
    pub fn handle(&mut self, what: u32, number: f64, bytes: &[u8], now: f64) -> u8 {
        let done = self.take(what, number, bytes, Millis(now as u64));
        self.drain();
        done.err().unwrap_or(0)
    }

    /// The next output, see [`wire`]; `undefined` when all is done.
    pub fn poll(&mut self) -> Option<Vec<u8>> {
        self.out.pop_front()
    }

    /// Where the secret of an epoch lies in memory, 32 bytes, for the port to the media; 0: it is not kept. To be read
    /// before anything else is asked for.
    pub fn secret_at(&self, epoch: f64) -> u32 {
        let kept = self.kept.iter().find(|kept| kept.epoch.0 == epoch as u64);
        kept.map_or(0, |kept| kept.secret.expose().as_ptr() as usize as u32)
    }

    /// Forgets every key. Nothing is to be asked for afterwards.
    pub fn close(self) {}
}

impl Door {
    fn take(&mut self, what: u32, number: f64, bytes: &[u8], now: Millis) -> Result<(), u8> {
        let at = Epoch(number as u64);
        let verdicts: Vec<Trust>;
        let identity: Identity;
        let input = match what {
            what::HEAD => Input::Head((at.0 > 0).then_some((at, bytes))),
            what::LOG => Input::Log(at, bytes),
            what::CONFLICT => Input::Conflict(at),
            what::KNOCK => Input::Knock(bytes),
            what::GONE => {
                let name = std::str::from_utf8(bytes).map_err(|_| code::BAD_INPUT)?;
                let found = self.members.iter().find(|(_, who)| owners::participant(who) == name);
                identity = found.ok_or(code::NO_SUCH_MEMBER)?.1.clone();
                Input::Gone(&identity)
            }
            what::ROTATE => Input::Rotate,
            what::REMOVE => {
                let found = self.members.iter().find(|(index, _)| f64::from(*index) == number);
                identity = found.ok_or(code::NO_SUCH_MEMBER)?.1.clone();
                Input::Remove(&identity)
            }
            what::VERDICT => {
                verdicts = bytes.iter().map(|byte| trust(*byte)).collect();
                Input::Verdict(Question(number as u32), &verdicts)
            }
            what::WAKE => Input::Wake,
            _ => return Err(code::BAD_INPUT),
        };
        self.session.handle(input, now).map_err(self::number)
    }

    fn drain(&mut self) {
        while let Some(output) = self.session.poll() {
            if let Output::Forget(epoch) = &output {
                self.kept.retain(|kept| kept.epoch > *epoch);
            }
            match output {
                Output::Open { epoch, secret, members } => {
                    let own = self.session.group().map_or(u32::MAX, |group| group.index());
                    let heard = self.owners.next(&members, own);
                    self.out.push_back(wire::open(epoch.0, own, &members, &heard));
                    self.kept.push(Kept { epoch, secret });
                    self.members = members.into_iter().map(|member| (member.index, member.identity)).collect();
                }
                other => self.out.extend(wire::write(&other)),
            }
        }
    }
}

fn number(error: SessionError) -> u8 {
    match error {
        SessionError::WrongState => code::WRONG_STATE,
        SessionError::NoSuchQuestion => code::NO_SUCH_QUESTION,
        SessionError::Mls(error) => wire::mls(error),
        _ => wire::mls(MlsError::Refused),
    }
}

/// What is no trust is a refusal.
fn trust(byte: u8) -> Trust {
    match byte {
        0 => Trust::Unverified,
        1 => Trust::Verified,
        _ => Trust::Refused,
    }
}
