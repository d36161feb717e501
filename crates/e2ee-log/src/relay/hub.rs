//! One task for each room that somebody is connected to: it follows the log once, for all of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::message::{self, Code, Fault};
use super::outbox::Outbox;
use crate::error::LogError;
use crate::fan::Watch;
use crate::log::Log;
use crate::types::{Entry, Event, Origin, Position, Room};

/// How often the log is looked at though nothing was heard: also what keeps a room in use.
const CHECK: Duration = Duration::from_secs(30);
/// How soon it is looked at again when it was not there.
const AGAIN: Duration = Duration::from_millis(500);
/// How soon it is looked at when an event does not fit; more such events may be on their way.
const SOON: Duration = Duration::from_millis(50);
/// Entries in one reading.
const PAGE: usize = 64;

enum Order {
    Join {
        who: Origin,
        outbox: Outbox,
        joined: oneshot::Sender<Result<(), Fault>>,
    },
    Leave {
        who: Origin,
    },
    /// A member expects more than the log has.
    Check,
}

/// The rooms that somebody is connected to.
#[derive(Debug)]
pub(super) struct Hubs {
    log: Arc<dyn Log>,
    most: usize,
    // Orders are few for each connection, connections are counted, and what they ask for has a rate.
    rooms: Mutex<HashMap<Room, mpsc::UnboundedSender<Order>>>,
}

/// A connection is in a room as long as this lives.
#[derive(Debug)]
pub(super) struct Membership {
    who: Origin,
    hub: mpsc::UnboundedSender<Order>,
}

impl Membership {
    /// The log was found to be behind this member: the others are to be told soon, too.
    pub(super) fn is_ahead(&self) {
        let _ = self.hub.send(Order::Check);
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        // A hub that has ended has no members.
        let _ = self.hub.send(Order::Leave { who: self.who });
    }
}

impl Hubs {
    /// No rooms yet, of `most` connections each.
    pub(super) fn new(log: Arc<dyn Log>, most: usize) -> Arc<Self> {
        Arc::new(Self { log, most, rooms: Mutex::default() })
    }

    pub(super) fn log(&self) -> &dyn Log {
        self.log.as_ref()
    }

    /// Brings a connection into a room. Its outbox has the head, and then all that comes.
    pub(super) async fn join(
        self: &Arc<Self>,
        room: &Room,
        who: Origin,
        outbox: Outbox,
    ) -> Result<Membership, Fault> {
        let (joined, answer) = oneshot::channel();
        let hub = {
            let mut rooms = self.lock();
            let hub = rooms.entry(room.clone()).or_insert_with(|| {
                let (sender, orders) = mpsc::unbounded_channel();
                tokio::spawn(run(self.clone(), room.clone(), orders));
                sender
            });
            // Under the lock: a hub ends only when it has no orders.
            let _ = hub.send(Order::Join { who, outbox, joined });
            hub.clone()
        };
        let membership = Membership { who, hub };
        answer.await.unwrap_or_else(|_| Err(Fault::not_there()))?;
        Ok(membership)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Room, mpsc::UnboundedSender<Order>>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a room out, unless somebody is about to join.
    fn end(&self, room: &Room, orders: &mpsc::UnboundedReceiver<Order>) -> bool {
        let mut rooms = self.lock();
        let ends = orders.is_empty();
        if ends {
            rooms.remove(room);
        }
        ends
    }
}

struct Hub {
    hubs: Arc<Hubs>,
    room: Room,
    members: HashMap<Origin, Outbox>,
    /// Where the members are: the newest entry that all of them were sent.
    at: Option<Entry>,
    /// Not there before the first member has come, and after the log was not.
    watch: Option<Watch>,
    check: Instant,
}

async fn run(hubs: Arc<Hubs>, room: Room, mut orders: mpsc::UnboundedReceiver<Order>) {
    let check = Instant::now() + CHECK;
    let mut hub = Hub { hubs, room, members: HashMap::new(), at: None, watch: None, check };
    loop {
        tokio::select! {
            order = orders.recv() => match order {
                Some(Order::Join { who, outbox, joined }) => {
                    let result = hub.join(who, outbox).await;
                    // Who has gone meanwhile leaves with the next order.
                    let _ = joined.send(result);
                }
                Some(Order::Leave { who }) => drop(hub.members.remove(&who)),
                Some(Order::Check) => hub.check_soon(),
                None => return,
            },
            event = next(&mut hub.watch) => hub.heard(event).await,
            () = sleep_until(hub.check) => hub.catch_up().await,
        }
        if hub.members.is_empty() && hub.hubs.end(&hub.room, &orders) {
            return;
        }
    }
}

/// The next event. Without a watch there is none.
async fn next(watch: &mut Option<Watch>) -> Option<Event> {
    match watch {
        Some(watch) => watch.next().await,
        None => std::future::pending().await,
    }
}

impl Hub {
    async fn join(&mut self, who: Origin, outbox: Outbox) -> Result<(), Fault> {
        if self.members.len() >= self.hubs.most {
            return Err(Fault::new(Code::Full, "the room is full; connect again in a while"));
        }
        // What is sent first must be the newest that there is, not what was heard of.
        self.look().await.map_err(|_| Fault::not_there())?;
        if outbox.push(message::head(self.at.as_ref())) {
            self.members.insert(who, outbox);
        }
        Ok(())
    }

