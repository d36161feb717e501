//! Exports that seal.

use core::ffi::c_char;

use e2ee_core::frame::Padding;
use e2ee_core::{FrameBuf, KeyAt, RoomSecret, Sealer, SecretBytes, Straight, jitsi, livekit};

use crate::fence::{Failure, fence, fence_value};
use crate::handle::Guarded;
use crate::media::{Scheme, Sealing, wrong_format};
use crate::read;
use crate::report;
use crate::status::frameseal_status;
use crate::types::{frameseal_config, frameseal_frame_info};

/// Seals the frames of one participant. For one thread at a time.
pub struct frameseal_sealer {
    pub(crate) inner: Guarded<Inner>,
}

pub(crate) struct Inner {
    pub(crate) sealing: Sealing,
    pub(crate) buf: FrameBuf,
}

impl frameseal_sealer {
    pub(crate) fn new(sealing: Sealing) -> Self {
        Self { inner: Guarded::new(Inner { sealing, buf: FrameBuf::new() }) }
    }
}

/// Makes a sealer with a fresh base key; in LiveKit's and Jitsi's format one without keys, see `frameseal_sealer_set_slot`.
///
/// `entropy`: `FRAMESEAL_ENTROPY_LEN` bytes from the system's generator (getrandom, arc4random_buf,
/// BCryptGenRandom), drawn for this sealer alone. The same bytes twice would repeat key and nonces; wipe them
/// afterwards.
///
/// Free the sealer with `frameseal_sealer_free`.
///
/// # Safety
/// Every pointer is NULL or as the header asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_sealer_new(
    config: *const frameseal_config,
    entropy: *const u8,
    entropy_len: usize,
    out: *mut *mut frameseal_sealer,
) -> frameseal_status {
    fence(|| {
        read::not_null(out, "out")?;
        // SAFETY: as the caller promises.
        let (scheme, who) = unsafe { read::config(config) }?;
        // SAFETY: as the caller promises.
        let entropy = unsafe { read::entropy(entropy, entropy_len) }?;
        let sealing = match scheme {
            Scheme::Sframe(profile) => Sealing::Sframe(Box::new(Sealer::generate(profile, who, entropy))),
            Scheme::LiveKit(options) => {
                let (start, _) = entropy.split_first_chunk().unwrap_or((&[0; 8], &[]));
                Sealing::LiveKit(Box::new(livekit::Sealer::new(options, who, *start)))
            }
            Scheme::Jitsi(options) => {
                let (start, _) = entropy.split_first_chunk().unwrap_or((&[0; 8], &[]));
                Sealing::Jitsi(Box::new(jitsi::Sealer::new(options, who, *start)))
            }
        };
        // SAFETY: as the caller promises.
        unsafe { read::new_handle(out, frameseal_sealer::new(sealing)) }
    })
}

/// Makes a sealer whose keys everybody with the same secret can derive, once they know its announcement: send that to
/// all, through any channel, and everybody gives it to `frameseal_opener_follow`. Not in LiveKit's and Jitsi's format.
///
/// `secret`: 16 to 256 bytes that nobody can guess; of what people type, make them with `frameseal_stretch`.
/// `entropy`: as in `frameseal_sealer_new`.
///
/// # Safety
/// Every pointer is NULL or as the header asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_sealer_new_shared(
    config: *const frameseal_config,
    secret: *const u8,
    secret_len: usize,
    entropy: *const u8,
    entropy_len: usize,
    out: *mut *mut frameseal_sealer,
) -> frameseal_status {
    fence(|| {
        read::not_null(out, "out")?;
        // SAFETY: as the caller promises.
        let (scheme, who) = unsafe { read::config(config) }?;
        // SAFETY: as the caller promises.
        let secret = unsafe { read::shared_secret(secret, secret_len) }?;
        // SAFETY: as the caller promises.
        let entropy = unsafe { read::entropy(entropy, entropy_len) }?;
        let Scheme::Sframe(profile) = scheme else { return Err(wrong_format()) };
        let secret = RoomSecret::from_stretched(SecretBytes::copy_of(secret));
        let sealer = Sealer::from_room(profile, who, &secret, entropy);
        // SAFETY: as the caller promises.
        unsafe { read::new_handle(out, frameseal_sealer::new(Sealing::Sframe(Box::new(sealer)))) }
    })
}

/// Frees a sealer and wipes its keys. NULL is allowed. No other call may be using it.
///
/// # Safety
/// `sealer` is NULL or came from this library and was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_sealer_free(sealer: *mut frameseal_sealer) {
    fence(|| {
        // SAFETY: as the caller promises.
        unsafe { read::free(sealer) };
        Ok(())
    });
}

