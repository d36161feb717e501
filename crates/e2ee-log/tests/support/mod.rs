//! Real servers on loopback, and what several tests do.
#![allow(dead_code, unreachable_pub)]

pub mod client;
pub mod member;
pub mod proxy;
pub mod servers;

use std::sync::Arc;
use std::time::Duration;

use e2ee_log::{
    Appended, Event, Log, MemoryLog, NatsLog, Origin, Position, RedisLog, Retention, Room, SqliteLog, Watch,
};
use servers::{Nats, Redis};
use tempfile::TempDir;

/// Long enough for a busy machine; nothing waits so long when all is well.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub fn room(name: &str) -> Room {
    Room::new(name).unwrap()
}

pub fn origin(n: u8) -> Origin {
    Origin([n; 16])
}

/// One log as two relays see it, and what keeps it alive.
pub struct Backend {
    pub name: &'static str,
    pub relays: [Arc<dyn Log>; 2],
    _server: Server,
}

enum Server {
    None,
    Dir(TempDir),
    Redis(Redis),
    Nats(Nats),
}

impl Backend {
    pub fn memory(keep: Retention) -> Self {
        let log: Arc<dyn Log> = Arc::new(MemoryLog::with_retention(keep));
        Self { name: "memory", relays: [log.clone(), log], _server: Server::None }
    }

    pub fn sqlite(keep: Retention) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let log: Arc<dyn Log> =
            Arc::new(SqliteLog::open_with_retention(dir.path().join("log.db"), keep).unwrap());
        Self { name: "SQLite", relays: [log.clone(), log], _server: Server::Dir(dir) }
    }

    pub async fn redis(keep: Retention) -> Option<Self> {
        let server = Redis::start()?;
        let url = server.url();
        let open = async || Arc::new(RedisLog::connect_with_retention(&url, keep).await.unwrap());
        Some(Self { name: "Redis", relays: [open().await, open().await], _server: Server::Redis(server) })
    }

    pub async fn nats(keep: Retention) -> Option<Self> {
        let server = Nats::start()?;
        let url = server.url();
        let open = async || Arc::new(NatsLog::connect_with_retention(&url, keep).await.unwrap());
        Some(Self { name: "NATS", relays: [open().await, open().await], _server: Server::Nats(server) })
    }

    /// All backends whose server is installed.
    pub async fn all(keep: Retention) -> Vec<Self> {
        let mut all = vec![Self::memory(keep), Self::sqlite(keep)];
        all.extend(Self::redis(keep).await);
        all.extend(Self::nats(keep).await);
        all
    }
}

/// Appends entries `from..=to`, each its own number in text.
pub async fn fill(log: &dyn Log, room: &Room, from: u64, to: u64) {
    for n in from..=to {
        let taken = log.append(room, Position(n - 1), n.to_string().into()).await.unwrap();
        assert_eq!(taken, Appended::Taken(Position(n)));
    }
}

/// The next event but gaps.
pub async fn next(watch: &mut Watch) -> Event {
    loop {
        match tokio::time::timeout(PATIENCE, watch.next()).await.expect("an event in time").unwrap() {
            Event::Gap => {}
            event => return event,
        }
    }
}
