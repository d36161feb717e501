//! Sessions.

use core::ffi::{CStr, c_char};
use core::mem::MaybeUninit;
use core::ptr::{self, NonNull};
use std::ffi::CString;

use super::media::handle;
use super::{Result, Ring, done, failed, name, nullable, text};
use crate::session::{
    frameseal_output, frameseal_output_kind, frameseal_person, frameseal_session, frameseal_session_config,
};
use crate::status::frameseal_status;

/// `frameseal_session_config`, numbers as in the header.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct SessionConfig {
    pub room: String,
    pub call: Option<String>,
    pub participant: String,
    pub name: Option<String>,
    pub mode: u32,
    pub admit: u32,
    pub suite: u32,
}

/// `frameseal_output` with all that it points to.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct Output {
    pub kind: u32,
    pub question: u32,
    pub why: u32,
    pub event: u32,
    pub times: u32,
    pub index: u32,
    pub mode: u32,
    pub admit: u32,
    pub suite: u32,
    pub has_secret: bool,
    pub position: u64,
    pub epoch: u64,
    pub time_ms: u64,
    pub data: Vec<u8>,
    pub text: String,
    pub people: Vec<Person>,
}

/// `frameseal_person`.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct Person {
    pub participant: String,
    pub name: String,
    pub key: Vec<u8>,
    pub proof: Vec<u8>,
    pub index: u32,
    pub trust: u32,
    pub heard: bool,
}

/// `frameseal_session`.
pub struct Session(NonNull<frameseal_session>);

handle!(Session, frameseal_session, frameseal_session_free);

// Below, what is handed to C are live handles, slices with their lengths, texts with a NUL, and room for outputs; all
// of it stays for as long as the call takes.
#[allow(missing_docs)]
impl Session {
    pub fn new(config: &SessionConfig, secret: Option<&[u8]>, entropy: &[u8]) -> Result<Self> {
        let optional = |text: &Option<String>, what| text.as_deref().map(|text| name(text, what)).transpose();
        let room = name(&config.room, "config.room")?;
        let call = optional(&config.call, "config.call")?;
        let participant = name(&config.participant, "config.participant")?;
        let shown = optional(&config.name, "config.name")?;
        let or_null = |text: &Option<CString>| text.as_ref().map_or(ptr::null(), |text| text.as_ptr());
        let raw = frameseal_session_config {
            size: size_of::<frameseal_session_config>(),
            room: room.as_ptr(),
            call: or_null(&call),
            participant: participant.as_ptr(),
            name: or_null(&shown),
            // An empty secret is a wrong one, not none.
            secret: secret.map_or(ptr::null(), <[u8]>::as_ptr),
            secret_len: secret.map_or(0, <[u8]>::len),
            mode: config.mode,
            admit: config.admit,
            suite: config.suite,
        };
        let (entropy, len) = (nullable(entropy), entropy.len());
        // SAFETY: see above.
        Self::new_by(|out| unsafe { crate::frameseal_session_new(&raw const raw, entropy, len, out) })
    }

    pub fn ring(&self) -> Result<Ring> {
        // SAFETY: see above.
        Ring::new_by(|out| unsafe { crate::frameseal_session_ring(self.address(), out) })
    }

    pub fn key(&self) -> Result<Vec<u8>> {
        let (mut out, mut len) = (vec![0; 64], 0);
        let (to, cap) = (out.as_mut_ptr(), out.len());
        // SAFETY: see above.
        done(unsafe { crate::frameseal_session_key(self.address(), to, cap, &raw mut len) })?;
        out.truncate(len);
        Ok(out)
    }

    pub fn introduce(&self, shown: &str, proof: &[u8]) -> Result<()> {
        let shown = name(shown, "name")?;
        let (proof, len) = (nullable(proof), proof.len());
        // SAFETY: see above.
        done(unsafe { crate::frameseal_session_introduce(self.address(), shown.as_ptr(), proof, len) })
    }

