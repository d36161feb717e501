//! The step `native`: the installed C library as its users meet it, and its C programs under sanitizers.

use crate::doctor;
use crate::native::{self, Kind};
use crate::report::{Done, Log};
use crate::run::{Error, Job, Result, find, root, target_dir};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Stripped, bytes.
const MAX_FULL: u64 = 2_000_000;
const MAX_MEDIA_ONLY: u64 = 600_000;
const SAMPLES: [&str; 2] = ["seal", "session"];
const WARNINGS: [&str; 5] = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"];

/// A compiler for each language.
struct Compiler {
    c: &'static str,
    cxx: &'static str,
}

const COMPILERS: [Compiler; 2] = [Compiler { c: "gcc", cxx: "g++" }, Compiler { c: "clang", cxx: "clang++" }];

pub(crate) fn run(log: &mut Log) -> Result<Done> {
    doctor::need(&["rustc", "cc", "c++"])?;
    let work = target_dir().join("native-test");
    let _ = fs::remove_dir_all(&work);
    fs::create_dir_all(&work)?;
    let prefix = work.join("prefix");
    let built = native::build(Kind::Full, |job| log.job(job))?;
    native::install(&prefix, &built)?;
    let full = size(&built.shared, MAX_FULL)?;
    symbols(&prefix)?;
    let media = native::build(Kind::MediaOnly, |job| log.job(job))?;
    let media = size(&media.shared, MAX_MEDIA_ONLY)?;
    let mut left = Vec::new();
    for (tools, check) in CHECKS {
        match doctor::need(tools) {
            Ok(()) => check(log, &work, &prefix)?,
            Err(error) => left.push(error.to_string().replace('\n', " ")),
        }
    }
    let left = if left.is_empty() { String::new() } else { format!("; left out: {}", left.join("; ")) };
    Ok(Done::Passed(format!("{full} bytes with sessions, {media} without{left}")))
}

type Check = fn(&mut Log, &Path, &Path) -> Result<()>;

static CHECKS: &[(&[&str], Check)] = &[
    (&["pkg-config"], by_pkg_config),
    (&["cmake"], by_cmake),
    (&["meson", "pkg-config"], by_meson),
    (&["c++"], webrtc),
    (&["cc"], address_and_undefined),
    (&["cc"], threads),
    (&["valgrind"], valgrind),
];

fn size(library: &Path, bar: u64) -> Result<u64> {
    let size = fs::metadata(library)?.len();
    match size < bar {
        true => Ok(size),
        false => Err(Error::new(format!("{} has {size} bytes, the bar is {bar}", library.display()))),
    }
}

/// What the shared library exports is what the header declares, and nothing else; its soname has the ABI's number.
fn symbols(prefix: &Path) -> Result<()> {
    let library = prefix.join("lib/libframeseal.so");
    let dynamic = Job::new("readelf").arg("-d").arg(&library).output()?;
    if !dynamic.contains("Library soname: [libframeseal.so.1]") {
        return Err(Error::new("the shared library has no soname libframeseal.so.1"));
    }
    let listed = Job::new("nm").args(["-D", "--defined-only"]).arg(&library).output()?;
    let exported: BTreeSet<_> = listed.lines().filter_map(|line| line.split_whitespace().last()).collect();
    let header = fs::read_to_string(prefix.join("include/frameseal.h"))?;
    let declared: BTreeSet<_> = native::declared(&header).collect();
    match exported == declared {
        true => Ok(()),
        false => {
            let odd: Vec<_> = exported.symmetric_difference(&declared).copied().collect();
            Err(Error::new(format!("exports and header differ in: {}", odd.join(" "))))
        }
    }
}

/// Compiles one file, as C99 or as C++11.
fn compile(compiler: &Compiler, cxx: bool, source: &Path, out: &Path) -> Job {
    let job = Job::new(if cxx { compiler.cxx } else { compiler.c });
    let language = if cxx { ["-std=c++11", "-x", "c++"] } else { ["-std=c99", "-x", "c"] };
    let job = job.args(language).args(WARNINGS).arg("-g").arg("-o").arg(out);
    job.arg("-I").arg(root().join("crates/e2ee-ffi/include")).arg(source).args(["-x", "none"])
}

fn sample(name: &str) -> PathBuf {
    root().join("examples/c").join(name).with_extension("c")
}

fn c_test(name: &str) -> PathBuf {
    root().join("crates/e2ee-ffi/tests/c").join(name).with_extension("c")
}

fn compilers() -> impl Iterator<Item = &'static Compiler> {
    COMPILERS.iter().filter(|compiler| find(compiler.c).is_some() && find(compiler.cxx).is_some())
}

