//! Steps, one after the other: a line of progress for each, a log file for each, a table at the
//! end, and the verdict as the last line.

use crate::run::{Error, Job, Result, target_dir};
use std::io::{IsTerminal, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{ExitCode, ExitStatus};
use std::time::{Duration, Instant};

/// How a step that did not fail went.
pub(crate) enum Done {
    /// It passed; a few words with figures from it.
    Passed(String),
    /// It is optional and could not run here; why, and what would change that.
    Left(String),
}

/// A check with a name.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    pub(crate) run: fn(&mut Log) -> Result<Done>,
}

/// What a step writes: everything into its file, and on the terminal a sign of life.
pub(crate) struct Log {
    path: PathBuf,
    verbose: bool,
    shown: Instant,
}

const CLEAR_LINE: &str = "\r\x1b[K";
/// How often a step shows that it is alive when nobody watches a terminal.
const HEARTBEAT: Duration = Duration::from_secs(30);
/// How much of a failed step's log is shown.
const TAIL_LINES: usize = 60;
/// How much is shown of each test that failed further up.
const FAILURE_LINES: usize = 16;

impl Log {
    /// Runs a job to success, its output into the log.
    pub(crate) fn job(&mut self, job: Job) -> Result<()> {
        if self.verbose {
            return job.run();
        }
        let path = self.path.clone();
        job.run_logged(&path, |elapsed| self.beat(elapsed))
    }

    /// Runs a job that prints one JSON object; gives it with the exit status.
    pub(crate) fn json(&mut self, job: Job) -> Result<(ExitStatus, serde_json::Value)> {
        let path = self.path.clone();
        let (status, text) = job.output_logged(&path, |elapsed| self.beat(elapsed))?;
        let value = serde_json::from_str(text.trim()).map_err(|error| {
            Error::new(format!("{status}; not one JSON object on standard output: {error}"))
        })?;
        Ok((status, value))
    }

    /// A sign of life: on a terminal one line that is rewritten, elsewhere one line now and then.
    fn beat(&mut self, elapsed: Duration) {
        let terminal = std::io::stderr().is_terminal();
        let every = if terminal { Duration::from_millis(500) } else { HEARTBEAT };
        if self.shown.elapsed() < every {
            return;
        }
        self.shown = Instant::now();
        let line: String = last_line(&self.path).chars().take(80).collect();
        let (start, end) = if terminal { (CLEAR_LINE, "") } else { ("", "\n") };
        eprint!("{start}      {:>4} s  {line}{end}", elapsed.as_secs());
    }

    /// All that was logged (empty with --verbose).
    pub(crate) fn text(&self) -> String {
        whole(&self.path)
    }
}

/// Runs the steps and prints the outcome; the last line is `N passed, M failed`.
pub(crate) fn run(steps: &[&Step], verbose: bool) -> Result<ExitCode> {
    let logs = target_dir().join("xtask/logs");
    let _ = std::fs::remove_dir_all(&logs);
    std::fs::create_dir_all(&logs)?;
    let width = steps.iter().map(|s| s.name.len()).max().unwrap_or(0);
    let start = Instant::now();
    let mut rows = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        eprintln!("[{:>2}/{}] {:<width$}  {}", index + 1, steps.len(), step.name, step.what);
        let path = logs.join(format!("{:02}-{}.log", index + 1, step.name));
        let mut log = Log { path: path.clone(), verbose, shown: Instant::now() };
        let began = Instant::now();
        let outcome = (step.run)(&mut log);
        if std::io::stderr().is_terminal() {
            eprint!("{CLEAR_LINE}");
        }
        let row = Row::new(step.name, outcome, began.elapsed());
        if let State::Failed = row.state {
            eprintln!("{}{}", failures(&path), tail(&path));
            eprintln!("      failed: {}\n      whole log: {}", row.note, path.display());
        } else {
            eprintln!("      {} in {:.1} s  {}", row.state.word(), row.took.as_secs_f64(), row.note);
        }
        rows.push(row);
    }
    let count = |state| rows.iter().filter(|row| row.state == state).count();
    println!("\n{:<width$}  {:<8} {:>7}  ", "step", "outcome", "seconds");
    for row in &rows {
        let note = row.note.lines().next().unwrap_or_default();
        println!("{:<width$}  {:<8} {:>7.1}  {note}", row.name, row.state.word(), row.took.as_secs_f64());
    }
    println!("\n{:.0} s in all; logs in {}", start.elapsed().as_secs_f64(), logs.display());
    if count(State::Left) > 0 {
        println!("{} optional steps could not run here (see the table)", count(State::Left));
    }
    let failed = count(State::Failed);
    println!("{} passed, {failed} failed", count(State::Passed));
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Passed,
    Failed,
    Left,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            State::Passed => "passed",
            State::Failed => "FAILED",
            State::Left => "left out",
        }
    }
}

