//! Eight members append at once to one room through two relays: no gap, no fork, no duplicate; how fast.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use e2ee_log::{Appended, Entry, Event, Log, Position, Retention, Watch};
use support::{Backend, PATIENCE, room};

const COMMITTERS: u64 = 8;
const APPENDS: u64 = 60;
/// About a commit in a call of thirty.
const COMMIT: usize = 3 * 1024;

struct Committer {
    taken: Vec<(Position, Bytes)>,
    times: Vec<Duration>,
    conflicts: u64,
}

/// Appends as a member does: after a conflict it goes on from the head that won.
async fn commit(log: Arc<dyn Log>, who: u64) -> Committer {
    let room = room("hammer");
    let mut done = Committer { taken: Vec::new(), times: Vec::new(), conflicts: 0 };
    let mut at = Position::START;
    for n in 0..APPENDS {
        let mut entry = format!("{who}/{n} ").into_bytes();
        entry.resize(COMMIT, b'.');
        let entry = Bytes::from(entry);
        let began = Instant::now();
        loop {
            match log.append(&room, at, entry.clone()).await.unwrap() {
                Appended::Taken(position) => {
                    assert_eq!(position, at.next());
                    at = position;
                    break;
                }
                Appended::Conflict(head) => {
                    done.conflicts += 1;
                    // Never back: what was agreed stays.
                    assert!(head > at, "{head} after {at}");
                    // As a member must, it reads what won before it goes on.
                    at = log.read(&room, at, 1024).await.unwrap().last().unwrap().position;
                }
            }
        }
        done.times.push(began.elapsed());
        done.taken.push((at, entry));
    }
    done
}

/// What a watcher saw, by position: nothing twice with other bytes. After a gap it reads, as a relay does.
async fn observe(log: Arc<dyn Log>, mut watch: Watch, until: usize) -> BTreeMap<Position, Bytes> {
    let mut seen: BTreeMap<Position, Bytes> = BTreeMap::new();
    while seen.len() < until {
        let entries = match tokio::time::timeout(PATIENCE, watch.next()).await.unwrap().unwrap() {
            Event::Appended { position, bytes } => vec![Entry { position, bytes: bytes.unwrap() }],
            Event::Gap => {
                let last = seen.keys().last().copied().unwrap_or_default();
                log.read(&room("hammer"), last, 1024).await.unwrap()
            }
            other => panic!("{other:?}"),
        };
        for Entry { position, bytes } in entries {
            assert_eq!(*seen.entry(position).or_insert_with(|| bytes.clone()), bytes);
        }
    }
    seen
}

async fn hammer(backend: Backend) -> f64 {
    let room = room("hammer");
    let total = COMMITTERS * APPENDS;
    let mut observers = Vec::new();
    for relay in &backend.relays {
        observers.push(tokio::spawn(observe(
            relay.clone(),
            relay.watch(&room).await.unwrap(),
            total as usize,
        )));
    }
    let began = Instant::now();
    let tasks: Vec<_> = (0..COMMITTERS)
        .map(|who| tokio::spawn(commit(backend.relays[usize::from(who % 2 == 0)].clone(), who)))
        .collect();
    let mut committers = Vec::new();
    for task in tasks {
        committers.push(task.await.unwrap());
    }
    let took = began.elapsed();

    let claimed: BTreeMap<Position, Bytes> =
        committers.iter().flat_map(|c| c.taken.iter().cloned()).collect();
    let expected: BTreeSet<Position> = (1..=total).map(Position).collect();
    assert_eq!(claimed.keys().copied().collect::<BTreeSet<_>>(), expected, "each position taken by one");
    for relay in &backend.relays {
        let mut all = Vec::new();
        loop {
            let page = relay.read(&room, Position(all.len() as u64), 100).await.unwrap();
            if page.is_empty() {
                break;
            }
            all.extend(page.into_iter().map(|entry| (entry.position, entry.bytes)));
        }
        assert_eq!(all, claimed.clone().into_iter().collect::<Vec<_>>(), "the log is what was claimed");
    }
    for observer in observers {
        assert_eq!(observer.await.unwrap(), claimed, "and what was seen");
    }

    let mut times: Vec<Duration> = committers.iter().flat_map(|c| c.times.iter().copied()).collect();
    times.sort();
    let conflicts: u64 = committers.iter().map(|c| c.conflicts).sum();
    let rate = total as f64 / took.as_secs_f64();
    let at = |percent: usize| times[times.len() * percent / 100];
    println!(
        "{:<7} {rate:>6.0} commits/s  p50 {:>9.2?}  p99 {:>9.2?}  {conflicts} conflicts",
        backend.name,
        at(50),
        at(99)
    );
    rate
}

#[tokio::test(flavor = "multi_thread")]
async fn no_gap_no_fork_no_duplicate() {
    // One after the other: they share the machine.
    for backend in Backend::all(Retention::default()).await {
        let name = backend.name;
        let rate = hammer(backend).await;
        // The bar is 500 on Redis; a busy machine must not fail what is right.
        assert!(rate > 20.0, "{name}: {rate} commits/s");
    }
}
