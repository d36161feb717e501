//! People, a log and a network that delays, in virtual time.

use std::collections::BTreeMap;

use e2ee_core::{Epoch, Millis};
use e2ee_session::identity::verify::Emoji;
use e2ee_session::mls::{Identity, RoomPolicy, Trust};
use e2ee_session::session::{Event, Input, Output, Position, Question, Session, SessionError};

pub(crate) const ROOM: &[u8] = b"council-7";

/// Numbers that a schedule is made of (splitmix64).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn next_u32(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 32) as u32
    }
}

/// What is on its way to somebody.
#[derive(Clone)]
pub(crate) enum Mail {
    Head,
    Log(u64, Vec<u8>),
    Conflict(u64),
    Knock(Vec<u8>),
    Message(Vec<u8>),
    Gone(String),
    Participants(Vec<String>),
    Remove(Identity),
    Rotate,
    Policy(RoomPolicy),
    Compare,
    Same(u64),
    Leave,
    Rejoin,
    Verdict(Question),
    Wake,
}

pub(crate) struct Person {
    pub(crate) session: Session,
    pub(crate) participant: String,
    /// Secrets by epoch.
    pub(crate) secrets: BTreeMap<u64, Vec<u8>>,
    /// `None`: hushed.
    pub(crate) seals_with: Option<u64>,
    pub(crate) newest: u64,
    pub(crate) codes: Vec<String>,
    pub(crate) emoji: Vec<[Emoji; 7]>,
    pub(crate) events: Vec<Event>,
    pub(crate) outside: Vec<String>,
    pub(crate) sent: Vec<Vec<u8>>,
    pub(crate) policy: Option<RoomPolicy>,
    pub(crate) barred: Vec<(u64, u32)>,
    pub(crate) asked: BTreeMap<Question, Vec<Identity>>,
    /// Entries of the log that were sent to it.
    pub(crate) read: u64,
    pub(crate) here: bool,
}

/// A room: its log, its people, and what is on its way, by time.
pub(crate) struct World {
    pub(crate) now: u64,
    /// Entry n is at position n + 1.
    pub(crate) log: Vec<Vec<u8>>,
    pub(crate) people: Vec<Person>,
    pub(crate) mail: BTreeMap<(u64, u64), (usize, Mail)>,
    pub(crate) sent: u64,
    pub(crate) delay: Box<dyn FnMut() -> u64>,
    pub(crate) deaf_to_knocks: bool,
    pub(crate) policy: RoomPolicy,
    pub(crate) trust: fn(&Identity) -> Trust,
    /// Answers nothing of this kind.
    pub(crate) silent: bool,
}

impl World {
    pub(crate) fn new(delay: impl FnMut() -> u64 + 'static) -> Self {
        Self {
            now: 0,
            log: Vec::new(),
            people: Vec::new(),
            mail: BTreeMap::new(),
            sent: 0,
            delay: Box::new(delay),
            deaf_to_knocks: false,
            policy: RoomPolicy::default(),
            trust: |_| Trust::Unverified,
            silent: false,
        }
    }

    pub(crate) fn post(&mut self, to: usize, at: u64, mail: Mail) {
        self.sent += 1;
        self.mail.insert((at, self.sent), (to, mail));
    }

    pub(crate) fn join(&mut self, participant: &str) -> usize {
        self.join_with(participant, None)
    }

    pub(crate) fn join_with(&mut self, participant: &str, secret: Option<&[u8]>) -> usize {
        let id = self.people.len();
        let mut seed = [0; 32];
        seed[0] = u8::try_from(id).unwrap() + 1;
        let mut session = Session::new(ROOM, participant, self.policy, &seed).unwrap();
        if let Some(secret) = secret {
            session.share_secret(secret).unwrap();
        }
        self.people.push(Person {
            session,
            participant: participant.to_owned(),
            secrets: BTreeMap::new(),
            seals_with: None,
            newest: 0,
            codes: Vec::new(),
            emoji: Vec::new(),
            events: Vec::new(),
            outside: Vec::new(),
            sent: Vec::new(),
            policy: None,
            barred: Vec::new(),
            asked: BTreeMap::new(),
            read: u64::MAX,
            here: true,
        });
        self.post(id, self.now, Mail::Head);
        id
    }

