//! What is particular to a file.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use e2ee_log::{Appended, Log, LogError, Position, SqliteLog};
use support::servers::Relay;
use support::{fill, origin, room};

#[tokio::test]
async fn a_log_outlives_the_process() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log.db");
    let log = SqliteLog::open(&path).unwrap();
    fill(&log, &room("r"), 1, 20).await;
    log.put_package(&room("r"), origin(1), "waits".into()).await.unwrap();
    drop(log);
    let log = SqliteLog::open(&path).unwrap();
    let late = log.append(&room("r"), Position(19), "late".into()).await.unwrap();
    assert_eq!(late, Appended::Conflict(Position(20)));
    fill(&log, &room("r"), 21, 21).await;
    assert_eq!(log.read(&room("r"), Position(0), 100).await.unwrap().len(), 21);
    assert_eq!(log.take_packages(&room("r")).await.unwrap(), ["waits"]);
}

/// Members see an entry, the relay is killed, and it is in the file.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_survives_a_kill() {
    use support::client::{Client, TAKEN, Told};
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log.db");
    let backend = format!("sqlite:{}", path.display());
    let mut taken = 0;
    for round in 0..3 {
        let mut relay = Relay::start(&backend);
        let (mut client, head) = Client::join(relay.addr, "r").await;
        assert_eq!(head, taken, "round {round}");
        for _ in 0..20 {
            client.append(taken, b"entry").await;
            assert_eq!(client.next().await, Told::Answer(taken, TAKEN));
            taken += 1;
            assert_eq!(client.next().await, Told::Entry(taken, "entry".into()));
        }
        if round == 0 {
            let why = SqliteLog::open(&path).unwrap_err().to_string();
            assert!(why.contains("in use by another process"), "{why}");
        }
        relay.process.kill();
    }
}

#[test]
fn what_cannot_be_a_log_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let why = |path: &str| match SqliteLog::open(dir.path().join(path)) {
        Err(error @ LogError::Setup { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    };
    assert!(why("no/such/directory").contains("may write"));
    std::fs::write(dir.path().join("text"), "This is some text that is no database. ".repeat(100)).unwrap();
    assert!(why("text").contains("not a database"));
    let other = rusqlite::Connection::open(dir.path().join("other.db")).unwrap();
    other.execute_batch("CREATE TABLE room (mine TEXT)").unwrap();
    drop(other);
    assert!(why("other.db").contains("another program's data"));
}
