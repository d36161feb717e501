//! The way into and out of every export: no panic crosses, and the last failure of the thread is remembered.

use core::cell::RefCell;
use core::ffi::{CStr, c_char};
use core::fmt::Write;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use e2ee_core::{OpenError, SealError};

use crate::status::frameseal_status;

/// Why an export fails. Words are made only when somebody asks for them: a frame that does not open must stay cheap.
#[derive(Debug)]
pub(crate) enum Failure {
    Open(OpenError),
    Seal(SealError),
    /// The argument that is wrong, and what is wrong with it.
    Misuse(frameseal_status, &'static str),
    TooSmall {
        need: usize,
        have: usize,
    },
    /// What it says itself.
    #[cfg_attr(not(feature = "session"), allow(dead_code))]
    Said(frameseal_status, String),
    Panic(String),
}

impl Failure {
    pub(crate) fn status(&self) -> frameseal_status {
        match self {
            Self::Open(error) => frameseal_status::of(error.cause.code()),
            Self::Seal(error) => frameseal_status::of(error.cause.code()),
            Self::Misuse(status, _) | Self::Said(status, _) => *status,
            Self::TooSmall { .. } => frameseal_status::BufferTooSmall,
            Self::Panic(_) => frameseal_status::Panic,
        }
    }

    fn describe(&self, text: &mut String) {
        // Writing to a String cannot fail.
        let _ = match self {
            Self::Open(error) => write!(text, "{error}"),
            Self::Seal(error) => write!(text, "{error}"),
            Self::Misuse(status, argument) => {
                write!(text, "{argument}: {}", frameseal_status::word(*status as i32).to_string_lossy())
            }
            Self::TooSmall { need, have } => {
                write!(text, "out: the output has {need} bytes, the buffer {have}")
            }
            Self::Said(_, words) => write!(text, "{words}"),
            Self::Panic(message) => write!(text, "panic: {message}"),
        };
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        Self::Open(error)
    }
}

impl From<SealError> for Failure {
    fn from(error: SealError) -> Self {
        Self::Seal(error)
    }
}

/// Runs the body of an export.
pub(crate) fn fence(body: impl FnOnce() -> Result<(), Failure>) -> frameseal_status {
    match guarded(body) {
        Ok(()) => frameseal_status::Ok,
        Err(failure) => remember(failure),
    }
}

/// Runs the body of an export that may succeed in several ways.
pub(crate) fn fence_status(body: impl FnOnce() -> Result<frameseal_status, Failure>) -> frameseal_status {
    guarded(body).unwrap_or_else(remember)
}

/// Runs the body of an export that answers with a value; `failed` is what says that it failed.
pub(crate) fn fence_value<T>(failed: T, body: impl FnOnce() -> Result<T, Failure>) -> T {
    match guarded(body) {
        Ok(value) => value,
        Err(failure) => {
            remember(failure);
            failed
        }
    }
}

fn guarded<T>(body: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    // A handle that a panic went through is marked as broken, so nobody sees a value in between.
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| Err(Failure::Panic(message(&*panic))))
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
        .to_owned()
}

#[derive(Default)]
struct Last {
    failure: Option<Failure>,
    /// The words of `failure`, with a NUL; empty until somebody asks.
    text: String,
}

thread_local! {
    static LAST: RefCell<Last> = RefCell::default();
}

#[cold]
fn remember(failure: Failure) -> frameseal_status {
    let status = failure.status();
    // A thread that is ending has no last error any more.
    let _ = LAST.try_with(|last| {
        if let Ok(mut last) = last.try_borrow_mut() {
            last.text.clear();
            last.failure = Some(failure);
        }
    });
    status
}

/// Details of the last failure on this thread. Valid until the next failure on this thread.
pub(crate) fn last_error() -> *const c_char {
    let text = LAST.try_with(|last| {
        let mut last = last.try_borrow_mut().ok()?;
        let Last { failure, text } = &mut *last;
        if text.is_empty() {
            failure.as_ref()?.describe(text);
            // A NUL inside a name would end the text early.
            text.retain(|c| c != '\0');
            text.push('\0');
        }
        CStr::from_bytes_with_nul(text.as_bytes()).ok().map(CStr::as_ptr)
    });
    text.ok().flatten().unwrap_or(c"no error".as_ptr())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last() -> String {
        // SAFETY: last_error gives a C string that lives until the next failure on this thread.
        unsafe { CStr::from_ptr(last_error()) }.to_str().unwrap().to_owned()
    }

    #[test]
    fn a_panic_becomes_a_status_with_its_message() {
        assert_eq!(fence(|| panic!("number {}", 7)), frameseal_status::Panic);
        assert_eq!(last(), "panic: number 7");
        assert_eq!(fence_value(0, || panic!("plain")), 0);
        assert_eq!(last(), "panic: plain");
    }

    #[test]
    fn the_last_error_stays_until_the_next_failure_and_belongs_to_its_thread() {
        assert_eq!(last(), "no error");
        assert_eq!(
            fence(|| Err(Failure::Misuse(frameseal_status::NullPointer, "info"))),
            frameseal_status::NullPointer
        );
        assert_eq!(fence(|| Ok(())), frameseal_status::Ok);
        assert_eq!(last(), "info: a pointer is NULL");
        assert_eq!(std::thread::spawn(last).join().unwrap(), "no error");
        assert_eq!(fence(|| Err(Failure::TooSmall { need: 9, have: 8 })), frameseal_status::BufferTooSmall);
        assert_eq!(last(), "out: the output has 9 bytes, the buffer 8");
    }
}
