//! Frameseal's core: end-to-end encryption of media frames, so that the SFU only ever sees ciphertext.
//!
//! Bytes in, bytes out. No clock, socket, thread, lock or hidden randomness: time and entropy are arguments.
//!
//! | floor | modules | holds |
//! |---|---|---|
//! | 0 | [`id`], [`secret`], [`error`] | the words everybody uses |
//! | 1 | [`crypto`] | cipher suites, AEAD backends as values |
//! | 2 | [`key`] | key schedule, KID, ratchet, key ring, replay window |
//! | 3 | [`frame`] | buffers, codec rules, [`Sealer`] and [`Opener`] |
//! | 3 | [`livekit`], [`jitsi`] | LiveKit's and Jitsi's formats, with keys and openers of their own |
//!
//! ```
//! use e2ee_core::{CallId, CodecRule, FrameBuf, FrameFormat, FrameInfo, KeyAt, Opener, ParticipantId, Profile};
//! use e2ee_core::{CipherSuite, KidScheme, Provider, Sealer, TrackKind};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let profile = Profile {
//!     provider: Provider::best(),
//!     suite: CipherSuite::Aes128GcmSha256_128,
//!     format: FrameFormat::Frameseal { call: CallId::new("council-7")? },
//!     scheme: KidScheme::default(),
//! };
//! let ada = ParticipantId::new("ada")?;
//! # let entropy = [7; 32];
//! // `entropy`: 32 bytes from the system's generator.
//! let mut sealer = Sealer::generate(profile.clone(), ada.clone(), &entropy);
//! let mut opener = Opener::new(profile, ada);
//! if let Some(key) = sealer.sender_key() {
//!     opener.install(KeyAt::Sender(key.generation, key.step), key.base); // over a secure channel
//! }
//!
//! let info = FrameInfo::track(TrackKind::Audio, CodecRule::Opaque);
//! let mut buf = FrameBuf::new();
//! buf.fill(b"an Opus frame");
//! let wire = sealer.seal(&info, &mut buf)?.to_vec();
//!
//! buf.fill(&wire);
//! assert_eq!(opener.open(&info, &mut buf)?, b"an Opus frame");
//! buf.fill(&wire);
//! assert!(opener.open(&info, &mut buf).is_err()); // a repeat
//! # Ok(()) }
//! ```
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod crypto;
pub mod error;
pub mod frame;
pub mod id;
pub mod jitsi;
pub mod key;
pub mod livekit;
pub mod secret;

pub use crypto::{CipherSuite, Provider};
pub use error::{Code, OpenCause, OpenError, Reaction, SealCause, SealError};
pub use frame::{CodecRule, FrameBuf, FrameFormat, FrameInfo, Opener, Padding, Sealer, SenderKey, Straight};
pub use id::{CallId, Ctr, Epoch, Generation, Kid, Millis, ParticipantId, Step, TrackKind};
pub use key::kid::KidScheme;
pub use key::ring::KeyAt;
pub use key::room::{Announcement, RoomSecret};
pub use key::schedule::Profile;
pub use secret::{BaseKey, SecretBytes};