    pub fn report(&self) -> Result<String> {
        // SAFETY: see above.
        text(|out, cap, len| unsafe { crate::frameseal_session_report(self.address(), out, cap, len) })
    }

    /// The next output with its people, or none. One thread at a time: they would come from another output.
    pub fn poll(&mut self) -> Result<Option<Output>> {
        let raw = read(size_of::<frameseal_output>(), |out: *mut frameseal_output| {
            // SAFETY: `out` begins with its size.
            unsafe { crate::frameseal_session_poll(self.address(), out) }
        })?;
        if raw.kind == frameseal_output_kind::None as u32 {
            return Ok(None);
        }
        let people = (0..raw.people).map(|at| self.person(at)).collect::<Result<_>>()?;
        Ok(Some(Output {
            kind: raw.kind,
            question: raw.question,
            why: raw.why,
            event: raw.event,
            times: raw.times,
            index: raw.index,
            mode: raw.mode,
            admit: raw.admit,
            suite: raw.suite,
            has_secret: raw.has_secret != 0,
            position: raw.position,
            epoch: raw.epoch,
            time_ms: raw.time_ms,
            // SAFETY: as many bytes as are said, until the next call on the session.
            data: unsafe { bytes(raw.data, raw.data_len) },
            // SAFETY: NULL or a text, until the next call on the session.
            text: unsafe { string(raw.text) },
            people,
        }))
    }

    fn person(&self, at: usize) -> Result<Person> {
        let raw = read(size_of::<frameseal_person>(), |out: *mut frameseal_person| {
            // SAFETY: `out` begins with its size.
            unsafe { crate::frameseal_session_person(self.address(), at, out) }
        })?;
        Ok(Person {
            // SAFETY: NULL or a text, until the next call on the session.
            participant: unsafe { string(raw.participant) },
            // SAFETY: as above.
            name: unsafe { string(raw.name) },
            // SAFETY: as many bytes as are said, until the next call on the session.
            key: unsafe { bytes(raw.key, raw.key_len) },
            // SAFETY: as above.
            proof: unsafe { bytes(raw.proof, raw.proof_len) },
            index: raw.index,
            trust: raw.trust,
            heard: raw.heard != 0,
        })
    }

    pub fn head(&self, position: u64, entry: &[u8], now_ms: u64) -> Result<()> {
        let (entry, len) = (nullable(entry), entry.len());
        // SAFETY: see above.
        done(unsafe { crate::frameseal_session_head(self.address(), position, entry, len, now_ms) })
    }

    pub fn log(&self, position: u64, entry: &[u8], now_ms: u64) -> Result<()> {
        let (entry, len) = (nullable(entry), entry.len());
        // SAFETY: see above.
        done(unsafe { crate::frameseal_session_log(self.address(), position, entry, len, now_ms) })
    }

    pub fn rejoin(&self, position: u64, entry: &[u8], now_ms: u64) -> Result<()> {
        let (entry, len) = (nullable(entry), entry.len());
        // SAFETY: see above.
        done(unsafe { crate::frameseal_session_rejoin(self.address(), position, entry, len, now_ms) })
    }

    pub fn conflict(&self, position: u64, now_ms: u64) -> Result<()> {
        // SAFETY: see above.
        done(unsafe { crate::frameseal_session_conflict(self.address(), position, now_ms) })
    }

    pub fn too_old(&self, oldest: u64, now_ms: u64) -> Result<()> {
        // SAFETY: see above.
        done(unsafe { crate::frameseal_session_too_old(self.address(), oldest, now_ms) })
    }

    pub fn knock(&self, package: &[u8], now_ms: u64) -> Result<()> {
        let (package, len) = (nullable(package), package.len());
        // SAFETY: see above.
        done(unsafe { crate::frameseal_session_knock(self.address(), package, len, now_ms) })
    }

