//! `cargo xtask demo`: the page and the embedded SFU on loopback; with `--headless` the same call
//! in headless browsers, and one JSON object about it on standard output.

use crate::run::{Error, Guard, Job, Result, find, root, target_dir};
use crate::{doctor, native_call, npm};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{ExitCode, Stdio};
use std::sync::mpsc;
use std::time::Duration;

#[derive(clap::Args, Clone)]
pub(crate) struct Args {
    /// Port on 127.0.0.1 (with --headless a free one is taken)
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Open the page in the desktop's browser
    #[arg(long, conflicts_with = "headless")]
    open: bool,
    /// Run the call in headless browsers, then stop
    #[arg(long)]
    headless: bool,
    /// Use what was built before
    #[arg(long)]
    no_build: bool,
    /// Build what the demo needs, then stop
    #[arg(long, conflicts_with = "no_build")]
    build_only: bool,
    #[command(flatten)]
    call: Call,
}

/// The headless call.
#[derive(clap::Args, Clone)]
#[command(next_help_heading = "With --headless")]
struct Call {
    /// How many take part
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(2..=16), requires = "headless")]
    participants: u16,
    /// How long they talk once everybody is there
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=3600), requires = "headless")]
    seconds: u16,
    /// Video codec
    #[arg(long, default_value = "vp8", ignore_case = true, requires = "headless",
          value_parser = ["vp8", "vp9", "av1", "h264"])]
    codec: String,
    /// Cipher suite
    #[arg(long, default_value = "aes-128-gcm", requires = "headless",
          value_parser = ["aes-128-gcm", "aes-256-gcm", "aes-128-ctr-hmac", "aes-256-ctr-hmac"])]
    suite: String,
    /// Where keys come from: members agree on them, or the link has a room secret
    #[arg(long, default_value = "session", requires = "headless", value_parser = ["session", "secret"])]
    keys: String,
    /// Who talks to whom
    #[arg(long, default_value = "chromium", requires = "headless",
          value_parser = ["chromium", "firefox", "mixed"])]
    browser: String,
    /// A guest joins and leaves so many times while the others talk; how soon it sees something, and how long pictures of
    /// the others stand still
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=1000), requires = "headless")]
    churn: u16,
    /// A native publisher (Python) and a native recorder (C) take part; the recorder is removed before the end
    #[arg(long, requires = "headless", conflicts_with = "no_e2ee")]
    native: bool,
    /// Without encryption: the run must report plaintext and fail
    #[arg(long, requires = "headless")]
    no_e2ee: bool,
    /// Three simulcast layers
    #[arg(long, requires = "headless", conflicts_with = "svc")]
    simulcast: bool,
    /// Spatial and temporal layers in one stream (VP9, AV1)
    #[arg(long, requires = "headless")]
    svc: bool,
    /// Size of the sent picture, such as 1280x720
    #[arg(long, value_name = "WxH", requires = "headless")]
    size: Option<String>,
    /// Pictures per second
    #[arg(long, requires = "headless")]
    fps: Option<u16>,
    /// Keep a picture of the first page at the end
    #[arg(long, value_name = "FILE", requires = "headless")]
    screenshot: Option<PathBuf>,
    /// Print one JSON object instead of a table
    #[arg(long, requires = "headless")]
    json: bool,
}

/// How long the SFU may take to listen.
const START: Duration = Duration::from_secs(20);
/// What a headless run may take above the time of the call: browsers starting and stopping.
const AROUND: Duration = Duration::from_secs(180);
/// What native members add: joining, being removed, files that are decoded.
const NATIVE: Duration = Duration::from_secs(150);

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    if !args.no_build {
        build()?;
        if args.call.native {
            native_call::build(&mut Job::run)?;
        }
    }
    if args.build_only {
        return Ok(ExitCode::SUCCESS);
    }
    if args.headless {
        return headless(&args.call);
    }
    let (mut sfu, address) = start(args.port, false)?;
    println!("\n  The call is at {address}\n  Open it in two tabs. Ctrl-C ends it.\n");
    if args.open {
        open(&address);
    }
    let status = sfu.child.wait()?;
    match status.success() {
        true => Ok(ExitCode::SUCCESS),
        false => Err(Error::new(format!("the server ended: {status}"))),
    }
}

/// Builds page and SFU, bringing the tools that are missing.
fn build() -> Result<()> {
    doctor::need(&["rustc", "cc", "node", "npm", "wasm32"])?;
    eprintln!("building the media module and the SDK");
    npm::sdk()?;
    eprintln!("building the page");
    npm::meet()?;
    eprintln!("building the SFU");
    sfu_build().run()
}

