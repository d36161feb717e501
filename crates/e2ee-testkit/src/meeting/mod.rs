//! A simulated meeting: several people with real sealers and openers, a lossy wire, and an SFU that is the enemy.
//!
//! Nothing sleeps and nothing is random but by the seed: a seed replays a meeting. After every delivery and every
//! sealed frame the `oracle` is asked, and the first broken promise ends the run as a [`Violation`]:
//!
//! * nobody opens what was sealed while they were not a member;
//! * every honest frame within reach opens, once, and to the bytes that were sealed;
//! * no key and nonce twice, over all people and all runs of them;
//! * a forged frame does not open and moves nothing.
//!
//! Keys go by sender keys (join ratchets, leave rotates), or by a room secret with announcements.

mod enemy;
mod frames;
mod oracle;
mod person;
mod rng;
mod wire;

use core::fmt;

use e2ee_core::{
    CallId, CipherSuite, FrameFormat, KidScheme, Millis, Profile, Provider, RoomSecret, SecretBytes,
};

use oracle::Oracle;
use person::{People, Told};
use rng::Rng;
use wire::Wire;

pub use oracle::{Promise, Violation};
pub use wire::Conditions;

/// How members get each other's keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// Every sender's key, sent to each member over secure channels.
    Sender,
    /// One secret for all, and public announcements.
    Room,
}

/// A fault put in on purpose, to see that the promises notice it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// Nobody rotates when somebody leaves.
    KeepKeysOnLeave,
    /// Nobody ratchets when somebody joins.
    KeepKeysOnJoin,
    /// Who starts again draws the same entropy as before.
    SameEntropyOnRestart,
    /// Openers forget which frames they saw.
    ForgetSeen,
    /// Keys get lost on their way, and nobody asks for them again.
    LoseKeys,
    /// A forged frame leaves a key behind in the ring.
    ForgeryInstallsKey,
}

/// One meeting.
#[derive(Clone, Copy, Debug)]
pub struct Meeting {
    /// Replays the meeting.
    pub seed: u64,
    /// How many rounds of 20 milliseconds it lasts.
    pub rounds: u32,
    /// How keys travel.
    pub keys: Keys,
    /// The suite that all seal with.
    pub suite: CipherSuite,
    /// What the wire does.
    pub conditions: Conditions,
    /// A fault on purpose.
    pub sabotage: Option<Sabotage>,
}

/// What happened in a meeting that kept its promises.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Frames sealed.
    pub sealed: u64,
    /// Times a frame was opened by somebody.
    pub opened: u64,
    /// Frames that the wire lost, counted for each receiver.
    pub lost: u64,
    /// Frames that came before their key.
    pub early: u64,
    /// Repeats refused.
    pub repeats: u64,
    /// Forged or mislabelled frames refused.
    pub forgeries: u64,
    /// Frames that somebody tried who must not open them, refused.
    pub spied: u64,
    /// People who joined after the start.
    pub joins: u64,
    /// People who left.
    pub leaves: u64,
    /// New generations.
    pub rotations: u64,
    /// Ratchet steps.
    pub steps: u64,
    /// People who lost their state and began anew.
    pub restarts: u64,
}

impl Meeting {
    /// A meeting of 400 rounds on a bad network.
    #[must_use]
    pub const fn new(seed: u64, keys: Keys) -> Self {
        Self {
            seed,
            rounds: 400,
            keys,
            suite: CipherSuite::Aes128GcmSha256_128,
            conditions: Conditions::BAD,
            sabotage: None,
        }
    }

    /// Holds the meeting.
    ///
    /// # Errors
    /// [`Violation`] for the first promise that was not kept.
    pub fn hold(&self) -> Result<Summary, Violation> {
        let mut room = Room::open(self)?;
        for _ in 0..self.rounds {
            room.round()?;
        }
        room.settle()
    }
}

