//! What the command prints.

use core::fmt;
use std::io::{Error, Write};
use std::path::Path;

use e2ee_core::key::kid::KeyName;
use frameseal_cli::hex::{self, HexError};
use frameseal_cli::inspect::{Format, InspectError, Known, Part, Reading, rule_name};
use frameseal_cli::vectors::{LoadError, Outcome};
use serde_json::{Value, json};

/// Why the command stops.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Nothing was given and nobody types.
    NoInput,
    /// The operating system's word about the named source.
    Unreadable(String, Error),
    /// The named source is not hexadecimal.
    Hex(String, HexError),
    /// The named source has no bytes.
    Empty(String),
    /// Not a sealed frame.
    Frame(InspectError),
    /// Printing failed.
    Output(Error),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoInput => f.write_str("no frame: give hex, --file FILE, or - for standard input"),
            Self::Unreadable(source, error) => write!(f, "{source} cannot be read: {error}"),
            Self::Hex(source, error) => write!(f, "{source} is not hexadecimal: {error}"),
            Self::Empty(source) => write!(f, "{source} is empty: no frame to explain"),
            Self::Frame(error) => error.fmt(f),
            Self::Output(error) => write!(f, "cannot write the result: {error}"),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Output(error)
    }
}

/// Counts outcomes and prints them, as they come or at the end as JSON.
pub(crate) struct Tally {
    json: Option<Vec<Value>>,
    passed: u64,
    failed: u64,
}

impl Tally {
    pub(crate) fn new(json: bool) -> Self {
        Self { json: json.then(Vec::new), passed: 0, failed: 0 }
    }

    pub(crate) fn file(&mut self, path: &Path, source: &str, out: &mut impl Write) -> Result<(), Failure> {
        match &mut self.json {
            Some(files) => {
                files.push(
                    json!({ "file": path.to_string_lossy(), "source": source, "error": null, "cases": [] }),
                );
            }
            None => writeln!(out, "{} ({source})", path.display())?,
        }
        Ok(())
    }

    pub(crate) fn outcome(&mut self, outcome: &Outcome<'_>, out: &mut impl Write) -> Result<(), Failure> {
        let Outcome { kind, index, result } = outcome;
        match result {
            Ok(()) => self.passed += 1,
            Err(_) => self.failed += 1,
        }
        if let Some(files) = &mut self.json {
            let error = result.as_ref().err().map(ToString::to_string);
            let case = json!({ "kind": kind, "index": index, "passed": result.is_ok(), "error": error });
            let cases = files.last_mut().and_then(|file| file.get_mut("cases")).and_then(Value::as_array_mut);
            cases.into_iter().for_each(|cases| cases.push(case.clone()));
            return Ok(());
        }
        match result {
            Ok(()) => writeln!(out, "pass {kind} {index}")?,
            Err(error) => writeln!(out, "FAIL {kind} {index}: {error}")?,
        }
        Ok(())
    }

    pub(crate) fn unusable(&mut self, path: &Path, error: &LoadError) {
        self.failed += 1;
        match &mut self.json {
            Some(files) => {
                let error = error.to_string();
                files.push(json!({ "file": path.to_string_lossy(), "error": error, "cases": [] }));
            }
            None => eprintln!("error: {} {error}", path.display()),
        }
    }

    /// True when nothing failed.
    pub(crate) fn finish(self, out: &mut impl Write) -> Result<bool, Failure> {
        let Self { json, passed, failed } = self;
        match json {
            Some(files) => {
                writeln!(out, "{}", json!({ "passed": passed, "failed": failed, "files": files }))?;
            }
            None => writeln!(out, "{passed} passed, {failed} failed")?,
        }
        Ok(failed == 0)
    }
}

pub(crate) fn inspection(frame: &[u8], readings: &[Reading], out: &mut impl Write) -> Result<(), Failure> {
    let Some((best, others)) = readings.split_first() else { return Ok(()) };
    let guessed = if best.evidence_bits.is_some() { "looks like " } else { "" };
    writeln!(out, "{} bytes, {guessed}{}", frame.len(), title(best))?;
    if best.key_frame == Some(true) {
        writeln!(out, "a decoder can start here: key frame")?;
    }
    writeln!(out)?;
    for part in &best.parts {
        let Part { name, at, what } = part;
        let place = format!("{}..{}", at.start, at.end);
        writeln!(out, "{place:>15}  {name:<10}  {:<26}  {what}", excerpt(frame, part))?;
    }
    writeln!(out, "\noverhead {} bytes", best.overhead)?;
    for note in &best.notes {
        writeln!(out, "note: {note}")?;
    }
    if best.evidence_bits.is_some() {
        let others: Vec<_> = others.iter().map(title).collect();
        let also =
            if others.is_empty() { String::new() } else { format!("; also fits: {}", others.join(", ")) };
        writeln!(out, "note: read without --format and --codec both given, so this is a guess{also}")?;
    }
    Ok(())
}

fn title(reading: &Reading) -> String {
    match (reading.format, reading.rule) {
        (Format::Frameseal, Some(rule)) => format!("Frameseal ({})", rule_name(rule)),
        (Format::Frameseal, None) => "Frameseal".to_owned(),
        (Format::Sframe, _) => "bare SFrame".to_owned(),
        (Format::Trailer, _) => "a frame with a trailer as LiveKit and Jitsi write it".to_owned(),
    }
}

fn excerpt(frame: &[u8], part: &Part) -> String {
    let bytes = frame.get(part.at.clone()).unwrap_or_default();
    match bytes.get(..EXCERPT) {
        Some(start) if bytes.len() > EXCERPT + 2 => format!("{}..", hex::encode(start)),
        _ => hex::encode(bytes),
    }
}

pub(crate) fn inspection_json(
    frame: &[u8],
    readings: &[Reading],
    known: &Known,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let readings: Vec<_> = readings.iter().map(|reading| reading_json(frame, reading, known)).collect();
    writeln!(out, "{}", json!({ "length": frame.len(), "readings": readings }))?;
    Ok(())
}

fn reading_json(frame: &[u8], reading: &Reading, known: &Known) -> Value {
    let parts = reading.parts.iter().map(|part| {
        let Part { name, at, what } = part;
        let bytes = frame.get(at.clone()).unwrap_or_default();
        // The ciphertext is the frame itself, and says nothing.
        let hex = (!matches!(*name, "ciphertext" | "body")).then(|| hex::encode(bytes));
        json!({ "name": name, "start": at.start, "end": at.end, "hex": hex, "what": what })
    });
    let clear = reading.parts.iter().filter(|part| part.name == "clear").map(|part| part.at.len());
    let (generation, step) = match reading.key {
        Some(KeyName::Sender { generation, step_low }) => (Some(generation.0), Some(step_low)),
        _ => (None, None),
    };
    json!({
        "format": reading.format.name(),
        "codec": reading.rule.map(rule_name),
        "guess": reading.evidence_bits.is_some(),
        "evidence_bits": reading.evidence_bits,
        "key_frame": reading.key_frame,
        "kid": reading.header.map(|header| header.kid.0.to_string()),
        "generation": generation,
        "step": step,
        "ratchet_bits": known.ratchet_bits,
        "ctr": reading.header.map(|header| header.ctr.0.to_string()),
        "clear_bytes": clear.sum::<usize>(),
        "overhead": reading.overhead,
        "parts": parts.collect::<Vec<_>>(),
        "notes": reading.notes,
    })
}

/// Bytes shown of a long part.
const EXCERPT: usize = 12;
