//! Names that others wrote, made fit to be shown.

use std::fmt::Write as _;

use crate::names::misleads;

/// Longest name that is shown, characters; the rest is cut, and an ellipsis says so.
pub(super) const MAX_SHOWN: usize = 128;

/// The name with what misleads written out, as in `\u{202e}`, at most [`MAX_SHOWN`] characters of it.
pub(super) fn shown(name: &str) -> String {
    let mut out = String::with_capacity(name.len().min(4 * MAX_SHOWN));
    for (index, c) in name.chars().enumerate() {
        if index == MAX_SHOWN {
            out.push('…');
            break;
        }
        if misleads(c) {
            // Writing to a string does not fail.
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_misleads_is_written_out_and_names_of_all_scripts_stay() {
        for name in ["Zoé Núñez", "山田 太郎", "نیلوفر می\u{200c}خواهد", "क्\u{200d}ष", "O'Neill-Łuczak", "😀"]
        {
            assert_eq!(shown(name), name);
        }
        assert_eq!(shown("Bob\u{202e}ecilA"), "Bob\\u{202e}ecilA");
        assert_eq!(shown("a\nb\0c\u{200b}d\u{e0041}"), "a\\u{a}b\\u{0}c\\u{200b}d\\u{e0041}");
        let long = "é".repeat(MAX_SHOWN + 1);
        assert_eq!(shown(&long).chars().count(), MAX_SHOWN + 1);
        assert!(shown(&long).ends_with('…'));
    }
}
