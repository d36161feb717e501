//! What stands in the log: `version (1) | commit length (4) | commit | welcome length (4) | welcome | group info`.
//! Lengths are big-endian; no welcome has length 0.
use crate::mls::Proposed;

/// Version of this layout.
const VERSION: u8 = 1;
/// Longest entry that is read, bytes: a commit and welcome for some thousand members.
pub const MAX_ENTRY_LEN: usize = 4 << 20;

/// An entry that was read.
pub(super) struct Entry<'a> {
    pub(super) commit: &'a [u8],
    pub(super) welcome: Option<&'a [u8]>,
    pub(super) group_info: &'a [u8],
}

pub(super) fn write(Proposed { commit, welcome, group_info }: &Proposed) -> Vec<u8> {
    let mut out = vec![VERSION];
    for part in [commit, welcome.as_ref().unwrap_or(&Vec::new())] {
        // Lengths of own messages; what does not fit is refused by every reader.
        out.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        out.extend_from_slice(part);
    }
    out.extend_from_slice(group_info);
    out
}

pub(super) fn read(bytes: &[u8]) -> Option<Entry<'_>> {
    let (version, rest) = bytes.split_first()?;
    if *version != VERSION || bytes.len() > MAX_ENTRY_LEN {
        return None;
    }
    let (commit, rest) = part(rest)?;
    let (welcome, group_info) = part(rest)?;
    Some(Entry { commit, welcome: (!welcome.is_empty()).then_some(welcome), group_info })
}

fn part(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_be_bytes(*len) as usize)
}
