//! Frames put together again from RTP payloads, as a decoder would want them. This is what an SFU could look at.

use crate::codec::Codec;
use crate::source::Packet;

/// A frame with more packets than this is given up.
const MAX_PACKETS: usize = 2048;

/// A frame as the SFU sees it.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) ssrc: u32,
    pub(crate) timestamp: u32,
    pub(crate) codec: Codec,
    /// The SFU takes it for a key frame.
    pub(crate) key: bool,
    pub(crate) bytes: Vec<u8>,
}

/// Puts the packets of one RTP stream together. Packets out of order cost their frame, no more.
#[derive(Debug, Default)]
pub(crate) struct Assembler {
    packets: Vec<Packet>,
    /// Frames that were given up.
    pub(crate) incomplete: u64,
}

impl Assembler {
    /// Takes a packet; gives the frame that it completes.
    pub(crate) fn take(&mut self, packet: &Packet) -> Option<Frame> {
        if packet.codec.is_audio() {
            let bytes = packet.payload.to_vec();
            return Some(frame(packet, true, bytes));
        }
        if let Some(last) = self.packets.last() {
            let follows = packet.seq == last.seq + 1 && packet.timestamp == last.timestamp;
            if packet.seq <= last.seq {
                return None;
            }
            if !follows {
                self.give_up();
            }
        }
        if self.packets.len() >= MAX_PACKETS {
            self.give_up();
        }
        self.packets.push(packet.clone());
        if !packet.marker {
            return None;
        }
        let packets = std::mem::take(&mut self.packets);
        let made = assemble(&packets);
        if made.is_none() {
            self.incomplete += 1;
        }
        made
    }

    fn give_up(&mut self) {
        self.packets.clear();
        self.incomplete += 1;
    }
}

fn assemble(packets: &[Packet]) -> Option<Frame> {
    let first = packets.first()?;
    let payloads = packets.iter().map(|p| &*p.payload);
    let bytes = match first.codec {
        Codec::Vp8 => join(payloads, |p, first| vp8_payload(p).filter(|(_, begins)| *begins || !first))?,
        Codec::Vp9 => join(payloads, |p, first| vp9_payload(p).filter(|(_, begins)| *begins || !first))?,
        Codec::H264 => h264(payloads)?,
        Codec::Av1 => av1(payloads)?,
        _ => return None,
    };
    Some(frame(first, first.starts_key_frame, bytes))
}

fn frame(packet: &Packet, key: bool, bytes: Vec<u8>) -> Frame {
    Frame { ssrc: *packet.ssrc, timestamp: packet.timestamp, codec: packet.codec, key, bytes }
}

/// Joins payloads behind their descriptors.
fn join<'p>(
    payloads: impl Iterator<Item = &'p [u8]>,
    part: impl Fn(&'p [u8], bool) -> Option<(&'p [u8], bool)>,
) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    for (n, payload) in payloads.enumerate() {
        out.extend_from_slice(part(payload, n == 0)?.0);
    }
    Some(out)
}

/// VP8 behind its descriptor (RFC 7741 section 4.2), and whether a frame begins here.
fn vp8_payload(payload: &[u8]) -> Option<(&[u8], bool)> {
    let (&head, mut rest) = payload.split_first()?;
    if head & 0x80 != 0 {
        let (&extension, behind) = rest.split_first()?;
        rest = behind;
        if extension & 0x80 != 0 {
            let long = rest.first()? & 0x80 != 0;
            rest = rest.get(if long { 2 } else { 1 }..)?;
        }
        if extension & 0x40 != 0 {
            rest = rest.get(1..)?;
        }
        if extension & 0x30 != 0 {
            rest = rest.get(1..)?;
        }
    }
    Some((rest, head & 0x10 != 0 && head & 0x07 == 0))
}

/// VP9 behind its descriptor (RFC 9628 section 4.2), and whether a layer frame begins here.
fn vp9_payload(payload: &[u8]) -> Option<(&[u8], bool)> {
    let (&head, mut rest) = payload.split_first()?;
    let flexible = head & 0x10 != 0;
    if head & 0x80 != 0 {
        let long = rest.first()? & 0x80 != 0;
        rest = rest.get(if long { 2 } else { 1 }..)?;
    }
    if head & 0x20 != 0 {
        rest = rest.get(if flexible { 1 } else { 2 }..)?;
    }
    if flexible && head & 0x40 != 0 {
        let mut more = true;
        while more {
            let (&reference, behind) = rest.split_first()?;
            more = reference & 1 != 0;
            rest = behind;
        }
    }
    if head & 0x02 != 0 {
        rest = behind_scalability(rest)?;
    }
    Some((rest, head & 0x08 != 0))
}

/// Skips VP9's scalability structure.
fn behind_scalability(payload: &[u8]) -> Option<&[u8]> {
    let (&head, mut rest) = payload.split_first()?;
    if head & 0x10 != 0 {
        rest = rest.get(4 * (usize::from(head >> 5) + 1)..)?;
    }
    if head & 0x08 != 0 {
        let (&pictures, behind) = rest.split_first()?;
        rest = behind;
        for _ in 0..pictures {
            let (&picture, behind) = rest.split_first()?;
            rest = behind.get(usize::from((picture >> 2) & 0x03)..)?;
        }
    }
    Some(rest)
}

