//! `cargo xtask fuzz`: cargo-fuzz on a stable toolchain.

use crate::doctor;
use crate::run::{Error, Job, Result, root};
use std::process::ExitCode;
use std::time::Duration;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// One target; without it, all of them share the time
    target: Option<String>,
    /// How long to run in all
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// List the targets and stop
    #[arg(long)]
    list: bool,
}

/// What a target may take above its time: building it.
const BUILD: Duration = Duration::from_secs(20 * 60);

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let targets = targets()?;
    if args.list {
        targets.iter().for_each(|target| println!("{target}"));
        return Ok(ExitCode::SUCCESS);
    }
    doctor::need(&["cargo-fuzz", "c++"])?;
    let jobs = jobs(args.target.as_deref(), args.seconds)?;
    build().run()?;
    jobs.into_iter().try_for_each(Job::run)?;
    Ok(ExitCode::SUCCESS)
}

/// The names of the targets: the files of `fuzz/fuzz_targets`.
pub(crate) fn targets() -> Result<Vec<String>> {
    let dir = root().join("fuzz/fuzz_targets");
    let entries = std::fs::read_dir(&dir)
        .map_err(|error| Error::new(format!("no fuzz targets in fuzz/fuzz_targets: {error}")))?;
    let names =
        entries.filter_map(|entry| Some(entry.ok()?.file_name().to_str()?.strip_suffix(".rs")?.to_owned()));
    let mut names: Vec<_> = names.collect();
    names.sort();
    Ok(names)
}

/// One job per target, each with its share of the time.
pub(crate) fn jobs(only: Option<&str>, seconds: u64) -> Result<Vec<Job>> {
    let mut chosen = targets()?;
    if let Some(name) = only {
        chosen.retain(|target| target == name);
    }
    if chosen.is_empty() {
        let what =
            only.map_or("there is no fuzz target".to_owned(), |n| format!("there is no fuzz target {n}"));
        return Err(Error::new(what).mend("cargo xtask fuzz --list"));
    }
    let share = (seconds / chosen.len() as u64).max(1);
    chosen.iter().map(|target| job(target, share)).collect()
}

/// What the engine finds stays in `fuzz/corpus`, which is not committed; it starts from `fuzz/seeds`, which are.
/// Builds all targets.
pub(crate) fn build() -> Job {
    fuzz("build").limit(BUILD)
}

/// New finds go to `fuzz/corpus`, which stays on this machine; the committed seeds are read.
fn job(target: &str, seconds: u64) -> Result<Job> {
    let corpus = root().join("fuzz/corpus").join(target);
    std::fs::create_dir_all(&corpus)?;
    let seeds = root().join("fuzz/seeds").join(target);
    let mut job = fuzz("run").arg(target).arg(corpus);
    if seeds.is_dir() {
        job = job.arg(seeds);
    }
    let limits = ["--", "-rss_limit_mb=2048", "-timeout=10", "-verbosity=1"];
    job = job.args(limits).arg(format!("-max_total_time={seconds}"));
    Ok(job.limit(Duration::from_secs(seconds) + BUILD))
}

fn fuzz(command: &str) -> Job {
    Job::cargo().args(["fuzz", command]).env("RUSTC_BOOTSTRAP", "1")
}
