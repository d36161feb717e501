//! One subscription's view of a source: sequence numbers, timestamps and picture numbers that run on without a
//! gap although the layer behind them changes.

use std::time::{Duration, Instant};

use str0m::rtp::{Ssrc, Vp8Descriptor, Vp8Patch};

use crate::codec::Codec;
use crate::descriptor::DependencyDescriptor;
use crate::source::Packet;

/// First sequence number of a subscription. Some room below it keeps packets that come out of order positive.
const FIRST_SEQ: u64 = 4096;
/// How long a subscription waits for a key frame to begin with, before it begins with whatever comes. The
/// guess what is a key frame must never be able to silence a track.
const KEY_FRAME_PATIENCE: Duration = Duration::from_secs(3);
/// Timestamp step at a change of layers, if less time has passed: one frame at 30 per second.
const MIN_TIMESTAMP_STEP: u32 = 3000;
/// Timestamp step to a frame squeezed in between two: less than a frame of audio (960) or video (3000).
const EXTRA_TIMESTAMP_STEP: u32 = 480;
/// Ticks of a video timestamp in a millisecond.
const TICKS_PER_MS: u64 = 90;

/// What to change in a packet.
#[derive(Debug)]
pub(crate) struct Rewritten {
    /// Extended sequence number.
    pub(crate) seq: u64,
    pub(crate) timestamp: u32,
    pub(crate) vp8: Option<Vp8Patch>,
    pub(crate) descriptor: Option<DependencyDescriptor>,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Rewriter {
    layer: Option<Layer>,
    waiting_since: Option<Instant>,
    last: Last,
}

/// The mapping of the layer that is being forwarded.
#[derive(Debug)]
struct Layer {
    ssrc: Ssrc,
    /// First source sequence number that belongs to this mapping.
    from: u64,
    seq_offset: i128,
    timestamp_offset: u32,
    picture_offset: u16,
    tl0_offset: u8,
    frame_offset: u16,
}

/// The highest values that went out.
#[derive(Debug, Default)]
struct Last {
    seq: u64,
    timestamp: u32,
    at: Option<Instant>,
    picture: Option<u16>,
    tl0: Option<u8>,
    frame: Option<u16>,
}

impl Rewriter {
    /// The source stream being forwarded.
    pub(crate) fn ssrc(&self) -> Option<Ssrc> {
        self.layer.as_ref().map(|l| l.ssrc)
    }

    /// What becomes of a packet, or `None` if it is not forwarded.
    ///
    /// `target` is the stream that this subscription should show. The change to it happens at its next key
    /// frame, and the stream shown so far goes on until then.
    pub(crate) fn rewrite(&mut self, packet: &Packet, target: Ssrc, now: Instant) -> Option<Rewritten> {
        if self.ssrc() != Some(packet.ssrc) {
            if packet.ssrc != target || !self.may_begin(packet, now) {
                return None;
            }
            self.begin(packet, now);
        }
        let layer = self.layer.as_ref()?;
        // Late packets of before the change would be taken for others.
        if packet.seq < layer.from && self.last.seq != 0 {
            return None;
        }
        let seq = u64::try_from(i128::from(packet.seq) + layer.seq_offset).ok()?;
        let timestamp = packet.timestamp.wrapping_add(layer.timestamp_offset);
        let (picture_offset, tl0_offset, frame_offset) =
            (layer.picture_offset, layer.tl0_offset, layer.frame_offset);

        let newest = seq >= self.last.seq;
        if newest {
            self.last.seq = seq;
            self.last.timestamp = timestamp;
            self.last.at = Some(now);
        }
        let vp8 = (packet.codec == Codec::Vp8)
            .then(|| self.patch_vp8(packet, picture_offset, tl0_offset, newest))
            .flatten();
        let descriptor = packet.descriptor().and_then(|d| {
            let number = d.frame_number()?.wrapping_add(frame_offset);
            if newest {
                self.last.frame = Some(number);
            }
            Some(d.with_frame_number(number))
        });
        Some(Rewritten { seq, timestamp, vp8, descriptor })
    }

