//! Starting other programs: with a time limit, an error that says what was run, and nothing left
//! behind when the limit is reached.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

pub(crate) type Result<T> = std::result::Result<T, Error>;

/// What went wrong, and where it is known the command that mends it.
#[derive(Debug)]
pub(crate) struct Error {
    what: String,
    mend: Option<String>,
}

impl Error {
    pub(crate) fn new(what: impl Into<String>) -> Error {
        Error { what: what.into(), mend: None }
    }

    /// Puts what was being done in front.
    pub(crate) fn during(mut self, doing: &str) -> Error {
        self.what = format!("{doing}: {}", self.what);
        self
    }

    pub(crate) fn mend(mut self, command: impl Into<String>) -> Error {
        self.mend = Some(command.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        match &self.mend {
            Some(command) => write!(f, "\n  mend it with: {command}"),
            None => Ok(()),
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Error {
        Error::new(error.to_string())
    }
}

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    let xtask = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let xtask = xtask.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    xtask.parent().map(Path::to_path_buf).unwrap_or(xtask)
}

/// Where cargo builds, and where xtask keeps its logs and stamps.
pub(crate) fn target_dir() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => root().join(dir),
        None => root().join("target"),
    }
}

/// Where this program is. Asked once, early: a build in between may replace the file.
pub(crate) fn own_path() -> Result<&'static Path> {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    if PATH.get().is_none() {
        let _ = PATH.set(std::env::current_exe()?);
    }
    PATH.get().map(PathBuf::as_path).ok_or_else(|| Error::new("this program does not know where it is"))
}

/// One command: what runs, where, and for how long at most.
pub(crate) struct Job {
    command: Command,
    words: Vec<OsString>,
    limit: Duration,
}

/// The time limit of a job that names none.
const LIMIT: Duration = Duration::from_secs(40 * 60);
const POLL: Duration = Duration::from_millis(50);

impl Job {
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Job {
        let program = program.as_ref();
        let mut command = Command::new(program);
        command.current_dir(root()).stdin(Stdio::null());
        Job { command, words: vec![program.to_os_string()], limit: LIMIT }
    }

    /// The cargo that runs this xtask.
    pub(crate) fn cargo() -> Job {
        let mut job = Job::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        job.words = vec!["cargo".into()];
        job
    }

    /// This program again, so that a step's output can be kept in its log.
    pub(crate) fn xtask() -> Result<Job> {
        let mut job = Job::new(own_path()?);
        job.words = vec!["cargo".into(), "xtask".into()];
        Ok(job)
    }

    pub(crate) fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Job {
        for arg in args {
            self.command.arg(arg.as_ref());
            self.words.push(arg.as_ref().to_os_string());
        }
        self
    }

    pub(crate) fn arg(self, arg: impl AsRef<OsStr>) -> Job {
        self.args([arg])
    }

