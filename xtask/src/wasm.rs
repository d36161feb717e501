//! The WebAssembly modules: compiled by whichever toolchain can, its glue written by
//! wasm-bindgen as a library (its version is the locked one, no tool to install), then shrunk by
//! binaryen's wasm-opt where npm has brought it.

use crate::apt;
use crate::run::{Error, Job, Result, find, root, target_dir};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use wasm_bindgen_cli_support::Bindgen;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Write the module again even if nothing changed
    #[arg(long)]
    force: bool,
    /// Only the module of this name, such as session
    #[arg(long)]
    only: Option<String>,
    /// Build a module that runs the ciphers' conformance suite instead, and run it in Node
    #[arg(long)]
    conform: bool,
}

pub(crate) const TARGET: &str = "wasm32-unknown-unknown";
/// Debian's own Rust with the standard library's sources, for machines that cannot reach rustup.
pub(crate) const DEBIAN_PACKAGES: &[&str] = &["rustc-web", "cargo-web", "rust-web-src", "lld-19"];
const DEBIAN_LINKER: &str = "wasm-ld-19";

/// What every browser with encoded transforms has (SIMD is the youngest: 2021 to 2023).
const FEATURES: &[&str] = &[
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-sign-ext",
    "--enable-reference-types",
    "--enable-multivalue",
    "--enable-simd",
];

/// Who compiles for wasm32.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Route {
    /// The toolchain in use has the target.
    Toolchain,
    /// Debian's rustc, which builds the standard library itself.
    Debian,
}

/// A module to be built.
struct Module<'a> {
    package: &'a str,
    features: &'a [&'a str],
    out: PathBuf,
    /// The file name without its ending.
    name: &'a str,
    /// The glue's own name, by which the module imports it: modules of one glue have one.
    glue: &'a str,
    /// For Node's `require` instead of the web's `import`.
    node: bool,
    /// Parts of names of functions that only a panic runs: they are taken out.
    snipped: &'a [&'a str],
}

impl Module<'_> {
    /// Whether all of it is compiled for speed. A worker that stands in for another one has no size to keep, and its
    /// frames' cost is compared.
    fn fast(&self) -> bool {
        self.package == MEDIA && matches!(self.features, ["jitsi"])
    }

    fn profile(&self) -> &'static str {
        if self.package != MEDIA { "wasm-session" } else { "wasm" }
    }
}

