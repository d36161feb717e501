//! Participants of ours in virtual time, and a server between them that may do as it likes.
use std::collections::{BTreeMap, VecDeque};

use e2ee_core::jitsi::{Frame, FrameType, Opener, Options, Sealer, SlotKey};
use e2ee_core::{FrameBuf, Millis, ParticipantId};
use e2ee_session::jitsi::{Event, Input, Jitsi, JitsiError, Output, Settings};
use serde_json::Value;

use super::{hex, reaches};

pub(super) struct Person {
    pub(super) engine: Jitsi,
    wake: Option<Millis>,
    pub(super) seals: Option<(u32, String)>,
    /// With the time from which it was used.
    pub(super) history: Vec<(u64, u32, String)>,
    pub(super) opens: BTreeMap<(String, u32), String>,
    pub(super) events: Vec<Event>,
    sealer: Sealer,
    openers: BTreeMap<String, Opener>,
}

impl Person {
    /// A frame of sound, sealed; nothing without a key.
    pub(super) fn seal(&mut self, bytes: &[u8], timestamp: u32) -> Option<Vec<u8>> {
        self.seals.as_ref()?;
        let mut buf = FrameBuf::new();
        buf.fill(bytes);
        let frame = Frame { frame_type: FrameType::Audio, ssrc: Some(1), timestamp };
        Some(self.sealer.seal(&frame, &mut buf).unwrap().to_vec())
    }

    /// Whether it opens, and to this.
    pub(super) fn opens(&mut self, sender: &str, sealed: &[u8], bytes: &[u8]) -> bool {
        let mut buf = FrameBuf::new();
        buf.fill(sealed);
        let opener = self.openers.get_mut(sender);
        opener.is_some_and(|opener| {
            opener.open(&Frame::received(FrameType::Audio), &mut buf).is_ok_and(|opened| opened == bytes)
        })
    }
}

fn id(who: &str) -> ParticipantId {
    ParticipantId::new(who).unwrap()
}

/// What the server does with a message: from, to, its JSON. `None`: it is lost.
type Server = Box<dyn FnMut(&str, &str, Value) -> Option<Value>>;

pub(super) struct World {
    pub(super) people: BTreeMap<String, Person>,
    presence: BTreeMap<String, BTreeMap<String, String>>,
    queue: VecDeque<(String, String, String)>,
    pub(super) sent: Vec<(String, String, String)>,
    pub(super) server: Server,
    pub(super) now: u64,
}

impl World {
    pub(super) fn new() -> Self {
        Self {
            people: BTreeMap::new(),
            presence: BTreeMap::new(),
            queue: VecDeque::new(),
            sent: Vec::new(),
            server: Box::new(|_, _, message| Some(message)),
            now: 0,
        }
    }

    /// All of these, with encryption on and keys exchanged.
    pub(super) fn of(names: &[&str]) -> Self {
        let mut world = Self::new();
        for name in names {
            world.join(Settings::new(name));
        }
        for name in names {
            world.give(name, Input::Enable(true));
        }
        world.run(100);
        assert!(world.agree());
        world
    }

    pub(super) fn give(&mut self, who: &str, input: Input<'_>) {
        self.try_give(who, input).unwrap();
    }

    pub(super) fn try_give(&mut self, who: &str, input: Input<'_>) -> Result<(), JitsiError> {
        let result = self.people.get_mut(who).unwrap().engine.handle(input, Millis(self.now));
        self.drain(who);
        result
    }

    fn drain(&mut self, who: &str) {
        while let Some(output) = self.people.get_mut(who).unwrap().engine.poll() {
            let person = self.people.get_mut(who).unwrap();
            match output {
                Output::Send { to, json } => self.queue.push_back((who.to_owned(), to, json)),
                Output::Publish { name, value } => self.publish(who, name, &value),
                Output::Seal { index, key } => {
                    person.history.push((self.now, index, hex(key.expose())));
                    person.sealer.set_key(index, SlotKey::derive(key.expose())).unwrap();
                    person.seals = Some((index, hex(key.expose())));
                }
                Output::Stop => person.seals = None,
                Output::Open { who, index, key } => {
                    let new = || Opener::new(Options::default(), id(&who));
                    let opener = person.openers.entry(who.clone()).or_insert_with(new);
                    opener.set_key(index, SlotKey::derive(key.expose())).unwrap();
                    person.opens.insert((who, index), hex(key.expose()));
                }
                Output::Forget(owner) => {
                    person.opens.retain(|(of, _), _| *of != owner);
                    person.openers.get_mut(&owner).into_iter().for_each(Opener::clear);
                }
                Output::WakeAt(at) => person.wake = Some(at),
                Output::Event(event) => person.events.push(event),
                _ => {}
            }
        }
    }

