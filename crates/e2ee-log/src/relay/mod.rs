//! The log over WebSocket; `docs/log.md` has the protocol.

mod connection;
mod hub;
mod message;
mod outbox;
mod rate;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use axum::Router;
use axum::extract::{Query, State, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use serde::Deserialize;

use crate::error::LogError;
use crate::log::Log;
use crate::types::{Origin, Room};
use hub::Hubs;
pub use message::PROTOCOL;

/// Options of [`router`].
#[derive(Debug, Clone)]
pub struct Options {
    /// Connections at most.
    pub max_connections: usize,
    /// Connections to one room at most.
    pub max_per_room: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { max_connections: 20_000, max_per_room: 6_000 }
    }
}

/// What the handlers share.
#[derive(Debug)]
struct Relay {
    hubs: Arc<Hubs>,
    options: Options,
    connections: AtomicUsize,
    /// Tells this relay from the others of its log.
    name: [u8; 8],
    next: AtomicU64,
}

/// Counts one connection.
struct Place(Arc<Relay>);

impl Place {
    fn take(relay: &Arc<Relay>) -> Option<Self> {
        let more = |taken| (taken < relay.options.max_connections).then_some(taken + 1);
        let taken = relay.connections.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        taken.ok().map(|_| Self(relay.clone()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A router with `GET /log?room=NAME`, where clients speak [`PROTOCOL`] to the log.
///
/// It lets in whoever asks: a server that must not puts its own check around it, as a layer. Call it, and serve it,
/// in the runtime in which the log was connected.
///
/// # Errors
/// [`LogError::Setup`]: the system has no random bytes for the relay's name.
pub fn router(log: Arc<dyn Log>, options: Options) -> Result<Router, LogError> {
    let mut name = [0; 8];
    getrandom::fill(&mut name).map_err(|error| LogError::Setup {
        backend: "the relay",
        problem: format!("no random bytes: {error}; see what the system's source of them needs"),
    })?;
    let relay = Relay {
        hubs: Hubs::new(log, options.max_per_room),
        options,
        connections: AtomicUsize::new(0),
        name,
        next: AtomicU64::new(0),
    };
    Ok(Router::new().route("/log", any(upgrade)).with_state(Arc::new(relay)))
}

#[derive(Deserialize)]
struct Wanted {
    room: String,
}

async fn upgrade(
    State(relay): State<Arc<Relay>>,
    Query(wanted): Query<Wanted>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let refuse = |status: StatusCode, why: String| (status, why + "\n").into_response();
    // Bytes that are no UTF-8 come as this character: different names would be one room.
    if wanted.room.contains(char::REPLACEMENT_CHARACTER) {
        return refuse(StatusCode::BAD_REQUEST, "the room's name is not UTF-8; escape it as such".to_owned());
    }
    let room = match Room::new(&wanted.room) {
        Ok(room) => room,
        Err(error) => return refuse(StatusCode::BAD_REQUEST, error.to_string()),
    };
    let upgrade = upgrade.protocols([PROTOCOL]);
    if upgrade.selected_protocol().is_none() {
        return refuse(StatusCode::BAD_REQUEST, format!("offer the subprotocol {PROTOCOL}"));
    }
    let Some(place) = Place::take(&relay) else {
        let why = "the relay has all the connections it takes; try again in a while, or another relay";
        return refuse(StatusCode::SERVICE_UNAVAILABLE, why.to_owned());
    };
    let who = relay.origin();
    let hubs = relay.hubs.clone();
    upgrade.max_message_size(connection::MAX_MESSAGE).max_frame_size(connection::MAX_MESSAGE).on_upgrade(
        async move |socket| {
            let _place = place;
            connection::serve(socket, hubs, room, who).await;
        },
    )
}

impl Relay {
    /// A name for a connection that no other has, at any relay.
    fn origin(&self) -> Origin {
        let number = self.next.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let mut origin = [0; 16];
        origin.iter_mut().zip(self.name.into_iter().chain(number)).for_each(|(to, from)| *to = from);
        Origin(origin)
    }
}
