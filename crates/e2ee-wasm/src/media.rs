//! The worker's one object: own keys, everybody's keys, and the lanes that use them.

use e2ee_core::{Announcement, CallId, CipherSuite, CodecRule, Millis, OpenCause, Padding, ParticipantId};
use e2ee_core::{Kid, RoomSecret, Sealer, TrackKind};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::lane::{Lane, failed};
use crate::people::{Person, Secret, profile};
use crate::{Thrown, code, thrown};

/// One call. All secrets of a worker live in here.
#[wasm_bindgen]
pub struct Media {
    pub(crate) call: CallId,
    pub(crate) me: ParticipantId,
    pub(crate) suite: CipherSuite,
    room: Option<Secret>,
    own: Option<Secret>,
    pub(crate) sealer: Option<Sealer>,
    pub(crate) seal_epoch: u32,
    pub(crate) people: Vec<Person>,
    pub(crate) lanes: Vec<Option<Box<Lane>>>,
    padding: [Padding; TrackKind::COUNT],
    now: Millis,
}

#[wasm_bindgen]
impl Media {
    /// `suite` is the number in the SFrame registry. Throws an error code.
    #[wasm_bindgen(constructor)]
    pub fn new(call: &str, participant: &str, suite: u16) -> Thrown<Media> {
        let bad = |_| thrown(code::BAD_OPTION);
        Ok(Self {
            call: CallId::new(call).map_err(bad)?,
            me: ParticipantId::new(participant).map_err(bad)?,
            suite: CipherSuite::from_number(suite).map_err(|_| thrown(code::BAD_OPTION))?,
            room: None,
            own: None,
            sealer: None,
            seal_epoch: 0,
            people: Vec::new(),
            lanes: Vec::new(),
            padding: [Padding::None; TrackKind::COUNT],
            now: Millis(0),
        })
    }

    /// What the others need to follow this sender; empty before a secret was set.
    pub fn announcement(&self) -> String {
        self.sealer.as_ref().and_then(Sealer::announcement).map_or_else(String::new, |a| a.to_string())
    }

    /// Fills frames of a kind up to a multiple of `bytes` (0: not).
    pub fn pad(&mut self, kind: u8, bytes: u16) -> Thrown<()> {
        let kind = TrackKind::from_number(kind).ok_or(thrown(code::BAD_OPTION))?;
        let padding = if bytes < 2 { Padding::None } else { Padding::MultipleOf(bytes) };
        if let Some(slot) = self.padding.get_mut(kind as usize) {
            *slot = padding;
        }
        self.apply_padding();
        Ok(())
    }

    /// Takes the secret of the room, 32 stretched bytes. Everybody without a secret of their own seals under it.
    /// The same one again changes nothing.
    pub fn set_room_secret(&mut self, stretched: &[u8], entropy: &[u8]) -> Thrown<()> {
        if self.room.as_ref().is_some_and(|room| room.is(stretched)) {
            return Ok(());
        }
        let room = Secret::new(stretched)?;
        if self.own.is_none() {
            self.make_sealer(&room.room, entropy)?;
        }
        for person in self.people.iter_mut().filter(|p| p.secret.is_none()) {
            person.follow(&self.call, Some(&room));
        }
        self.room = Some(room);
        Ok(())
    }

    /// Takes a secret of this sender's own.
    pub fn set_sender_secret(&mut self, bytes: &[u8], entropy: &[u8]) -> Thrown<()> {
        if self.own.as_ref().is_some_and(|own| own.is(bytes)) {
            return Ok(());
        }
        let own = Secret::new(bytes)?;
        self.make_sealer(&own.room, entropy)?;
        self.own = Some(own);
        Ok(())
    }

    /// Adds a participant, or takes a new announcement of one; gives the index that lanes are bound to.
    pub fn add_participant(&mut self, id: &str, announcement: &str) -> Thrown<usize> {
        let said: Announcement = announcement.parse().map_err(|_| thrown(code::BAD_ANNOUNCEMENT))?;
        let (index, person) = person(&mut self.people, id)?;
        person.present = true;
        person.announce(said, &self.call, self.room.as_ref())?;
        Ok(index)
    }

    /// Takes a participant's own secret; frames open once they announced themselves too.
    pub fn set_participant_secret(&mut self, id: &str, bytes: &[u8]) -> Thrown<usize> {
        let (index, person) = person(&mut self.people, id)?;
        if !person.secret.as_ref().is_some_and(|secret| secret.is(bytes)) {
            person.secret = Some(Secret::new(bytes)?);
            person.follow(&self.call, self.room.as_ref());
        }
        Ok(index)
    }

    /// Opens nothing of this participant any more, until they are added again.
    pub fn remove_participant(&mut self, id: &str) {
        if let Some(person) = self.people.iter_mut().find(|p| p.who.as_str() == id) {
            person.present = false;
        }
    }

    /// A new generation; gives its number. `entropy`: 32 bytes.
    pub fn rotate(&mut self, entropy: &[u8]) -> Thrown<u32> {
        let entropy: &[u8; 32] = entropy.try_into().map_err(|_| thrown(code::BAD_OPTION))?;
        let sealer = self.sealer.as_mut().ok_or(thrown(code::NO_SENDER_KEY))?;
        let generation = sealer.rotate(entropy).map_err(|e| thrown(e.cause.code().0))?;
        self.seal_epoch = self.seal_epoch.wrapping_add(1);
        Ok(generation.0)
    }

