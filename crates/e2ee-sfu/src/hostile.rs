//! Test mode: an SFU that does what it should not, to real packets on their way.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use str0m::media::Mid;
use str0m::rtp::Ssrc;

use crate::codec::Codec;
use crate::engine::ConnId;
use crate::signal::TrackKind;
use crate::source::Packet;

/// Frames kept of each stream. The oldest of them is the one that is replayed.
const KEPT: usize = 40;
/// First byte that may be changed: behind payload descriptors and clear bytes of small frames.
const BODY: usize = 24;
/// Bytes cut off the last packet of a frame: less than any tag.
const CUT: usize = 7;

/// What is done to frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Mode {
    /// Nothing.
    None,
    /// An old frame is sent once more, as a new one.
    Replay,
    /// The frame that was just sent is sent once more, as a new one.
    Duplicate,
    /// The last bytes of a frame are cut off.
    Truncate,
    /// A bit near the end of a frame is turned.
    Flip,
    /// A frame of somebody else's track is sent on this one.
    Swap,
    /// A frame of another track of the same participant is sent on this one.
    SwapKind,
    /// A made-up frame is sent: the beginning of a real one, then noise.
    Inject,
    /// A frame is sent that was never sealed: silence, or a small black picture.
    Clear,
}

/// `POST /api/hostile`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Order {
    pub(crate) mode: Mode,
    /// Every how many frames; 1 means each.
    #[serde(default = "every")]
    pub(crate) every: u64,
    /// Only the tracks of the participant with this id.
    #[serde(default)]
    pub(crate) of: Option<String>,
    /// Only tracks of this kind.
    #[serde(default)]
    pub(crate) kind: Option<TrackKind>,
}

const fn every() -> u64 {
    10
}

/// What was done, as `/api/hostile` answers.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Report {
    /// The order that is being followed.
    mode: Mode,
    /// Frames that the order is about, since it was given.
    frames: u64,
    /// Frames to which it was done.
    done: u64,
    /// Frames by mode since the start.
    total: BTreeMap<Mode, u64>,
}

/// A stream: a layer of a track.
pub(crate) type At = (ConnId, Mid, Ssrc);

/// See the module.
#[derive(Default)]
pub(crate) struct Hostile {
    order: Option<Order>,
    frames: u64,
    done: u64,
    total: BTreeMap<Mode, u64>,
    building: HashMap<At, Vec<Packet>>,
    kept: HashMap<At, VecDeque<Vec<Packet>>>,
}

impl Hostile {
    /// Takes a new order; counting starts over, and of what was before no frames are kept.
    pub(crate) fn order(&mut self, order: Order) {
        let total = std::mem::take(&mut self.total);
        *self = Self { order: Some(order).filter(|o| o.mode != Mode::None), total, ..Self::default() };
    }

    pub(crate) fn report(&self) -> Report {
        Report {
            mode: self.order.as_ref().map_or(Mode::None, |o| o.mode),
            frames: self.frames,
            done: self.done,
            total: self.total.clone(),
        }
    }

    /// Forgets a participant.
    pub(crate) fn forget(&mut self, conn: ConnId) {
        self.building.retain(|at, _| at.0 != conn);
        self.kept.retain(|at, _| at.0 != conn);
    }

