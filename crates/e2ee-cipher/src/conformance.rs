//! What every backend must show. Each provider runs this, in WebAssembly too.

use alloc::format;
use alloc::string::String;
use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

use sha2::{Digest, Sha256};

use crate::{CipherSuite, Provider};

/// Runs the suite on `provider`.
///
/// # Errors
/// The first thing that does not hold, in words.
pub fn check(provider: &Provider) -> Result<(), String> {
    CipherSuite::ALL.into_iter().try_for_each(|suite| {
        check_suite(provider, suite).map_err(|what| format!("{} {suite}: {what}", provider.name()))
    })
}

fn check_suite(provider: &Provider, suite: CipherSuite) -> Result<(), String> {
    known_answer(provider, suite)?;
    known_lengths(provider, suite)?;
    lengths_and_forgeries(provider, suite)?;
    wrong_key_lengths(provider, suite)
}

fn known_answer(provider: &Provider, suite: CipherSuite) -> Result<(), String> {
    let known = KNOWN.iter().find(|k| k.suite == suite.number()).ok_or("no known answer")?;
    let aead = provider.aead(suite, &hex(known.key)).map_err(|e| e.to_string())?;
    let nonce: [u8; 12] = hex(known.nonce).try_into().map_err(|_| "nonce of 12 bytes")?;
    let (aad, plain, sealed) = (hex(KNOWN_AAD), hex(KNOWN_PLAIN), hex(known.ciphertext));
    let mut buf = plain.clone();
    buf.resize(plain.len() + suite.tag_len(), 0);
    aead.seal(&nonce, &aad, &mut buf).map_err(|_| "refused to seal")?;
    same(&buf, &sealed, "known ciphertext")?;
    aead.open(&nonce, &aad, &mut buf).map_err(|_| "refused the known ciphertext")?;
    same(buf.get(..plain.len()).unwrap_or_default(), &plain, "known plaintext")
}

/// Ciphertexts of every length that ends differently, by the hash over them all: a round trip does not tell a wrong order
/// of blocks.
fn known_lengths(provider: &Provider, suite: CipherSuite) -> Result<(), String> {
    let known = KNOWN.iter().find(|k| k.suite == suite.number()).ok_or("no known answer")?;
    let aead = provider.aead(suite, &hex(known.key)).map_err(|e| e.to_string())?;
    let mut all = Sha256::new();
    for len in (0..=320).chain([1200, 4321]) {
        let mut sealed: Vec<u8> = (0..len).map(|at: usize| (at & 0xff) as u8).collect();
        sealed.resize(len + suite.tag_len(), 0);
        aead.seal(&[(len & 0xff) as u8; 12], b"aad", &mut sealed).map_err(|_| "refused to seal")?;
        all.update(&sealed);
    }
    same(&all.finalize(), &hex(known.lengths), "hash over all lengths")
}

fn lengths_and_forgeries(provider: &Provider, suite: CipherSuite) -> Result<(), String> {
    let key: Vec<u8> = (0u8..).take(suite.key_len()).collect();
    let aead = provider.aead(suite, &key).map_err(|e| e.to_string())?;
    if aead.tag_len() != suite.tag_len() {
        return Err(format!("tag of {} bytes, the suite has {}", aead.tag_len(), suite.tag_len()));
    }
    for len in [0, 1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 255, 256, 1200, 5000] {
        let plain: Vec<u8> = (0..len).map(|i: usize| (i.wrapping_mul(7) & 0xff) as u8).collect();
        let aad = plain.get(..len.min(40)).unwrap_or_default().to_vec();
        let nonce = [len as u8; 12];
        let mut sealed = plain.clone();
        sealed.resize(len + suite.tag_len(), 0);
        aead.seal(&nonce, &aad, &mut sealed).map_err(|_| format!("refused to seal {len} bytes"))?;
        let mut opened = sealed.clone();
        aead.open(&nonce, &aad, &mut opened).map_err(|_| format!("refused its own {len} bytes"))?;
        same(opened.get(..len).unwrap_or_default(), &plain, "round trip")?;

        let flips = sealed.len().min(48);
        for at in (0..flips).chain(sealed.len() - flips..sealed.len()) {
            let mut forged = sealed.clone();
            if let Some(byte) = forged.get_mut(at) {
                *byte ^= 1 << (at % 8);
            }
            refused(aead.open(&nonce, &aad, &mut forged), "a flipped bit")?;
        }
        let mut other_nonce = nonce;
        other_nonce.iter_mut().take(1).for_each(|b| *b ^= 1);
        refused(aead.open(&other_nonce, &aad, &mut sealed.clone()), "another nonce")?;
        let longer: Vec<u8> = aad.iter().copied().chain([0]).collect();
        refused(aead.open(&nonce, &longer, &mut sealed.clone()), "another AAD")?;
        let mut short = sealed.clone();
        short.truncate(sealed.len() - 1);
        refused(aead.open(&nonce, &aad, &mut short), "a truncated text")?;
    }
    for len in 0..suite.tag_len() {
        refused(aead.open(&[0; 12], &[], &mut vec![0; len]), "less than a tag")?;
        refused(aead.seal(&[0; 12], &[], &mut vec![0; len]), "a buffer without room for the tag")?;
    }
    Ok(())
}

fn wrong_key_lengths(provider: &Provider, suite: CipherSuite) -> Result<(), String> {
    for len in (0..100).filter(|len| *len != suite.key_len()) {
        if provider.aead(suite, &vec![0; len]).is_ok() {
            return Err(format!("took a key of {len} bytes"));
        }
    }
    Ok(())
}