/// Everything in a meeting at one moment.
struct Room {
    keys: Keys,
    sabotage: Option<Sabotage>,
    conditions: Conditions,
    now: Millis,
    rng: Rng,
    people: People,
    /// Frames on their way to receivers.
    media: Wire<Parcel>,
    /// Keys and announcements on their way.
    told: Wire<Told>,
    oracle: Oracle,
    summary: Summary,
}

/// A frame for one receiver.
#[derive(Clone)]
struct Parcel {
    to: u32,
    /// Which record of the oracle it is.
    record: usize,
}

impl Room {
    fn open(meeting: &Meeting) -> Result<Self, Violation> {
        let mut rng = Rng::new(meeting.seed);
        let call = CallId::new("meeting").map_err(|_| Violation::harness("call name"))?;
        let providers = Provider::all();
        let provider = providers.get(rng.below(providers.len() as u64) as usize).copied();
        let profile = Profile {
            provider: provider.unwrap_or_else(Provider::best),
            suite: meeting.suite,
            format: FrameFormat::Frameseal { call: call.clone() },
            scheme: KidScheme::default(),
        };
        let secret = RoomSecret::from_stretched(SecretBytes::copy_of(&rng.entropy()));
        let mut room = Self {
            keys: meeting.keys,
            sabotage: meeting.sabotage,
            conditions: meeting.conditions,
            now: Millis(1_000_000),
            people: People::new(profile, call, secret, meeting.keys),
            rng,
            media: Wire::default(),
            told: Wire::default(),
            oracle: Oracle::new(meeting.keys),
            summary: Summary::default(),
        };
        for _ in 0..3 {
            room.join()?;
        }
        room.summary.joins = 0;
        Ok(room)
    }

    fn round(&mut self) -> Result<(), Violation> {
        self.now = self.now.plus(20);
        self.oracle.round += 1;
        self.people.tick(self.now);
        let present = self.people.present();
        match self.rng.below(300) {
            0..5 if present.len() < 6 => self.join()?,
            5..9 if present.len() > 2 => self.leave()?,
            9..12 => self.restart()?,
            12..15 => self.change(Change::Rotate)?,
            15..18 => self.change(Change::Step)?,
            _ => {}
        }
        for who in self.people.present() {
            if self.rng.chance(600) {
                self.speak(who)?;
            }
        }
        self.deliver()?;
        self.attack()
    }

    /// Lets everything that is on its way arrive.
    fn settle(mut self) -> Result<Summary, Violation> {
        for _ in 0..100 {
            self.now = self.now.plus(20);
            self.oracle.round += 1;
            self.people.tick(self.now);
            self.deliver()?;
        }
        Ok(self.summary)
    }

    fn speak(&mut self, who: u32) -> Result<(), Violation> {
        let frame = frames::make(&mut self.rng, self.oracle.next_id());
        let others: Vec<u32> = self.people.present().into_iter().filter(|other| *other != who).collect();
        let sealed = self.people.seal(who, &frame)?;
        let record = self.oracle.sealed(sealed, frame, others.iter().copied().collect(), self.now)?;
        self.summary.sealed += 1;
        // The SFU sends the frame to members, and to everybody else who ever was there or will be.
        for to in self.people.everybody() {
            let sent = self.media.send(self.now, &mut self.rng, &self.conditions, Parcel { to, record });
            self.summary.lost += u64::from(!sent);
        }
        Ok(())
    }

    fn deliver(&mut self) -> Result<(), Violation> {
        while let Some(told) = self.told.due(self.now) {
            if self.people.take(&told)? {
                self.oracle.told(&told);
            }
        }
        while let Some(Parcel { to, record }) = self.media.due(self.now) {
            self.hand_over(to, record)?;
        }
        Ok(())
    }

    /// Gives an unchanged frame to somebody, member or not.
    fn hand_over(&mut self, to: u32, record: usize) -> Result<(), Violation> {
        let Some(frame) = self.oracle.record(record).cloned() else { return Ok(()) };
        if frame.sender == to {
            return Ok(());
        }
        if self.sabotage == Some(Sabotage::ForgetSeen) && self.rng.chance(20) {
            self.people.forget_seen(to, frame.sender)?;
        }
        let outcome = self.people.deliver(to, frame.sender, frame.label(), &frame.wire)?;
        let present = self.people.is_present(to);
        self.oracle.judge(to, record, present, self.now, &outcome, &mut self.summary)
    }

