//! The contract, on every backend, each seen through two relays.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::time::Duration;

use bytes::Bytes;
use e2ee_log::{
    Appended, Event, Log, LogError, MAX_ENTRIES, MAX_ENTRY, MAX_PACKAGE, MAX_PACKAGES, MAX_RESUME, MAX_SAID,
    Position, Retention, What,
};
use support::{Backend, fill, next, origin, room};

async fn positions(log: &dyn Log, name: &str, after: u64, limit: usize) -> Vec<u64> {
    let entries = log.read(&room(name), Position(after), limit).await.unwrap();
    entries
        .iter()
        .map(|entry| {
            assert_eq!(entry.bytes, entry.position.to_string());
            entry.position.0
        })
        .collect()
}

async fn order_and_conflict([one, two]: [&dyn Log; 2]) {
    let room = room("order");
    assert_eq!(one.head(&room).await.unwrap(), None);
    assert!(one.read(&room, Position::START, 10).await.unwrap().is_empty());
    let append = async |log: &dyn Log, expect, text: &'static str| {
        log.append(&room, Position(expect), text.into()).await.unwrap()
    };
    assert_eq!(append(one, u64::MAX, "far ahead").await, Appended::Conflict(Position(0)));
    assert_eq!(append(one, MAX_RESUME.0 + 1, "far ahead").await, Appended::Conflict(Position(0)));
    assert_eq!(append(one, 0, "1").await, Appended::Taken(Position(1)));
    assert_eq!(append(two, 0, "another").await, Appended::Conflict(Position(1)));
    assert_eq!(append(two, 1, "2").await, Appended::Taken(Position(2)));
    assert_eq!(append(one, 1, "late").await, Appended::Conflict(Position(2)));
    assert_eq!(append(one, 3, "early").await, Appended::Conflict(Position(2)));
    assert_eq!(append(one, 2, "").await, Appended::Taken(Position(3)), "an entry may be empty");
    let head = two.head(&room).await.unwrap().unwrap();
    assert_eq!((head.position, head.bytes), (Position(3), Bytes::new()));
    let all: Vec<_> = two.read(&room, Position::START, 10).await.unwrap();
    assert_eq!(all.iter().map(|entry| &entry.bytes[..]).collect::<Vec<_>>(), [&b"1"[..], b"2", b""]);
}

/// Where the log was lost, members go on where they are.
async fn an_empty_log_begins_anywhere([one, two]: [&dyn Log; 2]) {
    let room = room("anywhere");
    let taken = one.append(&room, Position(41), "42".into()).await.unwrap();
    assert_eq!(taken, Appended::Taken(Position(42)));
    for expect in [0, 40, 41, 43] {
        let late = two.append(&room, Position(expect), "late".into()).await.unwrap();
        assert_eq!(late, Appended::Conflict(Position(42)));
    }
    fill(two, &room, 43, 44).await;
    assert_eq!(positions(one, "anywhere", 41, 9).await, [42, 43, 44]);
    let old = one.read(&room, Position(0), 9).await;
    assert!(matches!(old, Err(LogError::TooOld { oldest: Position(42) })), "{old:?}");
    // As far as it goes, and on from there.
    let far = support::room("far");
    for at in MAX_RESUME.0..MAX_RESUME.0 + 3 {
        let taken = one.append(&far, Position(at), "far".into()).await.unwrap();
        assert_eq!(taken, Appended::Taken(Position(at + 1)));
    }
    assert_eq!(two.read(&far, MAX_RESUME, 9).await.unwrap().len(), 3);
}

async fn read_after_and_retention([one, two]: [&dyn Log; 2]) {
    let name = "reading";
    let kept = u64::try_from(MAX_ENTRIES).unwrap();
    fill(one, &room(name), 1, kept).await;
    assert_eq!(positions(two, name, 0, 3).await, [1, 2, 3]);
    assert_eq!(positions(two, name, 500, 2).await, [501, 502]);
    assert_eq!(positions(two, name, kept - 1, 9).await, [kept]);
    assert!(positions(two, name, kept, 9).await.is_empty());
    assert!(positions(two, name, kept + 7, 9).await.is_empty());
    assert!(positions(two, name, u64::MAX, 9).await.is_empty());
    assert!(positions(two, name, 3, 0).await.is_empty());
    assert_eq!(positions(two, name, 0, usize::MAX).await, (1..=kept).collect::<Vec<_>>());
    fill(two, &room(name), kept + 1, kept + 5).await;
    assert_eq!(positions(one, name, 5, 2).await, [6, 7], "5 went, 6 is the oldest");
    let old = one.read(&room(name), Position(4), 2).await;
    assert!(matches!(old, Err(LogError::TooOld { oldest: Position(6) })), "{old:?}");
}

