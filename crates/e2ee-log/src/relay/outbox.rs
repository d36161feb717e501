//! What waits to be sent on one connection: bounded in number and in bytes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use tokio::sync::{Notify, mpsc};

use super::message::{Code, Fault};

/// Messages and bytes that may wait. Who is further behind is cut off, and catches up on a new connection.
const MESSAGES: usize = 256;
const BYTES: usize = 16 * 1024 * 1024;

#[derive(Debug, Default)]
struct Shared {
    bytes: AtomicUsize,
    end: OnceLock<Fault>,
    ended: Notify,
}

/// The side of the room.
#[derive(Debug, Clone)]
pub(super) struct Outbox {
    queue: mpsc::Sender<Bytes>,
    shared: Arc<Shared>,
}

/// The side of the connection.
#[derive(Debug)]
pub(super) struct Inbox {
    queue: mpsc::Receiver<Bytes>,
    shared: Arc<Shared>,
}

pub(super) fn channel() -> (Outbox, Inbox) {
    let (sender, receiver) = mpsc::channel(MESSAGES);
    let shared = Arc::<Shared>::default();
    (Outbox { queue: sender, shared: shared.clone() }, Inbox { queue: receiver, shared })
}

impl Outbox {
    /// Leaves a message; whether the connection goes on.
    pub(super) fn push(&self, message: Bytes) -> bool {
        let len = message.len();
        let before = self.shared.bytes.fetch_add(len, Ordering::Relaxed);
        if before + len <= BYTES && self.queue.try_send(message).is_ok() {
            return true;
        }
        self.end(Fault::new(Code::TooSlow, "too much waits to be read here; connect again and read faster"));
        false
    }

    /// Ends the connection; what waits is not sent any more.
    pub(super) fn end(&self, fault: Fault) {
        // The first reason is the one.
        let _ = self.shared.end.set(fault);
        self.shared.ended.notify_one();
    }
}

impl Inbox {
    /// Why the connection has ended, if it has.
    pub(super) fn ended(&self) -> Option<Fault> {
        self.shared.end.get().cloned()
    }

    /// The next message to send, or why there is none any more. May be cancelled without loss.
    pub(super) async fn next(&mut self) -> Result<Bytes, Fault> {
        if let Some(fault) = self.shared.end.get() {
            return Err(fault.clone());
        }
        tokio::select! {
            biased;
            () = self.shared.ended.notified() => {}
            message = self.queue.recv() => if let Some(message) = message {
                self.shared.bytes.fetch_sub(message.len(), Ordering::Relaxed);
                return Ok(message);
            }
        }
        Err(self.shared.end.get().cloned().unwrap_or_else(Fault::not_there))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_does_not_read_is_cut_off_by_number() {
        let (outbox, mut inbox) = channel();
        assert!((0..MESSAGES).all(|_| outbox.push("x".into())));
        assert!(!outbox.push("x".into()));
        assert_eq!(inbox.next().await.unwrap_err().code, Code::TooSlow);
    }

    #[tokio::test]
    async fn who_does_not_read_is_cut_off_by_bytes() {
        let (outbox, mut inbox) = channel();
        let quarter = Bytes::from(vec![0; BYTES / 4]);
        assert!((0..4).all(|_| outbox.push(quarter.clone())));
        inbox.next().await.unwrap();
        assert!(outbox.push(quarter), "what was sent does not count");
        assert!(!outbox.push("x".into()));
        assert_eq!(inbox.next().await.unwrap_err().code, Code::TooSlow);
    }
}
