//! Counters, as `GET /api/stats` gives them.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::codec::Codec;
use crate::engine::Engine;
use crate::member::Member;
use crate::signal::TrackKind;
use crate::verdict::{Judged, Origin, Verdict};

/// Totals since the start.
#[derive(Debug, Default, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Counters {
    pub(crate) datagrams_in: u64,
    pub(crate) unknown_datagrams: u64,
    pub(crate) unsent_datagrams: u64,
    pub(crate) packets_in: u64,
    pub(crate) bytes_in: u64,
    pub(crate) packets_out: u64,
    pub(crate) bytes_out: u64,
    /// Packets of no published track.
    pub(crate) unknown_packets: u64,
    /// Packets in a codec that a subscriber did not accept.
    pub(crate) packets_refused: u64,
    pub(crate) key_frame_requests: u64,
    /// Frames that came in, by codec: ends of pictures for video, packets for audio.
    pub(crate) frames: BTreeMap<Codec, u64>,
}

/// See the module.
#[derive(Debug, Serialize)]
pub(crate) struct Stats {
    totals: Counters,
    rooms: Vec<RoomStats>,
}

#[derive(Debug, Serialize)]
struct RoomStats {
    room: String,
    participants: Vec<ParticipantStats>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ParticipantStats {
    id: String,
    name: String,
    pub_connected: bool,
    sub_connected: bool,
    tracks: Vec<TrackStats>,
    subscriptions: Vec<SubscriptionStats>,
}

#[derive(Debug, Serialize)]
struct TrackStats {
    mid: String,
    kind: TrackKind,
    muted: bool,
    streams: Vec<StreamStats>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct StreamStats {
    ssrc: u32,
    rid: Option<String>,
    codec: &'static str,
    packets: u64,
    bytes: u64,
    frames: u64,
    key_frame_requests: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SubscriptionStats {
    of: String,
    pub_mid: String,
    mid: Option<String>,
    /// The client has answered.
    open: bool,
    /// Layer that is being forwarded.
    rid: Option<String>,
    packets: u64,
}

impl Engine {
    /// The verdict so far, with whose streams they are.
    pub(crate) fn judged(&self) -> Judged {
        let mut judged = self.verdict.as_ref().map(Verdict::judged).unwrap_or_default();
        for stream in &mut judged.streams {
            stream.origin = self.origin(stream.ssrc);
        }
        judged
    }

    fn origin(&self, ssrc: u32) -> Option<Origin> {
        let tracks = self.members.values().flat_map(|m| m.tracks.iter().map(move |t| (m, t)));
        let mut streams = tracks.flat_map(|(m, t)| t.streams.iter().map(move |s| (m, t, s)));
        let (member, track, stream) = streams.find(|(_, _, s)| *s.ssrc == ssrc)?;
        Some(Origin {
            room: member.room.clone(),
            id: member.id.clone(),
            mid: track.info.mid.clone(),
            kind: track.info.kind,
            rid: stream.rid.map(|r| r.to_string()),
        })
    }

    pub(crate) fn stats(&self) -> Stats {
        let mut rooms: BTreeMap<&str, Vec<ParticipantStats>> = BTreeMap::new();
        for member in self.members.values() {
            rooms.entry(&member.room).or_default().push(self.participant(member));
        }
        let rooms = rooms.into_iter();
        Stats {
            totals: Counters { unsent_datagrams: self.net.unsent(), ..self.counters.clone() },
            rooms: rooms.map(|(room, participants)| RoomStats { room: room.into(), participants }).collect(),
        }
    }

    fn participant(&self, member: &Member) -> ParticipantStats {
        ParticipantStats {
            id: member.id.clone(),
            name: member.name.clone(),
            pub_connected: member.publisher.as_ref().is_some_and(|p| p.is_connected()),
            sub_connected: member.subscriber.as_ref().is_some_and(|p| p.is_connected()),
            tracks: member.tracks.iter().map(track).collect(),
            subscriptions: member.subscriptions.iter().map(|s| self.subscription(s)).collect(),
        }
    }

    fn subscription(&self, s: &crate::member::Subscription) -> SubscriptionStats {
        let track = self.members.get(&s.source).and_then(|m| m.tracks.iter().find(|t| t.mid == s.source_mid));
        let stream = track.and_then(|t| t.streams.iter().find(|x| Some(x.ssrc) == s.rewriter.ssrc()));
        SubscriptionStats {
            of: s.of.clone(),
            pub_mid: s.source_mid.to_string(),
            mid: s.mid().map(|m| m.to_string()),
            open: s.is_open(),
            rid: stream.and_then(|s| s.rid).map(|r| r.to_string()),
            packets: s.packets,
        }
    }
}

fn track(track: &crate::source::PubTrack) -> TrackStats {
    let streams = track.streams.iter().map(|s| StreamStats {
        ssrc: *s.ssrc,
        rid: s.rid.map(|r| r.to_string()),
        codec: s.codec.name(),
        packets: s.packets,
        bytes: s.bytes,
        frames: s.frames,
        key_frame_requests: s.key_frame_requests(),
    });
    TrackStats {
        mid: track.info.mid.clone(),
        kind: track.info.kind,
        muted: track.info.muted,
        streams: streams.collect(),
    }
}
