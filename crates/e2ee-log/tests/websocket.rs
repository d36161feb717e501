//! The protocol over real sockets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use e2ee_log::{MAX_ENTRY, MAX_PACKAGE, MAX_SAID, MemoryLog, Options, PROTOCOL, Position, Retention};
use futures_util::{SinkExt, StreamExt};
use support::client::{self, CONFLICT, Client, TAKEN, TOO_LARGE, Told};
use support::{fill, room};
use tokio_tungstenite::tungstenite::{Error, Message};

async fn memory() -> std::net::SocketAddr {
    client::serve(Arc::new(MemoryLog::new())).await
}

fn text(position: u64) -> Told {
    Told::Entry(position, position.to_string().into())
}

#[tokio::test]
async fn head_then_every_entry_once_and_in_order() {
    let addr = memory().await;
    let mut one = Client::connect(addr, "r").await.unwrap();
    assert_eq!(one.next().await, Told::Head(0, Bytes::new()));
    one.append(0, b"1").await;
    assert_eq!(one.next().await, Told::Answer(0, TAKEN));
    assert_eq!(one.next().await, text(1), "who appended it sees it too");
    let mut two = Client::connect(addr, "r").await.unwrap();
    assert_eq!(two.next().await, Told::Head(1, "1".into()));
    two.append(0, b"late").await;
    assert_eq!(two.next().await, Told::Answer(0, CONFLICT));
    two.append(u64::MAX, b"from the future").await;
    assert_eq!(two.next().await, Told::Answer(u64::MAX, CONFLICT));
    for n in 1..50 {
        two.append(n, (n + 1).to_string().as_bytes()).await;
    }
    let mut answers = 0;
    let mut entries = Vec::new();
    while answers < 49 || entries.len() < 49 {
        match two.next().await {
            Told::Answer(_, TAKEN) => answers += 1,
            entry => entries.push(entry),
        }
    }
    let expected: Vec<_> = (2..=50).map(text).collect();
    assert_eq!(entries, expected);
    for entry in expected {
        assert_eq!(one.next().await, entry);
    }
}

#[tokio::test]
async fn a_read_gives_what_is_kept_and_says_what_is_not() {
    let log = Arc::new(MemoryLog::with_retention(Retention { entries: 200, ..Retention::default() }));
    fill(&*log, &room("r"), 1, 500).await;
    let addr = client::serve(log.clone()).await;
    let (mut client, head) = Client::join(addr, "r").await;
    assert_eq!(head, 500);
    client.read(300).await;
    for n in 301..=500 {
        assert_eq!(client.next().await, text(n));
    }
    client.read(299).await;
    assert_eq!(client.next().await, Told::TooOld(301));
    // Nothing comes after the head, nor after what is beyond it.
    client.read(500).await;
    client.read(u64::MAX).await;
    client.append(500, b"501").await;
    assert_eq!(client.next().await, Told::Answer(500, TAKEN));
    assert_eq!(client.next().await, text(501));
}

/// Who catches up while others append: once the answer has begun there is no gap, neither in it nor behind it.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_and_what_follows_it_have_no_gap() {
    let log = Arc::new(MemoryLog::new());
    fill(&*log, &room("r"), 1, 700).await;
    let addr = client::serve(log.clone()).await;
    let appending = tokio::spawn(async move {
        for n in 701..=1000 {
            fill(&*log, &room("r"), n, n).await;
            tokio::time::sleep(Duration::from_micros(300)).await;
        }
    });
    let mut readers = Vec::new();
    for start in (0..600).step_by(100) {
        let (mut client, head) = Client::join(addr, "r").await;
        readers.push(tokio::spawn(async move {
            client.read(start).await;
            let mut at = start;
            while at < 1000 {
                let told = client.next().await;
                let Told::Entry(position, _) = told else { panic!("{told:?}") };
                assert!(position <= at + 1 || at == start && position > head, "{position} after {at}");
                at = at.max(if position == at + 1 { position } else { at });
            }
        }));
    }
    for reader in readers {
        reader.await.unwrap();
    }
    appending.await.unwrap();
}

#[tokio::test]
async fn packages_and_words_go_to_the_others() {
    let addr = memory().await;
    let (mut one, _) = Client::join(addr, "r").await;
    let (mut two, _) = Client::join(addr, "r").await;
    let (mut elsewhere, _) = Client::join(addr, "another").await;
    one.put_package(b"package").await;
    assert_eq!(two.next().await, Told::Package("package".into()));
    two.take_packages().await;
    assert_eq!(two.next().await, Told::Package("package".into()), "it waited, too");
    one.take_packages().await;
    one.say(b"hello").await;
    assert_eq!(two.next().await, Told::Said("hello".into()));
    two.say(b"and you").await;
    assert_eq!(one.next().await, Told::Said("and you".into()), "nothing of its own, and no package twice");
    elsewhere.append(0, b"1").await;
    assert_eq!(elsewhere.next().await, Told::Answer(0, TAKEN), "rooms are apart");
}

