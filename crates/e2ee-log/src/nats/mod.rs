//! A log in NATS JetStream, for any number of relays.
//!
//! Stream `frameseal_log` has one subject for each room, `frameseal.log.ROOM` with the [escaped](Room::escaped)
//! name; a message is the position (8 bytes, big-endian) and the entry. The server repeats what it has stored, and
//! nothing else, on `frameseal.live.ROOM.entry`. Stream `frameseal_packages` has `frameseal.live.ROOM.package`: 16
//! bytes of origin and the package. `frameseal.live.ROOM.said` is of the same form and kept nowhere. Who watches a
//! room subscribes to `frameseal.live.ROOM.*`.

mod connect;
mod listener;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_nats::HeaderMap;
use async_nats::header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE;
use async_nats::jetstream::context::{Context, PublishErrorKind};
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::{DeleteMessageErrorKind, RawMessageError, RawMessageErrorKind, Stream};
use async_trait::async_trait;
use bytes::{BufMut, Bytes, BytesMut};

use crate::error::{LogError, What};
use crate::fan::{Fan, Watch};
use crate::log::Log;
use crate::types::{Appended, Entry, Origin, Position, READ_BYTES, Retention, Room, check};
use listener::Listener;

/// What the errors call it.
const NAME: &str = "NATS JetStream";
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// An append is tried again when the head was only stored anew: not for ever.
const TRIES: usize = 8;

/// A log in NATS JetStream (server 2.9 or later), shared by any number of relays.
///
/// An append is a message that expects the sequence number of the last one on its subject. The server must take
/// messages of 8 MB (`max_payload: 8MB` in its configuration). The streams come to be when they are not there, with
/// one replica: `nats stream edit` gives them more.
#[derive(Debug)]
pub struct NatsLog {
    context: Context,
    log: Stream,
    packages: Stream,
    fan: Arc<Fan>,
    listener: Listener,
    keep: Retention,
}

/// An entry as it is stored.
struct Stored {
    sequence: u64,
    stored: SystemTime,
    payload: Bytes,
    entry: Entry,
}

impl Stored {
    fn new(message: StreamMessage) -> Result<Self, LogError> {
        let entry = entry(&message.payload)
            .ok_or(LogError::Damaged { backend: NAME, found: "a message shorter than a position" })?;
        let stored = SystemTime::from(message.time);
        Ok(Self { sequence: message.sequence, stored, payload: message.payload, entry })
    }
}

/// The entry in a message.
fn entry(payload: &Bytes) -> Option<Entry> {
    let (position, _) = payload.split_first_chunk()?;
    Some(Entry { position: Position(u64::from_be_bytes(*position)), bytes: payload.slice(8..) })
}

/// Origin and content of a package or of something said.
fn from_somebody(payload: &Bytes) -> Option<(Origin, Bytes)> {
    let (from, _) = payload.split_first_chunk()?;
    Some((Origin(*from), payload.slice(16..)))
}

fn with_origin(from: Origin, bytes: &[u8]) -> Bytes {
    [&from.0[..], bytes].concat().into()
}

fn log_subject(room: &Room) -> String {
    format!("frameseal.log.{}", room.escaped())
}

/// `*` for all that happens.
fn live_subject(room: &Room, what: &str) -> String {
    format!("frameseal.live.{}.{what}", room.escaped())
}

/// A message of a stream, or none.
fn found(answer: Result<StreamMessage, RawMessageError>) -> Result<Option<StreamMessage>, LogError> {
    match answer {
        Ok(message) => Ok(Some(message)),
        Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(None),
        Err(error) => Err(LogError::not_there(NAME)(error)),
    }
}

impl NatsLog {
    /// The last message on the room's subject.
    async fn last(&self, subject: &str) -> Result<Option<Stored>, LogError> {
        let last = found(self.log.get_last_raw_message_by_subject(subject).await)?;
        last.map(Stored::new).transpose()
    }

    /// The first message on the room's subject from a sequence number on.
    async fn first(&self, subject: &str, sequence: u64) -> Result<Option<Stored>, LogError> {
        let first = found(self.log.get_first_raw_message_by_subject(subject, sequence).await)?;
        first.map(Stored::new).transpose()
    }

    /// Stores a message if the last one on its subject has this sequence number; whether it was.
    async fn store(&self, subject: String, sequence: u64, payload: Bytes) -> Result<bool, LogError> {
        let mut headers = HeaderMap::new();
        headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, sequence.to_string());
        let sent = self.context.publish_with_headers(subject, headers, payload).await;
        match sent.map_err(LogError::not_there(NAME))?.await {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == PublishErrorKind::WrongLastSequence => Ok(false),
            Err(error) => Err(LogError::not_there(NAME)(error)),
        }
    }

    /// The head of a room that is in use. Messages go by their age, so one that is old is stored anew.
    async fn used(&self, subject: &str) -> Result<Option<Stored>, LogError> {
        let last = self.last(subject).await?;
        if let Some(last) = &last
            && last.stored.elapsed().is_ok_and(|age| age > self.keep.idle / 2)
        {
            // If it was not: somebody else has stored something.
            self.store(subject.to_owned(), last.sequence, last.payload.clone()).await?;
        }
        Ok(last)
    }

    /// Where the entry at `target` is, or lies after. `first` and `head` are around it. Positions never fall, and
    /// never rise faster than sequence numbers.
    async fn find(
        &self,
        subject: &str,
        target: Position,
        first: &Stored,
        head: &Stored,
    ) -> Result<u64, LogError> {
        let mut low = first.sequence.saturating_add(target.0.saturating_sub(first.entry.position.0));
        let mut high = head.sequence.saturating_sub(head.entry.position.0.saturating_sub(target.0));
        while low < high {
            let middle = low + (high - low) / 2;
            match self.first(subject, middle).await? {
                Some(at) if at.entry.position < target => low = at.sequence.saturating_add(1),
                _ => high = middle,
            }
        }
        Ok(low)
    }
}