/// Copies the sender's current key, for one peer over a channel that only this peer can read. Whoever has it can
/// open this sender's frames from `*step` of `*generation` on; give it to `frameseal_opener_install_key`. Wipe your
/// copy when it is sent.
///
/// `base_key`: room for the key; `FRAMESEAL_MAX_BASE_KEY_LEN` bytes always suffice, 32 for keys that a sealer makes.
///
/// # Safety
/// Every pointer is NULL or as the header asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_sealer_key(
    sealer: *const frameseal_sealer,
    generation: *mut u32,
    step: *mut u32,
    base_key: *mut u8,
    base_key_cap: usize,
    base_key_len: *mut usize,
) -> frameseal_status {
    fence(|| {
        // SAFETY: as the caller promises.
        let handle = unsafe { read::handle(sealer, "sealer") }?;
        read::not_null(generation, "generation")?;
        read::not_null(step, "step")?;
        read::not_null(base_key, "base_key")?;
        read::not_null(base_key_len, "base_key_len")?;
        handle.inner.with(|inner| {
            let sealer = inner.sealing.sframe()?;
            let KeyAt::Sender(at_generation, at_step) = sealer.key_at() else {
                return Err(Failure::Misuse(frameseal_status::WrongScheme, "sealer"));
            };
            let key = sealer.sender_key();
            let key = key.ok_or(Failure::Misuse(frameseal_status::WrongScheme, "sealer"))?;
            // SAFETY: as the caller promises.
            unsafe { read::write_bytes(key.base.expose(), base_key, base_key_cap, base_key_len) }?;
            // SAFETY: as the caller promises.
            unsafe { read::write(generation, at_generation.0) }?;
            // SAFETY: as the caller promises.
            unsafe { read::write(step, at_step.0) }
        })
    })
}

/// Writes the announcement of a sealer made with `frameseal_sealer_new_shared`: a text of 41 bytes and a NUL, which is
/// no secret. With `out` NULL only how many bytes `out` needs. A sealer without one gives
/// `FRAMESEAL_STATUS_WRONG_SCHEME`.
///
/// # Safety
/// Every pointer is NULL or as the header asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_sealer_announcement(
    sealer: *const frameseal_sealer,
    out: *mut c_char,
    out_cap: usize,
    out_len: *mut usize,
) -> frameseal_status {
    fence(|| {
        // SAFETY: as the caller promises.
        let handle = unsafe { read::handle(sealer, "sealer") }?;
        handle.inner.with(|inner| {
            let said = inner.sealing.sframe()?.announcement();
            let said = said.ok_or(Failure::Misuse(frameseal_status::WrongScheme, "sealer"))?;
            // SAFETY: as the caller promises.
            unsafe { read::write_text(&said.to_string(), out, out_cap, out_len) }
        })
    })
}

/// Starts a new generation with a fresh base key: after somebody left, or with `FRAMESEAL_STATUS_WORN`. Hand the new
/// key out (`frameseal_sealer_key`); who follows an announcement needs nothing.
///
/// `entropy`: as in `frameseal_sealer_new`, and not the same again.
///
/// # Safety
/// Every pointer is NULL or as the header asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_sealer_rotate(
    sealer: *mut frameseal_sealer,
    entropy: *const u8,
    entropy_len: usize,
) -> frameseal_status {
    fence(|| {
        // SAFETY: as the caller promises.
        let handle = unsafe { read::handle(sealer, "sealer") }?;
        // SAFETY: as the caller promises.
        let entropy = unsafe { read::entropy(entropy, entropy_len) }?;
        handle.inner.with(|inner| {
            inner.sealing.sframe()?.rotate(entropy)?;
            Ok(())
        })
    })
}

/// Ratchets one step forward: before somebody joins, so that the newcomer cannot open what came before. Who has the
/// key of an earlier step follows by itself. `FRAMESEAL_STATUS_STEPS_USED_UP`: rotate instead.
///
/// # Safety
/// Every pointer is NULL or as the header asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_sealer_step(sealer: *mut frameseal_sealer) -> frameseal_status {
    fence(|| {
        // SAFETY: as the caller promises.
        let handle = unsafe { read::handle(sealer, "sealer") }?;
        handle.inner.with(|inner| {
            inner.sealing.sframe()?.step()?;
            Ok(())
        })
    })
}

