//! Frameseal for Kotlin and Swift: what is done now and then goes by UniFFI, frames go by the C functions, which this
//! library exports too. Both work on the same handles: `address` of a sealer or an opener is what `frameseal_seal` and
//! `frameseal_open` take, so no frame is copied into a UniFFI buffer.
//!
//! | module | holds |
//! |---|---|
//! | `types` | enums and records |
//! | `error` | what calls fail with |
//! | `media` | sealers, openers, rings, keys |
//! | `session` | key agreement: inputs, outputs |
//!
//! Entropy is the system's, drawn here, so that nobody can give the same bytes twice. Secrets that come in are wiped
//! here after use; UniFFI's own buffers and what the other language keeps are not.

mod error;
mod media;
mod outputs;
mod session;
mod types;

pub use error::{FramesealError, error_of};
pub use media::{DataPacket, Opener, Ring, Sealer, SenderKey, stretch, version};
pub use outputs::{Output, Person};
pub use session::{Session, SessionConfig};
pub use types::{
    Admit, Codec, Config, Event, Format, FrameType, Kind, Mode, SecretKind, Slot, Suite, Trust, Why,
};

uniffi::setup_scaffolding!();
