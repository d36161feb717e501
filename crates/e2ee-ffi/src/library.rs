//! Exports about the library itself.

use core::ffi::c_char;

use e2ee_core::crypto::kdf::pbkdf2_sha256;
use e2ee_core::key::room::STRETCH_ROUNDS;
use zeroize::Zeroize;

use crate::fence::{self, Failure, fence, fence_value};
use crate::read;
use crate::status::frameseal_status;
use crate::types::{FRAMESEAL_ABI_VERSION, FRAMESEAL_STRETCHED_LEN};

/// Version of the ABI of the library that is running; compare it with `FRAMESEAL_ABI_VERSION` of the header. A newer
/// library serves an older program.
#[unsafe(no_mangle)]
pub extern "C" fn frameseal_abi_version() -> u32 {
    FRAMESEAL_ABI_VERSION
}

/// Version of the library that is running, such as "0.1.0": a constant string. For people to read; what a program asks
/// is `frameseal_abi_version`.
#[unsafe(no_mangle)]
pub extern "C" fn frameseal_version() -> *const c_char {
    const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    VERSION.as_ptr().cast()
}

/// What a status means: a constant string, never NULL. Takes any number.
#[unsafe(no_mangle)]
pub extern "C" fn frameseal_strerror(status: i32) -> *const c_char {
    frameseal_status::word(status).as_ptr()
}

/// Details of the last call that failed on this thread: which argument, or whose frame and which key. Never NULL.
/// The string is valid until the next call on this thread fails or the thread ends. It holds no secrets.
#[unsafe(no_mangle)]
pub extern "C" fn frameseal_last_error() -> *const c_char {
    fence_value(c"no error".as_ptr(), || Ok(fence::last_error()))
}

/// Stretches what people share and could be guessed (a word, part of a link), so that guessing is slow: some tens of
/// milliseconds a try. Everybody in `call` gets the same `FRAMESEAL_STRETCHED_LEN` bytes, to be used as the secret of
/// `frameseal_sealer_new_shared` and `frameseal_opener_follow`. `text`: UTF-8, 1 to 512 bytes, with a NUL at the end.
///
/// # Safety
/// Every pointer is NULL or as the header asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_stretch(
    text: *const c_char,
    call: *const c_char,
    out: *mut u8,
    out_cap: usize,
) -> frameseal_status {
    fence(|| {
        read::not_null(out, "out")?;
        // SAFETY: as the caller promises.
        let text = unsafe { read::name(text, "text") }?;
        // SAFETY: as the caller promises.
        let call = unsafe { read::call(call, "call") }?;
        if text.is_empty() {
            return Err(Failure::Misuse(frameseal_status::BadName, "text"));
        }
        if out_cap < FRAMESEAL_STRETCHED_LEN {
            return Err(Failure::TooSmall { need: FRAMESEAL_STRETCHED_LEN, have: out_cap });
        }
        let salt = ["Frameseal room 1", call.as_str()].concat();
        let stretched = pbkdf2_sha256(text.as_bytes(), salt.as_bytes(), STRETCH_ROUNDS);
        let mut len = 0;
        // SAFETY: as the caller promises.
        unsafe { read::write_bytes(stretched.expose(), out, out_cap, &raw mut len) }
    })
}

/// Sets `len` bytes to zero in a way that compilers do not leave out: for key bytes that are no longer needed. NULL
/// is allowed.
///
/// # Safety
/// Unless it is NULL, `data` must point to `len` writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_wipe(data: *mut u8, len: usize) {
    if data.is_null() || isize::try_from(len).is_err() {
        return;
    }
    // SAFETY: not NULL, at most isize::MAX bytes, writable as the caller promises.
    unsafe { core::slice::from_raw_parts_mut(data, len) }.zeroize();
}
