//! Exports that open.

use core::ffi::c_char;
use std::sync::Arc;

use e2ee_core::{FrameBuf, Generation, KeyAt, KidScheme, Millis, Step, Straight};

use crate::fence::{Failure, fence, fence_status};
use crate::follow::Opening;
use crate::handle::Guarded;
use crate::media::{Scheme, wrong_format};
use crate::read;
use crate::report;
use crate::ring::Change;
use crate::status::frameseal_status;
use crate::types::{frameseal_config, frameseal_frame_info};

/// Opens the frames of one participant. For one thread at a time. Make one for each: what one opener opened, another
/// one does not know to be a repeat.
pub struct frameseal_opener {
    pub(crate) inner: Guarded<Inner>,
}

pub(crate) struct Inner {
    pub(crate) opening: Opening,
    pub(crate) buf: FrameBuf,
}

impl frameseal_opener {
    pub(crate) fn new(opening: Opening) -> Self {
        Self { inner: Guarded::new(Inner { opening, buf: FrameBuf::new() }) }
    }
}

/// Makes an opener for the frames of `config->participant`. It opens nothing until it has a key.
///
/// Free the opener with `frameseal_opener_free`.
///
/// # Safety
/// Every pointer is NULL or as the header asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_opener_new(
    config: *const frameseal_config,
    out: *mut *mut frameseal_opener,
) -> frameseal_status {
    fence(|| {
        read::not_null(out, "out")?;
        // SAFETY: as the caller promises.
        let (scheme, who) = unsafe { read::config(config) }?;
        // SAFETY: as the caller promises.
        unsafe { read::new_handle(out, frameseal_opener::new(Opening::new(scheme, who, None))) }
    })
}

/// Frees an opener and wipes its keys. NULL is allowed. No other call may be using it.
///
/// # Safety
/// `opener` is NULL or came from this library and was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_opener_free(opener: *mut frameseal_opener) {
    fence(|| {
        // SAFETY: as the caller promises.
        unsafe { read::free(opener) };
        Ok(())
    });
}

/// Takes a key of the sender, as `frameseal_sealer_key` gave it, come over a secure channel. Frames of this step and
/// of later steps of the generation can be opened from now on. Taking the same key again changes nothing; another key
/// at the same place replaces it. The key is copied.
///
/// # Safety
/// Every pointer is NULL or as the header asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_opener_install_key(
    opener: *mut frameseal_opener,
    generation: u32,
    step: u32,
    base_key: *const u8,
    base_key_len: usize,
) -> frameseal_status {
    fence(|| {
        // SAFETY: as the caller promises.
        let handle = unsafe { read::handle(opener, "opener") }?;
        // SAFETY: as the caller promises.
        let base = unsafe { read::base_key(base_key, base_key_len) }?;
        handle.inner.with(|Inner { opening, .. }| {
            let at = key_at(opening.scheme(), generation, step)?;
            opening.apply(&Change::Install { at, suite: None, base })
        })
    })
}

/// Where a sender's key stands, if the scheme can say so.
pub(crate) fn key_at(scheme: &Scheme, generation: u32, step: u32) -> Result<KeyAt, Failure> {
    let Scheme::Sframe(profile) = scheme else { return Err(wrong_format()) };
    if let KidScheme::SenderKeys { ratchet_bits } = profile.scheme
        && step >> ratchet_bits != 0
    {
        return Err(Failure::Misuse(frameseal_status::BadStep, "step"));
    }
    Ok(KeyAt::Sender(Generation(generation), Step(step)))
}

/// Follows a sender by a secret that both know and the sender's announcement, a text with a NUL at the end that may
/// have come through any channel: see `frameseal_sealer_new_shared`. Every later generation is derived. The same
/// announcement again changes nothing; another one is another run of the sender (it was restarted), and what was seen
/// of earlier runs is remembered.
///
/// # Safety
/// Every pointer is NULL or as the header asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_opener_follow(
    opener: *mut frameseal_opener,
    secret: *const u8,
    secret_len: usize,
    announcement: *const c_char,
) -> frameseal_status {
    fence(|| {
        // SAFETY: as the caller promises.
        let handle = unsafe { read::handle(opener, "opener") }?;
        // SAFETY: as the caller promises.
        let secret = unsafe { read::shared_secret(secret, secret_len) }?;
        let secret = Arc::new(e2ee_core::SecretBytes::copy_of(secret));
        // SAFETY: as the caller promises.
        let said = unsafe { read::announcement(announcement) }?;
        handle.inner.with(|Inner { opening, .. }| opening.apply(&Change::Follow { said, secret }))
    })
}