    /// Room for a frame of `packets` packets behind what went out last: sequence numbers and a timestamp of its own.
    /// Everything that follows moves on.
    pub(crate) fn make_room(
        &mut self,
        packets: usize,
        now: Instant,
    ) -> Option<impl Iterator<Item = (u64, u32)> + use<>> {
        let layer = self.layer.as_mut()?;
        let count = u64::try_from(packets).ok()?;
        let (first, timestamp) = (self.last.seq + 1, self.last.timestamp.wrapping_add(EXTRA_TIMESTAMP_STEP));
        layer.seq_offset += i128::from(count);
        self.last.seq += count;
        self.last.at = Some(now);
        Some((first..first + count).map(move |seq| (seq, timestamp)))
    }

    /// Whether a stream may be taken up with this packet.
    fn may_begin(&mut self, packet: &Packet, now: Instant) -> bool {
        if packet.starts_key_frame {
            return true;
        }
        // Only a subscription that shows nothing yet loses its patience.
        let since = *self.waiting_since.get_or_insert(now);
        self.layer.is_none() && now.duration_since(since) >= KEY_FRAME_PATIENCE
    }

    fn begin(&mut self, packet: &Packet, now: Instant) {
        let first = self.last.at.is_none();
        let next_seq = if first { FIRST_SEQ } else { self.last.seq + 1 };
        let timestamp = match self.last.at {
            None => packet.timestamp,
            Some(at) => {
                let passed = u64::try_from(now.duration_since(at).as_millis()).unwrap_or(u64::MAX);
                let step = u32::try_from(passed.saturating_mul(TICKS_PER_MS)).unwrap_or(u32::MAX / 4);
                self.last.timestamp.wrapping_add(step.max(MIN_TIMESTAMP_STEP))
            }
        };
        let vp8 = (packet.codec == Codec::Vp8).then(|| Vp8Descriptor::parse(&packet.payload).ok()).flatten();
        let picture_offset = match (self.last.picture, vp8.and_then(|d| d.picture_id())) {
            (Some(last), Some(now)) => last.wrapping_add(1).wrapping_sub(now),
            _ => 0,
        };
        let tl0_offset = match (self.last.tl0, vp8.and_then(|d| d.tl0_pic_idx())) {
            (Some(last), Some(now)) => last.wrapping_add(1).wrapping_sub(now),
            _ => 0,
        };
        let frame_offset = match (self.last.frame, packet.descriptor().and_then(|d| d.frame_number())) {
            (Some(last), Some(now)) => last.wrapping_add(1).wrapping_sub(now),
            _ => 0,
        };
        self.waiting_since = None;
        self.layer = Some(Layer {
            ssrc: packet.ssrc,
            // The very first packet may have been overtaken by others of its frame.
            from: if first { 0 } else { packet.seq },
            seq_offset: i128::from(next_seq) - i128::from(packet.seq),
            timestamp_offset: timestamp.wrapping_sub(packet.timestamp),
            picture_offset,
            tl0_offset,
            frame_offset,
        });
    }

