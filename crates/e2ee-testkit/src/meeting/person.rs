//! People: a sealer each, and an opener for every run of every other.

use std::collections::BTreeMap;

use e2ee_core::{
    Announcement, BaseKey, CallId, FrameBuf, KeyAt, Millis, OpenCause, Opener, ParticipantId, Profile,
    RoomSecret, SealCause, Sealer, SecretBytes,
};

use super::Keys;
use super::frames::{Frame, Label};
use super::oracle::{Sealed, Violation};
use super::rng::Rng;

/// A key or an announcement on its way from `who` to `to`.
#[derive(Clone)]
pub(super) struct Told {
    pub(super) who: u32,
    pub(super) to: u32,
    /// Which run of `who`.
    pub(super) run: u32,
    pub(super) at: KeyAt,
    what: What,
}

#[derive(Clone)]
enum What {
    Key(Vec<u8>),
    Announcement(Announcement),
}

type StoredKey = (KeyAt, Vec<u8>);

/// What an opener said.
pub(super) type Outcome = Result<Vec<u8>, OpenCause>;

struct Person {
    name: ParticipantId,
    present: bool,
    run: u32,
    entropy: [u8; 32],
    sealer: Sealer,
    /// By sender and the sender's run. Old ones stay: who hears an old announcement again finds the old windows.
    openers: BTreeMap<(u32, u32), Opener>,
    /// Which run of each sender frames are taken for.
    current: BTreeMap<u32, u32>,
    /// Keys that were told, as in a store that outlives an opener.
    store: BTreeMap<(u32, u32), Vec<StoredKey>>,
}

pub(super) struct People {
    profile: Profile,
    call: CallId,
    secret: RoomSecret,
    keys: Keys,
    list: BTreeMap<u32, Person>,
    buf: FrameBuf,
}

impl People {
    pub(super) fn new(profile: Profile, call: CallId, secret: RoomSecret, keys: Keys) -> Self {
        Self { profile, call, secret, keys, list: BTreeMap::new(), buf: FrameBuf::new() }
    }

    pub(super) fn present(&self) -> Vec<u32> {
        self.list.iter().filter(|(_, person)| person.present).map(|(id, _)| *id).collect()
    }

    pub(super) fn everybody(&self) -> Vec<u32> {
        self.list.keys().copied().collect()
    }

    pub(super) fn is_present(&self, id: u32) -> bool {
        self.list.get(&id).is_some_and(|person| person.present)
    }

    fn person(&mut self, id: u32) -> Result<&mut Person, Violation> {
        self.list.get_mut(&id).ok_or_else(|| Violation::harness("no such person"))
    }

    pub(super) fn profile(&self) -> &Profile {
        &self.profile
    }

    pub(super) fn name(&self, id: u32) -> Result<ParticipantId, Violation> {
        self.list
            .get(&id)
            .map(|person| person.name.clone())
            .ok_or_else(|| Violation::harness("no such person"))
    }

    fn sealer(&self, name: &ParticipantId, entropy: &[u8; 32]) -> Sealer {
        match self.keys {
            Keys::Sender => Sealer::generate(self.profile.clone(), name.clone(), entropy),
            Keys::Room => Sealer::from_room(self.profile.clone(), name.clone(), &self.secret, entropy),
        }
    }

    pub(super) fn add(&mut self, rng: &mut Rng) -> Result<u32, Violation> {
        let id = u32::try_from(self.list.len()).unwrap_or(u32::MAX);
        let name =
            ParticipantId::new(&format!("p{id}")).map_err(|_| Violation::harness("participant name"))?;
        let entropy = rng.entropy();
        let sealer = self.sealer(&name, &entropy);
        let person = Person {
            name,
            present: true,
            run: 0,
            entropy,
            sealer,
            openers: BTreeMap::new(),
            current: BTreeMap::new(),
            store: BTreeMap::new(),
        };
        self.list.insert(id, person);
        Ok(id)
    }

    pub(super) fn remove(&mut self, id: u32) {
        if let Some(person) = self.list.get_mut(&id) {
            person.present = false;
        }
    }

    pub(super) fn restart(&mut self, id: u32, rng: &mut Rng, same: bool) -> Result<(), Violation> {
        let drawn = rng.entropy();
        let person = self.person(id)?;
        let entropy = if same { person.entropy } else { drawn };
        let name = person.name.clone();
        let sealer = self.sealer(&name, &entropy);
        let person = self.person(id)?;
        (person.sealer, person.entropy) = (sealer, entropy);
        person.run += 1;
        Ok(())
    }

    /// `false` when this generation has no step left.
    pub(super) fn step(&mut self, id: u32) -> Result<bool, Violation> {
        match self.person(id)?.sealer.step() {
            Ok(_) => Ok(true),
            Err(error) if error.cause == SealCause::StepsUsedUp => Ok(false),
            Err(error) => Err(Violation::harness(error)),
        }
    }

    pub(super) fn rotate(&mut self, id: u32, entropy: &[u8; 32]) -> Result<(), Violation> {
        self.person(id)?.sealer.rotate(entropy).map(drop).map_err(Violation::harness)
    }

