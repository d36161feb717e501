//! Sender and recorder in one call, through the demo's server.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use e2ee_sfu::{Running, Server, ServerOptions};
use e2ee_testkit::streams;
use str0m_call::ivf::Clip;
use str0m_call::record::Report;
use str0m_call::{Member, publish, record};

/// Frames that are enough: more than the clip has, so that it begins anew.
const ENOUGH: u32 = 70;
/// For a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
const SECRET: &str = "0123456789abcdefghijklmnopqrstuv";

fn clip() -> Clip {
    let stream = streams::stream(Path::new(env!("CARGO_TARGET_TMPDIR")), "vp8").unwrap();
    Clip { rate: (30, 1), frames: stream.frames }
}

/// Sends `clip` to a recorder that has `secret`.
fn recorded(server: &Running, room: &str, clip: &Clip, secret: &str) -> (Report, Option<Clip>) {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{room}.ivf"));
    let _ = std::fs::remove_file(&path);
    let recorded = AtomicBool::new(false);
    let start = Instant::now();
    let report = std::thread::scope(|scope| {
        let member = |id, secret| Member::new(server.addr(), room, id, id, secret).unwrap();
        let (sender, recorded) = (member("ada", SECRET), &recorded);
        let over = move || recorded.load(Ordering::SeqCst) || start.elapsed() > PATIENCE;
        let sending = scope.spawn(move || publish::publish(&sender, clip, |_| over()).unwrap());
        let report = record::record(&member("rec", secret), "ada", &path, |report| {
            report.written + report.refused >= ENOUGH || start.elapsed() > PATIENCE
        });
        recorded.store(true, Ordering::SeqCst);
        assert!(sending.join().unwrap() >= u64::from(ENOUGH));
        report.unwrap()
    });
    (report, std::fs::read(path).ok().map(|bytes| Clip::read(&bytes).unwrap()))
}

#[test]
fn what_is_sent_is_recorded_byte_for_byte() {
    let server = Server::start(ServerOptions { test: true, ..ServerOptions::default() }).unwrap();
    let sent = clip();
    let (report, got) = recorded(&server, "open", &sent, SECRET);
    let got = got.unwrap_or_else(|| panic!("no file: {report:?}"));
    assert_eq!(report.refused, 0, "{report:?}");
    assert!(report.written >= ENOUGH, "{report:?}");
    assert_eq!(report.written as usize, got.frames.len());
    // Every frame is one of the clip's, whole, and the first is where a decoder can start.
    assert_eq!(got.frames[0], sent.frames[0]);
    assert!(got.frames.iter().all(|frame| sent.frames.contains(frame)));
    server.stop();
}

#[test]
fn without_the_secret_nothing_is_recorded() {
    let server = Server::start(ServerOptions { test: true, ..ServerOptions::default() }).unwrap();
    let (report, got) = recorded(&server, "closed", &clip(), "another secret");
    assert!(got.is_none());
    assert!(report.written == 0 && report.refused >= ENOUGH, "{report:?}");
    server.stop();
}
