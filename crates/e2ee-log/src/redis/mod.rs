//! A log in Redis, for any number of relays.
//!
//! A room has two keys and a channel, named by its [escaped](Room::escaped) name in braces, so that a cluster keeps
//! them in one hash slot: `frameseal:{room}:log`, a stream whose entry *n* has the id `n-0`;
//! `frameseal:{room}:packages`, a list of 15 digits of milliseconds and the package; `frameseal:{room}:events`.

mod listener;
mod scripts;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::redis::aio::{ConnectionManager, ConnectionManagerConfig};
use ::redis::{Client, ErrorKind, FromRedisValue, RedisError, Script, ScriptInvocation, ServerErrorKind};
use async_trait::async_trait;
use bytes::Bytes;

use crate::error::{LogError, What};
use crate::fan::{Fan, Watch};
use crate::log::Log;
use crate::types::{Appended, Entry, Origin, Position, READ_BYTES, Retention, Room, check};
use listener::Listener;
use scripts::{PUBLISHED, Scripts};

/// What the errors call it.
const NAME: &str = "Redis";
/// How long an answer may take, a connection that is made anew included.
const PATIENCE: Duration = Duration::from_secs(5);

/// A log in Redis 6 or later, shared by any number of relays.
///
/// Redis answers before its replicas have what it took: when a replica takes over, the newest entries may be gone.
/// Members who have them append them again.
#[derive(Debug)]
pub struct RedisLog {
    client: Client,
    connection: Mutex<ConnectionManager>,
    scripts: Scripts,
    fan: Arc<Fan>,
    listener: Listener,
    keep: Retention,
}

impl RedisLog {
    /// Connects to a server: `redis://[user:password@]host[:port][/database]`.
    ///
    /// # Errors
    /// [`LogError::Setup`] for a URL that is none, [`LogError::NotThere`].
    pub async fn connect(url: &str) -> Result<Self, LogError> {
        Self::connect_with_retention(url, Retention::default()).await
    }

    /// Connects to a server and keeps another amount. All relays must keep the same.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn connect_with_retention(url: &str, keep: Retention) -> Result<Self, LogError> {
        // The URL may hold a password: it is not repeated.
        let client = Client::open(url).map_err(|error| LogError::Setup {
            backend: NAME,
            problem: format!("{error}; give a URL like redis://127.0.0.1:6379"),
        })?;
        let connect = client.get_connection_manager_with_config(config());
        let connection = tokio::time::timeout(PATIENCE, connect)
            .await
            .map_err(LogError::not_there(NAME))?
            .map_err(LogError::not_there(NAME))?;
        let (listener, fan) = Listener::start(client.clone());
        Ok(Self { client, connection: Mutex::new(connection), scripts: Scripts::new(), fan, listener, keep })
    }

    /// Runs a script, or whatever else asks Redis one thing.
    async fn ask<T>(
        &self,
        work: impl AsyncFnOnce(&mut ConnectionManager) -> Result<T, RedisError>,
    ) -> Result<T, LogError> {
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let answer =
            tokio::time::timeout(PATIENCE, work(&mut connection)).await.map_err(LogError::not_there(NAME))?;
        answer.map_err(|error| {
            self.consider(&error);
            LogError::not_there(NAME)(error)
        })
    }

    /// A server that has become a replica keeps its connections and refuses to write: look for the one that
    /// answers to the URL now.
    fn consider(&self, error: &RedisError) {
        let demoted = [ServerErrorKind::ReadOnly, ServerErrorKind::MasterDown].map(ErrorKind::Server);
        if demoted.contains(&error.kind())
            && let Ok(new) = self.client.get_connection_manager_lazy(config())
        {
            *self.connection.lock().unwrap_or_else(PoisonError::into_inner) = new;
            self.listener.reconnect();
        }
    }

    /// A script on a room's log or packages.
    fn on<'a>(&self, script: &'a Script, room: &Room, key: &str) -> ScriptInvocation<'a> {
        script.key(format!("frameseal:{{{}}}:{key}", room.escaped()))
    }

    async fn run<T: FromRedisValue>(&self, call: ScriptInvocation<'_>) -> Result<T, LogError> {
        self.ask(async |connection| call.invoke_async(connection).await).await
    }
}

