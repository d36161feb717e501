//! Keys as Jitsi Meet passes them on: a media key for each participant, sent in Olm sessions as JSON in private messages of
//! the room.
//!
//! ```text
//! enabling             the participant with the lower id begins a session with the other: session-init, session-ack
//! a key                32 bytes and an index, key-info to everybody with a session; used when all have acknowledged it,
//!                      or after five seconds
//! somebody leaves      a fresh key of the next index, five seconds later
//! somebody comes       the own key is ratcheted, five seconds later; nothing is sent, others try it
//! comparing            sas-start, sas-accept, sas-key twice, sas-mac twice; outside the Olm session
//! ```
//! **Signed and unsigned.** Since September 2026 session-init and session-ack carry an Ed25519 signature of the keys in
//! them, and the MACs of a comparison cover the Curve25519 key too. This engine signs always and reads both; who has
//! signed once is not believed without a signature again. An unsigned session is one that the server could have begun in
//! somebody's name, comparing or not: [`Event::Session`] and [`Event::Verified`] tell. A signed one is by whoever published
//! the key in that presence, which comparing ties to a person. What exactly is signed is known from one call in the tests of
//! lib-jitsi-meet: the JSON of `idKey` and `otKey`; a joined text is read as well, and answered in kind. Of session-ack it
//! is this crate's reading: the JSON of the sender's `idKey`.
//!
//! **Beyond the protocol, within its wire.** Who comes is given no key that has sealed anything before: the ratchet does
//! not wait where a session does not. After four steps comes a fresh key, since others follow eight at most, and only
//! while frames come. The first leave sets the time of the rotation, later ones do not put it off. Key messages are
//! sent three times. In a comparison the commitment must be there and the run must be the one that was begun.
//!
//! Randomness comes from the seed, but for the Olm account, its ratchets and the keys of comparisons: vodozemac draws
//! those from the system's generator and takes no other.
mod engine;
mod error;
mod message;
mod own;
mod peer;
mod room;
mod sas;
mod types;

pub use engine::Jitsi;
pub use error::JitsiError;
pub use message::{MAX_MESSAGE_LEN, SignedForm};
pub use types::{Event, Input, Output, Settings};

/// Bytes of the seed that keys are drawn from.
pub const SEED_LEN: usize = 32;
/// Bytes of a media key.
pub const KEY_LEN: usize = 32;
/// How long a request waits for its answer, and a key for all acknowledgements, milliseconds.
pub const REQUEST_MS: u64 = 5000;
/// How long sessions of others are waited for when encryption is enabled, milliseconds.
pub const START_MS: u64 = 10_000;
/// How long after somebody came or left the key changes, milliseconds, unless set otherwise.
pub const CHANGE_MS: u64 = 5000;
/// How often a request is sent.
pub const SENDS: u8 = 3;
/// Ratchet steps of one key; then comes a fresh one. Receivers follow eight.
pub const MAX_STEPS: u8 = 4;
/// Participants that are kept.
pub const MAX_PEERS: usize = 1024;
/// Participants who left and are known to sign.
const MAX_SIGNERS: usize = 4096;
/// Outputs that may wait before inputs are refused.
const MAX_WAITING: usize = 1 << 13;
/// Keys of a participant, as many as the frame's index tells apart.
const SLOTS: u32 = 16;
