//! Outputs, flat enough for C.

use core::ffi::c_char;
use core::ptr;
use std::ffi::CString;

use e2ee_core::Epoch;
use e2ee_session::identity::verify::Emoji;
use e2ee_session::mls::{Admit, Identity, Member, Mode, RoomPolicy, Trust};
use e2ee_session::session::{Event, Output, Why};

use super::types::{
    frameseal_admit, frameseal_event, frameseal_mode, frameseal_output, frameseal_output_kind as Kind,
    frameseal_person, frameseal_trust, frameseal_why,
};

/// One output with all that it points to.
pub(super) struct Flat {
    numbers: frameseal_output,
    data: Vec<u8>,
    text: Option<CString>,
    pub(super) people: Vec<Person>,
}

// SAFETY: its pointers are NULL until `view` copies it, and it owns everything else.
unsafe impl Send for Flat {}

/// Somebody, with texts as C has them.
pub(super) struct Person {
    participant: CString,
    name: CString,
    key: Vec<u8>,
    proof: Vec<u8>,
    index: u32,
    trust: u32,
    heard: bool,
}

impl Flat {
    pub(super) fn new(kind: Kind) -> Self {
        let numbers = frameseal_output {
            size: size_of::<frameseal_output>(),
            kind: kind as u32,
            question: 0,
            why: 0,
            event: 0,
            times: 0,
            index: 0,
            mode: 0,
            admit: 0,
            suite: 0,
            has_secret: 0,
            position: 0,
            epoch: 0,
            time_ms: 0,
            data: ptr::null(),
            data_len: 0,
            text: ptr::null(),
            people: 0,
        };
        Self { numbers, data: Vec::new(), text: None, people: Vec::new() }
    }

    fn with(mut self, set: impl FnOnce(&mut frameseal_output)) -> Self {
        set(&mut self.numbers);
        self
    }

    fn data(mut self, data: Vec<u8>) -> Self {
        self.data = data;
        self
    }

    fn text(mut self, words: &str) -> Self {
        self.text = Some(text(words));
        self
    }

    fn about(mut self, who: &[Identity]) -> Self {
        self.people = who.iter().map(Person::new).collect();
        self
    }

    /// With pointers into itself: they hold as long as it does.
    pub(super) fn view(&self) -> frameseal_output {
        let Self { numbers, data, text, people } = self;
        frameseal_output {
            data: if data.is_empty() { ptr::null() } else { data.as_ptr() },
            data_len: data.len(),
            text: text.as_ref().map_or(ptr::null(), |text| text.as_ptr()),
            people: people.len(),
            ..*numbers
        }
    }
}

impl Person {
    fn new(who: &Identity) -> Self {
        let Identity { participant, name, key, proof } = who;
        let (participant, name) = (text(participant), text(name));
        let (key, proof) = (key.clone(), proof.clone());
        Self { participant, name, key, proof, index: 0, trust: 0, heard: false }
    }

    /// With pointers into itself: they hold as long as it does.
    pub(super) fn view(&self) -> frameseal_person {
        let Self { participant, name, key, proof, index, trust, heard } = self;
        let texts: [*const c_char; 2] = [participant.as_ptr(), name.as_ptr()];
        let [participant, name] = texts;
        frameseal_person {
            size: size_of::<frameseal_person>(),
            participant,
            name,
            key: key.as_ptr(),
            key_len: key.len(),
            proof: proof.as_ptr(),
            proof_len: proof.len(),
            index: *index,
            trust: *trust,
            heard: (*heard).into(),
        }
    }
}

/// The members of an epoch.
pub(super) fn members(epoch: Epoch, own: u32, members: &[Member], heard: &[bool]) -> Flat {
    let mut flat = Flat::new(Kind::Members).with(|out| (out.epoch, out.index) = (epoch.0, own));
    let person = |(member, heard): (&Member, &bool)| Person {
        index: member.index,
        trust: trust(member.trust),
        heard: *heard,
        ..Person::new(&member.identity)
    };
    flat.people = members.iter().zip(heard).map(person).collect();
    flat
}

/// What members of an epoch may compare by voice.
pub(super) fn code(epoch: Epoch, code: &str) -> Flat {
    Flat::new(Kind::Code).with(|out| out.epoch = epoch.0).text(code)
}

/// What those see who compare in an epoch.
pub(super) fn emoji(epoch: Epoch, emoji: &[Emoji]) -> Flat {
    let symbols: Vec<_> = emoji.iter().map(|emoji| emoji.symbol()).collect();
    let numbers = emoji.iter().map(|emoji| emoji.number()).collect();
    Flat::new(Kind::Emoji).with(|out| out.epoch = epoch.0).text(&symbols.join(" ")).data(numbers)
}

