//! `frameseal-log`: a relay as a program of its own.

use std::net::{IpAddr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;

use axum::serve::ListenerExt;
use clap::Parser;
use e2ee_log::{Log, LogError, MemoryLog, Options, SqliteLog, router};

/// Serves the ordered log of end-to-end encrypted calls over WebSocket; holds no key.
///
/// Clients connect to ws://ADDRESS:PORT/log?room=NAME. Several relays may serve one log in Redis or NATS; who loses
/// a relay goes on at another.
#[derive(Debug, Parser)]
#[command(name = "frameseal-log", version)]
struct Args {
    /// Address to bind.
    #[arg(long, default_value = "127.0.0.1")]
    bind: IpAddr,
    /// TCP port; 0 takes a free one.
    #[arg(long, default_value_t = 8090)]
    port: u16,
    /// Where the log is: memory (gone with this program), sqlite:FILE (one relay, outlives it), redis:URL or
    /// nats:URL (any number of relays).
    ///
    /// For example sqlite:/var/lib/frameseal/log.db, redis:redis://user:password@10.0.0.5:6379,
    /// nats:nats://10.0.0.6:4222. NATS needs JetStream and `max_payload: 8MB`. What is given here can be seen in
    /// the list of processes: where the URL holds a password, give it as FRAMESEAL_LOG_BACKEND.
    #[arg(long, env = "FRAMESEAL_LOG_BACKEND", hide_env_values = true, default_value = "memory")]
    backend: Backend,
    /// Connections at most.
    #[arg(long, default_value_t = Options::default().max_connections)]
    max_connections: usize,
    /// Connections to one room at most.
    #[arg(long, default_value_t = Options::default().max_per_room)]
    max_per_room: usize,
    /// End when standard input ends, so that the relay never outlives the program that started it.
    #[arg(long)]
    until_eof: bool,
}

#[derive(Debug, Clone)]
enum Backend {
    Memory,
    Sqlite(String),
    #[cfg(feature = "redis")]
    Redis(String),
    #[cfg(feature = "nats")]
    Nats(String),
}

impl std::str::FromStr for Backend {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "memory" => Ok(Self::Memory),
            Some(("sqlite", path)) if !path.is_empty() => Ok(Self::Sqlite(path.to_owned())),
            #[cfg(feature = "redis")]
            Some(("redis", url)) if !url.is_empty() => Ok(Self::Redis(url.to_owned())),
            #[cfg(feature = "nats")]
            Some(("nats", url)) if !url.is_empty() => Ok(Self::Nats(url.to_owned())),
            _ => Err("write it as memory, sqlite:FILE, redis:URL or nats:URL".to_owned()),
        }
    }
}

impl Backend {
    async fn open(self) -> Result<Arc<dyn Log>, LogError> {
        Ok(match self {
            Self::Memory => Arc::new(MemoryLog::new()),
            Self::Sqlite(path) => Arc::new(SqliteLog::open(path)?),
            #[cfg(feature = "redis")]
            Self::Redis(url) => Arc::new(e2ee_log::RedisLog::connect(&url).await?),
            #[cfg(feature = "nats")]
            Self::Nats(url) => Arc::new(e2ee_log::NatsLog::connect(&url).await?),
        })
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    let done = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start: {error}"))
        .and_then(|runtime| runtime.block_on(run(args)));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("frameseal-log: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> Result<(), String> {
    let addr = SocketAddr::new(args.bind, args.port);
    let listener = tokio::net::TcpListener::bind(addr).await.map_err(|error| {
        format!(
            "cannot bind TCP {addr}: {error}; give an address of this machine and a free port (0 takes one)"
        )
    })?;
    let addr = listener.local_addr().map_err(|error| error.to_string())?;
    let log = args.backend.open().await.map_err(|error| error.to_string())?;
    let options = Options { max_connections: args.max_connections, max_per_room: args.max_per_room };
    let router = router(log, options).map_err(|error| error.to_string())?;
    println!("ws://{addr}/log");
    if args.until_eof {
        std::thread::spawn(|| {
            let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
            std::process::exit(0);
        });
    }
    // Messages are small, and somebody waits for each.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    tokio::select! {
        served = axum::serve(listener, router) => served.map_err(|error| error.to_string()),
        signal = stopped() => signal.map_err(|error| error.to_string()),
    }
}

/// Returns when the program is asked to end.
async fn stopped() -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            result = tokio::signal::ctrl_c() => result,
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}
