//! `cargo xtask simulate`: real sessions, keys and frames in virtual time, and a relay that is the enemy.

use crate::run::{Job, Result, target_dir};
use std::process::ExitCode;
use std::time::Duration;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The first run
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// How many runs
    #[arg(long, default_value_t = 200)]
    runs: u64,
    /// How many at a time; 0: one for each processor
    #[arg(long, default_value_t = 0)]
    jobs: usize,
}

/// What some hundred thousand runs take.
const LIMIT: Duration = Duration::from_secs(6 * 3600);

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    build().run()?;
    let status = job(args.seed, args.runs, args.jobs).limit(LIMIT).status()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

pub(crate) fn build() -> Job {
    Job::cargo().args(["build", "--locked", "--profile", "demo", "--package", "e2ee-simulator"])
}

pub(crate) fn job(seed: u64, runs: u64, jobs: usize) -> Job {
    let (seed, runs, jobs) = (seed.to_string(), runs.to_string(), jobs.to_string());
    Job::new(target_dir().join("demo/frameseal-simulate"))
        .args(["--seed", &seed, "--runs", &runs, "--jobs", &jobs])
}