const MEDIA: &str = "e2ee-wasm";
const SESSION: &str = "e2ee-session-wasm";
const IDENTITY: &str = "e2ee-identity-wasm";
const OLM: &str = "e2ee-olm-wasm";
const SAS: &str = "e2ee-sas-wasm";

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    if args.conform {
        conform(args.force)?;
    } else {
        media(args.force, args.only.as_deref())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Builds into `sdk/wasm` the media module, its builds for LiveKit's and Jitsi's formats, for sessions and for
/// Jitsi Meet in the own format, and the modules for sessions, identities, comparing and Olm.
pub(crate) fn media(force: bool, only: Option<&str>) -> Result<()> {
    let make = |package: &str, features: &[&str], name: &str| {
        if only.is_some_and(|only| only != name) {
            return Ok(());
        }
        let out = root().join("sdk/wasm");
        let snipped = if package == MEDIA { SNIPPED } else { PANICS };
        let glue = name.trim_end_matches("-pq");
        build(&Module { package, features, out, name, glue, node: false, snipped }, force)
    };
    make(SESSION, &["pq"], "session-pq")?;
    make(SESSION, &[], "session")?;
    make(IDENTITY, &["oidc"], "identity")?;
    make(IDENTITY, &["x509"], "x509")?;
    make(SAS, &[], "sas")?;
    make(OLM, &[], "olm")?;
    make(MEDIA, &["livekit"], "livekit")?;
    make(MEDIA, &["jitsi"], "jitsi")?;
    make(MEDIA, &["shared"], "jitsi-sframe")?;
    make(MEDIA, &["session"], "media-session")?;
    make(MEDIA, &[], "media")
}

/// Builds the module with the conformance suite in it, and has Node run that.
fn conform(force: bool) -> Result<()> {
    let out = target_dir().join("xtask/conformance");
    let (name, node, snipped) = ("conformance", true, [].as_slice());
    build(
        &Module {
            package: MEDIA,
            features: &["conformance"],
            out: out.clone(),
            name,
            glue: name,
            node,
            snipped,
        },
        force,
    )?;
    let script = "console.log('backends: ' + require(process.argv[1]).conform())";
    Job::new("node").args(["-e", script]).arg(out.join("conformance.js")).run()
}

fn build(module: &Module<'_>, force: bool) -> Result<()> {
    let compiled = compile(module, bring()?)?;
    let bytes = std::fs::read(&compiled)?;
    let optimiser = root().join("sdk/node_modules/binaryen/bin/wasm-opt");
    let optimiser = Some(optimiser).filter(|path| path.is_file() && !module.node);
    let stamp = stamp(&bytes, optimiser.as_deref());
    let stamp_file = module.out.join(format!(".stamp-{}", module.name));
    let wasm = module.out.join(format!("{}.wasm", module.name));
    let fresh = wasm.is_file() && std::fs::read_to_string(&stamp_file).is_ok_and(|s| s == stamp);
    if fresh && !force {
        eprintln!("{} is up to date ({})", show(&wasm), sizes(&wasm)?);
        return Ok(());
    }
    let draft = target_dir().join("xtask").join(format!("bindgen-{}", module.name));
    let _ = std::fs::remove_dir_all(&draft);
    bind(module, bytes, &draft)?;
    if let Some(tool) = optimiser {
        optimise(module, &tool, &draft.join(format!("{}_bg.wasm", module.glue)))?;
    } else if !module.node {
        eprintln!("wasm-opt is not here (npm ci in sdk brings it); the module is left as rustc made it");
    }
    install(module, &draft)?;
    std::fs::write(stamp_file, stamp)?;
    eprintln!("{}: {}", show(&wasm), sizes(&wasm)?);
    Ok(())
}

/// The route that works now, if one does.
pub(crate) fn present() -> Option<Route> {
    let sysroot = Job::new("rustc").args(["--print", "sysroot"]).output().ok();
    let has = |sysroot: &str, below: &str| Path::new(sysroot.trim()).join(below).is_dir();
    if sysroot.is_some_and(|s| has(&s, &format!("lib/rustlib/{TARGET}/lib"))) {
        return Some(Route::Toolchain);
    }
    let debian = Job::new("/usr/bin/rustc").args(["--print", "sysroot"]).output().ok()?;
    let sources = has(&debian, "lib/rustlib/src/rust/library");
    let tools = find("/usr/bin/cargo").is_some() && find(DEBIAN_LINKER).is_some();
    (sources && tools).then_some(Route::Debian)
}

/// The route, after bringing what it needs: by rustup, and where that fails from Debian.
pub(crate) fn bring() -> Result<Route> {
    if let Some(route) = present() {
        return Ok(route);
    }
    let rustup = Job::new("rustup").args(["target", "add", TARGET]).limit(Duration::from_secs(300));
    let command = rustup.text();
    eprintln!("the {TARGET} target is missing; trying: {command}");
    let by_rustup = rustup.run();
    if let (Ok(()), Some(route)) = (&by_rustup, present()) {
        return Ok(route);
    }
    eprintln!("that did not work; trying Debian's packages");
    apt::install(DEBIAN_PACKAGES).map_err(|error| {
        Error::new(format!("no way to compile for {TARGET}: {error}"))
            .mend(format!("{command}    (or: {})", apt::command(DEBIAN_PACKAGES)))
    })?;
    present()
        .ok_or_else(|| Error::new("Debian's rustc is installed but its standard library's sources are not"))
}

fn compile(module: &Module<'_>, route: Route) -> Result<PathBuf> {
    let mut target = target_dir();
    let mut job = match route {
        Route::Toolchain => Job::cargo(),
        Route::Debian => {
            target = target.join("debian");
            Job::new("/usr/bin/cargo")
                .env("RUSTC", "/usr/bin/rustc")
                .env("RUSTC_BOOTSTRAP", "1")
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", DEBIAN_LINKER)
                .without_env("RUSTUP_TOOLCHAIN")
        }
    };
    job = job
        .args([
            "build",
            "--locked",
            "--package",
            module.package,
            "--lib",
            "--profile",
            module.profile(),
            "--target",
            TARGET,
        ])
        .env("CARGO_TARGET_DIR", &target)
        .env("CARGO_ENCODED_RUSTFLAGS", rust_flags());
    if route == Route::Debian {
        job = job.arg("-Zbuild-std=std,panic_abort");
    }
    if module.fast() {
        job = job.args(["--config", "profile.wasm.opt-level=3"]);
    }
    if !module.features.is_empty() {
        job = job.arg("--features").arg(module.features.join(","));
    }
    job.run()?;
    let wasm =
        target.join(TARGET).join(module.profile()).join(format!("{}.wasm", module.package.replace('-', "_")));
    match wasm.is_file() {
        true => Ok(wasm),
        false => Err(Error::new(format!("cargo built {}, but {} is not there", module.package, show(&wasm)))),
    }
}

/// SIMD on, and no path of this machine in the module: it is to come out the same elsewhere.
fn rust_flags() -> String {
    let mut flags = vec!["-Ctarget-feature=+simd128".to_owned()];
    flags.push(format!("--remap-path-prefix={}=frameseal", root().display()));
    let cargo = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo = cargo.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    if let Some(cargo) = cargo {
        flags.push(format!("--remap-path-prefix={}=cargo", cargo.display()));
    }
    flags.join("\x1f")
}

fn bind(module: &Module<'_>, bytes: Vec<u8>, draft: &Path) -> Result<()> {
    let mut bindgen = Bindgen::new();
    if module.snipped.is_empty() {
        bindgen.input_bytes(module.glue, bytes);
    } else {
        bindgen.input_module(module.glue, snip(&bytes, module.snipped)?);
    }
    bindgen.typescript(true);
    // The worker always says where the module is; a default would make bundlers look for one.
    bindgen.omit_default_module_path(!module.node).remove_producers_section(true).remove_name_section(true);
    let set = if module.node { bindgen.nodejs(true) } else { bindgen.web(true) };
    set.and_then(|b| b.generate(draft)).map_err(|error| Error::new(format!("wasm-bindgen: {error:#}")))
}

/// What only a panic runs. A panic ends the instance without a message, so these functions may end it at once; what they
/// would have formatted goes away with them, several kilobytes. The media module formats nothing else.
const SNIPPED: &[&str] = &[
    "4core3fmt",
    "4core9panicking",
    "4core6option13expect_failed",
    "4core6option13unwrap_failed",
    "4core6result13unwrap_failed",
    "16slice_index_fail",
    "17len_mismatch_fail",
    "17capacity_overflow",
    "18handle_alloc_error",
    "$core..fmt..Debug$",
    "$core..fmt..Display$",
];

/// The same for a module that also formats text.
const PANICS: &[&str] = &[
    "4core9panicking",
    "4core6option13expect_failed",
    "4core6option13unwrap_failed",
    "4core6result13unwrap_failed",
    "16slice_index_fail",
    "17len_mismatch_fail",
    "17capacity_overflow",
    "18handle_alloc_error",
    "3std9panicking",
];

/// Puts `unreachable` in place of the functions whose name has one of these parts.
fn snip(bytes: &[u8], snipped: &[&str]) -> Result<walrus::Module> {
    let mut module = walrus::Module::from_buffer(bytes)
        .map_err(|error| Error::new(format!("the module does not parse: {error:#}")))?;
    let doomed: Vec<_> = module
        .funcs
        .iter_local()
        .filter(|(id, _)| {
            let name = module.funcs.get(*id).name.as_deref().unwrap_or_default();
            snipped.iter().any(|part| name.contains(part))
        })
        .map(|(id, function)| (id, function.ty()))
        .collect();
    for (id, ty) in doomed {
        let (params, results) = module.types.params_results(ty);
        let (params, results) = (params.to_vec(), results.to_vec());
        let mut end = walrus::FunctionBuilder::new(&mut module.types, &params, &results);
        end.func_body().unreachable();
        let args = params.into_iter().map(|kind| module.locals.add(kind)).collect();
        module.funcs.get_mut(id).kind = walrus::FunctionKind::Local(end.local_func(args));
    }
    let data: Vec<_> = module.data.iter().map(walrus::Data::id).collect();
    for id in data {
        forget_sources(&mut module.data.get_mut(id).value);
    }
    Ok(module)
}

/// Zeroes the names of source files, which only a panic's message would show: `crates/.../x.rs` and the like.
fn forget_sources(data: &mut [u8]) {
    for prefix in [b"crates/".as_slice(), b"cargo/", b"/rustc/"] {
        let mut from = 0;
        while let Some(found) = data.get(from..).and_then(|rest| position(rest, prefix)) {
            let start = from + found;
            let name = data.get_mut(start..).unwrap_or_default();
            let len = position(name, b".rs").map_or(0, |dot| dot + 3);
            let whole = name.get_mut(..len).filter(|name| name.iter().all(u8::is_ascii_graphic));
            whole.into_iter().flatten().for_each(|byte| *byte = 0);
            from = start + prefix.len();
        }
    }
}

fn position(data: &[u8], part: &[u8]) -> Option<usize> {
    data.windows(part.len()).position(|window| window == part)
}

fn optimise(module: &Module<'_>, tool: &Path, wasm: &Path) -> Result<()> {
    let node = Job::new("node").arg(tool).arg(wasm);
    // A session computes now and then; frames all the time.
    let level = if module.package != MEDIA { "-Oz" } else { "-O3" };
    node.args([level, "--gufa", level, "--reorder-functions", "--strip-debug", "--strip-producers"])
        .args(FEATURES)
        .arg("-o")
        .arg(wasm)
        .limit(Duration::from_secs(300))
        .run()
}

/// Moves the draft in place under the names the SDK imports.
fn install(module: &Module<'_>, draft: &Path) -> Result<()> {
    std::fs::create_dir_all(&module.out)?;
    let (name, glue) = (module.name, module.glue);
    for ending in ["js", "d.ts"] {
        std::fs::copy(draft.join(format!("{glue}.{ending}")), module.out.join(format!("{name}.{ending}")))?;
    }
    let wasm = format!("{glue}_bg.wasm");
    // Node's glue loads its module by the generated name.
    let to = if module.node { wasm.clone() } else { format!("{name}.wasm") };
    std::fs::copy(draft.join(wasm), module.out.join(&to))?;
    if module.node {
        std::fs::copy(module.out.join(&to), module.out.join(format!("{name}.wasm")))?;
    }
    Ok(())
}

fn stamp(bytes: &[u8], optimiser: Option<&Path>) -> String {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    FEATURES.hash(&mut hasher);
    let package = optimiser.and_then(|tool| tool.parent()?.parent().map(|d| d.join("package.json")));
    package.and_then(|p| std::fs::read(p).ok()).hash(&mut hasher);
    std::fs::read(root().join("Cargo.lock")).ok().hash(&mut hasher);
    std::fs::read(root().join("xtask/src/wasm.rs")).ok().hash(&mut hasher);
    format!("{:016x}\n", hasher.finish())
}

/// Raw and, by Node's own encoder, brotli size.
fn sizes(wasm: &Path) -> Result<String> {
    let raw = std::fs::metadata(wasm)?.len();
    Ok(match brotli(wasm) {
        Ok(small) => format!("{raw} bytes, {small} brotli"),
        Err(_) => format!("{raw} bytes"),
    })
}

/// The brotli size of a file at the highest quality.
pub(crate) fn brotli(file: &Path) -> Result<u64> {
    let script = "const z=require('zlib'),f=require('fs').readFileSync(process.argv[1]);\
        process.stdout.write(String(z.brotliCompressSync(f,{params:{[z.constants.BROTLI_PARAM_SIZE_HINT]:f.length}}).length))";
    let text = Job::new("node").args(["-e", script]).arg(file).output()?;
    text.trim().parse().map_err(|_| Error::new(format!("node gave no size: {text}")))
}

fn show(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}