    pub(crate) fn dir(mut self, dir: impl AsRef<Path>) -> Job {
        self.command.current_dir(dir);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Job {
        self.command.env(name, value);
        self
    }

    pub(crate) fn without_env(mut self, name: &str) -> Job {
        self.command.env_remove(name);
        self
    }

    pub(crate) fn limit(mut self, limit: Duration) -> Job {
        self.limit = limit;
        self
    }

    /// The command as one would type it, from the repository's root.
    pub(crate) fn text(&self) -> String {
        let root = format!("{}/", root().display());
        let words: Vec<_> = self.words.iter().map(|w| w.to_string_lossy().replace(&root, "")).collect();
        words.join(" ")
    }

    /// Runs to success, its output where ours goes; standard output is sent to standard error,
    /// so that a caller who wants one JSON object on standard output gets only that.
    pub(crate) fn run(mut self) -> Result<()> {
        self.command.stdout(io::stderr());
        let status = self.wait(|_| ())?;
        self.check(status)
    }

    /// Runs with both outputs into `log`; `beat` is called now and then while it runs.
    pub(crate) fn run_logged(mut self, log: &Path, beat: impl FnMut(Duration)) -> Result<()> {
        let file = self.open_log(log)?;
        self.command.stdout(file.try_clone()?).stderr(file);
        let status = self.wait(beat)?;
        self.check(status)
    }

    /// Runs with standard error into `log`; gives exit status and standard output, which is kept in
    /// `log` too.
    pub(crate) fn output_logged(
        mut self,
        log: &Path,
        beat: impl FnMut(Duration),
    ) -> Result<(ExitStatus, String)> {
        let mut file = self.open_log(log)?;
        self.command.stdout(Stdio::piped()).stderr(file.try_clone()?);
        let mut child = self.spawn_child()?;
        let out = drain(child.stdout.take());
        let status = self.wait_for(&mut child, beat)?;
        let out = out.join().unwrap_or_default();
        writeln!(file, "{}", out.trim_end())?;
        Ok((status, out))
    }

    fn open_log(&self, log: &Path) -> Result<File> {
        let mut file = File::options().create(true).append(true).open(log)?;
        writeln!(file, "$ {}", self.text())?;
        Ok(file)
    }

    /// Runs with standard output passed through; gives the exit status, whatever it is.
    pub(crate) fn status(mut self) -> Result<ExitStatus> {
        self.wait(|_| ())
    }

    /// Runs to success and gives what it wrote to standard output; its standard error is kept for
    /// the error message.
    pub(crate) fn output(mut self) -> Result<String> {
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.spawn_child()?;
        let (out, err) = (drain(child.stdout.take()), drain(child.stderr.take()));
        let status = self.wait_for(&mut child, |_| ())?;
        let (out, err) = (out.join().unwrap_or_default(), err.join().unwrap_or_default());
        match self.check(status) {
            Ok(()) => Ok(out),
            Err(error) => Err(Error::new(format!("{error}\n{}", err.trim_end()))),
        }
    }

    /// Starts it and hands it over; it ends with the guard.
    pub(crate) fn spawn(mut self, set: impl FnOnce(&mut Command)) -> Result<Guard> {
        set(&mut self.command);
        let mut child = self.spawn_child()?;
        Ok(Guard { stdin: child.stdin.take(), child })
    }

    fn wait(&mut self, beat: impl FnMut(Duration)) -> Result<ExitStatus> {
        let mut child = self.spawn_child()?;
        self.wait_for(&mut child, beat)
    }

    fn spawn_child(&mut self) -> Result<Child> {
        self.command.spawn().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Error::new(format!(
                "{} is not installed (wanted for: {})",
                self.command.get_program().to_string_lossy(),
                self.text()
            ))
            .mend("cargo xtask doctor --fix"),
            _ => Error::new(format!("cannot start {}: {error}", self.text())),
        })
    }

    fn wait_for(&self, child: &mut Child, mut beat: impl FnMut(Duration)) -> Result<ExitStatus> {
        let start = Instant::now();
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(status);
            }
            if start.elapsed() > self.limit {
                kill_tree(child);
                return Err(Error::new(format!(
                    "stopped after its limit of {} s: {}",
                    self.limit.as_secs(),
                    self.text()
                )));
            }
            beat(start.elapsed());
            std::thread::sleep(POLL);
        }
    }

    fn check(&self, status: ExitStatus) -> Result<()> {
        match status.success() {
            true => Ok(()),
            false => Err(Error::new(format!("{status}: {}", self.text()))),
        }
    }
}

/// A program in the background; it is ended, with all that it started, when the guard goes.
pub(crate) struct Guard {
    pub(crate) child: Child,
    /// Open as long as this program lives, however it ends; a child may take its end as a sign.
    #[expect(dead_code, reason = "held for the end of its life only")]
    stdin: Option<ChildStdin>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        kill_tree(&mut self.child);
    }
}

