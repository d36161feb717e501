//! What key agreement costs a member of a group of N, classic and post-quantum: CPU time, bytes and memory of joins,
//! leaves, rotations and entries. A table, not a criterion bench: one operation is milliseconds, and its bytes count too.
//!
//! CPU time is that of the process, all threads, and the median of some rounds. The tree is the worst one: one member
//! let everybody in and nobody else committed yet, so a commit is encrypted to each member. Arguments: sizes, and
//! `classic` or `pq`; none: 2, 10, 50, 200, 1000, and both.

use std::alloc::System;
use std::process::ExitCode;
use std::time::Duration;

use cap::Cap;
use cpu_time::ProcessTime;
use e2ee_session::mls::{Group, Joiner, Proposed, RoomPolicy, ShowUnverified, Suite, Wish};

#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, usize::MAX);

const ROOM: &[u8] = b"council-7";
const SIZES: [usize; 5] = [2, 10, 50, 200, 1000];

/// A leave of this many must stay below these, for who commits too.
const BAR_SIZE: usize = 200;
const BAR_TIME: Duration = Duration::from_millis(50);
const BAR_BYTES: usize = 20_000;

/// Of one operation: CPU time of who commits, of another member, and of who comes; bytes of the commit and of what who
/// comes has to load.
#[derive(Default)]
struct Cost {
    commits: Vec<Duration>,
    follows: Vec<Duration>,
    comes: Vec<Duration>,
    commit: usize,
    loads: usize,
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

fn joiner(number: usize, suite: Suite) -> Joiner {
    let mut seed = [suite.id() as u8; 32];
    seed[..8].copy_from_slice(&(number as u64).to_be_bytes());
    Joiner::with_suite(&format!("participant {number}"), &seed, suite).expect("a suite that is built in")
}

fn commit(group: &mut Group, cost: &mut Cost, add: &[&[u8]], remove: &[u32]) -> Proposed {
    let wish = Wish { add, remove, ..Wish::default() };
    let proposed = timed(&mut cost.commits, || {
        let proposed = group.propose(&wish, &ShowUnverified).expect("a commit").expect("nobody is refused");
        group.confirm().expect("it was sent");
        proposed
    });
    cost.commit = cost.commit.max(proposed.commit.len());
    proposed
}

fn follow(group: &mut Group, cost: &mut Cost, commit: &[u8]) {
    timed(&mut cost.follows, || {
        let change = group.read(commit).expect("a commit").judge(&ShowUnverified).expect("nobody is refused");
        group.merge(change).expect("a change that was read");
    });
}

fn welcomed(joiner: Joiner, letter: &[u8]) -> Group {
    let welcomed = joiner.read_welcome(ROOM, letter).ok().expect("a welcome");
    welcomed.judge(&ShowUnverified).expect("nobody is refused").enter().expect("a group")
}

fn agree(one: &Group, other: &Group) {
    let secret = |group: &Group| group.base_key().expect("a member").expose().to_vec();
    assert_eq!(secret(one), secret(other));
}

/// A group of `size - 1`, to which members come and from which they go.
fn measure(size: usize, suite: Suite, rounds: usize) -> Costs {
    let mut costs = Costs::default();
    let mut ada = joiner(0, suite).found(ROOM, &RoomPolicy::default()).expect("a group");
    let first = joiner(1, suite);
    let mut packages = Vec::new();
    if size > 2 {
        packages.push(first.key_package().expect("a key package"));
        packages.extend((2..size - 1).map(|n| joiner(n, suite).key_package().expect("a key package")));
    }
    let mut other = (size > 2).then(|| {
        let packages: Vec<&[u8]> = packages.iter().map(Vec::as_slice).collect();
        let proposed = commit(&mut ada, &mut Cost::default(), &packages, &[]);
        welcomed(first, &proposed.welcome.expect("somebody was let in"))
    });
    for round in 0..rounds {
        let comer = joiner(size + 2 * round, suite);
        let package = comer.key_package().expect("a key package");
        costs.package = package.len();
        let joined = commit(&mut ada, &mut costs.join, &[&package], &[]);
        if let Some(other) = &mut other {
            follow(other, &mut costs.join, &joined.commit);
        }
        let letter = joined.welcome.expect("somebody was let in");
        costs.join.loads = letter.len();
        let before = MEMORY.allocated();
        let mut comer = timed(&mut costs.join.comes, || welcomed(comer, &letter));
        costs.held = MEMORY.allocated().saturating_sub(before);
        agree(&ada, &comer);
        assert_eq!(ada.members().expect("members").len(), size);

        let rotated = commit(&mut ada, &mut costs.rotate, &[], &[]);
        follow(other.as_mut().unwrap_or(&mut comer), &mut costs.rotate, &rotated.commit);
        let left = commit(&mut ada, &mut costs.leave, &[], &[comer.index()]);
        if let Some(other) = &mut other {
            follow(other, &mut costs.leave, &left.commit);
            agree(&ada, other);
        }

        let (comer, info) = (joiner(size + 2 * round + 1, suite), left.group_info);
        costs.enter.loads = info.len();
        let (mut comer, entry) = timed(&mut costs.enter.comes, || {
            comer.enter(ROOM, &info, &ShowUnverified).ok().expect("a group to enter")
        });
        costs.enter.commit = costs.enter.commit.max(entry.commit.len());
        follow(&mut ada, &mut costs.enter, &entry.commit);
        comer.confirm().expect("it was sent");
        agree(&ada, &comer);
        if let Some(other) = &mut other {
            follow(other, &mut Cost::default(), &entry.commit);
        }
        let left = commit(&mut ada, &mut Cost::default(), &[], &[comer.index()]);
        if let Some(other) = &mut other {
            follow(other, &mut Cost::default(), &left.commit);
        }
    }
    costs
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
    let wants = |name: &str| {
        given.iter().any(|arg| arg == name) || !given.iter().any(|arg| arg == "classic" || arg == "pq")
    };
    println!(
        "CPU milliseconds of who commits, of another member, of who comes; bytes of the commit, of what who comes"
    );
    println!(
        "loads (welcome, or group info), of the commit to all members; kB on the heap for a member's group\n"
    );
    println!(
        "suite    members  operation  commits  follows    comes    commit     loads  commit to all   held"
    );
    let suites = [("classic", Suite::Classic), ("pq", Suite::PostQuantumDraft)];
    for (name, suite) in suites.into_iter().filter(|(name, _)| wants(name)) {
        for size in &sizes {
            let mut costs = measure(*size, suite, if *size > 500 { 3 } else { 9 });
            let held = costs.held / 1000;
            let rows = [
                ("join", &mut costs.join, *size),
                ("leave", &mut costs.leave, *size - 1),
                ("rotate", &mut costs.rotate, *size),
                ("enter", &mut costs.enter, *size),
            ];
            for (operation, cost, readers) in rows {
                let [commits, follows, comes] =
                    [&mut cost.commits, &mut cost.follows, &mut cost.comes].map(|times| median(times));
                if name == "classic" && *size == BAR_SIZE && operation == "leave" {
                    let slowest = commits.max(follows).unwrap_or_default();
                    missed |= slowest >= BAR_TIME || cost.commit >= BAR_BYTES;
                }
                let [commits, follows, comes] = [commits, follows, comes].map(shown);
                let memory = if operation == "join" { format!("{held:6}") } else { String::new() };
                println!(
                    "{name:8} {size:7}  {operation:9} {commits:>8} {follows:>8} {comes:>8} {:9} {:9} {:14} {memory}",
                    cost.commit,
                    cost.loads,
                    cost.commit * (readers - 1),
                );
            }
            println!("{name:8} {size:7}  key package of {} bytes", costs.package);
        }
    }
    if missed {
        eprintln!("a leave of {BAR_SIZE} members takes {BAR_TIME:?} or {BAR_BYTES} bytes, or more");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
