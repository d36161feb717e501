//! Members on a network that is a list of what is on its way, in virtual time. Real engines, real keys, real frames.

use std::collections::{BTreeMap, BTreeSet};

use e2ee_core::{
    CallId, CipherSuite, CodecRule, FrameBuf, FrameFormat, FrameInfo, Generation, KeyAt, Kid, KidScheme,
    Millis, OpenCause, Opener, ParticipantId, Profile, Provider, Sealer, SecretBytes, SenderKey, Step,
    TrackKind,
};
use e2ee_session::mls::{Identity, Trust};
use e2ee_session::pairwise::{Entry, Event, Input, MemberKeys, Output, Pairwise, Settings, Standing};
use e2ee_session::session::Question;

pub(crate) const GRACE_MS: u64 = 2000;
pub(crate) const AUDIO: FrameInfo<'static> = FrameInfo::track(TrackKind::Audio, CodecRule::Opaque);

/// Numbers that a schedule is made of (splitmix64).
pub(crate) struct Dice(pub u64);

impl Dice {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }
}

pub(crate) fn id(name: &str) -> ParticipantId {
    ParticipantId::new(name).unwrap()
}

pub(crate) fn profile() -> Profile {
    Profile {
        provider: Provider::best(),
        suite: CipherSuite::Aes128GcmSha256_128,
        format: FrameFormat::Frameseal { call: CallId::new("council-7").unwrap() },
        scheme: KidScheme::default(),
    }
}

pub(crate) fn settings(me: &str) -> Settings {
    Settings {
        room: b"town hall".to_vec(),
        call: CallId::new("council-7").unwrap(),
        suite: profile().suite,
        scheme: profile().scheme,
        me: id(me),
        name: me.to_owned(),
        proof: b"a token".to_vec(),
        grace_ms: GRACE_MS,
        rotate_every_ms: 0,
    }
}

/// A key that a member was given, as one who keeps everything would have it.
pub(crate) struct Kept {
    pub(crate) holder: usize,
    pub(crate) owner: ParticipantId,
    pub(crate) generation: Generation,
    pub(crate) step: Step,
    pub(crate) base: Vec<u8>,
}

/// A frame, and who was in the call for its sender when it was sealed.
pub(crate) struct Frame {
    pub(crate) from: usize,
    pub(crate) wire: Vec<u8>,
    pub(crate) generation: Generation,
    pub(crate) allowed: BTreeSet<usize>,
}

pub(crate) struct Node {
    pub(crate) who: ParticipantId,
    pub(crate) engine: Pairwise,
    pub(crate) sealer: Sealer,
    pub(crate) openers: BTreeMap<ParticipantId, Opener>,
    pub(crate) events: Vec<Event>,
    pub(crate) announcement: Vec<u8>,
    pub(crate) here: bool,
    /// Whom it has, or had: until when what it seals may be opened there.
    pub(crate) admitted: BTreeMap<usize, Option<u64>>,
    /// Addresses that it sent a message to.
    pub(crate) sent_to: Vec<ParticipantId>,
    installed: BTreeSet<(ParticipantId, Generation)>,
    pub(crate) seals: Vec<(u64, Generation, Step)>,
}

#[derive(Clone)]
enum Mail {
    Came(ParticipantId, Vec<u8>),
    Gone(ParticipantId),
    Message(ParticipantId, Vec<u8>),
    Verdict(Question, Trust),
    Wake,
}