#[async_trait]
impl Log for NatsLog {
    async fn append(&self, room: &Room, expect: Position, entry: Bytes) -> Result<Appended, LogError> {
        check(What::Entry, &entry)?;
        let subject = log_subject(room);
        let mut payload = BytesMut::with_capacity(8 + entry.len());
        payload.put_u64(expect.next().0);
        payload.put(entry);
        let payload = payload.freeze();
        for _ in 0..TRIES {
            let last = self.last(&subject).await?;
            let head = last.as_ref().map(|last| last.entry.position);
            if !expect.fits(head) {
                return Ok(Appended::Conflict(head.unwrap_or_default()));
            }
            let sequence = last.map_or(0, |last| last.sequence);
            if self.store(subject.clone(), sequence, payload.clone()).await? {
                return Ok(Appended::Taken(expect.next()));
            }
        }
        Err(LogError::not_there(NAME)("the head does not hold still"))
    }

    async fn head(&self, room: &Room) -> Result<Option<Entry>, LogError> {
        Ok(self.used(&log_subject(room)).await?.map(|last| last.entry))
    }

    async fn read(&self, room: &Room, after: Position, limit: usize) -> Result<Vec<Entry>, LogError> {
        let subject = log_subject(room);
        let Some(head) = self.used(&subject).await? else { return Ok(Vec::new()) };
        if head.entry.position <= after || limit == 0 {
            return Ok(Vec::new());
        }
        let mut target = after.next();
        if head.entry.position == target {
            return Ok(vec![head.entry]);
        }
        let Some(first) = self.first(&subject, 1).await? else { return Ok(Vec::new()) };
        if target < first.entry.position {
            return Err(LogError::TooOld { oldest: first.entry.position });
        }
        let mut sequence = self.find(&subject, target, &first, &head).await?;
        let (mut entries, mut total) = (Vec::new(), 0);
        while entries.len() < limit && total < READ_BYTES {
            let Some(at) = self.first(&subject, sequence).await? else { break };
            sequence = at.sequence.saturating_add(1);
            // The same again is a head that was stored anew.
            if at.entry.position == target {
                total += at.entry.bytes.len();
                target = target.next();
                entries.push(at.entry);
            } else if at.entry.position > target {
                // It went while we read.
                if entries.is_empty() {
                    return Err(LogError::TooOld { oldest: at.entry.position });
                }
                break;
            }
        }
        Ok(entries)
    }

    async fn put_package(&self, room: &Room, from: Origin, package: Bytes) -> Result<(), LogError> {
        check(What::Package, &package)?;
        let payload = with_origin(from, &package);
        let sent = self.context.publish(live_subject(room, "package"), payload).await;
        sent.map_err(LogError::not_there(NAME))?.await.map_err(LogError::not_there(NAME)).map(drop)
    }

    async fn take_packages(&self, room: &Room) -> Result<Vec<Bytes>, LogError> {
        let subject = live_subject(room, "package");
        let (mut packages, mut sequence) = (Vec::new(), 1);
        while packages.len() < self.keep.packages {
            let answer = self.packages.get_first_raw_message_by_subject(&subject, sequence).await;
            let Some(message) = found(answer)? else { break };
            sequence = message.sequence.saturating_add(1);
            // It belongs to who removes it.
            let removed = match self.packages.delete_message(message.sequence).await {
                Ok(removed) => removed,
                Err(error) if matches!(error.kind(), DeleteMessageErrorKind::JetStream(_)) => false,
                Err(error) => return Err(LogError::not_there(NAME)(error)),
            };
            if removed && let Some((_, package)) = from_somebody(&message.payload) {
                packages.push(package);
            }
        }
        Ok(packages)
    }

    async fn say(&self, room: &Room, from: Origin, said: Bytes) -> Result<(), LogError> {
        check(What::Said, &said)?;
        let sent = self.context.client().publish(live_subject(room, "said"), with_origin(from, &said)).await;
        sent.map_err(LogError::not_there(NAME))
    }

    async fn watch(&self, room: &Room) -> Result<Watch, LogError> {
        let watch = self.fan.watch(room);
        match tokio::time::timeout(PATIENCE, self.listener.hears()).await {
            Ok(true) => {
                // The server works off one connection in order: with this answer it has the subscription.
                self.last(&log_subject(room)).await?;
                Ok(watch)
            }
            _ => Err(LogError::not_there(NAME)("the subscription to the room's events was not confirmed")),
        }
    }
}
