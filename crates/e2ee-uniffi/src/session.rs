//! Key agreement. Inputs in, outputs out by `poll`; threads that call one session take turns.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use frameseal::owned;
use zeroize::Zeroizing;

use crate::error::Result;
use crate::media::{Ring, entropy};
use crate::outputs::Output;
use crate::types::{Admit, Mode, Suite, Trust};

/// What a session is made with.
#[derive(uniffi::Record)]
pub struct SessionConfig {
    /// Name of the room, the same for all members.
    pub room: String,
    /// The id of this participant on the transport.
    pub participant: String,
    /// How this participant is shown.
    #[uniffi(default = None)]
    pub name: Option<String>,
    /// Name of the call that keys of frames are bound to; the room's by default.
    #[uniffi(default = None)]
    pub call: Option<String>,
    /// The room's secret, where it has one: 16 to 256 bytes.
    #[uniffi(default = None)]
    pub secret: Option<Vec<u8>>,
    /// For the case that this member founds the room: required by default.
    #[uniffi(default = None)]
    pub mode: Option<Mode>,
    /// For the same case: anyone by default.
    #[uniffi(default = None)]
    pub admit: Option<Admit>,
    /// For the same case: AES-128-GCM by default.
    #[uniffi(default = None)]
    pub suite: Option<Suite>,
}

/// One member of one call: who is in it, and which keys are used.
#[derive(uniffi::Object)]
pub struct Session {
    session: Mutex<owned::Session>,
}

impl Session {
    /// A panic inside is the handle's to remember.
    fn lock(&self) -> MutexGuard<'_, owned::Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[uniffi::export]
impl Session {
    /// Give it what the room's log ends with (`head`), then poll.
    #[uniffi::constructor]
    pub fn new(config: SessionConfig) -> Result<Arc<Self>> {
        let secret = config.secret.map(Zeroizing::new);
        let raw = owned::SessionConfig {
            room: config.room,
            call: config.call,
            participant: config.participant,
            name: config.name,
            mode: config.mode.map_or(0, |mode| mode as u32),
            admit: config.admit.map_or(0, |admit| admit as u32),
            suite: config.suite.map_or(0, |suite| suite as u32),
        };
        let secret = secret.as_ref().map(|secret| secret.as_slice());
        let session = owned::Session::new(&raw, secret, entropy()?.as_slice())?;
        Ok(Arc::new(Self { session: Mutex::new(session) }))
    }

    /// The ring that has the session's keys: make sealers and openers from it, on whatever threads.
    pub fn ring(&self) -> Result<Arc<Ring>> {
        Ok(Arc::new(Ring { ring: self.lock().ring()? }))
    }

    /// The public key that a proof of identity must commit to, 32 bytes.
    pub fn key(&self) -> Result<Vec<u8>> {
        Ok(self.lock().key()?)
    }

    /// How this participant is shown, and what proves it. Before the first input.
    pub fn introduce(&self, name: String, proof: Vec<u8>) -> Result<()> {
        Ok(self.lock().introduce(&name, &proof)?)
    }

    /// For a support desk, JSON: never a key.
    pub fn report(&self) -> Result<String> {
        Ok(self.lock().report()?)
    }

    /// What the session wants by now, in its order. After every input, or after several.
    pub fn poll(&self) -> Result<Vec<Output>> {
        let (mut session, mut all) = (self.lock(), Vec::new());
        while let Some(output) = session.poll()? {
            all.push(output.into());
        }
        Ok(all)
    }

    /// What the room's log ends with: at the beginning, and whenever the way to it was lost. Position 0: it is empty.
    pub fn head(&self, position: u64, entry: Vec<u8>, now_ms: u64) -> Result<()> {
        Ok(self.lock().head(position, &entry, now_ms)?)
    }

    /// An entry of the log, in its order; also one's own.
    pub fn log(&self, position: u64, entry: Vec<u8>, now_ms: u64) -> Result<()> {
        Ok(self.lock().log(position, &entry, now_ms)?)
    }

    /// The log did not take the entry that was to follow `position`.
    pub fn conflict(&self, position: u64, now_ms: u64) -> Result<()> {
        Ok(self.lock().conflict(position, now_ms)?)
    }

    /// The log has not kept what was asked for: `oldest` is the first that it has. `head` comes next.
    pub fn too_old(&self, oldest: u64, now_ms: u64) -> Result<()> {
        Ok(self.lock().too_old(oldest, now_ms)?)
    }

    /// After the events fork, log lost or left behind: the user wants in again.
    pub fn rejoin(&self, position: u64, entry: Vec<u8>, now_ms: u64) -> Result<()> {
        Ok(self.lock().rejoin(position, &entry, now_ms)?)
    }

    /// What somebody else's `Output.Knock` carried.
    pub fn knock(&self, data: Vec<u8>, now_ms: u64) -> Result<()> {
        Ok(self.lock().knock(&data, now_ms)?)
    }

    /// What somebody else's `Output.Send` carried.
    pub fn message(&self, data: Vec<u8>, now_ms: u64) -> Result<()> {
        Ok(self.lock().message(&data, now_ms)?)
    }

    /// The transport says that this participant is gone. It is removed.
    pub fn gone(&self, participant: String, now_ms: u64) -> Result<()> {
        Ok(self.lock().gone(&participant, now_ms)?)
    }

    /// The transport says that these participants are there, with or without this one, and nobody else.
    pub fn participants(&self, participants: Vec<String>, now_ms: u64) -> Result<()> {
        Ok(self.lock().participants(&participants, now_ms)?)
    }

    /// Fresh keys for all, please.
    pub fn rotate(&self, now_ms: u64) -> Result<()> {
        Ok(self.lock().rotate(now_ms)?)
    }

    /// This member shall be out, at once: index and key as `Person` has them.
    pub fn remove(&self, index: u32, key: Vec<u8>, now_ms: u64) -> Result<()> {
        Ok(self.lock().remove(index, &key, now_ms)?)
    }

    /// The members shall agree on this. The room's secret stays as it is.
    pub fn policy(&self, mode: Mode, admit: Admit, suite: Suite, now_ms: u64) -> Result<()> {
        Ok(self.lock().policy(mode as u32, admit as u32, suite as u32, now_ms)?)
    }

    /// The user wants to compare seven emoji with the others.
    pub fn compare(&self, now_ms: u64) -> Result<()> {
        Ok(self.lock().compare(now_ms)?)
    }

    /// People found the code or the emoji of this epoch to be the same on all screens. `Event.UNCOMPARED` tells of who
    /// came since.
    pub fn same(&self, epoch: u64, now_ms: u64) -> Result<()> {
        Ok(self.lock().same(epoch, now_ms)?)
    }

    /// The user wants out. Carry what the session still says, then free it.
    pub fn leave(&self, now_ms: u64) -> Result<()> {
        Ok(self.lock().leave(now_ms)?)
    }

    /// The time that `Output.WakeAt` named has come.
    pub fn wake(&self, now_ms: u64) -> Result<()> {
        Ok(self.lock().wake(now_ms)?)
    }

    /// The answer to `Output.Decide`: one for each of its people, in their order.
    pub fn verdict(&self, question: u32, trust: Vec<Trust>, now_ms: u64) -> Result<()> {
        let trust: Vec<u8> = trust.into_iter().map(|trust| trust as u32 as u8).collect();
        Ok(self.lock().verdict(question, &trust, now_ms)?)
    }
}
