//! A participant: who they are, what they publish and what they receive.

use std::collections::HashMap;

use serde_json::Value;
use str0m::change::SdpPendingOffer;
use str0m::media::{Mid, Rid};
use str0m::rtp::Ssrc;

use crate::engine::ConnId;
use crate::eye::Eye;
use crate::outbox::Outbox;
use crate::peer::Peer;
use crate::rewrite::Rewriter;
use crate::signal::{MemberInfo, Pc, TrackKind};
use crate::source::PubTrack;

/// See the module.
pub(crate) struct Member {
    pub(crate) conn: ConnId,
    pub(crate) room: String,
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) announcement: String,
    pub(crate) caps: Value,
    pub(crate) outbox: Outbox,
    pub(crate) publisher: Option<Peer>,
    pub(crate) subscriber: Option<Peer>,
    pub(crate) tracks: Vec<PubTrack>,
    pub(crate) subscriptions: Vec<Subscription>,
    pub(crate) pending: Option<SdpPendingOffer>,
    /// The first m-line of `sub`, which must never be stopped.
    pub(crate) first_mid: Option<Mid>,
    /// Simulcast layers asked for; kept apart, as a wish may come before the subscription.
    pub(crate) wishes: HashMap<(ConnId, Mid), Rid>,
    pub(crate) eye: Option<Eye>,
    /// Tracks offered so far: each m-line of `sub` needs a track id that no earlier one had, or browsers refuse the
    /// whole offer, and somebody who comes back under the same id would otherwise have the same.
    pub(crate) offered: u32,
}

/// A track that a participant receives.
pub(crate) struct Subscription {
    pub(crate) source: ConnId,
    pub(crate) source_mid: Mid,
    pub(crate) of: String,
    pub(crate) kind: TrackKind,
    pub(crate) state: State,
    pub(crate) rewriter: Rewriter,
    /// Said once that the client does not take the codec.
    pub(crate) refused: bool,
    pub(crate) packets: u64,
}

/// How far the m-line of a subscription is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Wanted,
    Offered(Mid),
    Open(Mid, Ssrc),
}

impl Subscription {
    pub(crate) fn mid(&self) -> Option<Mid> {
        match self.state {
            State::Wanted => None,
            State::Offered(mid) | State::Open(mid, _) => Some(mid),
        }
    }

    /// Whether this stream is what is being forwarded.
    pub(crate) fn shows(&self, source: ConnId, mid: Mid, ssrc: Ssrc) -> bool {
        self.source == source && self.source_mid == mid && self.rewriter.ssrc() == Some(ssrc)
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, State::Open(..))
    }
}

impl Member {
    pub(crate) fn info(&self) -> MemberInfo {
        MemberInfo {
            id: self.id.clone(),
            name: self.name.clone(),
            announcement: self.announcement.clone(),
            caps: self.caps.clone(),
            tracks: self.tracks.iter().map(|t| t.info.clone()).collect(),
        }
    }

    pub(crate) fn track(&mut self, mid: Mid) -> Option<&mut PubTrack> {
        self.tracks.iter_mut().find(|t| t.mid == mid)
    }

    pub(crate) fn peer(&mut self, pc: Pc) -> Option<&mut Peer> {
        self.peer_slot(pc).as_mut()
    }

    pub(crate) fn peer_slot(&mut self, pc: Pc) -> &mut Option<Peer> {
        match pc {
            Pc::Pub => &mut self.publisher,
            Pc::Sub => &mut self.subscriber,
        }
    }

    pub(crate) fn subscription(&mut self, source: ConnId, mid: Mid) -> Option<&mut Subscription> {
        self.subscriptions.iter_mut().find(|s| s.source == source && s.source_mid == mid)
    }
}
