//! A log in memory, for one process.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use async_trait::async_trait;
use bytes::Bytes;

use crate::error::{LogError, What};
use crate::fan::{Fan, Watch};
use crate::log::Log;
use crate::types::{Appended, Entry, Event, Origin, Position, READ_BYTES, Retention, Room, check};

/// A log in memory: gone with the process.
#[derive(Debug)]
pub struct MemoryLog {
    state: Mutex<State>,
    fan: Arc<Fan>,
    keep: Retention,
}

#[derive(Debug)]
struct State {
    rooms: HashMap<Room, Kept>,
    swept: Instant,
}

#[derive(Debug)]
struct Kept {
    head: Position,
    /// The newest entries; the last one is at `head`.
    entries: VecDeque<Bytes>,
    packages: VecDeque<(Instant, Bytes)>,
    used: Instant,
}

impl Kept {
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
        let state = State { rooms: HashMap::new(), swept: Instant::now() };
        Self { state: Mutex::new(state), fan: Fan::new(), keep }
    }

    /// The state, without the rooms that nobody has used for long.
    fn lock(&self, now: Instant) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if now.duration_since(state.swept) > self.keep.idle / 16 {
            state.swept = now;
            state.rooms.retain(|_, kept| now.duration_since(kept.used) < self.keep.idle);
        }
        state
    }

    /// Works on a room that is there, and counts it as used.
    fn with<T>(&self, room: &Room, work: impl FnOnce(&mut Kept) -> T) -> Option<T> {
        let now = Instant::now();
        let mut state = self.lock(now);
        let kept = state.rooms.get_mut(room).filter(|kept| now.duration_since(kept.used) < self.keep.idle)?;
        kept.used = now;
        Some(work(kept))
    }

    /// Works on a room, which comes to be. The fan is told inside, in order.
    fn with_new<T>(&self, room: &Room, work: impl FnOnce(&mut Kept, Instant) -> T) -> T {
        let now = Instant::now();
        let new =
            || Kept { head: Position::START, entries: VecDeque::new(), packages: VecDeque::new(), used: now };
        let mut state = self.lock(now);
        let kept = state.rooms.entry(room.clone()).or_insert_with(new);
        if now.duration_since(kept.used) >= self.keep.idle {
            *kept = new();
        }
        kept.used = now;
        work(kept, now)
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
        if expect != Position::START && self.with(room, |_| ()).is_none() {
            return Ok(Appended::Conflict(Position::START));
        }
        Ok(self.with_new(room, |kept, _| {
            if kept.head != expect {
                return Appended::Conflict(kept.head);
            }
            kept.head = expect.next();
            kept.entries.push_back(entry.clone());
            while kept.entries.len() > self.keep.entries {
                kept.entries.pop_front();
            }
            self.fan.send(room, Event::Appended { position: kept.head, bytes: Some(entry) });
            Appended::Taken(kept.head)
        }))
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
        self.with_new(room, |kept, now| {
            kept.packages.retain(|(put, _)| now.duration_since(*put) < self.keep.package_age);
            kept.packages.push_back((now, package.clone()));
            while kept.packages.len() > self.keep.packages {
                kept.packages.pop_front();
            }
            self.fan.send(room, Event::Package { from, package });
        });
        Ok(())
    }

    async fn take_packages(&self, room: &Room) -> Result<Vec<Bytes>, LogError> {
        let now = Instant::now();
        let fresh = |(put, package): (Instant, Bytes)| {
            (now.saturating_duration_since(put) < self.keep.package_age).then_some(package)
        };
        let take =
            |kept: &mut Kept| std::mem::take(&mut kept.packages).into_iter().filter_map(fresh).collect();
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
