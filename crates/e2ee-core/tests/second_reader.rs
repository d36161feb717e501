//! A second reader of the Frameseal format, written from `docs/formats.md` alone: no code of this crate, only ring's
//! HKDF and AES-GCM. It opens the committed figures, so the document is enough for another implementation.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use ring::{aead, hkdf};
use serde_json::Value;

struct Len(usize);

impl hkdf::KeyType for Len {
    fn len(&self) -> usize {
        self.0
    }
}

fn extract(hash: hkdf::Algorithm, key: &[u8]) -> hkdf::Prk {
    hkdf::Salt::new(hash, b"").extract(key)
}

fn expand(prk: &hkdf::Prk, info: &[u8], len: usize) -> Vec<u8> {
    let mut out = vec![0; len];
    prk.expand(&[info], Len(len)).unwrap().fill(&mut out).unwrap();
    out
}

/// Suites 4 and 5: hash, `Nh`, `Nk`, cipher.
fn suite(number: u64) -> Option<(hkdf::Algorithm, usize, usize, &'static aead::Algorithm)> {
    match number {
        4 => Some((hkdf::HKDF_SHA256, 32, 16, &aead::AES_128_GCM)),
        5 => Some((hkdf::HKDF_SHA512, 64, 32, &aead::AES_256_GCM)),
        _ => None,
    }
}

/// KID, CTR and the header's length.
fn header(bytes: &[u8]) -> (u64, u64, usize) {
    let config = bytes[0];
    let mut at = 1;
    let mut value = |extended: bool, bits: u8| {
        if !extended {
            return u64::from(bits);
        }
        let len = usize::from(bits) + 1;
        let value = bytes[at..at + len].iter().fold(0, |value, byte| value << 8 | u64::from(*byte));
        at += len;
        value
    };
    let kid = value(config & 0x80 != 0, config >> 4 & 7);
    let ctr = value(config & 0x08 != 0, config & 7);
    (kid, ctr, at)
}

fn leb128(bytes: &[u8], at: &mut usize) -> usize {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        let byte = bytes[*at];
        *at += 1;
        value |= usize::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return value;
        }
    }
    unreachable!()
}

/// Lengths of the clear units, and what follows them as it was before codecs had their say.
fn split(rule: u8, wire: &[u8]) -> (Vec<usize>, Vec<u8>) {
    match rule {
        1 => (vec![], wire.to_vec()),
        2 => {
            let clear = if wire[0] & 1 == 0 { 6 } else { 1 };
            (vec![clear], wire[clear..].to_vec())
        }
        3 => av1(wire),
        _ => annex_b(rule, wire),
    }
}

fn av1(wire: &[u8]) -> (Vec<usize>, Vec<u8>) {
    let (mut units, mut at) = (vec![], 0);
    loop {
        let start = at;
        let kind = wire[at] >> 3 & 15;
        at += if wire[at] & 4 == 0 { 1 } else { 2 };
        let size = leb128(wire, &mut at);
        if kind == 9 {
            assert_eq!(at + size, wire.len(), "one OBU holds the rest");
            return (units, wire[at..].to_vec());
        }
        at += size;
        units.push(at - start);
    }
}

fn annex_b(rule: u8, wire: &[u8]) -> (Vec<usize>, Vec<u8>) {
    let (mut units, mut at) = (vec![], 0);
    loop {
        assert_eq!(wire[at..at + 4], [0, 0, 0, 1]);
        let (slice, header) = if rule == 4 {
            (matches!(wire[at + 4] & 31, 1 | 5), 1)
        } else {
            (wire[at + 4] >> 1 & 63 < 32, 2)
        };
        if slice {
            units.push(4 + header + 1);
            at += 4 + header + 1;
            break;
        }
        let next = (at + 4..).find(|n| wire[*n..].starts_with(&[0, 0, 0, 1])).unwrap();
        units.push(next - at);
        at = next;
    }
    let (end, escaped) = wire[at..].split_last().unwrap();
    assert_eq!(*end, 0x80);
    let mut zeros = wire[..at].iter().rev().take(2).take_while(|byte| **byte == 0).count();
    let mut rest = vec![];
    for byte in escaped {
        if zeros == 2 && *byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if *byte == 0 { (zeros + 1).min(2) } else { 0 };
        rest.push(*byte);
    }
    (units, rest)
}

