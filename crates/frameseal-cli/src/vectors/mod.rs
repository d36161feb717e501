//! Test vectors of the schema `frameseal-vectors/1`, run through the objects that an application uses.
//!
//! ```text
//! { "schema": "frameseal-vectors/1", "source": "...", "groups": [ { "kind": "...", "cases": [ {...} ] } ] }
//! ```
//! Bytes are hex, 64-bit integers decimal strings, `null` means absent. `vectors/README.md` names the kinds.

mod file;
mod flips;
mod frameseal;
mod jitsi;
mod livekit;
mod run;
mod sframe;
mod shared;

pub use file::{Case, FieldError, Group, LoadError, SCHEMA, VectorFile};
pub use run::Outcome;

use core::fmt;
use e2ee_core::crypto::{Provider, Unsupported};
use e2ee_core::frame::header::HeaderError;
use e2ee_core::{OpenError, SealError};
use flips::refuses_flips;

/// Why a case failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CaseError {
    /// Nobody here knows this kind.
    UnknownKind,
    /// Figures of a key exchange, which this checker has not: the command that checks them.
    Elsewhere(&'static str),
    /// A field is absent or not what it must be.
    Field(FieldError),
    /// The figure came out otherwise.
    Differs(Differs),
    /// The header does not decode.
    Header(HeaderError),
    /// The header decodes to other values, or leaves bytes over.
    HeaderReads {
        /// Key id.
        kid: u64,
        /// Counter.
        ctr: u64,
        /// Bytes taken.
        len: usize,
    },
    /// The figures ask for a suite with AES-CTR, or one that the backend lacks.
    Unsupported(Unsupported),
    /// The suite has no separate authentication key.
    NotCtr,
    /// Sealing failed.
    Seal(SealError),
    /// Opening failed.
    Open(OpenError),
    /// The cipher refused what it should take.
    Refused,
    /// A forgery was taken for genuine.
    ForgeryOpened {
        /// Which field was changed.
        field: &'static str,
        /// Which bit, counted from the highest of byte 0.
        bit: usize,
    },
    /// The frame opened under another kind of track.
    OtherKindOpened,
    /// The frame opened a second time.
    RepeatOpened,
    /// A frame of a sequence, counted from 0, came to another end than the file says.
    Outcome {
        /// Its place.
        frame: usize,
        /// Which end, and for a refusal its code.
        got: String,
    },
    /// The failure of one cipher backend among several.
    On(&'static str, Box<Self>),
}

/// Two values that should be equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Differs {
    /// What they are.
    pub what: &'static str,
    /// From the file.
    pub want: Vec<u8>,
    /// What came out.
    pub got: Vec<u8>,
}

/// Runs one case of `kind` on every cipher backend of this build.
///
/// # Errors
/// [`CaseError`] says what was wrong, and on which backend.
pub fn check(kind: &str, case: &Case) -> Result<(), CaseError> {
    let check = match kind {
        "sframe.header" => return sframe::header(case),
        "sframe.aes_ctr_hmac" => sframe::aes_ctr_hmac,
        "sframe.frame" => sframe::frame,
        "frameseal.frame" => frameseal::frame,
        "frameseal.ratchet" => return frameseal::ratchet(case),
        "frameseal.room" => frameseal::room,
        "frameseal.shared" => shared::frame,
        "frameseal.stretch" => return frameseal::stretch(case),
        "jitsi.key" => return jitsi::key(case),
        "jitsi.frame" => jitsi::frame,
        "jitsi.refused" => jitsi::refused,
        "jitsi.receive" => jitsi::receive,
        "livekit.key" => return livekit::key(case),
        "livekit.frame" => livekit::frame,
        "livekit.data" => livekit::data,
        "livekit.receive" => livekit::receive,
        "jitsi.olm" => return Err(CaseError::Elsewhere(OLM)),
        "jitsi.sas" | "jitsi.sas_rendering" => return Err(CaseError::Elsewhere(RECORDED)),
        _ => return Err(CaseError::UnknownKind),
    };
    Provider::all().iter().try_for_each(|provider| {
        check(case, provider).map_err(|error| match error {
            // Not the backend's fault.
            CaseError::Field(_) | CaseError::NotCtr => error,
            error => CaseError::On(provider.name(), Box::new(error)),
        })
    })
}

/// `Ok` when `got` is what the file says.
fn same(what: &'static str, want: &[u8], got: &[u8]) -> Result<(), CaseError> {
    if want == got {
        return Ok(());
    }
    Err(CaseError::Differs(Differs { what, want: want.to_vec(), got: got.to_vec() }))
}

impl fmt::Display for CaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownKind => f.write_str("unknown kind"),
            Self::Elsewhere(command) => write!(f, "not checked here, but by `{command}`"),
            Self::Field(error) => error.fmt(f),
            Self::Differs(differs) => differs.fmt(f),
            Self::Header(HeaderError::Truncated) => f.write_str("`header` ends too early"),
            Self::Header(HeaderError::NotMinimal) => f.write_str("`header` is not in its shortest form"),
            Self::HeaderReads { kid, ctr, len } => {
                write!(f, "`header` reads as KID {kid}, CTR {ctr}, {len} bytes long")
            }
            Self::Unsupported(error) => error.fmt(f),
            Self::NotCtr => f.write_str("`cipher_suite` is not one of AES-CTR with HMAC"),
            Self::Seal(error) => write!(f, "does not seal: {error}"),
            Self::Open(error) => write!(f, "does not open: {error}"),
            Self::Refused => f.write_str("the cipher refused the genuine ciphertext"),
            Self::ForgeryOpened { field, bit } => {
                write!(f, "opened although bit {bit} of `{field}` was flipped")
            }
            Self::OtherKindOpened => f.write_str("opened as a frame of another kind of track"),
            Self::RepeatOpened => f.write_str("opened a second time"),
            Self::Outcome { frame, got } => write!(f, "frame {frame}: {got}"),
            Self::On(provider, error) => write!(f, "{error} ({provider})"),
        }
    }
}

impl std::error::Error for CaseError {}

impl From<FieldError> for CaseError {
    fn from(error: FieldError) -> Self {
        Self::Field(error)
    }
}

impl fmt::Display for Differs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, want, got } = self;
        if want.len() != got.len() {
            return write!(f, "`{what}` has {} bytes, want {}", got.len(), want.len());
        }
        let at = want.iter().zip(got).position(|(want, got)| want != got).unwrap_or(0);
        let from = |bytes: &[u8]| {
            let rest = bytes.get(at..).unwrap_or_default();
            let shown = crate::hex::encode(rest.get(..SHOWN).unwrap_or(rest));
            if rest.len() > SHOWN { shown + "..." } else { shown }
        };
        write!(f, "`{what}` differs from byte {at} on: got {}, want {}", from(got), from(want))
    }
}

const OLM: &str = "cargo test -p e2ee-olm-wasm --test olm";
const RECORDED: &str = "cargo test -p e2ee-session --features jitsi --test jitsi recorded";
/// Bytes shown of a difference.
const SHOWN: usize = 8;
