//! The anatomy of a sealed frame, as far as it can be told without a key.
//!
//! Nothing here is authenticated: a reading says what the bytes look like, not that they are genuine.

mod clear;
mod frameseal;
mod trailer;

use core::fmt;
use core::ops::Range;

use e2ee_core::frame::codec::LayoutError;
use e2ee_core::frame::header::{Header, HeaderError};
use e2ee_core::key::kid::KeyName;
use e2ee_core::{CipherSuite, CodecRule, KidScheme};

/// A codec as people name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// Opus, RED and other audio.
    Opus,
    /// VP8.
    Vp8,
    /// VP9.
    Vp9,
    /// AV1.
    Av1,
    /// H.264.
    H264,
    /// H.265.
    H265,
}

impl Codec {
    /// The rule by which its clear bytes are found.
    #[must_use]
    pub const fn rule(self) -> CodecRule {
        match self {
            Self::Opus | Self::Vp9 => CodecRule::Opaque,
            Self::Vp8 => CodecRule::Vp8,
            Self::Av1 => CodecRule::Av1,
            Self::H264 => CodecRule::H264,
            Self::H265 => CodecRule::H265,
        }
    }
}

/// A frame format, by the layout of its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Clear bytes, layout byte, SFrame.
    Frameseal,
    /// Bare RFC 9605.
    Sframe,
    /// Ciphertext, tag, IV, IV length, key index: LiveKit, Jitsi and their kin.
    Trailer,
}

impl Format {
    /// Its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Frameseal => "frameseal",
            Self::Sframe => "sframe",
            Self::Trailer => "trailer",
        }
    }
}

/// What is known besides the bytes.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// The format; `None` to find out.
    pub format: Option<Format>,
    /// The codec; `None` to find out.
    pub codec: Option<Codec>,
    /// The suite, for the length of the tag.
    pub suite: CipherSuite,
    /// How many bits of a KID count ratchet steps, 0 to 16.
    pub ratchet_bits: u8,
}

impl Default for Known {
    fn default() -> Self {
        Self {
            format: None,
            codec: None,
            suite: CipherSuite::Aes128GcmSha256_128,
            ratchet_bits: e2ee_core::key::kid::DEFAULT_RATCHET_BITS,
        }
    }
}

/// A run of bytes of the frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it is, in a word.
    pub name: &'static str,
    /// Where it stands on the wire, in bytes.
    pub at: Range<usize>,
    /// What it says.
    pub what: String,
}

/// One way to read the frame.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The format.
    pub format: Format,
    /// The codec rule, where the format has one.
    pub rule: Option<CodecRule>,
    /// `None` when format and codec were told. Otherwise how many bits of the frame speak for this reading: random
    /// bytes look like this once in two to that power.
    pub evidence_bits: Option<u32>,
    /// Whether a decoder can start here, where clear bytes tell.
    pub key_frame: Option<bool>,
    /// Key id and counter.
    pub header: Option<Header>,
    /// What the KID says: generation and step.
    pub key: Option<KeyName>,
    /// Bytes that sealing added, as far as it can be seen from outside.
    pub overhead: usize,
    /// The parts in the order of the wire.
    pub parts: Vec<Part>,
    /// What else there is to say.
    pub notes: Vec<String>,
}

/// Why bytes are not a sealed frame.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InspectError {
    /// No bytes at all.
    Empty,
    /// Not laid out by the codec's rule.
    Layout(CodecRule, LayoutError),
    /// No layout byte of a known version where one must be.
    Version {
        /// The byte.
        found: u8,
        /// Its place behind the clear bytes.
        at: usize,
    },
    /// The layout byte names another codec rule.
    WrongCodec {
        /// The rule asked for.
        want: CodecRule,
        /// The rule named, if it is one.
        found: Option<CodecRule>,
    },
    /// No SFrame header where one must be.
    Header {
        /// Where, in bytes.
        at: usize,
        /// What is wrong with it.
        error: HeaderError,
    },
    /// Too few bytes.
    TooShort {
        /// Bytes there are.
        have: usize,
        /// Bytes needed at least.
        need: usize,
    },
    /// The last but one byte is not the length of an IV.
    NoTrailer {
        /// What it is.
        found: u8,
    },
    /// Nothing fits.
    Unknown,
}

/// Reads a frame in every way that fits, the most likely first. At least one.
///
/// # Errors
/// [`InspectError`] when the bytes cannot be what they are said to be, or nothing that is known.
pub fn inspect(frame: &[u8], known: &Known) -> Result<Vec<Reading>, InspectError> {
    if frame.is_empty() {
        return Err(InspectError::Empty);
    }
    match (known.format, known.codec) {
        (Some(Format::Sframe), _) => Ok(vec![told(sframe(frame, known)?)]),
        (Some(Format::Trailer), _) => Ok(vec![told(trailer::read(frame)?)]),
        (Some(Format::Frameseal), Some(codec)) => {
            Ok(vec![told(frameseal::read(frame, codec.rule(), known)?)])
        }
        (Some(Format::Frameseal), None) => {
            let found = sorted(
                CodecRule::ALL.into_iter().filter_map(|rule| frameseal::read(frame, rule, known).ok()),
            );
            if found.is_empty() { Err(InspectError::Unknown) } else { Ok(found) }
        }
        (None, Some(codec)) => match frameseal::read(frame, codec.rule(), known) {
            Ok(reading) => Ok(sorted(trailer::read(frame).ok().into_iter().chain([reading]))),
            Err(error) => Ok(vec![trailer::read(frame).map_err(|_| error)?]),
        },
        (None, None) => {
            let rules = CodecRule::ALL.into_iter();
            let found = rules.filter_map(|rule| frameseal::read(frame, rule, known).ok());
            let found = sorted(found.chain(trailer::read(frame).ok()).chain(sframe(frame, known).ok()));
            if found.is_empty() { Err(InspectError::Unknown) } else { Ok(found) }
        }
    }
}

