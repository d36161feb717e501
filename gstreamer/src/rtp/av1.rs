//! AV1 in RTP packets (AV1 RTP payload format 1.0, section 4): OBUs without size fields, as elements with lengths.
//!
//! ```text
//! packet = Z Y W W N 0 0 0 | elements      Z, Y: the first, the last element is a fragment
//!                                          W: number of elements, the last then without length; 0: all with length
//! ```

const FRAGMENT_FIRST: u8 = 0x80;
const FRAGMENT_LAST: u8 = 0x40;
const NEW_SEQUENCE: u8 = 0x08;

const HAS_EXTENSION: u8 = 0x04;
const HAS_SIZE: u8 = 0x02;
const SEQUENCE_HEADER: u8 = 1;
const TEMPORAL_DELIMITER: u8 = 2;
const TILE_LIST: u8 = 8;
const PADDING: u8 = 15;

/// Largest temporal unit that is put together, bytes.
const MAX_UNIT: usize = 16 << 20;

const fn kind(header: u8) -> u8 {
    header >> 3 & 0x0f
}

/// LEB128 (AV1 specification section 4.10.5): the value, and how many bytes spell it.
fn read_leb128(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0_u64;
    for (at, byte) in bytes.iter().take(8).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            let value = u32::try_from(value).ok()?;
            return Some((usize::try_from(value).ok()?, at + 1));
        }
    }
    None
}

