//! Keys as MatrixRTC passes them on (MSC4143, and what Element Call sends today): every member has a key of its own, with
//! an index of 8 bits, and sends it to each device in the call as an encrypted to-device message.
//!
//! ```text
//! the first key        index 0, used at once
//! somebody leaves      a fresh key of the next index (mod 256) to all who stay, used a second later
//! somebody comes       a key younger than ten seconds goes to the newcomer as it is; an older one is replaced, for all
//! a key of a member    opens at once; its keys of other indices are forgotten ten seconds later
//! ```
//! Matrix encrypts and delivers: the application hands in the content of a message **after** decryption, with the device
//! that the decryption proved. What came in clear, or names another device than that, is refused.
//! (The other side may be less strict: matrix-js-sdk 43 takes the device that the content claims.)
//!
//! Where this goes beyond the protocol it stays within it: [`Settings::rotation_grace_ms`] of 0 gives no newcomer a key
//! that has sealed anything before; a leave while a fresh key waits draws another one and does not wait longer; a removal
//! waits for nothing.
mod content;
mod device;
mod engine;
mod error;
mod types;

pub use content::{MAX_CONTENT_LEN, Shape};
pub use device::{Device, Membership, hashed_identity};
pub use engine::MatrixRtc;
pub use error::MatrixRtcError;
pub use types::{Event, Input, Output, Settings};

/// Bytes of the seed that keys are drawn from.
pub const SEED_LEN: usize = 32;
/// Bytes of an own key.
pub const KEY_LEN: usize = 16;
/// How long a fresh key waits before it is used, milliseconds, unless set otherwise.
pub const USE_DELAY_MS: u64 = 1000;
/// How young a key is that goes to newcomers as it is, milliseconds, unless set otherwise.
pub const ROTATION_GRACE_MS: u64 = 10_000;
/// Longest of either that can be set, milliseconds.
pub const MAX_DELAY_MS: u64 = 60_000;
/// How long a member's other keys open after a newer one came, milliseconds.
pub const KEEP_OLD_MS: u64 = 10_000;
/// How long after a failed delivery the key is sent again, milliseconds.
pub const RESEND_MS: u64 = 1000;
/// How often a key is sent to a device before it is given up.
pub const SENDS: u8 = 4;
/// Members that are kept.
pub const MAX_MEMBERS: usize = 1024;
/// Messages of devices that are not members yet that are kept, of all and of each.
pub const MAX_PARKED: (usize, usize) = (256, 4);
/// How long they are kept, milliseconds.
pub const PARK_MS: u64 = 60_000;
/// Devices that were removed and are known again.
const MAX_REMOVED: usize = 4096;
/// Outputs that may wait before inputs are refused.
const MAX_WAITING: usize = 1 << 12;
