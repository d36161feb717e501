//! The contract.

use async_trait::async_trait;
use bytes::Bytes;

use crate::error::LogError;
use crate::fan::Watch;
use crate::types::{Appended, Entry, Origin, Position, Room};

/// An ordered log for each room, and what goes with it: key packages that wait, and messages that do not.
///
/// Implemented by [`MemoryLog`](crate::MemoryLog), [`SqliteLog`](crate::SqliteLog), and with their features by
/// `RedisLog` and `NatsLog`. Every call fails with [`LogError::NotThere`] when the backend is.
#[async_trait]
pub trait Log: Send + Sync + std::fmt::Debug + 'static {
    /// Appends `entry` as number `expect + 1`, if `expect` is the number of the last one.
    ///
    /// An empty log takes any, up to [`MAX_RESUME`](crate::MAX_RESUME), and begins there: members whose log was lost
    /// go on with the newest entry that they have.
    ///
    /// Of all who expect the same position one is taken. An entry that was taken is seen by every later
    /// [`head`](Log::head), [`read`](Log::read) and [`watch`](Log::watch), from every relay.
    ///
    /// # Errors
    /// [`LogError::TooLarge`]. After [`LogError::NotThere`] the entry may or may not be in the log: see whether the
    /// entry at `expect + 1` is this one.
    async fn append(&self, room: &Room, expect: Position, entry: Bytes) -> Result<Appended, LogError>;

    /// The newest entry; `None` where there is none.
    ///
    /// # Errors
    /// See the trait.
    async fn head(&self, room: &Room) -> Result<Option<Entry>, LogError>;

    /// The entries after a position, in order and without a gap: at most `limit`, and no more once
    /// [`READ_BYTES`](crate::READ_BYTES) are reached. Empty means that there is none. A position beyond the head is
    /// none to read after: empty.
    ///
    /// # Errors
    /// [`LogError::TooOld`] when the entry after `after` is no longer kept.
    async fn read(&self, room: &Room, after: Position, limit: usize) -> Result<Vec<Entry>, LogError>;

    /// Leaves a key package for whoever takes it, and shows it to those who watch. When too many wait, the oldest
    /// goes.
    ///
    /// # Errors
    /// [`LogError::TooLarge`].
    async fn put_package(&self, room: &Room, from: Origin, package: Bytes) -> Result<(), LogError>;

    /// Takes all key packages that wait, oldest first. Nobody gets them again.
    ///
    /// # Errors
    /// See the trait.
    async fn take_packages(&self, room: &Room) -> Result<Vec<Bytes>, LogError>;

    /// Tells all who watch now. Nothing is kept.
    ///
    /// # Errors
    /// [`LogError::TooLarge`].
    async fn say(&self, room: &Room, from: Origin, said: Bytes) -> Result<(), LogError>;

    /// What happens in the room, at any relay, from when this returns. Each entry comes at least once; after
    /// [`Event::Gap`](crate::Event::Gap) some may not.
    ///
    /// # Errors
    /// See the trait.
    async fn watch(&self, room: &Room) -> Result<Watch, LogError>;
}
