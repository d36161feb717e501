//! Whole sessions over a log and a network that delays, in virtual time; real groups, real keys.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeMap;

use e2ee_core::{Epoch, Millis};
use e2ee_session::mls::{Identity, Trust};
use e2ee_session::session::{Event, Input, Output, Question, Session, SessionError};

const ROOM: &[u8] = b"council-7";

/// Numbers that a schedule is made of (splitmix64).
struct Dice(u64);

impl Dice {
    fn next_u32(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 32) as u32
    }
}

/// What is on its way to somebody.
#[derive(Clone)]
enum Mail {
    Head(Option<(Epoch, Vec<u8>)>),
    Log(Epoch, Vec<u8>),
    Conflict(Epoch),
    Knock(Vec<u8>),
    Gone(Identity),
    Remove(Identity),
    Rotate,
    Heard(Epoch, Vec<u8>),
    Verdict(Question, usize),
    Wake,
}

struct Person {
    session: Session,
    identity: Option<Identity>,
    /// Secrets by epoch.
    secrets: BTreeMap<u64, Vec<u8>>,
    seals_with: Option<u64>,
    codes: Vec<String>,
    events: Vec<Event>,
    /// Entries of the log that were sent to it.
    read: usize,
    here: bool,
}

/// A room: its log, its people, and what is on its way, by time.
struct World {
    now: u64,
    log: Vec<Vec<u8>>,
    people: Vec<Person>,
    mail: BTreeMap<(u64, u64), (usize, Mail)>,
    sent: u64,
    delay: Box<dyn FnMut() -> u64>,
    /// What one entry of the log has to be answered with.
    deaf_to_knocks: bool,
    trust: fn(&Identity) -> Trust,
    asked: BTreeMap<(usize, Question), Vec<Identity>>,
}

impl World {
    fn new(delay: impl FnMut() -> u64 + 'static) -> Self {
        Self {
            now: 0,
            log: Vec::new(),
            people: Vec::new(),
            mail: BTreeMap::new(),
            sent: 0,
            delay: Box::new(delay),
            deaf_to_knocks: false,
            trust: |_| Trust::Unverified,
            asked: BTreeMap::new(),
        }
    }

    fn post(&mut self, to: usize, at: u64, mail: Mail) {
        self.sent += 1;
        self.mail.insert((at, self.sent), (to, mail));
    }

    fn join(&mut self, name: &str) -> usize {
        let id = self.people.len();
        let mut seed = [0; 32];
        seed[0] = u8::try_from(id).unwrap() + 1;
        self.people.push(Person {
            session: Session::new(ROOM, name, &seed).unwrap(),
            identity: None,
            secrets: BTreeMap::new(),
            seals_with: None,
            codes: Vec::new(),
            events: Vec::new(),
            read: self.log.len(),
            here: true,
        });
        let head = self.log.last().map(|entry| (Epoch(self.log.len() as u64), entry.clone()));
        self.post(id, self.now, Mail::Head(head));
        id
    }