struct Row {
    name: &'static str,
    state: State,
    took: Duration,
    note: String,
}

impl Row {
    fn new(name: &'static str, outcome: Result<Done>, took: Duration) -> Row {
        let (state, note) = match outcome {
            Ok(Done::Passed(note)) => (State::Passed, note),
            Ok(Done::Left(why)) => (State::Left, why),
            Err(error) => (State::Failed, error.to_string()),
        };
        Row { name, state, took, note }
    }
}

/// The tests that a log says failed, each with the lines that say why: they may be far above its end.
fn failures(path: &Path) -> String {
    let text = whole(path);
    let lines: Vec<_> = text.lines().collect();
    let above = lines.get(..lines.len().saturating_sub(TAIL_LINES)).unwrap_or_default();
    let mut shown = 0;
    let mut out = String::new();
    for (index, line) in above.iter().enumerate() {
        let test = line.trim_start();
        let failed = test.starts_with("not ok ") || (test.starts_with("test ") && test.ends_with("FAILED"));
        if !failed || index < shown {
            continue;
        }
        shown = (index + FAILURE_LINES).min(above.len());
        for line in above.get(index..shown).unwrap_or_default() {
            out += &format!("      | {line}\n");
        }
        out += "      | [...]\n";
    }
    out
}

fn whole(path: &Path) -> String {
    std::fs::read(path).map(|b| String::from_utf8_lossy(&b).into_owned()).unwrap_or_default()
}

fn tail(path: &Path) -> String {
    let text = whole(path);
    let lines: Vec<_> = text.lines().collect();
    lines
        .iter()
        .skip(lines.len().saturating_sub(TAIL_LINES))
        .map(|line| format!("      | {line}\n"))
        .collect()
}

/// The last line of a file that is still being written; only its end is read.
fn last_line(path: &Path) -> String {
    const END: u64 = 2000;
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = std::fs::File::open(path)?;
        let len = file.metadata()?.len();
        file.seek(SeekFrom::Start(len.saturating_sub(END)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let text = read().map(|b| String::from_utf8_lossy(&b).into_owned()).unwrap_or_default();
    text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default().trim().to_owned()
}

/// Sums the `test result: ok. N passed` lines of `cargo test`; none at all is an error.
pub(crate) fn cargo_tests(log: &str) -> Result<Done> {
    let passed = log.lines().filter_map(|line| line.strip_prefix("test result: ok. ")?.split(' ').next());
    let total: u32 = passed.filter_map(|figure| figure.parse::<u32>().ok()).sum();
    match total {
        0 => Err(Error::new("not one test ran")),
        total => Ok(Done::Passed(format!("{total} tests"))),
    }
}

/// Sums the `pass N` lines of Node's test runner; none at all is an error.
pub(crate) fn node_tests(log: &str) -> Result<Done> {
    let figure = |line: &str| {
        let rest = line.trim_start_matches(['#', '\u{2139}', ' ']).strip_prefix("pass ")?;
        rest.trim().parse::<u32>().ok()
    };
    match log.lines().filter_map(figure).sum() {
        0 => Err(Error::new("not one test ran")),
        total => Ok(Done::Passed(format!("{total} tests"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_results_are_summed_and_none_is_a_failure() {
        let log = "test result: ok. 3 passed; 0 failed\nnoise\ntest result: ok. 4 passed; 0 failed";
        assert!(matches!(cargo_tests(log), Ok(Done::Passed(note)) if note == "7 tests"));
        assert!(cargo_tests("test result: ok. 0 passed; 0 failed").is_err());
        assert!(cargo_tests("").is_err());
    }

    #[test]
    fn a_failure_far_above_the_end_is_shown() {
        let path = std::env::temp_dir().join(format!("frameseal-report-{}.log", std::process::id()));
        let mut log = String::from("ok 1 - fine\n    not ok 2 - the one\n      error: 'why'\n");
        log += &"noise\n".repeat(200);
        std::fs::write(&path, log).unwrap();
        let shown = failures(&path);
        std::fs::remove_file(&path).unwrap();
        assert!(shown.contains("not ok 2 - the one\n") && shown.contains("error: 'why'"), "{shown}");
        assert!(!shown.contains("fine") && shown.lines().count() < 20, "{shown}");
    }

    #[test]
    fn both_reporters_of_node_are_read() {
        let log = "\u{2139} tests 5\n\u{2139} pass 5\n# pass 2\npass the salt";
        assert!(matches!(node_tests(log), Ok(Done::Passed(note)) if note == "7 tests"));
        assert!(node_tests("# pass 0").is_err());
    }
}
