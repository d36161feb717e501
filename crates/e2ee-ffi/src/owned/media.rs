//! Sealers, openers and rings.

use core::ptr::{self, NonNull};

use zeroize::Zeroizing;

use super::{Config, Result, done, failed, name, nullable, text};
use crate::opener::frameseal_opener;
use crate::rings::frameseal_ring;
use crate::sealer::frameseal_sealer;
use crate::status::frameseal_status;
use crate::types::{FRAMESEAL_DATA_IV_LEN, FRAMESEAL_MAX_BASE_KEY_LEN, frameseal_frame_info};

/// A base key and where it stands.
pub struct SenderKey {
    /// Its generation.
    pub generation: u32,
    /// Its step.
    pub step: u32,
    /// The key.
    pub base: Zeroizing<Vec<u8>>,
}

/// `frameseal_frame_info`, numbers as in the header.
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)]
pub struct Info<'a> {
    pub kind: u32,
    pub codec: u32,
    pub metadata: &'a [u8],
    pub frame_type: u32,
    pub ssrc: u32,
    pub timestamp: u32,
}

/// What goes into a slot.
#[derive(Clone, Copy)]
pub struct Slot<'a> {
    /// Which one.
    pub index: u32,
    /// A `frameseal_secret_kind`.
    pub kind: u32,
    /// The secret.
    pub secret: &'a [u8],
    /// Empty for the usual one.
    pub salt: &'a [u8],
}

/// A sealed packet of data and what travels beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataPacket {
    /// Ciphertext and tag.
    pub bytes: Vec<u8>,
    /// Its IV.
    pub iv: [u8; FRAMESEAL_DATA_IV_LEN],
    /// The slot of its key.
    pub slot: u32,
}

/// `frameseal_sealer`.
pub struct Sealer(NonNull<frameseal_sealer>);

/// `frameseal_opener`.
pub struct Opener(NonNull<frameseal_opener>);

/// `frameseal_ring`.
pub struct Ring(NonNull<frameseal_ring>);

macro_rules! handle {
    ($owned:ident, $raw:ident, $free:ident) => {
        // SAFETY: the handle may move between threads, and refuses a second caller or is for any number of them.
        unsafe impl Send for $owned {}
        // SAFETY: as above.
        unsafe impl Sync for $owned {}

        impl $owned {
            /// For the C functions, as long as this lives.
            pub fn address(&self) -> *mut $raw {
                self.0.as_ptr()
            }

            pub(super) fn new_by(make: impl FnOnce(*mut *mut $raw) -> frameseal_status) -> Result<Self> {
                let mut out = ptr::null_mut();
                done(make(&raw mut out))?;
                NonNull::new(out).map(Self).ok_or_else(|| failed(frameseal_status::Internal))
            }
        }

        impl Drop for $owned {
            fn drop(&mut self) {
                // SAFETY: made by the library, freed here alone, and nobody else has this value any more.
                unsafe { crate::$free(self.address()) }
            }
        }
    };
}
pub(super) use handle;

handle!(Sealer, frameseal_sealer, frameseal_sealer_free);
handle!(Opener, frameseal_opener, frameseal_opener_free);
handle!(Ring, frameseal_ring, frameseal_ring_free);

impl Info<'_> {
    fn raw(&self) -> frameseal_frame_info {
        frameseal_frame_info {
            size: size_of::<frameseal_frame_info>(),
            kind: self.kind,
            codec: self.codec,
            metadata: nullable(self.metadata),
            metadata_len: self.metadata.len(),
            frame_type: self.frame_type,
            ssrc: self.ssrc,
            timestamp: self.timestamp,
        }
    }
}

// Below, what is handed to C are live handles, slices with their lengths, texts with a NUL, and room for outputs; all
// of it stays for as long as the call takes.
#[allow(missing_docs)]
impl Sealer {
    pub fn new(config: &Config, entropy: &[u8]) -> Result<Self> {
        config.with(|config| {
            // SAFETY: see above.
            Self::new_by(|out| unsafe {
                crate::frameseal_sealer_new(config, entropy.as_ptr(), entropy.len(), out)
            })
        })
    }

    pub fn new_shared(config: &Config, secret: &[u8], entropy: &[u8]) -> Result<Self> {
        let (secret, secret_len) = (nullable(secret), secret.len());
        let (entropy, entropy_len) = (nullable(entropy), entropy.len());
        config.with(|config| {
            // SAFETY: see above.
            Self::new_by(|out| unsafe {
                crate::frameseal_sealer_new_shared(config, secret, secret_len, entropy, entropy_len, out)
            })
        })
    }

    pub fn key(&self) -> Result<SenderKey> {
        let (mut generation, mut step, mut len) = (0, 0, 0);
        let mut base = Zeroizing::new(vec![0; FRAMESEAL_MAX_BASE_KEY_LEN]);
        let (out, cap) = (base.as_mut_ptr(), base.len());
        let numbers = (&raw mut generation, &raw mut step, &raw mut len);
        // SAFETY: see above.
        done(unsafe {
            crate::frameseal_sealer_key(self.address(), numbers.0, numbers.1, out, cap, numbers.2)
        })?;
        base.truncate(len);
        Ok(SenderKey { generation, step, base })
    }

