//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use e2ee_core::CipherSuite;
use frameseal_cli::inspect;

/// Check test vectors, explain sealed frames.
#[derive(Parser)]
#[command(name = "frameseal", version, about, max_term_width = 100, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Work with files of test vectors
    Vectors {
        #[command(subcommand)]
        command: VectorsCommand,
    },
    /// Explain a sealed frame: format, key id, counter, clear bytes, overhead
    Inspect(Inspect),
}

#[derive(Subcommand)]
pub(crate) enum VectorsCommand {
    /// Run every case of these files on every cipher backend
    ///
    /// A file has the schema frameseal-vectors/1. Every case gets a line. SFrame frames are sealed and opened, each
    /// step of the key schedule that is given is compared, and with any bit of frame or metadata flipped they must
    /// not open (of fields over 1 KiB all bits of both ends and evenly spread ones between them). A case of unknown
    /// kind counts as failed, and so does a file that cannot be read, has another schema or no cases.
    #[command(after_help = CHECK_HELP)]
    Check {
        /// Vector files
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Print one JSON object in place of lines
        #[arg(long)]
        json: bool,
    },
}

/// Explain a sealed frame.
///
/// Without --format and --codec the readings that fit are shown, the likeliest first. No key is involved, so nothing
/// is authenticated: this tells what the bytes look like.
#[derive(Args)]
#[command(after_help = INSPECT_HELP)]
pub(crate) struct Inspect {
    /// The frame in hexadecimal; `-` reads standard input
    #[arg(value_name = "HEX", conflicts_with = "file")]
    pub(crate) hex: Option<String>,
    /// Read the frame from a file: raw bytes, or hexadecimal when it is all text
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// What the file or standard input holds, instead of finding out
    #[arg(long, value_name = "WHAT")]
    pub(crate) reads: Option<Reads>,
    /// The codec of the frame
    #[arg(long)]
    pub(crate) codec: Option<Codec>,
    /// The frame format
    #[arg(long)]
    pub(crate) format: Option<Format>,
    /// SFrame cipher suite, by its number in the registry: it tells the length of the tag
    #[arg(long, value_name = "1..8", default_value = "4", value_parser = suite)]
    pub(crate) suite: CipherSuite,
    /// How many bits of the key id count ratchet steps
    #[arg(long, value_name = "0..16", default_value_t = e2ee_core::key::kid::DEFAULT_RATCHET_BITS,
        value_parser = clap::value_parser!(u8).range(0..=16))]
    pub(crate) ratchet_bits: u8,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Reads {
    /// Hexadecimal text
    Hex,
    /// The frame's own bytes
    Raw,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Codec {
    Vp8,
    Vp9,
    Av1,
    H264,
    H265,
    Opus,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Format {
    /// Clear bytes, layout byte, SFrame
    Frameseal,
    /// Bare SFrame (RFC 9605)
    Sframe,
    /// LiveKit's and Jitsi's: tag, IV, IV length, key index at the end
    Trailer,
}

impl From<Codec> for inspect::Codec {
    fn from(codec: Codec) -> Self {
        match codec {
            Codec::Vp8 => Self::Vp8,
            Codec::Vp9 => Self::Vp9,
            Codec::Av1 => Self::Av1,
            Codec::H264 => Self::H264,
            Codec::H265 => Self::H265,
            Codec::Opus => Self::Opus,
        }
    }
}

impl From<Format> for inspect::Format {
    fn from(format: Format) -> Self {
        match format {
            Format::Frameseal => Self::Frameseal,
            Format::Sframe => Self::Sframe,
            Format::Trailer => Self::Trailer,
        }
    }
}

fn suite(text: &str) -> Result<CipherSuite, String> {
    let known = text.parse().ok().and_then(|number| CipherSuite::from_number(number).ok());
    known.ok_or_else(|| {
        let suites = CipherSuite::ALL.map(|suite| format!("\n  {} {suite}", suite.number()));
        format!("no such suite; there are{}", suites.concat())
    })
}

const EXIT_CODES: &str = "\
Exit codes: 0 all is well, 1 a case failed or the input is not what it should be, 2 wrong usage.";

const CHECK_HELP: &str = "\
Examples:
  frameseal vectors check vectors/sframe/rfc9605.json
  frameseal vectors check --json a.json b.json

The last line is `N passed, M failed`; a file that cannot be used counts as one failed.
Exit codes: 0 all passed, 1 anything failed, 2 wrong usage.";

const INSPECT_HELP: &str = "\
Examples:
  frameseal inspect 4101a1b2c3...                      hex on the command line
  frameseal inspect --codec vp8 --file frame.bin       bytes of a file
  xxd -p frame.bin | frameseal inspect - --json        hex from standard input
  frameseal inspect --format sframe --suite 1 1900...  bare SFrame with a tag of 10 bytes

Exit codes: 0 the frame was explained, 1 it cannot be read or is not a sealed frame, 2 wrong usage.";