#[tokio::test]
async fn two_relays_of_one_log_are_one_room() {
    let log = Arc::new(MemoryLog::new());
    let addrs = [client::serve(log.clone()).await, client::serve(log).await];
    let (mut one, _) = Client::join(addrs[0], "r").await;
    let (mut two, _) = Client::join(addrs[1], "r").await;
    one.append(0, b"1").await;
    assert_eq!(two.next().await, text(1));
    two.say(b"hi").await;
    two.put_package(b"p").await;
    assert_eq!(one.next().await, Told::Answer(0, TAKEN));
    assert_eq!(one.next().await, text(1));
    assert_eq!(one.next().await, Told::Said("hi".into()));
    assert_eq!(one.next().await, Told::Package("p".into()));
}

#[tokio::test]
async fn the_largest_passes_and_larger_is_refused() {
    let addr = memory().await;
    let (mut one, _) = Client::join(addr, "r").await;
    let (mut two, _) = Client::join(addr, "r").await;
    one.append(0, &vec![7; MAX_ENTRY]).await;
    assert_eq!(one.next().await, Told::Answer(0, TAKEN));
    assert_eq!(two.next().await, Told::Entry(1, vec![7; MAX_ENTRY].into()));
    assert_eq!(one.next().await, Told::Entry(1, vec![7; MAX_ENTRY].into()));
    one.append(1, &vec![7; MAX_ENTRY + 1]).await;
    assert_eq!(one.next().await, Told::Answer(1, TOO_LARGE), "and the connection goes on");
    one.put_package(&vec![8; MAX_PACKAGE]).await;
    assert_eq!(two.next().await, Told::Package(vec![8; MAX_PACKAGE].into()));
    one.say(&vec![9; MAX_SAID]).await;
    assert_eq!(two.next().await, Told::Said(vec![9; MAX_SAID].into()));
    let refused = async |message: Vec<u8>, code| {
        let (mut client, _) = Client::join(addr, "r").await;
        client.send(message).await;
        let Told::Error(told, why) = client.next().await else { panic!("no error") };
        assert_eq!(told, code, "{why}");
        assert_eq!(client.next().await, Told::End);
    };
    refused([&[3][..], &vec![0; MAX_PACKAGE + 1]].concat(), 2).await;
    refused([&[5][..], &vec![0; MAX_SAID + 1]].concat(), 2).await;
    // What is larger still is not even read: whether the reason gets through is up to the system.
    let (mut client, _) = Client::join(addr, "r").await;
    let _ = client.0.send(Message::Binary(client::append(1, &vec![0; MAX_ENTRY + 128 * 1024]).into())).await;
    assert!(matches!(client.next().await, Told::Error(1, _) | Told::End));
    one.append(1, b"2").await;
    assert_eq!(one.next().await, Told::Answer(1, TAKEN), "others go on");
}

#[tokio::test]
async fn hostile_messages_end_the_connection_and_nothing_else() {
    let addr = memory().await;
    let (mut witness, _) = Client::join(addr, "r").await;
    let wrong: [&[u8]; 12] = [
        &[],
        &[0],
        &[1],
        &[1, 0, 0, 0, 0, 0, 0, 0],
        &[2],
        &[2, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        &[4, 0],
        &[6],
        &[0x81, 0, 0, 0, 0, 0, 0, 0, 9],
        &[0x82, 0, 0, 0, 0, 0, 0, 0, 1, 1],
        &[0x8f, 0, 1],
        &[255; 64],
    ];
    for message in wrong {
        let (mut client, _) = Client::join(addr, "r").await;
        client.send(message.to_vec()).await;
        // What follows is not looked at, and does not keep the reason from arriving.
        for _ in 0..100 {
            let _ = client.0.send(Message::Binary(client::append(0, &[0; 1000]).into())).await;
        }
        let Told::Error(1, why) = client.next().await else { panic!("{message:?} passed") };
        assert!(!why.is_empty());
        assert_eq!(client.next().await, Told::End);
    }
    let (mut client, _) = Client::join(addr, "r").await;
    client.0.send(Message::text("{}")).await.unwrap();
    assert!(matches!(client.next().await, Told::Error(1, _)));
    // Random bytes: an error, an answer or nothing, and never the end of the relay.
    let mut state = 1_u64;
    for round in 0..200 {
        let mut client = Client::connect(addr, &format!("random{}", round % 7)).await.unwrap();
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as u8
        };
        let message: Vec<u8> =
            (0..random() % 32).map(|n| if n == 0 { random() % 8 } else { random() }).collect();
        client.send(message).await;
        drop(client);
    }
    witness.append(0, b"1").await;
    assert_eq!(witness.next().await, Told::Answer(0, TAKEN));
    assert_eq!(witness.next().await, text(1));
}

