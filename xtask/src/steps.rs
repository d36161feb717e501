//! The checks themselves, in the order in which they run: what fails soonest comes first.

use crate::report::{Done, Log, Step, cargo_tests, node_tests};
use crate::run::{Error, Job, Result, target_dir};
use crate::{claims, demo, doctor, fuzz, kotlin, native_test, npm, simulate, wheel};
use std::collections::BTreeSet;

/// Without browsers.
pub(crate) static FAST: &[Step] = &[
    Step { name: "claims", what: "tests that SECURITY.md names exist", run: claims },
    Step { name: "format", what: "cargo fmt --check", run: format },
    Step { name: "clippy", what: "lints, warnings denied", run: clippy },
    Step { name: "rust", what: "every Rust test: vectors, properties, hostile input, C programs", run: rust },
    Step {
        name: "vectors",
        what: "frameseal vectors check: the official figures, those of the own format and LiveKit's",
        run: vectors,
    },
    Step {
        name: "native",
        what: "the installed C library by pkg-config, CMake, Meson; its C programs under sanitizers",
        run: native_test::run,
    },
    Step {
        name: "python",
        what: "the Python wheel in a fresh environment: its types, its tests, the vectors",
        run: wheel::test,
    },
    Step {
        name: "kotlin",
        what: "the Kotlin package on the JVM: its tests, the vectors, the guide; Swift's bindings generated",
        run: kotlin::test,
    },
    Step {
        name: "miri",
        what: "the C interface under Miri: handles, and the fuzz seeds with frames",
        run: miri,
    },
    Step { name: "pure-rust", what: "the core without ring: no C compiler needed", run: plain },
    Step { name: "docs", what: "API documentation, warnings denied", run: docs },
    Step { name: "deny", what: "licences and advisories of dependencies", run: deny },
];

/// What browsers load.
pub(crate) static BUILDS: &[Step] = &[
    Step {
        name: "wasm-ciphers",
        what: "conformance of the ciphers as WebAssembly, in Node",
        run: wasm_ciphers,
    },
    Step {
        name: "sdk",
        what: "npm package: build, types, size, and what somebody meets who installs it",
        run: sdk,
    },
    Step { name: "sdk-unit", what: "unit tests of the SDK", run: sdk_unit },
    Step { name: "meet", what: "demo page and SFU: build, types, unit tests", run: meet },
];

/// In headless browsers; the calls of `calls.rs` come behind.
pub(crate) static BROWSER: &[Step] = &[Step {
    name: "sdk-browser",
    what: "attach timings, watchdog, policies; calls through an SFU, a hostile one too",
    run: sdk_browser,
}];

/// What takes its time.
pub(crate) static LONG: &[Step] = &[
    Step {
        name: "livekit",
        what: "livekit-client and its native SDK through a LiveKit server",
        run: livekit,
    },
    Step {
        name: "interop",
        what: "matrix-js-sdk's key transport, oidc-provider's ID tokens, stock participants of Jitsi",
        run: interop,
    },
    Step {
        name: "gstreamer",
        what: "GStreamer elements: every codec through RTP, wrong keys, touched frames",
        run: gstreamer,
    },
    Step { name: "simulate", what: "calls in virtual time, with a relay that is the enemy", run: simulated },
    Step { name: "fuzz", what: "every target for a short while", run: fuzz },
];

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
    let features = ["--no-default-features", "--features", "rustcrypto,conformance"];
    log.job(Job::cargo().args(["test", "--locked", "--package", "e2ee-cipher"]).args(features))?;
    log.job(Job::cargo().args(["test", "--locked", "--package", "e2ee-core"]).args(features))?;
    cargo_tests(&log.text())
}

