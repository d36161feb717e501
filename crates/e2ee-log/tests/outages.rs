//! The log is not there, or is not what it was, or cannot be: who is told what.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use e2ee_log::{Appended, Log, Position, RedisLog};
use support::client::{self, CONFLICT, Client, NOT_THERE, TAKEN, Told};
use support::proxy::Proxy;
use support::room;
use support::servers::{Nats, Redis, Relay, local};

/// Who only listens is told that the log lost what they have, whatever took its place.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_went_back_is_said() {
    let Some(before) = Redis::start() else { return };
    let log = async |redis: &Redis| RedisLog::connect(&redis.url()).await.unwrap();
    support::fill(&log(&before).await, &room("call"), 1, 3).await;
    let append = async |redis: &Redis, at: u64, entry: &'static str| {
        let taken = log(redis).await.append(&room("call"), Position(at), entry.into()).await.unwrap();
        assert_eq!(taken, Appended::Taken(Position(at + 1)));
    };
    let (shorter, other, longer, same) =
        (Redis::start().unwrap(), Redis::start().unwrap(), Redis::start().unwrap(), Redis::start().unwrap());
    for (redis, kept) in [(&shorter, 2), (&other, 2), (&longer, 2), (&same, 3)] {
        support::fill(&log(redis).await, &room("call"), 1, kept).await;
    }
    append(&other, 2, "another 3").await;
    append(&longer, 2, "another 3").await;
    append(&longer, 3, "4").await;
    append(&same, 3, "4").await;
    let empty = Redis::start().unwrap();
    for (after, head) in
        [(&shorter, Some(2)), (&other, Some(3)), (&longer, Some(4)), (&empty, Some(0)), (&same, None)]
    {
        let service = Proxy::to(local(before.port)).await;
        let relay = RedisLog::connect(&format!("redis://{}", service.addr)).await.unwrap();
        let addr = client::serve(Arc::new(relay)).await;
        let (mut listener, at) = Client::join(addr, "call").await;
        assert_eq!(at, 3);
        service.switch(Some(local(after.port)));
        match (listener.next().await, head) {
            (Told::Error(5, _), Some(head)) => {
                assert_eq!(listener.next().await, Told::End);
                assert_eq!(Client::join(addr, "call").await.1, head);
            }
            (Told::Entry(4, entry), None) => assert_eq!(entry, "4"),
            (told, _) => panic!("{told:?} where the head is {head:?}"),
        }
    }
}

/// The log went back and no event tells of it: the first who is refused brings it to light.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_ahead_of_the_log_brings_it_to_light() {
    let Some(redis) = Redis::start() else { return };
    let log = RedisLog::connect(&redis.url()).await.unwrap();
    support::fill(&log, &room("call"), 1, 3).await;
    let addr = client::serve(Arc::new(log)).await;
    let ((mut one, _), (mut two, _)) = (Client::join(addr, "call").await, Client::join(addr, "call").await);
    let key = "frameseal:{call}:log";
    redis.command(&["DEL", key]);
    redis.command(&["XADD", key, "1-0", "e", "1"]);
    redis.command(&["XADD", key, "2-0", "e", "2"]);
    let began = Instant::now();
    one.append(3, b"4").await;
    assert_eq!(one.next().await, Told::Answer(3, CONFLICT));
    assert!(matches!(one.next().await, Told::Error(5, _)));
    assert!(matches!(two.next().await, Told::Error(5, _)));
    assert!(began.elapsed() < Duration::from_secs(10), "not only when the log is looked at anyway");
}

/// An event has no room for a large entry: the other relay reads it, and streams it in its place.
#[tokio::test(flavor = "multi_thread")]
async fn large_entries_cross_relays() {
    let Some(redis) = Redis::start() else { return };
    let mut addrs = Vec::new();
    for _ in 0..2 {
        addrs.push(client::serve(Arc::new(RedisLog::connect(&redis.url()).await.unwrap())).await);
    }
    let (mut one, _) = Client::join(addrs[0], "call").await;
    let (mut two, _) = Client::join(addrs[1], "call").await;
    let sizes = [10, 1 << 20, 20, 64 << 10, (64 << 10) + 1, 4 << 20, 0];
    for (at, size) in (0..).zip(sizes) {
        one.append(at, &vec![b'x'; size]).await;
        let expected = [Told::Answer(at, TAKEN), Told::Entry(at + 1, vec![b'x'; size].into())];
        let told = [one.next().await, one.next().await];
        assert!(expected.iter().all(|message| told.contains(message)), "in either order");
    }
    for (at, size) in (1..).zip(sizes) {
        assert_eq!(two.next().await, Told::Entry(at, vec![b'x'; size].into()));
    }
}

