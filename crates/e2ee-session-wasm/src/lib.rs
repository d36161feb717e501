//! Frameseal's session module for a worker: a door over `e2ee-session`. Bytes and numbers in, tagged bytes out
//! (`wire`); time is an argument, and so is randomness, once.
//!
//! The interface is private to the worker in `sdk/src/session/worker`.
#![forbid(unsafe_code)]

mod wire;

use std::collections::VecDeque;

use e2ee_core::{BaseKey, Epoch, Millis};
use e2ee_session::mls::{Identity, Member, MlsError, RoomPolicy, SEED_LEN, SecretId, Suite, Trust};
use e2ee_session::session::{Event, Input, Output, Owners, Position, Question, Session, SessionError};
use wasm_bindgen::prelude::wasm_bindgen;

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
    /// A message of a member.
    pub(crate) const MESSAGE: u32 = 5;
    /// A participant's id.
    pub(crate) const GONE: u32 = 6;
    pub(crate) const ROTATE: u32 = 7;
    /// `number`: index of a member in the newest epoch. Its key, so that nobody else is meant.
    pub(crate) const REMOVE: u32 = 8;
    pub(crate) const LEAVE: u32 = 9;
    /// `number`: the question. One byte for each that it names: 0 unverified, 1 verified, 2 refused.
    pub(crate) const VERDICT: u32 = 10;
    pub(crate) const WAKE: u32 = 11;
    /// `number`: the oldest entry that there is.
    pub(crate) const TOO_OLD: u32 = 12;
    /// Participants' ids with a zero byte behind each.
    pub(crate) const PARTICIPANTS: u32 = 13;
    /// Mode, who may admit, cipher suite (2), as in `wire`.
    pub(crate) const POLICY: u32 = 14;
    pub(crate) const COMPARE: u32 = 16;
    /// `number`: the epoch whose code people compared.
    pub(crate) const SAME: u32 = 17;
    /// As HEAD.
    pub(crate) const REJOIN: u32 = 15;
}

