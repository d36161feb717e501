//! Test mode: an SFU that does what it should not, to real packets on their way.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use str0m::media::Mid;

use crate::engine::ConnId;
use crate::signal::TrackKind;
use crate::source::Packet;

/// Frames kept of each track. The oldest of them is the one that is replayed.
const KEPT: usize = 40;
/// First byte that may be changed: behind payload descriptors and clear bytes of small frames.
const BODY: usize = 24;

/// What is done to frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
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
    /// Somebody else's frame is sent on this track.
    Swap,
    /// A made-up frame is sent.
    Inject,
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

/// See the module.
#[derive(Default)]
pub(crate) struct Hostile {
    order: Option<Order>,
    frames: u64,
    pub(crate) done: u64,
    building: HashMap<(ConnId, Mid), Vec<Packet>>,
    kept: HashMap<(ConnId, Mid), VecDeque<Vec<Packet>>>,
}

impl Hostile {
    /// Takes a new order; counting starts over.
    pub(crate) fn order(&mut self, order: Order) {
        self.order = Some(order).filter(|o| o.mode != Mode::None);
        self.frames = 0;
        self.done = 0;
    }

    /// Changes the packet as ordered, and gives a whole frame to send behind it if there is to be one.
    pub(crate) fn twist(
        &mut self,
        at: (ConnId, Mid),
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
                let keep = packet.payload.len().checked_sub(7).filter(|keep| *keep > BODY)?;
                packet.payload = packet.payload.get(..keep)?.into();
                None
            }
            Mode::Flip => {
                let at = packet.payload.len().checked_sub(6).filter(|at| *at > BODY)?;
                packet.payload = changed(&packet.payload, at, 1);
                None
            }
            Mode::Duplicate => Some(self.kept.get(&at)?.back()?.clone()),
            Mode::Replay => Some(self.kept.get(&at).filter(|k| k.len() >= KEPT)?.front()?.clone()),
            Mode::Swap => {
                let same = |p: &Packet| p.codec == packet.codec;
                let mut others = self.kept.iter().filter(|(k, _)| k.0 != at.0);
                Some(others.find_map(|(_, f)| f.back().filter(|f| f.first().is_some_and(same)))?.clone())
            }
            Mode::Inject => {
                let mut frame = self.kept.get(&at)?.back()?.clone();
                let mut state = self.done.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
                for part in &mut frame {
                    part.payload = noise(&part.payload, &mut state);
                }
                Some(frame)
            }
        };
        self.done += 1;
        extra
    }

    fn remember(&mut self, at: (ConnId, Mid), packet: &Packet) {
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

fn changed(payload: &Arc<[u8]>, at: usize, with: u8) -> Arc<[u8]> {
    let mut bytes = payload.to_vec();
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= with;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Codec;
    use crate::source::test_packet;

    fn run(mode: Mode, frames: u64) -> (Vec<Packet>, Vec<Vec<Packet>>, u64) {
        let mut hostile = Hostile::default();
        hostile.order(Order { mode, every: 2, of: None, kind: None });
        let (mut sent, mut extras) = (Vec::new(), Vec::new());
        for n in 0..frames {
            let mut packet = test_packet(1, n, n as u32 * 3000, Codec::Vp8, &[n as u8; 64]);
            packet.marker = true;
            extras.extend(hostile.twist((1, "0".into()), "ada", TrackKind::Video, &mut packet));
            sent.push(packet);
        }
        (sent, extras, hostile.done)
    }

    #[test]
    fn every_second_frame_is_twisted_as_ordered() {
        let (sent, extras, done) = run(Mode::Truncate, 4);
        assert_eq!(sent.iter().map(|p| p.payload.len()).collect::<Vec<_>>(), [64, 57, 64, 57]);
        assert_eq!((extras.len(), done), (0, 2));
        let (sent, _, _) = run(Mode::Flip, 2);
        assert_eq!(sent[1].payload.iter().filter(|b| **b != 1).count(), 1);
        let (_, extras, _) = run(Mode::Replay, 100);
        assert_eq!(extras[0][0].payload[0], 0, "the oldest frame kept");
        let (_, extras, _) = run(Mode::Inject, 2);
        assert_ne!(extras[0][0].payload[BODY..], [1; 64 - BODY]);
        let (_, extras, done) = run(Mode::None, 10);
        assert_eq!((extras.len(), done), (0, 0));
    }
}
