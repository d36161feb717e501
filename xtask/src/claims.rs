//! The tables of SECURITY.md that map claims to tests: every name must be a test that exists.

use crate::run::{Error, Result, root};
use std::collections::BTreeSet;
use std::path::Path;

/// Checks the map; gives how many names it holds.
pub(crate) fn check() -> Result<usize> {
    let text = std::fs::read_to_string(root().join("SECURITY.md"))?;
    let names = names(&text);
    if names.is_empty() {
        return Err(Error::new("SECURITY.md maps no claim to a test"));
    }
    let mut tests = BTreeSet::new();
    for dir in ["crates", "sdk/test", "sdk/e2e", "examples/meet/test"] {
        collect(&root().join(dir), &mut tests);
    }
    let missing: Vec<_> = names.iter().filter(|name| !tests.contains(**name)).copied().collect();
    match missing.as_slice() {
        [] => Ok(names.len()),
        names => Err(Error::new(format!("SECURITY.md names tests that are not there: {}", names.join(", ")))),
    }
}

/// What stands in backticks in the second column of the claims tables.
fn names(text: &str) -> BTreeSet<&str> {
    let claims = text.split_once("\n## Claims and their tests").map_or("", |(_, after)| after);
    let rows = claims.lines().filter(|line| line.starts_with('|'));
    let cells = rows.filter_map(|row| row.trim_end_matches('|').rsplit('|').next());
    cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect()
}

/// Names of Rust functions and titles of TypeScript tests below `dir`.
fn collect(dir: &Path, tests: &mut BTreeSet<String>) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        if path.is_dir() && !path.ends_with("node_modules") {
            collect(&path, tests);
        }
        let ending = path.extension().and_then(|e| e.to_str());
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        match ending {
            Some("rs") => tests.extend(text.split("fn ").skip(1).filter_map(|rest| {
                let name = rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next()?;
                rest.get(name.len()..)?.starts_with('(').then(|| name.to_owned())
            })),
            Some("ts" | "mjs") => tests.extend(text.lines().filter_map(title)),
            _ => {}
        }
    }
}

/// The title of `test("title", ...)`, however the function is called.
fn title(line: &str) -> Option<String> {
    let line = line.trim_start();
    let call = ["test(", "await t.test(", "it(", "row(", "name:"]
        .into_iter()
        .find_map(|call| line.strip_prefix(call))?;
    let call = call.trim_start();
    let quote = call.chars().next().filter(|c| matches!(c, '"' | '\'' | '`'))?;
    Some(call.get(1..)?.split(quote).next()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_column_below_the_heading_counts() {
        let text = "| a | `not` |\n\n## Claims and their tests\n\n| claim `x` | tests |\n|---|---|\n| b | `one` `two` |\n";
        assert_eq!(names(text).into_iter().collect::<Vec<_>>(), ["one", "two"]);
    }

    #[test]
    fn titles_of_typescript_tests_are_read() {
        assert_eq!(title("  test(\"wrong key\", async () => {").as_deref(), Some("wrong key"));
        assert_eq!(title("const test = 3;"), None);
    }
}