    pub fn announcement(&self) -> Result<String> {
        // SAFETY: see above.
        text(|out, cap, len| unsafe { crate::frameseal_sealer_announcement(self.address(), out, cap, len) })
    }

    pub fn rotate(&self, entropy: &[u8]) -> Result<()> {
        // SAFETY: see above.
        done(unsafe { crate::frameseal_sealer_rotate(self.address(), nullable(entropy), entropy.len()) })
    }

    pub fn step(&self) -> Result<()> {
        // SAFETY: see above.
        done(unsafe { crate::frameseal_sealer_step(self.address()) })
    }

    pub fn set_padding(&self, kind: u32, multiple_of: u32) -> Result<()> {
        // SAFETY: see above.
        done(unsafe { crate::frameseal_sealer_set_padding(self.address(), kind, multiple_of) })
    }

    pub fn report(&self) -> Result<String> {
        // SAFETY: see above.
        text(|out, cap, len| unsafe { crate::frameseal_sealer_report(self.address(), out, cap, len) })
    }

    pub fn seal(&self, info: &Info<'_>, frame: &[u8]) -> Result<Vec<u8>> {
        let (info, mut len) = (info.raw(), 0);
        // SAFETY: see above.
        let most = unsafe { crate::frameseal_max_sealed_len(self.address(), &raw const info, frame.len()) };
        let mut out = vec![0; most.max(1)];
        let (to, cap) = (out.as_mut_ptr(), out.len());
        // SAFETY: see above.
        done(unsafe {
            let frame_len = frame.len();
            crate::frameseal_seal(
                self.address(),
                &raw const info,
                nullable(frame),
                frame_len,
                to,
                cap,
                &raw mut len,
            )
        })?;
        out.truncate(len);
        Ok(out)
    }

    pub fn set_slot(&self, slot: &Slot<'_>) -> Result<()> {
        let Slot { index, kind, secret, salt } = *slot;
        let (secret, secret_len) = (nullable(secret), secret.len());
        // SAFETY: see above.
        done(unsafe {
            let (salt, salt_len) = (nullable(salt), salt.len());
            crate::frameseal_sealer_set_slot(self.address(), index, kind, secret, secret_len, salt, salt_len)
        })
    }

    pub fn select_slot(&self, index: u32) -> Result<()> {
        // SAFETY: see above.
        done(unsafe { crate::frameseal_sealer_select_slot(self.address(), index) })
    }

    /// The secret of the new step.
    pub fn ratchet_slot(&self, index: u32) -> Result<Zeroizing<Vec<u8>>> {
        let (mut out, mut len) = (Zeroizing::new(vec![0; 32]), 0);
        let (to, cap) = (out.as_mut_ptr(), out.len());
        // SAFETY: see above.
        done(unsafe { crate::frameseal_sealer_ratchet_slot(self.address(), index, to, cap, &raw mut len) })?;
        out.truncate(len);
        Ok(out)
    }

    pub fn seal_data(&self, now_ms: u64, packet: &[u8]) -> Result<DataPacket> {
        let (mut bytes, mut len) = (vec![0; packet.len() + 16], 0);
        let (mut iv, mut slot) = ([0; FRAMESEAL_DATA_IV_LEN], 0);
        let (from, from_len) = (nullable(packet), packet.len());
        let (to, cap, said) = (bytes.as_mut_ptr(), bytes.len(), (iv.as_mut_ptr(), &raw mut slot));
        // SAFETY: see above.
        done(unsafe {
            let len = &raw mut len;
            crate::frameseal_seal_data(self.address(), now_ms, from, from_len, to, cap, len, said.0, said.1)
        })?;
        bytes.truncate(len);
        Ok(DataPacket { bytes, iv, slot })
    }
}

#[allow(missing_docs)]
impl Opener {
    pub fn new(config: &Config) -> Result<Self> {
        // SAFETY: see above.
        config.with(|config| Self::new_by(|out| unsafe { crate::frameseal_opener_new(config, out) }))
    }

    pub fn install_key(&self, key: &SenderKey) -> Result<()> {
        let (base, len) = (nullable(&key.base), key.base.len());
        // SAFETY: see above.
        done(unsafe {
            crate::frameseal_opener_install_key(self.address(), key.generation, key.step, base, len)
        })
    }

    pub fn follow(&self, secret: &[u8], announcement: &str) -> Result<()> {
        let said = name(announcement, "announcement")?;
        let (secret, len) = (nullable(secret), secret.len());
        // SAFETY: see above.
        done(unsafe { crate::frameseal_opener_follow(self.address(), secret, len, said.as_ptr()) })
    }

    pub fn forget_before(&self, generation: u32, step: u32) -> Result<()> {
        // SAFETY: see above.
        done(unsafe { crate::frameseal_opener_forget_before(self.address(), generation, step) })
    }

    pub fn tick(&self, now_ms: u64) -> Result<()> {
        // SAFETY: see above.
        done(unsafe { crate::frameseal_opener_tick(self.address(), now_ms) })
    }

