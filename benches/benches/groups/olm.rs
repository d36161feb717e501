//! Groups by sender keys that go from each to each, in Olm sessions.
//!
//! Nobody commits: all members do the same, so the time is that of any of them. One member is measured; the others know
//! only it, and say to it what they would in a full mesh.

use std::collections::VecDeque;
use std::time::Duration;

use cpu_time::ProcessTime;
use e2ee_core::{CallId, CipherSuite, KidScheme, Millis, ParticipantId};
use e2ee_session::mls::Trust;
use e2ee_session::pairwise::{Input, MemberKeys, Output, Pairwise, Settings};

use crate::{Costs, MEMORY};

const NOW: Millis = Millis(1000);

struct Member {
    who: ParticipantId,
    engine: Pairwise,
    announcement: Vec<u8>,
    /// What waits to be sent, and to whom.
    letters: VecDeque<(ParticipantId, Vec<u8>)>,
    sent: usize,
    heard: usize,
    spent: Duration,
}

impl Member {
    fn new(number: usize) -> Self {
        let mut seed = [0x5e; 32];
        seed[..8].copy_from_slice(&(number as u64).to_be_bytes());
        let who = ParticipantId::new(&format!("participant {number}")).expect("an id");
        let settings = Settings {
            room: b"council-7".to_vec(),
            call: CallId::new("council-7").expect("an id"),
            suite: CipherSuite::Aes128GcmSha256_128,
            scheme: KidScheme::default(),
            me: who.clone(),
            name: String::new(),
            proof: Vec::new(),
            grace_ms: 2000,
            rotate_every_ms: 0,
        };
        let begun = ProcessTime::now();
        let engine = Pairwise::new(MemberKeys::generate(&seed), settings, NOW).expect("settings");
        let mut made = Self {
            who,
            engine,
            announcement: Vec::new(),
            letters: VecDeque::new(),
            sent: 0,
            heard: 0,
            spent: Duration::ZERO,
        };
        made.drain();
        made.spent = begun.elapsed();
        made
    }

    fn take(&mut self, input: Input<'_>) {
        let begun = ProcessTime::now();
        self.engine.handle(input, NOW).expect("no mistake");
        self.drain();
        self.spent += begun.elapsed();
    }

    fn drain(&mut self) {
        while let Some(output) = self.engine.poll() {
            match output {
                Output::Announce(bytes) => self.announcement = bytes,
                Output::Send { to, bytes } => {
                    self.sent += bytes.len();
                    self.letters.push_back((to, bytes));
                }
                Output::Decide { question, .. } => {
                    self.engine.handle(Input::Verdict(question, Trust::Unverified), NOW).expect("a question");
                }
                Output::Event(event) => panic!("{event:?}"),
                _ => {}
            }
        }
    }

    fn hears(&mut self, from: &Self, bytes: &[u8]) {
        self.heard += bytes.len();
        self.take(Input::Message(&from.who, bytes));
    }

    /// What was spent, sent and heard since the last time.
    fn count(&mut self) -> (Duration, usize, usize) {
        let counted = (self.spent, self.sent, self.heard);
        (self.spent, self.sent, self.heard) = (Duration::ZERO, 0, 0);
        counted
    }
}

/// Until nobody has anything to say.
fn talk(me: &mut Member, others: &mut [Member]) {
    loop {
        let mut quiet = true;
        while let Some((to, bytes)) = me.letters.pop_front() {
            quiet = false;
            if let Some(other) = others.iter_mut().find(|other| other.who == to) {
                other.hears(me, &bytes);
            }
        }
        for other in &mut *others {
            while let Some((_, bytes)) = other.letters.pop_front() {
                quiet = false;
                me.hears(other, &bytes);
            }
        }
        if quiet {
            return;
        }
    }
}

fn meet(me: &mut Member, other: &mut Member) {
    me.take(Input::Came(&other.who, &other.announcement));
    other.take(Input::Came(&me.who, &me.announcement));
    talk(me, std::slice::from_mut(other));
}

/// All draw a fresh key: a leave, or a rotation of all.
fn renew(me: &mut Member, others: &mut [Member], why: Input<'_>) -> (Duration, usize) {
    me.take(why);
    for other in &mut *others {
        other.take(Input::Rotate);
    }
    talk(me, others);
    let (spent, sent, _) = me.count();
    (spent, sent)
}

pub(crate) fn measure(size: usize, rounds: usize) -> Costs {
    let mut costs = Costs::default();
    let mut others: Vec<Member> = (1..size - 1).map(Member::new).collect();
    let mut me = Member::new(0);
    costs.package = me.announcement.len();
    for other in &mut others {
        meet(&mut me, other);
    }
    me.count();
    for round in 0..rounds {
        let mut comer = Member::new(size + round);
        meet(&mut me, &mut comer);
        let (spent, sent, _) = me.count();
        costs.join.follows.push(spent);
        costs.join.commit = costs.join.commit.max(sent);
        others.push(comer);
        let (spent, sent) = renew(&mut me, &mut others, Input::Rotate);
        costs.rotate.follows.push(spent);
        costs.rotate.commit = costs.rotate.commit.max(sent);
        let gone = others.pop().expect("who came");
        let (spent, sent) = renew(&mut me, &mut others, Input::Gone(&gone.who));
        costs.leave.follows.push(spent);
        costs.leave.commit = costs.leave.commit.max(sent);
    }
    others.push(Member::new(2 * size + rounds));
    // Who comes meets everybody: as a member that starts over, of others that know nobody.
    for (number, other) in others.iter_mut().enumerate() {
        *other = Member::new(3 * size + number);
    }
    let mut comer = Member::new(4 * size);
    for other in &mut others {
        meet(&mut comer, other);
    }
    let (spent, sent, heard) = comer.count();
    costs.join.comes.push(spent);
    costs.join.loads = heard;
    costs.join.everybody = heard + sent;
    costs.leave.everybody = costs.leave.commit * (size - 1);
    costs.rotate.everybody = costs.rotate.commit * size;
    let before = MEMORY.allocated();
    drop(comer);
    costs.held = before - MEMORY.allocated();
    costs
}