    async fn heard(&mut self, event: Option<Event>) {
        let at = self.at.as_ref().map_or(Position::START, |at| at.position);
        match event {
            Some(Event::Appended { position, bytes: Some(bytes) }) if position == at.next() => {
                self.deliver(Entry { position, bytes });
            }
            Some(Event::Appended { position, bytes: Some(bytes) })
                if self.at.as_ref().is_some_and(|at| *at == Entry { position, bytes: bytes.clone() }) => {}
            // Late for an entry that was read already, or the log went back.
            Some(Event::Appended { position, .. }) if position <= at => self.check_soon(),
            Some(Event::Appended { .. } | Event::Gap) => self.catch_up().await,
            Some(Event::Package { from, package }) => self.send(&message::package(&package), Some(from)),
            Some(Event::Said { from, said }) => self.send(&message::said(&said), Some(from)),
            None => {
                self.watch = None;
                self.check = Instant::now() + AGAIN;
            }
        }
    }

    fn check_soon(&mut self) {
        self.check = self.check.min(Instant::now() + SOON);
    }

    /// Brings the members up to the head; when the log is not there, tries again later.
    async fn catch_up(&mut self) {
        self.check = Instant::now() + CHECK;
        if self.look().await.is_err() {
            self.check = Instant::now() + AGAIN;
        }
    }

    /// Reads what members were not sent yet. They have been sent `at`: if that is not in the log any more, it has
    /// lost its newest entries, and members learn where it is now on a new connection.
    async fn look(&mut self) -> Result<(), LogError> {
        let hubs = self.hubs.clone();
        let log = hubs.log();
        if self.watch.is_none() {
            self.watch = Some(log.watch(&self.room).await?);
        }
        if self.members.is_empty() {
            self.at = log.head(&self.room).await?;
            return Ok(());
        }
        let mut begins = Position::START;
        loop {
            let after = self.at.as_ref().map_or(begins, |at| at.position.previous());
            let page = match log.read(&self.room, after, PAGE).await {
                Ok(page) => Some(page),
                // It was empty, and has begun farther on.
                Err(LogError::TooOld { oldest }) if self.at.is_none() && begins == Position::START => {
                    begins = oldest.previous();
                    continue;
                }
                Err(LogError::TooOld { .. }) => None,
                Err(error) => return Err(error),
            };
            let follows = page.is_some();
            let mut page = page.unwrap_or_default().into_iter();
            if !follows || (self.at.is_some() && page.next() != self.at) {
                self.went_back();
                self.at = log.head(&self.room).await?;
                return Ok(());
            }
            if page.len() == 0 {
                return Ok(());
            }
            page.for_each(|entry| self.deliver(entry));
        }
    }

    fn went_back(&mut self) {
        let text = "the log is not where it was: it lost entries or has dropped them; connect again";
        for (_, outbox) in self.members.drain() {
            outbox.end(Fault::new(Code::WentBack, text));
        }
    }

    fn deliver(&mut self, entry: Entry) {
        self.send(&message::entry(&entry), None);
        self.at = Some(entry);
    }

    /// To all but one; who does not take it is out.
    fn send(&mut self, message: &Bytes, but: Option<Origin>) {
        self.members.retain(|who, outbox| but == Some(*who) || outbox.push(message.clone()));
    }
}
