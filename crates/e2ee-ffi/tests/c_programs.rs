//! C programs as their authors build them: compiled by the system's compiler, linked with the library, run.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// How the library is linked.
#[derive(Clone, Copy, Debug)]
enum Link {
    Static,
    Shared,
}

/// The language that the program is taken for.
#[derive(Clone, Copy, Debug)]
enum Language {
    C99,
    Cpp11,
}

impl Language {
    /// The compiler, from the environment or by its usual name.
    fn compiler(self) -> String {
        let (variable, usual) = match self {
            Self::C99 => ("CC", "cc"),
            Self::Cpp11 => ("CXX", "c++"),
        };
        let compiler = std::env::var(variable).unwrap_or_else(|_| usual.to_owned());
        let there =
            Command::new(&compiler).arg("--version").output().is_ok_and(|output| output.status.success());
        assert!(
            there,
            "no compiler: {compiler} does not run. Install one (Debian: apt-get install gcc g++) or name yours in ${variable}"
        );
        compiler
    }

    fn flags(self) -> [&'static str; 3] {
        match self {
            Self::C99 => ["-std=c99", "-x", "c"],
            Self::Cpp11 => ["-std=c++11", "-x", "c++"],
        }
    }
}

/// Where cargo put the libraries that this test was built with.
fn libraries() -> PathBuf {
    let deps = std::env::current_exe().unwrap().parent().unwrap().to_owned();
    assert!(deps.join("libframeseal.a").exists(), "no libframeseal.a in {}", deps.display());
    deps
}

fn build(source: &Path, language: Language, link: Link) -> PathBuf {
    let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    let name = format!("{}-{language:?}-{link:?}", source.file_stem().unwrap().to_str().unwrap());
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let libraries = libraries();
    let mut compiler = Command::new(language.compiler());
    compiler.args(language.flags()).args(["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-g"]);
    compiler.arg("-I").arg(crate_dir.join("include")).arg(source).args(["-x", "none"]);
    match link {
        Link::Static => compiler.arg(libraries.join("libframeseal.a")).args(["-lpthread", "-ldl", "-lm"]),
        Link::Shared => {
            let mut rpath = std::ffi::OsString::from("-Wl,-rpath,");
            rpath.push(&libraries);
            compiler.arg("-L").arg(&libraries).arg("-lframeseal").arg(rpath)
        }
    };
    let output = compiler.arg("-o").arg(&program).output().unwrap();
    succeeded(&output, "the compiler");
    program
}

fn run(program: &Path) -> String {
    let output = Command::new(program).output().unwrap();
    succeeded(&output, "the program");
    String::from_utf8(output.stdout).unwrap()
}

fn succeeded(output: &Output, what: &str) {
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{what} failed: {}\n{stdout}\n{stderr}", output.status);
}

fn every_build(source: &Path, check: impl Fn(&str)) {
    for language in [Language::C99, Language::Cpp11] {
        for link in [Link::Static, Link::Shared] {
            check(&run(&build(source, language, link)));
        }
    }
}

#[test]
fn the_example_seals_opens_and_refuses() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/c/seal.c");
    every_build(&source, |output| {
        assert_eq!(
            output,
            "sealed 13 bytes into 31\n\
             changed: 130 failed to authenticate\n         \
             audio frame of ada: KID 0x0 CTR 0 failed to authenticate\n\
             opened: an Opus frame\n\
             repeated: 120 this frame was opened before\n\
             as video: 130 failed to authenticate\n"
        );
    });
}

#[test]
fn misuse_is_answered_and_writes_nothing() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/c/misuse.c");
    every_build(&source, |output| assert_eq!(output, "all as it should be\n"));
}
