//! `cargo xtask install`: the C library where native programs look for it: shared library with a soname, static
//! library, header, pkg-config file, CMake package.

use crate::doctor;
use crate::run::{Error, Job, Result, root, target_dir};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where to: DIR/lib, DIR/include
    #[arg(long, value_name = "DIR", default_value = "/usr/local")]
    prefix: PathBuf,
    /// Put before the prefix, for packagers
    #[arg(long, value_name = "DIR")]
    destdir: Option<PathBuf>,
    /// Without key agreement: seals and opens with keys from elsewhere
    #[arg(long)]
    media_only: bool,
}

/// Which of the two libraries.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Full,
    MediaOnly,
}

impl Kind {
    const fn features(self) -> &'static [&'static str] {
        match self {
            Self::Full => &[],
            Self::MediaOnly => &["--no-default-features", "--features=ring"],
        }
    }

    /// How our packages are optimised where Cargo.toml's profile does not say: for speed, and the smaller library for
    /// size. As arguments for a build by `profile`.
    pub(crate) fn levels(self, profile: &str) -> Vec<String> {
        let levels: &[_] = match self {
            Self::Full => &[("e2ee-ffi", "2")],
            Self::MediaOnly => &[("e2ee-ffi", "\"s\""), ("e2ee-core", "2"), ("e2ee-cipher", "2")],
        };
        let config =
            |(package, level)| format!("--config=profile.{profile}.package.{package}.opt-level={level}");
        levels.iter().copied().map(config).collect()
    }

    const fn folder(self) -> &'static str {
        match self {
            Self::Full => "native-full",
            Self::MediaOnly => "native-media",
        }
    }
}

/// Version of the whole, and the number of the ABI, which is the soname's.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");
const ABI: u32 = 1;

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let prefix = match &args.destdir {
        Some(destdir) => destdir.join(args.prefix.strip_prefix("/").unwrap_or(&args.prefix)),
        None => root().join(&args.prefix),
    };
    let kind = if args.media_only { Kind::MediaOnly } else { Kind::Full };
    install(&prefix, &build(kind, |job| job.run())?)?;
    println!("installed in {}", prefix.display());
    Ok(ExitCode::SUCCESS)
}

/// What was built.
pub(crate) struct Built {
    pub(crate) shared: PathBuf,
    pub(crate) fixed: PathBuf,
    /// What the static library wants besides.
    private: String,
}

/// Builds both libraries, stripped. `run` runs the job.
pub(crate) fn build(kind: Kind, run: impl FnOnce(Job) -> Result<()>) -> Result<Built> {
    doctor::need(&["rustc", "cc"])?;
    if !cfg!(target_os = "linux") {
        return Err(Error::new(
            "this installs on Linux; elsewhere take `cargo cinstall -p e2ee-ffi` (cargo-c)",
        ));
    }
    // A folder for each, or the libraries of one would take the place of the other's.
    let target = target_dir().join(kind.folder());
    let mut job = Job::cargo().args(["rustc", "--locked", "--package", "e2ee-ffi", "--lib"]);
    job = job
        .args(["--profile", "native", "--crate-type", "cdylib,staticlib"])
        .args(kind.features())
        .args(kind.levels("native"));
    job = job.arg("--target-dir").arg(&target).args(["--", "--print", "native-static-libs"]);
    run(job.arg("-C").arg(format!("link-arg=-Wl,-soname,{}", soname())))?;
    let built = target.join("native");
    // Names that nobody links by; rustc leaves them.
    let shared = built.join("libframeseal-stripped.so");
    Job::new("strip")
        .args(["--strip-unneeded", "-o"])
        .arg(&shared)
        .arg(built.join("libframeseal.so"))
        .run()?;
    Ok(Built {
        shared,
        fixed: built.join("libframeseal.a"),
        // What rustc prints for native-static-libs on Linux.
        private: "-lgcc_s -lutil -lrt -lpthread -lm -ldl -lc".to_owned(),
    })
}

