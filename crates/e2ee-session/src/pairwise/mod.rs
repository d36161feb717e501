//! Pairwise sender keys over Olm: for transports without an order, where MLS would fork.
//!
//! ```text
//! a member comes   ratchet the own key one step, seal with it, then send it to the newcomer alone: what was sealed before
//!                  stays closed to it. A fresh key that waits goes along.
//! a member leaves  draw a fresh key of the next generation, send it to the rest; seal with it when all have acknowledged,
//!                  or after a grace; at once when somebody was removed. The next leave takes the place of a key that waits.
//! a key is lost    it is sent four times, then the member is shown as one that cannot hear; while frames of an unknown
//!                  key come, the receiver asks for it once a second.
//! a key is late    each of the 16 slots of a sender (generation mod 16) takes what is newer than what it holds, whatever
//!                  the other slots hold.
//! a ghost          who announced nothing, or what no verdict accepts, is shown, and gets no key.
//! ```
//! Keys are agreed by Olm sessions (vodozemac), one begun by each of two members. Every message inside names the room, the
//! call, both ends and all public keys of both. Olm's version 1 is spoken, whose MAC has 8 bytes.
//!
//! **One exception to what this crate promises.** Randomness comes from the seed, but for the Olm account and its
//! ratchets: vodozemac draws those from the system's generator and takes no other. Ciphertexts differ from run to run;
//! frame keys, signature keys, decisions and times do not.
//!
//! Anybody who has a member's key can seal frames with it: that a frame is of the owner of its key holds against the
//! transport and everybody outside, and not against another member.
mod announcement;
mod chain;
mod channel;
mod content;
mod engine;
mod error;
mod peer;
mod slots;
#[cfg(test)]
mod tests;
mod types;
mod wire;

pub use announcement::{MAX_ANNOUNCEMENT_LEN, MemberKeys, PublicKeys};
pub use channel::MAX_MESSAGE_LEN;
pub use engine::Pairwise;
pub use error::PairwiseError;
pub use slots::{FORGET_AFTER_MS, SLOTS};
pub use types::{Entry, Event, Input, Output, Settings, Standing};

pub use crate::mls::SEED_LEN;

/// Version of everything that is sent.
const VERSION: u8 = 1;

/// Longest grace, milliseconds.
pub const MAX_GRACE_MS: u64 = 5000;
/// How long an acknowledgement is waited for, milliseconds.
pub const RESEND_MS: u64 = 1000;
/// How often a key is sent to a member that does not acknowledge it.
pub const SENDS: u8 = 4;
/// How long between two requests for a key of one member, milliseconds.
pub const ASK_MS: u64 = 1000;
/// How long between two answers to requests of one member, milliseconds.
pub const ANSWER_MS: u64 = 500;
/// Members and ghosts that are kept.
pub const MAX_MEMBERS: usize = 1024;
/// Messages of those who are not members yet that are kept, of all and of each.
pub const MAX_PARKED: (usize, usize) = (64, 4);
/// Keys of those who left that are known again.
const MAX_GONE: usize = 4096;
/// Outputs that may wait before inputs are refused.
const MAX_WAITING: usize = 1 << 12;
