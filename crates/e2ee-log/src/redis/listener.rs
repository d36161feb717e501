//! One connection that hears the events of all rooms that are watched here.

use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use redis::aio::{PubSubSink, PubSubStream};
use redis::{Client, Msg, RedisError};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::{PATIENCE, channel, number};
use crate::fan::{Fan, Watched};
use crate::types::{Event, Origin, Room};

/// How long to wait before connecting again.
const PAUSE: Duration = Duration::from_millis(200);
/// How often the connection is tried when nothing comes.
const PING: Duration = Duration::from_secs(10);

#[derive(Debug)]
enum Command {
    Subscribe(String),
    Unsubscribe(String),
    /// Answered when what was ordered before is done; dropped while there is no connection.
    Confirm(oneshot::Sender<()>),
    Reconnect,
}

/// Orders to the task that listens. It ends when this and the fan are gone.
#[derive(Debug)]
pub(super) struct Listener(mpsc::UnboundedSender<Command>);

impl Listener {
    /// Starts to listen, for the watchers of the fan that it gives.
    pub(super) fn start(client: Client) -> (Self, Arc<Fan>) {
        // Orders come at most twice for each watcher, and the task works them off or drops them.
        let (orders, commands) = mpsc::unbounded_channel();
        let subscribe = orders.clone();
        let fan = Fan::with_hook(move |room, watched| {
            let command = match watched {
                Watched::First => Command::Subscribe(channel(room)),
                Watched::NoMore => Command::Unsubscribe(channel(room)),
            };
            // No task: the runtime is going down.
            let _ = subscribe.send(command);
        });
        tokio::spawn(listen(client, Arc::downgrade(&fan), commands));
        (Self(orders), fan)
    }

    /// Whether all that is watched now is heard.
    pub(super) async fn hears(&self) -> bool {
        let (confirm, confirmed) = oneshot::channel();
        self.0.send(Command::Confirm(confirm)).is_ok() && confirmed.await.is_ok()
    }

    /// Gives the connection up for a new one: the server is no longer the one that answers to the URL.
    pub(super) fn reconnect(&self) {
        let _ = self.0.send(Command::Reconnect);
    }
}

async fn listen(client: Client, fan: Weak<Fan>, mut commands: mpsc::UnboundedReceiver<Command>) {
    while fan.strong_count() > 0 {
        if let Ok(Ok(connection)) = timeout(PATIENCE, client.get_async_pubsub()).await {
            let (sink, stream) = connection.split();
            // However it ended: connect again.
            let _ = serve(sink, stream, &fan, &mut commands).await;
        }
        tokio::time::sleep(PAUSE).await;
        // Rooms are subscribed from the fan; who waits for a confirmation learns that there is none.
        while commands.try_recv().is_ok() {}
    }
}

/// Listens until the connection breaks, or all are gone.
async fn serve(
    mut sink: PubSubSink,
    mut stream: PubSubStream,
    fan: &Weak<Fan>,
    commands: &mut mpsc::UnboundedReceiver<Command>,
) -> Result<(), RedisError> {
    let Some(rooms) = fan.upgrade().map(|fan| fan.rooms()) else { return Ok(()) };
    for room in &rooms {
        within(sink.subscribe(channel(room))).await?;
    }
    // What was said meanwhile was not heard.
    if let Some(fan) = fan.upgrade() {
        fan.gap();
    }
    let mut ping = tokio::time::interval(PING);
    loop {
        tokio::select! {
            command = commands.recv() => match command {
                Some(Command::Subscribe(channel)) => within(sink.subscribe(channel)).await?,
                Some(Command::Unsubscribe(channel)) => within(sink.unsubscribe(channel)).await?,
                // Who asked may have stopped waiting.
                Some(Command::Confirm(confirm)) => drop(confirm.send(())),
                Some(Command::Reconnect) | None => return Ok(()),
            },
            message = stream.next() => {
                let (Some(message), Some(fan)) = (message, fan.upgrade()) else { return Ok(()) };
                if let Some((room, event)) = parse(&message) {
                    fan.send(&room, event);
                }
            }
            _ = ping.tick() => within(sink.ping::<redis::Value>()).await.map(drop)?,
        }
    }
}

async fn within<T>(work: impl Future<Output = Result<T, RedisError>>) -> Result<T, RedisError> {
    match timeout(PATIENCE, work).await {
        Ok(result) => result,
        Err(_) => Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()),
    }
}

/// A message on a room's channel; nothing for what the scripts do not write.
fn parse(message: &Msg) -> Option<(Room, Event)> {
    let room = unescape(message.get_channel_name().strip_prefix("frameseal:{")?.strip_suffix("}:events")?)?;
    Some((room, event(message.get_payload_bytes())?))
}

fn event(payload: &[u8]) -> Option<Event> {
    let (kind, rest) = payload.split_first()?;
    match kind {
        b'e' => {
            let (at, bytes) = match rest.iter().position(|byte| *byte == b':') {
                Some(colon) => (rest.get(..colon)?, Some(Bytes::copy_from_slice(rest.get(colon + 1..)?))),
                None => (rest, None),
            };
            Some(Event::Appended { position: number(at)?, bytes })
        }
        b'p' | b's' => {
            let (from, bytes) = rest.split_first_chunk()?;
            let (from, bytes) = (Origin(*from), Bytes::copy_from_slice(bytes));
            Some(match kind {
                b'p' => Event::Package { from, package: bytes },
                _ => Event::Said { from, said: bytes },
            })
        }
        _ => None,
    }
}

/// The room of an escaped name.
fn unescape(text: &str) -> Option<Room> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            _ => byte,
        });
    }
    Room::new(std::str::from_utf8(&bytes).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Position;

    #[test]
    fn names_come_back() {
        for name in ["plain", "}{ .*>é%41", "\u{0}", "%"] {
            let room = Room::new(name).unwrap();
            assert_eq!(unescape(&room.escaped()), Some(room));
        }
        assert_eq!(unescape("%4"), None);
        assert_eq!(unescape("%FF"), None, "no UTF-8");
        assert_eq!(unescape(""), None);
    }

    #[test]
    fn events_are_read_and_nothing_else() {
        let entry = |position, bytes| Some(Event::Appended { position: Position(position), bytes });
        assert_eq!(event(b"e7:a:b"), entry(7, Some("a:b".into())));
        assert_eq!(event(b"e7:"), entry(7, Some(Bytes::new())));
        assert_eq!(event(b"e7"), entry(7, None));
        let said = Event::Said { from: Origin([7; 16]), said: "x".into() };
        assert_eq!(event(&[b"s", &[7; 16][..], b"x"].concat()), Some(said));
        for wrong in [&b""[..], b"e", b"e-1:", b"e99999999999999999999:", b"p", b"s123456789012345", b"x"] {
            assert_eq!(event(wrong), None);
        }
    }
}
