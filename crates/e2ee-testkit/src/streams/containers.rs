//! Cutting encoded files into frames. Written apart from the codec rules on purpose: what one side reads
//! wrongly, the other should not read wrongly in the same way.

/// What is wrong with a file, and at which byte.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Bad(pub(super) &'static str, pub(super) usize);

type Frames = Result<Vec<Vec<u8>>, Bad>;

/// IVF: a header of 32 bytes, then size (u32 LE), time (u64), frame.
pub(super) fn ivf(bytes: &[u8]) -> Frames {
    if !bytes.starts_with(b"DKIF") {
        return Err(Bad("no IVF signature", 0));
    }
    let mut at = usize::from(little_u16(bytes, 6)?);
    let mut frames = Vec::new();
    while at < bytes.len() {
        let size = usize::from(little_u16(bytes, at)?) | usize::from(little_u16(bytes, at + 2)?) << 16;
        let frame = bytes.get(at + 12..at + 12 + size).ok_or(Bad("IVF frame is cut off", at))?;
        frames.push(frame.to_vec());
        at += 12 + size;
    }
    Ok(frames)
}

/// AV1 in low-overhead format: a temporal unit begins at each temporal delimiter.
pub(super) fn temporal_units(bytes: &[u8]) -> Frames {
    let mut frames: Vec<Vec<u8>> = Vec::new();
    let mut at = 0;
    while let Some(header) = bytes.get(at) {
        if header & 2 == 0 {
            return Err(Bad("OBU without size", at));
        }
        let mut body = at + 1 + usize::from(header >> 2 & 1);
        let (mut size, mut bits) = (0_usize, 0);
        loop {
            let byte = *bytes.get(body).ok_or(Bad("OBU size is cut off", at))?;
            size |= usize::from(byte & 0x7f) << bits;
            body += 1;
            bits += 7;
            if byte & 0x80 == 0 || bits > 28 {
                break;
            }
        }
        let obu = bytes.get(at..body + size).ok_or(Bad("OBU is cut off", at))?;
        if header >> 3 & 15 == 2 {
            frames.push(Vec::new());
        }
        frames.last_mut().ok_or(Bad("no temporal delimiter", at))?.extend_from_slice(obu);
        at = body + size;
    }
    Ok(frames)
}

/// H.264 and H.265 Annex B: an access unit ends before the first unit behind a slice that is not a further
/// slice of the same picture (H.264 section 7.4.1.2.3, H.265 section 7.4.2.4.4).
pub(super) fn access_units(bytes: &[u8], h265: bool) -> Frames {
    let mut cuts = Vec::new();
    let mut behind_slice = false;
    for (start, header) in nal_units(bytes) {
        let first = *bytes.get(header).ok_or(Bad("NAL unit is empty", header))?;
        let (slice, begins) = if h265 {
            let kind = first >> 1 & 0x3f;
            let first_segment = bytes.get(header + 2).is_some_and(|byte| byte & 0x80 != 0);
            (
                kind < 32,
                if kind < 32 { first_segment } else { matches!(kind, 32..=35 | 39 | 41..=44 | 48..=55) },
            )
        } else {
            let kind = first & 0x1f;
            let first_macroblock = bytes.get(header + 1).is_some_and(|byte| byte & 0x80 != 0);
            let slice = matches!(kind, 1..=5);
            (slice, if slice { first_macroblock } else { matches!(kind, 6..=9 | 14..=18) })
        };
        if cuts.is_empty() || (behind_slice && begins) {
            cuts.push(start);
            behind_slice = false;
        }
        behind_slice |= slice;
    }
    if cuts.first() != Some(&0) {
        return Err(Bad("no start code", 0));
    }
    let ends = cuts.iter().skip(1).copied().chain([bytes.len()]);
    Ok(cuts.iter().zip(ends).filter_map(|(start, end)| bytes.get(*start..end)).map(<[u8]>::to_vec).collect())
}

/// Where each NAL unit's start code (with its zero byte) and header begin.
fn nal_units(bytes: &[u8]) -> Vec<(usize, usize)> {
    let mut units = Vec::new();
    for (at, three) in bytes.windows(3).enumerate() {
        if three == [0, 0, 1] {
            let zero_before = at.checked_sub(1).and_then(|before| bytes.get(before)) == Some(&0);
            units.push((at - usize::from(zero_before), at + 3));
        }
    }
    units
}

/// Ogg (RFC 3533): the packets of its pages, without the two Opus headers (RFC 7845).
pub(super) fn ogg_packets(bytes: &[u8]) -> Frames {
    let mut packets = Vec::new();
    let mut packet = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let page = bytes.get(at..).unwrap_or_default();
        let segments = usize::from(*page.get(26).ok_or(Bad("Ogg page is cut off", at))?);
        let lacing = page.get(27..27 + segments).ok_or(Bad("Ogg page is cut off", at))?;
        if !page.starts_with(b"OggS") {
            return Err(Bad("no Ogg page", at));
        }
        let mut from = 27 + segments;
        for length in lacing {
            let to = from + usize::from(*length);
            packet.extend_from_slice(page.get(from..to).ok_or(Bad("Ogg packet is cut off", at))?);
            from = to;
            if *length < 255 {
                packets.push(std::mem::take(&mut packet));
            }
        }
        at += from;
    }
    if !packets.first().is_some_and(|head| head.starts_with(b"OpusHead")) {
        return Err(Bad("no Opus header", 0));
    }
    Ok(packets.split_off(2.min(packets.len())))
}

fn little_u16(bytes: &[u8], at: usize) -> Result<u16, Bad> {
    match bytes.get(at..at + 2) {
        Some([low, high]) => Ok(u16::from_le_bytes([*low, *high])),
        _ => Err(Bad("file is cut off", at)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn access_units_end_where_the_next_picture_begins() {
        let sps = b"\0\0\0\x01\x67\x42";
        let slice = b"\0\0\0\x01\x65\x88\x80";
        let further = b"\0\0\x01\x65\x44\x80";
        let delta = b"\0\0\x01\x41\x9a";
        let sei = b"\0\0\0\x01\x06\x05\x80";
        let file = [&sps[..], slice, further, sei, delta, delta].concat();
        let frames = access_units(&file, false).unwrap();
        assert_eq!(frames, [[&sps[..], slice, further].concat(), [&sei[..], delta].concat(), delta.to_vec()]);
    }

    #[test]
    fn cut_off_files_are_refused() {
        assert_eq!(ivf(b"DKIF\0\0\x08\0\x05\0\0\0\0\0\0\0\0\0\0\0abc"), Err(Bad("IVF frame is cut off", 8)));
        assert_eq!(ivf(b"RIFF"), Err(Bad("no IVF signature", 0)));
        assert_eq!(temporal_units(&[0x12, 0, 0x32, 9, 1]), Err(Bad("OBU is cut off", 2)));
        assert_eq!(temporal_units(&[0x32, 1, 1]), Err(Bad("no temporal delimiter", 0)));
        assert_eq!(access_units(b"\x67\x42", false), Err(Bad("no start code", 0)));
        assert_eq!(ogg_packets(b"OggS"), Err(Bad("Ogg page is cut off", 0)));
    }
}
