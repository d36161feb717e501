//! `cargo xtask bench`: native benches, and the worker's cost per frame in a browser.

use crate::native::Kind;
use crate::run::{Job, Result, root, target_dir};
use crate::{doctor, npm};
use std::process::ExitCode;
use std::time::Duration;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only the bars: ratios against the raw cipher and the `sframe` crate, in one run
    #[arg(long)]
    bars: bool,
    /// Only key agreement: joins, leaves and rotations by group size, classic and post-quantum; sizes may follow
    #[arg(long, conflicts_with_all = ["bars", "browser"])]
    groups: bool,
    /// Only the C interface: what a C caller pays above a Rust caller
    #[arg(long, conflicts_with_all = ["bars", "groups", "browser"])]
    native: bool,
    /// With --native: the library without sessions, which is compiled for size
    #[arg(long, requires = "native")]
    media_only: bool,
    /// In Chromium: a frame's cost in a worker, hot and in a call, against livekit-client's own E2EE worker
    #[arg(long, conflicts_with = "bars")]
    browser: bool,
    /// Passed on: a filter or criterion's options; with --browser such as --hot, --call, --rounds N, --json FILE
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS")]
    rest: Vec<String>,
}

const LIMIT: Duration = Duration::from_secs(3 * 3600);

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    if args.browser {
        return browser(&args.rest);
    }
    doctor::need(&["rustc", "cc"])?;
    // A workspace of its own: the peers that are measured stay out of the product's tree.
    let mut job = Job::cargo().args(["bench", "--locked", "--manifest-path", "benches/Cargo.toml"]);
    job = job.arg("--target-dir").arg(target_dir());
    if args.bars {
        job = job.args(["--bench", "bars", "--bench", "livekit"]);
    }
    if args.groups {
        job = job.args(["--bench", "groups"]);
    }
    if args.native {
        job = job.args(["--bench", "native"]);
        // As the libraries are installed.
        let kind = if args.media_only { Kind::MediaOnly } else { Kind::Full };
        job = job.args(kind.levels("bench"));
    }
    let status = job.arg("--").args(&args.rest).limit(LIMIT).status()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn browser(args: &[String]) -> Result<ExitCode> {
    doctor::need(&["rustc", "wasm32", "node", "npm", "chromium"])?;
    npm::sdk()?;
    // The peer is a package of the bench's own, so that the product's tree stays without it.
    npm::install("sdk/bench")?;
    let job = Job::new("node").args(["--import", "tsx", "bench/run.ts"]).args(args);
    let status = job.dir(root().join("sdk")).limit(LIMIT).status()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
