//! What depayloaders of H.264 and H.265 add to a stream: parameter sets from the SDP (`sprop-parameter-sets`), before
//! the first frame or as a frame of their own. They are authenticated with the frame they belong to, so a frame that
//! has them twice does not open until the copies are gone.

use crate::codec::Codec;

/// NAL units looked at before the first slice.
const MAX_UNITS: usize = 64;

/// The front of an access unit, up to its first slice.
pub(crate) struct Front<'a> {
    /// Parameter sets with the place of their start codes.
    sets: Vec<(usize, &'a [u8])>,
    /// Where the start code of the first unit stands that is no parameter set.
    rest: Option<usize>,
    frame: &'a [u8],
}

fn is_parameter_set(codec: Codec, header: u8) -> bool {
    match codec {
        Codec::H264 => matches!(header & 0x1f, 7 | 8 | 13 | 15),
        Codec::H265 => matches!(header >> 1 & 0x3f, 32..=34),
        _ => false,
    }
}

/// Place of the next `00 00 01` at or behind `from`.
fn start_code(frame: &[u8], from: usize) -> Option<usize> {
    let found = frame.get(from..)?.windows(3).position(|three| matches!(three, [0, 0, 1]))?;
    Some(from + found)
}

impl<'a> Front<'a> {
    /// Reads the parameter sets that begin a frame; `None` for other codecs, or without a start code.
    pub(crate) fn read(codec: Codec, frame: &'a [u8]) -> Option<Self> {
        if !matches!(codec, Codec::H264 | Codec::H265) {
            return None;
        }
        let mut front = Self { sets: Vec::new(), rest: None, frame };
        let mut at = start_code(frame, 0)?;
        while front.sets.len() < MAX_UNITS {
            let body = at + 3;
            if !frame.get(body).is_some_and(|header| is_parameter_set(codec, *header)) {
                front.rest = Some(at);
                break;
            }
            let next = start_code(frame, body);
            let unit = frame.get(body..next.unwrap_or(frame.len()))?;
            let len = unit.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            front.sets.push((at, unit.get(..len)?));
            match next {
                Some(next) => at = next,
                None => break,
            }
        }
        Some(front)
    }

    /// Nothing but parameter sets.
    pub(crate) fn is_all(&self) -> bool {
        self.rest.is_none() && !self.sets.is_empty()
    }

    /// The frame without parameter sets that come again behind; `None` when none does.
    pub(crate) fn without_copies(&self) -> Option<Vec<u8>> {
        let again = |at: usize, set: &[u8]| self.sets.iter().skip(at + 1).any(|(_, later)| *later == set);
        let mut kept = Vec::with_capacity(self.frame.len());
        let mut copies = false;
        for (at, (_, set)) in self.sets.iter().enumerate() {
            if again(at, set) {
                copies = true;
            } else {
                kept.extend_from_slice(&[0, 0, 0, 1]);
                kept.extend_from_slice(set);
            }
        }
        kept.push(0);
        kept.extend_from_slice(self.frame.get(self.rest?..)?);
        copies.then_some(kept)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;

    const SPS: &[u8] = &[0, 0, 0, 1, 0x67, 1, 2];
    const PPS: &[u8] = &[0, 0, 0, 1, 0x68, 3];
    const SLICE: &[u8] = &[0, 0, 0, 1, 0x65, 4, 5, 6];

    #[test]
    fn copies_before_the_slice_go_and_nothing_else() {
        let twice = [SPS, PPS, SPS, PPS, SLICE].concat();
        let once = [SPS, PPS, SLICE].concat();
        assert_eq!(Front::read(Codec::H264, &twice).unwrap().without_copies(), Some(once.clone()));
        assert_eq!(Front::read(Codec::H264, &once).unwrap().without_copies(), None);
        let two = [SPS, PPS, &[0, 0, 0, 1, 0x68, 9], SLICE].concat();
        assert_eq!(Front::read(Codec::H264, &two).unwrap().without_copies(), None);
        assert!(Front::read(Codec::Vp8, &twice).is_none());
    }

    #[test]
    fn a_frame_of_parameter_sets_alone_is_known() {
        assert!(Front::read(Codec::H264, &[SPS, PPS].concat()).unwrap().is_all());
        assert!(!Front::read(Codec::H264, &[SPS, PPS, SLICE].concat()).unwrap().is_all());
        assert!(!Front::read(Codec::H264, SLICE).unwrap().is_all());
        assert!(Front::read(Codec::H265, &[0, 0, 1, 0x40, 1, 5, 0, 0, 1, 0x42, 1, 6]).unwrap().is_all());
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let mut seed = 7_u32;
        for len in 0..2000_usize {
            let bytes: Vec<u8> = (0..len % 50)
                .map(|_| {
                    seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    // Start codes and headers of parameter sets, mostly.
                    [0, 0, 0, 1, 1, 0x67, 0x68, 0x65][(seed >> 29) as usize]
                })
                .collect();
            if let Some(front) = Front::read(Codec::H264, &bytes) {
                let _ = (front.is_all(), front.without_copies());
            }
        }
    }
}
