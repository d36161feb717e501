//! The worker's one object: own keys, everybody's keys, and the lanes that use them.

use alloc::boxed::Box;
use alloc::vec::Vec;

use e2ee_core::key::room::Incarnation;
use e2ee_core::{Announcement, CallId, CipherSuite, CodecRule, Millis, OpenCause, Padding, ParticipantId};
use e2ee_core::{Kid, Opener, RoomSecret, Sealer, TrackKind};

use crate::lane::{Lane, failed};
use crate::people::{Person, Secret, profile};
use crate::{Refusable, code};

/// One call. All secrets of a worker live in here.
pub(crate) struct Media {
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
    #[cfg(feature = "session")]
    pub(crate) epochs: crate::epochs::Epochs,
    #[cfg(feature = "shared")]
    pub(crate) shared: crate::shared::Shared,
}

impl Media {
    /// `suite` is the number in the SFrame registry. Otherwise an error code.
    pub(crate) fn new(call: &str, participant: &str, suite: u32) -> Refusable<Media> {
        let bad = |_| code::BAD_OPTION;
        Ok(Self {
            call: CallId::new(call).map_err(bad)?,
            me: ParticipantId::new(participant).map_err(bad)?,
            suite: cipher_suite(suite).ok_or(code::BAD_OPTION)?,
            room: None,
            own: None,
            sealer: None,
            seal_epoch: 0,
            people: Vec::new(),
            lanes: Vec::new(),
            padding: [Padding::None; TrackKind::COUNT],
            now: Millis(0),
            #[cfg(feature = "session")]
            epochs: crate::epochs::Epochs::default(),
            #[cfg(feature = "shared")]
            shared: crate::shared::Shared::default(),
        })
    }

    /// The own incarnation, once a secret was set.
    pub(crate) fn incarnation(&self) -> Option<Incarnation> {
        self.sealer.as_ref().and_then(Sealer::announcement).map(|said| said.incarnation)
    }

    /// Fills frames of a kind up to a multiple of `bytes` (0: not).
    pub(crate) fn pad(&mut self, kind: u32, bytes: u32) -> Refusable<u32> {
        let (kind, bytes) = (track_kind(kind)?, number(bytes).ok_or(code::BAD_OPTION)?);
        let padding = if bytes < 2 { Padding::None } else { Padding::MultipleOf(bytes) };
        if let Some(slot) = self.padding.get_mut(kind as usize) {
            *slot = padding;
        }
        self.apply_padding();
        Ok(0)
    }

    /// Takes the secret of the room, 32 stretched bytes. Everybody without a secret of their own seals under it.
    /// The same one again changes nothing.
    pub(crate) fn set_room_secret(&mut self, stretched: &[u8], entropy: &[u8]) -> Refusable<u32> {
        if self.room.as_ref().is_some_and(|room| room.is(stretched)) {
            return Ok(0);
        }
        let room = Secret::new(stretched)?;
        if self.own.is_none() {
            self.make_sealer(&room.room, entropy)?;
        }
        for person in self.people.iter_mut().filter(|p| p.secret.is_none()) {
            person.follow(&self.call, Some(&room));
        }
        self.room = Some(room);
        Ok(0)
    }

    /// Takes a secret of this sender's own.
    pub(crate) fn set_sender_secret(&mut self, bytes: &[u8], entropy: &[u8]) -> Refusable<u32> {
        if self.own.as_ref().is_some_and(|own| own.is(bytes)) {
            return Ok(0);
        }
        let own = Secret::new(bytes)?;
        self.make_sealer(&own.room, entropy)?;
        self.own = Some(own);
        Ok(0)
    }

    /// Adds a participant, or takes a new announcement of one; gives the index that lanes are bound to.
    pub(crate) fn add_participant(&mut self, id: &str, suite: u32, incarnation: &[u8]) -> Refusable<u32> {
        let suite = cipher_suite(suite).ok_or(code::BAD_ANNOUNCEMENT)?;
        let incarnation = Incarnation(incarnation.try_into().map_err(|_| code::BAD_ANNOUNCEMENT)?);
        let (index, person) = person(&mut self.people, id)?;
        person.announce(Announcement { suite, incarnation }, &self.call, self.room.as_ref())?;
        person.present = true;
        Ok(index as u32)
    }

    /// Takes a participant's own secret; frames open once they announced themselves too.
    pub(crate) fn set_participant_secret(&mut self, id: &str, bytes: &[u8]) -> Refusable<u32> {
        let (index, person) = person(&mut self.people, id)?;
        if !person.secret.as_ref().is_some_and(|secret| secret.is(bytes)) {
            person.secret = Some(Secret::new(bytes)?);
            person.follow(&self.call, self.room.as_ref());
        }
        Ok(index as u32)
    }

    /// Opens nothing of this participant any more, until they are added again.
    pub(crate) fn remove_participant(&mut self, id: &str) {
        if let Some(person) = self.people.iter_mut().find(|p| p.who.as_str() == id) {
            person.present = false;
        }
    }

    /// A new generation; gives its number. `entropy`: 32 bytes.
    pub(crate) fn rotate(&mut self, entropy: &[u8]) -> Refusable<u32> {
        let entropy: &[u8; 32] = entropy.try_into().map_err(|_| code::BAD_OPTION)?;
        let sealer = self.sealer.as_mut().ok_or(code::NO_SENDER_KEY)?;
        let generation = sealer.rotate(entropy).map_err(|e| e.cause.code().0)?;
        self.seal_epoch = self.seal_epoch.wrapping_add(1);
        Ok(generation.0)
    }

