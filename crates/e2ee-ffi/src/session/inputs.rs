//! What happens to a session: one export for each.

use core::ffi::c_char;

use e2ee_core::{Epoch, Millis};
use e2ee_session::mls::{RoomPolicy, Trust};
use e2ee_session::session::{Input, Position, Question};

use super::types::frameseal_trust;
use super::{Inner, frameseal_session, inline, room_policy};
use crate::fence::{Failure, fence};
use crate::read;
use crate::status::frameseal_status;
use crate::status::frameseal_status as S;

/// Runs what makes an input and has it taken.
///
/// # Safety
/// As [`read::handle`].
unsafe fn with(
    session: *const frameseal_session,
    body: impl FnOnce(&mut Inner) -> Result<(), Failure>,
) -> frameseal_status {
    fence(|| {
        // SAFETY: as the caller promises.
        let handle = unsafe { read::handle(session, "session") }?;
        inline::here();
        handle.inner.with(body)
    })
}

/// What the room's log ends with: at the beginning, and again whenever the way to it was lost. Position 0: it is empty,
/// and `entry` is not read.
///
/// # Safety
/// Every pointer is NULL or as the header asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_session_head(
    session: *mut frameseal_session,
    position: u64,
    entry: *const u8,
    entry_len: usize,
    now_ms: u64,
) -> frameseal_status {
    let body = |inner: &mut Inner| {
        // SAFETY: as the caller promises.
        let entry = unsafe { read::bytes(entry, entry_len, "entry") }?;
        inner.take(Input::Head { position: Position(position), entry }, Millis(now_ms))
    };
    // SAFETY: as the caller promises.
    unsafe { with(session, body) }
}

/// An entry of the log, in its order; also one's own.
///
/// # Safety
/// Every pointer is NULL or as the header asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_session_log(
    session: *mut frameseal_session,
    position: u64,
    entry: *const u8,
    entry_len: usize,
    now_ms: u64,
) -> frameseal_status {
    let body = |inner: &mut Inner| {
        // SAFETY: as the caller promises.
        let entry = unsafe { read::bytes(entry, entry_len, "entry") }?;
        inner.take(Input::Log { position: Position(position), entry }, Millis(now_ms))
    };
    // SAFETY: as the caller promises.
    unsafe { with(session, body) }
}

/// The log did not take the entry that was to follow `position` (`FRAMESEAL_OUTPUT_KIND_APPEND`).
///
/// # Safety
/// Every pointer is NULL or as the header asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_session_conflict(
    session: *mut frameseal_session,
    position: u64,
    now_ms: u64,
) -> frameseal_status {
    let input = Input::Conflict { expect: Position(position) };
    // SAFETY: as the caller promises.
    unsafe { with(session, |inner| inner.take(input, Millis(now_ms))) }
}

/// The log has not kept what `FRAMESEAL_OUTPUT_KIND_READ` asked for: `oldest` is the first that it has.
/// `frameseal_session_head` comes next.
///
/// # Safety
/// Every pointer is NULL or as the header asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_session_too_old(
    session: *mut frameseal_session,
    oldest: u64,
    now_ms: u64,
) -> frameseal_status {
    let input = Input::TooOld { oldest: Position(oldest) };
    // SAFETY: as the caller promises.
    unsafe { with(session, |inner| inner.take(input, Millis(now_ms))) }
}

/// After the events fork, log lost or left behind: the user wants in again. What the log ends with, as in
/// `frameseal_session_head`.
///
/// # Safety
/// Every pointer is NULL or as the header asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_session_rejoin(
    session: *mut frameseal_session,
    position: u64,
    entry: *const u8,
    entry_len: usize,
    now_ms: u64,
) -> frameseal_status {
    let body = |inner: &mut Inner| {
        // SAFETY: as the caller promises.
        let entry = unsafe { read::bytes(entry, entry_len, "entry") }?;
        inner.take(Input::Rejoin { position: Position(position), entry }, Millis(now_ms))
    };
    // SAFETY: as the caller promises.
    unsafe { with(session, body) }
}

