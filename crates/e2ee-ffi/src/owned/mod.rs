//! The C functions for Rust callers that may not be unsafe: bindings of other languages, tests. Each method is the C
//! function of its name; handles free themselves, and their addresses may be given to C functions as long as they live.

mod media;
#[cfg(feature = "session")]
mod session;

use core::ffi::{CStr, c_char};
use core::ptr;
use std::ffi::CString;

use zeroize::Zeroizing;

use crate::fence::Failure;
use crate::status::frameseal_status;
use crate::types::{FRAMESEAL_STRETCHED_LEN, frameseal_config};

pub use media::{DataPacket, Info, Opener, Ring, Sealer, SenderKey, Slot};
#[cfg(feature = "session")]
pub use session::{Output, Person, Session, SessionConfig};

/// A status other than OK, with the words of `frameseal_last_error`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// A `frameseal_status`.
    pub status: i32,
    /// Which argument, or whose frame and which key.
    pub words: String,
}

/// A result of this module.
pub type Result<T> = core::result::Result<T, Failed>;

/// `frameseal_config`, numbers as in the header.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct Config {
    pub call: Option<String>,
    pub participant: String,
    pub format: u32,
    pub suite: u32,
    pub ratchet_bits: u32,
    pub slots: u32,
    pub ratchet_window: u32,
}

impl Config {
    /// Shows C the config for as long as `body` runs.
    fn with<R>(&self, body: impl FnOnce(*const frameseal_config) -> Result<R>) -> Result<R> {
        let call = self.call.as_deref().map(|call| name(call, "config.call")).transpose()?;
        let participant = name(&self.participant, "config.participant")?;
        let config = frameseal_config {
            size: size_of::<frameseal_config>(),
            call: call.as_ref().map_or(ptr::null(), |call| call.as_ptr()),
            participant: participant.as_ptr(),
            format: self.format,
            suite: self.suite,
            ratchet_bits: self.ratchet_bits,
            slots: self.slots,
            ratchet_window: self.ratchet_window,
        };
        body(&raw const config)
    }
}

/// `frameseal_stretch`.
pub fn stretch(text: &str, call: &str) -> Result<Zeroizing<Vec<u8>>> {
    let text = Zeroizing::new(name(text, "text")?.into_bytes_with_nul());
    let call = name(call, "call")?;
    let mut out = Zeroizing::new(vec![0; FRAMESEAL_STRETCHED_LEN]);
    // SAFETY: both texts end with a NUL, and `out` has as many bytes as are said.
    let status = unsafe {
        crate::frameseal_stretch(
            text.as_ptr().cast(),
            call.as_ptr(),
            out.as_mut_ptr(),
            FRAMESEAL_STRETCHED_LEN,
        )
    };
    done(status)?;
    Ok(out)
}

/// `frameseal_strerror`.
pub fn strerror(status: i32) -> String {
    // SAFETY: a constant text with a NUL at the end.
    unsafe { CStr::from_ptr(crate::frameseal_strerror(status)) }.to_string_lossy().into_owned()
}

/// The words of a failure are taken at once: the next one on the thread takes their place.
fn done(status: frameseal_status) -> Result<()> {
    match status {
        frameseal_status::Ok => Ok(()),
        status => Err(failed(status)),
    }
}

fn failed(status: frameseal_status) -> Failed {
    // SAFETY: a text with a NUL at the end, valid until the next failure of this thread.
    let words = unsafe { CStr::from_ptr(crate::frameseal_last_error()) };
    Failed { status: status as i32, words: words.to_string_lossy().into_owned() }
}

fn name(text: &str, argument: &'static str) -> Result<CString> {
    // The failure is remembered as any other, so that its words are the same.
    CString::new(text).map_err(|_| {
        failed(crate::fence::fence(|| Err(Failure::Misuse(frameseal_status::BadName, argument))))
    })
}

/// A text whose length is asked first; it may grow in between.
fn text(ask: impl Fn(*mut c_char, usize, *mut usize) -> frameseal_status) -> Result<String> {
    let mut need = 0;
    done(ask(ptr::null_mut(), 0, &raw mut need))?;
    loop {
        let (mut bytes, mut len) = (vec![0_u8; need], 0);
        match ask(bytes.as_mut_ptr().cast(), need, &raw mut len) {
            frameseal_status::BufferTooSmall => need *= 2,
            status => {
                done(status)?;
                bytes.truncate(len);
                return Ok(String::from_utf8_lossy(&bytes).into_owned());
            }
        }
    }
}

fn nullable(bytes: &[u8]) -> *const u8 {
    if bytes.is_empty() { ptr::null() } else { bytes.as_ptr() }
}
