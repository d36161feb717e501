//! A log in memory, for one process.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;

use crate::error::{LogError, What};
use crate::fan::{Fan, Watch};
use crate::log::Log;
use crate::types::{
    Appended, Entry, Event, MAX_MEMORY, Origin, Position, READ_BYTES, Retention, Room, check,
};

/// What a room takes beside its entries and packages.
const ROOM: usize = 1024;

/// A log in memory: gone with the process. It keeps [`MAX_MEMORY`] bytes.
#[derive(Debug)]
pub struct MemoryLog {
    state: Mutex<State>,
    fan: Arc<Fan>,
    keep: Retention,
}

#[derive(Debug)]
struct State {
    rooms: HashMap<Room, Kept>,
    /// What all rooms take.
    bytes: usize,
    swept: Instant,
}

#[derive(Debug)]
struct Kept {
    head: Position,
    /// The newest entries; the last one is at `head`.
    entries: VecDeque<Bytes>,
    packages: VecDeque<(Instant, Bytes)>,
    used: Instant,
    /// What all of it takes.
    bytes: usize,
}

impl Kept {
    fn new(now: Instant) -> Self {
        let (entries, packages) = (VecDeque::new(), VecDeque::new());
        Self { head: Position::START, entries, packages, used: now, bytes: ROOM }
    }

    fn push_entry(&mut self, entry: Bytes, most: usize) {
        self.bytes += entry.len();
        self.entries.push_back(entry);
        while self.entries.len() > most {
            self.bytes -= self.entries.pop_front().map_or(0, |entry| entry.len());
        }
    }

    fn push_package(&mut self, now: Instant, package: Bytes, most: usize) {
        self.bytes += package.len();
        self.packages.push_back((now, package));
        while self.packages.len() > most {
            self.bytes -= self.packages.pop_front().map_or(0, |(_, package)| package.len());
        }
    }

    fn take_packages(&mut self, now: Instant, age: Duration) -> Vec<Bytes> {
        let all = std::mem::take(&mut self.packages);
        self.bytes -= all.iter().map(|(_, package)| package.len()).sum::<usize>();
        let fresh = all.into_iter().filter(|(put, _)| now.saturating_duration_since(*put) < age);
        fresh.map(|(_, package)| package).collect()
    }

    fn oldest(&self) -> Position {
        let kept = u64::try_from(self.entries.len()).unwrap_or(u64::MAX);
        Position(self.head.0.saturating_sub(kept)).next()
    }
}

impl MemoryLog {
    /// An empty log.
    pub fn new() -> Self {
        Self::with_retention(Retention::default())
    }

    /// An empty log that keeps another amount.
    pub fn with_retention(keep: Retention) -> Self {
        let state = State { rooms: HashMap::new(), bytes: 0, swept: Instant::now() };
        Self { state: Mutex::new(state), fan: Fan::new(), keep }
    }

    /// The state, without the rooms that nobody has used for long.
    fn lock(&self, now: Instant) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if now.duration_since(state.swept) > self.keep.idle / 16 {
            state.swept = now;
            state.rooms.retain(|_, kept| now.duration_since(kept.used) < self.keep.idle);
            state.bytes = state.rooms.values().map(|kept| kept.bytes).sum();
        }
        state
    }

    /// Works on a room that is there, and counts it as used.
    fn with<T>(&self, room: &Room, work: impl FnOnce(&mut Kept) -> T) -> Option<T> {
        let now = Instant::now();
        let mut state = self.lock(now);
        let kept = state.rooms.get_mut(room).filter(|kept| now.duration_since(kept.used) < self.keep.idle)?;
        kept.used = now;
        let before = kept.bytes;
        let done = work(kept);
        let after = kept.bytes;
        state.bytes = state.bytes + after - before;
        Some(done)
    }

    /// Works on a room, which comes to be, if there is place for so many bytes more. The fan is told inside, in
    /// order.
    fn with_new<T>(
        &self,
        room: &Room,
        more: usize,
        work: impl FnOnce(&mut Kept, Instant) -> T,
    ) -> Result<T, LogError> {
        let now = Instant::now();
        let mut state = self.lock(now);
        if state.bytes + more + ROOM > MAX_MEMORY {
            return Err(LogError::Full { backend: "memory" });
        }
        let before = state.rooms.get(room).map_or(0, |kept| kept.bytes);
        let kept = state.rooms.entry(room.clone()).or_insert_with(|| Kept::new(now));
        if now.duration_since(kept.used) >= self.keep.idle {
            *kept = Kept::new(now);
        }
        kept.used = now;
        let done = work(kept, now);
        let after = kept.bytes;
        state.bytes = state.bytes + after - before;
        Ok(done)
    }
}

