//! `frameseal-simulate`: calls with a relay that is the enemy, by seed.
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::Parser;
use e2ee_simulator::{Summary, Violation, run};

/// Runs calls in virtual time with a relay that is the enemy; a seed replays a run
#[derive(Parser)]
#[command(name = "frameseal-simulate", version)]
struct Args {
    /// The first run
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// How many runs
    #[arg(long, default_value_t = 1)]
    runs: u64,
    /// How many at a time; 0: one for each processor
    #[arg(long, default_value_t = 0)]
    jobs: usize,
}

fn main() -> ExitCode {
    let Args { seed, runs, jobs } = Args::parse();
    let jobs = if jobs == 0 { std::thread::available_parallelism().map_or(1, usize::from) } else { jobs };
    let (next, done) = (AtomicU64::new(0), AtomicU64::new(0));
    let all: Mutex<(Summary, Option<Violation>)> = Mutex::default();
    let (begun, told) = (Instant::now(), Mutex::new(Instant::now()));
    let work = || {
        loop {
            let run_number = next.fetch_add(1, Ordering::Relaxed);
            if run_number >= runs {
                return;
            }
            let ended = run(seed + run_number, None);
            let count = done.fetch_add(1, Ordering::Relaxed) + 1;
            let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
            match ended {
                Ok(summary) => all.0.add(&summary),
                Err(violation) => {
                    // The lowest seed, so that the answer does not depend on who was faster.
                    if all.1.as_ref().is_none_or(|known| violation.seed < known.seed) {
                        all.1 = Some(violation);
                    }
                    next.store(runs, Ordering::Relaxed);
                }
            }
            let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
            if told.elapsed() > Duration::from_secs(5) {
                *told = Instant::now();
                eprintln!("{count} of {runs} runs");
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(work);
        }
    });
    let (summary, violation) = all.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(violation) = violation {
        if runs == 1 {
            println!("{violation:#}");
        } else {
            println!("{violation}\nall of it: cargo xtask simulate --seed {} --runs 1", violation.seed);
        }
        return ExitCode::FAILURE;
    }
    let count = done.into_inner();
    println!("{count} runs from seed {seed}, 0 violations, {:.1} s", begun.elapsed().as_secs_f64());
    println!("{summary:#?}");
    ExitCode::SUCCESS
}