/// Any other output; `None` for those that concern keys alone.
pub(super) fn flat(output: Output) -> Option<Flat> {
    Some(match output {
        Output::Append { expect, entry } => {
            Flat::new(Kind::Append).with(|out| out.position = expect.0).data(entry)
        }
        Output::Read { after } => Flat::new(Kind::Read).with(|out| out.position = after.0),
        Output::Knock(package) => Flat::new(Kind::Knock).data(package),
        Output::Send(message) => Flat::new(Kind::Send).data(message),
        Output::WakeAt(at) => Flat::new(Kind::WakeAt).with(|out| out.time_ms = at.0),
        Output::Decide { question, why, who } => {
            let why = match why {
                Why::Knocks => frameseal_why::Knocks,
                Why::Entered => frameseal_why::Entered,
                Why::Inside => frameseal_why::Inside,
            };
            let flat = Flat::new(Kind::Decide).about(&who);
            flat.with(|out| (out.question, out.why) = (question.0, why as u32))
        }
        Output::Withdraw(question) => Flat::new(Kind::Withdraw).with(|out| out.question = question.0),
        Output::SealWith { epoch, index } => {
            Flat::new(Kind::Sealing).with(|out| (out.epoch, out.index) = (epoch.0, index))
        }
        Output::Hush => Flat::new(Kind::Hushed),
        Output::Policy(RoomPolicy { mode, admit, suite, secret }) => Flat::new(Kind::Policy).with(|out| {
            out.mode = self::mode(mode) as u32;
            out.admit = self::admit(admit) as u32;
            out.suite = suite.into();
            out.has_secret = secret.is_some().into();
        }),
        Output::Outside(who) => {
            let mut flat = Flat::new(Kind::Outside);
            let only = |participant: String| {
                Person::new(&Identity { participant, name: String::new(), key: vec![], proof: vec![] })
            };
            flat.people = who.into_iter().map(only).collect();
            flat
        }
        Output::Event(event) => self::event(event),
        // The first three are made above.
        Output::Open { .. } | Output::Code(_) | Output::Emoji(_) | Output::Forget(_) | Output::Bar { .. } => {
            return None;
        }
    })
}

fn event(event: Event) -> Flat {
    use frameseal_event as E;
    let flat = Flat::new(Kind::Event);
    let (number, flat) = match event {
        Event::Joined => (E::Joined, flat),
        Event::Waiting => (E::Waiting, flat),
        Event::Removed => (E::Removed, flat),
        Event::Left => (E::Left, flat),
        Event::Barred(who) => (E::Barred, flat.about(&who)),
        Event::Refused(who) => (E::Refused, flat.about(&who)),
        Event::NoSecret => (E::NoSecret, flat),
        Event::OtherSuite => (E::OtherSuite, flat),
        Event::Fork => (E::Fork, flat),
        Event::Diverged(who) => (E::Diverged, flat.about(&[who])),
        Event::LogLost => (E::LogLost, flat),
        Event::LeftBehind => (E::LeftBehind, flat),
        Event::Cheated(who) => (E::Cheated, flat.about(&[who])),
        Event::Uncompared(who) => (E::Uncompared, flat.about(&who)),
        Event::Dropped(error, times) => {
            (E::Dropped, flat.text(&error.to_string()).with(|out| out.times = times))
        }
        _ => (E::Other, flat),
    };
    flat.with(|out| out.event = number as u32)
}

fn mode(mode: Mode) -> frameseal_mode {
    match mode {
        Mode::Required => frameseal_mode::Required,
        Mode::Preferred => frameseal_mode::Preferred,
        Mode::Off => frameseal_mode::Off,
    }
}

fn admit(admit: Admit) -> frameseal_admit {
    match admit {
        Admit::Anyone => frameseal_admit::Anyone,
        Admit::Members => frameseal_admit::Members,
    }
}

fn trust(trust: Trust) -> u32 {
    u32::from(match trust {
        Trust::Unverified => frameseal_trust::Unverified as u8,
        Trust::Verified => frameseal_trust::Verified as u8,
        Trust::Refused => frameseal_trust::Refused as u8,
    })
}

/// Names have no NUL in them (the session refuses them); if one came, the text would end there.
fn text(words: &str) -> CString {
    let until = words.split('\0').next().unwrap_or_default();
    CString::new(until).unwrap_or_default()
}