fn write_leb128(mut value: usize, into: &mut Vec<u8>) {
    while value > 0x7f {
        into.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    into.push((value & 0x7f) as u8);
}

const fn leb128_len(value: usize) -> usize {
    match value {
        0..=0x7f => 1,
        0x80..=0x3fff => 2,
        0x4000..=0x1f_ffff => 3,
        _ => 4,
    }
}

/// The OBUs of a temporal unit as elements: no delimiters, no size fields. `None` when it is not made of OBUs.
fn elements(mut unit: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut all = Vec::new();
    while let Some(&header) = unit.first() {
        if header & 0x80 != 0 {
            return None;
        }
        let framing = if header & HAS_EXTENSION != 0 { 2 } else { 1 };
        let rest = unit.get(framing..)?;
        let (size, spelt) = match header & HAS_SIZE {
            0 => (rest.len(), 0),
            _ => read_leb128(rest)?,
        };
        let body = rest.get(spelt..)?.get(..size)?;
        if !matches!(kind(header), TEMPORAL_DELIMITER | TILE_LIST | PADDING) {
            let mut element = Vec::with_capacity(framing + size);
            element.push(header & !HAS_SIZE);
            element.extend_from_slice(unit.get(1..framing)?);
            element.extend_from_slice(body);
            all.push(element);
        }
        unit = rest.get(spelt + size..)?;
    }
    Some(all)
}

/// The payloads of a temporal unit, each at most `max` bytes; `max` is at least 16. `None` when it is not made of OBUs.
pub(super) fn packetize(unit: &[u8], max: usize) -> Option<Vec<Vec<u8>>> {
    let all = elements(unit)?;
    let new = all.iter().any(|element| element.first().is_some_and(|h| kind(*h) == SEQUENCE_HEADER));
    let mut packets = Vec::new();
    let mut packet = vec![if new { NEW_SEQUENCE } else { 0 }];
    for element in &all {
        let mut rest = element.as_slice();
        while !rest.is_empty() {
            let room = max.saturating_sub(packet.len());
            let fits = room.saturating_sub(leb128_len(rest.len()));
            if fits < rest.len() && room < 8 {
                // A fragment so small is not worth its length.
                if rest.len() < element.len() {
                    set(&mut packet, FRAGMENT_LAST);
                }
                let first = if rest.len() < element.len() { FRAGMENT_FIRST } else { 0 };
                packets.push(std::mem::replace(&mut packet, vec![first]));
                continue;
            }
            let (now, later) = rest.split_at(fits.min(rest.len()));
            write_leb128(now.len(), &mut packet);
            packet.extend_from_slice(now);
            rest = later;
            if !later.is_empty() {
                set(&mut packet, FRAGMENT_LAST);
                packets.push(std::mem::replace(&mut packet, vec![FRAGMENT_FIRST]));
            }
        }
    }
    if packet.len() > 1 {
        packets.push(packet);
    }
    Some(packets)
}

fn set(packet: &mut [u8], flag: u8) {
    if let Some(header) = packet.first_mut() {
        *header |= flag;
    }
}

/// A temporal unit that is being put together.
#[derive(Default)]
pub(super) struct Unit {
    done: Vec<u8>,
    fragment: Vec<u8>,
    broken: bool,
}

impl Unit {
    /// A packet is missing: the unit is not whole any more.
    pub(super) fn lose(&mut self) {
        self.broken = true;
    }

    /// Takes a packet's payload.
    pub(super) fn add(&mut self, payload: &[u8]) {
        if self.broken || self.try_add(payload).is_none() || self.done.len() > MAX_UNIT {
            *self = Self { broken: true, ..Self::default() };
        }
    }

    fn try_add(&mut self, payload: &[u8]) -> Option<()> {
        let (&header, mut rest) = payload.split_first()?;
        let counted = usize::from(header >> 4 & 3);
        let mut at = 0;
        if (header & FRAGMENT_FIRST != 0) == self.fragment.is_empty() {
            return None;
        }
        while !rest.is_empty() {
            at += 1;
            let (len, spelt) = if at == counted { (rest.len(), 0) } else { read_leb128(rest)? };
            let element = rest.get(spelt..)?.get(..len)?;
            rest = rest.get(spelt + len..)?;
            self.fragment.extend_from_slice(element);
            if !rest.is_empty() || header & FRAGMENT_LAST == 0 {
                self.end_obu()?;
            }
        }
        (self.fragment.len() <= MAX_UNIT).then_some(())
    }

    /// An OBU is whole: it gets its size field back.
    fn end_obu(&mut self) -> Option<()> {
        let (&header, rest) = self.fragment.split_first()?;
        let extension = usize::from(header & HAS_EXTENSION != 0);
        if header & HAS_SIZE != 0 {
            self.done.extend_from_slice(&self.fragment);
        } else {
            self.done.push(header | HAS_SIZE);
            self.done.extend_from_slice(rest.get(..extension)?);
            let body = rest.get(extension..)?;
            write_leb128(body.len(), &mut self.done);
            self.done.extend_from_slice(body);
        }
        self.fragment.clear();
        Some(())
    }

    /// The unit ends here: it is given if it is whole, and the next begins.
    pub(super) fn end(&mut self) -> Option<Vec<u8>> {
        let unit = std::mem::take(self);
        (!unit.broken && unit.fragment.is_empty() && !unit.done.is_empty()).then_some(unit.done)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;

    fn obu(kind: u8, len: usize) -> Vec<u8> {
        let mut bytes = vec![kind << 3 | HAS_SIZE];
        write_leb128(len, &mut bytes);
        bytes.extend((0..len).map(|n| (n * 7) as u8));
        bytes
    }

    #[test]
    fn units_of_every_size_come_back_whole_without_delimiter() {
        for len in (0..400).chain([4000, 16_383, 16_384, 70_000]) {
            for max in [16, 17, 100, 1200] {
                let body = [obu(SEQUENCE_HEADER, 11), obu(9, len)].concat();
                let packets = packetize(&[obu(TEMPORAL_DELIMITER, 0), body.clone()].concat(), max).unwrap();
                assert!(packets.iter().all(|p| p.len() <= max && p.len() > 1), "{len} in {max}");
                assert_eq!(packets[0][0] & NEW_SEQUENCE, NEW_SEQUENCE);
                let mut unit = Unit::default();
                packets.iter().for_each(|packet| unit.add(packet));
                assert_eq!(unit.end().as_deref(), Some(&*body), "{len} in {max}");
            }
        }
    }

    #[test]
    fn a_unit_with_a_lost_packet_is_not_given() {
        let packets = packetize(&obu(9, 3000), 500).unwrap();
        for lost in 0..packets.len() {
            let mut unit = Unit::default();
            for (at, packet) in packets.iter().enumerate() {
                if at == lost { unit.lose() } else { unit.add(packet) }
            }
            assert_eq!(unit.end(), None);
            packets.iter().for_each(|packet| unit.add(packet));
            assert_eq!(unit.end(), Some(obu(9, 3000)));
        }
    }

    #[test]
    fn counted_elements_are_read_too() {
        let mut unit = Unit::default();
        unit.add(&[0x20, 2, 1 << 3, 5, 9 << 3, 6, 7]);
        assert_eq!(unit.end(), Some(vec![1 << 3 | 2, 1, 5, 9 << 3 | 2, 2, 6, 7]));
    }

    #[test]
    fn no_payload_makes_it_panic() {
        let mut seed = 1_u32;
        for len in 0..600_usize {
            let bytes: Vec<u8> = (0..len % 40)
                .map(|_| {
                    seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (seed >> 24) as u8
                })
                .collect();
            let mut unit = Unit::default();
            unit.add(&bytes);
            let _ = unit.end();
            let _ = packetize(&bytes, 20);
        }
    }
}