fn refused<T, E>(answer: Result<T, E>, what: &str) -> Result<(), String> {
    if answer.is_ok() { Err(format!("accepted {what}")) } else { Ok(()) }
}

fn same(got: &[u8], want: &[u8], what: &str) -> Result<(), String> {
    if got == want { Ok(()) } else { Err(format!("{what}: got {got:02x?}, want {want:02x?}")) }
}

fn hex(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks(2)
        .filter_map(|pair| u8::from_str_radix(core::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

struct Known {
    suite: u16,
    key: &'static str,
    ciphertext: &'static str,
    nonce: &'static str,
    /// SHA-256 over what `known_lengths` seals.
    lengths: &'static str,
}

/// Figures of RFC 9605 appendix C.3 and of draft-barnes-sframe-iana-256, below the frame layer.
const KNOWN_AAD: &str = "99012345674945544620534672616d65205747";
const KNOWN_PLAIN: &str = "64726166742d696574662d736672616d652d656e63";
const KNOWN: &[Known] = &[
    Known {
        suite: 1,
        key: "3f7d9a7c83ae8e1c8a11ae695ab59314b367e359fadac7b9c46b2bc6f81f46e16b96f0811868d59402b7e870102720b3",
        ciphertext: "449408b6f490086165b9d6f62b24ae1a59a56486b4ae8ed036b88912e24f11",
        nonce: "50b29329a04dc0f184ac740f",
        lengths: "db478f7281de50ab69d56290926ef7707d108531c3c545268b10eee1be2682dc",
    },
    Known {
        suite: 2,
        key: "e2ec5c797540310483b16bf6e7a570d2a27d192fe869c7ccd8584a8d9dab91549fbe553f5113461ec6aa83bf3865553e",
        ciphertext: "3f31438db4d09434e43afa0f8a2f00867a2be085046a9f5cb4f101d607",
        nonce: "e68ac8dd3d02fbcd368c1010",
        lengths: "4ec852bfec21816cd070b1e628b80941b37acda19cb202d03a819c75a912d703",
    },
    Known {
        suite: 3,
        key: "2c5703089cbb8c583475e4fc461d97d18809df79b6d550f78eb6d50ffa80d89211d57909934f46f5405e38cd583c69fe",
        ciphertext: "17fc8af28a5a695afcfc6c8df6358a17e26b2fcb3bae32e443",
        nonce: "38c16e4f5159700c00c7b637",
        lengths: "39adbdd458be1b21e80661bfa7b24cd8e17e7aaeabcfba1f2a38e1c24e1fe52a",
    },
    Known {
        suite: 4,
        key: "d34f547f4ca4f9a7447006fe7fcbf768",
        ciphertext: "b7412c2513a1b66dbb48841bbaf17f598751176ad847681a69c6d0b091c07018ce4adb34eb",
        nonce: "75234edefe07819026755d71",
        lengths: "52fb7c6074927fe5951affe22583e97e8c777e276bcc1768ddeb758dae35b89b",
    },
    Known {
        suite: 5,
        key: "d3e27b0d4a5ae9e55df01a70e6d4d28d969b246e2936f4b7a5d9b494da6b9633",
        ciphertext: "94f509d36e9beacb0e261d99c7d1e972f1fed787d4049f17ca21353c1cc24d56ceabced279",
        nonce: "84991c167b8cd23c9370cba0",
        lengths: "ccd450c90a2b63acf253e21f1ea13b3bd7e2e96cd405fb5b8a9bfd07593aafde",
    },
    Known {
        suite: 6,
        key: "3c343886ec1c79278836863e00fe934c8894460cfa367ebdc4856b0a9268a4f4fb99437876819394ef90b10ee12602d023f7128ee50f2314c2cc3cff4c56616d2fe03ad2a254cc2ed29b2a4d3f2534c0dda9e7c391ad1917ea07aa221dd4b224",
        ciphertext: "b369e03ec6467ad505ddc84914115069280c5c797555be6e32cde6ac25bc9e",
        nonce: "e082f7ce012ad30c87c4db58",
        lengths: "97d6ac876ac98a06b9837a22300b5a513467773ade372685f2ca4468a40789aa",
    },
    Known {
        suite: 7,
        key: "7271d6c6cbccd2e2343d480ebea65718a7bb379eefcf3f8d107c1e2a76e755293a497fd9e4e8291b965161987ef4ef24983eabb06cb0a392defaab18654780a39c106ffa4a47d4183a6e593cd0c1bcab2b9c6dcf049215845bfb7580c4dea80e",
        ciphertext: "97cb5644d8831ff8bdc080249990b24b569144cab2a87be22c20d97976",
        nonce: "46b4367993a314910d4dda5a",
        lengths: "f9e277f0789f90cf74e8dd236fcc4038eae293647f98e0b27eaa76134cb18698",
    },
    Known {
        suite: 8,
        key: "afe92c81e0df8c00fab619e0559fe5aeefce1ef77789d4c728af1b1c1f2e3552c405d274415a5291ec075c2d9954c450fbd36682a4e978494808b703ce78b409f9fec29b91e6e703a75c4131377c80c9d51b8906088092452e2593eb142eea2d",
        ciphertext: "112a94a288b85b49ffef1d279f2830165c39d76cac8884011c",
        nonce: "f6de647bac1263524cfb2054",
        lengths: "5bf506a3a87fa5e95697b26e8731d5cb9eb00b5b3b44731be9641495cb52bda2",
    },
];