fn told(reading: Reading) -> Reading {
    Reading { evidence_bits: None, ..reading }
}

fn sorted(readings: impl Iterator<Item = Reading>) -> Vec<Reading> {
    let mut readings: Vec<_> = readings.collect();
    readings.sort_by_key(|reading| core::cmp::Reverse(reading.evidence_bits));
    readings
}

/// Bare RFC 9605. Nearly all bytes can be read so.
fn sframe(frame: &[u8], known: &Known) -> Result<Reading, InspectError> {
    let tag = known.suite.tag_len();
    let (header, len) = read_header(frame, 0)?;
    let end = frame.len().checked_sub(tag).filter(|end| *end >= len);
    let end = end.ok_or(InspectError::TooShort { have: frame.len(), need: len + tag })?;
    let key = key_name(header, known);
    Ok(Reading {
        format: Format::Sframe,
        rule: None,
        evidence_bits: Some(0),
        key_frame: None,
        header: Some(header),
        key,
        overhead: len + tag,
        parts: vec![
            Part { name: "header", at: 0..len, what: header_text(header, key, known) },
            Part { name: "ciphertext", at: len..end, what: bytes_text(end - len) },
            Part { name: "tag", at: end..frame.len(), what: tag_text(known) },
        ],
        notes: vec!["metadata, if there is any, is authenticated but not part of the frame".to_owned()],
    })
}

fn read_header(bytes: &[u8], at: usize) -> Result<(Header, usize), InspectError> {
    let rest = bytes.get(at..).unwrap_or_default();
    Header::decode(rest).map_err(|error| InspectError::Header { at, error })
}

fn key_name(header: Header, known: &Known) -> Option<KeyName> {
    KidScheme::SenderKeys { ratchet_bits: known.ratchet_bits }.name(header.kid)
}

fn header_text(header: Header, key: Option<KeyName>, known: &Known) -> String {
    let Header { kid, ctr } = header;
    let name = match key {
        Some(KeyName::Sender { generation, step_low }) => {
            format!("generation {}, step {step_low}", generation.0)
        }
        _ => "no generation and step".to_owned(),
    };
    format!("KID {:#x} ({name} with {} ratchet bits), CTR {}", kid.0, known.ratchet_bits, ctr.0)
}

fn bytes_text(count: usize) -> String {
    format!("{count} byte{}", if count == 1 { "" } else { "s" })
}

fn tag_text(known: &Known) -> String {
    format!("{} if the suite is {}", bytes_text(known.suite.tag_len()), known.suite)
}

/// The name of a rule in reports.
#[must_use]
pub const fn rule_name(rule: CodecRule) -> &'static str {
    match rule {
        CodecRule::Opaque => "opaque",
        CodecRule::Vp8 => "vp8",
        CodecRule::Av1 => "av1",
        CodecRule::H264 => "h264",
        CodecRule::H265 => "h265",
    }
}

impl fmt::Display for InspectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the frame is empty: 0 bytes"),
            Self::Layout(rule, error) => {
                write!(f, "not a sealed frame of codec rule {}: {error}", rule_name(*rule))
            }
            Self::Version { found, at } => write!(
                f,
                "byte {at} behind the clear bytes is {found:#04x}, not a layout byte of version 1 (0x40 to 0x7f): \
                 not sealed, or by another format or version"
            ),
            Self::WrongCodec { want, found: Some(found) } => {
                write!(f, "sealed for codec rule {}, not {}", rule_name(*found), rule_name(*want))
            }
            Self::WrongCodec { want, found: None } => {
                write!(f, "the layout byte names no codec rule, want {}", rule_name(*want))
            }
            Self::Header { at, error: HeaderError::Truncated } => {
                write!(f, "the frame ends inside the SFrame header at byte {at}")
            }
            Self::Header { at, error: HeaderError::NotMinimal } => {
                write!(f, "no SFrame header at byte {at}: KID or CTR is not in its shortest form")
            }
            Self::TooShort { have, need } => write!(f, "too short: {have} bytes, want at least {need}"),
            Self::NoTrailer { found } => {
                write!(f, "no trailer: the last but one byte is {found:#04x}, not the IV length 0x0c")
            }
            Self::Unknown => f.write_str("not a sealed frame of any format and codec known here"),
        }
    }
}

impl std::error::Error for InspectError {}