    pub fn message(&self, message: &[u8], now_ms: u64) -> Result<()> {
        let (message, len) = (nullable(message), message.len());
        // SAFETY: see above.
        done(unsafe { crate::frameseal_session_message(self.address(), message, len, now_ms) })
    }

    pub fn gone(&self, participant: &str, now_ms: u64) -> Result<()> {
        let who = name(participant, "participant")?;
        // SAFETY: see above.
        done(unsafe { crate::frameseal_session_gone(self.address(), who.as_ptr(), now_ms) })
    }

    pub fn participants(&self, participants: &[String], now_ms: u64) -> Result<()> {
        let names: Vec<_> =
            participants.iter().map(|who| name(who, "participants")).collect::<Result<_>>()?;
        let names: Vec<_> = names.iter().map(|name| name.as_ptr()).collect();
        // SAFETY: see above.
        done(unsafe {
            crate::frameseal_session_participants(self.address(), names.as_ptr(), names.len(), now_ms)
        })
    }

    pub fn rotate(&self, now_ms: u64) -> Result<()> {
        // SAFETY: see above.
        done(unsafe { crate::frameseal_session_rotate(self.address(), now_ms) })
    }

    pub fn remove(&self, index: u32, key: &[u8], now_ms: u64) -> Result<()> {
        let (key, len) = (nullable(key), key.len());
        // SAFETY: see above.
        done(unsafe { crate::frameseal_session_remove(self.address(), index, key, len, now_ms) })
    }

    pub fn policy(&self, mode: u32, admit: u32, suite: u32, now_ms: u64) -> Result<()> {
        // SAFETY: see above.
        done(unsafe { crate::frameseal_session_policy(self.address(), mode, admit, suite, now_ms) })
    }

    pub fn compare(&self, now_ms: u64) -> Result<()> {
        // SAFETY: see above.
        done(unsafe { crate::frameseal_session_compare(self.address(), now_ms) })
    }

    pub fn same(&self, epoch: u64, now_ms: u64) -> Result<()> {
        // SAFETY: see above.
        done(unsafe { crate::frameseal_session_same(self.address(), epoch, now_ms) })
    }

    pub fn leave(&self, now_ms: u64) -> Result<()> {
        // SAFETY: see above.
        done(unsafe { crate::frameseal_session_leave(self.address(), now_ms) })
    }

    pub fn wake(&self, now_ms: u64) -> Result<()> {
        // SAFETY: see above.
        done(unsafe { crate::frameseal_session_wake(self.address(), now_ms) })
    }

    pub fn verdict(&self, question: u32, trust: &[u8], now_ms: u64) -> Result<()> {
        let (trust, len) = (nullable(trust), trust.len());
        // SAFETY: see above.
        done(unsafe { crate::frameseal_session_verdict(self.address(), question, trust, len, now_ms) })
    }
}

/// Has a struct written that begins with its size.
fn read<T>(size: usize, write: impl FnOnce(*mut T) -> frameseal_status) -> Result<T> {
    let mut out = MaybeUninit::<T>::zeroed();
    // SAFETY: both structs of this module begin with a size_t.
    unsafe { out.as_mut_ptr().cast::<usize>().write(size) };
    done(write(out.as_mut_ptr()))?;
    // SAFETY: numbers and pointers, for which any bytes do; the library wrote all of them.
    Ok(unsafe { out.assume_init() })
}

/// # Safety
/// `from` must point to `len` bytes, or be NULL.
unsafe fn bytes(from: *const u8, len: usize) -> Vec<u8> {
    if from.is_null() {
        return Vec::new();
    }
    // SAFETY: as the caller promises.
    unsafe { core::slice::from_raw_parts(from, len) }.to_vec()
}

/// # Safety
/// `from` must point to a text with a NUL at the end, or be NULL.
unsafe fn string(from: *const c_char) -> String {
    if from.is_null() {
        return String::new();
    }
    // SAFETY: as the caller promises.
    unsafe { CStr::from_ptr(from) }.to_string_lossy().into_owned()
}