/// Builds the SFU as a program, optimised.
pub(crate) fn sfu_build() -> Job {
    Job::cargo().args([
        "build",
        "--locked",
        "--profile",
        "demo",
        "--package",
        "e2ee-sfu",
        "--bin",
        "frameseal-sfu",
    ])
}

/// Builds the relay of the ordered log as a program, for tests.
pub(crate) fn log_build() -> Job {
    Job::cargo().args(["build", "--locked", "--package", "e2ee-log", "--bin", "frameseal-log"])
}

/// Where [`log_build`] leaves the program.
pub(crate) fn log_program() -> std::path::PathBuf {
    target_dir().join("debug/frameseal-log")
}

/// Where [`sfu_build`] leaves the program.
pub(crate) fn sfu_program() -> std::path::PathBuf {
    target_dir().join("demo/frameseal-sfu")
}

/// Starts the SFU with the page; gives its address once it listens.
fn start(port: u16, test: bool) -> Result<(Guard, String)> {
    // The page is on loopback only. Firefox takes no media from loopback, so media is on an interface too.
    let mut job = Job::new(sfu_program())
        .args(["--bind", "127.0.0.1", "--interface", "--until-eof", "--port", &port.to_string()])
        .arg("--dir")
        .arg(format!("/={}", root().join("examples/meet/dist").display()));
    if test {
        job = job.arg("--test");
    }
    let mut sfu = job.spawn(|command| {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
    })?;
    let Some(out) = sfu.child.stdout.take() else {
        return Err(Error::new("the SFU has no standard output"));
    };
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(out).lines().map_while(std::result::Result::ok) {
            match line.split_whitespace().find(|word| word.starts_with("http://")) {
                Some(address) => drop(send.send(address.to_owned())),
                None => eprintln!("{line}"),
            }
        }
    });
    match receive.recv_timeout(START) {
        Ok(address) => Ok((sfu, address)),
        Err(mpsc::RecvTimeoutError::Timeout) => Err(Error::new("the SFU did not start to listen")),
        Err(mpsc::RecvTimeoutError::Disconnected) => {
            let status = sfu.child.wait()?;
            Err(Error::new(format!("the SFU ended at once: {status}"))
                .mend(format!("cargo xtask demo --port {}    (if the port was busy)", port.wrapping_add(1))))
        }
    }
}

fn headless(call: &Call) -> Result<ExitCode> {
    let (job, _sfu) = headless_job(call)?;
    let status = job.status()?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

/// The headless run against an SFU of its own, which lives as long as the guard.
fn headless_job(call: &Call) -> Result<(Job, Guard)> {
    let browser = call.browser.as_str();
    match browser {
        "chromium" => doctor::need(&["chromium"])?,
        "firefox" => doctor::need(&["firefox"])?,
        _ => doctor::need(&["chromium", "firefox"])?,
    }
    let (sfu, address) = start(0, true)?;
    let limit = Duration::from_secs(u64::from(call.seconds) + 35 * u64::from(call.churn)) + AROUND;
    let mut job = Job::new("node")
        .arg(root().join("examples/meet/headless/run.mjs"))
        .args(["--url", &address, "--browser", browser, "--suite", &call.suite, "--keys", &call.keys])
        .args(["--codec", &call.codec.to_ascii_lowercase()])
        .args(["--participants", &call.participants.to_string()])
        .args(["--seconds", &call.seconds.to_string(), "--churn", &call.churn.to_string()])
        .limit(limit);
    let switches = [
        (call.no_e2ee, "--no-e2ee"),
        (call.simulcast, "--simulcast"),
        (call.svc, "--svc"),
        (call.json, "--json"),
    ];
    job = job.args(switches.into_iter().filter(|(on, _)| *on).map(|(_, name)| name));
    if call.native {
        native_call::tools()?;
        job = job.arg("--native").arg(native_call::folder()).limit(limit + NATIVE);
    }
    if let Some(size) = &call.size {
        job = job.args(["--size", size]);
    }
    if let Some(fps) = call.fps {
        job = job.args(["--fps", &fps.to_string()]);
    }
    if let Some(file) = &call.screenshot {
        // Relative to where the command was typed, not to the repository.
        job = job.arg("--screenshot").arg(std::env::current_dir()?.join(file));
    }
    Ok((job, sfu))
}

fn open(address: &str) {
    let opener = ["xdg-open", "open"].into_iter().find(|name| find(name).is_some());
    let opened = opener.map(|name| Job::new(name).arg(address).run());
    if !matches!(opened, Some(Ok(()))) {
        eprintln!("no desktop browser could be opened; go to {address}");
    }
}
