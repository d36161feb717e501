//! The checks themselves, in the order in which they run: what fails soonest comes first.

use crate::report::{Done, Log, Step, cargo_tests};
use crate::run::{Job, Result};
use crate::{claims, doctor};

/// Without browsers.
pub(crate) static FAST: &[Step] = &[
    Step { name: "claims", what: "tests that SECURITY.md names exist", run: claims },
    Step { name: "format", what: "cargo fmt --check", run: format },
    Step { name: "clippy", what: "lints, warnings denied", run: clippy },
    Step { name: "rust", what: "every Rust test: vectors, properties, hostile input", run: rust },
    Step { name: "docs", what: "API documentation, warnings denied", run: docs },
    Step { name: "deny", what: "licences and advisories of dependencies", run: deny },
];

/// What browsers load.
pub(crate) static BUILDS: &[Step] = &[];

/// In headless browsers.
pub(crate) static BROWSER: &[Step] = &[];

/// What takes its time.
pub(crate) static LONG: &[Step] = &[];

fn passed() -> Result<Done> {
    Ok(Done::Passed(String::new()))
}

fn claims(_: &mut Log) -> Result<Done> {
    Ok(Done::Passed(format!("{} tests named", claims::check()?)))
}

fn format(log: &mut Log) -> Result<Done> {
    doctor::need(&["rustfmt"])?;
    log.job(Job::cargo().args(["fmt", "--all", "--check"])).map_err(|error| error.mend("cargo fmt --all"))?;
    passed()
}

fn clippy(log: &mut Log) -> Result<Done> {
    doctor::need(&["clippy", "cc"])?;
    log.job(Job::cargo().args([
        "clippy",
        "--locked",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]))?;
    passed()
}

fn rust(log: &mut Log) -> Result<Done> {
    doctor::need(&["cc", "ffmpeg"])?;
    log.job(Job::cargo().args(["test", "--locked", "--workspace"]))?;
    cargo_tests(&log.text())
}

fn docs(log: &mut Log) -> Result<Done> {
    let job = Job::cargo().args(["doc", "--locked", "--workspace", "--no-deps"]);
    log.job(job.env("RUSTDOCFLAGS", "-D warnings"))?;
    passed()
}

fn deny(log: &mut Log) -> Result<Done> {
    if !doctor::has("cargo-deny") {
        return Ok(Done::Left("optional; cargo install --locked cargo-deny".to_owned()));
    }
    log.job(Job::cargo().args(["deny", "--locked", "check", "bans", "licenses", "sources"]))?;
    passed()
}
