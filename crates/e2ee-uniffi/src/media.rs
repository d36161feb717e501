//! Sealers, openers, rings and their keys.

use std::sync::Arc;

use frameseal::owned::{self, Failed};
use frameseal::{FRAMESEAL_DATA_IV_LEN, FRAMESEAL_ENTROPY_LEN, frameseal_status};
use zeroize::Zeroizing;

use crate::error::Result;
use crate::types::{Config, Kind, Slot};

/// The system's entropy, for one object.
pub(crate) fn entropy() -> Result<Zeroizing<[u8; FRAMESEAL_ENTROPY_LEN]>> {
    let mut bytes = Zeroizing::new([0; FRAMESEAL_ENTROPY_LEN]);
    getrandom::fill(bytes.as_mut_slice()).map_err(|error| {
        let words = format!("entropy: {error}");
        Failed { status: frameseal_status::BadEntropy as i32, words }
    })?;
    Ok(bytes)
}

/// Version of the library, for people to read.
#[uniffi::export]
#[must_use]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

/// Stretches what people share and could be guessed, so that guessing is slow. Everybody in the call gets the same
/// bytes, a secret for `Sealer.shared` and `Opener.follow`.
#[uniffi::export]
pub fn stretch(text: String, call: String) -> Result<Vec<u8>> {
    let text = Zeroizing::new(text);
    Ok(owned::stretch(&text, &call)?.to_vec())
}

/// A sender's base key and where it stands. Whoever has it can open this sender's frames from there on.
#[derive(uniffi::Object)]
pub struct SenderKey {
    key: owned::SenderKey,
}

#[uniffi::export]
impl SenderKey {
    /// As it came over a channel that nobody else can read. `base_key`: 16 to 256 bytes.
    #[uniffi::constructor]
    #[must_use]
    pub fn new(generation: u32, step: u32, base_key: Vec<u8>) -> Arc<Self> {
        let base = Zeroizing::new(base_key);
        Arc::new(Self { key: owned::SenderKey { generation, step, base } })
    }

    /// Its generation.
    #[must_use]
    pub fn generation(&self) -> u32 {
        self.key.generation
    }

    /// Its step.
    #[must_use]
    pub fn step(&self) -> u32 {
        self.key.step
    }

    /// The key itself, for one peer over a channel that only this peer can read. The copy is yours to wipe.
    #[must_use]
    pub fn expose(&self) -> Vec<u8> {
        self.key.base.to_vec()
    }
}

/// A sealed packet of data in LiveKit's format, and what travels beside it.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct DataPacket {
    /// Ciphertext and tag.
    pub bytes: Vec<u8>,
    /// Its IV, 12 bytes.
    pub iv: Vec<u8>,
    /// The slot of its key.
    pub slot: u32,
}

/// Seals the frames of one participant, by `frameseal_seal` on its `address`. One thread at a time.
#[derive(uniffi::Object)]
pub struct Sealer {
    sealer: owned::Sealer,
}

#[uniffi::export]
impl Sealer {
    /// With a fresh base key; in a format with slots without keys, see `set_slot`.
    #[uniffi::constructor]
    pub fn new(config: Config) -> Result<Arc<Self>> {
        let sealer = owned::Sealer::new(&config.owned(), entropy()?.as_slice())?;
        Ok(Arc::new(Self { sealer }))
    }

    /// With keys that everybody with the same secret can derive, once they know the announcement.
    #[uniffi::constructor]
    pub fn shared(config: Config, secret: Vec<u8>) -> Result<Arc<Self>> {
        let secret = Zeroizing::new(secret);
        let sealer = owned::Sealer::new_shared(&config.owned(), &secret, entropy()?.as_slice())?;
        Ok(Arc::new(Self { sealer }))
    }

    /// The `frameseal_sealer` that this is. It holds until this object, and each that `share` gave, is freed.
    #[must_use]
    pub fn address(&self) -> u64 {
        self.sealer.address() as usize as u64
    }

    /// The same sealer once more: it is freed when the last of them is.
    #[must_use]
    pub fn share(self: Arc<Self>) -> Arc<Self> {
        self
    }

    /// The current key.
    pub fn key(&self) -> Result<Arc<SenderKey>> {
        Ok(Arc::new(SenderKey { key: self.sealer.key()? }))
    }

    /// What everybody gives to `Opener.follow`; no secret.
    pub fn announcement(&self) -> Result<String> {
        Ok(self.sealer.announcement()?)
    }

    /// Starts a new generation with a fresh base key: after somebody left.
    pub fn rotate(&self) -> Result<()> {
        Ok(self.sealer.rotate(entropy()?.as_slice())?)
    }

    /// Ratchets one step forward: before somebody joins.
    pub fn step(&self) -> Result<()> {
        Ok(self.sealer.step()?)
    }

    /// Fills frames of one kind up to a multiple of so many bytes; 0 ends that.
    pub fn set_padding(&self, kind: Kind, multiple_of: u32) -> Result<()> {
        Ok(self.sealer.set_padding(kind as u32, multiple_of)?)
    }

    /// For a support desk, JSON: never a key.
    pub fn report(&self) -> Result<String> {
        Ok(self.sealer.report()?)
    }

    /// Puts a key into a slot, in a format that has them.
    pub fn set_slot(&self, slot: Slot) -> Result<()> {
        Ok(slot.with(|slot| self.sealer.set_slot(slot))?)
    }

    /// Seals with the key of this slot from now on.
    pub fn select_slot(&self, index: u32) -> Result<()> {
        Ok(self.sealer.select_slot(index)?)
    }