/// Entries of a room lie among those of others, here more and there fewer.
async fn reading_among_other_rooms([one, two]: [&dyn Log; 2]) {
    let (name, others) = ("among", [room("others 1"), room("others 2")]);
    let mut filled = [0, 0];
    for n in 1..=60 {
        fill(one, &room(name), n, n).await;
        let (other, more) = ((n % 2) as usize, n * n % 7);
        fill(two, &others[other], filled[other] + 1, filled[other] + more).await;
        filled[other] += more;
    }
    for after in 0..60 {
        let expected: Vec<u64> = (after + 1..=60.min(after + 3)).collect();
        assert_eq!(positions(two, name, after, 3).await, expected);
    }
}

async fn rooms_are_apart([one, two]: [&dyn Log; 2]) {
    let long = "x".repeat(512);
    let names = ["a", "A", "a}b", "}a", "{a}", "a.b", "a b", "*", ">", "é", "\u{0}", "%61", &long];
    for name in names {
        let taken = one.append(&room(name), Position::START, name.to_owned().into()).await.unwrap();
        assert_eq!(taken, Appended::Taken(Position(1)), "{name:?}");
    }
    for name in names {
        assert_eq!(two.head(&room(name)).await.unwrap().unwrap().bytes, name, "{name:?}");
        assert_eq!(two.read(&room(name), Position::START, 9).await.unwrap().len(), 1, "{name:?}");
    }
}

async fn packages_are_taken_once([one, two]: [&dyn Log; 2]) {
    let room = room("packages");
    assert!(one.take_packages(&room).await.unwrap().is_empty());
    for text in ["a", "b", "a", ""] {
        one.put_package(&room, origin(1), text.into()).await.unwrap();
    }
    assert_eq!(two.take_packages(&room).await.unwrap(), ["a", "b", "a", ""], "also equal ones, in order");
    assert!(one.take_packages(&room).await.unwrap().is_empty());

    // Taken from both sides at once: each goes to one of them.
    let many: Vec<String> = (0..100).map(|n| n.to_string()).collect();
    for text in &many {
        one.put_package(&room, origin(1), text.clone().into()).await.unwrap();
    }
    let (left, right) = tokio::join!(one.take_packages(&room), two.take_packages(&room));
    let mut taken = [left.unwrap(), right.unwrap()].concat();
    taken.sort_by_key(|text| String::from_utf8_lossy(text).parse::<u32>().unwrap());
    assert_eq!(taken, many);

    for n in 0..MAX_PACKAGES + 3 {
        one.put_package(&room, origin(1), n.to_string().into()).await.unwrap();
    }
    let newest: Vec<String> = (3..MAX_PACKAGES + 3).map(|n| n.to_string()).collect();
    assert_eq!(two.take_packages(&room).await.unwrap(), newest, "the oldest went");
}

async fn all_relays_see([one, two]: [&dyn Log; 2]) {
    let room = room("seen }{");
    fill(one, &room, 1, 2).await;
    let mut watches = [one.watch(&room).await.unwrap(), two.watch(&room).await.unwrap()];
    let mut again = two.watch(&room).await.unwrap();
    fill(one, &room, 3, 4).await;
    one.put_package(&room, origin(1), "package".into()).await.unwrap();
    two.say(&room, origin(2), "said".into()).await.unwrap();
    fill(one, &support::room("another"), 1, 1).await;
    fill(two, &room, 5, 5).await;
    for watch in &mut watches {
        let (mut entries, mut others) = (Vec::new(), Vec::new());
        for _ in 0..5 {
            match next(watch).await {
                Event::Appended { position, bytes } => {
                    assert_eq!(bytes.unwrap(), position.to_string());
                    entries.push(position.0);
                }
                other => others.push(other),
            }
        }
        assert_eq!(entries, [3, 4, 5]);
        // Two relays: which of the two comes first is open.
        others.sort_by_key(|event| matches!(event, Event::Said { .. }));
        let package = Event::Package { from: origin(1), package: "package".into() };
        assert_eq!(others, [package, Event::Said { from: origin(2), said: "said".into() }]);
    }
    // One watcher of two at a relay leaves; the other goes on.
    let [first, second] = watches;
    drop((first, second));
    while next(&mut again).await != (Event::Appended { position: Position(5), bytes: Some("5".into()) }) {}
    fill(one, &room, 6, 6).await;
    assert_eq!(next(&mut again).await, Event::Appended { position: Position(6), bytes: Some("6".into()) });
    // All leave, and one comes back.
    drop(again);
    let mut back = two.watch(&room).await.unwrap();
    fill(one, &room, 7, 7).await;
    assert_eq!(next(&mut back).await, Event::Appended { position: Position(7), bytes: Some("7".into()) });
}

