//! Frameseal's media module for encoded-transform workers: a thin door over `e2ee-core`. No decisions here.
//!
//! The interface is private to the worker in `sdk/`. It is made so that a frame costs one crossing and no JavaScript
//! object: the worker writes a frame into a lane's buffer at an address it knows, calls [`Media::seal`] or
//! [`Media::open`], and reads the result where the returned number says:
//! ```text
//! result >= 0    address * 2^21 + length        (exact in a double: 32 + 21 bits)
//! result <  0    -(error code)
//! ```
//! Where WebCrypto runs the cipher, it is `plan_*`, then the cipher over the lane's buffer, then `finish_*`.
#![forbid(unsafe_code)]

#[cfg(feature = "conformance")]
pub mod conformance;
mod lane;
mod media;
mod people;
mod report;
mod turbo;

pub use media::Media;

/// Codes that only this door knows, next to those of `e2ee_core::Code`; listed in `sdk/src/errors.ts`.
mod code {
    pub(crate) const UNKNOWN_CODEC: u16 = 150;
    pub(crate) const REFUSED: u16 = 221;
    pub(crate) const NO_SENDER_KEY: u16 = 250;
    pub(crate) const BAD_OPTION: u16 = 400;
    pub(crate) const BAD_ANNOUNCEMENT: u16 = 401;
    pub(crate) const UNKNOWN_PARTICIPANT: u16 = 402;
    pub(crate) const BAD_KEY: u16 = 405;
    pub(crate) const TOO_MANY_ANNOUNCEMENTS: u16 = 406;
    pub(crate) const INTERNAL: u16 = 900;
}

/// What a setter throws: the error code.
type Thrown<T> = Result<T, u32>;

fn thrown(code: u16) -> u32 {
    u32::from(code)
}