impl Default for MemoryLog {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Log for MemoryLog {
    async fn append(&self, room: &Room, expect: Position, entry: Bytes) -> Result<Appended, LogError> {
        check(What::Entry, &entry)?;
        if !expect.fits(None) && self.with(room, |_| ()).is_none() {
            return Ok(Appended::Conflict(Position::START));
        }
        self.with_new(room, entry.len(), |kept, _| {
            if !expect.fits((!kept.entries.is_empty()).then_some(kept.head)) {
                return Appended::Conflict(kept.head);
            }
            kept.head = expect.next();
            kept.push_entry(entry.clone(), self.keep.entries);
            self.fan.send(room, Event::Appended { position: kept.head, bytes: Some(entry) });
            Appended::Taken(kept.head)
        })
    }

    async fn head(&self, room: &Room) -> Result<Option<Entry>, LogError> {
        let head = |kept: &mut Kept| {
            let bytes = kept.entries.back()?.clone();
            Some(Entry { position: kept.head, bytes })
        };
        Ok(self.with(room, head).flatten())
    }

    async fn read(&self, room: &Room, after: Position, limit: usize) -> Result<Vec<Entry>, LogError> {
        let read = |kept: &mut Kept| {
            let oldest = kept.oldest();
            if after.next() < oldest {
                return Err(LogError::TooOld { oldest });
            }
            let skip = usize::try_from(after.next().0.saturating_sub(oldest.0)).unwrap_or(usize::MAX);
            let mut total = 0;
            let mut position = after;
            let page = kept.entries.iter().skip(skip).take(limit).take_while(|bytes| {
                let goes_in = total < READ_BYTES;
                total += bytes.len();
                goes_in
            });
            Ok(page
                .map(|bytes| {
                    position = position.next();
                    Entry { position, bytes: bytes.clone() }
                })
                .collect())
        };
        self.with(room, read).unwrap_or(Ok(Vec::new()))
    }

    async fn put_package(&self, room: &Room, from: Origin, package: Bytes) -> Result<(), LogError> {
        check(What::Package, &package)?;
        self.with_new(room, package.len(), |kept, now| {
            kept.push_package(now, package.clone(), self.keep.packages);
            self.fan.send(room, Event::Package { from, package });
        })
    }

    async fn take_packages(&self, room: &Room) -> Result<Vec<Bytes>, LogError> {
        let take = |kept: &mut Kept| kept.take_packages(Instant::now(), self.keep.package_age);
        Ok(self.with(room, take).unwrap_or_default())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn room(name: &str) -> Room {
        Room::new(name).unwrap()
    }

    #[tokio::test]
    async fn what_rooms_take_is_counted() {
        let keep = Retention { entries: 2, packages: 2, ..Retention::default() };
        let log = MemoryLog::with_retention(keep);
        for n in 0..4 {
            let taken = log.append(&room("a"), Position(n), vec![0; 100].into()).await.unwrap();
            assert_eq!(taken, Appended::Taken(Position(n + 1)));
            log.put_package(&room("b"), Origin([0; 16]), vec![0; 10].into()).await.unwrap();
        }
        let bytes = || log.state.lock().unwrap().bytes;
        assert_eq!(bytes(), 2 * ROOM + 200 + 20);
        log.take_packages(&room("b")).await.unwrap();
        assert_eq!(bytes(), 2 * ROOM + 200);
        log.state.lock().unwrap().bytes = MAX_MEMORY - ROOM - 99;
        let full = log.append(&room("a"), Position(4), vec![0; 100].into()).await;
        assert!(matches!(full, Err(LogError::Full { .. })), "{full:?}");
        assert_eq!(log.head(&room("a")).await.unwrap().unwrap().position, Position(4));
    }
}