async fn bounds_hold([one, two]: [&dyn Log; 2]) {
    let room = room("bounds");
    let mut watch = two.watch(&room).await.unwrap();
    let full = |len: usize| Bytes::from((0..len).map(|n| (n % 251) as u8).collect::<Vec<_>>());
    let refused = one.append(&room, Position::START, full(MAX_ENTRY + 1)).await;
    assert!(matches!(refused, Err(LogError::TooLarge { what: What::Entry, .. })), "{refused:?}");
    let refused = one.put_package(&room, origin(1), full(MAX_PACKAGE + 1)).await;
    assert!(matches!(refused, Err(LogError::TooLarge { what: What::Package, .. })), "{refused:?}");
    let refused = one.say(&room, origin(1), full(MAX_SAID + 1)).await;
    assert!(matches!(refused, Err(LogError::TooLarge { what: What::Said, .. })), "{refused:?}");
    assert_eq!(one.head(&room).await.unwrap(), None);

    one.put_package(&room, origin(1), full(MAX_PACKAGE)).await.unwrap();
    assert_eq!(next(&mut watch).await, Event::Package { from: origin(1), package: full(MAX_PACKAGE) });
    one.say(&room, origin(1), full(MAX_SAID)).await.unwrap();
    assert_eq!(next(&mut watch).await, Event::Said { from: origin(1), said: full(MAX_SAID) });
    assert_eq!(two.take_packages(&room).await.unwrap(), [full(MAX_PACKAGE)]);
    for n in 0..3 {
        let taken = one.append(&room, Position(n), full(MAX_ENTRY)).await.unwrap();
        assert_eq!(taken, Appended::Taken(Position(n + 1)));
        let Event::Appended { position, bytes } = next(&mut watch).await else { panic!("no entry") };
        assert_eq!(position, Position(n + 1));
        assert!(bytes.is_none_or(|bytes| bytes == full(MAX_ENTRY)));
    }
    let page = two.read(&room, Position::START, 3).await.unwrap();
    assert_eq!(page.len(), 1, "a read stops after its share of bytes");
    assert_eq!((page[0].position, &page[0].bytes), (Position(1), &full(MAX_ENTRY)));
    assert_eq!(two.read(&room, Position(2), 3).await.unwrap()[0].bytes, full(MAX_ENTRY));
}

async fn the_contract(backend: Backend) {
    let [one, two] = &backend.relays;
    let relays = [one.as_ref(), two.as_ref()];
    order_and_conflict(relays).await;
    an_empty_log_begins_anywhere(relays).await;
    read_after_and_retention(relays).await;
    reading_among_other_rooms(relays).await;
    rooms_are_apart(relays).await;
    packages_are_taken_once(relays).await;
    all_relays_see(relays).await;
    bounds_hold(relays).await;
    println!("{}: the contract holds", backend.name);
}

#[tokio::test(flavor = "multi_thread")]
async fn memory() {
    the_contract(Backend::memory(Retention::default())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite() {
    the_contract(Backend::sqlite(Retention::default())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis() {
    if let Some(backend) = Backend::redis(Retention::default()).await {
        the_contract(backend).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nats() {
    if let Some(backend) = Backend::nats(Retention::default()).await {
        the_contract(backend).await;
    }
}

/// What is old goes, and what is used stays.
#[tokio::test(flavor = "multi_thread")]
async fn idle_rooms_and_old_packages_go() {
    let keep = Retention {
        idle: Duration::from_secs(3),
        package_age: Duration::from_millis(500),
        ..Retention::default()
    };
    let check = async |backend: Backend| {
        let [one, two] = &backend.relays;
        let (idle, used) = (room("idle"), room("used"));
        fill(one.as_ref(), &idle, 1, 2).await;
        fill(one.as_ref(), &used, 1, 2).await;
        one.put_package(&used, origin(1), "old".into()).await.unwrap();
        for _ in 0..10 {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let head = two.head(&used).await.unwrap();
            assert_eq!(head.unwrap().position, Position(2), "{}: a room in use", backend.name);
        }
        one.put_package(&used, origin(1), "new".into()).await.unwrap();
        assert_eq!(two.take_packages(&used).await.unwrap(), ["new"], "{}", backend.name);
        assert_eq!(two.head(&idle).await.unwrap(), None, "{}", backend.name);
        assert!(two.read(&idle, Position(1), 5).await.unwrap().is_empty(), "{}", backend.name);
        // It begins again.
        assert_eq!(one.append(&idle, Position(0), "1".into()).await.unwrap(), Appended::Taken(Position(1)));
        fill(one.as_ref(), &used, 3, 3).await;
        assert_eq!(two.read(&used, Position(2), 5).await.unwrap().len(), 1, "{}", backend.name);
        println!("{}: idle rooms and old packages go", backend.name);
    };
    let tasks = Backend::all(keep).await.into_iter().map(check);
    futures_util::future::join_all(tasks).await;
}