    /// Until this much time has passed.
    pub(crate) fn settle(&mut self, ms: u64) {
        let end = self.now + ms;
        while let Some(((at, _), _)) = self.mail.first_key_value() {
            if *at > end {
                break;
            }
            let ((at, _), (to, mail)) = self.mail.pop_first().unwrap();
            self.now = self.now.max(at);
            self.deliver(to, &mail);
        }
        self.now = end;
    }

    pub(crate) fn deliver(&mut self, to: usize, mail: &Mail) {
        if !self.people[to].here {
            return;
        }
        let head = self.log.last().cloned().unwrap_or_default();
        let end = Position(self.log.len() as u64);
        if matches!(mail, Mail::Head | Mail::Rejoin) {
            self.people[to].read = end.0;
        }
        if matches!(mail, Mail::Rejoin) {
            self.people[to].secrets.clear();
            self.people[to].newest = 0;
        }
        let verdicts: Vec<Trust>;
        let present: Vec<&str>;
        let input = match mail {
            Mail::Head => Input::Head { position: end, entry: &head },
            Mail::Rejoin => Input::Rejoin { position: end, entry: &head },
            Mail::Log(position, entry) => Input::Log { position: Position(*position), entry },
            Mail::Conflict(expect) => Input::Conflict { expect: Position(*expect) },
            Mail::Knock(package) => Input::Knock(package),
            Mail::Message(bytes) => Input::Message(bytes),
            Mail::Gone(who) => Input::Gone(who),
            Mail::Participants(who) => {
                present = who.iter().map(String::as_str).collect();
                Input::Participants(&present)
            }
            Mail::Remove(who) => Input::Remove(who),
            Mail::Rotate => Input::Rotate,
            Mail::Policy(policy) => Input::Policy(*policy),
            Mail::Compare => Input::Compare,
            Mail::Same(epoch) => Input::Same(Epoch(*epoch)),
            Mail::Leave => Input::Leave,
            Mail::Wake => Input::Wake,
            Mail::Verdict(question) => {
                let Some(who) = self.people[to].asked.remove(question) else { return };
                verdicts = who.iter().map(self.trust).collect();
                Input::Verdict(*question, &verdicts)
            }
        };
        let taken = self.people[to].session.handle(input, Millis(self.now));
        assert!(matches!(taken, Ok(()) | Err(SessionError::WrongState)), "{taken:?}");
        while let Some(output) = self.people[to].session.poll() {
            self.act(to, output);
        }
    }

