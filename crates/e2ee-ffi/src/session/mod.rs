//! Key agreement through C: a session, its inputs and its outputs. What it says about keys goes into a ring by itself;
//! no key of a session passes the application's hands.

mod inline;
mod inputs;
mod keys;
mod output;
mod types;

use core::ffi::c_char;
use core::fmt::Write;
use std::collections::VecDeque;
use std::sync::Arc;

use e2ee_core::{CallId, CipherSuite, Epoch, FrameFormat, Millis, Profile, Provider};
use e2ee_session::mls::{Admit, Group, Identity, MlsError, Mode, RoomPolicy, SecretId};
use e2ee_session::session::{Input, Output, Session, SessionError};

use crate::fence::{Failure, fence};
use crate::follow::SESSION_KIDS;
use crate::handle::Guarded;
use crate::media::Scheme;
use crate::read;
use crate::report::text;
use crate::ring::{Ring, Seal};
use crate::rings::frameseal_ring;
use crate::status::frameseal_status;
use crate::status::frameseal_status as S;

pub use inputs::{
    frameseal_session_compare, frameseal_session_conflict, frameseal_session_gone, frameseal_session_head,
    frameseal_session_knock, frameseal_session_leave, frameseal_session_log, frameseal_session_message,
    frameseal_session_participants, frameseal_session_policy, frameseal_session_rejoin,
    frameseal_session_remove, frameseal_session_rotate, frameseal_session_same, frameseal_session_too_old,
    frameseal_session_verdict, frameseal_session_wake,
};
pub use types::{
    frameseal_admit, frameseal_event, frameseal_mode, frameseal_output, frameseal_output_kind,
    frameseal_person, frameseal_session_config, frameseal_trust, frameseal_why,
};

use keys::Keys;
use output::Flat;

/// One member of one call: who is in it, and which keys are used. For one thread at a time.
pub struct frameseal_session {
    inner: Guarded<Inner>,
}

pub(crate) struct Inner {
    session: Session,
    ring: Arc<Ring>,
    keys: Keys,
    out: VecDeque<Flat>,
    /// What the last poll gave.
    shown: Option<Flat>,
    /// Of the newest epoch, by index.
    members: Vec<(u32, Identity, bool)>,
    /// The epoch that code and emoji are of.
    epoch: Epoch,
}

/// Makes a session. Give it what the room's log ends with (`frameseal_session_head`), then poll.
///
/// `entropy`: as in `frameseal_sealer_new`; everything random in the session comes from it.
///
/// Free the session with `frameseal_session_free`.
///
/// # Safety
/// Every pointer is NULL or as the header asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_session_new(
    config: *const frameseal_session_config,
    entropy: *const u8,
    entropy_len: usize,
    out: *mut *mut frameseal_session,
) -> frameseal_status {
    fence(|| {
        read::not_null(out, "out")?;
        // SAFETY: a struct of numbers and pointers; as the caller promises.
        let config = unsafe { read::sized(config, CONFIG_V1, "config") }?;
        // SAFETY: as the caller promises.
        let room = unsafe { read::call(config.room, "config.room") }?;
        let call = if config.call.is_null() {
            room.clone()
        } else {
            // SAFETY: as the caller promises.
            unsafe { read::call(config.call, "config.call") }?
        };
        // SAFETY: as the caller promises.
        let me = unsafe { read::participant(config.participant, "config.participant") }?;
        let policy = room_policy(config.mode, config.admit, config.suite)?;
        // SAFETY: as the caller promises.
        let seed = unsafe { read::entropy(entropy, entropy_len) }?;
        inline::here();
        let mut session =
            Session::new(room.as_str().as_bytes(), me.as_str(), policy, seed).map_err(failure)?;
        if !config.name.is_null() {
            // SAFETY: as the caller promises.
            let name = unsafe { read::name(config.name, "config.name") }?;
            session.introduce(name, &[]).map_err(failure)?;
        }
        if !config.secret.is_null() {
            // SAFETY: as the caller promises.
            let secret = unsafe { read::shared_secret(config.secret, config.secret_len) }?;
            session.share_secret(secret).map_err(failure)?;
        }
        let ring = Arc::new(Ring::new(scheme(call), me, Seal::Hushed));
        let keys = Keys::new(Arc::clone(&ring));
        let (out_queue, members) = (VecDeque::new(), Vec::new());
        let inner = Inner { session, ring, keys, out: out_queue, shown: None, members, epoch: Epoch(0) };
        // SAFETY: as the caller promises.
        unsafe { read::new_handle(out, frameseal_session { inner: Guarded::new(inner) }) }
    })
}

/// Frees a session and wipes its keys: its sealers seal nothing any more, its openers open nothing. NULL is allowed.
/// No other call may be using it.
///
/// # Safety
/// `session` is NULL or came from `frameseal_session_new` and was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_session_free(session: *mut frameseal_session) {
    fence(|| {
        // SAFETY: as the caller promises.
        unsafe { read::free(session) };
        Ok(())
    });
}