/// What somebody else's `FRAMESEAL_OUTPUT_KIND_KNOCK` carried.
///
/// # Safety
/// Every pointer is NULL or as the header asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_session_knock(
    session: *mut frameseal_session,
    package: *const u8,
    package_len: usize,
    now_ms: u64,
) -> frameseal_status {
    let body = |inner: &mut Inner| {
        // SAFETY: as the caller promises.
        let package = unsafe { read::bytes(package, package_len, "package") }?;
        inner.take(Input::Knock(package), Millis(now_ms))
    };
    // SAFETY: as the caller promises.
    unsafe { with(session, body) }
}

/// What somebody else's `FRAMESEAL_OUTPUT_KIND_SEND` carried.
///
/// # Safety
/// Every pointer is NULL or as the header asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_session_message(
    session: *mut frameseal_session,
    message: *const u8,
    message_len: usize,
    now_ms: u64,
) -> frameseal_status {
    let body = |inner: &mut Inner| {
        // SAFETY: as the caller promises.
        let message = unsafe { read::bytes(message, message_len, "message") }?;
        inner.take(Input::Message(message), Millis(now_ms))
    };
    // SAFETY: as the caller promises.
    unsafe { with(session, body) }
}

/// The transport says that this participant is gone. It is removed.
///
/// # Safety
/// Every pointer is NULL or as the header asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_session_gone(
    session: *mut frameseal_session,
    participant: *const c_char,
    now_ms: u64,
) -> frameseal_status {
    let body = |inner: &mut Inner| {
        // SAFETY: as the caller promises.
        let who = unsafe { read::name(participant, "participant") }?;
        inner.take(Input::Gone(who), Millis(now_ms))
    };
    // SAFETY: as the caller promises.
    unsafe { with(session, body) }
}

/// The transport says that these participants are there, with or without this one, and nobody else.
///
/// `participants`: `count` texts with a NUL at the end; NULL when there are none.
///
/// # Safety
/// Every pointer is NULL or as the header asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_session_participants(
    session: *mut frameseal_session,
    participants: *const *const c_char,
    count: usize,
    now_ms: u64,
) -> frameseal_status {
    let body = |inner: &mut Inner| {
        // SAFETY: as the caller promises.
        let names = unsafe { read::items(participants, count, "participants") }?;
        // SAFETY: as the caller promises.
        let names = names.iter().map(|name| unsafe { read::name(*name, "participants") });
        let names: Vec<&str> = names.collect::<Result<_, _>>()?;
        inner.take(Input::Participants(&names), Millis(now_ms))
    };
    // SAFETY: as the caller promises.
    unsafe { with(session, body) }
}

/// Fresh keys for all, please. `FRAMESEAL_STATUS_SESSION_OVER` unless this member is in the group.
///
/// # Safety
/// Every pointer is NULL or as the header asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_session_rotate(
    session: *mut frameseal_session,
    now_ms: u64,
) -> frameseal_status {
    // SAFETY: as the caller promises.
    unsafe {
        with(session, |inner| {
            inner.member_only()?;
            inner.take(Input::Rotate, Millis(now_ms))
        })
    }
}

/// This member of the newest epoch shall be out, at once. `index` and `key` as `frameseal_person` has them: the key, so
/// that nobody else is meant who has the index by now.
///
/// # Safety
/// Every pointer is NULL or as the header asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_session_remove(
    session: *mut frameseal_session,
    index: u32,
    key: *const u8,
    key_len: usize,
    now_ms: u64,
) -> frameseal_status {
    let body = |inner: &mut Inner| {
        // SAFETY: as the caller promises.
        let key = unsafe { read::bytes(key, key_len, "key") }?;
        let who = inner.member(index, key).ok_or(Failure::Misuse(S::NoSuchMember, "index"))?;
        inner.take(Input::Remove(&who), Millis(now_ms))
    };
    // SAFETY: as the caller promises.
    unsafe { with(session, body) }
}

