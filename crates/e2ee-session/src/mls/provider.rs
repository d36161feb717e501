//! What OpenMLS asks for, in one place.

use openmls_traits::OpenMlsProvider;

use super::crypto::{Primitives, SEED_LEN};
use super::storage::CallStorage;

/// Primitives, randomness and storage of one member in one call.
pub(crate) struct Provider {
    primitives: Primitives,
    storage: CallStorage,
}

impl Provider {
    pub(crate) fn new(seed: &[u8; SEED_LEN]) -> Self {
        Self { primitives: Primitives::new(seed), storage: CallStorage::default() }
    }
}

impl OpenMlsProvider for Provider {
    type CryptoProvider = Primitives;
    type RandProvider = Primitives;
    type StorageProvider = CallStorage;

    fn storage(&self) -> &CallStorage {
        &self.storage
    }

    fn crypto(&self) -> &Primitives {
        &self.primitives
    }

    fn rand(&self) -> &Primitives {
        &self.primitives
    }
}
