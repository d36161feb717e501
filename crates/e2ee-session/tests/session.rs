//! Whole sessions over a log and a network that delays, in virtual time; real groups, real keys.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeMap;

use e2ee_core::Millis;
use e2ee_session::identity::verify::Emoji;
use e2ee_session::mls::{Admit, Identity, MlsError, Mode, RoomPolicy, Trust};
use e2ee_session::session::{Event, Input, Output, Position, Question, Session, SessionError};

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
    Leave,
    Rejoin,
    Verdict(Question),
    Wake,
}

struct Person {
    session: Session,
    participant: String,
    /// Secrets by epoch.
    secrets: BTreeMap<u64, Vec<u8>>,
    /// `None`: hushed.
    seals_with: Option<u64>,
    newest: u64,
    codes: Vec<String>,
    emoji: Vec<[Emoji; 7]>,
    events: Vec<Event>,
    outside: Vec<String>,
    sent: Vec<Vec<u8>>,
    policy: Option<RoomPolicy>,
    barred: Vec<(u64, u32)>,
    asked: BTreeMap<Question, Vec<Identity>>,
    /// Entries of the log that were sent to it.
    read: u64,
    here: bool,
}

/// A room: its log, its people, and what is on its way, by time.
struct World {
    now: u64,
    /// Entry n is at position n + 1.
    log: Vec<Vec<u8>>,
    people: Vec<Person>,
    mail: BTreeMap<(u64, u64), (usize, Mail)>,
    sent: u64,
    delay: Box<dyn FnMut() -> u64>,
    deaf_to_knocks: bool,
    policy: RoomPolicy,
    trust: fn(&Identity) -> Trust,
    /// Answers nothing of this kind.
    silent: bool,
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
            policy: RoomPolicy::default(),
            trust: |_| Trust::Unverified,
            silent: false,
        }
    }

    fn post(&mut self, to: usize, at: u64, mail: Mail) {
        self.sent += 1;
        self.mail.insert((at, self.sent), (to, mail));
    }

    fn join(&mut self, participant: &str) -> usize {
        self.join_with(participant, None)
    }

    fn join_with(&mut self, participant: &str, secret: Option<&[u8]>) -> usize {
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

    fn act(&mut self, by: usize, output: Output) {
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

    fn tell_others(&mut self, by: usize, mail: &Mail) {
        for to in (0..self.people.len()).filter(|to| *to != by) {
            let at = self.now + (self.delay)();
            self.post(to, at, mail.clone());
        }
    }

    /// Every entry to everybody, in order, each with a delay of its own.
    fn publish(&mut self) {
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

    fn send(&mut self, to: usize, mail: Mail) {
        self.post(to, self.now, mail);
    }

    fn identity(&self, who: usize) -> Identity {
        self.people[who].session.identity().unwrap().clone()
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
    for who in [ada, bob] {
        world.send(who, Mail::Gone("cleo".into()));
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
fn who_says_goodbye_is_out_without_the_transport() {
    let mut world = World::new(|| 20);
    let all: Vec<_> = ["ada", "bob", "cleo"].map(|name| world.join(name)).to_vec();
    world.settle(9000);
    world.send(all[2], Mail::Leave);
    world.settle(3000);
    world.agree(&all[..2]);
    assert_eq!(world.people[all[2]].events.last(), Some(&Event::Left));
    assert_eq!(world.people[all[2]].seals_with, None);
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
fn who_is_removed_is_told_and_everybody_uses_fresh_keys_at_once() {
    let mut world = World::new(|| 20);
    let all: Vec<_> = ["ada", "bob", "cleo"].map(|name| world.join(name)).to_vec();
    world.settle(9000);
    world.agree(&all);
    let cleo = world.identity(all[2]);
    let index = world.people[all[2]].session.group().unwrap().index();
    let epoch = world.people[all[1]].newest;
    world.send(all[1], Mail::Remove(cleo));
    // The way to the log and back: less than the delay that other changes have.
    world.settle(100);
    for who in &all[..2] {
        assert_eq!(world.people[*who].seals_with, Some(epoch + 1));
        assert_eq!(world.people[*who].barred, [(epoch + 1, index)]);
    }
    world.settle(3000);
    world.agree(&all[..2]);
    assert_eq!(world.people[all[2]].events.last(), Some(&Event::Removed));
    assert_eq!(world.people[all[2]].seals_with, None);
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
fn who_must_not_be_in_it_is_put_out_and_gets_nothing() {
    let mut world = World::new(|| 20);
    world.trust = |who| if who.participant == "eve" { Trust::Refused } else { Trust::Unverified };
    let all: Vec<_> = ["ada", "bob"].map(|name| world.join(name)).to_vec();
    world.settle(5000);
    // Nobody lets eve in; it enters alone.
    let eve = world.join("eve");
    world.settle(5000);
    world.agree(&all);
    for who in &all {
        let barred = |event: &Event| matches!(event, Event::Barred(who) if who[0].participant == "eve");
        assert!(world.people[*who].events.iter().any(barred), "shown");
    }
    assert_eq!(world.people[eve].events.last(), Some(&Event::Removed));
    // What eve had a secret of, nobody but eve sealed with.
    let known: Vec<u64> = world.people[eve].secrets.keys().copied().collect();
    assert!(!known.is_empty() && known.iter().all(|epoch| *epoch < world.people[all[0]].newest));
    // It comes again under another key, and again.
    for _ in 0..2 {
        world.join("eve");
        world.settle(6000);
        world.agree(&all);
    }
}

#[test]
fn in_a_lobby_nobody_enters_whom_no_member_lets_in() {
    let mut world = World::new(|| 20);
    world.policy = RoomPolicy { admit: Admit::Members, ..RoomPolicy::default() };
    let ada = world.join("ada");
    world.settle(1000);
    world.silent = true;
    let bob = world.join("bob");
    world.settle(20_000);
    world.agree(&[ada]);
    assert!(world.people[bob].events.contains(&Event::Waiting));
    assert_eq!(world.log.len(), 1);
    let (question, who) = world.people[ada].asked.first_key_value().unwrap();
    assert_eq!(who[0].participant, "bob");
    let question = *question;
    world.send(ada, Mail::Verdict(question));
    world.silent = false;
    world.settle(6000);
    world.agree(&[ada, bob]);
    // Who gives up waiting is not asked for any more.
    world.silent = true;
    let cleo = world.join("cleo");
    world.settle(1000);
    assert_eq!(world.people[ada].asked.len(), 1);
    world.people[cleo].here = false;
    world.send(ada, Mail::Gone("cleo".into()));
    world.settle(100);
    assert_eq!(world.people[ada].asked.len(), 0);
}

#[test]
fn all_who_compare_see_the_same_emoji_and_others_in_another_epoch() {
    let mut delays = Dice(5);
    let mut world = World::new(move || u64::from(delays.next_u32() % 50));
    let all: Vec<_> = ["ada", "bob", "cleo"].map(|name| world.join(name)).to_vec();
    world.settle(9000);
    world.agree(&all);
    // One asks, and all take part.
    world.send(all[1], Mail::Compare);
    world.settle(1000);
    let shown: Vec<_> = all.iter().map(|who| world.people[*who].emoji.clone()).collect();
    assert_eq!(shown[0].len(), 1);
    assert!(shown.iter().all(|one| *one == shown[0]), "{shown:?}");
    // Who asks again is shown the same.
    world.send(all[2], Mail::Compare);
    world.settle(1000);
    assert_eq!(world.people[all[2]].emoji, [shown[0][0]; 2]);
    // Messages that get lost are said again to who asks.
    world.send(all[0], Mail::Rotate);
    world.settle(3000);
    world.send(all[0], Mail::Compare);
    world.settle(0);
    world.mail.retain(|_, (_, mail)| !matches!(mail, Mail::Message(_)));
    world.settle(1000);
    assert_eq!(world.people[all[0]].emoji.len(), 1);
    for _ in 0..2 {
        for who in &all {
            world.send(*who, Mail::Compare);
        }
        world.settle(1000);
    }
    let newest: Vec<_> = all.iter().map(|who| *world.people[*who].emoji.last().unwrap()).collect();
    assert!(newest.iter().all(|one| *one == newest[0]) && newest[0] != shown[0][0]);
    // Who is alone has nobody to compare with.
    let mut world = World::new(|| 20);
    let ada = world.join("ada");
    world.settle(1000);
    world.send(ada, Mail::Compare);
    world.settle(1000);
    assert!(world.people[ada].emoji.is_empty());
}

#[test]
fn the_policy_is_agreed_by_members_and_told_to_all() {
    let mut world = World::new(|| 20);
    let all: Vec<_> = ["ada", "bob"].map(|name| world.join(name)).to_vec();
    world.settle(5000);
    for who in &all {
        assert_eq!(world.people[*who].policy, Some(RoomPolicy::default()));
    }
    let off = RoomPolicy { mode: Mode::Off, ..RoomPolicy::default() };
    world.send(all[1], Mail::Policy(off));
    world.settle(1000);
    for who in &all {
        assert_eq!((world.people[*who].policy, world.people[*who].seals_with), (Some(off), None));
    }
    world.send(all[0], Mail::Policy(RoomPolicy::default()));
    world.settle(1000);
    world.agree(&all);
    // Who comes later is told what holds, whatever it would have founded itself.
    world.policy = off;
    let cleo = world.join("cleo");
    world.settle(5000);
    world.agree(&[all[0], all[1], cleo]);
    assert_eq!(world.people[cleo].policy, Some(RoomPolicy::default()));
}

#[test]
fn nobody_enters_a_room_with_a_secret_without_it() {
    let secret = Some([7; 16].as_slice());
    for deaf_to_knocks in [false, true] {
        let mut world = World::new(|| 20);
        let ada = world.join_with("ada", secret);
        world.settle(1000);
        world.deaf_to_knocks = deaf_to_knocks;
        let bob = world.join_with("bob", secret);
        world.settle(5000);
        world.agree(&[ada, bob]);
        assert!(world.people[bob].policy.unwrap().secret.is_some());
        // None, and another one: let in or not, there are no keys for them.
        let eve = world.join("eve");
        let mia = world.join_with("mia", Some([8; 16].as_slice()));
        world.settle(9000);
        for who in [ada, bob] {
            let known: Vec<_> = world.people[who].secrets.values().collect();
            assert!(world.people[eve].secrets.is_empty());
            assert!(!world.people[mia].secrets.values().any(|secret| known.contains(&secret)));
        }
        assert_eq!(world.people[eve].events.last(), Some(&Event::NoSecret));
        // Who entered by itself with another secret is alone, and learns of it.
        assert!(world.people[eve].session.group().is_none() && world.people[mia].session.group().is_none());
        for gone in ["eve", "mia"] {
            for who in [ada, bob] {
                world.send(who, Mail::Gone(gone.into()));
            }
        }
        world.mail.retain(|_, (to, _)| *to < 2);
        world.people.truncate(2);
        world.settle(9000);
        world.send(ada, Mail::Rotate);
        world.settle(9000);
        world.agree(&[ada, bob]);
        // Another policy: one entry, and the room keeps its secret.
        let (before, named) = (world.log.len(), world.people[bob].policy.unwrap().secret);
        world.send(ada, Mail::Policy(RoomPolicy { admit: Admit::Members, ..RoomPolicy::default() }));
        world.settle(20_000);
        world.agree(&[ada, bob]);
        let policy = world.people[bob].policy.unwrap();
        assert_eq!((policy.admit, policy.secret), (Admit::Members, named));
        assert_eq!(world.log.len(), before + 1);
    }
    let mut short = Session::new(ROOM, "ada", RoomPolicy::default(), &[1; 32]).unwrap();
    assert_eq!(short.share_secret(&[0; 15]), Err(SessionError::Mls(MlsError::BadSecret)));
}

#[test]
fn who_is_on_the_transport_only_is_named_and_who_is_not_is_removed() {
    let mut world = World::new(|| 20);
    let all: Vec<_> = ["ada", "bob"].map(|name| world.join(name)).to_vec();
    world.settle(5000);
    let here = |world: &mut World, who: &[&str]| {
        world.people[all[0]].session.handle(Input::Participants(who), Millis(world.now)).unwrap();
        while let Some(output) = world.people[all[0]].session.poll() {
            world.act(all[0], output);
        }
    };
    here(&mut world, &["ada", "bob", "old client"]);
    assert_eq!(world.people[all[0]].outside, ["old client"]);
    here(&mut world, &["ada"]);
    assert!(world.people[all[0]].outside.is_empty());
    world.settle(9000);
    world.agree(&all);
    world.settle(4000);
    world.agree(&all[..1]);
    assert_eq!(world.people[all[1]].events.last(), Some(&Event::Removed));
}

#[test]
fn different_groups_are_noticed_by_what_members_sign() {
    let mut world = World::new(|| 20);
    let all: Vec<_> = ["ada", "bob", "cleo"].map(|name| world.join(name)).to_vec();
    world.settle(9000);
    world.agree(&all);
    // From here on cleo is shown a log of its own.
    let mut other = World::new(|| 20);
    other.log.clone_from(&world.log);
    let cleo = world.people.pop().unwrap();
    other.people.push(cleo);
    other.mail.clear();
    other.now = world.now;
    other.people[0].read = other.log.len() as u64;
    other.send(0, Mail::Rotate);
    other.settle(1000);
    world.mail.retain(|_, (to, _)| *to < 2);
    world.send(all[0], Mail::Rotate);
    world.settle(1000);
    // Two who see the same thing tell the third; one who sees another thing is told of, and ends nothing.
    let group = world.people[all[0]].session.group().unwrap();
    let fork = other.people[0].session.group().unwrap();
    assert_eq!(group.epoch(), fork.epoch());
    assert_ne!(group.authenticator(), fork.authenticator());
    let cleo = fork.identity().clone();
    let told = other.people[0].sent.last().unwrap().clone();
    world.send(all[0], Mail::Message(told));
    world.settle(10);
    assert_eq!(world.people[all[0]].events.last(), Some(&Event::Diverged(cleo)));
    assert!(world.people[all[0]].seals_with.is_some());
    for who in &all[..2] {
        let told = world.people[*who].sent.last().unwrap().clone();
        other.send(0, Mail::Message(told));
    }
    other.settle(10);
    assert_eq!(other.people[0].events.last(), Some(&Event::Fork));
    assert_eq!(other.people[0].seals_with, None);
}

#[test]
fn what_nobody_signed_ends_nothing() {
    let mut world = World::new(|| 20);
    let all: Vec<_> = ["ada", "bob"].map(|name| world.join(name)).to_vec();
    world.settle(5000);
    let told = world.people[all[0]].sent.last().unwrap().clone();
    for at in 0..told.len() {
        for bit in 0..8 {
            let mut changed = told.clone();
            changed[at] ^= 1 << bit;
            world.send(all[1], Mail::Message(changed));
        }
        world.send(all[1], Mail::Message(told[..at].to_vec()));
    }
    world.settle(10);
    world.agree(&all);
    // Errors are told once a second.
    let dropped =
        world.people[all[1]].events.iter().filter(|event| matches!(event, Event::Dropped(..))).count();
    assert_eq!(dropped, 1);
}

#[test]
fn another_entry_at_a_position_that_was_read_is_a_fork() {
    let mut world = World::new(|| 20);
    let all: Vec<_> = ["ada", "bob"].map(|name| world.join(name)).to_vec();
    world.settle(5000);
    let newest = world.log.len() as u64;
    world.send(all[0], Mail::Log(newest, world.log[newest as usize - 1].clone()));
    world.settle(10);
    world.agree(&all);
    world.send(all[0], Mail::Log(newest, world.log[newest as usize - 2].clone()));
    world.settle(10);
    assert_eq!(world.people[all[0]].events.last(), Some(&Event::Fork));
    // The user wants in again: as the same member, at a new leaf or the old one.
    world.send(all[0], Mail::Rejoin);
    world.settle(5000);
    world.agree(&all);
}

#[test]
fn what_the_log_lost_is_given_back() {
    for lost in [1, 2, 99] {
        let mut world = World::new(|| 20);
        let all: Vec<_> = ["ada", "bob"].map(|name| world.join(name)).to_vec();
        world.settle(5000);
        world.send(all[0], Mail::Rotate);
        world.settle(1000);
        world.agree(&all);
        let left = world.log.len().saturating_sub(lost);
        let before = world.log.clone();
        world.log.truncate(left);
        for who in &all {
            world.send(*who, Mail::Head);
        }
        world.settle(1000);
        assert_eq!(world.log.len(), before.len());
        assert_eq!(world.log.last(), before.last());
        world.agree(&all);
        let cleo = world.join("cleo");
        world.settle(5000);
        world.agree(&[all[0], all[1], cleo]);
    }
}

#[test]
fn a_log_that_lost_more_than_is_kept_is_told_of() {
    let mut world = World::new(|| 20);
    let all: Vec<_> = ["ada", "bob"].map(|name| world.join(name)).to_vec();
    world.settle(5000);
    for _ in 0..12 {
        world.send(all[0], Mail::Rotate);
        world.settle(1000);
    }
    world.log.truncate(2);
    for who in &all {
        world.send(*who, Mail::Head);
    }
    world.settle(1000);
    for who in &all {
        assert_eq!(world.people[*who].events.last(), Some(&Event::LogLost));
        world.send(*who, Mail::Rejoin);
    }
    world.settle(9000);
    world.agree(&all);
}

#[test]
fn entries_that_no_member_may_follow_are_skipped_by_all() {
    let mut world = World::new(|| 20);
    let all: Vec<_> = ["ada", "bob"].map(|name| world.join(name)).to_vec();
    world.settle(5000);
    for n in 0..20u8 {
        world.send(all[usize::from(n) % 2], Mail::Rotate);
        world.settle(if n % 3 == 0 { 0 } else { 15 });
        // Just before the commit reaches the log, or behind it.
        let junk = if n % 2 == 0 { vec![n; 40] } else { world.log[usize::from(n) / 2].clone() };
        world.log.push(junk);
        world.publish();
        world.settle(2000);
        world.agree(&all);
    }
    // Who comes to a log that ends with nonsense gets in all the same.
    world.log.push(vec![0; 9]);
    world.publish();
    let cleo = world.join("cleo");
    world.settle(5000);
    world.agree(&[all[0], all[1], cleo]);
    world.log.push(vec![0; 9]);
    world.publish();
    world.deaf_to_knocks = true;
    let dora = world.join("dora");
    world.settle(15_000);
    world.agree(&[all[0], all[1], cleo, dora]);
}

#[test]
fn nonsense_is_answered_and_changes_nothing() {
    let mut world = World::new(|| 20);
    let all: Vec<_> = ["ada", "bob"].map(|name| world.join(name)).to_vec();
    world.settle(5000);
    let head = world.log.last().unwrap().clone();
    let mut rng = Dice(7);
    for n in 0..200u32 {
        let mut bad = head.clone();
        let at = rng.next_u32() as usize % bad.len();
        bad[at] ^= 1 << (n % 8);
        let cut = rng.next_u32() as usize % head.len();
        for junk in [bad.clone(), head[..cut].to_vec()] {
            world.log.push(junk.clone());
            world.send(all[0], Mail::Knock(junk.clone()));
            world.send(all[0], Mail::Message(junk));
        }
        world.publish();
        world.settle(100);
    }
    let now = Millis(world.now);
    let ada = &mut world.people[all[0]].session;
    assert_eq!(ada.handle(Input::Verdict(Question(77), &[]), now), Err(SessionError::NoSuchQuestion));
    let again = Input::Rejoin { position: Position(1), entry: &head };
    assert_eq!(ada.handle(again, now), Err(SessionError::WrongState));
    world.settle(20_000);
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
            match rng.next_u32() % 6 {
                0 | 1 => here.push(world.join(&format!("p{n}"))),
                2 if here.len() > 1 && world.people[here[pick]].session.group().is_some() => {
                    let who = here.remove(pick);
                    world.people[who].here = false;
                    let gone = world.people[who].participant.clone();
                    for other in &here {
                        world.send(*other, Mail::Gone(gone.clone()));
                    }
                }
                3 => world.send(here[pick], Mail::Rotate),
                4 => {
                    world.log.push(vec![n as u8; 9]);
                    world.publish();
                }
                _ => world.deaf_to_knocks = rng.next_u32().is_multiple_of(3),
            }
        }
        // The transport says who is there, to who was not in the group when others went too.
        let present: Vec<_> = here.iter().map(|who| world.people[*who].participant.clone()).collect();
        for who in &here {
            world.send(*who, Mail::Participants(present.clone()));
        }
        world.settle(120_000);
        world.agree(&here);
    }
}