/// The members shall agree on this: `frameseal_mode`, `frameseal_admit`, `frameseal_suite`; 0 for the defaults. The
/// room's secret stays as it is. `FRAMESEAL_STATUS_SESSION_OVER` unless this member is in the group.
///
/// # Safety
/// Every pointer is NULL or as the header asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_session_policy(
    session: *mut frameseal_session,
    mode: u32,
    admit: u32,
    suite: u32,
    now_ms: u64,
) -> frameseal_status {
    let body = |inner: &mut Inner| {
        let policy = room_policy(mode, admit, suite)?;
        inner.member_only()?;
        let secret = inner.secret();
        inner.take(Input::Policy(RoomPolicy { secret, ..policy }), Millis(now_ms))
    };
    // SAFETY: as the caller promises.
    unsafe { with(session, body) }
}

/// The user wants to compare seven emoji with the others: `FRAMESEAL_OUTPUT_KIND_EMOJI` follows when all had a say.
///
/// # Safety
/// Every pointer is NULL or as the header asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_session_compare(
    session: *mut frameseal_session,
    now_ms: u64,
) -> frameseal_status {
    // SAFETY: as the caller promises.
    unsafe { with(session, |inner| inner.take(Input::Compare, Millis(now_ms))) }
}

/// People found the code or the emoji of `epoch` (as they came with it) to be the same on all screens.
/// `FRAMESEAL_EVENT_UNCOMPARED` tells of who came since.
///
/// # Safety
/// Every pointer is NULL or as the header asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_session_same(
    session: *mut frameseal_session,
    epoch: u64,
    now_ms: u64,
) -> frameseal_status {
    // SAFETY: as the caller promises.
    unsafe { with(session, |inner| inner.take(Input::Same(Epoch(epoch)), Millis(now_ms))) }
}

/// The user wants out. Carry what the session still says, then free it.
///
/// # Safety
/// Every pointer is NULL or as the header asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_session_leave(
    session: *mut frameseal_session,
    now_ms: u64,
) -> frameseal_status {
    // SAFETY: as the caller promises.
    unsafe { with(session, |inner| inner.take(Input::Leave, Millis(now_ms))) }
}

/// The time that `FRAMESEAL_OUTPUT_KIND_WAKE_AT` named has come.
///
/// # Safety
/// Every pointer is NULL or as the header asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_session_wake(
    session: *mut frameseal_session,
    now_ms: u64,
) -> frameseal_status {
    // SAFETY: as the caller promises.
    unsafe { with(session, |inner| inner.take(Input::Wake, Millis(now_ms))) }
}

/// The answer to `FRAMESEAL_OUTPUT_KIND_DECIDE`: a `frameseal_trust` for each of its people, in their order.
///
/// # Safety
/// Every pointer is NULL or as the header asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_session_verdict(
    session: *mut frameseal_session,
    question: u32,
    trust: *const u8,
    count: usize,
    now_ms: u64,
) -> frameseal_status {
    const UNVERIFIED: u8 = frameseal_trust::Unverified as u8;
    const VERIFIED: u8 = frameseal_trust::Verified as u8;
    let body = |inner: &mut Inner| {
        // SAFETY: as the caller promises.
        let given = unsafe { read::bytes(trust, count, "trust") }?;
        // What is no trust is a refusal.
        let verdicts = given.iter().map(|byte| match *byte {
            UNVERIFIED => Trust::Unverified,
            VERIFIED => Trust::Verified,
            _ => Trust::Refused,
        });
        let verdicts: Vec<_> = verdicts.collect();
        inner.take(Input::Verdict(Question(question), &verdicts), Millis(now_ms))
    };
    // SAFETY: as the caller promises.
    unsafe { with(session, body) }
}