fn by_pkg_config(log: &mut Log, work: &Path, prefix: &Path) -> Result<()> {
    let ask = |what: &[&str]| -> Result<Vec<String>> {
        let job = Job::new("pkg-config").args(what).arg("frameseal");
        let flags = job.env("PKG_CONFIG_PATH", native::pkg_config_path(prefix)).output()?;
        Ok(flags.split_whitespace().map(str::to_owned).collect())
    };
    let shared = ask(&["--cflags", "--libs"])?;
    let private = ask(&["--static", "--libs-only-l"])?;
    for compiler in compilers() {
        for (cxx, name) in [(false, "c"), (true, "cpp")] {
            for of in SAMPLES {
                let program = work.join(format!("{of}-{}-{name}", compiler.c));
                log.job(compile(compiler, cxx, &sample(of), &program).args(&shared))?;
                log.job(Job::new(&program).env("LD_LIBRARY_PATH", prefix.join("lib")))?;
            }
        }
    }
    // The static library, with what it wants besides.
    for of in SAMPLES {
        let program = work.join(format!("{of}-static"));
        let job = compile(&COMPILERS[0], false, &sample(of), &program);
        let job = job.arg(prefix.join("lib/libframeseal.a"));
        log.job(job.args(private.iter().filter(|word| *word != "-lframeseal")))?;
        log.job(Job::new(&program))?;
    }
    Ok(())
}

fn by_cmake(log: &mut Log, work: &Path, prefix: &Path) -> Result<()> {
    for compiler in compilers() {
        for (cxx, fixed) in [("OFF", "ON"), ("ON", "OFF")] {
            let build = work.join(format!("cmake-{}-{cxx}", compiler.c));
            let job = Job::new("cmake").arg("-S").arg(root().join("examples/c")).arg("-B").arg(&build);
            let job = job.arg(format!("-DCMAKE_PREFIX_PATH={}", prefix.display()));
            let job = job.arg(format!("-DFRAMESEAL_SAMPLES_AS_CXX={cxx}"));
            let job = job.arg(format!("-DFRAMESEAL_SAMPLES_STATIC={fixed}"));
            log.job(job.env("CC", compiler.c).env("CXX", compiler.cxx))?;
            log.job(Job::new("cmake").arg("--build").arg(&build))?;
            SAMPLES.iter().try_for_each(|of| log.job(Job::new(build.join(of))))?;
        }
    }
    Ok(())
}

fn by_meson(log: &mut Log, work: &Path, prefix: &Path) -> Result<()> {
    let build = work.join("meson");
    let job = Job::new("meson").arg("setup").arg(&build).arg(root().join("examples/c"));
    log.job(job.env("PKG_CONFIG_PATH", native::pkg_config_path(prefix)))?;
    log.job(Job::new("meson").args(["compile", "-C"]).arg(&build))?;
    for of in SAMPLES {
        for name in [of.to_owned(), format!("{of}-cpp")] {
            log.job(Job::new(build.join(name)).env("LD_LIBRARY_PATH", prefix.join("lib")))?;
        }
    }
    Ok(())
}

/// A test of the adapters for libwebrtc, as C++ of this standard and against the interfaces of this milestone.
fn compile_webrtc(compiler: &Compiler, (standard, milestone): (&str, u32), source: &Path, out: &Path) -> Job {
    let job = Job::new(compiler.cxx).arg(format!("-std={standard}")).args(WARNINGS).arg("-g");
    let job = job.arg(format!("-DFRAMESEAL_WEBRTC_MILESTONE={milestone}")).arg("-o").arg(out);
    job.arg("-I").arg(root().join("crates/e2ee-ffi/tests/webrtc")).arg(source)
}

fn webrtc_test(name: &str) -> PathBuf {
    root().join("crates/e2ee-ffi/tests/webrtc").join(name).with_extension("cc")
}

/// The headers as they are here; jobs run in the repository's root.
const INCLUDE: [&str; 2] = ["-I", "crates/e2ee-ffi/include"];
const WEBRTC_TESTS: [&str; 3] = ["transformers", "cryptors", "in_flight"];
const M128: (&str, u32) = ("c++17", 128);
const M138: (&str, u32) = ("c++20", 138);

/// The installed adapters for libwebrtc, and what docs/native.md says of them, as it stands there.
fn webrtc(log: &mut Log, work: &Path, prefix: &Path) -> Result<()> {
    let docs = fs::read_to_string(root().join("docs/native.md"))?;
    let guide = docs.split_once("```cpp\n").and_then(|(_, rest)| rest.split_once("```"));
    let (guide, _) = guide.ok_or_else(|| Error::new("docs/native.md has no C++"))?;
    fs::write(work.join("guide.inc"), guide)?;
    for compiler in compilers() {
        let all = [M128, M138].into_iter().flat_map(|of| WEBRTC_TESTS.map(|test| (of, test)));
        for (of, test) in all.chain([(M138, "guide")]) {
            let program = work.join(format!("{test}-{}-{}", compiler.c, of.1));
            let job = compile_webrtc(compiler, of, &webrtc_test(test), &program);
            // As libwebrtc is built.
            let job = if of == M138 { job.args(["-fno-exceptions", "-fno-rtti"]) } else { job };
            let job = job.arg("-I").arg(prefix.join("include")).arg("-I").arg(work);
            log.job(job.arg("-L").arg(prefix.join("lib")).args(["-lframeseal", "-lpthread"]))?;
            log.job(Job::new(&program).env("LD_LIBRARY_PATH", prefix.join("lib")))?;
        }
    }
    Ok(())
}

