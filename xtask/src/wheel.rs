//! `cargo xtask wheel`: the Python package with the C library inside; and the step `python`, which meets it as its
//! users do.

use crate::dist;
use crate::doctor;
use crate::native::{self, Kind, VERSION};
use crate::report::{Done, Log};
use crate::run::{Error, Job, Result, root, target_dir};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What a manylinux wheel may take from the system (PEP 600), of what a library in Rust could want.
const SYSTEM: [&str; 8] = [
    "ld-linux-aarch64.so.1",
    "ld-linux-x86-64.so.2",
    "libc.so.6",
    "libdl.so.2",
    "libgcc_s.so.1",
    "libm.so.6",
    "libpthread.so.0",
    "librt.so.1",
];
/// The first second that a ZIP archive can name: the same bytes from the same tree.
const EPOCH: &str = "315532800";
pub(crate) const REQUIREMENTS: &str = "python/requirements.txt";

pub(crate) fn run() -> Result<ExitCode> {
    doctor::need(&["python"])?;
    let dist = target_dir().join("dist");
    fs::create_dir_all(&dist)?;
    let wheel = build(&dist, &mut Job::run)?;
    print!("{}", dist::sums(&dist)?);
    println!("{}", wheel.display());
    Ok(ExitCode::SUCCESS)
}

type Run<'a> = &'a mut dyn FnMut(Job) -> Result<()>;

/// Builds the wheel into a folder.
pub(crate) fn build(into: &Path, run: Run) -> Result<PathBuf> {
    let built = native::build(Kind::Full, &mut *run)?;
    native::check_abi()?;
    let stage = stage(&built.shared)?;
    let platform = platform(&built.shared)?;
    let name = format!("frameseal-{VERSION}-py3-none-{platform}.whl");
    let _ = fs::remove_file(into.join(&name));
    let job =
        Job::new(tools(run)?).args(["-m", "pip", "wheel", "--quiet", "--no-build-isolation", "--no-deps"]);
    let job = job.env("FRAMESEAL_PLATFORM", &platform).env("SOURCE_DATE_EPOCH", EPOCH);
    run(quiet(job).arg("--wheel-dir").arg(into).arg(&stage))?;
    let wheel = into.join(name);
    match wheel.exists() {
        true => Ok(wheel),
        false => Err(Error::new(format!("pip did not make {}", wheel.display()))),
    }
}

/// The tree that setup.py reads.
fn stage(library: &Path) -> Result<PathBuf> {
    let (from, stage) = (root().join("python"), target_dir().join("wheel/stage"));
    let package = stage.join("src/frameseal");
    let _ = fs::remove_dir_all(&stage);
    fs::create_dir_all(&package)?;
    let copy = |from: PathBuf, to: &Path| -> Result<()> {
        let name = from.file_name().unwrap_or_default();
        fs::copy(&from, to.join(name)).map_err(|e| Error::from(e).during(&from.display().to_string()))?;
        Ok(())
    };
    for file in ["pyproject.toml", "setup.py", "README.md"] {
        copy(from.join(file), &stage)?;
    }
    for file in ["LICENSE-MIT", "LICENSE-APACHE", "crates/e2ee-ffi/include/frameseal.h"] {
        copy(root().join(file), &stage)?;
    }
    for entry in fs::read_dir(from.join("src/frameseal"))?.flatten() {
        if entry.path().is_file() {
            copy(entry.path(), &package)?;
        }
    }
    fs::write(stage.join("VERSION"), VERSION)?;
    fs::copy(library, package.join(native::soname()))?;
    dist::describe("e2ee-ffi", &stage.join("licences"), &package.join("frameseal.cdx.json"))?;
    Ok(stage)
}

