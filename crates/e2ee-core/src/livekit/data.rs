//! Data packets: IV and key index travel beside the ciphertext, in fields of the packet.

use alloc::collections::{BTreeSet, VecDeque};

use super::IV_LEN;

/// What travels beside a sealed data packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataIv {
    /// The IV.
    pub iv: [u8; IV_LEN],
    /// The slot of the key.
    pub index: u8,
}

/// Packets remembered. Senders draw the first word anew for each packet and start their clock anew with each page, so
/// only the IV itself tells a repeat; one from further back than this passes, as long as its key lives.
const REMEMBERED: usize = 4096;

/// IVs of the last packets.
#[derive(Default)]
pub(super) struct Recent {
    seen: BTreeSet<[u8; IV_LEN]>,
    order: VecDeque<[u8; IV_LEN]>,
}

impl Recent {
    pub(super) const fn new() -> Self {
        Self { seen: BTreeSet::new(), order: VecDeque::new() }
    }

    pub(super) fn contains(&self, iv: &[u8; IV_LEN]) -> bool {
        self.seen.contains(iv)
    }

    pub(super) fn insert(&mut self, iv: [u8; IV_LEN]) {
        if self.order.len() >= REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        self.seen.insert(iv);
        self.order.push_back(iv);
    }
}