    /// Changes the packet as ordered, and gives a whole frame to send behind it if there is to be one.
    pub(crate) fn twist(
        &mut self,
        at: At,
        id: &str,
        kind: TrackKind,
        packet: &mut Packet,
    ) -> Option<Vec<Packet>> {
        let order = self.order.clone()?;
        let ends = packet.marker || packet.codec.is_audio();
        if ends {
            self.remember(at, packet);
        } else {
            self.building.entry(at).or_default().push(packet.clone());
        }
        let meant = order.of.as_ref().is_none_or(|of| of == id) && order.kind.is_none_or(|k| k == kind);
        if !meant || !ends {
            return None;
        }
        self.frames += 1;
        if !self.frames.is_multiple_of(order.every.max(1)) {
            return None;
        }
        let extra = match order.mode {
            Mode::None => return None,
            Mode::Truncate => {
                let keep = packet.payload.len().checked_sub(CUT).filter(|keep| *keep > BODY)?;
                packet.payload = packet.payload.get(..keep)?.into();
                None
            }
            Mode::Flip => {
                let at = packet.payload.len().checked_sub(CUT).filter(|at| *at > BODY)?;
                packet.payload = flipped(&packet.payload, at);
                None
            }
            Mode::Duplicate => Some(self.kept.get(&at)?.back()?.clone()),
            Mode::Replay => Some(self.kept.get(&at).filter(|k| k.len() >= KEPT)?.front()?.clone()),
            Mode::Swap => Some(self.latest_of(packet.codec, |other| other.0 != at.0)?),
            Mode::SwapKind => Some(self.latest_of(packet.codec, |other| other.0 == at.0 && other.1 != at.1)?),
            Mode::Inject => {
                let mut frame = self.kept.get(&at)?.back()?.clone();
                let mut state = self.done.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
                for part in &mut frame {
                    part.payload = noise(&part.payload, &mut state);
                }
                Some(frame)
            }
            Mode::Clear => {
                let payload = never_sealed(packet.codec)?;
                Some(vec![Packet { payload: payload.into(), marker: true, ..packet.clone() }])
            }
        };
        self.done += 1;
        *self.total.entry(order.mode).or_default() += 1;
        extra
    }

    /// The latest frame of this codec in another stream.
    fn latest_of(&self, codec: Codec, other: impl Fn(&At) -> bool) -> Option<Vec<Packet>> {
        let same = |frame: &&Vec<Packet>| frame.first().is_some_and(|p| p.codec == codec);
        let mut frames = self.kept.iter().filter(|(at, _)| other(at)).filter_map(|(_, kept)| kept.back());
        frames.find(same).cloned()
    }

    fn remember(&mut self, at: At, packet: &Packet) {
        let mut frame = self.building.remove(&at).unwrap_or_default();
        frame.retain(|p| p.timestamp == packet.timestamp);
        frame.push(packet.clone());
        let kept = self.kept.entry(at).or_default();
        kept.push_back(frame);
        if kept.len() > KEPT {
            kept.pop_front();
        }
    }
}

fn flipped(payload: &Arc<[u8]>, at: usize) -> Arc<[u8]> {
    let mut bytes = payload.to_vec();
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= 1;
    }
    bytes.into()
}

/// The payload with its body replaced (xorshift; it has to be other bytes, not good ones).
fn noise(payload: &Arc<[u8]>, state: &mut u64) -> Arc<[u8]> {
    let mut bytes = payload.to_vec();
    for byte in bytes.iter_mut().skip(BODY) {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        *byte = state.to_le_bytes().first().copied().unwrap_or(0);
    }
    bytes.into()
}

