//! The npm packages: their dependencies and their builds.

use crate::run::{Error, Job, Result, retry, root};
use crate::wasm;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

/// Builds `sdk` (the npm package `frameseal`), the WebAssembly module with it.
pub(crate) fn sdk() -> Result<()> {
    install("sdk")?;
    wasm::media(false, None)?;
    script("sdk", "build").run()
}

/// Builds the demo page.
pub(crate) fn meet() -> Result<()> {
    install("examples/meet")?;
    script("examples/meet", "build").run()
}

/// `npm run NAME` in `package`, a folder of the repository.
pub(crate) fn script(package: &str, name: &str) -> Job {
    Job::new("npm").args(["run", "--silent", name]).dir(root().join(package))
}

/// `npm ci`, unless the lock file is the one that was installed last.
pub(crate) fn install(name: &str) -> Result<()> {
    let package = root().join(name);
    let lock = package.join("package-lock.json");
    let Ok(text) = std::fs::read(&lock) else {
        return Err(Error::new(format!("{name}/package-lock.json is missing"))
            .mend(format!("cd {name} && npm install")));
    };
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let stamp = format!("{:016x}\n", hasher.finish());
    let file = package.join("node_modules/.frameseal-stamp");
    if std::fs::read_to_string(&file).is_ok_and(|s| s == stamp) {
        return Ok(());
    }
    eprintln!("{name}: npm ci");
    retry(3, || {
        let npm = Job::new("npm").args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
        npm.dir(&package).limit(Duration::from_secs(600)).run()
    })?;
    Ok(std::fs::write(file, stamp)?)
}
