//! The state machine: who is in the call, which key is used, who has it.
use std::cmp::Ordering;
use std::collections::{BTreeMap, VecDeque};

use chacha20::ChaCha20Rng;
use e2ee_core::id::MAX_NAME_LEN;
use e2ee_core::{Millis, SecretBytes};
use hpke::rand_core::{Rng as _, SeedableRng as _};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::content::{self, Said, Shape};
use super::device::{Device, Membership};
use super::error::MatrixRtcError;
use super::types::{Event, Input, Output, Settings};
use super::{
    KEEP_OLD_MS, KEY_LEN, MAX_DELAY_MS, MAX_MEMBERS, MAX_PARKED, MAX_REMOVED, MAX_WAITING, PARK_MS,
    RESEND_MS, SEED_LEN, SENDS,
};

/// An own key.
struct OwnKey {
    index: u8,
    key: SecretBytes,
    made: Millis,
}

/// How the newest own key stands with a member.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Delivery {
    /// It has to be sent.
    Due,
    /// It was sent so often, and nothing speaks against it.
    Sent(u8),
    /// It did not arrive, and is sent again then.
    Failed(u8, Millis),
    /// It was given up.
    GivenUp,
}

/// A key of a member's, by index.
struct Slot {
    /// Tells whether the same key comes again; the key itself is the frame layer's.
    digest: [u8; 32],
    sent_ts: Option<u64>,
    forget_at: Option<Millis>,
}

struct Member {
    membership: Membership,
    delivery: Delivery,
    slots: BTreeMap<u8, Slot>,
}

/// A message of somebody who is not a member yet.
struct Parked {
    from: Device,
    shape: Shape,
    content: Zeroizing<Vec<u8>>,
    until: Millis,
}

/// One device in one call. See the module's comment.
pub struct MatrixRtc {
    settings: Settings,
    rng: ChaCha20Rng,
    current: OwnKey,
    /// The key that is about to be used, and when.
    pending: Option<(OwnKey, Millis)>,
    members: BTreeMap<Device, Member>,
    removed: VecDeque<Device>,
    parked: VecDeque<Parked>,
    woken: Option<Millis>,
    /// Unix time, milliseconds, at time 0 of the caller's clock.
    epoch_ms: u64,
    now: Millis,
    out: VecDeque<Output>,
}

impl MatrixRtc {
    /// A device that has joined, alone so far. Keys come from `seed`, which is used once; `unix_ms` is what is written
    /// into messages as the time of `now`. Its first output is the key to seal with.
    ///
    /// # Errors
    /// [`MatrixRtcError::BadSettings`].
    pub fn new(
        settings: Settings,
        seed: &[u8; SEED_LEN],
        now: Millis,
        unix_ms: u64,
    ) -> Result<Self, MatrixRtcError> {
        let fits = (1..=MAX_NAME_LEN).contains(&settings.room.len())
            && settings.me.fits()
            && settings.use_delay_ms <= MAX_DELAY_MS
            && settings.rotation_grace_ms <= MAX_DELAY_MS;
        if !fits {
            return Err(MatrixRtcError::BadSettings);
        }
        let mut rng = ChaCha20Rng::from_seed(*seed);
        let current = OwnKey { index: 0, key: draw(&mut rng), made: now };
        let out = VecDeque::from([current.to_use()]);
        Ok(Self {
            settings,
            rng,
            current,
            pending: None,
            members: BTreeMap::new(),
            removed: VecDeque::new(),
            parked: VecDeque::new(),
            woken: None,
            epoch_ms: unix_ms.saturating_sub(now.0),
            now,
            out,
        })
    }

    /// The next thing to be done; `None`: all is done.
    pub fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// The devices that get keys.
    pub fn members(&self) -> impl Iterator<Item = &Membership> {
        self.members.values().map(|member| &member.membership)
    }

    /// Takes what happened. A time before that of an earlier input counts as that.
    ///
    /// # Errors
    /// [`MatrixRtcError`] for a mistake of the caller; nothing changed. What others did wrong is an event.
    pub fn handle(&mut self, input: Input<'_>, now: Millis) -> Result<(), MatrixRtcError> {
        if self.out.len() > MAX_WAITING {
            return Err(MatrixRtcError::NotPolled);
        }
        if let Input::Members(all) = input
            && !all.iter().all(Membership::fits)
        {
            return Err(MatrixRtcError::BadSettings);
        }
        self.now = self.now.max(now);
        let now = self.now;
        self.parked.retain(|parked| parked.until > now);
        match input {
            Input::Members(all) => self.update(all),
            Input::ToDevice { event_type, sender, device, content } => {
                self.message(event_type, sender, device, content);
            }
            Input::NotDelivered(index, to) => self.not_delivered(index, to),
            Input::Rotate => self.rotate(self.settings.use_delay_ms),
            Input::Remove(device) => self.remove(device),
            Input::Wake => self.woken = None,
        }
        self.timers();
        self.wake();
        Ok(())
    }

