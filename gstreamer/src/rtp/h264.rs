//! H.264 in RTP packets (RFC 6184): single NAL unit packets and FU-A, packetization mode 1.
//!
//! Unlike `rtph264pay` it keeps zeros at the end of a frame: LiveKit's trailer ends with the key index, which is 0 as a
//! rule.

/// NAL unit type of a fragment.
const FU_A: u8 = 28;
/// Indicator and header of a fragment, bytes.
const FU_HEADERS: usize = 2;

/// The NAL units of an access unit with start codes.
fn units(frame: &[u8]) -> Vec<&[u8]> {
    let mut all = Vec::new();
    let mut begin = None;
    let mut at = 0;
    while let Some(found) = frame.get(at..).and_then(|rest| rest.windows(3).position(|w| w == [0, 0, 1])) {
        let code = at + found;
        if let Some(unit) = begin.and_then(|begin| frame.get(begin..code)) {
            // Zeros before a start code belong to it.
            let len = unit.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            all.extend(unit.get(..len));
        }
        at = code + 3;
        begin = Some(at);
    }
    all.extend(begin.and_then(|begin| frame.get(begin..)));
    all.retain(|unit| !unit.is_empty());
    all
}

/// The payloads of an access unit, each at most `max` bytes. `None` without a NAL unit.
pub(super) fn packetize(frame: &[u8], max: usize) -> Option<Vec<Vec<u8>>> {
    let mut packets = Vec::new();
    for unit in units(frame) {
        let (&header, body) = unit.split_first()?;
        if unit.len() <= max {
            packets.push(unit.to_vec());
            continue;
        }
        let parts = body.chunks(max.saturating_sub(FU_HEADERS).max(1));
        let last = parts.len() - 1;
        packets.extend(parts.enumerate().map(|(at, part)| {
            let start = if at == 0 { 0x80 } else { 0 };
            let end = if at == last { 0x40 } else { 0 };
            let mut packet = Vec::with_capacity(FU_HEADERS + part.len());
            packet.extend([header & 0xe0 | FU_A, start | end | header & 0x1f]);
            packet.extend_from_slice(part);
            packet
        }));
    }
    (!packets.is_empty()).then_some(packets)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn units_keep_their_bytes_and_the_last_one_its_zeros() {
        let frame = [0, 0, 0, 1, 0x67, 9, 0, 0, 0, 1, 0x68, 0, 0, 1, 0x65, 1, 2, 0, 12, 0];
        assert_eq!(units(&frame), [&[0x67, 9][..], &[0x68], &[0x65, 1, 2, 0, 12, 0]]);
        assert_eq!(packetize(&frame, 100).unwrap().len(), 3);
        assert_eq!(packetize(&[1, 2, 3], 100), None);
        assert_eq!(packetize(&[], 100), None);
    }

    #[test]
    fn fragments_say_where_they_stand() {
        let frame = [&[0, 0, 0, 1, 0x65][..], &[7; 25]].concat();
        let packets = packetize(&frame, 12).unwrap();
        assert_eq!(packets.iter().map(Vec::len).collect::<Vec<_>>(), [12, 12, 7]);
        assert_eq!(
            packets.iter().map(|p| (p[0], p[1])).collect::<Vec<_>>(),
            [(0x7c, 0x85), (0x7c, 0x05), (0x7c, 0x45)]
        );
    }
}
