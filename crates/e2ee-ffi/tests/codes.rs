//! One table of numbers for Rust, C and TypeScript.
#![allow(clippy::unwrap_used, unsafe_code)]

use std::collections::BTreeMap;
use std::path::Path;

use e2ee_core::frame::codec::LayoutError;
use e2ee_core::frame::header::HeaderError;
use e2ee_core::{CipherSuite, Ctr, Kid, OpenCause, Provider, SealCause};

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// Number and name of every status in the header.
fn header() -> BTreeMap<u16, String> {
    let header = read("include/frameseal.h");
    let lines = header.lines().filter_map(|line| line.trim().strip_prefix("FRAMESEAL_STATUS_"));
    let pairs = lines.filter_map(|line| line.trim_end_matches(',').split_once(" = "));
    pairs.map(|(name, number)| (number.parse().unwrap(), name.to_owned())).collect()
}

/// `StaleOpen` as `STALE_OPEN`.
fn screaming(camel: &str) -> String {
    let mut out = String::new();
    for c in camel.chars() {
        if c.is_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(c.to_ascii_uppercase());
    }
    out
}

#[test]
fn every_cause_of_the_core_has_a_status() {
    let (kid, ctr) = (Kid(1), Ctr(1));
    let unsupported = Provider::best().aead(CipherSuite::Aes128GcmSha256_128, b"short").err().unwrap();
    let open = [
        OpenCause::Layout(LayoutError::Malformed),
        OpenCause::Header(HeaderError::Truncated),
        OpenCause::TooShort,
        OpenCause::UnknownVersion,
        OpenCause::WrongCodec,
        OpenCause::Trailer,
        OpenCause::UnknownKey { kid },
        OpenCause::TooFar { kid },
        OpenCause::Replayed { kid, ctr },
        OpenCause::TooOld { kid, ctr },
        OpenCause::Rejected { kid, ctr },
        OpenCause::Stale,
        OpenCause::NoCodec,
        OpenCause::Injected,
    ];
    let seal = [
        SealCause::Layout(LayoutError::Malformed),
        SealCause::Worn,
        SealCause::StepsUsedUp,
        SealCause::Unsupported(unsupported),
        SealCause::Refused,
        SealCause::OldEpoch,
        SealCause::WrongScheme,
        SealCause::Stale,
        SealCause::NoKey,
        SealCause::NoCodec,
    ];
    let header = header();
    let codes = open.iter().map(|cause| cause.code()).chain(seal.iter().map(|cause| cause.code()));
    let codes: Vec<u16> = codes.map(|code| code.0).collect();
    for code in &codes {
        assert!(header.contains_key(code), "no status {code} in frameseal.h");
    }
    // And none is made up.
    let of_the_core: Vec<u16> = header.keys().copied().filter(|code| (100..300).contains(code)).collect();
    assert_eq!(of_the_core, codes);
}

#[test]
fn c_and_typescript_use_the_same_names() {
    let header = header();
    let typescript = read("../../sdk/src/codes.ts");
    let table = typescript.split_once("export const enum Code {").unwrap().1.split_once('}').unwrap().0;
    let mut shared = 0;
    for line in table.lines().filter_map(|line| line.trim().strip_suffix(',')) {
        let (name, number) = line.split_once(" = ").unwrap();
        if let Some(c_name) = header.get(&number.parse().unwrap()) {
            assert_eq!(*c_name, screaming(name), "number {number}");
            shared += 1;
        }
    }
    assert!(shared >= 20, "only {shared} numbers in common");
}

#[test]
fn every_status_has_a_word_of_its_own() {
    let mut words = BTreeMap::new();
    for (number, name) in header() {
        let word = frameseal::frameseal_strerror(i32::from(number));
        // SAFETY: frameseal_strerror gives a constant C string.
        let word = unsafe { std::ffi::CStr::from_ptr(word) }.to_str().unwrap();
        assert_ne!(word, "unknown status", "{name}");
        assert_eq!(words.insert(word.to_owned(), name.clone()), None, "{name}");
    }
}

#[test]
fn suites_kinds_and_codecs_have_the_numbers_of_the_core() {
    let header = read("include/frameseal.h");
    let has = |name: &str, number: u32| {
        assert!(header.contains(&format!("FRAMESEAL_{name} = {number},")), "{name}")
    };
    for suite in CipherSuite::ALL {
        let name = suite.name().replace("AES_", "AES").replace("_128_CTR", "128_CTR");
        let (head, tag) = name.rsplit_once('_').unwrap();
        has(&format!("SUITE_{head}_TAG{tag}"), u32::from(suite.number()));
    }
    for kind in e2ee_core::TrackKind::ALL {
        has(&format!("KIND_{}", kind.as_str().to_uppercase().replace('-', "_")), kind as u32);
    }
    for rule in e2ee_core::CodecRule::ALL {
        has(&format!("CODEC_{}", format!("{rule:?}").to_uppercase()), u32::from(rule.to_wire()));
    }
}