    fn update(&mut self, all: &[Membership]) {
        let mut there: BTreeMap<&Device, &Membership> = BTreeMap::new();
        for member in all {
            let device = &member.device;
            // Of two memberships of one device the later one counts.
            if *device != self.settings.me.device
                && there.get(device).is_none_or(|other| other.created_ts <= member.created_ts)
            {
                there.insert(device, member);
            }
        }
        // Who was removed stays out until the room agrees.
        self.removed.retain(|device| there.contains_key(device));
        there.retain(|device, _| !self.removed.contains(device));
        while there.len() > MAX_MEMBERS {
            there.pop_last();
            self.out.push_back(Output::Event(Event::Full));
        }
        let gone: Vec<Device> =
            self.members.keys().filter(|device| !there.contains_key(device)).cloned().collect();
        for device in &gone {
            self.drop_member(device);
        }
        let mut came = Vec::new();
        for (device, membership) in there {
            match self.members.get_mut(device) {
                Some(member) if member.membership == *membership => {}
                Some(member) => {
                    // It joined again, and may have lost what it was sent.
                    if member.membership.member_id != membership.member_id {
                        member.slots.clear();
                        self.out.push_back(Output::Drop(device.clone()));
                    }
                    member.membership = membership.clone();
                    member.delivery = Delivery::Due;
                    came.push(device.clone());
                }
                None => {
                    let (membership, slots) = (membership.clone(), BTreeMap::new());
                    let member = Member { membership, delivery: Delivery::Due, slots };
                    self.members.insert(device.clone(), member);
                    came.push(device.clone());
                }
            }
        }
        let newest = self.pending.as_ref().map_or(&self.current, |(key, _)| key);
        let age = self.now.0.saturating_sub(newest.made.0);
        // A key that waits has sealed nothing, so anybody may have it.
        let fresh = age < self.settings.rotation_grace_ms || self.pending.is_some();
        if !gone.is_empty() || (!came.is_empty() && !fresh) {
            self.rotate(self.settings.use_delay_ms);
        }
        let (waiting, rest) =
            std::mem::take(&mut self.parked).into_iter().partition(|parked| came.contains(&parked.from));
        self.parked = rest;
        let waiting: VecDeque<Parked> = waiting;
        for Parked { from, shape, content, .. } in waiting {
            self.key_message(from, shape, &content);
        }
    }

    fn drop_member(&mut self, device: &Device) {
        self.members.remove(device);
        self.parked.retain(|parked| parked.from != *device);
        self.out.push_back(Output::Drop(device.clone()));
    }

    fn remove(&mut self, device: &Device) {
        if *device == self.settings.me.device || self.removed.contains(device) {
            return;
        }
        self.removed.push_back(device.clone());
        if self.removed.len() > MAX_REMOVED {
            self.removed.pop_front();
        }
        self.parked.retain(|parked| parked.from != *device);
        if self.members.contains_key(device) {
            self.drop_member(device);
            self.rotate(0);
        }
    }

    /// A fresh key for all, used after `delay`, or earlier when another one waited already.
    fn rotate(&mut self, delay: u64) {
        let (index, until) = match self.pending.take() {
            Some((key, until)) => (key.index, Some(until)),
            None => (self.current.index, None),
        };
        let key = OwnKey { index: index.wrapping_add(1), key: draw(&mut self.rng), made: self.now };
        // Half the way round, receivers would take the newest for an older one.
        let far = key.index.wrapping_sub(self.current.index) >= 127;
        let at = self.now.plus(if self.members.is_empty() || far { 0 } else { delay });
        self.pending = Some((key, until.map_or(at, |until| until.min(at))));
        for member in self.members.values_mut() {
            member.delivery = Delivery::Due;
        }
    }

    fn message(&mut self, event_type: &str, sender: &str, device: Option<&str>, content: &[u8]) {
        let from = Device::new(sender, device.unwrap_or_default());
        let refused = match (Shape::of(event_type), device) {
            (None, _) => MatrixRtcError::WrongType,
            (_, None) => MatrixRtcError::InClear,
            _ if !from.fits() => MatrixRtcError::Malformed,
            (Some(shape), Some(_)) => {
                if from != self.settings.me.device {
                    self.key_message(from, shape, content);
                }
                return;
            }
        };
        self.out.push_back(Output::Event(Event::Dropped(from, refused)));
    }

    fn key_message(&mut self, from: Device, shape: Shape, content: &[u8]) {
        if let Err(error) = self.take(&from, shape, content) {
            self.out.push_back(Output::Event(Event::Dropped(from, error)));
        }
    }

