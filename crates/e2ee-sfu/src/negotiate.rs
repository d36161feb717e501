//! Offers and answers of both peer connections.

use std::time::Instant;

use serde_json::Value;
use str0m::Candidate;
use str0m::change::{SdpAnswer, SdpOffer};
use str0m::media::{Direction, MediaKind, Mid};

use crate::engine::{ConnId, Engine};
use crate::member::{Member, State, Subscription};
use crate::peer::{Peer, PeerId};
use crate::rewrite::Rewriter;
use crate::sdp;
use crate::signal::{
    Code, OfferedTrack, Pc, ServerMessage, SignalError, SubscribedTrack, TrackInfo, TrackKind,
};
use crate::source::PubTrack;

impl Engine {
    /// An offer on `pub`: answers it, and lets the others know what is published now.
    pub(crate) fn offered(
        &mut self,
        conn: ConnId,
        offer: &str,
        tracks: Vec<OfferedTrack>,
    ) -> Result<(), SignalError> {
        let parsed = SdpOffer::from_sdp_string(offer).map_err(|e| bad_sdp(Pc::Pub, &e))?;
        let Some(member) = self.members.get_mut(&conn) else { return Ok(()) };
        let peer = match &mut member.publisher {
            Some(peer) if peer.is_alive() => peer,
            slot => {
                let id = PeerId { conn, pc: Pc::Pub };
                slot.insert(Peer::new(id, &self.candidates, Instant::now()))
            }
        };
        let answer = peer
            .change(&self.net, &mut self.work, |rtc| rtc.sdp_api().accept_offer(parsed))
            .ok_or_else(|| bad_sdp(Pc::Pub, &"it cannot be applied"))?
            .map_err(|e| bad_sdp(Pc::Pub, &e))?;
        if let Some(unknown) = tracks.iter().find(|t| peer.rtc().media(t.mid.as_str().into()).is_none()) {
            let message = format!("`tracks` names mid {:?}, which is not in the offer", unknown.mid);
            return Err(SignalError::new(Code::UnknownTrack, message).about(Pc::Pub));
        }
        update_tracks(member, tracks);
        let sdp = sdp::finish_answer(&answer.to_sdp_string(), offer, self.options.start_bitrate_kbps);
        self.tell(conn, &ServerMessage::Answer { pc: Pc::Pub, sdp });
        self.announce(conn);
        for other in self.others_of(conn) {
            self.negotiate(other);
        }
        Ok(())
    }

    /// Offers on `sub` what has changed, unless an offer is on its way already.
    pub(crate) fn negotiate(&mut self, conn: ConnId) {
        let wanted = self.wanted_tracks(conn);
        let Some(member) = self.members.get_mut(&conn) else { return };
        if member.pending.is_some() {
            return;
        }
        let ended: Vec<Mid> = member
            .subscriptions
            .iter()
            .filter(|s| !wanted.iter().any(|w| w.is(s)))
            .filter_map(Subscription::mid)
            .collect();
        member.subscriptions.retain(|s| wanted.iter().any(|w| w.is(s)));
        for track in &wanted {
            match member.subscription(track.source, track.mid) {
                Some(subscription) => subscription.kind = track.kind,
                None => member.subscriptions.push(track.subscription()),
            }
        }
        let news = member.subscriptions.iter().any(|s| s.state == State::Wanted);
        if !news && ended.is_empty() {
            return;
        }
        let subscriptions = &mut member.subscriptions;
        let first = &mut member.first_mid;
        let offered = &mut member.offered;
        let peer = match &mut member.subscriber {
            Some(peer) if !peer.is_alive() => return,
            Some(peer) => peer,
            slot => {
                let id = PeerId { conn, pc: Pc::Sub };
                slot.insert(Peer::new(id, &self.candidates, Instant::now()))
            }
        };
        let offer = peer.change(&self.net, &mut self.work, |rtc| {
            let mut change = rtc.sdp_api();
            for mid in ended {
                // Browsers take the first m-line's end for the end of the whole bundle, and drop the transport
                // (libwebrtc, JsepTransportController): it stays, and is quiet.
                if *first == Some(mid) {
                    change.set_direction(mid, Direction::Inactive);
                } else {
                    change.stop_media(mid);
                }
            }
            for subscription in subscriptions.iter_mut().filter(|s| s.state == State::Wanted) {
                let kind = if subscription.kind.is_video() { MediaKind::Video } else { MediaKind::Audio };
                let stream = subscription.stream_id();
                *offered += 1;
                let track = format!("{}.{}.{offered}", subscription.of, subscription.source_mid);
                let mid = change.add_media(kind, Direction::SendOnly, Some(stream), Some(track), None);
                first.get_or_insert(mid);
                subscription.state = State::Offered(mid);
            }
            change.apply()
        });
        let Some(Some((offer, pending))) = offer else { return };
        member.pending = Some(pending);
        let tracks = member.subscriptions.iter().filter_map(SubscribedTrack::of).collect();
        let sdp = offer.to_sdp_string();
        self.tell(conn, &ServerMessage::Offer { pc: Pc::Sub, sdp, tracks });
    }