pub(crate) fn soname() -> String {
    format!("libframeseal.so.{ABI}")
}

/// Puts everything where it belongs.
pub(crate) fn install(prefix: &Path, built: &Built) -> Result<()> {
    check_abi()?;
    let (lib, include) = (prefix.join("lib"), prefix.join("include"));
    let (pkgconfig, cmake) = (lib.join("pkgconfig"), lib.join("cmake/frameseal"));
    for dir in [&lib, &include, &pkgconfig, &cmake] {
        fs::create_dir_all(dir).map_err(|error| Error::from(error).during(&dir.display().to_string()))?;
    }
    let real = format!("{}.{VERSION}", soname());
    fs::copy(&built.shared, lib.join(&real))?;
    link(&lib, &real, &soname())?;
    link(&lib, &soname(), "libframeseal.so")?;
    fs::copy(&built.fixed, lib.join("libframeseal.a"))?;
    let ffi = root().join("crates/e2ee-ffi");
    fs::copy(ffi.join("include/frameseal.h"), include.join("frameseal.h"))?;
    // For C++: adapters.
    fs::create_dir_all(include.join("frameseal"))?;
    for header in ["frameseal/handles.h", "frameseal/webrtc.h"] {
        fs::copy(ffi.join("include").join(header), include.join(header))?;
    }
    let mut numbers = VERSION.split('.');
    let (major, minor) = (numbers.next().unwrap_or("0"), numbers.next().unwrap_or("0"));
    let soname = soname();
    let fill = |file: &str| -> Result<String> {
        let mut text = fs::read_to_string(ffi.join("packaging").join(file))?;
        let words = [
            ("@VERSION@", VERSION),
            ("@MAJOR@", major),
            ("@MINOR@", minor),
            ("@REAL@", &real),
            ("@SONAME@", &soname),
            ("@PRIVATE@", &built.private),
        ];
        words.iter().for_each(|(word, value)| text = text.replace(word, value));
        Ok(text)
    };
    fs::write(pkgconfig.join("frameseal.pc"), fill("frameseal.pc.in")?)?;
    fs::write(cmake.join("frameseal-config.cmake"), fill("frameseal-config.cmake.in")?)?;
    let version = fill("frameseal-config-version.cmake.in")?;
    fs::write(cmake.join("frameseal-config-version.cmake"), version)?;
    Ok(())
}

/// The functions that the header declares.
pub(crate) fn declared(header: &str) -> impl Iterator<Item = &str> {
    let lines = header.lines().filter(|line| !line.starts_with([' ', '/', '#', '*']) && line.contains('('));
    lines.filter_map(|line| line.split('(').next()?.rsplit([' ', '*']).next())
}

/// The soname says what the header says.
pub(crate) fn check_abi() -> Result<()> {
    let header = fs::read_to_string(root().join("crates/e2ee-ffi/include/frameseal.h"))?;
    match header.contains(&format!("#define FRAMESEAL_ABI_VERSION {ABI}\n")) {
        true => Ok(()),
        false => Err(Error::new("the soname is not the FRAMESEAL_ABI_VERSION of the header")),
    }
}

#[cfg(unix)]
fn link(dir: &Path, to: &str, name: &str) -> Result<()> {
    let at = dir.join(name);
    let _ = fs::remove_file(&at);
    Ok(std::os::unix::fs::symlink(to, at)?)
}

#[cfg(not(unix))]
fn link(dir: &Path, to: &str, name: &str) -> Result<()> {
    fs::copy(dir.join(to), dir.join(name))?;
    Ok(())
}

/// The target that this machine builds for.
pub(crate) fn host() -> Result<String> {
    let text = Job::new("rustc").arg("-vV").output()?;
    let line = text.lines().find_map(|line| line.strip_prefix("host: "));
    line.map(str::to_owned).ok_or_else(|| Error::new("rustc does not say its host"))
}

/// Where pkg-config finds the tree.
pub(crate) fn pkg_config_path(prefix: &Path) -> OsString {
    prefix.join("lib/pkgconfig").into()
}
