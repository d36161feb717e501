//! Rooms: who is in, and what they tell each other.

use std::collections::HashMap;

use str0m::media::Mid;

use crate::engine::{ConnId, Engine};
use crate::member::Member;
use crate::outbox::Outbox;
use crate::peer::Work;
use crate::signal::{ClientMessage, Code, Join, Pc, ServerMessage, SignalError};

impl Engine {
    /// Takes a participant into a room.
    fn join(&mut self, conn: ConnId, join: Join, outbox: Outbox) -> Result<(), SignalError> {
        if self.members.contains_key(&conn) {
            return Err(SignalError::new(Code::AlreadyJoined, "this connection has joined a room"));
        }
        let others = self.room_of(&join.room);
        if others.is_empty() && self.rooms() >= self.options.max_rooms {
            return Err(SignalError::new(Code::ServerFull, format!("{} rooms are open", self.rooms())));
        }
        if others.len() >= self.options.max_participants {
            let message = format!("{} participants are in the room", others.len());
            return Err(SignalError::new(Code::RoomFull, message));
        }
        if others.iter().filter_map(|c| self.members.get(c)).any(|m| m.id == join.id) {
            let message = format!("{:?} is in the room; use a new id for each page load", join.id);
            return Err(SignalError::new(Code::IdTaken, message));
        }
        let members = others.iter().filter_map(|c| self.members.get(c)).map(Member::info).collect();
        let member = Member {
            conn,
            room: join.room.clone(),
            id: join.id.clone(),
            name: join.name,
            announcement: join.announcement,
            caps: join.caps,
            outbox,
            publisher: None,
            subscriber: None,
            tracks: Vec::new(),
            subscriptions: Vec::new(),
            pending: None,
            wishes: HashMap::new(),
            first_mid: None,
            eye: None,
            offered: 0,
        };
        if self.options.access_log {
            eprintln!("join room={:?} id={}", join.room, join.id);
        }
        self.members.insert(conn, member);
        self.tell(conn, &ServerMessage::Welcome { room: join.room, id: join.id, members });
        self.announce(conn);
        self.negotiate(conn);
        Ok(())
    }

    /// Lets a participant go; nothing happens for someone who is not there.
    pub(crate) fn leave(&mut self, conn: ConnId) {
        let Some(mut member) = self.members.remove(&conn) else { return };
        for peer in [&mut member.publisher, &mut member.subscriber].into_iter().flatten() {
            peer.close(&self.net);
        }
        member.outbox.close();
        self.forget_routes(conn);
        self.shut_eyes(conn);
        if let Some(hostile) = &mut self.hostile {
            hostile.forget(conn);
        }
        if self.options.access_log {
            eprintln!("leave room={:?} id={}", member.room, member.id);
        }
        let left = ServerMessage::Left { id: member.id };
        for other in self.room_of(&member.room) {
            self.tell(other, &left);
            self.negotiate(other);
        }
    }

    /// Does what a participant's message says.
    pub(crate) fn message(
        &mut self,
        conn: ConnId,
        message: ClientMessage,
        outbox: &Outbox,
    ) -> Result<(), SignalError> {
        let joined = self.members.contains_key(&conn);
        match message {
            ClientMessage::Join(join) => self.join(conn, join, outbox.clone()),
            _ if !joined => Err(SignalError::new(Code::NotJoined, "send `join` first")),
            ClientMessage::Offer { pc: Pc::Pub, sdp, tracks } => self.offered(conn, &sdp, tracks),
            ClientMessage::Offer { pc, .. } => {
                Err(SignalError::new(Code::BadMessage, "the server makes the offers of `sub`").about(pc))
            }
            ClientMessage::Answer { pc: Pc::Sub, sdp } => self.answered(conn, &sdp),
            ClientMessage::Answer { pc, .. } => {
                Err(SignalError::new(Code::BadMessage, "the server answers on `pub`").about(pc))
            }
            ClientMessage::Candidate { pc, candidate } => self.candidate(conn, pc, &candidate),
            ClientMessage::Mute { mid, muted } => self.mute(conn, &mid, muted),
            ClientMessage::App { to, data } => self.relay(conn, to.as_deref(), data),
            ClientMessage::Announce { announcement } => {
                if let Some(member) = self.members.get_mut(&conn) {
                    member.announcement = announcement;
                }
                self.announce(conn);
                Ok(())
            }
            ClientMessage::Eye { of, mid } => self.turn_eye(conn, of.as_deref(), mid.as_deref()),
            ClientMessage::Layer { of, mid, rid } => self.choose_layer(conn, &of, &mid, rid.as_deref()),
            ClientMessage::Keyframe { of, mid } => {
                let (source, mid) = self.find_track(conn, &of, &mid)?;
                self.want_key_frame(source, mid, None);
                Ok(())
            }
            ClientMessage::Leave => {
                self.leave(conn);
                Ok(())
            }
        }
    }