    /// An answer on `sub`.
    pub(crate) fn answered(&mut self, conn: ConnId, answer: &str) -> Result<(), SignalError> {
        let answer = SdpAnswer::from_sdp_string(answer).map_err(|e| bad_sdp(Pc::Sub, &e))?;
        let Some(member) = self.members.get_mut(&conn) else { return Ok(()) };
        let Some(peer) = &mut member.subscriber else { return Err(no_pending()) };
        let pending = member.pending.take().ok_or_else(no_pending)?;
        let accepted = peer
            .change(&self.net, &mut self.work, |rtc| rtc.sdp_api().accept_answer(pending, answer))
            .unwrap_or(Ok(()));
        if let Err(error) = accepted {
            // The m-lines of this offer are void; they are offered anew with the next change.
            for subscription in member.subscriptions.iter_mut().filter(|s| !s.is_open()) {
                subscription.state = State::Wanted;
            }
            return Err(bad_sdp(Pc::Sub, &error));
        }
        let mut opened = Vec::new();
        for subscription in &mut member.subscriptions {
            if let State::Offered(mid) = subscription.state {
                let ssrc = peer.change(&self.net, &mut self.work, |rtc| {
                    rtc.direct_api().stream_tx_by_mid(mid, None).map(|s| s.ssrc())
                });
                if let Some(Some(ssrc)) = ssrc {
                    subscription.state = State::Open(mid, ssrc);
                    opened.push((subscription.source, subscription.source_mid));
                }
            }
        }
        if peer.is_connected() {
            for (source, mid) in opened {
                self.want_key_frame(source, mid, None);
            }
        }
        self.negotiate(conn);
        Ok(())
    }

    /// A trickled candidate. Names (mDNS) are passed over: the server learns those addresses from the checks.
    pub(crate) fn candidate(&mut self, conn: ConnId, pc: Pc, value: &Value) -> Result<(), SignalError> {
        let text = match value {
            Value::Null => return Ok(()),
            Value::String(text) => text.as_str(),
            other => other.get("candidate").and_then(Value::as_str).unwrap_or_default(),
        };
        let is_name = text.split(' ').nth(4).is_some_and(|host| host.ends_with(".local"));
        let is_tcp = text.split(' ').nth(2).is_some_and(|p| p.eq_ignore_ascii_case("tcp"));
        if text.is_empty() || is_name || is_tcp {
            return Ok(());
        }
        let candidate = Candidate::from_sdp_string(text).map_err(|e| {
            SignalError::new(Code::BadCandidate, format!("the candidate was not understood: {e}")).about(pc)
        })?;
        if let Some(peer) = self.members.get_mut(&conn).and_then(|m| m.peer(pc)) {
            peer.change(&self.net, &mut self.work, |rtc| rtc.add_remote_candidate(candidate));
        }
        Ok(())
    }

    /// What the others in the room publish.
    fn wanted_tracks(&self, conn: ConnId) -> Vec<Wanted> {
        let others = self.others_of(conn);
        let members = others.iter().filter_map(|c| self.members.get(c));
        members
            .flat_map(|m| {
                m.tracks.iter().map(|t| Wanted {
                    source: m.conn,
                    mid: t.mid,
                    of: m.id.clone(),
                    kind: t.info.kind,
                })
            })
            .collect()
    }
}

struct Wanted {
    source: ConnId,
    mid: Mid,
    of: String,
    kind: TrackKind,
}

impl Wanted {
    /// The same track, of the same medium: a transceiver may be used again for another kind of video.
    fn is(&self, s: &Subscription) -> bool {
        s.source == self.source && s.source_mid == self.mid && s.kind.is_video() == self.kind.is_video()
    }

    fn subscription(&self) -> Subscription {
        Subscription {
            source: self.source,
            source_mid: self.mid,
            of: self.of.clone(),
            kind: self.kind,
            state: State::Wanted,
            rewriter: Rewriter::default(),
            refused: false,
            packets: 0,
        }
    }
}

impl Subscription {
    /// Browsers play the tracks of one stream in step. A screen is no business of the microphone.
    fn stream_id(&self) -> String {
        match self.kind {
            TrackKind::Audio | TrackKind::Video => self.of.clone(),
            TrackKind::Screen | TrackKind::ScreenAudio => format!("{}.screen", self.of),
        }
    }
}

impl SubscribedTrack {
    fn of(subscription: &Subscription) -> Option<Self> {
        Some(Self {
            mid: subscription.mid()?.to_string(),
            of: subscription.of.clone(),
            kind: subscription.kind,
            pub_mid: subscription.source_mid.to_string(),
        })
    }
}

/// Brings the published tracks in line with an offer, keeping what is known of those that stay.
fn update_tracks(member: &mut Member, offered: Vec<OfferedTrack>) {
    let mut old = std::mem::take(&mut member.tracks);
    for track in offered {
        let mid: Mid = track.mid.as_str().into();
        let known = old.iter().position(|t| t.mid == mid).map(|i| old.swap_remove(i));
        let muted = known.as_ref().is_some_and(|t| t.info.muted);
        let info = TrackInfo { mid: track.mid, kind: track.kind, codec: track.codec, muted };
        let streams = known.map(|t| t.streams).unwrap_or_default();
        let mut track = PubTrack::new(mid, info);
        track.streams = streams;
        member.tracks.push(track);
    }
}

fn bad_sdp(pc: Pc, reason: &dyn std::fmt::Display) -> SignalError {
    SignalError::new(Code::BadSdp, format!("the SDP cannot be used: {reason}")).about(pc)
}

fn no_pending() -> SignalError {
    SignalError::new(Code::NoPendingOffer, "no offer of the server waits for an answer").about(Pc::Sub)
}
