//! What is here, what is missing, and the exact command that brings it.

use crate::apt;
use crate::run::{Error, Job, Result, find};
use crate::{native_call, wasm};
use std::process::ExitCode;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Bring what is missing (Debian packages need root or a sudo that asks nothing)
    #[arg(long)]
    fix: bool,
}

/// Who needs a tool.
#[derive(Clone, Copy, PartialEq, Eq)]
enum For {
    Demo,
    Test,
    Optional,
}

enum Mend {
    Apt(&'static [&'static str]),
    Run(&'static [&'static str]),
    Wasm,
    Hand(&'static str),
}

pub(crate) struct Tool {
    name: &'static str,
    what: &'static str,
    needed: For,
    probe: fn() -> Option<String>,
    mend: Mend,
}

/// Environment variable that names a browser's program, and the names tried without it.
type Browser = (&'static str, &'static [&'static str]);
const CHROMIUM: Browser = ("CHROMIUM", &["chromium", "chromium-browser", "google-chrome"]);
const FIREFOX: Browser = ("FIREFOX", &["firefox-esr", "firefox"]);
const NODE: u32 = 20;
/// Debian has `ensurepip`, without which there is no environment, in a package of its own.
const PYTHON: &str =
    "import ensurepip, sys, venv; assert sys.version_info >= (3, 9); print('Python', sys.version.split()[0])";

static TOOLS: &[Tool] = &[
    Tool {
        name: "rustc",
        what: "compiles everything",
        needed: For::Demo,
        probe: || at_least("rustc", env!("CARGO_PKG_RUST_VERSION")),
        mend: Mend::Run(&["rustup", "update", "stable"]),
    },
    Tool {
        name: "wasm32",
        what: "the browser's media module",
        needed: For::Demo,
        probe: || {
            wasm::present().map(|route| match route {
                wasm::Route::Toolchain => format!("target {} of the toolchain", wasm::TARGET),
                wasm::Route::Debian => "Debian's rustc, standard library from source".to_owned(),
            })
        },
        mend: Mend::Wasm,
    },
    Tool {
        name: "cc",
        what: "C compiler: ring, aws-lc-rs, the C example",
        needed: For::Demo,
        probe: || first_line("cc", &["--version"]),
        mend: Mend::Apt(&["build-essential"]),
    },
    Tool {
        name: "node",
        what: "builds and tests the SDK; 20 or later",
        needed: For::Demo,
        probe: || at_least("node", &format!("{NODE}.0")),
        mend: Mend::Hand("install Node.js 20 or later from https://nodejs.org/en/download"),
    },
    Tool {
        name: "npm",
        what: "the SDK's build tools",
        needed: For::Demo,
        probe: || first_line("npm", &["--version"]),
        mend: Mend::Hand("install npm; it comes with Node.js from https://nodejs.org/en/download"),
    },
    Tool {
        name: "chromium",
        what: "browser tests and the headless demo",
        needed: For::Test,
        probe: || browser(CHROMIUM),
        mend: Mend::Apt(&["chromium"]),
    },
    Tool {
        name: "firefox",
        what: "browser tests",
        needed: For::Test,
        probe: || browser(FIREFOX),
        mend: Mend::Apt(&["firefox-esr"]),
    },
    Tool {
        name: "go",
        what: "builds the LiveKit server for `cargo xtask interop livekit`",
        needed: For::Optional,
        probe: || first_line("go", &["version"]),
        mend: Mend::Apt(&["golang-go"]),
    },
    Tool {
        name: "ffmpeg",
        what: "encodes the real streams the codec tests read",
        needed: For::Test,
        probe: || first_line("ffmpeg", &["-version"]),
        mend: Mend::Apt(&["ffmpeg"]),
    },
    Tool {
        name: "redis",
        what: "redis-server: the ordered log on Redis is tested against it",
        needed: For::Optional,
        probe: || first_line("redis-server", &["--version"]),
        mend: Mend::Apt(&["redis-server"]),
    },
    Tool {
        name: "nats",
        what: "nats-server: the ordered log on NATS JetStream is tested against it",
        needed: For::Optional,
        probe: || first_line("nats-server", &["--version"]),
        mend: Mend::Apt(&["nats-server"]),
    },
    Tool {
        name: "gstreamer",
        what: "GStreamer's development files and plugins: the elements framesealenc and framesealdec",
        needed: For::Optional,
        probe: || first_line("pkg-config", &["--modversion", "gstreamer-rtp-1.0"]),
        mend: Mend::Apt(&[
            "libgstreamer1.0-dev",
            "libgstreamer-plugins-base1.0-dev",
            "gstreamer1.0-plugins-base",
            "gstreamer1.0-plugins-good",
            "gstreamer1.0-plugins-bad",
        ]),
    },
    Tool {
        name: "webrtcbin",
        what: "GStreamer's WebRTC and libsoup, for C and Python: native members of the demo's call",
        needed: For::Optional,
        probe: native_call::probe,
        mend: Mend::Apt(&[
            "libgstreamer-plugins-bad1.0-dev",
            "gstreamer1.0-nice",
            "gstreamer1.0-tools",
            "openssl",
            "libjson-glib-dev",
            "libsoup-3.0-dev",
            "python3-gi",
            "python3-venv",
            "gir1.2-gst-plugins-bad-1.0",
            "gir1.2-soup-3.0",
        ]),
    },
    Tool {
        name: "rustfmt",
        what: "format check",
        needed: For::Test,
        probe: || first_line("cargo", &["fmt", "--version"]),
        mend: Mend::Run(&["rustup", "component", "add", "rustfmt"]),
    },
    Tool {
        name: "clippy",
        what: "lints",
        needed: For::Test,
        probe: || first_line("cargo", &["clippy", "--version"]),
        mend: Mend::Run(&["rustup", "component", "add", "clippy"]),
    },
    Tool {
        name: "cargo-fuzz",
        what: "fuzz targets",
        needed: For::Optional,
        probe: || first_line("cargo", &["fuzz", "--version"]),
        mend: Mend::Run(&["cargo", "install", "--locked", "cargo-fuzz"]),
    },
    Tool {
        name: "miri",
        what: "the C interface in an interpreter that sees undefined behaviour",
        needed: For::Optional,
        probe: || first_line("rustup", &["run", "nightly", "cargo", "miri", "--version"]),
        mend: Mend::Run(&[
            "rustup",
            "toolchain",
            "install",
            "nightly",
            "--profile",
            "minimal",
            "--component",
            "miri",
            "--component",
            "rust-src",
        ]),
    },
    Tool {
        name: "c++",
        what: "C++ compiler: the C interface from C++, the fuzzing engine",
        needed: For::Test,
        probe: || first_line("c++", &["--version"]),
        mend: Mend::Apt(&["build-essential"]),
    },
    Tool {
        name: "clang",
        what: "the C samples by a second compiler",
        needed: For::Optional,
        probe: || first_line("clang", &["--version"]),
        mend: Mend::Apt(&["clang"]),
    },
    Tool {
        name: "pkg-config",
        what: "the C samples against the installed library",
        needed: For::Optional,
        probe: || first_line("pkg-config", &["--version"]),
        mend: Mend::Apt(&["pkg-config"]),
    },
    Tool {
        name: "cmake",
        what: "the C samples by the CMake package",
        needed: For::Optional,
        probe: || first_line("cmake", &["--version"]),
        mend: Mend::Apt(&["cmake", "make"]),
    },
    Tool {
        name: "meson",
        what: "the C samples by Meson",
        needed: For::Optional,
        probe: || first_line("ninja", &["--version"]).and_then(|_| first_line("meson", &["--version"])),
        mend: Mend::Apt(&["meson", "ninja-build"]),
    },
    Tool {
        name: "valgrind",
        what: "the C programs under valgrind",
        needed: For::Optional,
        probe: || first_line("valgrind", &["--version"]),
        mend: Mend::Apt(&["valgrind"]),
    },
    Tool {
        name: "python",
        what: "Python 3.9 or later with venv: the Python wheel",
        needed: For::Optional,
        probe: || first_line("python3", &["-c", PYTHON]),
        mend: Mend::Apt(&["python3-venv"]),
    },
    Tool {
        name: "java",
        what: "Java 11 or later: the Kotlin package",
        needed: For::Optional,
        probe: || first_line("javac", &["--version"]),
        mend: Mend::Apt(&["default-jdk-headless"]),
    },
    Tool {
        name: "maven",
        what: "Maven: the Kotlin package",
        needed: For::Optional,
        probe: || first_line("mvn", &["--version"]),
        mend: Mend::Apt(&["maven"]),
    },
    Tool {
        name: "cargo-deny",
        what: "licences and advisories of dependencies",
        needed: For::Optional,
        probe: || first_line("cargo", &["deny", "--version"]),
        mend: Mend::Run(&["cargo", "install", "--locked", "cargo-deny"]),
    },
];

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let mut missing = Vec::new();
    for tool in TOOLS {
        match (tool.probe)() {
            Some(version) => println!("  here     {:<11} {version}", tool.name),
            None => {
                let grade = if tool.needed == For::Optional { "optional" } else { "MISSING " };
                println!("  {grade} {:<11} {}", tool.name, tool.what);
                println!("           {:<11} {}", "", tool.command());
                missing.push(tool);
            }
        }
    }
    if args.fix {
        fix(missing.iter().copied().filter(|tool| tool.needed != For::Optional))?;
        missing.retain(|tool| (tool.probe)().is_none());
    }
    let needed = |who| missing.iter().filter(|t| t.needed == who).map(|t| t.name).collect::<Vec<_>>();
    let (demo, test) = (needed(For::Demo), needed(For::Test));
    println!();
    println!("cargo xtask demo: {}", verdict(&demo));
    println!("cargo xtask test: {}", verdict(&[demo.clone(), test.clone()].concat()));
    Ok(if demo.is_empty() && test.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Brings tools; Debian packages in one go.
fn fix<'a>(tools: impl Iterator<Item = &'a Tool>) -> Result<()> {
    let (packaged, others): (Vec<_>, Vec<_>) = tools.partition(|tool| matches!(tool.mend, Mend::Apt(_)));
    let packages: Vec<_> = packaged.iter().filter_map(|tool| tool.packages()).flatten().copied().collect();
    if !packages.is_empty() {
        apt::install(&packages)?;
    }
    others.into_iter().try_for_each(Tool::fix)
}

fn verdict(missing: &[&str]) -> String {
    match missing {
        [] => "ready".to_owned(),
        names => format!("needs {} (cargo xtask doctor --fix)", names.join(", ")),
    }
}

impl Tool {
    fn command(&self) -> String {
        match self.mend {
            Mend::Apt(packages) => apt::command(packages),
            Mend::Run(words) => words.join(" "),
            Mend::Wasm => {
                format!("rustup target add {}    or: {}", wasm::TARGET, apt::command(wasm::DEBIAN_PACKAGES))
            }
            Mend::Hand(text) => text.to_owned(),
        }
    }

    fn packages(&self) -> Option<&'static [&'static str]> {
        match self.mend {
            Mend::Apt(packages) => Some(packages),
            _ => None,
        }
    }

    /// A browser that the environment names and that does not run: installing another one would not help.
    fn misnamed(&self) -> Result<()> {
        let variable = match self.name {
            "chromium" => CHROMIUM.0,
            "firefox" => FIREFOX.0,
            _ => return Ok(()),
        };
        match std::env::var(variable) {
            Ok(path) if !path.is_empty() => {
                Err(Error::new(format!("{variable} is set to {path}, which does not run"))
                    .mend(format!("unset {variable}    (or set it to the browser's program)")))
            }
            _ => Ok(()),
        }
    }

    fn fix(&self) -> Result<()> {
        eprintln!("bringing {}", self.name);
        match self.mend {
            Mend::Apt(packages) => apt::install(packages),
            Mend::Run([program, rest @ ..]) => Job::new(program).args(rest).run(),
            Mend::Wasm => wasm::bring().map(drop),
            Mend::Run([]) | Mend::Hand(_) => {
                Err(Error::new(format!("{} must be installed by hand", self.name)).mend(self.command()))
            }
        }
    }
}

/// Makes sure that the named tools are here; brings those that are not.
pub(crate) fn need(names: &[&str]) -> Result<()> {
    for tool in TOOLS.iter().filter(|tool| names.contains(&tool.name)) {
        if (tool.probe)().is_none() {
            tool.misnamed()?;
            let doing = format!("{} is missing ({})", tool.name, tool.what);
            tool.fix().map_err(|error| error.during(&doing).mend(tool.command()))?;
            if (tool.probe)().is_none() {
                return Err(
                    Error::new(format!("{} was installed but does not run", tool.name)).mend(tool.command())
                );
            }
        }
    }
    Ok(())
}

/// Whether a tool is here.
pub(crate) fn has(name: &str) -> bool {
    TOOLS.iter().any(|tool| tool.name == name && (tool.probe)().is_some())
}

fn browser((variable, names): Browser) -> Option<String> {
    let given = std::env::var(variable).ok().filter(|path| !path.is_empty());
    let version = |name: &str| find(name).and_then(|_| first_line(name, &["--version"]));
    match given {
        Some(path) => version(&path),
        None => names.iter().find_map(|name| version(name)),
    }
}

fn first_line(program: &str, args: &[&str]) -> Option<String> {
    let text = Job::new(program).args(args).output().ok()?;
    text.lines().next().map(|line| line.trim().to_owned())
}

/// The version line of a tool that is recent enough.
fn at_least(program: &str, minimum: &str) -> Option<String> {
    let line = first_line(program, &["--version"])?;
    (version(&line)? >= version(minimum)?).then_some(line)
}

/// The first `major.minor` in a text.
fn version(text: &str) -> Option<(u32, u32)> {
    text.split(|c: char| !c.is_ascii_digit() && c != '.').find_map(|word| {
        let mut numbers = word.split('.').map(str::parse);
        Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_tools_print() {
        assert_eq!(version("rustc 1.95.0 (59807616e 2026-04-14)"), Some((1, 95)));
        assert_eq!(version("v20.20.2"), Some((20, 20)));
        assert_eq!(version("1.91"), Some((1, 91)));
        assert_eq!(version("no figures"), None);
        assert!(version("v9.11.0") < version("20.0"));
    }

    #[test]
    fn every_tool_says_how_it_is_brought() {
        assert!(TOOLS.iter().all(|tool| !tool.command().is_empty()));
    }
}
