//! How a server is configured, and why it may fail to start.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// Options of [`Server::start`](crate::Server::start).
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// Address for HTTP, signalling and media. Loopback unless told otherwise.
    pub bind: IpAddr,
    /// TCP port for HTTP and signalling; 0 lets the system choose.
    pub port: u16,
    /// UDP port for media; 0 lets the system choose.
    pub media_port: u16,
    /// Further addresses to take media on, each with a UDP port of its own that the system chooses.
    ///
    /// A stock Firefox does not use loopback for media: give the address of a network interface here
    /// (see [`interface_address`](crate::interface_address)).
    pub media_also_on: Vec<IpAddr>,
    /// Directories to serve: URL prefix (`/` or `/name`) and path.
    pub static_dirs: Vec<(String, PathBuf)>,
    /// Opens the test endpoints: hostile mode, plaintext verdict, dumps.
    pub test: bool,
    /// Bitrate in kbit/s that a sender of video is asked to start with, or `None` to leave it to the browser.
    pub start_bitrate_kbps: Option<u32>,
    /// Participants in one room at most.
    pub max_participants: usize,
    /// Rooms at most.
    pub max_rooms: usize,
    /// File that keeps the ordered log of the rooms ([`e2ee_log`]), or `None`: it is gone with the server.
    pub log_file: Option<PathBuf>,
    /// Prints a line for each request and each join to standard error.
    pub access_log: bool,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            media_port: 0,
            media_also_on: Vec::new(),
            static_dirs: Vec::new(),
            test: false,
            start_bitrate_kbps: Some(1000),
            max_participants: 32,
            max_rooms: 64,
            log_file: None,
            access_log: false,
        }
    }
}

/// Why a server did not start; the text says what to do about it.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// The TCP or UDP port is taken.
    PortInUse {
        /// The address that was asked for.
        addr: SocketAddr,
        /// `"TCP"` or `"UDP"`.
        protocol: &'static str,
    },
    /// The address could not be bound for another reason.
    Bind {
        /// The address that was asked for.
        addr: SocketAddr,
        /// `"TCP"` or `"UDP"`.
        protocol: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// A directory to serve is not there, or is no directory.
    MissingDirectory {
        /// The URL prefix it was meant for.
        prefix: String,
        /// The path given.
        path: PathBuf,
    },
    /// A URL prefix is not of the form `/` or `/name`, is given twice, or belongs to the server (`/api`,
    /// `/log`, `/ws`).
    BadPrefix {
        /// The prefix given.
        prefix: String,
    },
    /// The ordered log could not be opened.
    Log {
        /// Why.
        source: e2ee_log::LogError,
    },
    /// A thread or its runtime could not be started.
    Runtime {
        /// What the system said.
        source: std::io::Error,
    },
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PortInUse { addr, protocol } => write!(
                f,
                "{protocol} port {} on {} is in use; stop the program that has it, or choose another port \
                 (port 0 takes a free one)",
                addr.port(),
                addr.ip()
            ),
            Self::Bind { addr, protocol, source } => {
                write!(
                    f,
                    "cannot bind {protocol} {addr}: {source}; give an address of this machine and a port \
                           that this user may bind"
                )
            }
            Self::MissingDirectory { prefix, path } => write!(
                f,
                "the directory for {prefix} is missing: {}; build what belongs there first, or correct the path",
                path.display()
            ),
            Self::BadPrefix { prefix } => write!(
                f,
                "{prefix:?} cannot be a URL prefix; use / or /name, each once, and none of /api, /log, /ws"
            ),
            Self::Log { source } => source.fmt(f),
            Self::Runtime { source } => write!(f, "cannot start a server thread: {source}"),
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Bind { source, .. } | Self::Runtime { source } => Some(source),
            Self::Log { source } => Some(source),
            _ => None,
        }
    }
}
