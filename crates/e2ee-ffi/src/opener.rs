//! Exports that open.

use e2ee_core::{BaseKey, FrameBuf, Generation, KeyAt, KidScheme, Opener, SecretBytes, Step};

use crate::fence::{Failure, fence};
use crate::handle::Guarded;
use crate::read;
use crate::status::frameseal_status;
use crate::types::{frameseal_config, frameseal_frame_info};

/// Opens the frames of one participant.
pub struct frameseal_opener {
    inner: Guarded<Inner>,
}

struct Inner {
    opener: Opener,
    buf: FrameBuf,
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
        let (profile, who) = unsafe { read::config(config) }?;
        let opener = Opener::new(profile, who);
        let handle = frameseal_opener { inner: Guarded::new(Inner { opener, buf: FrameBuf::new() }) };
        // SAFETY: as the caller promises.
        unsafe { read::new_handle(out, handle) }
    })
}

/// Frees an opener and wipes its keys. NULL is allowed. No other call may be using it.
///
/// # Safety
/// `opener` is NULL or came from `frameseal_opener_new` and was not freed.
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
        let bytes = unsafe { read::bytes(base_key, base_key_len, "base_key") }?;
        let base = BaseKey::new(SecretBytes::copy_of(bytes));
        let base = base.map_err(|_| Failure::Misuse(frameseal_status::BadKey, "base_key_len"))?;
        handle.inner.with(|Inner { opener, .. }| {
            if let KidScheme::SenderKeys { ratchet_bits } = opener.ring().profile().scheme
                && step >> ratchet_bits != 0
            {
                return Err(Failure::Misuse(frameseal_status::BadStep, "step"));
            }
            opener.install(KeyAt::Sender(Generation(generation), Step(step)), base);
            Ok(())
        })
    })
}

/// Opens one frame from `in` to `out`, which may be the same memory or overlap. `out_cap` must be at least `in_len`.
///
/// Unless this gives `FRAMESEAL_STATUS_OK`, drop the frame; nothing was written.
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
    fence(|| {
        // SAFETY: as the caller promises.
        let handle = unsafe { read::handle(opener, "opener") }?;
        // SAFETY: as the caller promises.
        let info = unsafe { read::info(info) }?;
        read::not_null(out, "out")?;
        read::not_null(out_len, "out_len")?;
        // Asked first: an opened frame counts as seen, and could not be opened again into a larger buffer.
        if out_cap < in_len {
            return Err(Failure::TooSmall { need: in_len, have: out_cap });
        }
        handle.inner.with(|Inner { opener, buf }| {
            // SAFETY: as the caller promises; the slice is gone before `out` is written.
            buf.fill(unsafe { read::bytes(r#in, in_len, "in") }?);
            let opened = opener.open(&info, buf)?;
            // SAFETY: as the caller promises.
            unsafe { read::write_bytes(opened, out, out_cap, out_len) }
        })
    })
}