    /// One ratchet step; gives its number.
    pub fn ratchet(&mut self) -> Thrown<u32> {
        let sealer = self.sealer.as_mut().ok_or(thrown(code::NO_SENDER_KEY))?;
        let step = sealer.step().map_err(|e| thrown(e.cause.code().0))?;
        self.seal_epoch = self.seal_epoch.wrapping_add(1);
        Ok(step.0)
    }

    /// The page's clock, milliseconds: retires keys whose time has passed.
    pub fn tick(&mut self, now_ms: f64) {
        self.now = Millis(now_ms as u64);
        for opener in self.people.iter_mut().filter_map(|p| p.opener.as_mut()) {
            opener.tick(self.now);
        }
    }

    /// Opens a lane: one direction of one track. `person` counts only when it opens.
    pub fn lane(&mut self, kind: u8, person: usize) -> Thrown<usize> {
        let kind = TrackKind::from_number(kind).ok_or(thrown(code::BAD_OPTION))?;
        let lane = Some(Box::new(Lane::new(kind, person)));
        match self.lanes.iter().position(Option::is_none) {
            Some(free) => {
                if let Some(slot) = self.lanes.get_mut(free) {
                    *slot = lane;
                }
                Ok(free)
            }
            None => {
                self.lanes.push(lane);
                Ok(self.lanes.len() - 1)
            }
        }
    }

    /// Moves a lane to another kind or participant.
    pub fn bind(&mut self, lane: usize, kind: u8, person: usize) {
        if let (Some(Some(lane)), Some(kind)) = (self.lanes.get_mut(lane), TrackKind::from_number(kind)) {
            (lane.kind, lane.person, lane.plan) = (kind, person, None);
        }
    }

    /// Frees a lane.
    pub fn close(&mut self, lane: usize) {
        if let Some(slot) = self.lanes.get_mut(lane) {
            *slot = None;
        }
    }

    /// Makes room for frames of `len` bytes; gives the address to write them at, and the largest size.
    pub fn reserve(&mut self, lane: usize, len: usize) -> f64 {
        match self.lanes.get_mut(lane) {
            Some(Some(lane)) => lane.reserve(len),
            _ => failed(code::INTERNAL),
        }
    }

    /// Seals the `len` bytes that were written into the lane.
    pub fn seal(&mut self, lane: usize, rule: u8, len: usize) -> f64 {
        let Some(Some(lane)) = self.lanes.get_mut(lane) else { return failed(code::INTERNAL) };
        let Some(rule) = CodecRule::from_wire(rule) else { return failed(code::UNKNOWN_CODEC) };
        let Some(sealer) = self.sealer.as_mut() else { return failed(code::NO_SENDER_KEY) };
        if lane.written(len).is_none() {
            return failed(code::INTERNAL);
        }
        match sealer.seal(&lane.info(rule), &mut lane.buf) {
            Ok(_) => lane.result(),
            Err(e) => failed(e.cause.code().0),
        }
    }

    /// Opens the `len` bytes that were written into the lane.
    pub fn open(&mut self, lane: usize, rule: u8, len: usize) -> f64 {
        let Some(Some(lane)) = self.lanes.get_mut(lane) else { return failed(code::INTERNAL) };
        let Some(rule) = CodecRule::from_wire(rule) else { return failed(code::UNKNOWN_CODEC) };
        let Some(opener) = self.people.get_mut(lane.person).and_then(Person::opener) else {
            return failed(OpenCause::UnknownKey { kid: Kid(0) }.code().0);
        };
        if lane.written(len).is_none() {
            return failed(code::INTERNAL);
        }
        match opener.open(&lane.info(rule), &mut lane.buf) {
            Ok(_) => lane.result(),
            Err(e) => failed(e.cause.code().0),
        }
    }
}

impl Media {
    fn make_sealer(&mut self, secret: &RoomSecret, entropy: &[u8]) -> Thrown<()> {
        let entropy: &[u8; 32] = entropy.try_into().map_err(|_| thrown(code::BAD_OPTION))?;
        self.sealer =
            Some(Sealer::from_room(profile(&self.call, self.suite), self.me.clone(), secret, entropy));
        self.seal_epoch = self.seal_epoch.wrapping_add(1);
        self.apply_padding();
        Ok(())
    }

    fn apply_padding(&mut self) {
        if let Some(sealer) = &mut self.sealer {
            for (kind, padding) in TrackKind::ALL.into_iter().zip(self.padding) {
                sealer.set_padding(kind, padding);
            }
        }
    }
}

/// The participant with that name, made when new. Indices are never used again for somebody else.
fn person<'p>(people: &'p mut Vec<Person>, id: &str) -> Thrown<(usize, &'p mut Person)> {
    let index = match people.iter().position(|p| p.who.as_str() == id) {
        Some(index) => index,
        None => {
            people.push(Person::new(ParticipantId::new(id).map_err(|_| thrown(code::BAD_OPTION))?));
            people.len() - 1
        }
    };
    people.get_mut(index).map(|p| (index, p)).ok_or(thrown(code::UNKNOWN_PARTICIPANT))
}
