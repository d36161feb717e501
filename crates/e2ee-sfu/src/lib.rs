//! A small SFU: it takes each participant's media once, forwards it to the others in the room, and holds no key.
//!
//! It serves the demo and the browser tests of Frameseal: static files, signalling and media of any number of
//! rooms, on loopback unless told otherwise. RTP packets are forwarded as they come; what a frame holds is no
//! concern of the forwarding path. `PROTOCOL.md` beside this crate has the signalling.
//!
//! ```no_run
//! use e2ee_sfu::{Server, ServerOptions};
//!
//! let options = ServerOptions { port: 8080, ..ServerOptions::default() };
//! let server = Server::start(options)?;
//! println!("{}", server.url());
//! server.stop();
//! # Ok::<(), e2ee_sfu::StartError>(())
//! ```

mod codec;
mod depacketize;
mod descriptor;
mod dump;
mod engine;
mod eye;
mod forward;
mod hostile;
mod http;
mod member;
mod negotiate;
mod net;
mod options;
mod outbox;
mod peer;
mod rewrite;
mod room;
mod sdp;
mod server;
mod signal;
mod source;
mod stats;
mod verdict;
mod websocket;

pub use options::{ServerOptions, StartError};
pub use server::{Running, Server, interface_address};
