//! `cargo xtask bench`: native benches, and the worker's cost per frame in a browser.

use crate::run::{Job, Result, target_dir};
use std::process::ExitCode;
use std::time::Duration;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only the bars: ratios against the raw cipher and the `sframe` crate, in one run
    #[arg(long)]
    bars: bool,
    /// Passed on to the benches (a filter, or criterion's own options)
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS")]
    rest: Vec<String>,
}

const LIMIT: Duration = Duration::from_secs(3 * 3600);

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    // A workspace of its own: the peers that are measured stay out of the product's tree.
    let mut job = Job::cargo().args(["bench", "--locked", "--manifest-path", "benches/Cargo.toml"]);
    job = job.arg("--target-dir").arg(target_dir());
    if args.bars {
        job = job.args(["--bench", "bars"]);
    }
    let status = job.arg("--").args(&args.rest).limit(LIMIT).status()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
