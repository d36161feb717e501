//! What key agreement costs a member of a group of N, by MLS, classic and post-quantum, and by Olm: CPU time, bytes and
//! memory of joins, leaves, rotations and entries. A table, not a criterion bench: one operation is milliseconds, and its
//! bytes count too.
//!
//! CPU time is that of the process, all threads, and the median of some rounds. Arguments: sizes, and `classic`, `pq`,
//! `olm`; none: 2, 10, 50, 200, 1000, and all three.

use std::alloc::System;
use std::process::ExitCode;
use std::time::Duration;

use cap::Cap;
use cpu_time::ProcessTime;
use e2ee_session::mls::Suite;

mod mls;
mod olm;

#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, usize::MAX);

const NAMES: [&str; 3] = ["classic", "pq", "olm"];
const SIZES: [usize; 5] = [2, 10, 50, 200, 1000];

/// A leave of this many must stay below these, for who commits too.
const BAR_SIZE: usize = 200;
const BAR_TIME: Duration = Duration::from_millis(50);
const BAR_BYTES: usize = 20_000;

/// Of one operation: CPU time of who commits, of another member, and of who comes; bytes of the commit and of what who
/// comes has to load, and of what all send to all.
#[derive(Default)]
struct Cost {
    commits: Vec<Duration>,
    follows: Vec<Duration>,
    comes: Vec<Duration>,
    commit: usize,
    loads: usize,
    everybody: usize,
}

#[derive(Default)]
struct Costs {
    join: Cost,
    leave: Cost,
    rotate: Cost,
    enter: Cost,
    package: usize,
    /// Bytes on the heap for one member's group.
    held: usize,
}

fn timed<T>(into: &mut Vec<Duration>, run: impl FnOnce() -> T) -> T {
    let begun = ProcessTime::now();
    let done = run();
    into.push(begun.elapsed());
    done
}

fn median(times: &mut [Duration]) -> Option<Duration> {
    times.sort_unstable();
    times.get(times.len() / 2).copied()
}

fn shown(time: Option<Duration>) -> String {
    time.map_or("-".into(), |time| format!("{:.1}", time.as_secs_f64() * 1e3))
}

fn main() -> ExitCode {
    let mut missed = false;
    let given: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let sizes: Vec<usize> =
        given.iter().filter_map(|arg| arg.parse().ok()).filter(|size| *size > 1).collect();
    let sizes = if sizes.is_empty() { SIZES.to_vec() } else { sizes };
    let named = |name: &str| given.iter().any(|arg| arg == name);
    let wants = |name: &str| named(name) || !NAMES.iter().any(|name| named(name));
    println!(
        "CPU milliseconds of who commits, of another member, of who comes; bytes of the commit (olm: of what each"
    );
    println!(
        "member sends), of what who comes loads, of all that is sent to all; kB on the heap for a member's group\n"
    );
    println!(
        "keys     members  operation  commits  follows    comes    commit     loads          to all   held"
    );
    for name in NAMES.into_iter().filter(|name| wants(name)) {
        for size in &sizes {
            let rounds = if *size > 500 { 3 } else { 9 };
            let mut costs = match name {
                "classic" => mls::measure(*size, Suite::Classic, rounds),
                "pq" => mls::measure(*size, Suite::PostQuantumDraft, rounds),
                _ => olm::measure(*size, rounds),
            };
            if name == "classic" && *size == BAR_SIZE {
                let times = [&mut costs.leave.commits, &mut costs.leave.follows].map(|times| median(times));
                missed |= times.into_iter().flatten().any(|time| time >= BAR_TIME);
                missed |= costs.leave.commit >= BAR_BYTES;
            }
            show(name, *size, costs);
        }
    }
    if missed {
        eprintln!("a leave of {BAR_SIZE} members takes {BAR_TIME:?} or {BAR_BYTES} bytes, or more");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn show(name: &str, size: usize, costs: Costs) {
    let rows =
        [("join", costs.join), ("leave", costs.leave), ("rotate", costs.rotate), ("enter", costs.enter)];
    for (operation, mut cost) in rows {
        if cost.commit == 0 && cost.loads == 0 {
            continue;
        }
        let [commits, follows, comes] =
            [&mut cost.commits, &mut cost.follows, &mut cost.comes].map(|times| shown(median(times)));
        let memory = if operation == "join" { format!("{:6}", costs.held / 1000) } else { String::new() };
        println!(
            "{name:8} {size:7}  {operation:9} {commits:>8} {follows:>8} {comes:>8} {:9} {:9} {:15} {memory}",
            cost.commit, cost.loads, cost.everybody,
        );
    }
    println!("{name:8} {size:7}  each announces {} bytes", costs.package);
}
