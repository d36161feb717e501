//! What a participant publishes: tracks, and the RTP streams (simulcast layers) of a track.

use std::sync::Arc;
use std::time::{Duration, Instant};

use str0m::format::PayloadParams;
use str0m::media::{Mid, Rid};
use str0m::rtp::{ExtensionValues, RtpPacket, Ssrc};

use crate::codec::Codec;
use crate::depacketize::Assembler;
use crate::descriptor::DependencyDescriptor;
use crate::signal::TrackInfo;

/// A layer that sent nothing for this time is not chosen any more.
const LAYER_TIMEOUT: Duration = Duration::from_secs(1);
/// Key frames are not asked for more often than this per stream.
const KEY_FRAME_INTERVAL: Duration = Duration::from_millis(300);

/// A packet of a published track.
#[derive(Debug, Clone)]
pub(crate) struct Packet {
    pub(crate) ssrc: Ssrc,
    /// Extended sequence number.
    pub(crate) seq: u64,
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    pub(crate) codec: Codec,
    pub(crate) params: PayloadParams,
    pub(crate) payload: Arc<[u8]>,
    pub(crate) values: ExtensionValues,
    pub(crate) received: Instant,
    pub(crate) starts_key_frame: bool,
}

impl Packet {
    pub(crate) fn new(packet: &RtpPacket, params: &PayloadParams) -> Self {
        let codec = Codec::of(params, packet.header.payload_type);
        Self {
            ssrc: packet.header.ssrc,
            seq: *packet.seq_no,
            timestamp: packet.header.timestamp,
            marker: packet.header.marker,
            codec,
            params: *params,
            payload: packet.payload.clone(),
            values: packet.header.ext_vals.clone(),
            received: packet.timestamp,
            starts_key_frame: codec.starts_key_frame(&packet.payload),
        }
    }

    pub(crate) fn descriptor(&self) -> Option<&DependencyDescriptor> {
        self.values.user_values.get()
    }
}

/// A published track.
pub(crate) struct PubTrack {
    pub(crate) mid: Mid,
    pub(crate) info: TrackInfo,
    pub(crate) streams: Vec<Stream>,
}

/// One RTP stream of a track.
pub(crate) struct Stream {
    pub(crate) ssrc: Ssrc,
    pub(crate) rid: Option<Rid>,
    pub(crate) codec: Codec,
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
    pub(crate) frames: u64,
    /// Puts frames together, when somebody looks.
    pub(crate) assembler: Assembler,
    last_packet: Instant,
    key_frame: KeyFrameRequests,
    held: Option<Packet>,
}

#[derive(Default)]
struct KeyFrameRequests {
    wanted: bool,
    last: Option<Instant>,
    sent: u64,
}

impl PubTrack {
    pub(crate) fn new(mid: Mid, info: TrackInfo) -> Self {
        Self { mid, info, streams: Vec::new() }
    }

    pub(crate) fn stream(&mut self, ssrc: Ssrc) -> Option<&mut Stream> {
        self.streams.iter_mut().find(|s| s.ssrc == ssrc)
    }

    /// The stream that a subscriber with this wish should see: the highest layer that is alive and not above
    /// the wish, else the lowest that is alive. Without simulcast, the stream that began last.
    pub(crate) fn choose(&self, wish: Option<Rid>, now: Instant) -> Option<Ssrc> {
        let limit = wish.and_then(|rid| rank(Some(rid))).unwrap_or(u8::MAX);
        let alive = || self.streams.iter().filter(|s| s.is_alive(now));
        let below =
            alive().filter(|s| rank(s.rid).unwrap_or(0) <= limit).max_by_key(|s| rank(s.rid).unwrap_or(0));
        let above = || alive().min_by_key(|s| rank(s.rid).unwrap_or(0));
        below.or_else(above).or(self.streams.last()).map(|s| s.ssrc)
    }
}

impl Stream {
    pub(crate) fn new(ssrc: Ssrc, rid: Option<Rid>, codec: Codec, now: Instant) -> Self {
        Self {
            ssrc,
            rid,
            codec,
            packets: 0,
            bytes: 0,
            frames: 0,
            assembler: Assembler::default(),
            held: None,
            last_packet: now,
            key_frame: KeyFrameRequests::default(),
        }
    }

    /// Counts a packet.
    pub(crate) fn note(&mut self, packet: &Packet, now: Instant) {
        self.packets += 1;
        self.bytes += packet.payload.len() as u64;
        self.codec = packet.codec;
        self.last_packet = now;
    }

    /// Gives the packets to forward, with the marker where it belongs.
    ///
    /// An encoder short of bits leaves out the upper spatial layers of a VP9 picture after its packets were made,
    /// and then no packet of the picture has the marker. Receivers take such a picture for incomplete and
    /// stop at it until the next key frame. So the end of a layer waits for the packet behind it: if that is of
    /// another picture, this one has ended.
    pub(crate) fn mark_end_of_picture(&mut self, packet: Packet) -> impl Iterator<Item = Packet> + use<> {
        let mut before = self.held.take();
        if let Some(held) = &mut before
            && packet.seq == held.seq + 1
            && packet.timestamp != held.timestamp
        {
            held.marker = true;
        }
        let now = if !packet.marker && packet.codec.ends_layer(&packet.payload) {
            self.held = Some(packet);
            None
        } else {
            Some(packet)
        };
        before.into_iter().chain(now)
    }

    pub(crate) fn is_alive(&self, now: Instant) -> bool {
        now.duration_since(self.last_packet) < LAYER_TIMEOUT
    }