/// With ciphers in Rust: Miri runs no C, and no assembly.
fn miri(log: &mut Log) -> Result<Done> {
    if let Err(error) = doctor::need(&["miri"]) {
        return Ok(Done::Left(format!("optional; {error}").replace('\n', " ")));
    }
    let job = Job::new("rustup").args(["run", "nightly", "cargo", "miri", "test", "--locked"]);
    let job = job.args(["--package", "e2ee-ffi"]).args([
        "--no-default-features",
        "--features",
        "rustcrypto,session,testing",
        "--lib",
        "--test",
        "seeds",
    ]);
    let target = target_dir().join("miri");
    log.job(job.env("MIRIFLAGS", "-Zmiri-disable-isolation").env("CARGO_TARGET_DIR", target))?;
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
    doctor::need(&["cc", "c++", "ffmpeg"])?;
    // Without them the tests of the log on Redis and NATS say that they are skipped.
    let _ = doctor::need(&["redis", "nats"]);
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

fn vectors(log: &mut Log) -> Result<Done> {
    let job = Job::cargo().args([
        "run",
        "--locked",
        "--profile",
        "demo",
        "--package",
        "frameseal-cli",
        "--",
        "vectors",
        "check",
    ]);
    log.job(job.args([
        "vectors/sframe/rfc9605.json",
        "vectors/frameseal/frameseal.json",
        "vectors/livekit/livekit.json",
        "vectors/livekit/receive.json",
        "vectors/jitsi/jitsi.json",
        "vectors/jitsi/peers.json",
        "vectors/jitsi/sframe.json",
    ]))?;
    let text = log.text();
    let verdict = text.lines().rev().find(|line| line.ends_with(" failed"));
    Ok(Done::Passed(verdict.unwrap_or_default().to_owned()))
}

fn sdk(log: &mut Log) -> Result<Done> {
    doctor::need(&["wasm32", "node", "npm"])?;
    log.job(Job::xtask()?.arg("sdk"))?;
    log.job(npm::script("sdk", "typecheck"))?;
    log.job(npm::script("sdk", "size"))?;
    log.job(npm::script("sdk", "consumer"))?;
    let text = log.text();
    let size = text.lines().rev().find(|line| line.starts_with("together "));
    Ok(Done::Passed(size.unwrap_or_default().to_owned()))
}

fn sdk_unit(log: &mut Log) -> Result<Done> {
    log.job(demo::log_build())?;
    log.job(npm::script("sdk", "test").env("FRAMESEAL_LOG", demo::log_program()))?;
    node_tests(&log.text())
}

fn meet(log: &mut Log) -> Result<Done> {
    log.job(Job::xtask()?.arg("meet"))?;
    log.job(npm::script("examples/meet", "typecheck"))?;
    log.job(npm::script("examples/meet", "test"))?;
    node_tests(&log.text())
}

fn sdk_browser(log: &mut Log) -> Result<Done> {
    doctor::need(&["chromium", "firefox"])?;
    log.job(demo::sfu_build())?;
    log.job(demo::log_build())?;
    let job = npm::script("sdk", "test:browser").env("FRAMESEAL_SFU", demo::sfu_program());
    log.job(job.env("FRAMESEAL_LOG", demo::log_program()))?;
    node_tests(&log.text())
}

fn livekit(log: &mut Log) -> Result<Done> {
    doctor::need(&["chromium", "firefox"])?;
    if let Err(error) =
        doctor::need(&["go"]).and_then(|()| log.job(Job::xtask()?.args(["interop", "server"])))
    {
        return Ok(Done::Left(format!("optional; {error}").replace('\n', " ")));
    }
    log.job(Job::xtask()?.args(["interop", "livekit", "--", "--few"]))?;
    let text = log.text();
    let verdict = text.lines().rev().find(|line| line.contains(" passed, 0 failed"));
    verdict.map(|line| Done::Passed(line.to_owned())).ok_or_else(|| Error::new("no row ran"))
}

fn interop(log: &mut Log) -> Result<Done> {
    for peer in [["matrix"].as_slice(), &["oidc"], &["jitsi", "--", "--few"]] {
        log.job(Job::xtask()?.arg("interop").args(peer))?;
    }
    cargo_tests(&log.text())
}

fn gstreamer(log: &mut Log) -> Result<Done> {
    if let Err(error) = doctor::need(&["gstreamer"]) {
        return Ok(Done::Left(format!("optional; {error}").replace('\n', " ")));
    }
    doctor::need(&["cc", "rustfmt", "clippy"])?;
    let manifest = ["--manifest-path", "gstreamer/Cargo.toml"];
    log.job(Job::cargo().arg("fmt").args(manifest).arg("--check"))?;
    let job = |command| {
        Job::cargo().args([command, "--locked"]).args(manifest).arg("--target-dir").arg(target_dir())
    };
    log.job(job("clippy").args(["--all-targets", "--", "-D", "warnings"]))?;
    log.job(job("test").args(["--", "--show-output"]))?;
    let text = log.text();
    let missing: BTreeSet<_> =
        text.lines().filter_map(|line| line.split_once("there is no element ")).collect();
    let Done::Passed(verdict) = cargo_tests(&text)? else { return Err(Error::new("no test ran")) };
    if missing.is_empty() {
        return Ok(Done::Passed(verdict));
    }
    let missing: Vec<_> = missing.into_iter().map(|(_, element)| element).collect();
    Ok(Done::Passed(format!("{verdict}; without {}", missing.join(", "))))
}

fn simulated(log: &mut Log) -> Result<Done> {
    const RUNS: u64 = 500;
    log.job(simulate::build())?;
    log.job(simulate::job(0, RUNS, 0))?;
    let text = log.text();
    let verdict = text.lines().find(|line| line.contains(" 0 violations"));
    verdict.map(|line| Done::Passed(line.to_owned())).ok_or_else(|| Error::new("no run ended"))
}

fn fuzz(log: &mut Log) -> Result<Done> {
    const SECONDS: u64 = 60;
    if let Err(error) = doctor::need(&["cargo-fuzz", "c++"]) {
        return Ok(Done::Left(format!("optional; {error}").replace('\n', " ")));
    }
    let targets = fuzz::targets()?;
    log.job(fuzz::build())?;
    for job in fuzz::jobs(None, SECONDS)? {
        log.job(job)?;
    }
    Ok(Done::Passed(format!("{} targets, {SECONDS} s in all", targets.len())))
}