    pub(super) fn seal(&mut self, id: u32, frame: &Frame) -> Result<Sealed, Violation> {
        let mut buf = core::mem::take(&mut self.buf);
        let person = self.person(id)?;
        buf.fill(&frame.bytes);
        let wire = person.sealer.seal(&frame.label.info(), &mut buf).map_err(Violation::harness)?.to_vec();
        let (_, key) = person.sealer.hazmat_frame_key(frame.label.kind).map_err(Violation::harness)?;
        let (at, run) = (person.sealer.key_at(), person.run);
        self.buf = buf;
        Ok(Sealed { sender: id, run, at, key: key.expose().to_vec(), wire })
    }

    /// What `who` has to tell `to` now.
    pub(super) fn tell(&mut self, who: u32, to: u32) -> Result<Told, Violation> {
        let person = self.person(who)?;
        let what = match person.sealer.announcement() {
            Some(announcement) => What::Announcement(announcement),
            None => {
                let key = person.sealer.sender_key().ok_or_else(|| Violation::harness("no sender key"))?;
                What::Key(key.base.expose().to_vec())
            }
        };
        Ok(Told { who, to, run: person.run, at: person.sealer.key_at(), what })
    }

    /// Takes a key or an announcement. `false` when the receiver has left meanwhile.
    pub(super) fn take(&mut self, told: &Told) -> Result<bool, Violation> {
        let name = self.name(told.who)?;
        let mut opener = Opener::new(self.profile.clone(), name.clone());
        if let What::Announcement(said) = &told.what {
            opener.follow_room(self.secret.sender(&self.call, &name, &said.incarnation));
        }
        let receiver = self.person(told.to)?;
        if !receiver.present {
            return Ok(false);
        }
        let opener = receiver.openers.entry((told.who, told.run)).or_insert(opener);
        if let What::Key(bytes) = &told.what {
            let base = BaseKey::new(SecretBytes::copy_of(bytes)).map_err(Violation::harness)?;
            opener.install(told.at, base);
            receiver.store.entry((told.who, told.run)).or_default().push((told.at, bytes.clone()));
        }
        // Signalling may be overtaken by itself: an older run does not take over again.
        let current = receiver.current.entry(told.who).or_default();
        *current = told.run.max(*current);
        Ok(true)
    }

    /// Makes frames of `from` be taken for an older run, as after a replayed announcement, or for the newest again.
    pub(super) fn switch_run(&mut self, to: u32, from: u32, run: u32) -> Result<(), Violation> {
        let receiver = self.person(to)?;
        if receiver.openers.contains_key(&(from, run)) {
            receiver.current.insert(from, run);
        }
        Ok(())
    }

    pub(super) fn current_run(&self, to: u32, from: u32) -> Option<u32> {
        self.list.get(&to)?.current.get(&from).copied()
    }

    fn opener(&mut self, to: u32, from: u32) -> Result<Option<&mut Opener>, Violation> {
        let receiver = self.person(to)?;
        let Some(run) = receiver.current.get(&from) else { return Ok(None) };
        Ok(receiver.openers.get_mut(&(from, *run)))
    }

    /// Gives bytes to the opener that `to` has for `from`.
    pub(super) fn deliver(
        &mut self,
        to: u32,
        from: u32,
        label: Label,
        wire: &[u8],
    ) -> Result<Outcome, Violation> {
        let mut buf = core::mem::take(&mut self.buf);
        buf.fill(wire);
        let outcome = match self.opener(to, from)? {
            Some(opener) => {
                opener.open(&label.info(), &mut buf).map(<[u8]>::to_vec).map_err(|error| error.cause)
            }
            None => Err(OpenCause::UnknownKey { kid: e2ee_core::Kid(0) }),
        };
        if outcome.is_err() && self.opener(to, from)?.is_some() && !buf.is_empty() {
            return Err(Violation::harness("a refused frame was left in the buffer"));
        }
        self.buf = buf;
        Ok(outcome)
    }

    /// The keys in the ring that `to` has for `from`: where, fingerprint, proven.
    pub(super) fn ring(&mut self, to: u32, from: u32) -> Result<Vec<(KeyAt, [u8; 4], bool)>, Violation> {
        Ok(self.opener(to, from)?.map(|opener| opener.ring().keys().collect()).unwrap_or_default())
    }

    pub(super) fn install_stray_key(&mut self, to: u32, from: u32) -> Result<(), Violation> {
        let base = BaseKey::new(SecretBytes::copy_of(&[9; 32])).map_err(Violation::harness)?;
        let at = KeyAt::Sender(e2ee_core::Generation(9999), e2ee_core::Step(0));
        if let Some(opener) = self.opener(to, from)? {
            opener.install(at, base);
        }
        Ok(())
    }

    /// Sabotage: the opener is made anew from the keys that were told, without its windows.
    pub(super) fn forget_seen(&mut self, to: u32, from: u32) -> Result<(), Violation> {
        let mut fresh = Opener::new(self.profile.clone(), self.name(from)?);
        let receiver = self.person(to)?;
        let Some(run) = receiver.current.get(&from) else { return Ok(()) };
        for (at, bytes) in receiver.store.get(&(from, *run)).into_iter().flatten() {
            fresh.install(*at, BaseKey::new(SecretBytes::copy_of(bytes)).map_err(Violation::harness)?);
        }
        receiver.openers.insert((from, *run), fresh);
        Ok(())
    }

    pub(super) fn tick(&mut self, now: Millis) {
        let members = self.list.values_mut().filter(|person| person.present);
        members.flat_map(|person| person.openers.values_mut()).for_each(|opener| opener.tick(now));
    }
}
