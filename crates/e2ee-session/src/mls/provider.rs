//! What OpenMLS asks for, in one place.

use openmls_traits::OpenMlsProvider;

use super::crypto::{Primitives, SEED_LEN};
use super::storage::CallStorage;
use super::suite::Suite;

/// Primitives, randomness and storage of one member in one call.
pub(crate) struct Provider {
    primitives: Primitives,
    storage: CallStorage,
}

impl Provider {
    pub(crate) fn new(seed: &[u8; SEED_LEN], suite: Suite) -> Self {
        Self { primitives: Primitives::new(seed, suite), storage: CallStorage::default() }
    }

    pub(crate) fn suite(&self) -> Suite {
        self.primitives.suite()
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
