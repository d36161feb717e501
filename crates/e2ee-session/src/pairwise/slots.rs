//! Which keys of one sender came: a ring, each slot on its own.
//!
//! One mark for all ("nothing older than the newest") would lose a key that was overtaken and is in use still.
use e2ee_core::{Generation, Millis};

/// Slots of the ring: a generation stands in slot `generation mod 16`.
pub const SLOTS: usize = 16;
/// How long after a newer key came the older ones open, milliseconds: a sender uses a new key after 5 s at the latest,
/// and frames are on their way for 10 s at most.
pub const FORGET_AFTER_MS: u64 = 15_000;

#[derive(Default)]
pub(super) struct Slots {
    slots: [Option<Generation>; SLOTS],
    newest: Option<Generation>,
    /// When keys before this generation are forgotten.
    forget: Option<(Millis, Generation)>,
}

/// What a key message is to its slot.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Slot {
    /// Newer than what the slot holds: take the key.
    New {
        /// What was in the slot goes, and all that is older.
        pushes_out: Option<Generation>,
    },
    /// The generation that the slot holds. Its key is not taken again, at whatever step: the one that is there can be
    /// ratcheted, and a replay window must not begin anew.
    Held,
    /// Older than what the slot holds, or than all of the ring.
    Old,
}

impl Slots {
    pub(super) fn look(&self, generation: Generation) -> Slot {
        let held = self.slots.get(index(generation)).copied().flatten();
        let behind = self.newest.is_some_and(|newest| generation.0.saturating_add(SLOTS as u32) <= newest.0);
        match held {
            Some(held) if held == generation => Slot::Held,
            Some(held) if held > generation => Slot::Old,
            _ if behind => Slot::Old,
            held => Slot::New { pushes_out: held },
        }
    }

    /// Marks a key that was taken.
    pub(super) fn put(&mut self, generation: Generation, now: Millis) {
        if let Some(slot) = self.slots.get_mut(index(generation)) {
            *slot = Some(generation);
        }
        let newest = self.newest.map_or(generation, |newest| newest.max(generation));
        if self.newest.is_some() && self.forget.is_none() {
            self.forget = Some((now.plus(FORGET_AFTER_MS), newest));
        }
        self.newest = Some(newest);
    }

    /// When [`Slots::forget`] is to be called.
    pub(super) fn forget_at(&self) -> Option<Millis> {
        self.forget.map(|(at, _)| at)
    }

    /// The generation before which keys are forgotten now. Slots stay, so that old messages are still told.
    pub(super) fn forget(&mut self, now: Millis) -> Option<Generation> {
        let (_, before) = self.forget.filter(|(at, _)| *at <= now)?;
        let newest = self.newest.filter(|newest| *newest > before);
        self.forget = newest.map(|newest| (now.plus(FORGET_AFTER_MS), newest));
        Some(before)
    }
}

const fn index(generation: Generation) -> usize {
    generation.0 as usize % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_was_overtaken_is_taken_and_none_is_taken_twice() {
        let mut slots = Slots::default();
        let now = Millis(0);
        assert_eq!(slots.look(Generation(2)), Slot::New { pushes_out: None });
        slots.put(Generation(2), now);
        assert_eq!(slots.look(Generation(1)), Slot::New { pushes_out: None });
        slots.put(Generation(1), now);
        assert_eq!(slots.look(Generation(1)), Slot::Held);
        assert_eq!(slots.look(Generation(2)), Slot::Held);
        assert_eq!(slots.look(Generation(17)), Slot::New { pushes_out: Some(Generation(1)) });
        slots.put(Generation(17), now);
        assert_eq!(slots.look(Generation(1)), Slot::Old);
        // Slot 3 is empty, and still too old once generation 19 is there.
        slots.put(Generation(20), now);
        assert_eq!(slots.look(Generation(4)), Slot::Old);
        assert_eq!(slots.look(Generation(5)), Slot::New { pushes_out: None });
        assert_eq!(slots.look(Generation(u32::MAX)), Slot::New { pushes_out: None });
    }

    #[test]
    fn older_keys_are_forgotten_a_bound_after_a_newer_one_came() {
        let mut slots = Slots::default();
        slots.put(Generation(1), Millis(0));
        assert_eq!(slots.forget_at(), None);
        slots.put(Generation(2), Millis(1000));
        slots.put(Generation(3), Millis(2000));
        assert_eq!(slots.forget(Millis(15_999)), None);
        assert_eq!(slots.forget(Millis(16_000)), Some(Generation(2)));
        assert_eq!(slots.forget(Millis(31_000)), Some(Generation(3)));
        assert_eq!(slots.forget_at(), None);
    }
}