    /// One ratchet step; gives its number.
    pub(crate) fn ratchet(&mut self) -> Refusable<u32> {
        let sealer = self.sealer.as_mut().ok_or(code::NO_SENDER_KEY)?;
        let step = sealer.step().map_err(|e| e.cause.code().0)?;
        self.seal_epoch = self.seal_epoch.wrapping_add(1);
        Ok(step.0)
    }

    /// The page's clock, milliseconds: retires keys whose time has passed.
    pub(crate) fn tick(&mut self, now_ms: u64) {
        self.now = Millis(now_ms);
        for opener in self.people.iter_mut().filter_map(|p| p.opener.as_mut()) {
            opener.tick(self.now);
        }
    }

    /// Opens a lane: one direction of one track. `person` counts only when it opens.
    pub(crate) fn lane(&mut self, kind: u32, person: usize) -> Refusable<u32> {
        let kind = track_kind(kind)?;
        let lane = Some(Box::new(Lane::new(kind, person)));
        match self.lanes.iter().position(Option::is_none) {
            Some(free) => {
                if let Some(slot) = self.lanes.get_mut(free) {
                    *slot = lane;
                }
                Ok(free as u32)
            }
            None => {
                self.lanes.push(lane);
                Ok((self.lanes.len() - 1) as u32)
            }
        }
    }

    /// Moves a lane to another kind or participant.
    pub(crate) fn bind(&mut self, lane: usize, kind: u32, person: usize) -> Refusable<u32> {
        let kind = track_kind(kind)?;
        let lane = self.lanes.get_mut(lane).and_then(Option::as_mut).ok_or(code::BAD_OPTION)?;
        (lane.kind, lane.person, lane.plan) = (kind, person, None);
        Ok(0)
    }

    /// Frees a lane.
    pub(crate) fn close(&mut self, lane: usize) {
        if let Some(slot) = self.lanes.get_mut(lane) {
            *slot = None;
        }
    }

    /// Makes room for frames of `len` bytes; gives the address to write them at, and the largest size.
    pub(crate) fn reserve(&mut self, lane: usize, len: usize) -> f64 {
        match self.lanes.get_mut(lane) {
            Some(Some(lane)) => lane.reserve(len),
            _ => failed(code::INTERNAL),
        }
    }

    /// Seals the `len` bytes that were written into the lane.
    pub(crate) fn seal(&mut self, lane: usize, rule: u32, len: usize) -> f64 {
        let Some(Some(lane)) = self.lanes.get_mut(lane) else { return failed(code::INTERNAL) };
        let Some(rule) = codec_rule(rule) else { return failed(code::UNKNOWN_CODEC) };
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
    pub(crate) fn open(&mut self, lane: usize, rule: u32, len: usize) -> f64 {
        let Some(Some(lane)) = self.lanes.get_mut(lane) else { return failed(code::INTERNAL) };
        let Some(rule) = codec_rule(rule) else { return failed(code::UNKNOWN_CODEC) };
        if lane.written(len).is_none() {
            return failed(code::INTERNAL);
        }
        let Some(opener) = self.people.get_mut(lane.person).and_then(Person::opener) else {
            // Whose key is not here may not encrypt at all.
            let sealed = Opener::looks_sealed(rule, &mut lane.buf);
            let cause =
                if sealed { OpenCause::UnknownKey { kid: Kid(0) } } else { OpenCause::UnknownVersion };
            return failed(cause.code().0);
        };
        match opener.open(&lane.info(rule), &mut lane.buf) {
            Ok(_) => lane.result(),
            Err(e) => failed(e.cause.code().0),
        }
    }
}

impl Media {
    fn make_sealer(&mut self, secret: &RoomSecret, entropy: &[u8]) -> Refusable<()> {
        let entropy: &[u8; 32] = entropy.try_into().map_err(|_| code::BAD_OPTION)?;
        self.sealer =
            Some(Sealer::from_room(profile(&self.call, self.suite), self.me.clone(), secret, entropy));
        self.seal_epoch = self.seal_epoch.wrapping_add(1);
        self.apply_padding();
        Ok(())
    }

    pub(crate) fn apply_padding(&mut self) {
        if let Some(sealer) = &mut self.sealer {
            for (kind, padding) in TrackKind::ALL.into_iter().zip(self.padding) {
                sealer.set_padding(kind, padding);
            }
        }
    }
}

fn number(n: u32) -> Option<u16> {
    u16::try_from(n).ok()
}

pub(crate) fn cipher_suite(n: u32) -> Option<CipherSuite> {
    number(n).and_then(|n| CipherSuite::from_number(n).ok())
}

fn track_kind(n: u32) -> Refusable<TrackKind> {
    u8::try_from(n).ok().and_then(TrackKind::from_number).ok_or(code::BAD_OPTION)
}

pub(crate) fn codec_rule(n: u32) -> Option<CodecRule> {
    u8::try_from(n).ok().and_then(CodecRule::from_wire)
}

/// The participant with that name, made when new. Indices are never used again for somebody else.
pub(crate) fn person<'p>(people: &'p mut Vec<Person>, id: &str) -> Refusable<(usize, &'p mut Person)> {
    let index = match people.iter().position(|p| p.who.as_str() == id) {
        Some(index) => index,
        None => {
            people.push(Person::new(ParticipantId::new(id).map_err(|_| code::BAD_OPTION)?));
            people.len() - 1
        }
    };
    people.get_mut(index).map(|p| (index, p)).ok_or(code::UNKNOWN_PARTICIPANT)
}
