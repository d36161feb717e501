//! The keys of a call, for sealers and openers on other threads.
//!
//! Whoever has keys to tell (the application, a session) tells the ring. Openers and sealers made from it look at one
//! atomic number before each frame, and only when it moved take what is new: the lock is held for copying some keys,
//! never for a frame.
//!
//! What is told is a list of changes, each with a number of its own, and everybody remembers how far it has read. So
//! nobody takes a key twice, and a key that an opener let go never comes back to it with an empty replay window.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};

use e2ee_core::livekit::Kdf;
use e2ee_core::{Announcement, BaseKey, CipherSuite, Epoch, KeyAt, ParticipantId, SecretBytes};

use crate::media::Scheme;

/// Changes kept of one participant: more than an opener has live keys.
const MAX_CHANGES: usize = 64;

/// Something that an opener is told.
pub(crate) enum Change {
    /// A base key, and the suite that frames under it are of where that is not the ring's.
    Install { at: KeyAt, suite: Option<CipherSuite>, base: BaseKey },
    /// Keys come from this secret and what the sender announced.
    Follow { said: Announcement, secret: Arc<SecretBytes> },
    /// The key of a slot, in a format that has them.
    Slot { index: u32, key: SlotSecret },
    /// No key any more that is older.
    ForgetBefore(KeyAt),
    /// Gone: no key any more at all. What was seen of them is remembered.
    Gone,
}

/// What a slot's key is made from.
pub(crate) enum SlotSecret {
    /// Derived already.
    LiveKit { kdf: Kdf, out: SecretBytes, salt: Box<[u8]> },
    /// Material, or the AES key itself.
    Jitsi { secret: SecretBytes, aes: bool },
}

/// What sealers are told.
#[cfg_attr(not(feature = "session"), allow(dead_code))]
pub(crate) enum Seal {
    /// This ring has keys for opening alone.
    Never,
    /// Nothing may be sealed.
    Hushed,
    With(SealWith),
}

pub(crate) struct SealWith {
    /// Counts the groups that the session was in: epochs begin anew in each.
    pub(crate) group: u64,
    pub(crate) epoch: Epoch,
    pub(crate) index: u32,
    pub(crate) suite: CipherSuite,
    pub(crate) base: BaseKey,
}

pub(crate) struct State {
    serial: u64,
    people: BTreeMap<ParticipantId, Vec<(u64, Change)>>,
    /// For whoever sends.
    everybody: Vec<(u64, Change)>,
    pub(crate) seal: Seal,
    /// The next context of a sealer: no two have the same.
    pub(crate) contexts: u64,
}

/// See the module's comment.
pub(crate) struct Ring {
    version: AtomicU64,
    state: Mutex<State>,
    pub(crate) scheme: Scheme,
    /// Who is here.
    pub(crate) me: ParticipantId,
}

impl Ring {
    pub(crate) fn new(scheme: Scheme, me: ParticipantId, seal: Seal) -> Self {
        let (people, everybody) = (BTreeMap::new(), Vec::new());
        let state = State { serial: 0, people, everybody, seal, contexts: 0 };
        Self { version: AtomicU64::new(0), state: Mutex::new(state), scheme, me }
    }

    /// Moves with every change.
    #[inline]
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Waits only for others who copy keys. Nobody sleeps on the lock, so that nobody must be woken.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        loop {
            match self.state.try_lock() {
                Ok(state) => return state,
                // A list of changes is whole between any two steps of those who change it.
                Err(TryLockError::Poisoned(state)) => return state.into_inner(),
                Err(TryLockError::WouldBlock) => std::thread::yield_now(),
            }
        }
    }

    fn change(&self, what: impl FnOnce(&mut State, u64)) {
        let mut state = self.lock();
        state.serial += 1;
        let serial = state.serial;
        what(&mut state, serial);
        self.version.store(serial, Ordering::Release);
    }

    /// Tells whoever opens frames of `who`.
    pub(crate) fn tell(&self, who: &ParticipantId, change: Change) {
        self.change(|state, serial| push(state.people.entry(who.clone()).or_default(), serial, change));
    }

    /// Tells every opener, also those that are made later.
    pub(crate) fn tell_everybody(&self, change: Change) {
        self.change(|state, serial| push(&mut state.everybody, serial, change));
    }

    /// Tells every opener of those who are known by now.
    #[cfg(feature = "session")]
    pub(crate) fn tell_all_known(&self, change: impl Fn() -> Change) {
        self.change(|state, serial| state.people.values_mut().for_each(|list| push(list, serial, change())));
    }

    /// Tells sealers.
    #[cfg(feature = "session")]
    pub(crate) fn seal(&self, seal: Seal) {
        self.change(|state, _| state.seal = seal);
    }
}

