//! What members compare by voice.
use sha2::{Digest as _, Sha256};

/// Six groups of five digits out of what the members of an epoch agree on: its authenticator (RFC 9420 section 8.7) and the
/// keys of all. About 100 bits, so that nobody who shows two groups to two members makes the codes meet.
pub(super) fn code_of<'a>(authenticator: &[u8], keys: impl Iterator<Item = &'a [u8]>) -> String {
    let mut keys: Vec<&[u8]> = keys.collect();
    keys.sort_unstable();
    let mut hash = Sha256::new();
    hash.update(b"frameseal group code 1");
    hash.update(authenticator);
    for key in keys {
        hash.update(key);
    }
    let hash = hash.finalize();
    let groups = hash.chunks_exact(5).take(6).map(|five| {
        let number = five.iter().fold(0u64, |number, byte| (number << 8) | u64::from(*byte));
        format!("{:05}", number % 100_000)
    });
    groups.collect::<Vec<_>>().join(" ")
}
