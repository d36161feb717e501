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
    for job in jobs(args.target.as_deref(), args.seconds)? {
        job.run()?;
    }
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
    Ok(chosen.iter().map(|target| job(target, share)).collect())
}

/// What the engine finds stays in `fuzz/corpus`, which is not committed; it starts from `fuzz/seeds`, which are.
fn job(target: &str, seconds: u64) -> Job {
    let [corpus, seeds] = ["corpus", "seeds"].map(|dir| root().join("fuzz").join(dir).join(target));
    // The engine refuses a directory that is not there; cargo-fuzz makes only the one that it chooses itself.
    let _ = std::fs::create_dir_all(&corpus);
    Job::cargo()
        .args(["fuzz", "run", target])
        .args([corpus, seeds])
        .args(["--", "-rss_limit_mb=2048", "-timeout=10", "-verbosity=1", "-max_len=4096"])
        .arg(format!("-max_total_time={seconds}"))
        .env("RUSTC_BOOTSTRAP", "1")
        .limit(Duration::from_secs(seconds) + BUILD)
}