    /// Steps the key of a slot forward; gives the secret of the new step, for clients that take it.
    pub fn ratchet_slot(&self, index: u32) -> Result<Vec<u8>> {
        Ok(self.sealer.ratchet_slot(index)?.to_vec())
    }

    /// Seals a data packet of LiveKit's format. `now_ms`: your clock.
    pub fn seal_data(&self, packet: Vec<u8>, now_ms: u64) -> Result<DataPacket> {
        let owned::DataPacket { bytes, iv, slot } = self.sealer.seal_data(now_ms, &packet)?;
        Ok(DataPacket { bytes, iv: iv.to_vec(), slot })
    }
}

/// Opens the frames of one participant, by `frameseal_open` on its `address`. One thread at a time; one for each
/// participant: what one opener opened, another one does not know to be a repeat.
#[derive(uniffi::Object)]
pub struct Opener {
    opener: owned::Opener,
}

#[uniffi::export]
impl Opener {
    /// It opens nothing until it has a key.
    #[uniffi::constructor]
    pub fn new(config: Config) -> Result<Arc<Self>> {
        Ok(Arc::new(Self { opener: owned::Opener::new(&config.owned())? }))
    }

    /// The `frameseal_opener` that this is. It holds until this object, and each that `share` gave, is freed.
    #[must_use]
    pub fn address(&self) -> u64 {
        self.opener.address() as usize as u64
    }

    /// The same opener once more: it is freed when the last of them is.
    #[must_use]
    pub fn share(self: Arc<Self>) -> Arc<Self> {
        self
    }

    /// Takes a key of the sender.
    pub fn install_key(&self, key: &SenderKey) -> Result<()> {
        Ok(self.opener.install_key(&key.key)?)
    }

    /// Follows a sender by a secret that both know and its announcement.
    pub fn follow(&self, secret: Vec<u8>, announcement: String) -> Result<()> {
        let secret = Zeroizing::new(secret);
        Ok(self.opener.follow(&secret, &announcement)?)
    }

    /// Drops every key that is older: after somebody was removed.
    pub fn forget_before(&self, generation: u32, step: u32) -> Result<()> {
        Ok(self.opener.forget_before(generation, step)?)
    }

    /// Tells the time, about once a second: replaced keys go ten seconds later.
    pub fn tick(&self, now_ms: u64) -> Result<()> {
        Ok(self.opener.tick(now_ms)?)
    }

    /// For a support desk, JSON: never a key.
    pub fn report(&self) -> Result<String> {
        Ok(self.opener.report()?)
    }

    /// Puts a key of the sender into a slot.
    pub fn set_slot(&self, slot: Slot) -> Result<()> {
        Ok(slot.with(|slot| self.opener.set_slot(slot))?)
    }

    /// Drops the key of a slot.
    pub fn forget_slot(&self, index: u32) -> Result<()> {
        Ok(self.opener.forget_slot(index)?)
    }

    /// Lets frames pass that a LiveKit server makes itself, with this trailer; an empty one ends that.
    pub fn allow_server_frames(&self, trailer: Vec<u8>) -> Result<()> {
        Ok(self.opener.allow_server_frames(&trailer)?)
    }

    /// Opens a data packet of LiveKit's format.
    pub fn open_data(&self, packet: DataPacket) -> Result<Vec<u8>> {
        let DataPacket { bytes, iv, slot } = packet;
        let iv: [u8; FRAMESEAL_DATA_IV_LEN] = iv.try_into().map_err(|_| Failed {
            status: frameseal_status::BadLength as i32,
            words: format!("iv: it has {FRAMESEAL_DATA_IV_LEN} bytes"),
        })?;
        Ok(self.opener.open_data(&owned::DataPacket { bytes, iv, slot })?)
    }
}

/// The keys of a call, of all its senders. Any number of threads; openers and sealers made from it take its news with
/// their next frame.
#[derive(uniffi::Object)]
pub struct Ring {
    pub(crate) ring: owned::Ring,
}

#[uniffi::export]
impl Ring {
    /// `config.participant` is who is here.
    #[uniffi::constructor]
    pub fn new(config: Config) -> Result<Arc<Self>> {
        Ok(Arc::new(Self { ring: owned::Ring::new(&config.owned())? }))
    }

    /// Takes a key of a sender.
    pub fn install_key(&self, participant: String, key: &SenderKey) -> Result<()> {
        Ok(self.ring.install_key(&participant, &key.key)?)
    }

    /// Follows a sender by a shared secret and its announcement.
    pub fn follow(&self, participant: String, secret: Vec<u8>, announcement: String) -> Result<()> {
        let secret = Zeroizing::new(secret);
        Ok(self.ring.follow(&participant, &secret, &announcement)?)
    }

    /// Puts a key of a sender into a slot; without a participant of every sender.
    pub fn set_slot(&self, participant: Option<String>, slot: Slot) -> Result<()> {
        Ok(slot.with(|slot| self.ring.set_slot(participant.as_deref(), slot))?)
    }

    /// Drops every key of a participant who left.
    pub fn forget(&self, participant: String) -> Result<()> {
        Ok(self.ring.forget(&participant)?)
    }

    /// An opener for the frames of a participant, who need not be known yet.
    pub fn opener(&self, participant: String) -> Result<Arc<Opener>> {
        Ok(Arc::new(Opener { opener: self.ring.opener(&participant)? }))
    }

    /// A sealer with the keys of a session, for the ring of one. One for each thread that sends.
    pub fn sealer(&self) -> Result<Arc<Sealer>> {
        Ok(Arc::new(Sealer { sealer: self.ring.sealer()? }))
    }
}
