//! Events to all who watch a room in this process.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::broadcast::{self, error::RecvError};

use crate::types::{Event, Room};

/// Events that wait for a watcher; one that falls behind further is told of a gap instead.
const WAITING: usize = 256;

/// Called under the fan's lock, so in order.
type Hook = Box<dyn Fn(&Room, Watched) + Send + Sync>;

/// Whether a room has come to be watched, or is so no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Watched {
    First,
    NoMore,
}

/// Those who watch, by room.
pub(crate) struct Fan {
    rooms: Mutex<HashMap<Room, broadcast::Sender<Event>>>,
    hook: Hook,
}

impl Fan {
    /// A fan for a backend that learns of all events by itself.
    pub(crate) fn new() -> Arc<Self> {
        Self::with_hook(|_, _| ())
    }

    /// A fan that calls `hook` when the first watcher of a room comes, and after the last has gone.
    pub(crate) fn with_hook(hook: impl Fn(&Room, Watched) + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { rooms: Mutex::default(), hook: Box::new(hook) })
    }

    /// Watches a room.
    pub(crate) fn watch(self: &Arc<Self>, room: &Room) -> Watch {
        let receiver = match self.lock().entry(room.clone()) {
            Slot::Occupied(slot) => slot.get().subscribe(),
            Slot::Vacant(slot) => {
                let (sender, receiver) = broadcast::channel(WAITING);
                slot.insert(sender);
                (self.hook)(room, Watched::First);
                receiver
            }
        };
        Watch { receiver: Some(receiver), room: room.clone(), fan: self.clone() }
    }

    /// Tells those who watch a room.
    pub(crate) fn send(&self, room: &Room, event: Event) {
        if let Some(sender) = self.lock().get(room) {
            // The last receiver may be about to go.
            let _ = sender.send(event);
        }
    }

    /// Tells everybody that events may have been lost.
    #[cfg(any(feature = "redis", feature = "nats"))]
    pub(crate) fn gap(&self) {
        for sender in self.lock().values() {
            let _ = sender.send(Event::Gap);
        }
    }

    /// The rooms that are watched.
    #[cfg(feature = "redis")]
    pub(crate) fn rooms(&self) -> Vec<Room> {
        self.lock().keys().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Room, broadcast::Sender<Event>>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Fan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fan").field("rooms", &self.lock().len()).finish_non_exhaustive()
    }
}

/// What happens in a room from now on; see [`Log::watch`](crate::Log::watch).
#[derive(Debug)]
pub struct Watch {
    receiver: Option<broadcast::Receiver<Event>>,
    room: Room,
    fan: Arc<Fan>,
}

impl Watch {
    /// The next event; `None` when the log has gone. May be cancelled without loss.
    pub async fn next(&mut self) -> Option<Event> {
        match self.receiver.as_mut()?.recv().await {
            Ok(event) => Some(event),
            Err(RecvError::Lagged(_)) => Some(Event::Gap),
            Err(RecvError::Closed) => None,
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut rooms = self.fan.lock();
        self.receiver = None;
        if rooms.get(&self.room).is_some_and(|sender| sender.receiver_count() == 0) {
            rooms.remove(&self.room);
            (self.fan.hook)(&self.room, Watched::NoMore);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Origin, Position};

    #[tokio::test]
    async fn a_room_is_watched_once_however_many_watch() {
        let calls = Arc::new(Mutex::new(Vec::new()));
        let seen = calls.clone();
        let fan = Fan::with_hook(move |_, watched| seen.lock().unwrap().push(watched));
        let room = Room::new("r").unwrap();
        let (mut one, two) = (fan.watch(&room), fan.watch(&room));
        drop(two);
        let said = Event::Said { from: Origin([0; 16]), said: "x".into() };
        fan.send(&room, said.clone());
        fan.send(&Room::new("another").unwrap(), Event::Gap);
        assert_eq!(one.next().await, Some(said));
        drop(one);
        assert_eq!(*calls.lock().unwrap(), [Watched::First, Watched::NoMore]);
    }

    #[tokio::test]
    async fn who_falls_behind_is_told() {
        let fan = Fan::new();
        let room = Room::new("r").unwrap();
        let mut watch = fan.watch(&room);
        for n in 0..=u64::try_from(WAITING).unwrap() {
            fan.send(&room, Event::Appended { position: Position(n), bytes: None });
        }
        assert_eq!(watch.next().await, Some(Event::Gap));
        assert_eq!(watch.next().await, Some(Event::Appended { position: Position(1), bytes: None }));
    }
}