#[tokio::test]
async fn who_may_not_come_in_learns_why() {
    let log = Arc::new(MemoryLog::new());
    let addr = client::serve_with(log, Options { max_connections: 3, max_per_room: 2 }).await;
    let refused = async |query: &str, protocol| match Client::connect_as(addr, query, protocol).await {
        Err(Error::Http(response)) => {
            let body = String::from_utf8(response.body().clone().unwrap_or_default()).unwrap();
            (response.status().as_u16(), body)
        }
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("{query} let in"),
    };
    assert_eq!(refused("", Some(PROTOCOL)).await.0, 400);
    assert_eq!(refused("room=a&room=b", Some(PROTOCOL)).await.0, 400);
    assert_eq!(refused("room=%FF", Some(PROTOCOL)).await.0, 400, "no UTF-8");
    let (status, why) = refused("room=", Some(PROTOCOL)).await;
    assert!(status == 400 && why.contains("1 to 512 bytes"), "{why}");
    let long = "a".repeat(513);
    assert_eq!(refused(&format!("room={long}"), Some(PROTOCOL)).await.0, 400);
    let (status, why) = refused("room=a", None).await;
    assert!(status == 400 && why.contains(PROTOCOL), "{why}");
    assert_eq!(refused("room=a", Some("frameseal-log.2")).await.0, 400);

    let (_one, _) = Client::join(addr, "a").await;
    let (two, _) = Client::join(addr, "a").await;
    let mut third = Client::connect(addr, "a").await.unwrap();
    assert!(matches!(third.next().await, Told::Error(6, _)), "the room is full");
    assert_eq!(third.next().await, Told::End);
    drop(third);
    let (_, _elsewhere) = loop {
        // The place of the third becomes free when its end has been seen.
        match Client::connect(addr, "b").await {
            Ok(mut client) => break (client.next().await, client),
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    };
    assert_eq!(refused("room=c", Some(PROTOCOL)).await.0, 503, "the relay is full");
    drop(two);
    let deadline = Instant::now() + support::PATIENCE;
    while Client::connect(addr, "a").await.is_err() {
        assert!(Instant::now() < deadline, "a place becomes free");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn floods_are_slowed_down_and_others_are_not() {
    let addr = memory().await;
    let (flooding, _) = Client::join(addr, "r").await;
    let (mut witness, _) = Client::join(addr, "r").await;
    let began = Instant::now();
    let (mut sink, _stream) = flooding.0.split();
    tokio::spawn(async move {
        // 200 at once, then 50 in a second.
        for _ in 0..300 {
            if sink.send(Message::Binary(Bytes::from_static(b"\x05flood"))).await.is_err() {
                return;
            }
        }
        std::future::pending::<()>().await;
    });
    let (mut floods, mut asked, mut answers) = (0, None, Vec::new());
    while floods < 300 || answers.len() < 2 {
        match witness.next().await {
            Told::Said(said) => {
                assert_eq!(said, "flood");
                floods += 1;
            }
            told => answers.push(told),
        }
        if floods == 210 && asked.is_none() {
            witness.append(0, b"1").await;
            asked = Some(Instant::now());
        }
        if let (Some(asked), 0) = (asked, answers.len()) {
            assert!(asked.elapsed() < Duration::from_secs(1), "who asks little is answered at once");
        }
    }
    assert!(answers.contains(&Told::Answer(0, TAKEN)) && answers.contains(&text(1)));
    let took = began.elapsed();
    assert!(took > Duration::from_millis(1800), "100 above the burst took {took:?}");
}

#[tokio::test]
async fn who_does_not_read_is_dropped() {
    let log = Arc::new(MemoryLog::new());
    let addr = client::serve(log.clone()).await;
    let (mut deaf, _) = Client::join(addr, "r").await;
    let (mut reader, _) = Client::join(addr, "r").await;
    // More than the sockets and the outbox hold.
    let entry = Bytes::from(vec![1; 1024 * 1024]);
    for n in 0..40 {
        use e2ee_log::{Appended, Log};
        let taken = log.append(&room("r"), Position(n), entry.clone()).await.unwrap();
        assert_eq!(taken, Appended::Taken(Position(n + 1)));
        assert_eq!(reader.next().await, Told::Entry(n + 1, entry.clone()));
    }
    let mut received = 0;
    loop {
        match deaf.next().await {
            Told::Entry(position, _) => {
                received += 1;
                assert_eq!(position, received, "in order up to the end");
            }
            Told::Error(code, _) => assert_eq!(code, 4),
            Told::End => break,
            other => panic!("{other:?}"),
        }
    }
    assert!(received < 40, "{received} of 40 were buffered");
    // It catches up on a new connection.
    let (mut again, head) = Client::join(addr, "r").await;
    assert_eq!(head, 40);
    again.read(received).await;
    assert_eq!(again.next().await, Told::Entry(received + 1, entry));
}
