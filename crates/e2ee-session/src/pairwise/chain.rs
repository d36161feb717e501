//! The own sender key: the one that is used, and the one that is about to be.
use chacha20::ChaCha20Rng;
use e2ee_core::key::ratchet;
use e2ee_core::{BaseKey, CipherSuite, Generation, KidScheme, Millis, SecretBytes, SenderKey, Step};
use hpke::rand_core::Rng as _;

use super::error::PairwiseError;
use super::slots::SLOTS;

/// A step of a generation.
pub(super) type Place = (Generation, Step);

pub(super) struct Chain {
    suite: CipherSuite,
    /// Steps that a generation has: what KIDs tell apart, and receivers follow.
    steps: u32,
    current: SenderKey,
    pending: Option<SenderKey>,
    /// When the pending one is used, whoever has it then.
    use_at: Option<Millis>,
}

impl Chain {
    /// Begins with generation 1: 0 is what a sealer has before it is given a key, and nobody ever gets that.
    pub(super) fn new(
        suite: CipherSuite,
        scheme: KidScheme,
        rng: &mut ChaCha20Rng,
    ) -> Result<Self, PairwiseError> {
        let KidScheme::SenderKeys { ratchet_bits } = scheme else { return Err(PairwiseError::BadSettings) };
        let steps = (1 << u32::from(ratchet_bits.min(16))).min(ratchet::RATCHET_REACH);
        let current = fresh(Generation(1), rng)?;
        Ok(Self { suite, steps, current, pending: None, use_at: None })
    }

    /// The key that is used.
    pub(super) const fn current(&self) -> &SenderKey {
        &self.current
    }

    /// The key that is about to be used.
    pub(super) const fn pending(&self) -> Option<&SenderKey> {
        self.pending.as_ref()
    }

    /// The generations of both.
    pub(super) fn generations(&self) -> impl Iterator<Item = Generation> {
        let pending = self.pending.as_ref().map(|key| key.generation);
        [Some(self.current.generation), pending].into_iter().flatten()
    }

    /// Steps that a generation has.
    pub(super) const fn steps(&self) -> u32 {
        self.steps
    }

    /// Whether a fresh key can be drawn.
    pub(super) fn check_not_worn(&self) -> Result<(), PairwiseError> {
        let worn = self.generations().any(|generation| generation.0 == u32::MAX);
        if worn { Err(PairwiseError::WornOut) } else { Ok(()) }
    }

    /// The key of a generation that is used, or about to be.
    pub(super) fn find(&self, generation: Generation) -> Option<&SenderKey> {
        [Some(&self.current), self.pending.as_ref()]
            .into_iter()
            .flatten()
            .find(|key| key.generation == generation)
    }

    pub(super) const fn use_at(&self) -> Option<Millis> {
        self.use_at
    }

    /// Ratchets the key that is used. `false`: the generation has no step left.
    #[must_use]
    pub(super) fn ratchet(&mut self) -> bool {
        let next = self.current.step.0.saturating_add(1);
        if next >= self.steps {
            return false;
        }
        let base = ratchet::step(self.suite, &self.current.base);
        self.current = SenderKey { generation: self.current.generation, step: Step(next), base };
        true
    }

    /// A fresh key, to be used at `at`, or earlier when another one waited already: a stream of leaves must not put off
    /// the first of them, and a stream of keys must not push the one in use out of the receivers' rings.
    pub(super) fn renew(&mut self, rng: &mut ChaCha20Rng, at: Millis) -> Result<Generation, PairwiseError> {
        let newest = self.pending.as_ref().unwrap_or(&self.current).generation;
        let next = Generation(newest.0.checked_add(1).ok_or(PairwiseError::WornOut)?);
        self.pending = Some(fresh(next, rng)?);
        let last = u64::from(next.0 - self.current.generation.0) + 1 >= SLOTS as u64;
        let at = if last { Millis(0) } else { at };
        self.use_at = Some(self.use_at.map_or(at, |set| set.min(at)));
        Ok(next)
    }

    /// Uses the pending key from now on. `false`: there is none.
    pub(super) fn adopt(&mut self) -> bool {
        let Some(next) = self.pending.take() else { return false };
        self.current = next;
        self.use_at = None;
        true
    }
}

/// A copy: for the frame layer, or for a message.
pub(super) fn copy(key: &SenderKey) -> Result<SenderKey, PairwiseError> {
    let base =
        BaseKey::new(SecretBytes::copy_of(key.base.expose())).map_err(|_| PairwiseError::BadSettings)?;
    Ok(SenderKey { generation: key.generation, step: key.step, base })
}

/// Whether `key` is at `since` or later.
pub(super) fn is_since(key: &SenderKey, since: Place) -> bool {
    (key.generation, key.step) >= since
}

fn fresh(generation: Generation, rng: &mut ChaCha20Rng) -> Result<SenderKey, PairwiseError> {
    let mut bytes = vec![0; 32].into_boxed_slice();
    rng.fill_bytes(&mut bytes);
    let base = BaseKey::new(SecretBytes::new(bytes)).map_err(|_| PairwiseError::BadSettings)?;
    Ok(SenderKey { generation, step: Step(0), base })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use hpke::rand_core::SeedableRng as _;

    use super::*;

    #[test]
    fn many_new_keys_in_a_moment_do_not_run_round_the_receivers_ring() {
        let mut rng = ChaCha20Rng::from_seed([7; 32]);
        let scheme = KidScheme::SenderKeys { ratchet_bits: 8 };
        let mut chain = Chain::new(CipherSuite::ALL[0], scheme, &mut rng).unwrap();
        for key in 2..=SLOTS as u32 {
            assert!(chain.use_at().is_none_or(|at| at == Millis(5000)));
            assert_eq!(chain.renew(&mut rng, Millis(5000)).unwrap(), Generation(key));
        }
        // Keys 1 to 16 fill a ring; the 17th would take the place of the first.
        assert_eq!(chain.use_at(), Some(Millis(0)));
        assert!(chain.adopt());
        assert_eq!(chain.current().generation, Generation(SLOTS as u32));
    }
}