    pub(crate) fn act(&mut self, by: usize, output: Output) {
        let person = &mut self.people[by];
        match output {
            Output::Append { expect, entry } => {
                // An empty log takes any.
                if self.log.is_empty() {
                    self.log.resize(usize::try_from(expect.0).unwrap(), Vec::new());
                }
                if expect.0 as usize == self.log.len() {
                    self.log.push(entry);
                    self.publish();
                } else {
                    let at = self.now + (self.delay)();
                    self.post(by, at, Mail::Conflict(expect.0));
                }
            }
            Output::Read { after } => {
                person.read = after.0;
                self.publish();
            }
            Output::Knock(package) if !self.deaf_to_knocks => self.tell_others(by, &Mail::Knock(package)),
            Output::Knock(_) => {}
            Output::Send(bytes) => {
                person.sent.push(bytes.clone());
                self.tell_others(by, &Mail::Message(bytes));
            }
            Output::WakeAt(at) => self.post(by, at.0.max(self.now), Mail::Wake),
            Output::Decide { question, who, .. } => {
                person.asked.insert(question, who);
                if !self.silent {
                    let at = self.now + (self.delay)();
                    self.post(by, at, Mail::Verdict(question));
                }
            }
            Output::Withdraw(question) => {
                assert!(person.asked.remove(&question).is_some(), "withdrawn without being asked");
            }
            Output::Open { epoch, secret, .. } => {
                let before = person.secrets.insert(epoch.0, secret.expose().to_vec());
                assert!(before.is_none(), "an epoch twice");
            }
            Output::SealWith { epoch, .. } => {
                assert!(person.newest < epoch.0, "sealing goes back");
                person.newest = epoch.0;
                person.seals_with = Some(epoch.0);
            }
            Output::Hush => person.seals_with = None,
            Output::Forget(_) => {}
            Output::Bar { before, index } => person.barred.push((before.0, index)),
            Output::Policy(policy) => person.policy = Some(policy),
            Output::Outside(outside) => person.outside = outside,
            Output::Code(code) => person.codes.push(code),
            Output::Emoji(emoji) => person.emoji.push(emoji),
            Output::Event(event) => person.events.push(event),
        }
    }

    pub(crate) fn tell_others(&mut self, by: usize, mail: &Mail) {
        for to in (0..self.people.len()).filter(|to| *to != by) {
            let at = self.now + (self.delay)();
            self.post(to, at, mail.clone());
        }
    }

    /// Every entry to everybody, in order, each with a delay of its own.
    pub(crate) fn publish(&mut self) {
        for to in 0..self.people.len() {
            let mut at = self.now;
            while self.people[to].read < self.log.len() as u64 {
                let n = self.people[to].read;
                at += (self.delay)();
                let entry = self.log[n as usize].clone();
                self.people[to].read += 1;
                // What an empty log never had.
                if entry.is_empty() {
                    continue;
                }
                // In order: not before what was sent before.
                let last =
                    self.mail.iter().filter(|(_, (who, mail))| *who == to && matches!(mail, Mail::Log(..)));
                at = last.map(|((at, _), _)| *at + 1).max().unwrap_or(at).max(at);
                self.post(to, at, Mail::Log(n + 1, entry));
            }
        }
    }

    pub(crate) fn send(&mut self, to: usize, mail: Mail) {
        self.post(to, self.now, mail);
    }

    pub(crate) fn identity(&self, who: usize) -> Identity {
        self.people[who].session.identity().unwrap().clone()
    }

    /// Everybody of `who` is in one epoch with one secret, and nobody else is; who shared an epoch shared its secret.
    pub(crate) fn agree(&self, who: &[usize]) {
        let group = |n: &usize| {
            let person = &self.people[*n];
            person.session.group().unwrap_or_else(|| {
                panic!("{n} is no member: {:?} of {}", person.events.last(), person.events.len())
            })
        };
        let groups: Vec<_> = who.iter().map(group).collect();
        for group in &groups {
            assert_eq!(group.epoch(), groups[0].epoch());
            let names: Vec<_> =
                group.members().unwrap().into_iter().map(|member| member.identity.participant).collect();
            assert_eq!(names.len(), who.len(), "{names:?}");
            assert_eq!(group.authenticator(), groups[0].authenticator());
        }
        for n in who {
            let person = &self.people[*n];
            assert_eq!(person.session.position().0 as usize, self.log.len());
            assert_eq!(person.seals_with, Some(groups[0].epoch().0), "{n} seals with the newest keys");
            assert_eq!(person.codes.last(), self.people[who[0]].codes.last());
        }
        self.no_two_secrets();
    }

    pub(crate) fn no_two_secrets(&self) {
        let mut by_epoch: BTreeMap<u64, &Vec<u8>> = BTreeMap::new();
        for (epoch, secret) in self.people.iter().flat_map(|person| &person.secrets) {
            assert_eq!(by_epoch.entry(*epoch).or_insert(secret), &secret, "epoch {epoch}");
        }
    }
}
