//! Subscriptions to the rooms that are watched here.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use async_nats::{Client, Message, Subscriber};
use futures_util::StreamExt;
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

use super::{entry, from_somebody, live_subject};
use crate::fan::{Fan, Watched};
use crate::types::{Event, Room};

#[derive(Debug)]
enum Command {
    /// There is a connection. It comes first.
    Connected(Client),
    Subscribe(Room),
    Unsubscribe(Room),
    /// Answered when what was ordered before has been sent to the server.
    Confirm(oneshot::Sender<()>),
}

/// Orders to the task that subscribes. It ends when this and the fan are gone.
#[derive(Debug)]
pub(super) struct Listener(mpsc::UnboundedSender<Command>);

impl Listener {
    /// Starts the task, for the watchers of the fan that it gives.
    pub(super) fn start() -> (Self, Arc<Fan>) {
        // Orders come at most twice for each watcher, and sending a subscription does not wait for an answer.
        let (orders, commands) = mpsc::unbounded_channel();
        let subscribe = orders.clone();
        let fan = Fan::with_hook(move |room, watched| {
            let command = match watched {
                Watched::First => Command::Subscribe(room.clone()),
                Watched::NoMore => Command::Unsubscribe(room.clone()),
            };
            // No task: the runtime is going down.
            let _ = subscribe.send(command);
        });
        tokio::spawn(listen(Arc::downgrade(&fan), commands));
        (Self(orders), fan)
    }

    pub(super) fn connected(&self, client: Client) {
        let _ = self.0.send(Command::Connected(client));
    }

    /// Whether subscriptions to all that is watched now are on their way.
    pub(super) async fn hears(&self) -> bool {
        let (confirm, confirmed) = oneshot::channel();
        self.0.send(Command::Confirm(confirm)).is_ok() && confirmed.await.is_ok()
    }
}

async fn listen(fan: Weak<Fan>, mut commands: mpsc::UnboundedReceiver<Command>) {
    let Some(Command::Connected(client)) = commands.recv().await else { return };
    let mut rooms: HashMap<Room, AbortHandle> = HashMap::new();
    while let Some(command) = commands.recv().await {
        match command {
            Command::Connected(_) => {}
            Command::Subscribe(room) => {
                // Fails only for a subject that is none, and when the client has ended.
                let Ok(subscriber) = client.subscribe(live_subject(&room, "*")).await else { return };
                let task = tokio::spawn(forward(subscriber, fan.clone(), room.clone()));
                rooms.insert(room, task.abort_handle());
            }
            // With its subscriber goes the subscription.
            Command::Unsubscribe(room) => drop(rooms.remove(&room).map(|task| task.abort())),
            Command::Confirm(confirm) => drop(confirm.send(())),
        }
    }
}

async fn forward(mut subscriber: Subscriber, fan: Weak<Fan>, room: Room) {
    while let Some(message) = subscriber.next().await {
        let Some(fan) = fan.upgrade() else { return };
        if let Some(event) = event(&message) {
            fan.send(&room, event);
        }
    }
}

fn event(message: &Message) -> Option<Event> {
    match message.subject.as_str().rsplit_once('.')?.1 {
        "entry" => {
            let entry = entry(&message.payload)?;
            Some(Event::Appended { position: entry.position, bytes: Some(entry.bytes) })
        }
        "package" => from_somebody(&message.payload).map(|(from, package)| Event::Package { from, package }),
        "said" => from_somebody(&message.payload).map(|(from, said)| Event::Said { from, said }),
        _ => None,
    }
}