/// The ring that has the session's keys: make sealers and openers from it, on whatever threads. A handle of its own, to
/// be freed with `frameseal_ring_free`, before or after the session.
///
/// # Safety
/// Every pointer is NULL or as the header asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_session_ring(
    session: *const frameseal_session,
    out: *mut *mut frameseal_ring,
) -> frameseal_status {
    fence(|| {
        read::not_null(out, "out")?;
        // SAFETY: as the caller promises.
        let handle = unsafe { read::handle(session, "session") }?;
        let ring = handle.inner.with(|inner| Ok(Arc::clone(&inner.ring)))?;
        // SAFETY: as the caller promises.
        unsafe { read::new_handle(out, frameseal_ring { ring }) }
    })
}

/// The public key that a proof of identity must commit to, 32 bytes. With `out` NULL only how many.
///
/// # Safety
/// Every pointer is NULL or as the header asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_session_key(
    session: *const frameseal_session,
    out: *mut u8,
    out_cap: usize,
    out_len: *mut usize,
) -> frameseal_status {
    fence(|| {
        // SAFETY: as the caller promises.
        let handle = unsafe { read::handle(session, "session") }?;
        handle.inner.with(|inner| {
            let me = inner.session.identity().ok_or(Failure::Misuse(S::SessionOver, "session"))?;
            if out.is_null() {
                // SAFETY: as the caller promises.
                return unsafe { read::write(out_len, me.key.len()) };
            }
            // SAFETY: as the caller promises.
            unsafe { read::write_bytes(&me.key, out, out_cap, out_len) }
        })
    })
}

/// How this participant is shown, and what proves it (an ID token, a chain of certificates) that commits to
/// `frameseal_session_key`. Before the first input. `name`: may be NULL; `proof`: up to 16 KiB.
///
/// # Safety
/// Every pointer is NULL or as the header asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_session_introduce(
    session: *mut frameseal_session,
    name: *const c_char,
    proof: *const u8,
    proof_len: usize,
) -> frameseal_status {
    fence(|| {
        // SAFETY: as the caller promises.
        let handle = unsafe { read::handle(session, "session") }?;
        let name = if name.is_null() {
            ""
        } else {
            // SAFETY: as the caller promises.
            unsafe { read::name(name, "name") }?
        };
        // SAFETY: as the caller promises.
        let proof = unsafe { read::bytes(proof, proof_len, "proof") }?;
        handle.inner.with(|inner| inner.session.introduce(name, proof).map_err(failure))
    })
}

/// The next thing that the session wants, in their order; `FRAMESEAL_OUTPUT_KIND_NONE` when all is done. Poll until
/// then after every input. Any number of inputs may come before.
///
/// # Safety
/// Every pointer is NULL or as the header asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_session_poll(
    session: *mut frameseal_session,
    out: *mut frameseal_output,
) -> frameseal_status {
    fence(|| {
        // SAFETY: as the caller promises.
        let handle = unsafe { read::handle(session, "session") }?;
        handle.inner.with(|inner| {
            // SAFETY: as the caller promises.
            let size = unsafe { read::out_size(out, OUTPUT_V1, "out") }?;
            let next = inner.out.pop_front();
            let shown = inner.shown.insert(next.unwrap_or_else(|| Flat::new(frameseal_output_kind::None)));
            // SAFETY: as the caller promises.
            unsafe { read::write_sized(out, size, frameseal_output { size, ..shown.view() }) };
            Ok(())
        })
    })
}

/// One of the people of the last output, from 0 to its `people`.
///
/// # Safety
/// Every pointer is NULL or as the header asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_session_person(
    session: *const frameseal_session,
    at: usize,
    out: *mut frameseal_person,
) -> frameseal_status {
    fence(|| {
        // SAFETY: as the caller promises.
        let handle = unsafe { read::handle(session, "session") }?;
        handle.inner.with(|inner| {
            // SAFETY: as the caller promises.
            let size = unsafe { read::out_size(out, PERSON_V1, "out") }?;
            let person = inner.shown.as_ref().and_then(|shown| shown.people.get(at));
            let person = person.ok_or(Failure::Misuse(S::BadOption, "at"))?;
            // SAFETY: as the caller promises.
            unsafe { read::write_sized(out, size, frameseal_person { size, ..person.view() }) };
            Ok(())
        })
    })
}

/// Writes a report for a support desk: JSON and a NUL. Members with fingerprints of their keys, where the log was read
/// to; never a key. With `out` NULL only how many bytes `out` needs now.
///
/// # Safety
/// Every pointer is NULL or as the header asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_session_report(
    session: *const frameseal_session,
    out: *mut c_char,
    out_cap: usize,
    out_len: *mut usize,
) -> frameseal_status {
    fence(|| {
        // SAFETY: as the caller promises.
        let handle = unsafe { read::handle(session, "session") }?;
        let text = handle.inner.with(|inner| Ok(inner.report()))?;
        // SAFETY: as the caller promises.
        unsafe { read::write_text(&text, out, out_cap, out_len) }
    })
}

impl Inner {
    fn take(&mut self, input: Input<'_>, now: Millis) -> Result<(), Failure> {
        let done = self.session.handle(input, now);
        self.drain();
        done.map_err(failure)
    }

