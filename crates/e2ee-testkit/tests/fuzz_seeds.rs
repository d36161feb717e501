//! The committed seeds of the fuzz targets, and what fuzzing has found, run as ordinary tests.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use e2ee_testkit::fuzz::{TARGETS, run, seeds};

fn fuzz_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

/// The files of a directory, sorted.
fn files(dir: &Path) -> BTreeSet<PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn every_seed_runs() {
    for (target, _) in TARGETS {
        let dir = fuzz_dir().join("seeds").join(target);
        let mut names = BTreeSet::new();
        for (name, seed) in seeds(target) {
            let path = dir.join(&name);
            if std::env::var_os("UPDATE_SEEDS").is_some() {
                std::fs::create_dir_all(&dir).unwrap();
                std::fs::write(&path, &seed).unwrap();
            }
            assert_eq!(
                std::fs::read(&path).ok(),
                Some(seed),
                "{}: UPDATE_SEEDS=1 writes it anew",
                path.display()
            );
            assert!(names.insert(path), "two seeds of {target} are called {name}");
        }
        assert!(names.len() > 5, "{target}");
        // Files that no seed is made for are finds.
        for path in files(&dir) {
            let data = std::fs::read(&path).unwrap();
            let ran = std::panic::catch_unwind(|| run(target, &data));
            assert!(ran.is_ok(), "{} fails", path.display());
        }
    }
}

#[test]
fn every_target_has_its_program() {
    let programs = files(&fuzz_dir().join("fuzz_targets"));
    let programs: BTreeSet<_> =
        programs.iter().map(|path| path.file_stem().unwrap().to_str().unwrap()).collect();
    let targets: BTreeSet<_> = TARGETS.iter().map(|(target, _)| *target).collect();
    assert_eq!(programs, targets);
    for target in targets {
        let manifest = std::fs::read_to_string(fuzz_dir().join("Cargo.toml")).unwrap();
        assert!(manifest.contains(&format!("name = \"{target}\"")), "{target} is not in fuzz/Cargo.toml");
    }
}

#[test]
fn short_inputs_are_fine_everywhere() {
    for (target, _) in TARGETS {
        for len in 0..40 {
            for filling in [0x00, 0x01, 0x42, 0xff] {
                run(target, &vec![filling; len]);
            }
        }
    }
}