    /// Until nothing is on its way for this long.
    fn settle(&mut self, ms: u64) {
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

    fn deliver(&mut self, to: usize, mail: &Mail) {
        if !self.people[to].here {
            return;
        }
        let verdicts: Vec<Trust>;
        let input = match mail {
            Mail::Head(head) => Input::Head(head.as_ref().map(|(epoch, entry)| (*epoch, entry.as_slice()))),
            Mail::Log(epoch, entry) => Input::Log(*epoch, entry),
            Mail::Conflict(expect) => Input::Conflict(*expect),
            Mail::Knock(package) => Input::Knock(package),
            Mail::Gone(who) => Input::Gone(who),
            Mail::Remove(who) => Input::Remove(who),
            Mail::Rotate => Input::Rotate,
            Mail::Heard(epoch, authenticator) => Input::Heard(*epoch, authenticator),
            Mail::Wake => Input::Wake,
            Mail::Verdict(question, count) => {
                let who = &self.asked[&(to, *question)];
                assert_eq!(who.len(), *count);
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

    fn act(&mut self, by: usize, output: Output) {
        match output {
            Output::Append { expect, entry } => {
                if expect.0 as usize == self.log.len() {
                    self.log.push(entry);
                    self.publish();
                } else {
                    let at = self.now + (self.delay)();
                    self.post(by, at, Mail::Conflict(expect));
                }
            }
            Output::Knock(package) => {
                for to in 0..self.people.len() {
                    if to != by && !self.deaf_to_knocks {
                        let at = self.now + (self.delay)();
                        self.post(to, at, Mail::Knock(package.clone()));
                    }
                }
            }
            Output::WakeAt(at) => self.post(by, at.0.max(self.now), Mail::Wake),
            Output::Decide { question, who } => {
                let at = self.now + (self.delay)();
                self.post(by, at, Mail::Verdict(question, who.len()));
                self.asked.insert((by, question), who);
            }
            Output::Open { epoch, secret, members } => {
                let person = &mut self.people[by];
                let me = person.session.group().unwrap().index();
                let own = members.into_iter().find(|member| member.index == me).unwrap();
                person.identity = Some(own.identity);
                assert!(person.secrets.insert(epoch.0, secret.expose().to_vec()).is_none(), "an epoch twice");
            }
            Output::SealWith { epoch, .. } => {
                let before = self.people[by].seals_with.replace(epoch.0);
                assert!(before < Some(epoch.0), "sealing goes back");
            }
            Output::Forget(_) => {}
            Output::Code(code) => self.people[by].codes.push(code),
            Output::Event(event) => self.people[by].events.push(event),
        }
    }

    /// Every entry to everybody, in order, each with a delay of its own.
    fn publish(&mut self) {
        for to in 0..self.people.len() {
            let mut at = self.now;
            while self.people[to].read < self.log.len() {
                let n = self.people[to].read;
                at += (self.delay)();
                let entry = self.log[n].clone();
                // In order: not before what was sent before.
                let last =
                    self.mail.iter().filter(|(_, (who, mail))| *who == to && matches!(mail, Mail::Log(..)));
                at = last.map(|((at, _), _)| *at + 1).max().unwrap_or(at).max(at);
                self.post(to, at, Mail::Log(Epoch(n as u64 + 1), entry));
                self.people[to].read += 1;
            }
        }
    }

    fn send(&mut self, to: usize, mail: Mail) {
        self.post(to, self.now, mail);
    }

    fn identity(&self, who: usize) -> Identity {
        self.people[who].identity.clone().unwrap()
    }

    /// Everybody of `who` is in one epoch with one secret, and nobody else is; who shared an epoch shared its secret.
    fn agree(&self, who: &[usize]) {
        let group = |n: &usize| {
            let person = &self.people[*n];
            person.session.group().unwrap_or_else(|| {
                panic!("{n} is no member: {:?} of {}", person.events.last(), person.events.len())
            })
        };
        let groups: Vec<_> = who.iter().map(group).collect();
        for group in &groups {
            assert_eq!((group.epoch(), group.epoch().0 as usize), (groups[0].epoch(), self.log.len()));
            let names: Vec<_> =
                group.members().unwrap().into_iter().map(|member| member.identity.name).collect();
            assert_eq!(names.len(), who.len(), "{names:?}");
            assert_eq!(group.authenticator(), groups[0].authenticator());
        }
        for n in who {
            let person = &self.people[*n];
            assert_eq!(person.seals_with, Some(groups[0].epoch().0), "{n} seals with the newest keys");
            assert_eq!(person.codes.last(), self.people[who[0]].codes.last());
        }
        self.no_two_secrets();
    }

    fn no_two_secrets(&self) {
        let mut by_epoch: BTreeMap<u64, &Vec<u8>> = BTreeMap::new();
        for (epoch, secret) in self.people.iter().flat_map(|person| &person.secrets) {
            assert_eq!(by_epoch.entry(*epoch).or_insert(secret), &secret, "epoch {epoch}");
        }
    }
}

#[test]
fn who_comes_is_let_in_and_who_leaves_is_out() {
    let mut world = World::new(|| 20);
    let ada = world.join("ada");
    world.settle(1000);
    let bob = world.join("bob");
    world.settle(1200);
    // Let in, not entered alone: before one would.
    world.agree(&[ada, bob]);
    let cleo = world.join("cleo");
    world.settle(3000);
    world.agree(&[ada, bob, cleo]);
    let seen = world.people[cleo].secrets.clone();
    world.people[cleo].here = false;
    let gone = world.identity(cleo);
    for who in [ada, bob] {
        world.send(who, Mail::Gone(gone.clone()));
    }
    world.settle(12_000);
    world.agree(&[ada, bob]);
    // One commit for it, and nothing of what comes after was ever cleo's.
    assert_eq!(world.log.len(), 4);
    let newest = world.people[ada].secrets.last_key_value().unwrap().1;
    assert!(!seen.values().any(|secret| secret == newest));
    assert!(world.people[cleo].secrets.keys().all(|epoch| *epoch < 4));
    let code = world.people[ada].codes.last().unwrap();
    assert_eq!(code.split(' ').map(str::len).collect::<Vec<_>>(), [5; 6]);
}

#[test]
fn where_nobody_lets_in_one_enters_alone() {
    let mut world = World::new(|| 20);
    let ada = world.join("ada");
    world.settle(500);
    world.deaf_to_knocks = true;
    let bob = world.join("bob");
    let cleo = world.join("cleo");
    world.settle(8000);
    world.agree(&[ada, bob, cleo]);
    assert!(world.people[bob].events.contains(&Event::Joined));
}

#[test]
fn who_is_removed_is_told_and_fresh_keys_are_used_at_once() {
    let mut world = World::new(|| 20);
    let all: Vec<_> = ["ada", "bob", "cleo"].map(|name| world.join(name)).to_vec();
    world.settle(9000);
    world.agree(&all);
    let cleo = world.identity(all[2]);
    let epoch = world.people[all[1]].seals_with;
    world.send(all[1], Mail::Remove(cleo));
    world.settle(45);
    assert!(
        world.people[all[1]].seals_with > epoch,
        "who removes seals with the new keys as soon as the log has them"
    );
    world.settle(3000);
    world.agree(&all[..2]);
    assert_eq!(world.people[all[2]].events.last(), Some(&Event::Removed));
}

#[test]
fn everybody_at_once_on_an_empty_log_ends_in_one_group() {
    for delay in [0, 1, 30, 700] {
        let mut world = World::new(move || delay);
        let all: Vec<_> = ["ada", "bob", "cleo", "dora"].map(|name| world.join(name)).to_vec();
        world.settle(60_000);
        world.agree(&all);
        for who in &all {
            world.send(*who, Mail::Rotate);
        }
        world.settle(30_000);
        world.agree(&all);
    }
}

#[test]
fn who_must_not_be_in_it_is_not_and_says_so() {
    let mut world = World::new(|| 20);
    world.trust = |who| if who.name == "eve" { Trust::Refused } else { Trust::Unverified };
    let all: Vec<_> = ["ada", "bob"].map(|name| world.join(name)).to_vec();
    world.settle(5000);
    // Nobody lets eve in; it enters alone, and nobody follows.
    let eve = world.join("eve");
    world.settle(5000);
    for who in &all {
        let refused = |event: &Event| matches!(event, Event::Refused(who) if who[0].name == "eve");
        assert!(world.people[*who].events.iter().any(refused), "shown, whatever else");
        assert!(world.people[*who].session.group().is_none());
    }
    let shared = |who: usize| world.people[who].secrets.keys().last().copied();
    assert!(shared(all[0]) < shared(eve), "eve is alone in its epoch");
    world.no_two_secrets();
}

#[test]
fn different_groups_are_noticed() {
    let mut world = World::new(|| 20);
    let all: Vec<_> = ["ada", "bob"].map(|name| world.join(name)).to_vec();
    world.settle(5000);
    let (epoch, authenticator) = {
        let group = world.people[all[0]].session.group().unwrap();
        (group.epoch(), group.authenticator().to_vec())
    };
    world.send(all[1], Mail::Heard(epoch, authenticator.clone()));
    world.settle(10);
    world.agree(&all);
    let mut other = authenticator;
    other[0] ^= 1;
    world.send(all[1], Mail::Heard(epoch, other));
    world.settle(10);
    assert_eq!(world.people[all[1]].events.last(), Some(&Event::Fork));
    assert!(world.people[all[1]].session.group().is_none());
}

#[test]
fn nonsense_is_answered_and_changes_nothing() {
    let mut world = World::new(|| 20);
    let all: Vec<_> = ["ada", "bob"].map(|name| world.join(name)).to_vec();
    world.settle(5000);
    let head = world.log.last().unwrap().clone();
    let mut rng = Dice(7);
    for n in 0..200 {
        let mut bad = head.clone();
        let at = rng.next_u32() as usize % bad.len();
        bad[at] ^= 1 << (n % 8);
        let cut = rng.next_u32() as usize % head.len();
        for mail in [
            Mail::Log(Epoch(9), bad.clone()),
            Mail::Log(Epoch(9), head[..cut].to_vec()),
            Mail::Knock(bad),
            Mail::Verdict(Question(77), 0),
        ] {
            if !matches!(mail, Mail::Verdict(..)) {
                world.send(all[0], mail);
            }
        }
        world.settle(1);
    }
    let unknown = world.people[all[0]].session.handle(Input::Verdict(Question(77), &[]), Millis(world.now));
    assert_eq!(unknown, Err(SessionError::NoSuchQuestion));
    assert!(world.people[all[0]].session.handle(Input::Head(None), Millis(world.now)).is_err());
    world.agree(&all);
    world.send(all[1], Mail::Rotate);
    world.settle(5000);
    world.agree(&all);
}

#[test]
fn any_schedule_ends_in_one_group() {
    for seed in 0..60 {
        let mut rng = Dice(seed);
        let mut delays = Dice(seed + 100);
        let mut world = World::new(move || u64::from(delays.next_u32() % 400));
        let mut here = vec![world.join("first")];
        for n in 0..12 {
            world.settle(u64::from(rng.next_u32() % 1500));
            let pick = rng.next_u32() as usize % here.len();
            match rng.next_u32() % 5 {
                0 | 1 => here.push(world.join(&format!("p{n}"))),
                2 if here.len() > 1 && world.people[here[pick]].identity.is_some() => {
                    let who = here.remove(pick);
                    world.people[who].here = false;
                    let gone = world.identity(who);
                    for other in &here {
                        world.send(*other, Mail::Gone(gone.clone()));
                    }
                }
                3 => world.send(here[pick], Mail::Rotate),
                _ => world.deaf_to_knocks = rng.next_u32().is_multiple_of(3),
            }
        }
        world.settle(120_000);
        world.agree(&here);
    }
}
