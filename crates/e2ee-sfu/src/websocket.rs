//! One client's WebSocket.

use std::time::{Duration, Instant};

use axum::extract::ws::{Message, WebSocket};
use tokio::sync::mpsc;

use crate::engine::{Command, ConnId};
use crate::outbox::{self, Outbox, Outgoing};
use crate::signal::{self, Code, SignalError};

/// How often a client is pinged, and after which silence it counts as gone.
const PING: Duration = Duration::from_secs(10);
const SILENCE: Duration = Duration::from_secs(40);
/// A client that takes longer to read one message does not read at all.
const SEND_PATIENCE: Duration = Duration::from_secs(10);

/// Serves a connection until either side ends it.
pub(crate) async fn serve(mut socket: WebSocket, conn: ConnId, engine: mpsc::Sender<Command>) {
    let (outbox, mut inbox) = outbox::channel();
    let mut client = Client { conn, engine, outbox, heard: Instant::now() };
    let mut ping = tokio::time::interval(PING);
    loop {
        let goes_on = tokio::select! {
            message = inbox.next() => match message {
                Some(message) => send(&mut socket, message.into()).await,
                None => false,
            },
            message = socket.recv() => match message {
                Some(Ok(message)) => client.received(message).await,
                Some(Err(_)) | None => false,
            },
            _ = ping.tick() => {
                client.heard.elapsed() < SILENCE
                    && send(&mut socket, Message::Ping(Default::default())).await
            }
        };
        if !goes_on {
            break;
        }
    }
    // An engine that has ended needs no telling, and nothing depends on the close frame.
    let _ = client.engine.send(Command::Gone { conn }).await;
    let _ = send(&mut socket, Message::Close(None)).await;
}

struct Client {
    conn: ConnId,
    engine: mpsc::Sender<Command>,
    outbox: Outbox,
    heard: Instant,
}

impl Client {
    /// Works off a message; whether the connection goes on.
    async fn received(&mut self, message: Message) -> bool {
        self.heard = Instant::now();
        let error = match message {
            Message::Text(text) => match signal::parse(text.as_str()) {
                Ok(message) => {
                    let command = Command::Message { conn: self.conn, message, outbox: self.outbox.clone() };
                    return self.engine.send(command).await.is_ok();
                }
                Err(error) => error,
            },
            Message::Binary(_) => SignalError::new(Code::BadMessage, "messages are JSON text, not binary"),
            Message::Close(_) => return false,
            Message::Ping(_) | Message::Pong(_) => return true,
        };
        self.outbox.error(error).is_ok()
    }
}

impl From<Outgoing> for Message {
    fn from(message: Outgoing) -> Self {
        match message {
            Outgoing::Text(text) => Message::Text(text.into()),
            Outgoing::Binary(bytes) => Message::Binary(bytes),
        }
    }
}

/// Sends a message; whether the client took it.
async fn send(socket: &mut WebSocket, message: Message) -> bool {
    matches!(tokio::time::timeout(SEND_PATIENCE, socket.send(message)).await, Ok(Ok(())))
}