/// H.264 as Annex B (RFC 6184): single units, STAP-A, FU-A.
fn h264<'p>(payloads: impl Iterator<Item = &'p [u8]>) -> Option<Vec<u8>> {
    const START: [u8; 4] = [0, 0, 0, 1];
    let mut out = Vec::new();
    for payload in payloads {
        let (&head, rest) = payload.split_first()?;
        match head & 0x1f {
            24 => {
                let mut units = rest;
                while !units.is_empty() {
                    let (len, behind) = units.split_first_chunk::<2>()?;
                    let (unit, behind) = behind.split_at_checked(usize::from(u16::from_be_bytes(*len)))?;
                    out.extend_from_slice(&START);
                    out.extend_from_slice(unit);
                    units = behind;
                }
            }
            28 => {
                let (&fragment, body) = rest.split_first()?;
                if fragment & 0x80 != 0 {
                    out.extend_from_slice(&START);
                    out.push((head & 0xe0) | (fragment & 0x1f));
                }
                out.extend_from_slice(body);
            }
            1..=23 => {
                out.extend_from_slice(&START);
                out.extend_from_slice(payload);
            }
            _ => return None,
        }
    }
    Some(out)
}

/// AV1 as OBUs with size fields (AV1 RTP payload format 1.0 section 4).
fn av1<'p>(payloads: impl Iterator<Item = &'p [u8]>) -> Option<Vec<u8>> {
    let mut obus: Vec<Vec<u8>> = Vec::new();
    for payload in payloads {
        let (&head, mut rest) = payload.split_first()?;
        let mut continues = head & 0x80 != 0;
        let count = usize::from((head >> 4) & 0x03);
        let mut n = 0;
        while !rest.is_empty() {
            n += 1;
            // The last of a stated number of elements has no length.
            let element = if count != 0 && n == count {
                std::mem::take(&mut rest)
            } else {
                let (len, behind) = leb128(rest)?;
                let (element, behind) = behind.split_at_checked(len)?;
                rest = behind;
                element
            };
            match obus.last_mut().filter(|_| std::mem::take(&mut continues)) {
                Some(last) => last.extend_from_slice(element),
                None => obus.push(element.to_vec()),
            }
        }
    }
    let mut out = Vec::new();
    for obu in &obus {
        put_obu(&mut out, obu)?;
    }
    Some(out)
}

/// Appends an OBU, with a size field whether it came with one or not.
fn put_obu(out: &mut Vec<u8>, obu: &[u8]) -> Option<()> {
    const HAS_SIZE: u8 = 0x02;
    let (&head, mut rest) = obu.split_first()?;
    out.push(head | HAS_SIZE);
    if head & 0x04 != 0 {
        let (&extension, behind) = rest.split_first()?;
        out.push(extension);
        rest = behind;
    }
    let body = if head & HAS_SIZE != 0 { leb128(rest)?.1 } else { rest };
    let mut size = body.len();
    loop {
        let low = size.to_le_bytes().first().copied().unwrap_or(0) & 0x7f;
        size >>= 7;
        out.push(if size == 0 { low } else { low | 0x80 });
        if size == 0 {
            break;
        }
    }
    out.extend_from_slice(body);
    Some(())
}

fn leb128(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0usize;
    for (n, byte) in bytes.iter().take(4).enumerate() {
        value |= usize::from(byte & 0x7f) << (7 * n);
        if byte & 0x80 == 0 {
            return Some((value, bytes.get(n + 1..)?));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::test_packet;

    fn packets(codec: Codec, payloads: &[&[u8]]) -> Vec<Packet> {
        let mut all: Vec<Packet> =
            payloads.iter().enumerate().map(|(n, p)| test_packet(1, n as u64, 90, codec, p)).collect();
        all.last_mut().unwrap().marker = true;
        all
    }

    fn whole(codec: Codec, payloads: &[&[u8]]) -> Option<Vec<u8>> {
        let mut assembler = Assembler::default();
        packets(codec, payloads).iter().fold(None, |_, p| assembler.take(p)).map(|f| f.bytes)
    }

    #[test]
    fn descriptors_are_taken_off() {
        assert_eq!(whole(Codec::Vp8, &[&[0x10, 1, 2], &[0x00, 3]]).unwrap(), [1, 2, 3]);
        assert_eq!(whole(Codec::Vp8, &[&[0x90, 0x80, 0x81, 0x02, 7]]).unwrap(), [7]);
        assert_eq!(whole(Codec::Vp9, &[&[0x88, 0x80, 0x01, 9], &[0x80, 0x80, 0x01, 8]]).unwrap(), [9, 8]);
    }

    #[test]
    fn units_are_put_together() {
        let stap: &[u8] = &[24, 0, 2, 0x67, 1, 0, 1, 0x68];
        let start: &[u8] = &[0x7c, 0x85, 5];
        let end: &[u8] = &[0x7c, 0x45, 6];
        let want = [0, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68, 0, 0, 0, 1, 0x65, 5, 6];
        assert_eq!(whole(Codec::H264, &[stap, start, end]).unwrap(), want);
        // W=2: a sequence header with a length, then the first half of a frame; Z=1 goes on with it.
        let first: &[u8] = &[0x68, 2, 0x08, 0xaa, 0x30, 1];
        let second: &[u8] = &[0x90, 2, 3];
        assert_eq!(whole(Codec::Av1, &[first, second]).unwrap(), [0x0a, 1, 0xaa, 0x32, 3, 1, 2, 3]);
    }

    #[test]
    fn a_gap_costs_the_frame_and_nothing_else() {
        let mut assembler = Assembler::default();
        let mut all = packets(Codec::Vp8, &[&[0x10, 1], &[0x00, 2], &[0x00, 3]]);
        all.remove(1);
        assert!(all.iter().all(|p| assembler.take(p).is_none()));
        assert!(assembler.incomplete > 0);
        for codec in [Codec::Vp8, Codec::Vp9, Codec::H264, Codec::Av1] {
            for len in 0..6 {
                let _ = whole(codec, &[&vec![0xff; len]]);
            }
        }
    }
}
