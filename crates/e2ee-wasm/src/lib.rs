//! Frameseal's media module for encoded-transform workers: a thin door over `e2ee-core`. No decisions here.
//!
//! The interface is private to the worker in `sdk/`, and it is numbers only, so that a frame costs one crossing and
//! no JavaScript object, and the glue stays small. Names, keys and entropy are written one after the other into the
//! [`door::inbox`], frames into the buffer of their lane. [`door::ask`] does everything, and answers with a number:
//! ```text
//! result <  0    -(error code)
//! result >= 0    a plain number, or a place in memory: address * 2^21 + length
//!                (exact in a double: 32 + 21 bits)
//! ```
//! A frame: the worker writes it at the lane's address, asks for `SEAL` or `OPEN`, and reads what it gets the place
//! of. Where WebCrypto runs the cipher, it is `PLAN_*`, then the cipher over the lane's buffer, then `FINISH_SEAL` or
//! `ACCEPT_OPEN`.
//!
//! With the feature `session` it also takes the keys of an MLS group's epochs, and with `shared` one secret for everybody
//! beside them. With the feature `livekit` or `jitsi` it is another module with a door of its own ([`livekit`],
//! [`jitsi`]), for that format alone.
#![cfg_attr(target_arch = "wasm32", no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

#[cfg(feature = "conformance")]
pub mod conformance;
#[cfg(any(not(any(feature = "livekit", feature = "jitsi")), not(target_arch = "wasm32")))]
pub mod door;
#[cfg(feature = "session")]
mod epochs;
#[cfg(any(feature = "jitsi", not(target_arch = "wasm32")))]
pub mod jitsi;
#[cfg_attr(target_arch = "wasm32", allow(dead_code))]
mod lane;
#[cfg(any(feature = "livekit", not(target_arch = "wasm32")))]
pub mod livekit;
#[cfg(any(not(any(feature = "livekit", feature = "jitsi")), not(target_arch = "wasm32")))]
mod media;
#[cfg(any(not(any(feature = "livekit", feature = "jitsi")), not(target_arch = "wasm32")))]
mod people;
#[cfg(any(not(any(feature = "livekit", feature = "jitsi")), not(target_arch = "wasm32")))]
mod report;
#[cfg(feature = "shared")]
mod shared;
#[cfg(any(not(any(feature = "livekit", feature = "jitsi")), not(target_arch = "wasm32")))]
mod turbo;

#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: lol_alloc::LockedAllocator<lol_alloc::FreeListAllocator> =
    lol_alloc::LockedAllocator::new(lol_alloc::FreeListAllocator::new());

/// Ends the instance. The message is not formatted: that code alone would weigh three kilobytes.
#[cfg(target_arch = "wasm32")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

/// Codes that only the doors know, next to those of `e2ee_core::Code`; listed in `sdk/src/codes.ts`.
#[cfg_attr(target_arch = "wasm32", allow(dead_code))]
mod code {
    pub(crate) const UNKNOWN_CODEC: u16 = 150;
    pub(crate) const REFUSED: u16 = 221;
    pub(crate) const STALE: u16 = 240;
    #[cfg(feature = "session")]
    pub(crate) const UNSUPPORTED_SUITE: u16 = 220;
    #[cfg(feature = "session")]
    pub(crate) const OLD_EPOCH: u16 = 230;
    pub(crate) const NO_SENDER_KEY: u16 = 250;
    pub(crate) const BAD_OPTION: u16 = 400;
    pub(crate) const BAD_ANNOUNCEMENT: u16 = 401;
    pub(crate) const UNKNOWN_PARTICIPANT: u16 = 402;
    pub(crate) const BAD_KEY: u16 = 405;
    pub(crate) const TOO_MANY_ANNOUNCEMENTS: u16 = 406;
    pub(crate) const INTERNAL: u16 = 900;
}

/// What a setter refuses with: the error code.
type Refusable<T> = Result<T, u16>;
