//! How a KID spells which key is meant.
//!
//! ```text
//! sender keys (RFC 9605 section 5.1)   |  generation                  | step mod 2^R |
//! MLS         (RFC 9605 section 5.2)   |  context  | leaf index (S)   | epoch mod 2^E |
//! ```

use crate::id::{Epoch, Generation, Kid, Step};

/// Ratchet bits of Frameseal's own KIDs: 16 steps a generation.
pub const DEFAULT_RATCHET_BITS: u8 = 4;
/// Epoch bits of Frameseal's own MLS KIDs: 16 epochs may be live at once.
pub const DEFAULT_EPOCH_BITS: u8 = 4;
/// Leaf index bits of Frameseal's own MLS KIDs. Fixed, so that members never disagree as the group grows.
pub const DEFAULT_INDEX_BITS: u8 = 16;

/// The layout of KIDs in a call. All members use the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KidScheme {
    /// Sender keys. The sender is known from elsewhere: one key ring per participant.
    SenderKeys {
        /// `R`, 0 to 16.
        ratchet_bits: u8,
    },
    /// Keys exported from an MLS group.
    Mls {
        /// `E`, 0 to 16.
        epoch_bits: u8,
        /// `S`, 0 to 32.
        index_bits: u8,
    },
}

impl Default for KidScheme {
    fn default() -> Self {
        Self::SenderKeys { ratchet_bits: DEFAULT_RATCHET_BITS }
    }
}

/// What a KID says under a scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyName {
    /// One step of one generation; the step is known modulo `2^R`.
    Sender {
        /// Generation.
        generation: Generation,
        /// `step mod 2^R`.
        step_low: u32,
    },
    /// One sender in one epoch; the epoch is known modulo `2^E`.
    Mls {
        /// Told apart by the sender alone; 0 when unused.
        context: u64,
        /// Leaf index.
        index: u32,
        /// `epoch mod 2^E`.
        epoch_low: u64,
    },
}

/// A value does not fit the scheme's bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DoesNotFit;

impl KidScheme {
    /// The KID of a step of a generation, or `None` under another scheme or past 64 bits.
    #[must_use]
    pub fn sender_kid(self, generation: Generation, step: Step) -> Option<Kid> {
        let Self::SenderKeys { ratchet_bits } = self else { return None };
        let r = u32::from(ratchet_bits.min(16));
        Some(Kid((u64::from(generation.0) << r) | (u64::from(step.0) & mask(r))))
    }

    /// The KID of a sender in an epoch.
    ///
    /// # Errors
    /// [`DoesNotFit`] when the index needs more than `S` bits, the context more than what is left, or the scheme is
    /// not MLS.
    pub fn mls_kid(self, epoch: Epoch, index: u32, context: u64) -> Result<Kid, DoesNotFit> {
        let Self::Mls { epoch_bits, index_bits } = self else { return Err(DoesNotFit) };
        let (e, s) = (u32::from(epoch_bits.min(16)), u32::from(index_bits.min(32)));
        if u64::from(index) & !mask(s) != 0 || context & !mask(64 - e - s) != 0 {
            return Err(DoesNotFit);
        }
        Ok(Kid((shl(context, e + s)) | (u64::from(index) << e) | (epoch.0 & mask(e))))
    }

    /// Reads a KID. `None` when it cannot be one of this scheme.
    #[must_use]
    pub fn name(self, kid: Kid) -> Option<KeyName> {
        match self {
            Self::SenderKeys { ratchet_bits } => {
                let r = u32::from(ratchet_bits.min(16));
                let generation = u32::try_from(kid.0 >> r).ok()?;
                let step_low = u32::try_from(kid.0 & mask(r)).ok()?;
                Some(KeyName::Sender { generation: Generation(generation), step_low })
            }
            Self::Mls { epoch_bits, index_bits } => {
                let (e, s) = (u32::from(epoch_bits.min(16)), u32::from(index_bits.min(32)));
                Some(KeyName::Mls {
                    context: kid.0.checked_shr(e + s).unwrap_or(0),
                    index: u32::try_from((kid.0 >> e) & mask(s)).ok()?,
                    epoch_low: kid.0 & mask(e),
                })
            }
        }
    }

    /// How many steps fit before a KID would be used again within a generation.
    #[must_use]
    pub(crate) fn steps(self) -> u32 {
        match self {
            Self::SenderKeys { ratchet_bits } => 1 << u32::from(ratchet_bits.min(16)),
            Self::Mls { .. } => 1,
        }
    }

    /// `epoch mod 2^E`.
    #[must_use]
    pub(crate) fn epoch_low(self, epoch: Epoch) -> u64 {
        match self {
            Self::Mls { epoch_bits, .. } => epoch.0 & mask(u32::from(epoch_bits.min(16))),
            Self::SenderKeys { .. } => 0,
        }
    }
}

const fn mask(bits: u32) -> u64 {
    if bits >= 64 { u64::MAX } else { (1 << bits) - 1 }
}

const fn shl(value: u64, bits: u32) -> u64 {
    if bits >= 64 { 0 } else { value << bits }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mls_kids_are_those_of_the_figure_in_rfc_9605() {
        let scheme = KidScheme::Mls { epoch_bits: 4, index_bits: 6 };
        for (epoch, index, context, kid) in [
            (14, 3, 0, 0x3e),
            (14, 7, 0, 0x7e),
            (14, 20, 0, 0x14e),
            (16, 2, 2, 0x820),
            (16, 2, 3, 0xc20),
            (17, 33, 0, 0x211),
            (17, 51, 0, 0x331),
        ] {
            assert_eq!(scheme.mls_kid(Epoch(epoch), index, context), Ok(Kid(kid)));
            let name = KeyName::Mls { context, index, epoch_low: epoch & 15 };
            assert_eq!(scheme.name(Kid(kid)), Some(name));
        }
        assert_eq!(scheme.mls_kid(Epoch(1), 64, 0), Err(DoesNotFit));
        assert_eq!(scheme.mls_kid(Epoch(1), 0, 1 << 54), Err(DoesNotFit));
    }

    #[test]
    fn sender_kids_hold_generation_and_step() {
        let scheme = KidScheme::default();
        let kid = scheme.sender_kid(Generation(5), Step(18));
        assert_eq!(kid, Some(Kid(0x52)));
        let name = KeyName::Sender { generation: Generation(5), step_low: 2 };
        assert_eq!(scheme.name(Kid(0x52)), Some(name));
        assert_eq!(scheme.name(Kid(u64::MAX)), None);
    }
}
