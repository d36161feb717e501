//! The eye: what the SFU itself could look at, shown to whoever asks; and, in test mode, kept for the verdict.

use std::time::{Duration, Instant};

use axum::body::Bytes;
use str0m::media::Mid;
use str0m::rtp::Ssrc;

use crate::depacketize::Frame;
use crate::engine::{ConnId, Engine};
use crate::signal::{Code, ServerMessage, SignalError};
use crate::source::Packet;

/// Version of the eye's binary messages.
const VERSION: u8 = 1;
/// How long an eye waits for a key frame to begin with.
const PATIENCE: Duration = Duration::from_secs(3);

/// What an eye looks at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Eye {
    pub(crate) source: ConnId,
    pub(crate) mid: Mid,
    /// The layer being shown; a change to another waits for a key frame of it.
    ssrc: Option<Ssrc>,
    since: Instant,
}

impl Eye {
    fn is_on(&self, source: ConnId, mid: Mid) -> bool {
        self.source == source && self.mid == mid
    }

    /// Whether to show a frame, when `best` is the layer to be shown.
    fn shows(&mut self, frame: &Frame, best: Option<Ssrc>, now: Instant) -> bool {
        let ssrc = Ssrc::from(frame.ssrc);
        let waited = self.ssrc.is_none() && now.duration_since(self.since) > PATIENCE;
        if self.ssrc != Some(ssrc) && best == Some(ssrc) && (frame.key || waited) {
            self.ssrc = Some(ssrc);
        }
        self.ssrc == Some(ssrc)
    }
}

impl Engine {
    /// Turns a participant's eye to a track, or shuts it.
    pub(crate) fn turn_eye(
        &mut self,
        conn: ConnId,
        of: Option<&str>,
        mid: Option<&str>,
    ) -> Result<(), SignalError> {
        let target = match of {
            None => None,
            Some(of) => Some(self.eye_target(conn, of, mid)?),
        };
        if let Some(member) = self.members.get_mut(&conn) {
            let now = Instant::now();
            member.eye = target.map(|(source, mid)| Eye { source, mid, ssrc: None, since: now });
        }
        let Some((source, mid)) = target else {
            self.tell(conn, &ServerMessage::Eye { of: None, mid: None, kind: None });
            return Ok(());
        };
        let kind = self.members.get_mut(&source).and_then(|m| m.track(mid)).map(|t| t.info.kind);
        let of = self.members.get(&source).map(|m| m.id.clone());
        self.tell(conn, &ServerMessage::Eye { of, mid: Some(mid.to_string()), kind });
        self.want_key_frame(source, mid, None);
        Ok(())
    }

    /// Anybody in the room may be looked at, oneself too: the server sees all.
    fn eye_target(&self, conn: ConnId, of: &str, mid: Option<&str>) -> Result<(ConnId, Mid), SignalError> {
        let own = self.members.get(&conn).is_some_and(|m| m.id == of);
        let source = if own { conn } else { self.find_member(conn, of)? };
        let tracks = self.members.get(&source).map(|m| m.tracks.as_slice()).unwrap_or_default();
        let wanted = |t: &&crate::source::PubTrack| match mid {
            Some(mid) => t.info.mid == mid,
            None => t.info.kind.is_video(),
        };
        let track = tracks
            .iter()
            .find(wanted)
            .ok_or_else(|| SignalError::new(Code::UnknownTrack, format!("{of:?} publishes no such track")))?;
        Ok((source, track.mid))
    }

    /// Shuts eyes that look at somebody who left.
    pub(crate) fn shut_eyes(&mut self, source: ConnId) {
        let looking: Vec<ConnId> = self
            .members
            .values()
            .filter(|m| m.eye.is_some_and(|eye| eye.source == source))
            .map(|m| m.conn)
            .collect();
        for conn in looking {
            if let Some(member) = self.members.get_mut(&conn) {
                member.eye = None;
            }
            self.tell(conn, &ServerMessage::Eye { of: None, mid: None, kind: None });
        }
    }

    /// Looks at a packet, when anybody wants to know.
    pub(crate) fn look(&mut self, source: ConnId, mid: Mid, packet: &Packet, now: Instant) {
        let watched = self.members.values().any(|m| m.eye.is_some_and(|eye| eye.is_on(source, mid)));
        if !watched && self.verdict.is_none() {
            return;
        }
        let Some(member) = self.members.get_mut(&source) else { return };
        let Some(track) = member.track(mid) else { return };
        let best = track.choose(None, now);
        let Some(frame) = track.stream(packet.ssrc).and_then(|s| s.assembler.take(packet)) else { return };
        if watched {
            self.show(source, mid, &frame, best, now);
        }
        if let Some(verdict) = &mut self.verdict {
            verdict.saw(frame, now);
        }
    }

    fn show(&mut self, source: ConnId, mid: Mid, frame: &Frame, best: Option<Ssrc>, now: Instant) {
        let message = Bytes::from(message(frame));
        let mut waiting = false;
        for member in self.members.values_mut() {
            let Some(eye) = member.eye.as_mut().filter(|eye| eye.is_on(source, mid)) else { continue };
            if eye.shows(frame, best, now) {
                // A slow reader loses frames of the eye, never the connection.
                let _ = member.outbox.frame(message.clone());
            }
            waiting |= eye.ssrc != best;
        }
        if waiting {
            self.mark_key_frame(source, mid, best);
        }
    }
}

fn message(frame: &Frame) -> Vec<u8> {
    let mut out = vec![VERSION, u8::from(frame.key), frame.codec.number()];
    out.extend_from_slice(&frame.timestamp.to_be_bytes());
    out.extend_from_slice(&frame.bytes);
    out
}