    pub(super) fn publish(&mut self, who: &str, name: &str, value: &str) {
        self.presence.entry(who.to_owned()).or_default().insert(name.to_owned(), value.to_owned());
        for other in self.others(who) {
            self.give(&other, Input::Property { who, name, value });
        }
    }

    fn others(&self, who: &str) -> Vec<String> {
        self.people.keys().filter(|other| *other != who).cloned().collect()
    }

    pub(super) fn join(&mut self, settings: Settings) {
        let who = settings.me.clone();
        let mut seed = [7; 32];
        seed[..who.len().min(32)].copy_from_slice(&who.as_bytes()[..who.len().min(32)]);
        let engine = Jitsi::new(settings, &seed, Millis(self.now)).unwrap();
        let person = Person {
            engine,
            wake: None,
            seals: None,
            history: Vec::new(),
            opens: BTreeMap::new(),
            events: Vec::new(),
            sealer: Sealer::new(Options::default(), id(&who), [3; 8]),
            openers: BTreeMap::new(),
        };
        self.people.insert(who.clone(), person);
        for other in self.others(&who) {
            self.give(&other, Input::Joined { who: &who, e2ee: true, earlier: false });
        }
        for other in self.others(&who) {
            self.give(&who, Input::Joined { who: &other, e2ee: true, earlier: true });
            for (name, value) in self.presence.get(&other).cloned().unwrap_or_default() {
                self.give(&who, Input::Property { who: &other, name: &name, value: &value });
            }
        }
        self.drain(&who);
    }

    /// Gives back who left, with all that it has.
    pub(super) fn leave(&mut self, who: &str) -> Option<Person> {
        let gone = self.people.remove(who);
        self.presence.remove(who);
        for other in self.others(who) {
            self.give(&other, Input::Left(who));
        }
        gone
    }

    /// Lets time pass; messages take none.
    pub(super) fn run(&mut self, ms: u64) {
        let end = self.now + ms;
        loop {
            while let Some((from, to, json)) = self.queue.pop_front() {
                self.sent.push((from.clone(), to.clone(), json.clone()));
                let Some(message) = (self.server)(&from, &to, serde_json::from_str(&json).unwrap()) else {
                    continue;
                };
                if self.people.contains_key(&to) {
                    self.give(&to, Input::Message { from: &from, json: &message.to_string() });
                }
            }
            let next =
                self.people.iter().filter_map(|(who, person)| Some((person.wake?.0, who.clone()))).min();
            let Some((at, who)) = next.filter(|(at, _)| *at <= end) else { break };
            self.now = self.now.max(at);
            self.people.get_mut(&who).unwrap().wake = None;
            self.give(&who, Input::Wake);
        }
        self.now = end;
    }

    /// Everybody opens what everybody seals.
    pub(super) fn agree(&self) -> bool {
        self.people.iter().all(|(sender, person)| {
            let Some((index, used)) = &person.seals else { return false };
            self.people.iter().filter(|(receiver, _)| *receiver != sender).all(|(_, receiver)| {
                receiver.opens.get(&(sender.clone(), *index)).is_some_and(|has| reaches(has, used))
            })
        })
    }

    pub(super) fn seal(&self, who: &str) -> (u32, String) {
        self.people[who].seals.clone().unwrap()
    }

    pub(super) fn events(&mut self, who: &str) -> Vec<Event> {
        std::mem::take(&mut self.people.get_mut(who).unwrap().events)
    }

    pub(super) fn refused(&mut self, who: &str, why: JitsiError) -> bool {
        self.events(who).iter().any(|event| matches!(event, Event::Refused(_, found) if *found == why))
    }
}

/// The type of a message.
pub(super) fn kind(message: &Value) -> &str {
    message["olm"]["type"].as_str().unwrap()
}
