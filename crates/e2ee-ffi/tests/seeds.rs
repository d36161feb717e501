//! The seeds of the fuzz targets over the C functions, one call after the other. Miri runs these: it sees what a
//! sanitizer does not, such as two references to one value.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;

fn run(target: &str, mut fuzz: impl FnMut(&str, &[u8])) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(target);
    let entries = std::fs::read_dir(&dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    let mut seeds: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    seeds.sort();
    assert!(seeds.len() > 5, "{} seeds in {}", seeds.len(), dir.display());
    for seed in seeds {
        eprintln!("{}", seed.display());
        fuzz(seed.file_name().unwrap().to_str().unwrap(), &std::fs::read(&seed).unwrap());
    }
}

#[test]
fn c_abi() {
    run("c_abi", |_, data| frameseal::fuzz::media(data));
}

#[test]
#[cfg_attr(miri, ignore = "hours: key agreement, interpreted")]
fn c_session() {
    // Two that meet hear each other; with keys or without each other, nobody.
    run("c_session", |name, data| match (name, frameseal::fuzz::session(data)) {
        ("met", opened) => assert_eq!(opened, 2, "{name}"),
        ("one_without_the_secret" | "removed" | "left", opened) => assert_eq!(opened, 0, "{name}"),
        _ => {}
    });
}
