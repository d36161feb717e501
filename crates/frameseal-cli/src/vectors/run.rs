//! Running all cases of a file.

use std::collections::BTreeMap;

use super::{CaseError, VectorFile, check};

/// What became of one case.
#[derive(Debug)]
pub struct Outcome<'a> {
    /// Its kind.
    pub kind: &'a str,
    /// Its place among the cases of this kind in the file, from 0.
    pub index: usize,
    /// `Err` says why it failed.
    pub result: Result<(), CaseError>,
}

impl VectorFile {
    /// Runs the cases one by one, as the iterator is advanced.
    pub fn run(&self) -> impl Iterator<Item = Outcome<'_>> {
        let mut seen = BTreeMap::<&str, usize>::new();
        let cases = self.groups.iter().flat_map(|group| group.cases.iter().map(|case| (&*group.kind, case)));
        cases.map(move |(kind, case)| {
            let count = seen.entry(kind).or_default();
            let index = *count;
            *count += 1;
            Outcome { kind, index, result: check(kind, case) }
        })
    }
}