    pub fn report(&self) -> Result<String> {
        // SAFETY: see above.
        text(|out, cap, len| unsafe { crate::frameseal_opener_report(self.address(), out, cap, len) })
    }

    /// The frame, and whether the server made it.
    pub fn open(&self, info: &Info<'_>, frame: &[u8]) -> Result<(Vec<u8>, bool)> {
        let (info, mut len) = (info.raw(), 0);
        let mut out = vec![0; frame.len().max(1)];
        let (from, from_len) = (nullable(frame), frame.len());
        let (to, cap) = (out.as_mut_ptr(), out.len());
        // SAFETY: see above.
        let status = unsafe {
            crate::frameseal_open(self.address(), &raw const info, from, from_len, to, cap, &raw mut len)
        };
        if status != frameseal_status::ServerMade {
            done(status)?;
        }
        out.truncate(len);
        Ok((out, status == frameseal_status::ServerMade))
    }

    pub fn set_slot(&self, slot: &Slot<'_>) -> Result<()> {
        let Slot { index, kind, secret, salt } = *slot;
        let (secret, secret_len) = (nullable(secret), secret.len());
        // SAFETY: see above.
        done(unsafe {
            let (salt, salt_len) = (nullable(salt), salt.len());
            crate::frameseal_opener_set_slot(self.address(), index, kind, secret, secret_len, salt, salt_len)
        })
    }

    pub fn forget_slot(&self, index: u32) -> Result<()> {
        // SAFETY: see above.
        done(unsafe { crate::frameseal_opener_forget_slot(self.address(), index) })
    }

    pub fn allow_server_frames(&self, trailer: &[u8]) -> Result<()> {
        let (trailer, len) = (nullable(trailer), trailer.len());
        // SAFETY: see above.
        done(unsafe { crate::frameseal_opener_allow_server_frames(self.address(), trailer, len) })
    }

    pub fn open_data(&self, packet: &DataPacket) -> Result<Vec<u8>> {
        let DataPacket { bytes, iv, slot } = packet;
        let (mut out, mut len) = (vec![0; bytes.len().max(1)], 0);
        let (from, from_len) = (nullable(bytes), bytes.len());
        let (to, cap) = (out.as_mut_ptr(), out.len());
        // SAFETY: see above.
        done(unsafe {
            let (iv, len) = (iv.as_ptr(), &raw mut len);
            crate::frameseal_open_data(self.address(), iv, *slot, from, from_len, to, cap, len)
        })?;
        out.truncate(len);
        Ok(out)
    }
}

#[allow(missing_docs)]
impl Ring {
    pub fn new(config: &Config) -> Result<Self> {
        // SAFETY: see above.
        config.with(|config| Self::new_by(|out| unsafe { crate::frameseal_ring_new(config, out) }))
    }

    pub fn install_key(&self, participant: &str, key: &SenderKey) -> Result<()> {
        let who = name(participant, "participant")?;
        let (generation, step) = (key.generation, key.step);
        let (base, len) = (nullable(&key.base), key.base.len());
        // SAFETY: see above.
        done(unsafe {
            crate::frameseal_ring_install_key(self.address(), who.as_ptr(), generation, step, base, len)
        })
    }

    pub fn follow(&self, participant: &str, secret: &[u8], announcement: &str) -> Result<()> {
        let (who, said) = (name(participant, "participant")?, name(announcement, "announcement")?);
        let (secret, len) = (nullable(secret), secret.len());
        // SAFETY: see above.
        done(unsafe {
            crate::frameseal_ring_follow(self.address(), who.as_ptr(), secret, len, said.as_ptr())
        })
    }

    /// Without a participant: of every sender.
    pub fn set_slot(&self, participant: Option<&str>, slot: &Slot<'_>) -> Result<()> {
        let who = participant.map(|who| name(who, "participant")).transpose()?;
        let who = who.as_ref().map_or(ptr::null(), |who| who.as_ptr());
        let Slot { index, kind, secret, salt } = *slot;
        let (secret, secret_len) = (nullable(secret), secret.len());
        let (salt, salt_len) = (nullable(salt), salt.len());
        // SAFETY: see above.
        done(unsafe {
            let ring = self.address();
            crate::frameseal_ring_set_slot(ring, who, index, kind, secret, secret_len, salt, salt_len)
        })
    }

    pub fn forget(&self, participant: &str) -> Result<()> {
        let who = name(participant, "participant")?;
        // SAFETY: see above.
        done(unsafe { crate::frameseal_ring_forget(self.address(), who.as_ptr()) })
    }

    pub fn opener(&self, participant: &str) -> Result<Opener> {
        let who = name(participant, "participant")?;
        // SAFETY: see above.
        Opener::new_by(|out| unsafe { crate::frameseal_ring_opener(self.address(), who.as_ptr(), out) })
    }

    pub fn sealer(&self) -> Result<Sealer> {
        // SAFETY: see above.
        Sealer::new_by(|out| unsafe { crate::frameseal_ring_sealer(self.address(), out) })
    }
}
