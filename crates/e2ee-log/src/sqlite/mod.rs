//! A log in SQLite, for one process: in a file, so that it outlives the process, or in memory.

mod store;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;

use crate::error::{LogError, What};
use crate::fan::{Fan, Watch};
use crate::log::Log;
use crate::types::{Appended, Entry, Event, Origin, Position, Retention, Room, check};
use store::Store;

/// What the errors call it.
const NAME: &str = "SQLite";

/// A log in SQLite. One process has the file; several relays share a log of another kind.
///
/// An entry that was taken survives the end of the process. A loss of power may take the last ones, never those in
/// between.
#[derive(Debug, Clone)]
pub struct SqliteLog {
    store: Arc<Mutex<Store>>,
    fan: Arc<Fan>,
}

impl SqliteLog {
    /// Opens the log in a file, which comes to be.
    ///
    /// # Errors
    /// [`LogError::Setup`]: the file cannot be written, is in use, or holds something else.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, LogError> {
        Self::open_with_retention(path, Retention::default())
    }

    /// Opens the log in a file and keeps another amount.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with_retention(path: impl AsRef<Path>, keep: Retention) -> Result<Self, LogError> {
        Ok(Self::on(Store::open(Some(path.as_ref()), keep)?))
    }

    /// A log in SQLite's memory: gone with the process.
    ///
    /// # Errors
    /// [`LogError::Setup`]: there is no memory for it.
    pub fn in_memory() -> Result<Self, LogError> {
        Ok(Self::on(Store::open(None, Retention::default())?))
    }

    fn on(store: Store) -> Self {
        Self { store: Arc::new(Mutex::new(store)), fan: Fan::new() }
    }

    /// Works on the store where waiting for the disk holds nothing else up.
    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Store, &Fan) -> Result<T, LogError> + Send + 'static,
    ) -> Result<T, LogError> {
        let Self { store, fan } = self.clone();
        let work = move || work(&mut store.lock().unwrap_or_else(PoisonError::into_inner), &fan);
        tokio::task::spawn_blocking(work).await.map_err(LogError::not_there(NAME))?
    }
}

#[async_trait]
impl Log for SqliteLog {
    async fn append(&self, room: &Room, expect: Position, entry: Bytes) -> Result<Appended, LogError> {
        check(What::Entry, &entry)?;
        let room = room.clone();
        self.with(move |store, fan| {
            let appended = store.append(&room, expect, &entry)?;
            if let Appended::Taken(position) = appended {
                // Under the store's lock: entries are seen in order.
                fan.send(&room, Event::Appended { position, bytes: Some(entry) });
            }
            Ok(appended)
        })
        .await
    }

    async fn head(&self, room: &Room) -> Result<Option<Entry>, LogError> {
        let room = room.clone();
        self.with(move |store, _| store.head(&room)).await
    }

    async fn read(&self, room: &Room, after: Position, limit: usize) -> Result<Vec<Entry>, LogError> {
        let room = room.clone();
        self.with(move |store, _| store.read(&room, after, limit)).await
    }

    async fn put_package(&self, room: &Room, from: Origin, package: Bytes) -> Result<(), LogError> {
        check(What::Package, &package)?;
        let room = room.clone();
        self.with(move |store, fan| {
            store.put_package(&room, &package)?;
            fan.send(&room, Event::Package { from, package });
            Ok(())
        })
        .await
    }

    async fn take_packages(&self, room: &Room) -> Result<Vec<Bytes>, LogError> {
        let room = room.clone();
        self.with(move |store, _| store.take_packages(&room)).await
    }

    async fn say(&self, room: &Room, from: Origin, said: Bytes) -> Result<(), LogError> {
        check(What::Said, &said)?;
        self.fan.send(room, Event::Said { from, said });
        Ok(())
    }

    async fn watch(&self, room: &Room) -> Result<Watch, LogError> {
        Ok(self.fan.watch(room))
    }
}