/// A Python of its own with what builds and checks the wheel.
fn tools(run: Run) -> Result<PathBuf> {
    let venv = target_dir().join("wheel/tools");
    let (python, stamp) = (venv.join("bin/python"), venv.join("requirements.txt"));
    let wanted = fs::read_to_string(root().join(REQUIREMENTS))?;
    if fs::read_to_string(&stamp).is_ok_and(|there| there == wanted) {
        return Ok(python);
    }
    new_venv(&venv, run)?;
    let job = Job::new(&python).args(["-m", "pip", "install", "--quiet", "--requirement", REQUIREMENTS]);
    run(quiet(job)).map_err(|error| error.during("from PyPI"))?;
    fs::write(stamp, wanted)?;
    Ok(python)
}

fn new_venv(at: &Path, run: Run) -> Result<()> {
    let _ = fs::remove_dir_all(at);
    run(Job::new("python3").args(["-m", "venv"]).arg(at))
}

pub(crate) fn quiet(job: Job) -> Job {
    job.env("PIP_DISABLE_PIP_VERSION_CHECK", "1")
}

/// The tag that is true of a library: the oldest glibc that has what it asks for, if it wants nothing but what every
/// such system has; else one that says no more than "Linux".
fn platform(library: &Path) -> Result<String> {
    let host = native::host()?;
    let processor = host.split('-').next().unwrap_or_default();
    let dynamic = Job::new("readelf").args(["-d", "-W"]).arg(library).output()?;
    let needed = dynamic.lines().filter(|line| line.contains("(NEEDED)"));
    let mut needed = needed.filter_map(|line| line.split(['[', ']']).nth(1));
    let versions = Job::new("readelf").args(["-V", "-W"]).arg(library).output()?;
    let newest = versions.split_whitespace().filter_map(glibc).max();
    Ok(match newest.filter(|_| needed.all(|name| SYSTEM.contains(&name))) {
        Some((major, minor)) => format!("manylinux_{major}_{minor}_{processor}"),
        None => format!("linux_{processor}"),
    })
}

/// The version in GLIBC_2.34, or in GLIBC_2.2.5.
fn glibc(word: &str) -> Option<(u32, u32)> {
    let mut numbers = word.strip_prefix("GLIBC_")?.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// The step `python`: the wheel in a fresh environment, its types, its tests.
pub(crate) fn test(log: &mut Log) -> Result<Done> {
    if let Err(error) = doctor::need(&["python"]) {
        return Ok(Done::Left(format!("optional; {error}").replace('\n', " ")));
    }
    let work = target_dir().join("python-test");
    let _ = fs::remove_dir_all(&work);
    fs::create_dir_all(&work)?;
    let mut run = |job: Job| log.job(job);
    let wheel = build(&work, &mut run)?;
    let venv = work.join("venv");
    new_venv(&venv, &mut run)?;
    let python = venv.join("bin/python");
    let job = Job::new(&python).args(["-m", "pip", "install", "--quiet", "--constraint", REQUIREMENTS]);
    run(quiet(job).arg(&wheel))?;
    let tools = tools(&mut run)?;
    for what in [["-p", "frameseal"].as_slice(), &["examples/python/seal.py"]] {
        let job = Job::new(&tools).args(["-B", "-m", "mypy", "--config-file", "python/pyproject.toml"]);
        let job = job.arg("--cache-dir").arg(work.join("mypy")).arg("--python-executable").arg(&python);
        run(job.args(what))?;
    }
    let discover = ["-I", "-B", "-W", "error", "-m", "unittest", "discover", "-s", "python/tests"];
    run(Job::new(&python).args(discover))?;
    let text = log.text();
    let ran = text.lines().rev().find_map(|line| line.strip_prefix("Ran ")?.split_once(" in "));
    let size = fs::metadata(&wheel)?.len();
    let name = wheel.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Done::Passed(format!("{}; {name}, {size} bytes", ran.map_or("", |(tests, _)| tests))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_glibc_is_found() {
        let words = "0x00b0: Name: GLIBC_2.2.5 Flags: none GLIBC_2.34 GLIBC_2.9 GLIBC_PRIVATE GCC_3.0";
        assert_eq!(words.split_whitespace().filter_map(glibc).max(), Some((2, 34)));
    }
}
