//! `cargo xtask interop`: real peers in one call with ours.

use crate::run::{Error, Job, Result, root, target_dir};
use crate::{demo, doctor, npm};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// With whom
    #[arg(value_enum)]
    peer: Peer,
    /// Passed on, such as --only TEXT, --write FILE
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS")]
    rest: Vec<String>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Peer {
    /// livekit-client with its own worker and the native SDK, in Chromium and Firefox, through a LiveKit server on loopback
    Livekit,
    /// Participants of a stock Jitsi client on libolm, in Node, with the stock times; with --few in shorter ones
    Jitsi,
    /// The key manager and key transport of matrix-js-sdk, in Node
    Matrix,
    /// npm oidc-provider on loopback: its ID tokens as credentials of members
    Oidc,
    /// Nobody: only builds the LiveKit server
    Server,
}

/// The server's module and the version that the figures in the docs are of.
const LIVEKIT_SERVER: (&str, &str) = ("github.com/livekit/livekit-server/cmd/server", "v1.11.0");
const LIMIT: Duration = Duration::from_secs(1800);

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    match args.peer {
        Peer::Jitsi => jitsi(&args.rest),
        Peer::Livekit => livekit(&args.rest),
        Peer::Matrix => matrix(&args.rest),
        Peer::Oidc => oidc(),
        Peer::Server => livekit_server().map(|_| ExitCode::SUCCESS),
    }
}

fn livekit(rest: &[String]) -> Result<ExitCode> {
    doctor::need(&["rustc", "wasm32", "node", "npm", "chromium", "firefox", "go"])?;
    npm::sdk()?;
    let server = livekit_server()?;
    npm::install("sdk/interop/livekit")?;
    npm::install("examples/livekit-react")?;
    let sdk = root().join("sdk");
    let tsc = |project| {
        Job::new("node").args(["node_modules/typescript/bin/tsc", "--noEmit", "-p", project]).dir(&sdk).run()
    };
    tsc("interop/livekit")?;
    tsc("../examples/livekit-react")?;
    let job = Job::new("node").args(["--import", "tsx", "interop/livekit/run.ts"]).args(rest).dir(sdk);
    demo::log_build().run()?;
    let job = job.env("LIVEKIT_SERVER", &server).env("LIVEKIT_VERSION", LIVEKIT_SERVER.1);
    let job = job.env("FRAMESEAL_LOG", demo::log_program());
    let status = job.limit(LIMIT).status()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The test itself starts Node, and prints a line for everything that passed; here it may not be skipped.
fn jitsi(rest: &[String]) -> Result<ExitCode> {
    doctor::need(&["rustc", "wasm32", "node", "npm"])?;
    npm::sdk()?;
    eprintln!("| peer's library | its exchange | what | result |\n|---|---|---|---|");
    let test = ["test", "-p", "e2ee-session", "--features", "jitsi", "--test", "jitsi", "--"];
    let few = rest.iter().any(|arg| arg == "--few");
    let rest = rest.iter().filter(|arg| *arg != "--few");
    let job = Job::cargo().args(test).args(["stock", "--nocapture", "--test-threads=1"]).args(rest);
    let job = job.env("FRAMESEAL_JITSI", if few { "few" } else { "full" });
    let status = job.limit(LIMIT).status()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The same.
fn matrix(rest: &[String]) -> Result<ExitCode> {
    doctor::need(&["rustc", "node", "npm"])?;
    npm::install("crates/e2ee-session/tests/matrix")?;
    let test = ["test", "-p", "e2ee-session", "--features", "matrixrtc", "--test", "matrix", "--"];
    let job = Job::cargo().args(test).args(rest).env("FRAMESEAL_MATRIX", "1");
    let status = job.limit(LIMIT).status()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn oidc() -> Result<ExitCode> {
    doctor::need(&["node", "npm"])?;
    npm::install("sdk/interop/oidc")?;
    let test =
        ["test", "-p", "e2ee-session", "--features", "oidc", "--test", "oidc_provider", "--", "--nocapture"];
    let job = Job::cargo().args(test).env("FRAMESEAL_OIDC_REQUIRED", "1");
    let status = job.limit(LIMIT).status()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Builds the server once; it stays in the target directory.
fn livekit_server() -> Result<PathBuf> {
    let (module, version) = LIVEKIT_SERVER;
    let dir = target_dir().join("xtask/livekit").join(version);
    let server = dir.join("server");
    if server.is_file() {
        return Ok(server);
    }
    eprintln!("building the LiveKit server {version}: some minutes, once");
    let job = Job::new("go").args(["install", &format!("{module}@{version}")]).env("GOBIN", &dir);
    job.limit(LIMIT).run().map_err(|error| error.during("building the LiveKit server"))?;
    match server.is_file() {
        true => Ok(server),
        false => Err(Error::new(format!("go built {module}, but {} is not there", server.display()))),
    }
}