    fn patch_vp8(
        &mut self,
        packet: &Packet,
        picture_offset: u16,
        tl0_offset: u8,
        newest: bool,
    ) -> Option<Vp8Patch> {
        const PICTURE_ID_MASK: u16 = 0x7fff;
        let descriptor = Vp8Descriptor::parse(&packet.payload).ok()?;
        let picture = descriptor.picture_id().map(|id| id.wrapping_add(picture_offset) & PICTURE_ID_MASK);
        let tl0 = descriptor.tl0_pic_idx().map(|id| id.wrapping_add(tl0_offset));
        if newest {
            self.last.picture = picture.or(self.last.picture);
            self.last.tl0 = tl0.or(self.last.tl0);
        }
        if picture_offset & PICTURE_ID_MASK == 0 && tl0_offset == 0 {
            return None;
        }
        let mut patch = descriptor.patch();
        if let Some(picture) = picture {
            patch = patch.picture_id(picture);
        }
        if let Some(tl0) = tl0 {
            patch = patch.tl0_pic_idx(tl0);
        }
        patch.build().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::test_packet;

    const KEY: u8 = 0x50;
    const DELTA: u8 = 0x51;

    fn vp8(ssrc: u32, seq: u64, timestamp: u32, picture: u16, tl0: u8, first: u8) -> Packet {
        let picture = (picture | 0x8000).to_be_bytes();
        let payload = [0x90, 0xe0, picture[0], picture[1], tl0, 0x20, first, 9, 9, 9];
        test_packet(ssrc, seq, timestamp, Codec::Vp8, &payload)
    }

    #[test]
    fn a_subscription_begins_with_a_key_frame_of_its_target() {
        let now = Instant::now();
        let mut r = Rewriter::default();
        assert!(r.rewrite(&vp8(1, 100, 9000, 5, 1, DELTA), 1.into(), now).is_none());
        assert!(r.rewrite(&vp8(2, 100, 9000, 5, 1, KEY), 1.into(), now).is_none(), "not the target");
        let out = r.rewrite(&vp8(1, 101, 12000, 6, 2, KEY), 1.into(), now).expect("begins");
        assert_eq!((out.seq, out.timestamp), (FIRST_SEQ, 12000));
        assert!(out.vp8.is_none(), "nothing to change");
    }

    #[test]
    fn a_subscription_without_any_key_frame_begins_after_a_while() {
        let start = Instant::now();
        let mut r = Rewriter::default();
        assert!(r.rewrite(&vp8(1, 100, 0, 5, 1, DELTA), 1.into(), start).is_none());
        let later = start + KEY_FRAME_PATIENCE;
        assert!(r.rewrite(&vp8(1, 101, 0, 5, 1, DELTA), 1.into(), later).is_some());
    }

    #[test]
    fn numbers_run_on_across_a_change_of_layers() {
        let start = Instant::now();
        let mut r = Rewriter::default();
        r.rewrite(&vp8(1, 100, 9000, 70, 7, KEY), 1.into(), start).expect("begins");
        r.rewrite(&vp8(1, 101, 12000, 71, 8, DELTA), 1.into(), start).expect("goes on");

        // The target is layer 2 now; layer 1 goes on until 2 has a key frame.
        let later = start + Duration::from_millis(100);
        assert!(r.rewrite(&vp8(2, 7000, 1, 3, 200, DELTA), 2.into(), later).is_none());
        assert!(r.rewrite(&vp8(1, 102, 15000, 72, 9, DELTA), 2.into(), later).is_some());
        let later = later + Duration::from_millis(100);
        let out = r.rewrite(&vp8(2, 7001, 3001, 4, 201, KEY), 2.into(), later).expect("changes");
        assert_eq!(out.seq, FIRST_SEQ + 3);
        assert_eq!(out.timestamp, 15000 + 9000);
        let mut payload = vp8(2, 7001, 3001, 4, 201, KEY).payload.to_vec();
        let original = payload.clone();
        // The patch can only be seen applied; its offsets are those of picture id and TL0PICIDX.
        assert!(out.vp8.is_some());
        payload[3] = 73;
        payload[4] = 10;
        assert_ne!(payload, original);

        let out = r.rewrite(&vp8(2, 7002, 6001, 5, 202, DELTA), 2.into(), later).expect("goes on");
        assert_eq!((out.seq, out.timestamp), (FIRST_SEQ + 4, 27000));
        assert!(r.rewrite(&vp8(2, 7000, 1, 3, 200, DELTA), 2.into(), later).is_none(), "late, from before");
        assert!(r.rewrite(&vp8(1, 103, 18000, 73, 10, DELTA), 2.into(), later).is_none(), "layer 1 is over");
    }

    #[test]
    fn packets_out_of_order_keep_their_place() {
        let now = Instant::now();
        let mut r = Rewriter::default();
        r.rewrite(&vp8(1, 100, 9000, 1, 1, KEY), 1.into(), now).expect("begins");
        let late = r.rewrite(&vp8(1, 103, 15000, 3, 1, DELTA), 1.into(), now).expect("passes");
        let early = r.rewrite(&vp8(1, 102, 12000, 2, 1, DELTA), 1.into(), now).expect("passes");
        assert_eq!((late.seq, early.seq), (FIRST_SEQ + 3, FIRST_SEQ + 2));
    }
}