fn config() -> ConnectionManagerConfig {
    ConnectionManagerConfig::new()
        .set_connection_timeout(Some(Duration::from_secs(2)))
        .set_response_timeout(Some(PATIENCE))
        .set_number_of_retries(3)
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).clamp(1, 1 << 50)
}

/// The channel of a room's events.
fn channel(room: &Room) -> String {
    format!("frameseal:{{{}}}:events", room.escaped())
}

fn damaged() -> LogError {
    LogError::Damaged { backend: NAME, found: "an entry without a number" }
}

/// A number as scripts give it.
fn number(text: &[u8]) -> Option<Position> {
    std::str::from_utf8(text).ok()?.parse().ok().map(Position)
}

#[async_trait]
impl Log for RedisLog {
    async fn append(&self, room: &Room, expect: Position, entry: Bytes) -> Result<Appended, LogError> {
        check(What::Entry, &entry)?;
        let mut call = self.on(&self.scripts.append, room, "log");
        call.arg(expect.0).arg(entry.as_ref()).arg(self.keep.entries).arg(millis(self.keep.idle));
        call.arg(channel(room)).arg(PUBLISHED).arg(u8::from(expect.fits(None)));
        let (taken, at): (bool, u64) = self.run(call).await?;
        Ok(if taken { Appended::Taken(Position(at)) } else { Appended::Conflict(Position(at)) })
    }

    async fn head(&self, room: &Room) -> Result<Option<Entry>, LogError> {
        let mut call = self.on(&self.scripts.head, room, "log");
        call.arg(millis(self.keep.idle));
        match <[Vec<u8>; 2]>::try_from(self.run::<Vec<Vec<u8>>>(call).await?) {
            Ok([at, bytes]) => {
                Ok(Some(Entry { position: number(&at).ok_or_else(damaged)?, bytes: bytes.into() }))
            }
            Err(_) => Ok(None),
        }
    }

    async fn read(&self, room: &Room, after: Position, limit: usize) -> Result<Vec<Entry>, LogError> {
        let mut call = self.on(&self.scripts.read, room, "log");
        call.arg(after.next().0).arg(limit).arg(READ_BYTES).arg(millis(self.keep.idle));
        let mut answer = self.run::<Vec<Vec<u8>>>(call).await?.into_iter();
        let Some(oldest) = answer.next() else { return Ok(Vec::new()) };
        let oldest = number(&oldest).ok_or_else(damaged)?;
        if after.next() < oldest {
            return Err(LogError::TooOld { oldest });
        }
        let mut entries = Vec::new();
        while let (Some(at), Some(bytes)) = (answer.next(), answer.next()) {
            entries.push(Entry { position: number(&at).ok_or_else(damaged)?, bytes: bytes.into() });
        }
        Ok(entries)
    }

    async fn put_package(&self, room: &Room, from: Origin, package: Bytes) -> Result<(), LogError> {
        check(What::Package, &package)?;
        let mut call = self.on(&self.scripts.put, room, "packages");
        call.arg(package.as_ref()).arg(self.keep.packages).arg(millis(self.keep.package_age));
        call.arg(channel(room)).arg(&from.0[..]);
        self.run(call).await
    }

    async fn take_packages(&self, room: &Room) -> Result<Vec<Bytes>, LogError> {
        let mut call = self.on(&self.scripts.take, room, "packages");
        call.arg(millis(self.keep.package_age));
        let packages: Vec<Vec<u8>> = self.run(call).await?;
        Ok(packages.into_iter().map(Bytes::from).collect())
    }

    async fn say(&self, room: &Room, from: Origin, said: Bytes) -> Result<(), LogError> {
        check(What::Said, &said)?;
        let mut publish = ::redis::cmd("PUBLISH");
        publish.arg(channel(room)).arg([b"s", &from.0[..], &said].concat());
        self.ask(async |connection| publish.query_async(connection).await).await
    }

    async fn watch(&self, room: &Room) -> Result<Watch, LogError> {
        let watch = self.fan.watch(room);
        let heard = tokio::time::timeout(PATIENCE, self.listener.hears()).await;
        match heard {
            Ok(true) => Ok(watch),
            _ => Err(LogError::not_there(NAME)("the subscription to the room's events was not confirmed")),
        }
    }
}
