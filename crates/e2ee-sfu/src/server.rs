//! Starting and stopping.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::thread::JoinHandle;

use axum::serve::ListenerExt;
use e2ee_log::SqliteLog;
use tokio::sync::{mpsc, oneshot};

use crate::engine::{Command, Engine};
use crate::http;
use crate::net::{self, Net};
use crate::options::{ServerOptions, StartError};

/// Commands that may wait for the media thread; senders wait for a place.
const COMMANDS: usize = 1024;

/// The server; see [`Server::start`].
#[derive(Debug)]
pub struct Server;

/// A running server. It stops when this is dropped, or with [`stop`](Running::stop).
#[derive(Debug)]
pub struct Running {
    addr: SocketAddr,
    media: Vec<SocketAddr>,
    engine: mpsc::Sender<Command>,
    stop_http: Option<oneshot::Sender<()>>,
    threads: Vec<JoinHandle<()>>,
}

impl Server {
    /// Binds the ports, starts one thread for HTTP and one for media, and returns.
    ///
    /// # Errors
    /// A port that is taken, an address that is not of this machine, a directory that is not there; see
    /// [`StartError`].
    pub fn start(options: ServerOptions) -> Result<Running, StartError> {
        check_dirs(&options)?;
        let listener = listen(SocketAddr::new(options.bind, options.port))?;
        let addr = listener.local_addr().map_err(|source| StartError::Runtime { source })?;
        let mut sockets = vec![net::bind(SocketAddr::new(options.bind, options.media_port))?];
        for ip in &options.media_also_on {
            sockets.push(net::bind(SocketAddr::new(*ip, 0))?);
        }
        let media = sockets.iter().filter_map(|s| s.local_addr().ok()).collect();

        let (engine, commands) = mpsc::channel(COMMANDS);
        let (stop_http, stopped) = oneshot::channel();
        let router = http::router(&options, engine.clone(), ordered_log(&options)?);
        let media_thread = spawn("sfu-media", async move {
            let net = Net::new(sockets)?;
            Engine::new(options, net).run(commands).await;
            Ok(())
        })?;
        let mut running =
            Running { addr, media, engine, stop_http: Some(stop_http), threads: vec![media_thread] };
        let http_thread = spawn("sfu-http", async move {
            // Messages of signalling and of the log are small, and somebody waits for each.
            let listener =
                tokio::net::TcpListener::from_std(listener)?.tap_io(|stream| drop(stream.set_nodelay(true)));
            let serve = axum::serve(listener, router);
            tokio::select! {
                result = serve => result,
                // Connections that stay open do not hold the server up.
                _ = stopped => Ok(()),
            }
        })?;
        running.threads.push(http_thread);
        Ok(running)
    }
}

impl Running {
    /// Address of HTTP and signalling.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// URL of the page.
    pub fn url(&self) -> String {
        format!("http://{}/", self.addr)
    }

    /// Addresses of media.
    pub fn media_addrs(&self) -> &[SocketAddr] {
        &self.media
    }

    /// Says goodbye to all peers, closes all connections and waits for the threads to end.
    pub fn stop(mut self) {
        self.shut_down();
    }

    fn shut_down(&mut self) {
        // A media thread that does not take this has ended already, or ends with the last sender.
        let _ = self.engine.try_send(Command::Shutdown);
        if let Some(stop) = self.stop_http.take() {
            let _ = stop.send(());
        }
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shut_down();
    }
}

/// The address by which this machine reaches others, if it has one. No packet is sent to find out.
pub fn interface_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind(("0.0.0.0", 0)).ok()?;
    // An address of the documentation range (RFC 5737): only the route to it is looked up.
    socket.connect(("192.0.2.1", 9)).ok()?;
    let ip = socket.local_addr().ok()?.ip();
    (!ip.is_unspecified() && !ip.is_loopback()).then_some(ip)
}

fn check_dirs(options: &ServerOptions) -> Result<(), StartError> {
    let mut seen = BTreeSet::new();
    for (prefix, path) in &options.static_dirs {
        let name = prefix.strip_prefix('/').unwrap_or("/");
        let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
        if !plain || name.starts_with('.') || ["api", "log", "ws"].contains(&name) || !seen.insert(prefix) {
            return Err(StartError::BadPrefix { prefix: prefix.clone() });
        }
        if !path.is_dir() {
            return Err(StartError::MissingDirectory { prefix: prefix.clone(), path: path.clone() });
        }
    }
    Ok(())
}

/// The log of all rooms: in its file, or for as long as the server runs.
fn ordered_log(options: &ServerOptions) -> Result<axum::Router, StartError> {
    let log = match &options.log_file {
        Some(path) => SqliteLog::open(path),
        None => SqliteLog::in_memory(),
    };
    log.and_then(|log| e2ee_log::router(Arc::new(log), e2ee_log::Options::default()))
        .map_err(|source| StartError::Log { source })
}

fn listen(addr: SocketAddr) -> Result<TcpListener, StartError> {
    let bound = TcpListener::bind(addr).and_then(|l| l.set_nonblocking(true).map(|()| l));
    bound.map_err(|source| match source.kind() {
        ErrorKind::AddrInUse => StartError::PortInUse { addr, protocol: "TCP" },
        _ => StartError::Bind { addr, protocol: "TCP", source },
    })
}

/// Runs a future on a thread of its own.
fn spawn(
    name: &str,
    future: impl Future<Output = std::io::Result<()>> + Send + 'static,
) -> Result<JoinHandle<()>, StartError> {
    let failed = |source| StartError::Runtime { source };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let label = name.to_owned();
    let body = move || {
        if let Err(error) = runtime.block_on(future) {
            eprintln!("{label}: {error}");
        }
    };
    std::thread::Builder::new().name(name.into()).spawn(body).map_err(failed)
}
