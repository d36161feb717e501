//! A network as a value: things go in, and come out late, twice, in another order, or never.

use std::collections::BTreeMap;

use e2ee_core::Millis;

use super::rng::Rng;

/// What a wire does to things.
#[derive(Clone, Copy, Debug)]
pub struct Conditions {
    /// Lost, of a thousand.
    pub loss: u64,
    /// Delivered a second time, of a thousand.
    pub duplicates: u64,
    /// Shortest way, milliseconds.
    pub min_delay: u64,
    /// Longest way, milliseconds. More than the shortest makes things overtake each other.
    pub max_delay: u64,
}

impl Conditions {
    /// A bad mobile network, and browsers that deliver frames again.
    pub const BAD: Self = Self { loss: 80, duplicates: 60, min_delay: 20, max_delay: 900 };
    /// Nothing is lost; signalling.
    pub(super) const SURE: Self = Self { loss: 0, duplicates: 0, min_delay: 0, max_delay: 300 };
}

/// Things on their way.
pub(super) struct Wire<T> {
    due: BTreeMap<(Millis, u64), T>,
    count: u64,
}

impl<T> Default for Wire<T> {
    fn default() -> Self {
        Self { due: BTreeMap::new(), count: 0 }
    }
}

impl<T: Clone> Wire<T> {
    /// Sends something. `false` when it is lost.
    pub(super) fn send(&mut self, now: Millis, rng: &mut Rng, conditions: &Conditions, thing: T) -> bool {
        if rng.chance(conditions.loss) {
            return false;
        }
        if rng.chance(conditions.duplicates) {
            self.put(now, rng, conditions, thing.clone());
        }
        self.put(now, rng, conditions, thing);
        true
    }

    fn put(&mut self, now: Millis, rng: &mut Rng, conditions: &Conditions, thing: T) {
        let spread = conditions.max_delay.saturating_sub(conditions.min_delay);
        let delay = conditions.min_delay + rng.below(spread + 1);
        self.count += 1;
        self.due.insert((now.plus(delay), self.count), thing);
    }

    /// The next thing that has arrived by now.
    pub(super) fn due(&mut self, now: Millis) -> Option<T> {
        let first = self.due.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }
}
