//! Forgeries by one bit.

use super::CaseError;

/// Flips every bit of `bytes` in turn. Of long fields, all bits of both ends and evenly spread ones between them:
/// every bit of a large video frame would take hours.
pub(super) fn refuses_flips(
    field: &'static str,
    bytes: &[u8],
    mut opens: impl FnMut(&[u8]) -> bool,
) -> Result<(), CaseError> {
    let bits = bytes.len() * 8;
    let spread = (bits.saturating_sub(2 * END_BITS) / SPREAD_BITS).max(1);
    let mut forged = bytes.to_vec();
    for bit in 0..bits {
        let inside = bit >= END_BITS && bit < bits.saturating_sub(END_BITS);
        if inside && !(bit - END_BITS).is_multiple_of(spread) {
            continue;
        }
        flip(&mut forged, bit);
        if opens(&forged) {
            return Err(CaseError::ForgeryOpened { field, bit });
        }
        flip(&mut forged, bit);
    }
    Ok(())
}

fn flip(bytes: &mut [u8], bit: usize) {
    if let Some(byte) = bytes.get_mut(bit / 8) {
        *byte ^= 0x80 >> (bit % 8);
    }
}

/// Bits at each end of a field that are all flipped: 512 bytes.
const END_BITS: usize = 4096;
/// Bits between them that are flipped at most, or a few more.
const SPREAD_BITS: usize = 4099;
