//! Whole calls in headless browsers, by the demo's own headless run; its JSON is checked here once more.

use crate::native_call;
use crate::report::{Done, Log, Step};
use crate::run::{Error, Job, Result};
use serde_json::Value;
use std::sync::OnceLock;

/// A call with encryption; the arguments are those of `cargo xtask demo --headless`.
macro_rules! call {
    ($name:literal, $what:literal $(, $arg:literal)*) => {
        Step { name: $name, what: $what, run: |log| sealed(log, &[$($arg),*]) }
    };
}

pub(crate) static STEPS: &[Step] = &[
    call!("call-vp8", "Chromium with Chromium, VP8", "--codec", "vp8"),
    call!("call-vp9", "Chromium with Chromium, VP9", "--codec", "vp9"),
    call!("call-av1", "Chromium with Chromium, AV1", "--codec", "av1"),
    call!("call-h264", "Chromium with Chromium, H.264", "--codec", "h264"),
    call!("call-three", "three in a call", "--participants", "3"),
    call!("call-simulcast", "VP8 in three layers", "--simulcast"),
    call!("call-svc-vp9", "VP9 in spatial layers", "--svc", "--codec", "vp9"),
    call!("call-svc-av1", "AV1 in spatial layers", "--svc", "--codec", "av1"),
    call!("call-firefox-vp8", "Firefox with Firefox, VP8", "--browser", "firefox", "--codec", "vp8"),
    call!("call-firefox-vp9", "Firefox with Firefox, VP9", "--browser", "firefox", "--codec", "vp9"),
    call!("call-firefox-av1", "Firefox with Firefox, AV1", "--browser", "firefox", "--codec", "av1"),
    call!("call-mixed-vp8", "Chromium with Firefox, VP8", "--browser", "mixed", "--codec", "vp8"),
    call!("call-mixed-vp9", "Chromium with Firefox, VP9", "--browser", "mixed", "--codec", "vp9"),
    call!("call-mixed-av1", "Chromium with Firefox, AV1", "--browser", "mixed", "--codec", "av1"),
    call!("call-gcm-256", "suite AES_256_GCM_SHA512_128", "--suite", "aes-256-gcm"),
    call!("call-ctr-hmac", "suite AES_128_CTR_HMAC_SHA256_80", "--suite", "aes-128-ctr-hmac"),
    call!("call-secret", "keys from a room secret in the link", "--keys", "secret"),
    Step { name: "call-churn", what: "three talk while a guest comes and goes", run: churn },
    Step {
        name: "call-native",
        what: "a native publisher and a native recorder with Chromium, every codec; the recorder is removed",
        run: native,
    },
    Step {
        name: "call-open",
        what: "without encryption the run must report plaintext",
        run: |log| open(log, &[]),
    },
];

fn sealed(log: &mut Log, args: &[&str]) -> Result<Done> {
    let (status, report) = run(log, args)?;
    judge(status, &report)
}

/// Senders wait at most two seconds until all have read new keys. Four who send and receive everything on two cores take
/// longer when a tab starts, and somebody misses keys and frames with them: so pictures are small here. Should the
/// machine stand still all the same, the run is done once more, and then counts.
fn churn(log: &mut Log) -> Result<Done> {
    let args = ["--participants", "3", "--churn", "2", "--size", "320x180", "--fps", "15"];
    let (status, report) = run(log, &args)?;
    let late = |text: &str| text.ends_with("frames opened") || text.contains("frames were decoded");
    let late = |problem: &Value| problem.as_str().is_some_and(late);
    let problems = report.get("problems").and_then(Value::as_array);
    if !status.success() && problems.is_some_and(|all| !all.is_empty() && all.iter().all(late)) {
        return sealed(log, &args).map_err(|error| error.during(&format!("after {}", reason(&report))));
    }
    judge(status, &report)
}