/// While the log is not there members are told and stay connected; when it is back with what it had, they go on.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_not_there_is_said_and_comes_back() {
    let Some(redis) = Redis::start() else { return };
    let service = Proxy::to(local(redis.port)).await;
    let log = RedisLog::connect(&format!("redis://{}", service.addr)).await.unwrap();
    let addr = client::serve(Arc::new(log)).await;
    let (mut one, _) = Client::join(addr, "call").await;
    let (mut two, _) = Client::join(addr, "call").await;
    one.append(0, b"1").await;
    assert_eq!(two.next().await, Told::Entry(1, "1".into()));
    assert_eq!(one.next().await, Told::Answer(0, TAKEN));
    assert_eq!(one.next().await, Told::Entry(1, "1".into()));

    service.switch(None);
    one.append(1, b"2").await;
    assert_eq!(one.next().await, Told::Answer(1, NOT_THERE));
    let mut newcomer = Client::connect(addr, "call").await.unwrap();
    assert!(matches!(newcomer.next().await, Told::Error(3, _)));

    service.switch(Some(local(redis.port)));
    // Another relay appends, before the first is connected again or after.
    let elsewhere = RedisLog::connect(&redis.url()).await.unwrap();
    support::fill(&elsewhere, &room("call"), 2, 3).await;
    for client in [&mut one, &mut two] {
        assert_eq!(client.next().await, Told::Entry(2, "2".into()));
        assert_eq!(client.next().await, Told::Entry(3, "3".into()));
    }
    one.append(3, b"4").await;
    assert_eq!(two.next().await, Told::Entry(4, "4".into()));
}

/// A server that cannot serve is named when the relay starts, with what to do.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_set_up_wrong_is_said_at_the_start() {
    let why = async |url: &str| e2ee_log::NatsLog::connect(url).await.unwrap_err().to_string();
    assert!(why("nats://127.0.0.1:1").await.contains("not there"));
    if let Some(small) = Nats::start_with("jetstream { store_dir: \"store\" }\n") {
        let why = why(&small.url()).await;
        assert!(why.contains("max_payload: 8MB"), "{why}");
    }
    if let Some(core_only) = Nats::start_with("max_payload: 8MB\n") {
        let why = why(&core_only.url()).await;
        assert!(why.contains("JetStream"), "{why}");
    }
    if let Some(taken) = Nats::start() {
        let client = async_nats::connect(taken.url()).await.unwrap();
        let config = async_nats::jetstream::stream::Config {
            name: "frameseal_log".to_owned(),
            subjects: vec!["frameseal.log.*".to_owned()],
            ..Default::default()
        };
        async_nats::jetstream::new(client).create_stream(config).await.unwrap();
        let why = why(&taken.url()).await;
        assert!(why.contains("does not republish") && why.contains("remove it"), "{why}");
    }
    let why = RedisLog::connect("redis://127.0.0.1:1").await.unwrap_err().to_string();
    assert!(why.contains("not there"), "{why}");
    let why = RedisLog::connect("http://127.0.0.1").await.unwrap_err().to_string();
    assert!(why.contains("redis://"), "{why}");
}

/// The program ends with its input, and says why it does not start.
#[test]
fn the_program_ends_when_it_should() {
    let mut relay = Relay::start("memory");
    let status = relay.process.end_input();
    assert!(status.success(), "{status}");
    let run = |args: &[&str]| {
        let output =
            std::process::Command::new(env!("CARGO_BIN_EXE_frameseal-log")).args(args).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, why) = run(&["--port", "0", "--backend", "redis:redis://127.0.0.1:1"]);
    assert!(code == Some(1) && why.contains("the log is not there"), "{why}");
    let (code, why) = run(&["--backend", "mysql:x"]);
    assert!(code == Some(2) && why.contains("memory, sqlite:FILE, redis:URL or nats:URL"), "{why}");
    let taken = std::net::TcpListener::bind(local(0)).unwrap();
    let (code, why) = run(&["--port", &taken.local_addr().unwrap().port().to_string()]);
    assert!(code == Some(1) && why.contains("a free port"), "{why}");
}
