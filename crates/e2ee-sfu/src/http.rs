//! HTTP: static files, the JSON API, and the ways into the WebSockets of signalling and of the log.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::{Query, Request, State, WebSocketUpgrade};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Json, Router};
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::dump::Wanted;
use crate::engine::Command;
use crate::hostile::Order;
use crate::options::ServerOptions;
use crate::signal::MAX_MESSAGE;
use crate::verdict::Plaintext;
use crate::websocket;

/// Headers on every answer. With the two cross-origin ones a page is `crossOriginIsolated`.
const HEADERS: [(HeaderName, &str); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; \
         connect-src 'self' ws: wss:; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; \
         media-src 'self' blob:",
    ),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-embedder-policy"), "require-corp"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (header::CACHE_CONTROL, "no-store"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

/// What the handlers share.
#[derive(Clone)]
pub(crate) struct App {
    engine: mpsc::Sender<Command>,
    connections: Arc<AtomicU64>,
    access_log: bool,
}

/// The server's routes, with those of the log.
pub(crate) fn router(options: &ServerOptions, engine: mpsc::Sender<Command>, ordered: Router) -> Router {
    let app = App { engine, connections: Arc::default(), access_log: options.access_log };
    let mut router = Router::new()
        .route("/ws", any(upgrade))
        .route("/api/stats", get(stats))
        .merge(ordered.with_state(()))
        .route_layer(middleware::from_fn(same_site));
    if options.test {
        router = router
            .route("/api/plaintext", post(plaintext))
            .route("/api/verdict", get(verdict))
            .route("/api/hostile", get(hostility).post(hostile))
            .route("/api/dump", get(dump))
            .route_layer(middleware::from_fn(same_site));
    }
    router = router.route("/api/{*rest}", any(not_found));
    for (prefix, path) in &options.static_dirs {
        let files = ServeDir::new(path);
        router = match prefix.as_str() {
            "/" => router.fallback_service(files),
            prefix => router.nest_service(prefix, files),
        };
    }
    router = router.layer(middleware::map_response(script_type));
    router = router.layer(middleware::from_fn_with_state(app.clone(), log));
    for (name, value) in HEADERS {
        router = router.layer(SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value)));
    }
    router.with_state(app)
}

async fn upgrade(State(app): State<App>, upgrade: WebSocketUpgrade) -> Response {
    let conn = app.connections.fetch_add(1, Ordering::Relaxed);
    // Above the limit of the protocol, so that a client learns of a message too large before it is cut off.
    let limit = 2 * MAX_MESSAGE;
    upgrade
        .max_message_size(limit)
        .max_frame_size(limit)
        .on_upgrade(move |socket| websocket::serve(socket, conn, app.engine))
}

async fn stats(State(app): State<App>) -> Response {
    ask(&app, |reply| Command::Stats { reply }).await
}

/// Asks the media thread and gives its answer as JSON.
async fn ask<T: Serialize>(app: &App, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Response {
    let (reply, answer) = oneshot::channel();
    if app.engine.send(command(reply)).await.is_err() {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    match answer.await {
        Ok(value) => Json(value).into_response(),
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

async fn plaintext(State(app): State<App>, Json(told): Json<Plaintext>) -> Response {
    match app.engine.send(Command::Plaintext { told }).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

async fn verdict(State(app): State<App>) -> Response {
    ask(&app, |reply| Command::Verdict { reply }).await
}

async fn hostility(State(app): State<App>) -> Response {
    ask(&app, |reply| Command::Hostile { order: None, reply }).await
}

async fn hostile(State(app): State<App>, Json(order): Json<Order>) -> Response {
    ask(&app, |reply| Command::Hostile { order: Some(order), reply }).await
}

async fn dump(State(app): State<App>, Query(wanted): Query<Wanted>) -> Response {
    let (reply, answer) = oneshot::channel();
    if app.engine.send(Command::Dump { wanted, reply }).await.is_err() {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    match answer.await {
        Ok(Some(dump)) => ([(header::CONTENT_TYPE, dump.content_type)], dump.bytes).into_response(),
        Ok(None) => (StatusCode::NOT_FOUND, "no such track, or no frame of it\n").into_response(),
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

async fn not_found() -> Response {
    (StatusCode::NOT_FOUND, "no such endpoint\n").into_response()
}

/// Gives scripts the one type that RFC 9239 leaves; the file service knows an older one for `.mjs`.
async fn script_type(mut response: Response) -> Response {
    if response.headers().get(header::CONTENT_TYPE).is_some_and(|t| t == "application/javascript") {
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/javascript"));
    }
    response
}

/// Keeps pages of other sites away from signalling and API: neither by their own origin nor by a name that they
/// let point here.
async fn same_site(request: Request, next: Next) -> Response {
    if let Err(reason) = check_site(request.headers()) {
        return (StatusCode::FORBIDDEN, format!("{reason}\n")).into_response();
    }
    next.run(request).await
}

fn check_site(headers: &HeaderMap) -> Result<(), &'static str> {
    let text = |name| headers.get(name).map(|v: &HeaderValue| v.to_str().unwrap_or_default());
    let host = text(header::HOST).unwrap_or_default();
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']');
    if name != "localhost" && address.parse::<IpAddr>().is_err() {
        return Err("use an address or localhost in the URL, not another name");
    }
    match text(header::ORIGIN) {
        Some(origin) if origin.split_once("://").is_none_or(|(_, authority)| authority != host) => {
            Err("requests from pages of other sites are refused")
        }
        _ => Ok(()),
    }
}

async fn log(State(app): State<App>, request: Request, next: Next) -> Response {
    if !app.access_log {
        return next.run(request).await;
    }
    let line = format!("{} {}", request.method(), request.uri().path());
    let response = next.run(request).await;
    eprintln!("{line} {}", response.status().as_u16());
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(host: &'static str, origin: Option<&'static str>) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static(host));
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
        }
        check_site(&headers).is_ok()
    }

    #[test]
    fn only_our_own_pages_get_in() {
        assert!(check("127.0.0.1:8080", None));
        assert!(check("127.0.0.1:8080", Some("http://127.0.0.1:8080")));
        assert!(check("localhost:8080", Some("http://localhost:8080")));
        assert!(check("[::1]:8080", Some("http://[::1]:8080")));
        assert!(!check("127.0.0.1:8080", Some("http://evil.example")));
        assert!(!check("127.0.0.1:8080", Some("http://127.0.0.1:9090")), "another port is another site");
        assert!(!check("127.0.0.1:8080", Some("null")));
        assert!(!check("evil.example:8080", Some("http://evil.example:8080")), "a name that points here");
        assert!(!check("", None));
    }
}