/// Every C program under AddressSanitizer (with leaks) and UndefinedBehaviorSanitizer.
fn address_and_undefined(log: &mut Log, work: &Path, _: &Path) -> Result<()> {
    // With the export that panics.
    log.job(Job::cargo().args(["build", "--locked", "--package", "e2ee-ffi", "--all-features"]))?;
    let library = target_dir().join("debug/libframeseal.a");
    let tests = ["formats", "misuse", "panic", "threads"].map(c_test);
    for source in SAMPLES.map(sample).iter().chain(&tests) {
        let program = work.join(source.file_stem().unwrap_or_default()).with_extension("asan");
        let job = compile(&COMPILERS[0], false, source, &program);
        let job = job.args(["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]).arg(&library);
        log.job(job.args(["-lpthread", "-lm", "-ldl"]))?;
        log.job(Job::new(&program))?;
    }
    for test in WEBRTC_TESTS {
        let program = work.join(test).with_extension("asan");
        let job = compile_webrtc(&COMPILERS[0], M128, &webrtc_test(test), &program).args(INCLUDE);
        let job = job.args(["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]).arg(&library);
        log.job(job.args(["-lpthread", "-lm", "-ldl"]))?;
        log.job(Job::new(&program))?;
    }
    Ok(())
}

/// The shared ring, and the adapters for libwebrtc, under ThreadSanitizer, Rust instrumented as well as C and C++: what
/// the standard library synchronises unseen is not used on that way.
fn threads(log: &mut Log, work: &Path, _: &Path) -> Result<()> {
    let host = native::host()?;
    let target = target_dir().join("native-tsan");
    let job = Job::cargo().args(["rustc", "--locked", "--package", "e2ee-ffi", "--lib"]);
    let job = job.args(["--no-default-features", "--features=ring"]);
    let job =
        job.args(["--crate-type", "staticlib", "--release", "--target", &host, "--target-dir"]).arg(&target);
    let flags = "-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer";
    let job = job.env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", flags);
    log.job(job.env("CARGO_PROFILE_RELEASE_LTO", "off"))?;
    let library = target.join(&host).join("release/libframeseal.a");
    // The runtime of the compiler that instrumented the library; the C compiler's own may be older.
    let sysroot = Job::new("rustc").args(["--print", "sysroot"]).output()?;
    let runtime = Path::new(sysroot.trim()).join("lib/rustlib").join(&host).join("lib");
    let runtime = fs::read_dir(&runtime)?.filter_map(|entry| Some(entry.ok()?.path()));
    let runtime = { runtime }.find(|path| path.to_string_lossy().ends_with("_rt.tsan.a"));
    let runtime = runtime.ok_or_else(|| Error::new("this toolchain comes without ThreadSanitizer"))?;
    for name in ["threads", "in_flight"] {
        let (program, object) =
            (work.join(name).with_extension("tsan"), work.join(name).with_extension("tsan.o"));
        let job = match name {
            "threads" => compile(&COMPILERS[0], false, &c_test(name), &object),
            _ => compile_webrtc(&COMPILERS[0], M128, &webrtc_test(name), &object).args(INCLUDE),
        };
        log.job(job.args(["-fsanitize=thread", "-c"]))?;
        let job = Job::new(COMPILERS[0].cxx).arg(&object).arg(&library);
        let job = job.arg("-Wl,--whole-archive").arg(&runtime).arg("-Wl,--no-whole-archive");
        log.job(job.args(["-lpthread", "-lm", "-ldl", "-lrt", "-o"]).arg(&program))?;
        // Where addresses are drawn from a wider range than the sanitizer knows.
        let job = if find("setarch").is_some() {
            Job::new("setarch").arg("-R").arg(&program)
        } else {
            Job::new(&program)
        };
        log.job(job.env("TSAN_OPTIONS", "halt_on_error=1"))?;
    }
    Ok(())
}

/// Under valgrind: no invalid access, nothing lost. Names are needed for what is known of the cipher's assembly.
fn valgrind(log: &mut Log, work: &Path, _: &Path) -> Result<()> {
    let known = root().join("crates/e2ee-ffi/tests/c/valgrind.supp");
    // Without the program that stretches a secret, which takes minutes here.
    for source in SAMPLES.map(sample).iter().chain(&["misuse", "threads"].map(c_test)) {
        let program = work.join(source.file_stem().unwrap_or_default()).with_extension("valgrind");
        let job = compile(&COMPILERS[0], false, source, &program);
        let library = target_dir().join("debug/libframeseal.a");
        log.job(job.arg(library).args(["-lpthread", "-lm", "-ldl"]))?;
        let job = Job::new("valgrind").args(["--quiet", "--error-exitcode=9", "--leak-check=full"]);
        let job = job.arg(format!("--suppressions={}", known.display()));
        let job = job.args(["--errors-for-leak-kinds=definite,possible", "--fair-sched=yes"]);
        log.job(job.arg(&program))?;
    }
    Ok(())
}
