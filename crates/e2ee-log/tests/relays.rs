//! Two relays on one log: one is killed, the log itself fails, and nothing that was agreed is lost.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use e2ee_log::{Event, Log, LogError, Position, RedisLog};
use support::client;
use support::member::Member;
use support::proxy::Proxy;
use support::room;
use support::servers::{Nats, Redis, Relay, local};

/// Entries that each member appends.
const EACH: usize = 40;

fn entries(who: usize) -> impl Iterator<Item = String> {
    (0..EACH).map(move |n| format!("{who}/{n}"))
}

/// All have the same log, and each entry is in it once.
fn agreed(members: &[Member], more: usize) {
    let log = &members[0].log;
    assert!(members.iter().all(|member| member.log == *log), "all converge");
    let distinct: BTreeSet<&Bytes> = log.iter().collect();
    assert_eq!(distinct.len(), log.len(), "nothing is in the log twice");
    for who in 0..members.len() {
        assert!(entries(who).all(|entry| distinct.contains(&Bytes::from(entry))), "nothing is lost");
    }
    assert_eq!(log.len(), 1 + members.len() * EACH + more);
}

/// Six members at two relays, of which one is killed in the middle.
async fn one_of_two_relays_is_killed(backend: &str) {
    let mut relays = [Relay::start(backend), Relay::start(backend)];
    let addrs = relays.iter().map(|relay| relay.addr).collect::<Vec<_>>();
    let total = 1 + 6 * EACH;
    let mut running = Vec::new();
    let mut progress = Vec::new();
    for who in 0..6 {
        let mut member = Member::new(addrs.clone(), who % 2, "call");
        member.want(entries(who));
        progress.push(member.progress.subscribe());
        running.push(tokio::spawn(async move {
            member.reach(total).await;
            member
        }));
    }
    progress[0].wait_for(|at| *at >= total / 3).await.unwrap();
    relays[0].process.kill();
    let began = Instant::now();
    let killed_at = *progress[1].borrow();
    let mut members = Vec::new();
    for task in running {
        members.push(task.await.unwrap());
    }
    agreed(&members, 0);
    assert!(killed_at < total, "the relay was killed while members appended");
    assert!(members.iter().all(|member| member.relay == 1), "all are at the other relay");
    assert!(members.iter().step_by(2).all(|member| member.reconnects > 0));
    println!(
        "{backend}: relay killed at {killed_at} of {total} entries; all 6 members have all of them {:?} later",
        began.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_on_redis_is_killed() {
    if let Some(redis) = Redis::start() {
        one_of_two_relays_is_killed(&format!("redis:{}", redis.url())).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_on_nats_is_killed() {
    if let Some(nats) = Nats::start() {
        one_of_two_relays_is_killed(&format!("nats:{}", nats.url())).await;
    }
}

/// The primary takes an entry, everybody sees it, and before its replica has it the primary dies. The replica takes
/// over without it; members who have it append it again.
#[tokio::test(flavor = "multi_thread")]
async fn a_failover_that_loses_the_newest_entry_is_healed() {
    let Some(mut primary) = Redis::start() else { return };
    let replication = Proxy::to(local(primary.port)).await;
    let port = replication.addr.port().to_string();
    let replica = Redis::start_with(&["--replicaof", "127.0.0.1", &port]).unwrap();
    let service = Proxy::to(local(primary.port)).await;
    let mut addrs = Vec::new();
    for _ in 0..2 {
        let log = RedisLog::connect(&format!("redis://{}", service.addr)).await.unwrap();
        addrs.push(client::serve(Arc::new(log)).await);
    }
    wait_until("replication", || replica.command(&["INFO", "replication"]).contains("link_status:up"));

    let mut members: Vec<Member> = (0..4).map(|who| Member::new(addrs.clone(), who % 2, "call")).collect();
    let mut before = 1;
    for (who, member) in members.iter_mut().enumerate() {
        member.want(entries(who).take(EACH / 2));
        before += EACH / 2;
    }
    members = all_reach(members, before).await;
    let length = |redis: &Redis| redis.command(&["XLEN", "frameseal:{call}:log"]);
    wait_until("the replica to have all", || length(&replica) == format!(":{before}\r\n"));

    // The newest entry: on the primary and with all members, not on the replica.
    replication.switch(None);
    members[0].want(["newest".to_owned()]);
    members = all_reach(members, before + 1).await;
    assert_eq!(length(&primary), format!(":{}\r\n", before + 1));
    primary.process.kill();
    assert!(replica.command(&["REPLICAOF", "NO", "ONE"]).starts_with("+OK"));
    assert_eq!(length(&replica), format!(":{before}\r\n"), "the failover lost an entry");
    service.switch(Some(local(replica.port)));

    // The call goes on.
    let began = Instant::now();
    for (who, member) in members.iter_mut().enumerate() {
        member.want(entries(who).skip(EACH / 2));
    }
    members = all_reach(members, 1 + 4 * EACH + 1).await;
    agreed(&members, 1);
    assert_eq!(members[0].log[before], "newest", "it is where it was");
    let again: usize = members.iter().map(|member| member.again).sum();
    assert!(again > 0, "somebody appended it again");
    println!(
        "Redis failover lost entry {}; appended again {again} times, taken once; all 4 members go on {:?} later",
        before + 1,
        began.elapsed()
    );
    let log = RedisLog::connect(&replica.url()).await.unwrap();
    let stored = log.read(&room("call"), Position(0), 1000).await.unwrap();
    let stored: Vec<_> = stored.into_iter().map(|entry| entry.bytes).collect();
    assert_eq!(stored, members[0].log);
}

/// The log is lost as a whole. Members go on with the newest entry that they have, and the log begins there.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_lost_everything_begins_where_members_are() {
    let Some(lost) = Redis::start() else { return };
    let empty = Redis::start().unwrap();
    let service = Proxy::to(local(lost.port)).await;
    let mut addrs = Vec::new();
    for _ in 0..2 {
        let log = RedisLog::connect(&format!("redis://{}", service.addr)).await.unwrap();
        addrs.push(client::serve(Arc::new(log)).await);
    }
    let mut members: Vec<Member> = (0..4).map(|who| Member::new(addrs.clone(), who % 2, "call")).collect();
    members[0].want(entries(0));
    members = all_reach(members, 1 + EACH).await;
    service.switch(Some(local(empty.port)));
    for (who, member) in members.iter_mut().enumerate().skip(1) {
        member.want(entries(who));
    }
    members = all_reach(members, 1 + 4 * EACH).await;
    agreed(&members, 0);
    let log = RedisLog::connect(&empty.url()).await.unwrap();
    let Err(LogError::TooOld { oldest }) = log.read(&room("call"), Position(0), 1000).await else {
        panic!("the log begins at 1");
    };
    // The newest entry of before, or one that was on its way just then.
    assert!([41, 42].contains(&oldest.0), "{oldest}");
    let stored = log.read(&room("call"), oldest.previous(), 1000).await.unwrap();
    let stored: Vec<_> = stored.into_iter().map(|entry| entry.bytes).collect();
    assert_eq!(stored, members[0].log[oldest.0 as usize - 1..]);
}

fn wait_until(what: &str, done: impl Fn() -> bool) {
    let deadline = Instant::now() + support::PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "waited for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

async fn all_reach(members: Vec<Member>, total: usize) -> Vec<Member> {
    let running: Vec<_> = members
        .into_iter()
        .map(|mut member| {
            tokio::spawn(async move {
                member.reach(total).await;
                member
            })
        })
        .collect();
    let mut members = Vec::new();
    for task in running {
        members.push(task.await.unwrap());
    }
    members
}

/// A primary that becomes a replica keeps its connections open and refuses to write: relays go to the new one.
#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_is_demoted_is_left() {
    let Some(primary) = Redis::start() else { return };
    let (old, new) = (primary.port.to_string(), Redis::start().unwrap());
    assert!(new.command(&["REPLICAOF", "127.0.0.1", &old]).starts_with("+OK"));
    let service = Proxy::to(local(primary.port)).await;
    let log = RedisLog::connect(&format!("redis://{}", service.addr)).await.unwrap();
    let room = support::room("call");
    let mut watch = log.watch(&room).await.unwrap();
    support::fill(&log, &room, 1, 3).await;
    wait_until("replication", || new.command(&["XLEN", "frameseal:{call}:log"]) == ":3\r\n");
    service.redirect(Some(local(new.port)));
    assert!(new.command(&["REPLICAOF", "NO", "ONE"]).starts_with("+OK"));
    assert!(primary.command(&["REPLICAOF", "127.0.0.1", &new.port.to_string()]).starts_with("+OK"));
    let refused = log.append(&room, Position(3), "4".into()).await;
    assert!(matches!(refused, Err(LogError::NotThere { .. })), "{refused:?}");
    support::fill(&log, &room, 4, 5).await;
    // Whoever watches misses nothing without being told, and after a while hears each again.
    let (mut seen, mut head, mut heard) = (3, 5, 0);
    let deadline = Instant::now() + support::PATIENCE;
    while heard < 10 {
        assert!(Instant::now() < deadline, "heard {heard} of {head}");
        head += 1;
        support::fill(&log, &room, head, head).await;
        while let Ok(event) = tokio::time::timeout(Duration::from_millis(50), watch.next()).await {
            match event.unwrap() {
                Event::Appended { position, .. } => {
                    assert!(position.0 <= seen + 1, "{position} after {seen}, and no word of a gap");
                    heard += u64::from(position.0 > 5 && position.0 == seen + 1);
                    seen = seen.max(position.0);
                }
                Event::Gap => seen = log.head(&room).await.unwrap().unwrap().position.0,
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(seen, head);
}

/// The same when the server itself is killed and starts again with what it had stored.
#[tokio::test(flavor = "multi_thread")]
async fn a_nats_server_is_killed_and_comes_back() {
    let Some(mut nats) = Nats::start() else { return };
    let mut addrs = Vec::new();
    for _ in 0..2 {
        let log = e2ee_log::NatsLog::connect(&nats.url()).await.unwrap();
        addrs.push(client::serve(Arc::new(log)).await);
    }
    let members: Vec<Member> = (0..4).map(|who| Member::new(addrs.clone(), who % 2, "call")).collect();
    let total = 1 + 4 * EACH;
    let mut progress = members[0].progress.subscribe();
    let members = members.into_iter().enumerate().map(|(who, mut member)| {
        member.want(entries(who));
        member
    });
    let running = tokio::spawn(all_reach(members.collect(), total));
    progress.wait_for(|at| *at >= total / 3).await.unwrap();
    tokio::task::spawn_blocking(move || {
        nats.restart(Duration::from_millis(300));
        nats
    })
    .await
    .map(|nats| async move {
        agreed(&running.await.unwrap(), 0);
        drop(nats);
    })
    .unwrap()
    .await;
}
