//! What a session wants done, or tells.

use frameseal::frameseal_output_kind as K;
use frameseal::owned;

use crate::types::{Admit, Event, Mode, Suite, Trust, Why};

/// Somebody.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Person {
    /// The id on the transport that they claim.
    pub participant: String,
    /// As they want to be shown. Nobody vouches for it unless `trust` says so.
    pub name: String,
    /// Their public key, 32 bytes.
    pub key: Vec<u8>,
    /// What proves who they are; empty as a rule.
    pub proof: Vec<u8>,
    /// Their index in the group, for `Session.remove`.
    pub index: u32,
    /// How they are known.
    pub trust: Trust,
    /// They speak for `participant`, and their frames are opened.
    pub heard: bool,
}

/// One thing that a session wants.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
#[allow(missing_docs)]
pub enum Output {
    /// Append `entry` to the room's log if it still ends with `position`; else say `conflict(position)`.
    Append { position: u64, entry: Vec<u8> },
    /// Entries are missing: give those behind `position` to `log`, in order.
    Read { position: u64 },
    /// To everybody in the call, for their `knock`.
    Knock { data: Vec<u8> },
    /// To everybody in the call, for their `message`.
    Send { data: Vec<u8> },
    /// Call `wake` then. A later one takes the place of an earlier one.
    WakeAt { time_ms: u64 },
    /// How are these people known? Answer with `verdict`; nothing is done before.
    Decide { question: u32, why: Why, people: Vec<Person> },
    /// The question needs no answer any more.
    Withdraw { question: u32 },
    /// The members of an epoch; `index` is the own one. The ring has their keys already.
    Members { epoch: u64, index: u32, people: Vec<Person> },
    /// Frames are sealed with the keys of this epoch from now on.
    Sealing { epoch: u64, index: u32 },
    /// Nothing is sealed until the next `Sealing`.
    Hushed,
    /// What members may compare by voice, thirty digits.
    Code { epoch: u64, digits: String },
    /// What all see who compare in this epoch: seven emoji with spaces between, and their numbers.
    Emoji { epoch: u64, symbols: String, numbers: Vec<u8> },
    /// What the members agreed on.
    Policy { mode: Mode, admit: Admit, suite: Suite, has_secret: bool },
    /// These are on the transport and not in the group: they get no key.
    Outside { participants: Vec<String> },
    /// Something to be shown.
    Happened { event: Event, times: u32, text: String, people: Vec<Person> },
    /// One that these bindings do not know.
    Other { kind: u32 },
}

impl From<owned::Person> for Person {
    fn from(person: owned::Person) -> Self {
        let owned::Person { participant, name, key, proof, index, trust, heard } = person;
        // What these bindings do not know is not trusted.
        let trust = Trust::from_number(trust).unwrap_or(Trust::Refused);
        Self { participant, name, key, proof, index, trust, heard }
    }
}

impl From<owned::Output> for Output {
    fn from(output: owned::Output) -> Self {
        const KINDS: [K; 15] = [
            K::Append,
            K::Read,
            K::Knock,
            K::Send,
            K::WakeAt,
            K::Decide,
            K::Withdraw,
            K::Members,
            K::Sealing,
            K::Hushed,
            K::Code,
            K::Emoji,
            K::Policy,
            K::Outside,
            K::Event,
        ];
        let owned::Output { kind: number, question, epoch, index, position, data, text, .. } = output;
        let people: Vec<Person> = output.people.into_iter().map(Person::from).collect();
        let other = Self::Other { kind: number };
        match KINDS.into_iter().find(|kind| *kind as u32 == number) {
            Some(K::Append) => Self::Append { position, entry: data },
            Some(K::Read) => Self::Read { position },
            Some(K::Knock) => Self::Knock { data },
            Some(K::Send) => Self::Send { data },
            Some(K::WakeAt) => Self::WakeAt { time_ms: output.time_ms },
            Some(K::Decide) => match Why::from_number(output.why) {
                Some(why) => Self::Decide { question, why, people },
                None => other,
            },
            Some(K::Withdraw) => Self::Withdraw { question },
            Some(K::Members) => Self::Members { epoch, index, people },
            Some(K::Sealing) => Self::Sealing { epoch, index },
            Some(K::Hushed) => Self::Hushed,
            Some(K::Code) => Self::Code { epoch, digits: text },
            Some(K::Emoji) => Self::Emoji { epoch, symbols: text, numbers: data },
            Some(K::Policy) => {
                let (mode, admit) = (Mode::from_number(output.mode), Admit::from_number(output.admit));
                match (mode, admit, Suite::from_number(output.suite)) {
                    (Some(mode), Some(admit), Some(suite)) => {
                        Self::Policy { mode, admit, suite, has_secret: output.has_secret }
                    }
                    _ => other,
                }
            }
            Some(K::Outside) => {
                Self::Outside { participants: people.into_iter().map(|person| person.participant).collect() }
            }
            Some(K::Event) => {
                let event = Event::from_number(output.event).unwrap_or(Event::Other);
                Self::Happened { event, times: output.times, text, people }
            }
            Some(K::None) | None => other,
        }
    }
}