/// Numbers of errors; in `sdk/src/session/worker/module.ts` too. Those of MLS: `wire::mls`.
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
    /// A session of `participant` in `room`. The policy, as in `wire`, is for the case that it founds the room; `suite` is the
    /// number of the MLS suite that it speaks. `seed`: 32 random bytes, which are wiped.
    ///
    /// # Errors
    /// A number, see [`Door::handle`].
    #[wasm_bindgen(constructor)]
    pub fn new(
        room: &str,
        participant: &str,
        policy: &[u8],
        suite: u16,
        seed: &mut [u8],
    ) -> Result<Door, u8> {
        let read = (<&[u8; SEED_LEN]>::try_from(&*seed), read_policy(policy, None), Suite::of_id(suite));
        let made = match read {
            (Ok(seed), Some(policy), Some(suite)) => {
                Session::with_suite(room.as_bytes(), participant, policy, suite, seed).map_err(number)
            }
            _ => Err(code::BAD_INPUT),
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

    /// The public key that a proof commits to, 32 bytes; empty while it is not known.
    #[must_use]
    pub fn key(&self) -> Vec<u8> {
        self.session.identity().map_or_else(Vec::new, |me| me.key.clone())
    }

    /// How this participant is shown, and what proves it: before the first input. 0, or the number of an error.
    #[must_use]
    pub fn introduce(&mut self, name: &str, proof: &[u8]) -> u8 {
        self.session.introduce(name, proof).err().map_or(0, number)
    }

    /// The room's secret, from outside: 16 to 256 bytes, which are wiped. Before the first input. 0, or the number of an
    /// error.
    #[must_use]
    pub fn share_secret(&mut self, secret: &mut [u8]) -> u8 {
        let done = self.session.share_secret(secret);
        secret.fill(0);
        done.err().map_or(0, number)
    }

    /// Takes what happened; 0, or the number of an error: nothing changed then. `now`: milliseconds since 1970.
    #[must_use]
    pub fn handle(&mut self, what: u32, number: f64, bytes: &[u8], now: f64) -> u8 {
        let done = self.take(what, number, bytes, Millis(now as u64));
        self.drain();
        done.err().unwrap_or(0)
    }

    /// The next output, see `wire`; `undefined` when all is done.
    #[must_use]
    pub fn poll(&mut self) -> Option<Vec<u8>> {
        self.out.pop_front()
    }

    /// Where the secret of an epoch lies in memory, 32 bytes, for the port to the media; 0: it is not kept. To be read
    /// before anything else is asked for.
    #[must_use]
    pub fn secret_at(&self, epoch: f64) -> u32 {
        let kept = self.kept.iter().find(|kept| kept.epoch.0 == epoch as u64);
        kept.map_or(0, |kept| kept.secret.expose().as_ptr() as usize as u32)
    }

    /// Forgets every key. Nothing is to be asked for afterwards.
    pub fn close(self) {}
}

impl Door {
    fn take(&mut self, what: u32, number: f64, bytes: &[u8], now: Millis) -> Result<(), u8> {
        let position = Position(number as u64);
        let (verdicts, identity, participants): (Vec<Trust>, Identity, Vec<&str>);
        let input = match what {
            what::HEAD => Input::Head { position, entry: bytes },
            what::LOG => Input::Log { position, entry: bytes },
            what::CONFLICT => Input::Conflict { expect: position },
            what::TOO_OLD => Input::TooOld { oldest: position },
            what::REJOIN => Input::Rejoin { position, entry: bytes },
            what::KNOCK => Input::Knock(bytes),
            what::MESSAGE => Input::Message(bytes),
            what::GONE => Input::Gone(text(bytes)?),
            what::PARTICIPANTS => {
                participants = text(bytes)?.split_terminator('\0').collect();
                Input::Participants(&participants)
            }
            what::ROTATE => Input::Rotate,
            what::REMOVE => {
                let mut found = self.members.iter();
                let found = found.find(|(index, who)| f64::from(*index) == number && who.key == bytes);
                identity = found.ok_or(code::NO_SUCH_MEMBER)?.1.clone();
                Input::Remove(&identity)
            }
            what::POLICY => {
                // The secret is not for this to change.
                let now = self.session.group().and_then(|group| group.policy().ok());
                let secret = now.and_then(|policy| policy.secret);
                Input::Policy(read_policy(bytes, secret).ok_or(code::BAD_INPUT)?)
            }
            what::COMPARE => Input::Compare,
            what::SAME => Input::Same(Epoch(number as u64)),
            what::LEAVE => Input::Leave,
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
            match &output {
                Output::Forget(epoch) => self.kept.retain(|kept| kept.epoch != *epoch),
                // Another group may follow, whose epochs begin anew.
                Output::Event(Event::Joined) => self.kept.clear(),
                _ => {}
            }
            match output {
                Output::Open { epoch, secret, members } => self.open(epoch, secret, members),
                other => self.out.extend(wire::write(&other)),
            }
        }
    }

    fn open(&mut self, epoch: Epoch, secret: BaseKey, members: Vec<Member>) {
        // Over already, by what came in one piece with it: the outputs behind it say so.
        let Some(group) = self.session.group() else { return };
        let own = group.index();
        let suite = group.policy().map_or(0, |policy| policy.suite);
        let heard = self.owners.next(&members, own);
        self.out.push_back(wire::open(epoch.0, own, suite, &members, &heard));
        self.kept.push(Kept { epoch, secret });
        self.members = members.into_iter().map(|member| (member.index, member.identity)).collect();
    }
}

fn text(bytes: &[u8]) -> Result<&str, u8> {
    std::str::from_utf8(bytes).map_err(|_| code::BAD_INPUT)
}

fn read_policy(bytes: &[u8], secret: Option<SecretId>) -> Option<RoomPolicy> {
    let [mode, admit, high, low] = bytes else { return None };
    wire::read_policy(*mode, *admit, u16::from_be_bytes([*high, *low]), secret)
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