fn judge(status: std::process::ExitStatus, report: &Value) -> Result<Done> {
    let frames = figure(report, "/sfu/frames")?;
    let plain = figure(report, "/sfu/plaintext_frames")?;
    let receivers = report.pointer("/receivers").and_then(Value::as_array).map_or(0, Vec::len);
    if !status.success() || report.get("ok") != Some(&Value::Bool(true)) {
        return Err(Error::new(format!("the call failed ({status}): {}", reason(report))));
    }
    if plain > 0 || frames == 0 || receivers == 0 {
        let seen = format!("{frames} frames, {plain} plaintext, {receivers} receivers");
        return Err(Error::new(format!("the run says ok, but its figures do not: {seen}")));
    }
    let rows = report.pointer("/receivers").and_then(Value::as_array).into_iter().flatten();
    let video = rows.filter(|row| row.get("kind").and_then(Value::as_str) == Some("video"));
    let least = video.filter_map(|row| row.get("decoded_share")?.as_f64()).fold(1.0, f64::min);
    Ok(Done::Passed(format!(
        "{frames} frames at the SFU, none plaintext; {receivers} streams, at least {:.1} % of pictures decoded",
        least * 100.0
    )))
}

/// Pages with native members, once for each codec of video.
fn native(log: &mut Log) -> Result<Done> {
    if let Err(error) = native_call::tools() {
        return Ok(Done::Left(format!("optional; {error}").replace('\n', " ")));
    }
    native_call::build(&mut |job| log.job(job))?;
    let (mut sealed_by, mut recorded, mut refused) = (0, 0, 0);
    for codec in ["vp8", "vp9", "av1", "h264"] {
        let (status, report) = run(log, &["--native", "--codec", codec])?;
        judge(status, &report).map_err(|error| error.during(codec))?;
        let sum = |list: &str, figure: &str| -> u64 {
            let rows = report.pointer(list).and_then(Value::as_array).into_iter().flatten();
            rows.filter_map(|row| row.pointer(figure)?.as_u64()).sum()
        };
        let sealed = sum("/native/publisher/tracks", "/sealed");
        let frames = sum("/native/recorder/streams", "/file/frames");
        let shut = figure(&report, "/native/removal/frames_refused")?;
        let after = figure(&report, "/native/removal/frames_opened_after")?;
        if sealed == 0 || frames == 0 || shut == 0 || after > 0 {
            let seen = format!(
                "{sealed} sealed, {frames} recorded, {shut} refused and {after} opened after the removal"
            );
            return Err(Error::new(format!("{codec}: the run says ok, but its figures do not: {seen}")));
        }
        sealed_by += sealed;
        recorded += frames;
        refused += shut;
    }
    Ok(Done::Passed(format!(
        "VP8, VP9, AV1, H.264 and Opus: {sealed_by} frames sealed natively, {recorded} recorded, {refused} refused after the removal, none opened"
    )))
}

/// The same without encryption: it must fail, because the SFU sees plaintext.
fn open(log: &mut Log, args: &[&str]) -> Result<Done> {
    let args: Vec<&str> = args.iter().copied().chain(["--no-e2ee"]).collect();
    let (status, report) = run(log, &args)?;
    let (frames, plain) = (figure(&report, "/sfu/frames")?, figure(&report, "/sfu/plaintext_frames")?);
    let compared = figure(&report, "/sfu/plaintext_by_comparison")?;
    let decoded = figure(&report, "/sfu/plaintext_by_decoding")?;
    let seen = format!("of {frames} frames {compared} plaintext by comparison, {decoded} by decoding");
    if status.success() || report.get("ok") != Some(&Value::Bool(false)) || plain == 0 {
        return Err(Error::new(format!("a call without encryption was not found out: {status}, {seen}")));
    }
    if compared == 0 || decoded == 0 {
        return Err(Error::new(format!("found out in one way only: {seen}")));
    }
    Ok(Done::Passed(format!("found out: {seen}")))
}

fn run(log: &mut Log, args: &[&str]) -> Result<(std::process::ExitStatus, Value)> {
    static BUILT: OnceLock<()> = OnceLock::new();
    if BUILT.get().is_none() {
        log.job(Job::xtask()?.args(["demo", "--build-only"]))?;
        let _ = BUILT.set(());
    }
    log.json(Job::xtask()?.args(["demo", "--headless", "--json", "--no-build"]).args(args))
}

fn figure(report: &Value, pointer: &str) -> Result<u64> {
    let value = report.pointer(pointer).and_then(Value::as_u64);
    value.ok_or_else(|| Error::new(format!("the report has no figure at {pointer}")))
}

/// What the report says went wrong, shortened.
fn reason(report: &Value) -> String {
    report.get("problems").unwrap_or(report).to_string().chars().take(600).collect()
}
