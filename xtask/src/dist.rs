//! `cargo xtask dist`: the C library as a release: an archive with the installed tree, licences and an SBOM, and
//! checksums beside it.

use crate::native::{self, Kind, VERSION};
use crate::run::{Error, Job, Result, root, target_dir};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::ExitCode;

pub(crate) fn run() -> Result<ExitCode> {
    let name = format!("frameseal-{VERSION}-{}", native::host()?);
    let dist = target_dir().join("dist");
    let tree = dist.join(&name);
    let _ = fs::remove_dir_all(&dist);
    fs::create_dir_all(&tree)?;
    native::install(&tree, &native::build(Kind::Full, Job::run)?)?;
    for file in ["LICENSE-MIT", "LICENSE-APACHE", "CHANGELOG.md", "docs/native.md"] {
        let from = root().join(file);
        let to = tree.join(from.file_name().unwrap_or_default());
        fs::copy(&from, to).map_err(|error| Error::from(error).during(file))?;
    }
    let samples = tree.join("examples");
    fs::create_dir_all(&samples)?;
    for entry in fs::read_dir(root().join("examples/c"))?.flatten() {
        fs::copy(entry.path(), samples.join(entry.file_name()))?;
    }
    let packages = describe("e2ee-ffi", &tree.join("licences"), &tree.join("frameseal.cdx.json"))?;
    fs::copy(tree.join("frameseal.cdx.json"), dist.join(format!("{name}.cdx.json")))?;
    // The same bytes from the same tree, whoever packs it and when.
    let archive = format!("{name}.tar.gz");
    let tar =
        ["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "--use-compress-program"];
    let job = Job::new("tar").dir(&dist).args(tar).args(["gzip -n -9", "-cf", &archive, &name]);
    job.run()?;
    println!("{}{packages} packages in the SBOM\n{}", sums(&dist)?, dist.join(archive).display());
    Ok(ExitCode::SUCCESS)
}

/// Writes the checksums of everything that is released into SHA256SUMS, and gives them.
pub(crate) fn sums(dist: &Path) -> Result<String> {
    let names = fs::read_dir(dist)?.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let released =
        |name: &String| [".tar.gz", ".cdx.json", ".whl", ".jar"].iter().any(|end| name.ends_with(end));
    let files: BTreeSet<_> = names.filter(released).collect();
    let sums = Job::new("sha256sum").dir(dist).args(&files).output()?;
    fs::write(dist.join("SHA256SUMS"), &sums)?;
    Ok(sums)
}

/// Writes the licences of what is in the library into a folder, and its SBOM; gives how many packages there are.
pub(crate) fn describe(package: &str, licences_to: &Path, sbom_to: &Path) -> Result<usize> {
    let packages = packages(package)?;
    licences(licences_to, &packages)?;
    let sbom = serde_json::to_string_pretty(&sbom(&packages)).map_err(|e| Error::new(e.to_string()))?;
    fs::write(sbom_to, format!("{sbom}\n"))?;
    Ok(packages.len())
}

/// A package that is in the library.
struct Package {
    name: String,
    version: String,
    licence: String,
    /// Where it was unpacked.
    folder: std::path::PathBuf,
    /// SHA-256 of what the registry gave; nothing for the own ones.
    checksum: Option<String>,
    repository: Option<String>,
}

/// What a library is linked from on this target, with its default features: neither tools nor tests.
fn packages(package: &str) -> Result<Vec<Package>> {
    let host = native::host()?;
    let tree = ["tree", "--locked", "--package", package, "--edges", "normal", "--prefix", "none"];
    let text = Job::cargo().args(tree).args(["--target", &host, "--format", "{p}"]).output()?;
    let text: BTreeSet<_> = text
        .lines()
        .filter(|line| !line.contains("(proc-macro)"))
        .filter_map(|line| line.split_once(" v"))
        .map(|(name, rest)| (name, rest.split_whitespace().next().unwrap_or_default()))
        .collect();
    let metadata = Job::cargo().args(["metadata", "--locked", "--format-version", "1"]).output()?;
    let metadata: Value = serde_json::from_str(&metadata).map_err(|e| Error::new(e.to_string()))?;
    let checksums = checksums()?;
    let all = metadata.get("packages").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let word = |of: &Value, key: &str| of.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let known = |of: &&Value| text.contains(&(word(of, "name").as_str(), word(of, "version").as_str()));
    let packages = all.iter().filter(known).map(|of| {
        let (name, version) = (word(of, "name"), word(of, "version"));
        let manifest = word(of, "manifest_path");
        Package {
            checksum: checksums.get(&(name.clone(), version.clone())).cloned(),
            licence: word(of, "license").replace('/', " OR ").replace("  ", " "),
            folder: Path::new(&manifest).parent().map(Path::to_path_buf).unwrap_or_default(),
            repository: of.get("repository").and_then(Value::as_str).map(str::to_owned),
            name,
            version,
        }
    });
    let packages: Vec<_> = packages.collect();
    match packages.len() == text.len() {
        true => Ok(packages),
        false => Err(Error::new("cargo tree and cargo metadata name different packages")),
    }
}

/// Of Cargo.lock.
fn checksums() -> Result<BTreeMap<(String, String), String>> {
    let lock = fs::read_to_string(root().join("Cargo.lock"))?;
    let value = |block: &str, key: &str| {
        let line = block.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "));
        line.map(|text| text.trim_matches('"').to_owned())
    };
    let blocks = lock.split("[[package]]");
    let entry = |block: &str| {
        let at = (value(block, "name")?, value(block, "version")?);
        Some((at, value(block, "checksum")?))
    };
    Ok(blocks.filter_map(entry).collect())
}

/// The licence files of every package, as it brought them.
fn licences(to: &Path, packages: &[Package]) -> Result<()> {
    let mut without = Vec::new();
    for package in packages.iter().filter(|package| package.checksum.is_some()) {
        let into = to.join(format!("{}-{}", package.name, package.version));
        let mut found = false;
        for entry in fs::read_dir(&package.folder)?.flatten() {
            let name = entry.file_name().to_string_lossy().to_uppercase();
            let is_one =
                ["LICENSE", "LICENCE", "COPYING", "NOTICE", "COPYRIGHT"].iter().any(|l| name.starts_with(l));
            if is_one && entry.path().is_file() {
                fs::create_dir_all(&into)?;
                fs::copy(entry.path(), into.join(entry.file_name()))?;
                found = true;
            }
        }
        if !found {
            without.push(format!("{} {}: {}\n", package.name, package.version, package.licence));
        }
    }
    // Some say their licence in their manifest alone.
    fs::write(to.join("WITHOUT-A-FILE.txt"), without.concat())?;
    Ok(())
}

/// CycloneDX 1.5.
fn sbom(packages: &[Package]) -> Value {
    let component = |package: &Package| {
        let Package { name, version, licence, checksum, repository, .. } = package;
        let hashes = checksum.iter().map(|sum| json!({ "alg": "SHA-256", "content": sum }));
        let links = repository.iter().map(|url| json!({ "type": "vcs", "url": url }));
        json!({
            "type": "library",
            "bom-ref": format!("pkg:cargo/{name}@{version}"),
            "name": name,
            "version": version,
            "purl": format!("pkg:cargo/{name}@{version}"),
            "licenses": [{ "expression": licence }],
            "hashes": hashes.collect::<Vec<_>>(),
            "externalReferences": links.collect::<Vec<_>>(),
        })
    };
    let components: Vec<_> = packages.iter().filter(|p| p.name != "e2ee-ffi").map(component).collect();
    json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "component": {
            "type": "library",
            "bom-ref": format!("frameseal@{VERSION}"),
            "name": "frameseal",
            "version": VERSION,
            "licenses": [{ "expression": "MIT OR Apache-2.0" }],
        } },
        "components": components,
    })
}
