//! Keys by MLS (RFC 9420): every member proves itself by a signature, and every join and leave makes fresh keys for all.
//!
//! ```text
//! Joiner ── found ──────────────────────────────────────────────▶ Group
//!    ├───── read_welcome ▶ Welcomed ── judge ▶ Judged ── enter ──▶   │ propose ▶ bytes for the log ▶ confirm or abort
//!    └───── enter (a commit of one's own) ──────────── confirm ──▶   │ read ▶ Change ── judge ▶ Judged ── merge
//! ```
//!
//! Whoever carries the messages orders them, and gets nothing else: a log that takes a commit only for the epoch that it
//! was made in. Two commits of one epoch are one commit and one that is proposed again.
mod crypto;
mod error;
mod group;
mod identity;
mod joiner;
mod policy;
mod provider;
mod storage;
mod suite;
mod verdict;

pub use crypto::SEED_LEN;
pub use error::MlsError;
pub use group::{Change, Group, Member, Proposed, Wish};
pub use identity::{Identity, MAX_NAME_LEN, MAX_PROOF_LEN};
pub use joiner::{Joiner, Signed, Welcomed};
pub use policy::{Admit, Mode, RoomPolicy, SecretId};
pub use suite::Suite;
pub use verdict::{CredentialPolicy, Judged, Refusal, ShowUnverified, Trust};
