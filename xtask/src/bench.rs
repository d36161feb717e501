//! `cargo xtask bench`: native benches, and the worker's cost per frame in a browser.

use crate::run::{Job, Result};
use std::process::ExitCode;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Passed on to the benches (a filter, or criterion's own options)
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS")]
    rest: Vec<String>,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let job = Job::cargo().args(["bench", "--locked", "--package", "benches", "--"]).args(&args.rest);
    let status = job.limit(std::time::Duration::from_secs(3 * 3600)).status()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
