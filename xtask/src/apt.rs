//! Debian packages: installed when we may (as root or by a sudo that asks nothing), named when not.

use crate::run::{Error, Job, Result, find, retry};
use std::time::Duration;

/// The command that installs `packages`, for a human to type.
pub(crate) fn command(packages: &[&str]) -> String {
    let sudo = if is_root() { "" } else { "sudo " };
    format!("{sudo}apt-get update && {sudo}apt-get install -y --no-install-recommends {}", packages.join(" "))
}

/// Installs `packages`, or says which command would.
pub(crate) fn install(packages: &[&str]) -> Result<()> {
    if find("apt-get").is_none() {
        let all = packages.join(" ");
        return Err(Error::new(format!("this system has no apt-get; install the equivalent of: {all}")));
    }
    let Some(become_root) = root_prefix() else {
        return Err(
            Error::new(format!("installing {} needs root", packages.join(" "))).mend(command(packages))
        );
    };
    eprintln!("installing {} (Debian packages)", packages.join(" "));
    let apt = |words: &[&str]| {
        let mut all = become_root.clone();
        all.extend(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-o", "DPkg::Lock::Timeout=120"]);
        all.extend(words);
        let (program, rest) = all.split_first().ok_or_else(|| Error::new("no command"))?;
        Job::new(program).args(rest).limit(Duration::from_secs(900)).run()
    };
    let mut words = vec!["install", "-y", "--no-install-recommends"];
    words.extend(packages);
    retry(3, || {
        apt(&["update", "-qq"])?;
        apt(&words)
    })
    .map_err(|error| error.mend(command(packages)))
}

/// What to put before a command to run it as root; nothing if that would need a password.
fn root_prefix() -> Option<Vec<&'static str>> {
    if is_root() {
        return Some(Vec::new());
    }
    let sudo = find("sudo").is_some() && Job::new("sudo").args(["-n", "true"]).output().is_ok();
    sudo.then(|| vec!["sudo", "-n"])
}

fn is_root() -> bool {
    Job::new("id").arg("-u").output().is_ok_and(|id| id.trim() == "0")
}
