//! A native sender and a native recorder in the demo's call: WebRTC by str0m, frames sealed and opened by `e2ee-core`.
//!
//! ```text
//! publish   IVF file → Sealer → str0m's packetizer → SFU
//! record    SFU → str0m's depacketizer → Opener → IVF file
//! ```
//! Both share a room secret with the browsers of `cargo xtask demo` (the part of the link behind `#k=`), join under
//! names of their own, and everybody sees them. The recorder sends nothing, so it needs no announcement; it opens what
//! it is sent because it has the secret.
//!
//! VP8 alone: of str0m's packetizers (0.25) VP9's looks for key frames in the frame itself, which is ciphertext, and AV1's
//! leaves out OBUs of the reserved type that carries it. With these codecs packets are made outside, in str0m's RTP mode.

pub mod call;
pub mod ivf;
mod peer;
pub mod publish;
pub mod record;

use core::fmt;
use std::net::SocketAddr;

use e2ee_core::{CallId, CipherSuite, FrameFormat, KidScheme, ParticipantId, Profile, Provider, RoomSecret};

/// Who joins which call.
pub struct Member {
    /// The demo's server.
    pub server: SocketAddr,
    /// The room, which is also the call that keys are bound to.
    pub room: String,
    /// This participant's id, new for each run: 1 to 64 of `A-Z a-z 0-9 _ -`.
    pub id: String,
    /// What people see.
    pub name: String,
    /// What everybody in the room shares, stretched.
    pub secret: RoomSecret,
}

impl Member {
    /// Stretches `secret`, which takes a tenth of a second and more.
    ///
    /// # Errors
    /// [`Error::Name`] for a room or id that keys cannot be bound to.
    pub fn new(server: SocketAddr, room: &str, id: &str, name: &str, secret: &str) -> Result<Self, Error> {
        let call = CallId::new(room).map_err(|_| Error::Name)?;
        let secret = RoomSecret::stretch(secret, &call);
        Ok(Self { server, room: room.to_owned(), id: id.to_owned(), name: name.to_owned(), secret })
    }

    fn call(&self) -> Result<CallId, Error> {
        CallId::new(&self.room).map_err(|_| Error::Name)
    }

    fn profile(&self, suite: CipherSuite) -> Result<Profile, Error> {
        Ok(Profile {
            provider: Provider::best(),
            suite,
            format: FrameFormat::Frameseal { call: self.call()? },
            scheme: KidScheme::default(),
        })
    }
}

fn participant(id: &str) -> Result<ParticipantId, Error> {
    ParticipantId::new(id).map_err(|_| Error::Name)
}

/// What ends a program.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A room or an id is empty or too long.
    Name,
    /// No entropy from the system.
    Entropy,
    /// Network or file.
    Io(std::io::Error),
    /// The file is not an IVF file of VP8.
    NotIvf,
    /// Signalling failed.
    Signalling(String),
    /// WebRTC failed.
    Rtc(String),
    /// A frame could not be sealed.
    Seal(e2ee_core::SealError),
    /// The server did not do what was waited for.
    Timeout(&'static str),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name => f.write_str("room and id must have 1 to 512 bytes"),
            Self::Entropy => f.write_str("the system gives no entropy"),
            Self::Io(error) => error.fmt(f),
            Self::NotIvf => f.write_str("not an IVF file of VP8"),
            Self::Signalling(why) => write!(f, "signalling: {why}"),
            Self::Rtc(why) => write!(f, "WebRTC: {why}"),
            Self::Seal(error) => error.fmt(f),
            Self::Timeout(what) => write!(f, "waited in vain: {what}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<str0m::error::RtcError> for Error {
    fn from(error: str0m::error::RtcError) -> Self {
        Self::Rtc(error.to_string())
    }
}

impl From<tungstenite::Error> for Error {
    fn from(error: tungstenite::Error) -> Self {
        Self::Signalling(error.to_string())
    }
}
