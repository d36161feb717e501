//! The own media key.
use chacha20::ChaCha20Rng;
use e2ee_core::jitsi::SlotKey;
use e2ee_core::{Millis, SecretBytes};
use hpke::rand_core::Rng as _;

use super::{KEY_LEN, MAX_STEPS};

pub(super) struct Own {
    pub(super) index: u32,
    pub(super) key: SecretBytes,
    /// When it is used, whoever has it then; `None`: it is used.
    pub(super) use_at: Option<Millis>,
    steps: u8,
}

impl Own {
    pub(super) fn draw(index: u32, rng: &mut ChaCha20Rng, use_at: Millis) -> Self {
        let mut key = vec![0; KEY_LEN].into_boxed_slice();
        rng.fill_bytes(&mut key);
        Self { index, key: SecretBytes::new(key), use_at: Some(use_at), steps: 0 }
    }

    /// One step on. `false`: it has made all that others are expected to follow.
    #[must_use]
    pub(super) fn ratchet(&mut self) -> bool {
        if self.steps >= MAX_STEPS {
            return false;
        }
        let next = SlotKey::derive(self.key.expose()).next();
        let Some(next) = next.as_ref().and_then(SlotKey::expose_material) else { return false };
        self.key = SecretBytes::copy_of(next);
        self.steps += 1;
        true
    }
}
