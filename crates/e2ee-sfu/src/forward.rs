//! The way of a packet from its publisher to the subscribers, and of key frame requests back.

use std::collections::VecDeque;
use std::time::Instant;

use str0m::format::PayloadParams;
use str0m::media::{KeyframeRequestKind, Mid, Pt};
use str0m::rtp::{ExtensionValues, RtpPacket, RtpWrite, Ssrc};

use crate::codec::Codec;
use crate::engine::{ConnId, Engine};
use crate::hostile::At;
use crate::member::{Member, State, Subscription};
use crate::net::Net;
use crate::peer::{Peer, Work};
use crate::rewrite::Rewritten;
use crate::signal::{Code, Pc, SignalError};
use crate::source::{Packet, Stream};

impl Engine {
    /// A packet of a publisher.
    pub(crate) fn forward(&mut self, conn: ConnId, rtp: &RtpPacket) {
        let now = Instant::now();
        let Some(member) = self.members.get_mut(&conn) else { return };
        let Some((mid, packet)) = locate(member, rtp, now, &self.net, &mut self.work) else {
            self.counters.unknown_packets += 1;
            return;
        };
        self.counters.packets_in += 1;
        self.counters.bytes_in += packet.payload.len() as u64;
        let ssrc = packet.ssrc;
        let codec = packet.codec;
        let Some(stream) = member.track(mid).and_then(|t| t.stream(ssrc)) else { return };
        let packets: Vec<Packet> = stream.mark_end_of_picture(packet).collect();
        let frames = packets.iter().filter(|p| p.marker || codec.is_audio()).count() as u64;
        stream.frames += frames;
        if frames > 0 {
            *self.counters.frames.entry(codec).or_default() += frames;
        }
        for mut packet in packets {
            self.look(conn, mid, &packet, now);
            let extra = self.twist(conn, mid, &mut packet);
            for other in self.others_of(conn) {
                self.forward_to(other, conn, mid, &packet, now);
                if let Some(frame) = &extra {
                    self.inject(other, (conn, mid, ssrc), frame, now);
                }
            }
        }
    }

    /// Test mode: changes the packet, or makes up a frame to send behind it. Streams that nobody is shown are left
    /// alone, so that what is counted reached somebody.
    fn twist(&mut self, conn: ConnId, mid: Mid, packet: &mut Packet) -> Option<Vec<Packet>> {
        let hostile = self.hostile.as_mut()?;
        let shown = |s: &Subscription| s.shows(conn, mid, packet.ssrc);
        if !self.members.values().any(|m| m.subscriptions.iter().any(shown)) {
            return None;
        }
        let member = self.members.get(&conn)?;
        let kind = member.tracks.iter().find(|t| t.mid == mid)?.info.kind;
        hostile.twist((conn, mid, packet.ssrc), &member.id, kind, packet)
    }

    /// Test mode: sends a frame of the SFU's own making.
    fn inject(&mut self, to: ConnId, at: At, frame: &[Packet], now: Instant) {
        let Some(member) = self.members.get_mut(&to) else { return };
        let Some(peer) = member.subscriber.as_mut().filter(|p| p.is_connected()) else { return };
        let subscription = member.subscriptions.iter_mut().find(|s| s.shows(at.0, at.1, at.2));
        let Some(subscription) = subscription else { return };
        let State::Open(sub_mid, ssrc) = subscription.state else { return };
        let Some(at) = subscription.rewriter.make_room(frame.len(), now) else { return };
        for (packet, (seq, timestamp)) in frame.iter().zip(at) {
            let Some(pt) = payload_type(peer, sub_mid, packet) else { return };
            let out = Rewritten { seq, timestamp, vp8: None, descriptor: None };
            let write = outgoing(packet, out, pt);
            peer.change(&self.net, &mut self.work, |rtc| {
                if let Some(stream) = rtc.direct_api().stream_tx(&ssrc) {
                    stream.write_rtp(write);
                }
            });
        }
    }

