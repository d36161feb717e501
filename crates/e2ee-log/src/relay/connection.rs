//! One client's WebSocket.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use bytes::Bytes;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};

use super::hub::{Hubs, Membership};
use super::message::{self, Code, Fault, Outcome, Request};
use super::outbox::{self, Inbox};
use super::rate::Rate;
use crate::error::LogError;
use crate::types::{Appended, MAX_ENTRY, Origin, Position, Room};

/// How often a client is pinged, and after which silence it counts as gone.
const PING: Duration = Duration::from_secs(10);
const SILENCE: Duration = Duration::from_secs(40);
/// A client that takes longer to read one message does not read at all.
const SEND_PATIENCE: Duration = Duration::from_secs(10);
/// How long a connection that ends is read, so that the reason reaches a client that is still sending.
const LINGER: Duration = Duration::from_secs(1);
/// Entries in one reading.
const PAGE: usize = 64;
/// Largest message that is read at all: above the largest entry, so that a client learns that its own is too large.
pub(super) const MAX_MESSAGE: usize = MAX_ENTRY + 64 * 1024;

/// Why a connection ended: the client left or was lost, or it is told why.
enum End {
    Gone,
    Fault(Fault),
}

impl From<Fault> for End {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

struct Connection {
    socket: WebSocket,
    hubs: Arc<Hubs>,
    room: Room,
    who: Origin,
    rate: Rate,
    /// Nothing is taken from the client before.
    not_before: Option<Instant>,
    /// A read that is being answered goes on after this.
    reading: Option<Position>,
    heard: Instant,
}

/// Serves a connection until either side ends it.
pub(super) async fn serve(socket: WebSocket, hubs: Arc<Hubs>, room: Room, who: Origin) {
    let now = Instant::now();
    let mut connection = Connection {
        socket,
        hubs: hubs.clone(),
        room,
        who,
        rate: Rate::new(now),
        not_before: None,
        reading: None,
        heard: now,
    };
    let (outbox, inbox) = outbox::channel();
    let end = match hubs.join(&connection.room, who, outbox).await {
        Ok(membership) => connection.run(inbox, &membership).await,
        Err(fault) => Err(End::Fault(fault)),
    };
    if let Err(End::Fault(fault)) = end {
        connection.say_why(&fault).await;
    }
}

impl Connection {
    async fn run(&mut self, mut inbox: Inbox, membership: &Membership) -> Result<(), End> {
        let mut ping = interval(PING);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let waits = self.not_before;
            tokio::select! {
                // An answer is not interrupted: what comes meanwhile follows it, or was part of it.
                message = inbox.next(), if self.reading.is_none() => self.send(message?).await?,
                message = self.socket.recv(), if waits.is_none() && self.reading.is_none() => match message {
                    Some(Ok(message)) => self.received(message, membership).await?,
                    // The reason is not told by kind: a frame too large, a frame that is none, a broken line.
                    Some(Err(error)) => {
                        let text = format!("{error}; a message has at most {MAX_MESSAGE} bytes");
                        return Err(Fault::new(Code::BadMessage, text).into());
                    }
                    None => return Err(End::Gone),
                },
                () = std::future::ready(()), if waits.is_none() && self.reading.is_some() => {
                    if let Some(fault) = inbox.ended() {
                        return Err(fault.into());
                    }
                    self.page().await?;
                }
                () = sleep_until(waits.unwrap_or(self.heard)), if waits.is_some() => self.not_before = None,
                _ = ping.tick() => {
                    if self.heard.elapsed() > SILENCE {
                        return Err(End::Gone);
                    }
                    self.send_message(Message::Ping(Bytes::new())).await?;
                }
            }
        }
    }

    async fn received(&mut self, message: Message, membership: &Membership) -> Result<(), End> {
        self.heard = Instant::now();
        let message = match message {
            Message::Binary(message) => message,
            Message::Text(_) => {
                return Err(Fault::new(Code::BadMessage, "messages are binary, not text").into());
            }
            Message::Close(_) => return Err(End::Gone),
            // A flood of them counts, too.
            Message::Ping(bytes) | Message::Pong(bytes) => {
                self.spend(1, bytes.len());
                return Ok(());
            }
        };
        self.spend(1, message.len());
        match message::parse(message)? {
            Request::Append { expect, entry } => {
                let outcome = self.append(expect, entry, membership).await;
                self.send(message::answer(expect, outcome)).await
            }
            Request::Read { after } => {
                self.reading = Some(after);
                Ok(())
            }
            Request::PutPackage(package) => {
                let put = self.hubs.log().put_package(&self.room, self.who, package).await;
                put.map_err(|_| Fault::not_there().into())
            }
            Request::TakePackages => {
                let packages = self.hubs.log().take_packages(&self.room).await;
                for package in packages.map_err(|_| Fault::not_there())? {
                    self.spend(0, package.len());
                    self.send(message::package(&package)).await?;
                }
                Ok(())
            }
            Request::Say(said) => {
                let sent = self.hubs.log().say(&self.room, self.who, said).await;
                sent.map_err(|_| Fault::not_there().into())
            }
        }
    }

    async fn append(&mut self, expect: Position, entry: Bytes, membership: &Membership) -> Outcome {
        match self.hubs.log().append(&self.room, expect, entry).await {
            Ok(Appended::Taken(_)) => Outcome::Taken,
            Ok(Appended::Conflict(head)) => {
                if head < expect {
                    membership.is_ahead();
                }
                Outcome::Conflict
            }
            Err(LogError::TooLarge { .. }) => Outcome::TooLarge,
            Err(_) => Outcome::NotThere,
        }
    }

    /// Sends the next part of what was asked for.
    async fn page(&mut self) -> Result<(), End> {
        let Some(after) = self.reading else { return Ok(()) };
        let page = match self.hubs.log().read(&self.room, after, PAGE).await {
            Ok(page) => page,
            Err(LogError::TooOld { oldest }) => {
                self.reading = None;
                return self.send(message::too_old(oldest)).await;
            }
            Err(_) => return Err(Fault::not_there().into()),
        };
        self.reading = page.last().map(|entry| entry.position);
        for entry in page {
            self.spend(0, entry.bytes.len());
            self.send(message::entry(&entry)).await?;
        }
        // It is not asked for pongs now, but it reads.
        self.heard = Instant::now();
        Ok(())
    }

    fn spend(&mut self, messages: usize, bytes: usize) {
        let now = Instant::now();
        self.rate.spend(messages, bytes, now);
        self.not_before = self.rate.wait().map(|wait| now + wait);
    }

    async fn send(&mut self, message: Bytes) -> Result<(), End> {
        self.send_message(Message::Binary(message)).await
    }

    async fn send_message(&mut self, message: Message) -> Result<(), End> {
        match timeout(SEND_PATIENCE, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(End::Gone),
        }
    }

    /// Tells why the connection ends, and closes it.
    async fn say_why(&mut self, fault: &Fault) {
        // Whether it arrives or not, the connection ends.
        if self.send(message::error(fault)).await.is_ok() {
            let _ = self.send_message(Message::Close(None)).await;
            let read = async { while let Some(Ok(_)) = self.socket.recv().await {} };
            let _ = timeout(LINGER, read).await;
        }
    }
}