/// A whole frame in one RTP payload, in clear: Opus silence (RFC 6716), or a black key frame of 16x16 (AV1: 64x64) as
/// libvpx, libaom and x264 make it.
fn never_sealed(codec: Codec) -> Option<&'static [u8]> {
    Some(match codec {
        Codec::Opus => b"\xf8\xff\xfe",
        Codec::Vp8 => {
            b"\x10\x10\x02\x00\x9d\x01\x2a\x10\x00\x10\x00\x00\x47\x08\x85\x85\x88\x99\x84\x88\x02\x02\x00\x0c\x0d\x60\
              \x00\xfe\xff\xab\x50\x80"
        }
        Codec::Vp9 => {
            b"\x0c\x82\x49\x83\x42\x00\x00\xf0\x00\xf6\x00\x38\x24\x1c\x18\x4a\x00\x00\x30\x60\x00\x00\x10\xbf\xff\
              \xfd\x48\x8c\x00"
        }
        Codec::Av1 => {
            b"\x28\x0b\x08\x00\x00\x00\x02\xaf\xff\x9f\xff\x30\x08\x30\x10\x00\xc0\x00\x00\x02\x80\x00\x00\x0a\x05\
              \x77\x64\x80"
        }
        Codec::H264 => {
            b"\x78\x00\x16\x67\x42\xc0\x0a\xd9\x1e\xc0\x44\x00\x00\x03\x00\x04\x00\x00\x03\x00\x08\x3c\x48\x99\x20\
              \x00\x05\x68\xcb\x83\xcb\x20\x00\x0e\x65\x88\x84\x05\x7f\xff\xff\x0f\x45\x00\x01\x42\xdf\x80"
        }
        Codec::Red | Codec::Other => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::test_packet;

    fn at(conn: ConnId, mid: &str, ssrc: u32) -> At {
        (conn, mid.into(), ssrc.into())
    }

    fn give(hostile: &mut Hostile, at: At, n: u64) -> (Packet, Option<Vec<Packet>>) {
        let mut packet = test_packet(1, n, n as u32 * 3000, Codec::Vp8, &[n as u8; 64]);
        packet.marker = true;
        let extra = hostile.twist(at, "ada", TrackKind::Video, &mut packet);
        (packet, extra)
    }

    fn run(mode: Mode, frames: u64) -> (Vec<Packet>, Vec<Vec<Packet>>, Report) {
        let mut hostile = Hostile::default();
        hostile.order(Order { mode, every: 2, of: None, kind: None });
        let (mut sent, mut extras) = (Vec::new(), Vec::new());
        for n in 0..frames {
            let (packet, extra) = give(&mut hostile, at(1, "0", 1), n);
            extras.extend(extra);
            sent.push(packet);
        }
        (sent, extras, hostile.report())
    }

    #[test]
    fn every_second_frame_is_twisted_as_ordered() {
        let (sent, extras, report) = run(Mode::Truncate, 4);
        assert_eq!(sent.iter().map(|p| p.payload.len()).collect::<Vec<_>>(), [64, 57, 64, 57]);
        assert_eq!((extras.len(), report.frames, report.done), (0, 4, 2));
        let (sent, _, _) = run(Mode::Flip, 2);
        assert_eq!(sent[1].payload.iter().filter(|b| **b != 1).count(), 1);
        let (_, extras, _) = run(Mode::Replay, 100);
        assert_eq!(extras[0][0].payload[0], 0, "the oldest frame kept");
        let (_, extras, _) = run(Mode::Duplicate, 4);
        assert_eq!(extras[1][0].payload[0], 3, "the frame just sent");
        let (_, extras, _) = run(Mode::Inject, 2);
        assert_ne!(extras[0][0].payload[BODY..], [1; 64 - BODY]);
        let (_, extras, report) = run(Mode::None, 10);
        assert_eq!((extras.len(), report.done), (0, 0));
    }

    #[test]
    fn frames_of_others_and_of_other_tracks_are_told_apart() {
        let mut hostile = Hostile::default();
        let (screen, bob) = (at(1, "1", 2), at(2, "0", 3));
        let mut order = Order { mode: Mode::Swap, every: 1, of: Some("nobody".into()), kind: None };
        for (mode, want) in [(Mode::Swap, 30), (Mode::SwapKind, 20)] {
            order.of = Some("nobody".into());
            order.mode = mode;
            hostile.order(order.clone());
            give(&mut hostile, screen, 20);
            give(&mut hostile, bob, 30);
            hostile.order.as_mut().unwrap().of = None;
            let (_, extra) = give(&mut hostile, at(1, "0", 1), 10);
            assert_eq!(extra.unwrap()[0].payload[0], want);
        }
        assert_eq!(hostile.report().total, BTreeMap::from([(Mode::Swap, 1), (Mode::SwapKind, 1)]));
        hostile.forget(1);
        assert_eq!(hostile.kept.len(), 1);
    }

    #[test]
    fn frames_that_were_never_sealed_are_key_frames() {
        for codec in [Codec::Opus, Codec::Vp8, Codec::Vp9, Codec::Av1, Codec::H264] {
            let payload = never_sealed(codec).unwrap();
            assert!(codec.starts_key_frame(payload), "{codec:?}");
            let mut packet = test_packet(1, 1, 1, codec, payload);
            packet.marker = true;
            assert!(crate::depacketize::Assembler::default().take(&packet).is_some(), "{codec:?}");
        }
    }
}