    fn forward_to(&mut self, to: ConnId, source: ConnId, mid: Mid, packet: &Packet, now: Instant) {
        let wish = self.members.get(&to).and_then(|m| m.wishes.get(&(source, mid)).copied());
        let track = self.members.get(&source).and_then(|m| m.tracks.iter().find(|t| t.mid == mid));
        let Some(target) = track.and_then(|t| t.choose(wish, now)) else { return };
        let Some(member) = self.members.get_mut(&to) else { return };
        let Some(peer) = member.subscriber.as_mut().filter(|p| p.is_connected()) else { return };
        let Some(subscription) =
            member.subscriptions.iter_mut().find(|s| s.source == source && s.source_mid == mid)
        else {
            return;
        };
        let State::Open(sub_mid, ssrc) = subscription.state else { return };
        let Some(pt) = payload_type(peer, sub_mid, packet) else {
            if !std::mem::replace(&mut subscription.refused, true) {
                let message = format!(
                    "{} of {:?} is not forwarded: the answer does not accept it",
                    packet.codec.name(),
                    subscription.of
                );
                self.tell_error(to, SignalError::new(Code::CodecNotAccepted, message).about(Pc::Sub));
            }
            self.counters.packets_refused += 1;
            return;
        };
        let changing = subscription.rewriter.ssrc() != Some(target);
        let out = subscription.rewriter.rewrite(packet, target, now);
        if let Some(out) = out {
            subscription.packets += 1;
            self.counters.packets_out += 1;
            self.counters.bytes_out += packet.payload.len() as u64;
            let write = outgoing(packet, out, pt);
            peer.change(&self.net, &mut self.work, |rtc| {
                if let Some(stream) = rtc.direct_api().stream_tx(&ssrc) {
                    stream.write_rtp(write);
                }
            });
        }
        let changed = subscription.rewriter.ssrc() == Some(target);
        if changing && !changed && packet.ssrc == target {
            self.mark_key_frame(source, mid, Some(target));
        }
    }

    /// A subscriber asks for a key frame on one of its m-lines.
    pub(crate) fn key_frame_wanted(&mut self, conn: ConnId, mid: Mid) {
        let Some(member) = self.members.get(&conn) else { return };
        let subscription = member.subscriptions.iter().find(|s| s.mid() == Some(mid));
        if let Some(s) = subscription {
            let (source, mid, ssrc) = (s.source, s.source_mid, s.rewriter.ssrc());
            self.want_key_frame(source, mid, ssrc);
        }
    }

    /// Asks for a key frame of one stream, or of all streams of a track.
    pub(crate) fn want_key_frame(&mut self, source: ConnId, mid: Mid, ssrc: Option<Ssrc>) {
        self.mark_key_frame(source, mid, ssrc);
        self.request_key_frames(Instant::now());
    }

    /// Notes that a key frame is wanted; it is asked for at the next tick.
    pub(crate) fn mark_key_frame(&mut self, source: ConnId, mid: Mid, ssrc: Option<Ssrc>) {
        let Some(track) = self.members.get_mut(&source).and_then(|m| m.track(mid)) else { return };
        if track.info.kind.is_video() {
            let streams = track.streams.iter_mut().filter(|s| ssrc.is_none_or(|ssrc| s.ssrc == ssrc));
            streams.for_each(Stream::want_key_frame);
        }
    }

    /// Asks publishers for the key frames that are wanted.
    pub(crate) fn request_key_frames(&mut self, now: Instant) {
        for member in self.members.values_mut() {
            let Some(peer) = &mut member.publisher else { continue };
            let streams = member.tracks.iter_mut().flat_map(|t| &mut t.streams);
            for stream in streams {
                if stream.is_alive(now) && stream.take_key_frame_request(now) {
                    let ssrc = stream.ssrc;
                    self.counters.key_frame_requests += 1;
                    peer.change(&self.net, &mut self.work, |rtc| {
                        if let Some(stream) = rtc.direct_api().stream_rx(&ssrc) {
                            stream.request_keyframe(KeyframeRequestKind::Pli);
                        }
                    });
                }
            }
        }
    }

