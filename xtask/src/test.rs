//! `cargo xtask test`: which steps run.

use crate::report::{self, Step};
use crate::run::{self, Error, Result};
use crate::{calls, steps};
use std::process::ExitCode;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// What needs no browser and no fuzzing engine
    #[arg(long, conflicts_with_all = ["browser", "all"])]
    fast: bool,
    /// What runs in browsers, and the builds it needs
    #[arg(long, conflicts_with = "all")]
    browser: bool,
    /// Everything (the default)
    #[arg(long)]
    all: bool,
    /// Show what the steps print as it comes, instead of keeping it in log files
    #[arg(long, short)]
    verbose: bool,
    /// List the steps and stop
    #[arg(long)]
    list: bool,
    /// Run only these steps, by name
    #[arg(value_name = "STEP")]
    only: Vec<String>,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let chosen = choose(args)?;
    if args.list {
        for step in chosen {
            println!("{:<16} {}", step.name, step.what);
        }
        return Ok(ExitCode::SUCCESS);
    }
    run::own_path()?;
    report::run(&chosen, args.verbose)
}

fn choose(args: &Args) -> Result<Vec<&'static Step>> {
    let all = [steps::FAST, steps::BUILDS, steps::BROWSER, calls::STEPS, steps::LONG];
    if !args.only.is_empty() {
        let find = |name: &String| {
            all.iter().copied().flatten().find(|step| step.name == name).ok_or_else(|| {
                Error::new(format!("there is no step named {name}")).mend("cargo xtask test --list")
            })
        };
        return args.only.iter().map(find).collect();
    }
    let groups: &[&'static [Step]] = match (args.fast, args.browser) {
        (true, _) => &[steps::FAST, steps::BUILDS],
        (_, true) => &[steps::BUILDS, steps::BROWSER, calls::STEPS],
        _ => &all,
    };
    Ok(groups.iter().copied().flatten().collect())
}
