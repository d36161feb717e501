//! The native members of `cargo xtask demo --headless --native`: the publisher (Python) and the recorder (C) of
//! `examples/native`, built against an installed library and an installed wheel, as their users would.

use crate::native::{self, Kind};
use crate::run::{Error, Job, Result, root, target_dir};
use crate::{doctor, wheel};
use std::fs;
use std::path::{Path, PathBuf};

/// Where Debian's own interpreter is, which sees Debian's bindings of GLib. Others may come first in the path.
const SYSTEM_PYTHON: &str = "/usr/bin/python3";
const BINDINGS: &str = "import gi; gi.require_version('GstWebRTC', '1.0'); gi.require_version('Soup', '3.0'); \
                        from gi.repository import GstWebRTC, Soup; print('bindings of GStreamer and libsoup')";
const WARNINGS: [&str; 5] = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"];
const PACKAGES: [&str; 8] = [
    "frameseal",
    "gstreamer-1.0",
    "gstreamer-app-1.0",
    "gstreamer-sdp-1.0",
    "gstreamer-video-1.0",
    "gstreamer-webrtc-1.0",
    "json-glib-1.0",
    "libsoup-3.0",
];

/// Brings what the two are built with and run by.
pub(crate) fn tools() -> Result<()> {
    doctor::need(&["rustc", "cc", "python", "pkg-config", "gstreamer", "webrtcbin", "ffmpeg"])
}

/// Builds all that the two need into one folder: `record`, `python`, `plugins`.
pub(crate) fn build(run: &mut dyn FnMut(Job) -> Result<()>) -> Result<PathBuf> {
    tools()?;
    let work = folder();
    fs::create_dir_all(&work)?;
    let prefix = work.join("prefix");
    native::install(&prefix, &native::build(Kind::Full, &mut *run)?)?;
    recorder(&work, &prefix, run)?;
    publisher(&work, run)?;
    plugins(&work, run)?;
    Ok(work)
}

/// Where [`build`] leaves it.
pub(crate) fn folder() -> PathBuf {
    target_dir().join("native-call")
}

/// What the probe of `doctor` asks: GStreamer's WebRTC with its ICE, libsoup, and their bindings for Python.
pub(crate) fn probe() -> Option<String> {
    let developed = ["--exists", "gstreamer-webrtc-1.0", "gstreamer-sdp-1.0", "json-glib-1.0", "libsoup-3.0"];
    Job::new("pkg-config").args(developed).output().ok()?;
    Job::new("gst-inspect-1.0").arg("nicesink").output().ok()?;
    let python = python()?;
    Job::new(python).args(["-c", BINDINGS]).output().ok().map(|line| line.trim().to_owned())
}

/// The recorder, as C99, against the installed library.
fn recorder(work: &Path, prefix: &Path, run: &mut dyn FnMut(Job) -> Result<()>) -> Result<()> {
    let flags = |what: &str| -> Result<Vec<String>> {
        let job = Job::new("pkg-config").arg(what).args(PACKAGES);
        let text = job.env("PKG_CONFIG_PATH", native::pkg_config_path(prefix)).output()?;
        Ok(text.split_whitespace().map(str::to_owned).collect())
    };
    // Warnings are ours to mend in our own files alone.
    let headers = flags("--cflags")?.into_iter().map(|flag| match flag.strip_prefix("-I") {
        Some(folder) => format!("-isystem{folder}"),
        None => flag,
    });
    let from = root().join("examples/native");
    let job = Job::new("cc").args(["-std=c99", "-O2", "-g"]).args(WARNINGS).args(headers);
    let job = job.arg("-o").arg(work.join("record"));
    let job = job
        .args(["record.c", "room.c", "file.c", "sdp.c", "stream.c"].map(|name| from.join(name)))
        .args(flags("--libs")?);
    run(job.arg(format!("-Wl,-rpath,{}", prefix.join("lib").display())))
}

/// An environment with the wheel, that sees Debian's bindings.
fn publisher(work: &Path, run: &mut dyn FnMut(Job) -> Result<()>) -> Result<()> {
    let wheel = wheel::build(work, run)?;
    let at = work.join("python");
    let _ = fs::remove_dir_all(&at);
    let system = python().ok_or_else(|| Error::new("there is no Python with GStreamer's bindings"))?;
    run(Job::new(system).args(["-m", "venv", "--system-site-packages"]).arg(&at))?;
    let install =
        ["-m", "pip", "install", "--quiet", "--ignore-installed", "--constraint", wheel::REQUIREMENTS];
    run(wheel::quiet(Job::new(at.join("bin/python")).args(install).arg(wheel)))
}

/// Payloader and depayloader for what is sealed.
fn plugins(work: &Path, run: &mut dyn FnMut(Job) -> Result<()>) -> Result<()> {
    let job = Job::cargo().args(["build", "--locked", "--manifest-path", "gstreamer/Cargo.toml"]);
    run(job.arg("--target-dir").arg(target_dir()))?;
    let plugins = work.join("plugins");
    fs::create_dir_all(&plugins)?;
    let name = "libgstframeseal.so";
    fs::copy(target_dir().join("debug").join(name), plugins.join(name))?;
    Ok(())
}

fn python() -> Option<&'static str> {
    [SYSTEM_PYTHON, "python3"]
        .into_iter()
        .find(|python| Job::new(python).args(["-c", BINDINGS]).output().is_ok())
}