    fn drain(&mut self) {
        while let Some(output) = self.session.poll() {
            self.keys.apply(&output);
            match output {
                Output::Open { epoch, secret, members } => {
                    // Over already, by what came in one piece with it: the outputs behind it say so.
                    let Some(group) = self.session.group() else { continue };
                    let own = group.index();
                    let suite =
                        group.policy().ok().and_then(|policy| CipherSuite::from_number(policy.suite).ok());
                    let heard = match suite {
                        Some(suite) => self.keys.open(epoch, suite, &secret, &members, own),
                        None => vec![false; members.len()],
                    };
                    self.out.push_back(output::members(epoch, own, &members, &heard));
                    let members = members.into_iter().zip(heard);
                    self.members =
                        members.map(|(member, heard)| (member.index, member.identity, heard)).collect();
                }
                Output::Code(code) => {
                    // In a room without encryption no keys came before it.
                    self.epoch = self.session.group().map_or(self.epoch, Group::epoch);
                    self.out.push_back(output::code(self.epoch, &code));
                }
                Output::Emoji(emoji) => self.out.push_back(output::emoji(self.epoch, &emoji)),
                other => self.out.extend(output::flat(other)),
            }
        }
    }

    /// What only a member can ask for is refused where it would be forgotten.
    fn member_only(&self) -> Result<(), Failure> {
        match self.session.group() {
            Some(_) => Ok(()),
            None => Err(Failure::Said(S::SessionOver, "this session is not in the group".to_owned())),
        }
    }

    fn member(&self, index: u32, key: &[u8]) -> Option<Identity> {
        let mut all = self.members.iter();
        all.find(|(at, who, _)| *at == index && who.key == key).map(|(_, who, _)| who.clone())
    }

    fn secret(&self) -> Option<SecretId> {
        self.session.group().and_then(|group| group.policy().ok()).and_then(|policy| policy.secret)
    }

    fn report(&self) -> String {
        let mut out = String::from("{\"participant\":");
        text(&mut out, self.ring.me.as_str());
        let epoch = self.session.group().map(|group| group.epoch().0.to_string());
        let epoch = epoch.as_deref().unwrap_or("null");
        let _ = write!(out, ",\"epoch\":{epoch},\"position\":{},\"members\":[", self.session.position().0);
        for (n, (index, who, heard)) in self.members.iter().enumerate() {
            let _ = write!(out, "{}{{\"index\":{index},\"participant\":", if n == 0 { "" } else { "," });
            text(&mut out, &who.participant);
            out.push_str(",\"key\":\"");
            who.key.iter().take(8).for_each(|byte| {
                let _ = write!(out, "{byte:02x}");
            });
            let _ = write!(out, "\",\"heard\":{heard}}}");
        }
        out.push_str("]}");
        out
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.keys.close();
    }
}

fn scheme(call: CallId) -> Scheme {
    let format = FrameFormat::Frameseal { call };
    let suite = CipherSuite::Aes128GcmSha256_128;
    Scheme::Sframe(Profile { provider: Provider::best(), suite, format, scheme: SESSION_KIDS })
}

/// A policy out of its numbers, without a secret.
fn room_policy(mode: u32, admit: u32, suite: u32) -> Result<RoomPolicy, Failure> {
    const REQUIRED: u32 = frameseal_mode::Required as u32;
    const PREFERRED: u32 = frameseal_mode::Preferred as u32;
    const OFF: u32 = frameseal_mode::Off as u32;
    const ANYONE: u32 = frameseal_admit::Anyone as u32;
    const MEMBERS: u32 = frameseal_admit::Members as u32;
    let mode = match mode {
        0 | REQUIRED => Mode::Required,
        PREFERRED => Mode::Preferred,
        OFF => Mode::Off,
        _ => return Err(Failure::Misuse(S::BadOption, "mode")),
    };
    let admit = match admit {
        0 | ANYONE => Admit::Anyone,
        MEMBERS => Admit::Members,
        _ => return Err(Failure::Misuse(S::BadOption, "admit")),
    };
    let suite = read::suite(suite, "suite")?.number();
    Ok(RoomPolicy { mode, admit, suite, secret: None })
}

fn failure(error: SessionError) -> Failure {
    let status = match error {
        SessionError::WrongState => S::SessionOver,
        SessionError::NoSuchQuestion => S::NoSuchQuestion,
        SessionError::Mls(MlsError::Malformed) => S::BadMessage,
        SessionError::Mls(MlsError::WrongEpoch) => S::WrongEpoch,
        SessionError::Mls(MlsError::BadIdentity) => S::BadName,
        SessionError::Mls(MlsError::BadSecret) => S::BadKey,
        _ => S::SessionRefused,
    };
    Failure::Said(status, error.to_string())
}

/// Sizes in ABI version 1. They stay, whatever is added to the structs later.
const CONFIG_V1: usize = core::mem::offset_of!(frameseal_session_config, suite) + size_of::<u32>();
const OUTPUT_V1: usize = core::mem::offset_of!(frameseal_output, people) + size_of::<usize>();
const PERSON_V1: usize = core::mem::offset_of!(frameseal_person, heard) + size_of::<u32>();
