//! `cargo xtask kotlin`: the Kotlin package with the library inside; and the step `kotlin`, which tests it on the JVM.
//! Swift's bindings are generated beside, and nothing of them is compiled here.

use crate::dist;
use crate::doctor;
use crate::native::{self, VERSION};
use crate::report::{Done, Log};
use crate::run::{Error, Job, Result, root, target_dir};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Measure what a frame costs from the JVM
    #[arg(long)]
    bench: bool,
}

const LIBRARY: &str = "libframeseal_uniffi.so";
const TESTS: &str = "src/test/kotlin/io/github/frameseal";

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    doctor::need(&["java", "maven"])?;
    let stage = stage(&mut Job::run)?;
    if args.bench {
        maven(&stage, &["test-compile", "dependency:build-classpath", "-Dmdep.outputFile=classpath"])
            .run()?;
        let classes = [stage.join("target/classes"), stage.join("target/test-classes")];
        let classes = classes.map(|dir| dir.display().to_string()).join(":");
        let path = format!("{classes}:{}", fs::read_to_string(stage.join("classpath"))?.trim());
        own_library(Job::new("java")).args(["-cp", &path, "io.github.frameseal.Bench"]).run()?;
        return Ok(ExitCode::SUCCESS);
    }
    maven(&stage, &["package", "-DskipTests"]).run()?;
    let dist = target_dir().join("dist");
    fs::create_dir_all(&dist)?;
    let jar = format!("frameseal-{VERSION}.jar");
    fs::copy(stage.join("target").join(&jar), dist.join(&jar))?;
    print!("{}", dist::sums(&dist)?);
    println!("{}", dist.join(jar).display());
    Ok(ExitCode::SUCCESS)
}

type Run<'a> = &'a mut dyn FnMut(Job) -> Result<()>;

/// Builds the library and its bindings, and lays out the tree that Maven builds.
fn stage(run: Run) -> Result<PathBuf> {
    let stage = target_dir().join("kotlin/stage");
    let _ = fs::remove_dir_all(&stage);
    copy_all(&root().join("kotlin"), &stage)?;
    let pom = fs::read_to_string(stage.join("pom.xml"))?;
    fs::write(stage.join("pom.xml"), pom.replace("@VERSION@", VERSION))?;
    let library = library(run)?;
    symbols(&library)?;
    for (language, into) in [("kotlin", stage.join("generated")), ("swift", target_dir().join("swift"))] {
        let _ = fs::remove_dir_all(&into);
        let job = Job::cargo().args(["run", "--locked", "--package", "e2ee-bindgen", "--", "generate"]);
        run(job.args(["--no-format", "--language", language, "--out-dir"]).arg(&into).arg(&library))?;
    }
    for made in ["Frameseal.swift", "FramesealFFI.h", "FramesealFFI.modulemap"] {
        if !target_dir().join("swift").join(made).exists() {
            return Err(Error::new(format!("there is no {made} among the bindings for Swift")));
        }
    }
    // Where JNA looks in a jar.
    let inside = stage.join("src/main/resources").join(format!("linux-{}", processor()?));
    fs::create_dir_all(&inside)?;
    Job::new("strip").args(["--strip-unneeded", "-o"]).arg(inside.join(LIBRARY)).arg(&library).run()?;
    let about = stage.join("src/main/resources/META-INF");
    dist::describe("e2ee-uniffi", &about.join("licences"), &about.join("frameseal.cdx.json"))?;
    for file in ["LICENSE-MIT", "LICENSE-APACHE"] {
        fs::copy(root().join(file), about.join(file))?;
    }
    fs::write(stage.join(TESTS).join("Guide.kt"), guide()?)?;
    Ok(stage)
}

/// The library with both surfaces: UniFFI's, and the C functions.
fn library(run: Run) -> Result<PathBuf> {
    doctor::need(&["rustc", "cc"])?;
    if !cfg!(target_os = "linux") {
        return Err(Error::new("this builds on Linux"));
    }
    let target = target_dir().join("kotlin-library");
    let job =
        Job::cargo().args(["build", "--locked", "--package", "e2ee-uniffi", "--lib", "--profile", "demo"]);
    run(job.arg("--target-dir").arg(&target))?;
    Ok(target.join("demo").join(LIBRARY))
}

/// Every function of the C header is in the library.
fn symbols(library: &Path) -> Result<()> {
    let listed = Job::new("nm").args(["-D", "--defined-only"]).arg(library).output()?;
    let exported: BTreeSet<_> = listed.lines().filter_map(|line| line.split_whitespace().last()).collect();
    let header = fs::read_to_string(root().join("crates/e2ee-ffi/include/frameseal.h"))?;
    let declared = native::declared(&header);
    let missing: Vec<_> = declared.filter(|name| !exported.contains(name)).collect();
    match missing.is_empty() {
        true => Ok(()),
        false => Err(Error::new(format!("the library lacks: {}", missing.join(" ")))),
    }
}

/// The Kotlin of docs/native.md, as it is printed there.
fn guide() -> Result<String> {
    let docs = fs::read_to_string(root().join("docs/native.md"))?;
    let guide = docs.split_once("```kotlin\n").and_then(|(_, rest)| rest.split_once("```"));
    let (guide, _) = guide.ok_or_else(|| Error::new("docs/native.md has no Kotlin"))?;
    Ok(format!("package io.github.frameseal\n\n{}", guide.replace("import io.github.frameseal.*\n", "")))
}

/// As JNA calls it.
fn processor() -> Result<String> {
    let host = native::host()?;
    let word = host.split('-').next().unwrap_or_default();
    Ok(if word == "x86_64" { "x86-64".to_owned() } else { word.to_owned() })
}

fn copy_all(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)?.flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() {
            copy_all(&path, &to.join(name))?;
        } else {
            fs::copy(&path, to.join(name))?;
        }
    }
    Ok(())
}

fn maven(stage: &Path, goals: &[&str]) -> Job {
    let vectors = format!("-DargLine=-Dframeseal.vectors={}", root().join("vectors").display());
    let job = Job::new("mvn").args(["--batch-mode", "--no-transfer-progress", "--errors"]).args(goals);
    own_library(job).arg(vectors).arg("-f").arg(stage.join("pom.xml")).limit(Duration::from_secs(900))
}

/// Cargo says where its own libraries are, and the JVM would take one of those before that of the package.
fn own_library(job: Job) -> Job {
    job.without_env("LD_LIBRARY_PATH")
}

/// The step `kotlin`.
pub(crate) fn test(log: &mut Log) -> Result<Done> {
    if let Err(error) = doctor::need(&["java", "maven"]) {
        return Ok(Done::Left(format!("optional; {error}").replace('\n', " ")));
    }
    let stage = stage(&mut |job| log.job(job))?;
    log.job(maven(&stage, &["package"]))?;
    let text = log.text();
    let last = text.lines().rev().find_map(|line| line.split_once("Tests run: ")?.1.split_once(','));
    let (tests, _) = last.ok_or_else(|| Error::new("no test ran"))?;
    let jar = stage.join("target").join(format!("frameseal-{VERSION}.jar"));
    let size = fs::metadata(&jar)?.len();
    Ok(Done::Passed(format!(
        "{tests} tests on the JVM; a jar of {size} bytes; Swift's bindings generated only"
    )))
}