/// `clear units` and the plaintext become the frame.
fn join(clear: &[u8], units: &[usize], layout: u8, mut plaintext: Vec<u8>) -> Vec<u8> {
    if layout & 0x20 != 0 {
        let mark = plaintext.iter().rposition(|byte| *byte != 0).unwrap();
        assert_eq!(plaintext[mark], 1);
        plaintext.truncate(mark);
    }
    let mut runs = vec![];
    if layout & 0x10 != 0 {
        let count = usize::from(plaintext.pop().unwrap());
        let table = plaintext.split_off(plaintext.len() - 3 * count);
        for entry in table.chunks(3) {
            let len = usize::from(u16::from_be_bytes([entry[1], entry[2]]));
            let rest = plaintext.split_off(len);
            runs.push((usize::from(entry[0]), std::mem::replace(&mut plaintext, rest)));
        }
    }
    let (mut frame, mut at) = (vec![], 0);
    for (index, len) in units.iter().enumerate() {
        for (_, run) in runs.iter().filter(|(position, _)| *position == index) {
            frame.extend(run);
        }
        frame.extend(&clear[at..at + len]);
        at += len;
    }
    frame.extend(plaintext);
    frame
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn open(
    case: &Value,
    hash: hkdf::Algorithm,
    nh: usize,
    nk: usize,
    cipher: &'static aead::Algorithm,
) -> Vec<u8> {
    let text = |name: &str| case[name].as_str().unwrap();
    let number = |name: &str| case[name].as_u64().unwrap();
    let kinds = ["audio", "video", "screen-audio", "screen-video", "data"];
    let kind = kinds.iter().position(|kind| *kind == text("kind")).unwrap();
    let wire = hex(text("sealed"));
    let rule = match text("codec") {
        "opaque" => 1,
        "vp8" => 2,
        "av1" => 3,
        "h264" => 4,
        "h265" => 5,
        other => panic!("{other}"),
    };
    let (units, rest) = split(rule, &wire);
    let clear = &wire[..units.iter().sum()];
    let layout = rest[0];
    assert_eq!(layout & 0xc0, 0x40, "version");
    assert_eq!(layout & 0x0f, rule, "codec rule");
    let (kid, ctr, len) = header(&rest[1..]);
    assert_eq!(kid, number("generation") << number("ratchet_bits") | number("step"));
    assert_eq!(ctr.to_string(), text("ctr"));

    let len16 = |name: &str| {
        [&u16::try_from(text(name).len()).unwrap().to_be_bytes()[..], text(name).as_bytes()].concat()
    };
    let info =
        [b"Frameseal 1 media", &len16("call")[..], &len16("participant"), &[u8::try_from(kind).unwrap()]]
            .concat();
    let media = expand(&extract(hash, &hex(text("base_key"))), &info, nh);
    let secret = extract(hash, &media);
    let suite = u16::try_from(number("cipher_suite")).unwrap().to_be_bytes();
    let label = |word: &str| [word.as_bytes(), &kid.to_be_bytes(), &suite].concat();
    let key = expand(&secret, &label("SFrame 1.0 Secret key "), nk);
    assert_eq!(key, hex(text("sframe_key")));
    let mut nonce: [u8; 12] = expand(&secret, &label("SFrame 1.0 Secret salt "), 12).try_into().unwrap();
    nonce[4..].iter_mut().zip(ctr.to_be_bytes()).for_each(|(salt, ctr)| *salt ^= ctr);

    let aad = [&rest[1..=len], clear, &[layout], &hex(text("metadata"))].concat();
    let key = aead::LessSafeKey::new(aead::UnboundKey::new(cipher, &key).unwrap());
    let mut body = rest[1 + len..].to_vec();
    let nonce = aead::Nonce::assume_unique_for_key(nonce);
    let plaintext = key.open_in_place(nonce, aead::Aad::from(aad), &mut body).unwrap().to_vec();
    join(clear, &units, layout, plaintext)
}

#[test]
fn it_opens_every_committed_frame() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors/frameseal/frameseal.json");
    let file: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let groups = file["groups"].as_array().unwrap();
    let frames = groups.iter().filter(|group| group["kind"] == "frameseal.frame");
    let mut opened = 0;
    for case in frames.flat_map(|group| group["cases"].as_array().unwrap()) {
        let Some((hash, nh, nk, cipher)) = suite(case["cipher_suite"].as_u64().unwrap()) else { continue };
        let want = case["opened"].as_str().unwrap_or_else(|| case["plaintext"].as_str().unwrap());
        assert_eq!(open(case, hash, nh, nk, cipher), hex(want), "{case}");
        opened += 1;
    }
    assert!(opened >= 20, "only {opened} frames");
}