/// Fills frames of one `frameseal_kind` up to a multiple of so many bytes, up to 65535; 0 ends that. For speech, whose
/// sizes tell what is said. Not in LiveKit's and Jitsi's format.
///
/// # Safety
/// Every pointer is NULL or as the header asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_sealer_set_padding(
    sealer: *mut frameseal_sealer,
    kind: u32,
    multiple_of: u32,
) -> frameseal_status {
    fence(|| {
        // SAFETY: as the caller promises.
        let handle = unsafe { read::handle(sealer, "sealer") }?;
        let kind = read::kind(kind, "kind")?;
        let padding = match u16::try_from(multiple_of) {
            Ok(0) => Padding::None,
            Ok(n) => Padding::MultipleOf(n),
            Err(_) => return Err(Failure::Misuse(frameseal_status::BadOption, "multiple_of")),
        };
        handle.inner.with(|inner| match &mut inner.sealing {
            Sealing::Sframe(sealer) => {
                sealer.set_padding(kind, padding);
                Ok(())
            }
            Sealing::Follows(follower) => {
                follower.set_padding(kind, padding);
                Ok(())
            }
            Sealing::LiveKit(_) | Sealing::Jitsi(_) => Err(wrong_format()),
        })
    })
}

/// Writes a report for a support desk: JSON and a NUL. Where keys stand, with fingerprints, and how many frames were
/// sealed; never a key. With `out` NULL only how many bytes `out` needs now.
///
/// # Safety
/// Every pointer is NULL or as the header asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_sealer_report(
    sealer: *const frameseal_sealer,
    out: *mut c_char,
    out_cap: usize,
    out_len: *mut usize,
) -> frameseal_status {
    fence(|| {
        // SAFETY: as the caller promises.
        let handle = unsafe { read::handle(sealer, "sealer") }?;
        let text = handle.inner.with(|inner| Ok(report::sealer(&mut inner.sealing)))?;
        // SAFETY: as the caller promises.
        unsafe { read::write_text(&text, out, out_cap, out_len) }
    })
}

/// The most bytes that a frame of `in_len` bytes can become, or 0 when an argument is wrong (see
/// `frameseal_last_error`).
///
/// # Safety
/// Every pointer is NULL or as the header asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_max_sealed_len(
    sealer: *const frameseal_sealer,
    info: *const frameseal_frame_info,
    in_len: usize,
) -> usize {
    fence_value(0, || {
        // SAFETY: as the caller promises.
        let handle = unsafe { read::handle(sealer, "sealer") }?;
        // SAFETY: as the caller promises.
        let info = unsafe { read::info(info) }?;
        handle.inner.with(|inner| inner.sealing.max_sealed_len(&info, in_len))
    })
}

/// Seals one frame from `in` to `out`, which may be the same memory or overlap: in place, with room behind.
/// `frameseal_max_sealed_len` bytes of `out_cap` always suffice; with `FRAMESEAL_STATUS_BUFFER_TOO_SMALL` nothing is
/// written and you may try again. With `out` NULL nothing is sealed or read and `*out_len` is the most that `out` can
/// need. `in` may be NULL then, and when `in_len` is 0.
///
/// Unless this gives `FRAMESEAL_STATUS_OK`, do not send the frame: never send it unsealed instead.
///
/// # Safety
/// Every pointer is NULL or as the header asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_seal(
    sealer: *mut frameseal_sealer,
    info: *const frameseal_frame_info,
    r#in: *const u8,
    in_len: usize,
    out: *mut u8,
    out_cap: usize,
    out_len: *mut usize,
) -> frameseal_status {
    fence(|| {
        // SAFETY: as the caller promises.
        let handle = unsafe { read::handle(sealer, "sealer") }?;
        // SAFETY: as the caller promises.
        let info = unsafe { read::info(info) }?;
        read::not_null(out_len, "out_len")?;
        handle.inner.with(|Inner { sealing, buf }| {
            if out.is_null() {
                // SAFETY: as the caller promises.
                return unsafe { read::write(out_len, sealing.max_sealed_len(&info, in_len)?) };
            }
            // SAFETY: as the caller promises; the slice is gone before `out` is written from `buf`.
            let frame = unsafe { read::bytes(r#in, in_len, "in") }?;
            // No more of `out` is touched by a frame that goes straight.
            let room = out_cap.min(in_len.saturating_add(Straight::MOST_ADDED));
            if read::disjoint(frame, out, room) && read::disjoint(info.metadata, out, room) {
                // SAFETY: so many bytes are writable, as the caller promises, and neither `frame` nor the metadata
                // has one of them.
                let out = unsafe { core::slice::from_raw_parts_mut(out, room) };
                match sealing.seal_into(&info, frame, out)? {
                    // SAFETY: as the caller promises.
                    Straight::Done(len) => return unsafe { read::write(out_len, len) },
                    Straight::Short(need) => return Err(Failure::TooSmall { need, have: out_cap }),
                    Straight::Apart => {}
                }
            }
            let sealed = sealing.seal(&info, frame, buf)?;
            // SAFETY: as the caller promises.
            unsafe { read::write_bytes(sealed, out, out_cap, out_len) }
        })
    })
}