impl State {
    /// What an opener of `who` has not read yet, in order, and up to where that is.
    pub(crate) fn news(&self, who: &ParticipantId, seen: u64) -> (u64, impl Iterator<Item = &Change>) {
        let own = self.people.get(who).map_or(&[][..], Vec::as_slice);
        let mut news: Vec<_> =
            own.iter().chain(&self.everybody).filter(|(serial, _)| *serial > seen).collect();
        news.sort_by_key(|(serial, _)| *serial);
        (self.serial, news.into_iter().map(|(_, change)| change))
    }
}

/// Adds a change and wipes what it makes void.
fn push(list: &mut Vec<(u64, Change)>, serial: u64, change: Change) {
    match &change {
        Change::Gone => list.clear(),
        Change::ForgetBefore(oldest) => list.retain(|(_, other)| match other {
            Change::Install { at, .. } => at >= oldest,
            Change::ForgetBefore(other) => other > oldest,
            _ => true,
        }),
        Change::Install { at, .. } => {
            list.retain(|(_, other)| !matches!(other, Change::Install { at: other, .. } if other == at));
        }
        Change::Slot { index, .. } => {
            list.retain(|(_, other)| !matches!(other, Change::Slot { index: other, .. } if other == index));
        }
        Change::Follow { .. } => {}
    }
    if list.len() >= MAX_CHANGES {
        list.remove(0);
    }
    list.push((serial, change));
}

#[cfg(test)]
mod tests {
    use super::*;
    use e2ee_core::{Generation, Step};

    fn base(byte: u8) -> BaseKey {
        BaseKey::new(SecretBytes::copy_of(&[byte; 32])).unwrap()
    }

    fn install(generation: u32) -> Change {
        let at = KeyAt::Sender(Generation(generation), Step(0));
        Change::Install { at, suite: None, base: base(generation as u8) }
    }

    fn ring() -> Ring {
        let me = ParticipantId::new("me").unwrap();
        Ring::new(Scheme::LiveKit(Default::default()), me, Seal::Never)
    }

    #[test]
    fn everything_is_read_once_and_in_order() {
        let (ring, ada, bob) =
            (ring(), ParticipantId::new("ada").unwrap(), ParticipantId::new("bob").unwrap());
        ring.tell(&ada, install(1));
        ring.tell_everybody(Change::Gone);
        ring.tell(&bob, install(1));
        ring.tell(&ada, install(2));
        let state = ring.lock();
        let (seen, news) = state.news(&ada, 0);
        let news: Vec<_> = news.map(|change| matches!(change, Change::Install { .. })).collect();
        assert_eq!(news, [true, false, true]);
        assert_eq!(state.news(&ada, seen).1.count(), 0);
        assert_eq!(ring.version(), seen);
    }

    #[test]
    fn what_is_forgotten_leaves_the_ring_too_and_lists_stay_bounded() {
        let (ring, ada) = (ring(), ParticipantId::new("ada").unwrap());
        (0..200).for_each(|generation| ring.tell(&ada, install(generation)));
        assert_eq!(ring.lock().news(&ada, 0).1.count(), MAX_CHANGES);
        ring.tell(&ada, Change::ForgetBefore(KeyAt::Sender(Generation(199), Step(0))));
        assert_eq!(ring.lock().news(&ada, 0).1.count(), 2);
        ring.tell(&ada, Change::Gone);
        assert_eq!(ring.lock().news(&ada, 0).1.count(), 1);
    }
}
