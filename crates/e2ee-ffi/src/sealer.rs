//! Exports that seal.

use e2ee_core::{FrameBuf, KeyAt, Sealer};

use crate::fence::{Failure, fence, fence_value};
use crate::handle::Guarded;
use crate::read;
use crate::status::frameseal_status;
use crate::types::{FRAMESEAL_ENTROPY_LEN, frameseal_config, frameseal_frame_info};

/// Seals the frames of one participant.
pub struct frameseal_sealer {
    inner: Guarded<Inner>,
}

struct Inner {
    sealer: Sealer,
    buf: FrameBuf,
}

/// Makes a sealer with a fresh base key.
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
        let (profile, who) = unsafe { read::config(config) }?;
        // SAFETY: as the caller promises.
        let entropy = unsafe { read::bytes(entropy, entropy_len, "entropy") }?;
        let entropy: &[u8; FRAMESEAL_ENTROPY_LEN] =
            entropy.try_into().map_err(|_| Failure::Misuse(frameseal_status::BadEntropy, "entropy_len"))?;
        if entropy.iter().all(|byte| *byte == 0) {
            return Err(Failure::Misuse(frameseal_status::BadEntropy, "entropy"));
        }
        let sealer = Sealer::generate(profile, who, entropy);
        let handle = frameseal_sealer { inner: Guarded::new(Inner { sealer, buf: FrameBuf::new() }) };
        // SAFETY: as the caller promises.
        unsafe { read::new_handle(out, handle) }
    })
}

/// Frees a sealer and wipes its keys. NULL is allowed. No other call may be using it.
///
/// # Safety
/// `sealer` is NULL or came from `frameseal_sealer_new` and was not freed.
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
            let KeyAt::Sender(at_generation, at_step) = inner.sealer.key_at() else {
                return Err(Failure::Misuse(frameseal_status::WrongScheme, "sealer"));
            };
            let key = inner.sealer.sender_key();
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
        handle.inner.with(|inner| Ok(inner.sealer.max_sealed_len(&info, in_len)))
    })
}

/// Seals one frame from `in` to `out`, which may be the same memory or overlap. `frameseal_max_sealed_len` bytes of
/// `out_cap` always suffice; with `FRAMESEAL_STATUS_BUFFER_TOO_SMALL` nothing is written and you may try again.
/// `in` may be NULL when `in_len` is 0.
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
        read::not_null(out, "out")?;
        read::not_null(out_len, "out_len")?;
        handle.inner.with(|Inner { sealer, buf }| {
            // SAFETY: as the caller promises; the slice is gone before `out` is written.
            buf.fill(unsafe { read::bytes(r#in, in_len, "in") }?);
            let sealed = sealer.seal(&info, buf)?;
            // SAFETY: as the caller promises.
            unsafe { read::write_bytes(sealed, out, out_cap, out_len) }
        })
    })
}
