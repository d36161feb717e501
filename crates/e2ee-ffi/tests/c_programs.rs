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
    compiler
        .args(language.flags())
        .args(["-Wall", "-Wextra", "-Wpedantic", "-Wconversion"])
        .args(["-Werror", "-g"]);
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
    // Cargo's own would come first, with a library that another build left there.
    let output = Command::new(program).env_remove("LD_LIBRARY_PATH").output().unwrap();
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

fn of_this_folder(name: &str) {
    every_build(&source(name), |output| assert_eq!(output, "all as it should be\n"));
}

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/c").join(name)
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

#[cfg(feature = "session")]
#[test]
fn two_members_agree_on_keys_and_who_is_removed_opens_nothing() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/c/session.c");
    every_build(&source, |output| {
        assert_eq!(
            output,
            "ada and bob are in one group, and have one code of 35 characters\n\
             both see the same seven emoji\n\
             bob opens: a frame of Ada's camera\n\
             bob was removed: no key for this KID\n"
        );
    });
}

#[cfg(all(feature = "session", target_os = "linux"))]
#[test]
fn a_session_starts_no_thread() {
    every_build(&source("alone.c"), |output| {
        assert!(output.ends_with("\none thread, as it should be\n"), "{output}");
    });
}

#[cfg(feature = "session")]
#[test]
fn misuse_is_answered_and_writes_nothing() {
    of_this_folder("misuse.c");
}

#[test]
fn every_format_and_codec_comes_back_as_it_was() {
    // It stretches a secret, which takes seconds without optimisation.
    for (language, link) in [(Language::C99, Link::Static), (Language::Cpp11, Link::Shared)] {
        assert_eq!(run(&build(&source("formats.c"), language, link)), "all as it should be\n");
    }
}

#[test]
fn threads_share_a_ring() {
    of_this_folder("threads.c");
}

#[cfg(feature = "testing")]
#[test]
fn a_panic_is_a_status_for_c() {
    of_this_folder("panic.c");
}

/// The beginner's program stands in the README and is compiled as it is printed there.
#[test]
fn the_quickstart_of_the_readme_compiles_and_runs() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let readme = std::fs::read_to_string(readme).unwrap();
    let (_, rest) = readme.split_once("```c\n").expect("the README has a C block");
    let (program, _) = rest.split_once("```").unwrap();
    assert!(program.lines().count() <= 45, "a quickstart is short");
    let source = Path::new(env!("CARGO_TARGET_TMPDIR")).join("quickstart.c");
    std::fs::write(&source, program).unwrap();
    every_build(&source, |output| assert_eq!(output, "opened: hello\n"));
}
