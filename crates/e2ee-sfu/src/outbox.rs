//! The way from the media thread to one client's WebSocket.

use std::sync::Arc;

use axum::body::Bytes;
use tokio::sync::{Notify, mpsc};

use crate::signal::{ServerMessage, SignalError};

/// Messages that may wait for a client.
const QUEUE: usize = 512;
/// Eye frames are dropped when fewer places than this are free, so that signalling still fits.
const RESERVED: usize = 256;

/// A message for a client.
#[derive(Debug)]
pub(crate) enum Outgoing {
    Text(String),
    Binary(Bytes),
}

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct Outbox {
    queue: mpsc::Sender<Outgoing>,
    closed: Arc<Notify>,
}

/// The other end of an [`Outbox`].
#[derive(Debug)]
pub(crate) struct Inbox {
    queue: mpsc::Receiver<Outgoing>,
    closed: Arc<Notify>,
}

/// The client does not read its messages, or is gone.
#[derive(Debug)]
pub(crate) struct Full;

/// A new pair.
pub(crate) fn channel() -> (Outbox, Inbox) {
    let (sender, receiver) = mpsc::channel(QUEUE);
    let closed = Arc::new(Notify::new());
    (Outbox { queue: sender, closed: closed.clone() }, Inbox { queue: receiver, closed })
}

impl Outbox {
    pub(crate) fn send(&self, message: &ServerMessage) -> Result<(), Full> {
        // Serializing these types cannot fail: they have no maps with other keys than strings.
        let text = serde_json::to_string(message).map_err(|_| Full)?;
        self.queue.try_send(Outgoing::Text(text)).map_err(|_| Full)
    }

    pub(crate) fn error(&self, error: SignalError) -> Result<(), Full> {
        self.send(&error.into_message())
    }

    /// Sends a frame of the eye, or drops it.
    pub(crate) fn frame(&self, bytes: Bytes) -> bool {
        self.queue.capacity() > RESERVED && self.queue.try_send(Outgoing::Binary(bytes)).is_ok()
    }

    /// Ends the connection after what is queued.
    pub(crate) fn close(&self) {
        self.closed.notify_one();
    }
}

impl Inbox {
    /// The next message, or `None` when the connection is to end.
    pub(crate) async fn next(&mut self) -> Option<Outgoing> {
        tokio::select! {
            biased;
            message = self.queue.recv() => message,
            () = self.closed.notified() => None,
        }
    }
}