    pub(crate) fn want_key_frame(&mut self) {
        self.key_frame.wanted = true;
    }

    /// Whether a key frame is to be asked for now.
    pub(crate) fn take_key_frame_request(&mut self, now: Instant) -> bool {
        let rested = self.key_frame.last.is_none_or(|at| now.duration_since(at) >= KEY_FRAME_INTERVAL);
        if !self.key_frame.wanted || !rested {
            return false;
        }
        self.key_frame = KeyFrameRequests { wanted: false, last: Some(now), sent: self.key_frame.sent + 1 };
        true
    }

    /// Key frames asked for so far.
    pub(crate) fn key_frame_requests(&self) -> u64 {
        self.key_frame.sent
    }
}

/// Order of the usual layer names, lowest first. Names that are not known come in between, by the number they
/// end with if there is one.
fn rank(rid: Option<Rid>) -> Option<u8> {
    let rid = rid?;
    let name: &str = &rid;
    Some(match name {
        "q" | "l" | "lo" | "low" => 0,
        "h" | "m" | "mid" => 50,
        "f" | "hi" | "high" => 100,
        other => other.bytes().last().filter(u8::is_ascii_digit).map_or(50, |b| 10 + (b - b'0')),
    })
}

#[cfg(test)]
pub(crate) fn test_packet(ssrc: u32, seq: u64, timestamp: u32, codec: Codec, payload: &[u8]) -> Packet {
    use str0m::format::{Codec as Negotiated, CodecSpec, FormatParams};
    use str0m::media::Frequency;
    let spec = CodecSpec {
        codec: Negotiated::Vp8,
        clock_rate: Frequency::NINETY_KHZ,
        channels: None,
        format: FormatParams::default(),
    };
    Packet {
        ssrc: ssrc.into(),
        seq,
        timestamp,
        marker: false,
        codec,
        params: PayloadParams::new(96.into(), None, spec),
        payload: payload.into(),
        values: ExtensionValues::default(),
        received: Instant::now(),
        starts_key_frame: codec.starts_key_frame(payload),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::TrackKind;

    fn track(now: Instant, layers: &[(&str, u32, Duration)]) -> PubTrack {
        let info = TrackInfo { mid: "0".into(), kind: TrackKind::Video, codec: None, muted: false };
        let mut track = PubTrack::new("0".into(), info);
        for (rid, ssrc, age) in layers {
            let mut stream = Stream::new((*ssrc).into(), Some((*rid).into()), Codec::Vp8, now);
            stream.last_packet = now - *age;
            track.streams.push(stream);
        }
        track
    }

    #[test]
    fn the_best_living_layer_up_to_the_wish_is_chosen() {
        let now = Instant::now() + Duration::from_secs(10);
        let fresh = Duration::ZERO;
        let t = track(now, &[("q", 1, fresh), ("h", 2, fresh), ("f", 3, fresh)]);
        assert_eq!(t.choose(None, now), Some(3.into()));
        assert_eq!(t.choose(Some("h".into()), now), Some(2.into()));
        assert_eq!(t.choose(Some("q".into()), now), Some(1.into()));
    }

    #[test]
    fn a_layer_that_stopped_is_not_chosen() {
        let now = Instant::now() + Duration::from_secs(10);
        let old = Duration::from_secs(2);
        let t = track(now, &[("q", 1, Duration::ZERO), ("h", 2, old), ("f", 3, old)]);
        assert_eq!(t.choose(Some("f".into()), now), Some(1.into()));
        let t = track(now, &[("q", 1, old), ("h", 2, Duration::ZERO), ("f", 3, old)]);
        assert_eq!(t.choose(Some("q".into()), now), Some(2.into()), "nothing at or below the wish lives");
    }

    #[test]
    fn a_picture_without_its_upper_layers_gets_its_marker() {
        let mut stream = Stream::new(1.into(), None, Codec::Vp9, Instant::now());
        let mut send = |seq, timestamp, flags: u8| {
            let packet = test_packet(1, seq, timestamp, Codec::Vp9, &[flags, 0, 0]);
            stream.mark_end_of_picture(packet).map(|p| (p.seq, p.marker)).collect::<Vec<_>>()
        };
        const BEGIN_END: u8 = 0x2c;
        const BEGIN: u8 = 0x28;
        const END: u8 = 0x24;
        assert_eq!(send(1, 10, BEGIN_END), [], "waits for what comes");
        assert_eq!(send(2, 10, BEGIN), [(1, false), (2, false)], "the same picture goes on");
        assert_eq!(send(3, 10, END), []);
        assert_eq!(
            send(4, 20, BEGIN),
            [(3, true), (4, false)],
            "the next picture: the last one was complete"
        );
        assert_eq!(send(5, 20, END), []);
        assert_eq!(send(9, 30, BEGIN), [(5, false), (9, false)], "packets are missing: nobody knows");
    }

    #[test]
    fn key_frames_are_asked_for_with_pauses() {
        let now = Instant::now();
        let mut stream = Stream::new(1.into(), None, Codec::Vp8, now);
        assert!(!stream.take_key_frame_request(now), "nobody wants one");
        stream.want_key_frame();
        assert!(stream.take_key_frame_request(now));
        stream.want_key_frame();
        assert!(!stream.take_key_frame_request(now + Duration::from_millis(100)));
        assert!(stream.take_key_frame_request(now + KEY_FRAME_INTERVAL), "not forgotten");
    }
}
