//! The npm packages: their dependencies and their builds.

use crate::run::{Error, Job, Result, retry, root};
use crate::wasm;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::time::Duration;

/// Builds `sdk` (the npm package `frameseal`), the WebAssembly module with it.
pub(crate) fn sdk() -> Result<()> {
    let sdk = root().join("sdk");
    install(&sdk)?;
    wasm::media(false)?;
    script(&sdk, "build").run()
}

/// Builds the demo page.
pub(crate) fn meet() -> Result<()> {
    let meet = root().join("examples/meet");
    install(&meet)?;
    script(&meet, "build").run()
}

/// `npm run NAME` in `package`.
pub(crate) fn script(package: &Path, name: &str) -> Job {
    Job::new("npm").args(["run", "--silent", name]).dir(package)
}

/// `npm ci`, unless the lock file is the one that was installed last.
pub(crate) fn install(package: &Path) -> Result<()> {
    let name = package.strip_prefix(root()).unwrap_or(package).display().to_string();
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
        npm.dir(package).limit(Duration::from_secs(600)).run()
    })?;
    Ok(std::fs::write(file, stamp)?)
}
