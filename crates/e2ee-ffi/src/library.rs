//! Exports about the library itself.

use core::ffi::c_char;

use zeroize::Zeroize;

use crate::fence::{self, fence_value};
use crate::status::frameseal_status;
use crate::types::FRAMESEAL_ABI_VERSION;

/// Version of the ABI of the library that is running; compare it with `FRAMESEAL_ABI_VERSION` of the header. A newer
/// library serves an older program.
#[unsafe(no_mangle)]
pub extern "C" fn frameseal_abi_version() -> u32 {
    FRAMESEAL_ABI_VERSION
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
