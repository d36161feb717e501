//! The checks themselves, in the order in which they run: what fails soonest comes first.

use crate::report::{Done, Log, Step, cargo_tests};
use crate::run::{Error, Job, Result, target_dir};
use crate::{claims, doctor};

/// Without browsers.
pub(crate) static FAST: &[Step] = &[
    Step { name: "claims", what: "tests that SECURITY.md names exist", run: claims },
    Step { name: "format", what: "cargo fmt --check", run: format },
    Step { name: "clippy", what: "lints, warnings denied", run: clippy },
    Step { name: "rust", what: "every Rust test: vectors, properties, hostile input", run: rust },
    Step { name: "pure-rust", what: "the core without ring: no C compiler needed", run: plain },
    Step { name: "docs", what: "API documentation, warnings denied", run: docs },
    Step { name: "deny", what: "licences and advisories of dependencies", run: deny },
];

/// What browsers load.
pub(crate) static BUILDS: &[Step] = &[Step {
    name: "wasm-ciphers",
    what: "conformance of the ciphers as WebAssembly, in Node",
    run: wasm_ciphers,
}];

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
    let deny = ["--", "-D", "warnings"];
    let all = ["clippy", "--locked", "--workspace", "--all-targets", "--all-features"];
    log.job(Job::cargo().args(all).args(deny))?;
    let benches =
        ["clippy", "--locked", "--manifest-path", "benches/Cargo.toml", "--all-targets", "--target-dir"];
    log.job(Job::cargo().args(benches).arg(target_dir()).args(deny))?;
    passed()
}

fn plain(log: &mut Log) -> Result<Done> {
    let features = ["--no-default-features", "--features", "rustcrypto,conformance,hazmat"];
    log.job(Job::cargo().args(["test", "--locked", "--package", "e2ee-core"]).args(features))?;
    cargo_tests(&log.text())
}

fn wasm_ciphers(log: &mut Log) -> Result<Done> {
    doctor::need(&["wasm32", "node"])?;
    log.job(Job::xtask()?.args(["wasm", "--conform"]))?;
    let text = log.text();
    let line = text.lines().find(|line| line.starts_with("backends: "));
    line.map(|line| Done::Passed(line.to_owned())).ok_or_else(|| Error::new("the suite did not run"))
}

fn rust(log: &mut Log) -> Result<Done> {
    doctor::need(&["cc", "ffmpeg"])?;
    log.job(Job::cargo().args(["test", "--locked", "--workspace", "--all-features"]))?;
    cargo_tests(&log.text())
}

fn docs(log: &mut Log) -> Result<Done> {
    let job = Job::cargo().args(["doc", "--locked", "--workspace", "--all-features", "--no-deps"]);
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
