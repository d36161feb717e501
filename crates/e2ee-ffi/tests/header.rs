//! The committed header is what the crate says.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;

#[test]
fn the_header_is_fresh() {
    let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = crate_dir.join("include/frameseal.h");
    let config = cbindgen::Config::from_file(crate_dir.join("cbindgen.toml")).unwrap();
    let bindings = cbindgen::generate_with_config(crate_dir, config).unwrap();
    let mut made = Vec::new();
    bindings.write(&mut made);
    let made = tidy(&String::from_utf8(made).unwrap());
    if std::env::var_os("UPDATE_HEADER").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        made == committed,
        "include/frameseal.h is not what the crate says; run\n  UPDATE_HEADER=1 cargo test -p e2ee-ffi --test header"
    );
}

/// What Rust must say about safety, the header's rules say for C. Line ends without spaces.
fn tidy(header: &str) -> String {
    let mut lines: Vec<&str> = Vec::new();
    let mut skipping = false;
    for line in header.lines().map(str::trim_end) {
        if line == " * # Safety" {
            skipping = true;
            // The empty line before it goes too.
            if lines.last() == Some(&" *") {
                lines.pop();
            }
        }
        skipping &= line != " */";
        if !skipping {
            lines.push(line);
        }
    }
    lines.join("\n") + "\n"
}
