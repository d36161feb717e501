//! `cargo xtask`: the one door to building, running, testing and measuring Frameseal.
//!
//! One file per noun; `run.rs` starts every other program.

mod apt;
mod bench;
mod calls;
mod claims;
mod demo;
mod dist;
mod doctor;
mod fuzz;
mod interop;
mod kotlin;
mod native;
mod native_call;
mod native_test;
mod npm;
mod report;
mod run;
mod simulate;
mod steps;
mod test;
mod wasm;
mod wheel;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Build, run, test and measure Frameseal.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Start the demo call and print its address; with --headless, run it in headless browsers
    Demo(demo::Args),
    /// Check everything; the last line is `N passed, M failed`
    Test(test::Args),
    /// Measure: native benches, and with --browser the worker's cost per frame
    Bench(bench::Args),
    /// Real peers in one call with ours; prints a table
    Interop(interop::Args),
    /// Calls in virtual time with a relay that is the enemy; a seed replays a run
    Simulate(simulate::Args),
    /// Run the fuzz targets
    Fuzz(fuzz::Args),
    /// Say what is here, what is missing, and the command that brings it
    Doctor(doctor::Args),
    /// Build the WebAssembly media module into sdk/wasm
    Wasm(wasm::Args),
    /// Build the npm package (with the WebAssembly module in it)
    Sdk,
    /// Build the demo page
    Meet,
    /// Install the C library: shared and static, header, pkg-config, CMake package
    Install(native::Args),
    /// Pack the C library for a release: archive, checksums, SBOM, licences
    Dist,
    /// Build the Python package, with the C library inside, into target/dist
    Wheel,
    /// Build the Kotlin package, with the library inside, into target/dist
    Kotlin(kotlin::Args),
}

fn main() -> ExitCode {
    let done = match Cli::parse().task {
        Task::Demo(args) => demo::run(&args),
        Task::Test(args) => test::run(&args),
        Task::Bench(args) => bench::run(&args),
        Task::Interop(args) => interop::run(&args),
        Task::Simulate(args) => simulate::run(&args),
        Task::Fuzz(args) => fuzz::run(&args),
        Task::Doctor(args) => doctor::run(&args),
        Task::Wasm(args) => wasm::run(&args),
        Task::Sdk => npm::sdk().map(|()| ExitCode::SUCCESS),
        Task::Meet => npm::meet().map(|()| ExitCode::SUCCESS),
        Task::Install(args) => native::run(&args),
        Task::Dist => dist::run(),
        Task::Wheel => wheel::run(),
        Task::Kotlin(args) => kotlin::run(&args),
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        ExitCode::FAILURE
    })
}