    fn mute(&mut self, conn: ConnId, mid: &str, muted: bool) -> Result<(), SignalError> {
        let track = self.members.get_mut(&conn).and_then(|m| m.track(mid.into()));
        let track = track.ok_or_else(|| {
            SignalError::new(Code::UnknownTrack, format!("no track with mid {mid:?} is published"))
        })?;
        track.info.muted = muted;
        self.announce(conn);
        Ok(())
    }

    fn relay(&mut self, conn: ConnId, to: Option<&str>, data: serde_json::Value) -> Result<(), SignalError> {
        let Some(member) = self.members.get(&conn) else { return Ok(()) };
        let receivers = match to {
            Some(to) => vec![self.find_member(conn, to)?],
            None => self.others_of(conn),
        };
        let message = ServerMessage::App { from: member.id.clone(), data };
        for receiver in receivers {
            self.tell(receiver, &message);
        }
        Ok(())
    }

    /// Tells the others about a participant.
    pub(crate) fn announce(&mut self, conn: ConnId) {
        let Some(info) = self.members.get(&conn).map(Member::info) else { return };
        let message = ServerMessage::Member(info);
        for other in self.others_of(conn) {
            self.tell(other, &message);
        }
    }

    /// Sends a participant a message.
    pub(crate) fn tell(&mut self, conn: ConnId, message: &ServerMessage) {
        if let Some(member) = self.members.get(&conn)
            && member.outbox.send(message).is_err()
        {
            self.work.push_back(Work::Slow(conn));
        }
    }

    pub(crate) fn tell_error(&mut self, conn: ConnId, error: SignalError) {
        self.tell(conn, &error.into_message());
    }

    /// The participant with this id in the same room.
    pub(crate) fn find_member(&self, conn: ConnId, id: &str) -> Result<ConnId, SignalError> {
        let found =
            self.others_of(conn).into_iter().find(|c| self.members.get(c).is_some_and(|m| m.id == id));
        found.ok_or_else(|| {
            SignalError::new(Code::UnknownParticipant, format!("nobody else here has the id {id:?}"))
        })
    }

    /// A track of the participant with this id.
    pub(crate) fn find_track(&self, conn: ConnId, id: &str, mid: &str) -> Result<(ConnId, Mid), SignalError> {
        let source = self.find_member(conn, id)?;
        let found = self.members.get(&source).and_then(|m| m.tracks.iter().find(|t| t.info.mid == mid));
        let track = found.ok_or_else(|| {
            SignalError::new(Code::UnknownTrack, format!("{id:?} publishes no track with mid {mid:?}"))
        })?;
        Ok((source, track.mid))
    }

    pub(crate) fn others_of(&self, conn: ConnId) -> Vec<ConnId> {
        let Some(member) = self.members.get(&conn) else { return Vec::new() };
        self.room_of(&member.room).into_iter().filter(|c| *c != conn).collect()
    }

    fn room_of(&self, room: &str) -> Vec<ConnId> {
        self.members.values().filter(|m| m.room == room).map(|m| m.conn).collect()
    }

    fn rooms(&self) -> usize {
        let rooms: std::collections::BTreeSet<_> = self.members.values().map(|m| &m.room).collect();
        rooms.len()
    }
}