/// Drops every key that is older than this step of this generation, at once: after somebody was removed. Without it,
/// old keys go some seconds after a newer one opened a frame (`frameseal_opener_tick`).
///
/// # Safety
/// Every pointer is NULL or as the header asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_opener_forget_before(
    opener: *mut frameseal_opener,
    generation: u32,
    step: u32,
) -> frameseal_status {
    fence(|| {
        // SAFETY: as the caller promises.
        let handle = unsafe { read::handle(opener, "opener") }?;
        handle.inner.with(|Inner { opening, .. }| {
            let at = key_at(opening.scheme(), generation, step)?;
            opening.apply(&Change::ForgetBefore(at))
        })
    })
}

/// Tells the time, milliseconds on a clock that does not go back, about once a second: keys that a newer one replaced
/// go ten seconds later.
///
/// # Safety
/// Every pointer is NULL or as the header asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_opener_tick(
    opener: *mut frameseal_opener,
    now_ms: u64,
) -> frameseal_status {
    fence(|| {
        // SAFETY: as the caller promises.
        let handle = unsafe { read::handle(opener, "opener") }?;
        handle.inner.with(|Inner { opening, .. }| {
            opening.tick(Millis(now_ms));
            Ok(())
        })
    })
}

/// Writes a report for a support desk: JSON and a NUL. Where keys stand, with fingerprints, and how frames fared;
/// never a key. With `out` NULL only how many bytes `out` needs now.
///
/// # Safety
/// Every pointer is NULL or as the header asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_opener_report(
    opener: *const frameseal_opener,
    out: *mut c_char,
    out_cap: usize,
    out_len: *mut usize,
) -> frameseal_status {
    fence(|| {
        // SAFETY: as the caller promises.
        let handle = unsafe { read::handle(opener, "opener") }?;
        let text = handle.inner.with(|inner| {
            inner.opening.catch_up();
            Ok(report::opener(&inner.opening))
        })?;
        // SAFETY: as the caller promises.
        unsafe { read::write_text(&text, out, out_cap, out_len) }
    })
}

/// Opens one frame from `in` to `out`, which may be the same memory or overlap: in place. `out_cap` must be at least
/// `in_len`. With `out` NULL nothing is opened and `*out_len` is what `out` must have.
///
/// Unless this gives `FRAMESEAL_STATUS_OK` (or, if you allowed it, `FRAMESEAL_STATUS_SERVER_MADE`), drop the frame.
/// `out` then has nothing of it: it is as it was, or zeros stand in its first `in_len` bytes (never where it overlaps
/// `in`), and `*out_len` is as it was. Behind an opened frame, the bytes up to `in_len` are unspecified.
///
/// # Safety
/// Every pointer is NULL or as the header asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_open(
    opener: *mut frameseal_opener,
    info: *const frameseal_frame_info,
    r#in: *const u8,
    in_len: usize,
    out: *mut u8,
    out_cap: usize,
    out_len: *mut usize,
) -> frameseal_status {
    fence_status(|| {
        // SAFETY: as the caller promises.
        let handle = unsafe { read::handle(opener, "opener") }?;
        // SAFETY: as the caller promises.
        let info = unsafe { read::info(info) }?;
        read::not_null(out_len, "out_len")?;
        if out.is_null() {
            // SAFETY: as the caller promises.
            unsafe { read::write(out_len, in_len) }?;
            return Ok(frameseal_status::Ok);
        }
        // Asked first: an opened frame counts as seen, and could not be opened again into a larger buffer.
        if out_cap < in_len {
            return Err(Failure::TooSmall { need: in_len, have: out_cap });
        }
        handle.inner.with(|Inner { opening, buf }| {
            // SAFETY: as the caller promises; the slice is gone before `out` is written from `buf`.
            let frame = unsafe { read::bytes(r#in, in_len, "in") }?;
            if read::disjoint(frame, out, in_len) && read::disjoint(info.metadata, out, in_len) {
                // SAFETY: so many bytes are writable, as the caller promises, and neither `frame` nor the metadata
                // has one of them.
                let out = unsafe { core::slice::from_raw_parts_mut(out, in_len) };
                match opening.open_into(&info, frame, out)? {
                    Straight::Done(len) => {
                        // SAFETY: as the caller promises.
                        unsafe { read::write(out_len, len) }?;
                        return Ok(frameseal_status::Ok);
                    }
                    Straight::Short(need) => return Err(Failure::TooSmall { need, have: out_cap }),
                    Straight::Apart => {}
                }
            }
            let (opened, server_made) = opening.open(&info, frame, buf)?;
            // SAFETY: as the caller promises.
            unsafe { read::write_bytes(opened, out, out_cap, out_len) }?;
            Ok(if server_made { frameseal_status::ServerMade } else { frameseal_status::Ok })
        })
    })
}