    fn join(&mut self) -> Result<(), Violation> {
        let members = self.people.present();
        for member in &members {
            if self.keys == Keys::Sender && self.sabotage != Some(Sabotage::KeepKeysOnJoin) {
                self.turn(*member, Change::Step)?;
            }
        }
        let newcomer = self.people.add(&mut self.rng)?;
        self.summary.joins += 1;
        for member in members {
            self.tell(member, newcomer)?;
            self.tell(newcomer, member)?;
        }
        // An SFU that has kept old frames for whoever comes.
        for record in self.oracle.recent(40) {
            self.media.send(self.now, &mut self.rng, &self.conditions, Parcel { to: newcomer, record });
        }
        Ok(())
    }

    fn leave(&mut self) -> Result<(), Violation> {
        let present = self.people.present();
        let Some(gone) = self.rng.pick(&present) else { return Ok(()) };
        self.people.remove(gone);
        self.summary.leaves += 1;
        if self.keys == Keys::Sender && self.sabotage != Some(Sabotage::KeepKeysOnLeave) {
            for member in self.people.present() {
                self.turn(member, Change::Rotate)?;
            }
        }
        Ok(())
    }

    /// Somebody loses all state, draws anew and tells everybody.
    fn restart(&mut self) -> Result<(), Violation> {
        let present = self.people.present();
        let Some(who) = self.rng.pick(&present) else { return Ok(()) };
        let same = self.sabotage == Some(Sabotage::SameEntropyOnRestart);
        self.people.restart(who, &mut self.rng, same)?;
        self.summary.restarts += 1;
        for other in present.into_iter().filter(|other| *other != who) {
            self.tell(who, other)?;
        }
        Ok(())
    }

    fn change(&mut self, change: Change) -> Result<(), Violation> {
        let present = self.people.present();
        match self.rng.pick(&present) {
            Some(who) => self.turn(who, change),
            None => Ok(()),
        }
    }

    /// Steps or rotates one sender; a new generation is told to all members.
    fn turn(&mut self, who: u32, change: Change) -> Result<(), Violation> {
        let entropy = self.rng.entropy();
        let rotated = match change {
            Change::Step if self.people.step(who)? => false,
            // No step is left, or a new generation is wanted.
            _ => {
                self.people.rotate(who, &entropy)?;
                true
            }
        };
        self.oracle.key_changed(who);
        if !rotated {
            self.summary.steps += 1;
            return Ok(());
        }
        self.summary.rotations += 1;
        if self.keys == Keys::Sender {
            for other in self.people.present().into_iter().filter(|other| *other != who) {
                self.tell(who, other)?;
            }
        }
        Ok(())
    }

    /// Sends `who`'s key or announcement to `to`, surely but not at once.
    fn tell(&mut self, who: u32, to: u32) -> Result<(), Violation> {
        let told = self.people.tell(who, to)?;
        if self.sabotage == Some(Sabotage::LoseKeys) && self.rng.chance(300) {
            self.oracle.told(&told);
            return Ok(());
        }
        self.told.send(self.now, &mut self.rng, &Conditions::SURE, told);
        Ok(())
    }
}

#[derive(Clone, Copy)]
enum Change {
    Step,
    Rotate,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            sealed,
            opened,
            lost,
            early,
            repeats,
            forgeries,
            spied,
            joins,
            leaves,
            rotations,
            steps,
            restarts,
        } = self;
        write!(
            f,
            "{sealed} sealed, {opened} opened, {lost} lost, {early} early, {repeats} repeats, {forgeries} forgeries, \
             {spied} spied, {joins} joins, {leaves} leaves, {rotations} rotations, {steps} steps, {restarts} restarts"
        )
    }
}