    /// A subscriber's transport is up: it needs key frames of everything it shows.
    pub(crate) fn subscriber_connected(&mut self, conn: ConnId) {
        let Some(member) = self.members.get(&conn) else { return };
        let open = member.subscriptions.iter().filter(|s| s.is_open());
        let sources: Vec<_> = open.map(|s| (s.source, s.source_mid)).collect();
        for (source, mid) in sources {
            self.want_key_frame(source, mid, None);
        }
    }

    /// A simulcast layer is asked for.
    pub(crate) fn choose_layer(
        &mut self,
        conn: ConnId,
        of: &str,
        mid: &str,
        rid: Option<&str>,
    ) -> Result<(), SignalError> {
        let track = self.find_track(conn, of, mid)?;
        if let Some(member) = self.members.get_mut(&conn) {
            match rid {
                Some(rid) => member.wishes.insert(track, rid.into()),
                None => member.wishes.remove(&track),
            };
        }
        Ok(())
    }

    /// A peer connection has ended. Its participant stays in the room and is told.
    pub(crate) fn transport_lost(&mut self, conn: ConnId, pc: Pc) {
        let message = "the transport is gone; join again with a new id";
        self.tell_error(conn, SignalError::new(Code::TransportLost, message).about(pc));
    }
}

/// The track a packet belongs to, and the packet with what the SFU needs to know about it.
fn locate(
    member: &mut Member,
    rtp: &RtpPacket,
    now: Instant,
    net: &Net,
    work: &mut VecDeque<Work>,
) -> Option<(Mid, Packet)> {
    let ssrc = rtp.header.ssrc;
    let peer = member.publisher.as_mut()?;
    let pt = rtp.header.payload_type;
    let params = *peer.rtc().codec_config().find(|p| p.pt() == pt || p.red() == Some(pt))?;
    let packet = Packet::new(rtp, &params);
    if rtp.payload.is_empty() {
        return None;
    }
    if let Some(track) = member.tracks.iter_mut().find(|t| t.streams.iter().any(|s| s.ssrc == ssrc)) {
        track.stream(ssrc)?.note(&packet, now);
        return Some((track.mid, packet));
    }
    // A stream that is seen for the first time: str0m knows its m-line and layer.
    let origin = peer.change(net, work, |rtc| rtc.direct_api().stream_rx(&ssrc).map(|s| (s.mid(), s.rid())));
    let (mid, rid) = origin??;
    let track = member.tracks.iter_mut().find(|t| t.mid == mid)?;
    let mut stream = Stream::new(ssrc, rid, packet.codec, now);
    stream.note(&packet, now);
    track.streams.push(stream);
    Some((mid, packet))
}

/// The payload type under which a subscriber takes a packet's codec.
fn payload_type(peer: &Peer, mid: Mid, packet: &Packet) -> Option<Pt> {
    let rtc = peer.rtc();
    let accepted = rtc.media(mid)?.remote_pts();
    let usable =
        |p: &&PayloadParams| accepted.contains(&p.pt()) && p.spec().codec == packet.params.spec().codec;
    let all = rtc.codec_config().params();
    let best = rtc.codec_config().match_params(packet.params).filter(usable);
    // A decoder of the codec will mostly do, also where profile or level are named differently.
    let params = best.or_else(|| all.iter().find(usable))?;
    if packet.codec == Codec::Red { params.red() } else { Some(params.pt()) }
}

fn outgoing(packet: &Packet, out: Rewritten, pt: Pt) -> RtpWrite {
    let mut values = ExtensionValues {
        audio_level: packet.values.audio_level,
        voice_activity: packet.values.voice_activity,
        video_orientation: packet.values.video_orientation,
        ..ExtensionValues::default()
    };
    if let Some(descriptor) = out.descriptor {
        values.user_values.set(descriptor);
    }
    let write = RtpWrite::new(pt, out.seq.into(), out.timestamp, packet.received, packet.payload.clone())
        .marker(packet.marker)
        .nackable(!packet.codec.is_audio())
        .ext_vals(values);
    match out.vp8 {
        Some(patch) => write.vp8_patch(patch),
        None => write,
    }
}