pub(crate) struct World {
    pub(crate) now: u64,
    pub(crate) nodes: Vec<Node>,
    mail: BTreeMap<(u64, u64), (usize, Mail)>,
    posted: u64,
    pub(crate) dice: Dice,
    /// Milliseconds, from and up to.
    pub(crate) delay: (u64, u64),
    /// Percent of messages.
    pub(crate) loss: u64,
    pub(crate) twice: u64,
    pub(crate) trust: fn(&Identity) -> Trust,
    /// Everything that was ever sent: from, to, bytes.
    pub(crate) wire: Vec<(ParticipantId, ParticipantId, Vec<u8>)>,
    pub(crate) kept: Vec<Kept>,
    pub(crate) frames: Vec<Frame>,
    by_key: BTreeMap<Vec<u8>, usize>,
    checked: (usize, usize),
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            now: 0,
            nodes: Vec::new(),
            mail: BTreeMap::new(),
            posted: 0,
            dice: Dice(seed),
            delay: (10, 10),
            loss: 0,
            twice: 0,
            trust: |_| Trust::Unverified,
            wire: Vec::new(),
            kept: Vec::new(),
            frames: Vec::new(),
            by_key: BTreeMap::new(),
            checked: (0, 0),
        }
    }

    fn post(&mut self, to: usize, at: u64, mail: Mail) {
        self.posted += 1;
        self.mail.insert((at, self.posted), (to, mail));
    }

    fn later(&mut self) -> u64 {
        let (from, to) = self.delay;
        self.now + from + self.dice.next() % (to - from + 1)
    }

    pub(crate) fn join(&mut self, name: &str) -> usize {
        self.join_with(settings(name))
    }

    pub(crate) fn join_with(&mut self, settings: Settings) -> usize {
        let index = self.nodes.len();
        let mut seed = [7; 32];
        seed[..8].copy_from_slice(&(index as u64).to_be_bytes());
        let keys = MemberKeys::generate(&seed);
        self.by_key.insert(keys.public().signature.to_vec(), index);
        let who = settings.me.clone();
        let engine = Pairwise::new(keys, settings, Millis(self.now)).unwrap();
        self.nodes.push(Node {
            sealer: Sealer::generate(profile(), who.clone(), &[index as u8; 32]),
            who: who.clone(),
            engine,
            openers: BTreeMap::new(),
            events: Vec::new(),
            announcement: Vec::new(),
            here: true,
            admitted: BTreeMap::new(),
            sent_to: Vec::new(),
            installed: BTreeSet::new(),
            seals: Vec::new(),
        });
        self.drain(index, false);
        for other in 0..index {
            if self.nodes[other].here {
                let (came, there) =
                    (self.nodes[other].clone_announcement(), self.nodes[index].clone_announcement());
                let at = self.later();
                self.post(index, at, Mail::Came(came.0, came.1));
                let at = self.later();
                self.post(other, at, Mail::Came(there.0, there.1));
            }
        }
        index
    }

    /// Its connection ends; the transport says so.
    pub(crate) fn leave(&mut self, index: usize) {
        self.nodes[index].here = false;
        let who = self.nodes[index].who.clone();
        for other in self.here() {
            let at = self.later();
            self.post(other, at, Mail::Gone(who.clone()));
        }
    }

    pub(crate) fn here(&self) -> Vec<usize> {
        (0..self.nodes.len()).filter(|node| self.nodes[*node].here).collect()
    }

    /// The relay shows somebody with this announcement.
    pub(crate) fn show(&mut self, to: usize, who: &str, announcement: &[u8]) {
        self.give(to, &Mail::Came(id(who), announcement.to_vec()));
    }

    pub(crate) fn inject(&mut self, to: usize, from: &str, bytes: &[u8]) {
        self.give(to, &Mail::Message(id(from), bytes.to_vec()));
    }

    pub(crate) fn says_gone(&mut self, to: usize, who: &str) {
        self.give(to, &Mail::Gone(id(who)));
    }

    pub(crate) fn rotate(&mut self, index: usize) {
        self.nodes[index].engine.handle(Input::Rotate, Millis(self.now)).unwrap();
        self.drain(index, false);
    }

    pub(crate) fn remove(&mut self, by: usize, who: &str) {
        self.nodes[by].engine.handle(Input::Remove(&id(who)), Millis(self.now)).unwrap();
        self.drain(by, true);
    }

    /// Lets time pass, and what is on its way arrive.
    pub(crate) fn run(&mut self, ms: u64) {
        let end = self.now + ms;
        while let Some(((at, _), _)) = self.mail.first_key_value() {
            if *at > end {
                break;
            }
            let ((at, _), (to, mail)) = self.mail.pop_first().unwrap();
            self.now = self.now.max(at);
            if self.nodes[to].here {
                self.give(to, &mail);
            }
        }
        self.now = end;
    }

    fn give(&mut self, to: usize, mail: &Mail) {
        let input = match mail {
            Mail::Came(who, announcement) => Input::Came(who, announcement),
            Mail::Gone(who) => Input::Gone(who),
            Mail::Message(from, bytes) => Input::Message(from, bytes),
            Mail::Verdict(question, trust) => Input::Verdict(*question, *trust),
            Mail::Wake => Input::Wake,
        };
        let taken = self.nodes[to].engine.handle(input, Millis(self.now));
        assert!(taken.is_ok() || matches!(mail, Mail::Verdict(..)), "{taken:?}");
        self.drain(to, false);
    }

    fn drain(&mut self, by: usize, forced: bool) {
        while let Some(output) = self.nodes[by].engine.poll() {
            self.act(by, output);
        }
        // Who is in the call for `by` now, by its keys.
        let members: BTreeSet<usize> = self.nodes[by]
            .engine
            .roster()
            .iter()
            .filter(|entry| matches!(entry.standing, Standing::Member { .. }))
            .map(|entry| self.by_key[&entry.identity.as_ref().unwrap().key])
            .collect();
        let until = self.now + if forced { 0 } else { GRACE_MS };
        let node = &mut self.nodes[by];
        let mut shut_out = false;
        for (_, deadline) in node.admitted.iter_mut().filter(|(who, d)| d.is_none() && !members.contains(who))
        {
            *deadline = Some(until);
            shut_out = true;
        }
        for member in members {
            node.admitted.insert(member, None);
        }
        // A removal ends the grace of those who left before, too.
        if forced && shut_out {
            for deadline in node.admitted.values_mut().flatten() {
                *deadline = (*deadline).min(self.now);
            }
        }
    }

    fn act(&mut self, by: usize, output: Output) {
        match output {
            Output::Announce(bytes) => self.nodes[by].announcement = bytes,
            Output::Send { to, bytes } => {
                self.nodes[by].sent_to.push(to.clone());
                let from = self.nodes[by].who.clone();
                self.wire.push((from.clone(), to.clone(), bytes.clone()));
                let copies =
                    if self.dice.chance(self.loss) { 0 } else { 1 + u64::from(self.dice.chance(self.twice)) };
                for _ in 0..copies {
                    let there: Vec<usize> =
                        self.here().into_iter().filter(|node| self.nodes[*node].who == to).collect();
                    for node in there {
                        let at = self.later();
                        self.post(node, at, Mail::Message(from.clone(), bytes.clone()));
                    }
                }
            }
            Output::WakeAt(at) => {
                assert!(at.0 > self.now, "woken at once, again and again");
                self.post(by, at.0, Mail::Wake);
            }
            Output::Decide { question, who } => {
                assert_eq!(who.proof, b"a token");
                assert!(self.nodes.iter().any(|node| node.who.as_str() == who.participant));
                let at = self.later();
                self.post(by, at, Mail::Verdict(question, (self.trust)(&who)));
            }
            Output::Seal(key) => {
                let node = &mut self.nodes[by];
                node.seals.push((self.now, key.generation, key.step));
                node.sealer.enter_key(key).unwrap();
            }
            Output::Install { owner, key } => {
                let SenderKey { generation, step, base } = key;
                let node = &mut self.nodes[by];
                assert!(node.installed.insert((owner.clone(), generation)), "a key was given twice");
                let kept = base.expose().to_vec();
                let opener = node
                    .openers
                    .entry(owner.clone())
                    .or_insert_with(|| Opener::new(profile(), owner.clone()));
                opener.install(KeyAt::Sender(generation, step), base);
                self.kept.push(Kept { holder: by, owner, generation, step, base: kept });
            }
            Output::Forget { owner, before } => {
                if let Some(opener) = self.nodes[by].openers.get_mut(&owner) {
                    opener.forget_before(before);
                }
            }
            Output::Drop(owner) => {
                let node = &mut self.nodes[by];
                node.openers.remove(&owner);
                node.installed.retain(|(of, _)| *of != owner);
            }
            Output::Roster(roster) => assert_eq!(roster, self.nodes[by].engine.roster()),
            Output::Event(event) => self.nodes[by].events.push(event),
        }
    }

    /// Seals a frame, and shows it to all who are there. Gives its number.
    pub(crate) fn frame(&mut self, from: usize) -> usize {
        let number = self.frames.len();
        let mut buf = FrameBuf::new();
        buf.fill(format!("frame {number}").as_bytes());
        let wire = self.nodes[from].sealer.seal(&AUDIO, &mut buf).unwrap().to_vec();
        let now = self.now;
        let admitted = &self.nodes[from].admitted;
        let allowed =
            admitted.iter().filter(|(_, d)| d.is_none_or(|d| now <= d)).map(|(who, _)| *who).collect();
        let KeyAt::Sender(generation, _) = self.nodes[from].sealer.key_at() else { panic!("no sender key") };
        self.frames.push(Frame { from, wire, generation, allowed });
        for to in self.here() {
            if to != from {
                self.hear(to, number);
            }
        }
        number
    }

    /// Whether a member opens a frame, as its frame layer does; tells the engine of an unknown key.
    pub(crate) fn hear(&mut self, to: usize, number: usize) -> bool {
        let frame = &self.frames[number];
        let owner = self.nodes[frame.from].who.clone();
        let mut buf = FrameBuf::new();
        buf.fill(&frame.wire);
        let node = &mut self.nodes[to];
        let opener =
            node.openers.entry(owner.clone()).or_insert_with(|| Opener::new(profile(), owner.clone()));
        opener.tick(Millis(self.now));
        match opener.open(&AUDIO, &mut buf) {
            Ok(plain) => {
                assert_eq!(plain, format!("frame {number}").as_bytes());
                true
            }
            Err(error) => {
                if let OpenCause::UnknownKey { kid } | OpenCause::TooFar { kid } = error.cause {
                    self.report(to, &owner, kid);
                }
                false
            }
        }
    }

    pub(crate) fn report(&mut self, to: usize, owner: &ParticipantId, kid: Kid) {
        self.nodes[to].engine.handle(Input::UnknownKid(owner, kid), Millis(self.now)).unwrap();
        self.drain(to, false);
    }

    /// Whether this key opens this frame, for one who keeps all and tries all.
    pub(crate) fn opens(kept: &Kept, frame: &Frame, sender: &ParticipantId) -> bool {
        // A ring never takes a key of one generation for another one.
        if kept.owner != *sender || kept.generation != frame.generation {
            return false;
        }
        let mut opener = Opener::new(profile(), sender.clone());
        let base = e2ee_core::BaseKey::new(SecretBytes::copy_of(&kept.base)).unwrap();
        opener.install(KeyAt::Sender(kept.generation, kept.step), base);
        let mut buf = FrameBuf::new();
        buf.fill(&frame.wire);
        opener.open(&AUDIO, &mut buf).is_ok()
    }

    /// Nobody has a key to a frame that was sealed when it was not in the call; every pair is looked at once.
    pub(crate) fn check_secrecy(&mut self) {
        let (keys, frames) = self.checked;
        for (k, kept) in self.kept.iter().enumerate() {
            for (f, frame) in self.frames.iter().enumerate() {
                if (k < keys && f < frames) || frame.allowed.contains(&kept.holder) {
                    continue;
                }
                let sender = &self.nodes[frame.from].who;
                assert!(
                    !Self::opens(kept, frame, sender),
                    "{} opens frame {f} of {sender}",
                    self.nodes[kept.holder].who
                );
            }
        }
        self.checked = (self.kept.len(), self.frames.len());
    }

    /// Whether the two are in the call for each other.
    pub(crate) fn mutual(&self, a: usize, b: usize) -> bool {
        let has = |x: usize, y: usize| self.nodes[x].admitted.get(&y).is_some_and(Option::is_none);
        has(a, b) && has(b, a)
    }

    /// Frames of everybody flow for so long; then everybody opens everybody's newest.
    pub(crate) fn assert_converged(&mut self, ms: u64) {
        for _ in 0..ms / 100 {
            for from in self.here() {
                self.frame(from);
            }
            self.run(100);
        }
        for from in self.here() {
            let mut buf = FrameBuf::new();
            buf.fill(b"the last");
            let wire = self.nodes[from].sealer.seal(&AUDIO, &mut buf).unwrap().to_vec();
            let owner = self.nodes[from].who.clone();
            for to in self.here() {
                if to == from || !self.mutual(from, to) {
                    continue;
                }
                let mut buf = FrameBuf::new();
                buf.fill(&wire);
                let opener = self.nodes[to].openers.get_mut(&owner).unwrap();
                let opened = opener.open(&AUDIO, &mut buf).map(<[u8]>::to_vec);
                assert_eq!(opened.as_deref(), Ok(&b"the last"[..]), "{owner} to {}", self.nodes[to].who);
            }
        }
    }

    pub(crate) fn standing(&self, of: usize, who: &str) -> Option<Standing> {
        let who = id(who);
        self.nodes[of]
            .engine
            .roster()
            .into_iter()
            .find(|entry: &Entry| entry.who == who)
            .map(|entry| entry.standing)
    }
}

impl Node {
    fn clone_announcement(&self) -> (ParticipantId, Vec<u8>) {
        (self.who.clone(), self.announcement.clone())
    }
}