fn drain(pipe: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Ends a child and everything below it. A browser puts itself into a process group of its own,
/// so the tree is walked by parent instead; it is read before the first kill, which would
/// re-parent what is below.
fn kill_tree(child: &mut Child) {
    if !matches!(child.try_wait(), Ok(None)) {
        return;
    }
    let below = descendants(child.id());
    let _ = child.kill();
    let _ = child.wait();
    if !below.is_empty() {
        let ids = below.iter().map(u32::to_string);
        let _ = Command::new("kill").arg("-KILL").args(ids).stderr(Stdio::null()).status();
    }
}

fn descendants(of: u32) -> Vec<u32> {
    let pairs = parents();
    let mut found = vec![of];
    let mut next = 0;
    while let Some(&parent) = found.get(next) {
        found.extend(pairs.iter().filter(|(_, p)| *p == parent).map(|(id, _)| *id));
        next += 1;
    }
    found.split_off(1)
}

/// Every process with its parent: from /proc, and where that does not exist from `ps`.
fn parents() -> Vec<(u32, u32)> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        let ps = Command::new("ps").args(["-A", "-o", "pid=,ppid="]).output();
        let text = ps.map(|o| String::from_utf8_lossy(&o.stdout).into_owned()).unwrap_or_default();
        return text.lines().filter_map(|line| pair(line.split_whitespace())).collect();
    };
    entries
        .filter_map(|entry| {
            let name = entry.ok()?.file_name().into_string().ok()?;
            let stat = std::fs::read_to_string(format!("/proc/{name}/stat")).ok()?;
            // The second field is the program's name in brackets, and may hold anything.
            let after = stat.rsplit_once(')')?.1;
            pair([name.as_str(), after.split_whitespace().nth(1)?].into_iter())
        })
        .collect()
}

fn pair<'a>(mut words: impl Iterator<Item = &'a str>) -> Option<(u32, u32)> {
    Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
}

/// Whether a program is on the PATH (or is a path that exists).
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    if program.contains('/') {
        return Some(PathBuf::from(program)).filter(|p| p.is_file());
    }
    std::env::split_paths(&std::env::var_os("PATH")?).map(|d| d.join(program)).find(|p| p.is_file())
}

/// Tries something a few times, with a pause between; for what goes over a network.
pub(crate) fn retry<T>(times: u32, mut what: impl FnMut() -> Result<T>) -> Result<T> {
    let mut last = what();
    for attempt in 1..times {
        if last.is_ok() {
            break;
        }
        if let Err(error) = &last {
            eprintln!("{error}\ntrying again ({} of {times})", attempt + 1);
        }
        std::thread::sleep(Duration::from_secs(u64::from(attempt) * 3));
        last = what();
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_past_its_limit_is_stopped_with_what_it_started() {
        let start = Instant::now();
        let job = Job::new("sh").args(["-c", "sleep 61.25 & sleep 61.25"]).limit(Duration::from_millis(300));
        let error = job.run().unwrap_err().to_string();
        assert!(error.starts_with("stopped after its limit"), "{error}");
        assert!(start.elapsed() < Duration::from_secs(20));
        let left = descendants(std::process::id());
        assert!(left.iter().all(|id| {
            let line = std::fs::read_to_string(format!("/proc/{id}/cmdline")).unwrap_or_default();
            !line.contains("61.25")
        }));
    }

    #[test]
    fn output_is_captured_and_a_failure_carries_standard_error() {
        assert_eq!(Job::new("sh").args(["-c", "echo out; echo err >&2"]).output().unwrap(), "out\n");
        let error = Job::new("sh").args(["-c", "echo why >&2; exit 3"]).output().unwrap_err().to_string();
        assert!(error.contains("why") && error.contains('3'), "{error}");
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = Job::new("no-such-program-here").run().unwrap_err().to_string();
        assert!(error.contains("no-such-program-here is not installed"), "{error}");
    }

    #[test]
    fn retry_stops_at_the_first_success() {
        let mut calls = 0;
        let got = retry(3, || {
            calls += 1;
            if calls == 2 { Ok(calls) } else { Err(Error::new("not yet")) }
        });
        assert_eq!(got.unwrap(), 2);
    }
}
