//! The ordered log that the members of an end-to-end encrypted call agree on: one log per room, compare-and-append.
//!
//! Members of a call change their group by entries, and all of them must apply the same entries in the same order.
//! That order is all that this crate gives. It holds no key and knows no protocol: an entry is bytes, appended as
//! number *n* + 1 by who has seen number *n*, and refused to everybody else who tries the same. Beside the entries
//! a room has key packages that wait to be taken once, and messages to whoever is connected.
//!
//! [`Log`] is the contract; [`MemoryLog`] and [`SqliteLog`] serve one process, `RedisLog` and `NatsLog` any number
//! of relays. [`router`] serves a log over WebSocket; `docs/log.md` has the messages.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! use e2ee_log::{Appended, Log, MemoryLog, Position, Room};
//!
//! let (log, room) = (MemoryLog::new(), Room::new("weekly")?);
//! assert_eq!(log.append(&room, Position::START, "one".into()).await?, Appended::Taken(Position(1)));
//! // Who has not seen it yet comes too late.
//! assert_eq!(log.append(&room, Position::START, "another".into()).await?, Appended::Conflict(Position(1)));
//! # Ok::<(), e2ee_log::LogError>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod error;
mod fan;
mod log;
mod memory;
#[cfg(feature = "nats")]
mod nats;
#[cfg(feature = "redis")]
mod redis;
mod relay;
mod sqlite;
mod types;

pub use error::{LogError, What};
pub use fan::Watch;
pub use log::Log;
pub use memory::MemoryLog;
#[cfg(feature = "nats")]
pub use nats::NatsLog;
#[cfg(feature = "redis")]
pub use redis::RedisLog;
pub use relay::{Options, PROTOCOL, router};
pub use sqlite::SqliteLog;
pub use types::{
    Appended, Entry, Event, MAX_ENTRIES, MAX_ENTRY, MAX_IDLE, MAX_MEMORY, MAX_PACKAGE, MAX_PACKAGES,
    MAX_RESUME, MAX_ROOM, MAX_SAID, Origin, PACKAGE_AGE, Position, READ_BYTES, Retention, Room,
};
