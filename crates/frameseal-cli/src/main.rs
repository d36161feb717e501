//! `frameseal`: check test vectors, explain sealed frames.

mod args;
mod print;

use std::io::{IsTerminal, Read, Write};
use std::process::ExitCode;

use args::{Cli, Command, Inspect, Reads, VectorsCommand};
use clap::Parser;
use frameseal_cli::hex;
use frameseal_cli::inspect::{self, Known};
use frameseal_cli::vectors::VectorFile;
use print::{Failure, Tally};

fn main() -> ExitCode {
    let out = &mut std::io::stdout().lock();
    let done = match Cli::parse().command {
        Command::Vectors { command: VectorsCommand::Check { files, json } } => check(&files, json, out),
        Command::Inspect(options) => explain(&options, out),
    };
    let done = done.and_then(|code| out.flush().map(|()| code).map_err(Failure::from));
    match done {
        Ok(code) => code,
        // Whoever read our output has seen enough.
        Err(Failure::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn check(files: &[std::path::PathBuf], json: bool, out: &mut impl Write) -> Result<ExitCode, Failure> {
    let mut tally = Tally::new(json);
    for path in files {
        match VectorFile::read(path) {
            Ok(file) => {
                tally.file(path, &file.source, out)?;
                for outcome in file.run() {
                    tally.outcome(&outcome, out)?;
                }
            }
            Err(error) => tally.unusable(path, &error),
        }
    }
    let all_passed = tally.finish(out)?;
    Ok(if all_passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn explain(options: &Inspect, out: &mut impl Write) -> Result<ExitCode, Failure> {
    let frame = frame(options)?;
    let known = Known {
        format: options.format.map(Into::into),
        codec: options.codec.map(Into::into),
        suite: options.suite,
        ratchet_bits: options.ratchet_bits,
    };
    let readings = inspect::inspect(&frame, &known).map_err(Failure::Frame)?;
    if options.json {
        print::inspection_json(&frame, &readings, &known, out)?;
    } else {
        print::inspection(&frame, &readings, out)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The frame's bytes, from wherever they come.
fn frame(options: &Inspect) -> Result<Vec<u8>, Failure> {
    let (source, bytes) = match (options.hex.as_deref(), &options.file) {
        (Some("-") | None, None) => {
            let mut stdin = std::io::stdin().lock();
            if options.hex.is_none() && stdin.is_terminal() {
                return Err(Failure::NoInput);
            }
            let mut bytes = Vec::new();
            stdin
                .read_to_end(&mut bytes)
                .map_err(|error| Failure::Unreadable("standard input".into(), error))?;
            ("standard input".to_owned(), bytes)
        }
        (Some(text), _) => {
            let source = "the argument".to_owned();
            let bytes = hex::decode_pasted(text).map_err(|error| Failure::Hex(source.clone(), error))?;
            return if bytes.is_empty() { Err(Failure::Empty(source)) } else { Ok(bytes) };
        }
        (None, Some(path)) => {
            let source = path.display().to_string();
            let bytes = std::fs::read(path).map_err(|error| Failure::Unreadable(source.clone(), error))?;
            (source, bytes)
        }
    };
    let is_text = match options.reads {
        Some(Reads::Hex) => true,
        Some(Reads::Raw) => false,
        // A sealed frame of nothing but hex digits and white space does not happen.
        None => bytes.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace()),
    };
    if bytes.is_empty() {
        return Err(Failure::Empty(source));
    }
    if !is_text {
        return Ok(bytes);
    }
    let decoded = hex::decode_pasted(&String::from_utf8_lossy(&bytes));
    let decoded = decoded.map_err(|error| Failure::Hex(source.clone(), error))?;
    if decoded.is_empty() { Err(Failure::Empty(source)) } else { Ok(decoded) }
}
