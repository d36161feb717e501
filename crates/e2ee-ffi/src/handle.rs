//! Opaque handles that notice two callers at once, and a panic that went through.

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicU8, Ordering};

use crate::fence::Failure;
use crate::status::frameseal_status;

/// A value that one caller at a time may use. A second one is refused, not kept waiting: it is a mistake of the
/// program, and an audio thread must not block.
pub(crate) struct Guarded<T> {
    state: AtomicU8,
    value: UnsafeCell<T>,
}

// SAFETY: `with` is the only way to the value, and its state lets one caller in at a time. The value moves between
// threads with its callers, so it must be Send.
unsafe impl<T: Send> Sync for Guarded<T> {}

const IDLE: u8 = 0;
const BUSY: u8 = 1;
const BROKEN: u8 = 2;

impl<T> Guarded<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { state: AtomicU8::new(IDLE), value: UnsafeCell::new(value) }
    }

    /// Runs `body` on the value, unless somebody else is doing so.
    pub(crate) fn with<R>(&self, body: impl FnOnce(&mut T) -> Result<R, Failure>) -> Result<R, Failure> {
        match self.state.compare_exchange(IDLE, BUSY, Ordering::Acquire, Ordering::Relaxed) {
            Ok(_) => {}
            Err(BUSY) => return Err(Failure::Misuse(frameseal_status::Busy, "handle")),
            Err(_) => return Err(Failure::Misuse(frameseal_status::Broken, "handle")),
        }
        let mut leaving = Leaving { state: &self.state, next: BROKEN };
        // SAFETY: the exchange above let this caller in alone, until `leaving` is dropped.
        let result = body(unsafe { &mut *self.value.get() });
        leaving.next = IDLE;
        result
    }
}

/// Lets the next caller in when dropped; after a panic nobody.
struct Leaving<'a> {
    state: &'a AtomicU8,
    next: u8,
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.state.store(self.next, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fence::fence;
    use std::sync::Barrier;

    #[test]
    fn a_second_caller_is_refused_while_the_first_is_inside() {
        let (guarded, inside) = (Guarded::new(0), Barrier::new(2));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                guarded.with(|value| {
                    inside.wait();
                    inside.wait();
                    *value += 1;
                    Ok(())
                })
            });
            inside.wait();
            assert_eq!(fence(|| guarded.with(|_| Ok(()))), frameseal_status::Busy);
            inside.wait();
        });
        assert_eq!(guarded.with(|value| Ok(*value)).unwrap(), 1);
    }

    #[test]
    fn a_panic_breaks_the_handle_and_a_failure_does_not() {
        let guarded = Guarded::new(());
        let failure = || Err(Failure::Misuse(frameseal_status::BadName, "x"));
        assert_eq!(fence(|| guarded.with(|()| failure())), frameseal_status::BadName);
        assert_eq!(fence(|| guarded.with(|()| panic!("inside"))), frameseal_status::Panic);
        assert_eq!(fence(|| guarded.with(|()| Ok(()))), frameseal_status::Broken);
    }
}