    fn take(&mut self, from: &Device, shape: Shape, content: &[u8]) -> Result<(), MatrixRtcError> {
        if self.removed.contains(from) {
            return Err(MatrixRtcError::Removed);
        }
        let Said { index, key, member_id, sent_ts } =
            content::read(shape, content, &self.settings.room, from)?;
        let Some(member) = self.members.get_mut(from) else {
            return self.park(from, shape, content);
        };
        if member_id.is_some_and(|id| id != member.membership.member_id) {
            return Err(MatrixRtcError::WrongMember);
        }
        let digest = Sha256::digest(key.expose()).into();
        if let Some(held) = member.slots.get_mut(&index) {
            if held.sent_ts.zip(sent_ts).is_some_and(|(held, sent)| sent < held) {
                return Err(MatrixRtcError::Old);
            }
            if held.digest == digest {
                held.sent_ts = sent_ts;
                return Ok(());
            }
        }
        // The newest stays; others go after a while, the one that was overtaken on its way too.
        let forget_at = self.now.plus(KEEP_OLD_MS);
        let overtaken =
            member.slots.iter().find(|(_, held)| held.forget_at.is_none()).is_some_and(|(newest, held)| {
                let by_time = sent_ts.zip(held.sent_ts).map(|(sent, held)| sent.cmp(&held));
                match by_time {
                    Some(Ordering::Less) => true,
                    Some(Ordering::Greater) => false,
                    _ => index.wrapping_sub(*newest) >= 128,
                }
            });
        if !overtaken {
            for slot in member.slots.values_mut() {
                slot.forget_at.get_or_insert(forget_at);
            }
        }
        let forget_at = overtaken.then_some(forget_at);
        member.slots.insert(index, Slot { digest, sent_ts, forget_at });
        self.out.push_back(Output::Install { owner: member.membership.clone(), index, key });
        Ok(())
    }

    fn park(&mut self, from: &Device, shape: Shape, content: &[u8]) -> Result<(), MatrixRtcError> {
        let (all, each) = MAX_PARKED;
        let of_one = self.parked.iter().filter(|parked| parked.from == *from).count();
        if of_one >= each {
            return Err(MatrixRtcError::Full);
        }
        // Anybody can write to a device, so what came first must not shut out what comes now.
        if self.parked.len() >= all
            && let Some(Parked { from, .. }) = self.parked.pop_front()
        {
            self.out.push_back(Output::Event(Event::Dropped(from, MatrixRtcError::Full)));
        }
        let (content, until) = (Zeroizing::new(content.to_vec()), self.now.plus(PARK_MS));
        self.parked.push_back(Parked { from: from.clone(), shape, content, until });
        Ok(())
    }

    fn not_delivered(&mut self, index: u8, to: &[Device]) {
        let newest = self.pending.as_ref().map_or(self.current.index, |(key, _)| key.index);
        for device in to.iter().filter(|_| index == newest) {
            let Some(member) = self.members.get_mut(device) else { continue };
            if let Delivery::Sent(times) = member.delivery {
                member.delivery = if times < SENDS {
                    Delivery::Failed(times, self.now.plus(RESEND_MS))
                } else {
                    self.out.push_back(Output::Event(Event::CannotHear(device.clone())));
                    Delivery::GivenUp
                };
            }
        }
    }

    fn timers(&mut self) {
        if let Some((key, _)) = self.pending.take_if(|(_, at)| *at <= self.now) {
            self.out.push_back(key.to_use());
            self.current = key;
        }
        let now = self.now;
        let mut to = Vec::new();
        for (device, member) in &mut self.members {
            let times = match member.delivery {
                Delivery::Due => 0,
                Delivery::Failed(times, at) if at <= now => times,
                _ => u8::MAX,
            };
            if times < SENDS {
                member.delivery = Delivery::Sent(times + 1);
                to.push(device.clone());
            }
            let gone = member.slots.extract_if(.., |_, slot| slot.forget_at.is_some_and(|at| at <= now));
            for (index, _) in gone {
                self.out.push_back(Output::Forget { owner: device.clone(), index });
            }
        }
        if !to.is_empty() {
            let newest = self.pending.as_ref().map_or(&self.current, |(key, _)| key);
            let Settings { room, me, shape, .. } = &self.settings;
            let sent_ts = self.epoch_ms.saturating_add(now.0);
            let content = content::write(*shape, room, me, (newest.index, newest.key.expose()), sent_ts);
            let event_type = shape.event_type();
            self.out.push_back(Output::Send { event_type, to, index: newest.index, content });
        }
    }

    fn wake(&mut self) {
        let of_members = self.members.values().flat_map(|member| {
            let again = match member.delivery {
                Delivery::Failed(_, at) => Some(at),
                _ => None,
            };
            member.slots.values().filter_map(|slot| slot.forget_at).chain(again)
        });
        let pending = self.pending.as_ref().map(|(_, at)| *at);
        if let Some(next) = of_members.chain(pending).min()
            && self.woken != Some(next)
        {
            self.woken = Some(next);
            self.out.push_back(Output::WakeAt(next));
        }
    }
}

impl OwnKey {
    fn to_use(&self) -> Output {
        Output::Use { index: self.index, key: SecretBytes::copy_of(self.key.expose()) }
    }
}

fn draw(rng: &mut ChaCha20Rng) -> SecretBytes {
    let mut key = vec![0; KEY_LEN].into_boxed_slice();
    rng.fill_bytes(&mut key);
    SecretBytes::new(key)
}
