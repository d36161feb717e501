//! Sealing in LiveKit's format.
//!
//! # Why an IV never repeats under a key
//! A [`Sealer`] takes one count for each frame and data packet, whatever its key and track, from one counter that ends
//! before it repeats. Two IVs with the same SSRC and timestamp differ in `t - count`. Setting a key again, stepping and
//! changing tracks leave the counter alone. A sealer is not `Clone`, and has a start of its own drawn when it is made.
//!
//! Two *sealers* with one key (a shared passphrase, or a page that was loaded again) cannot know of each other. Their
//! IVs are apart by SSRC, timestamp and start of the count, each of them random: 96 bits in all.

use alloc::boxed::Box;
use alloc::vec::Vec;

#[cfg(feature = "hazmat")]
use super::Plan;
use super::iv::{Counter, Iv};
use super::key::SlotKey;
use super::{DataIv, Frame, IV_LEN, MAX_RING, Options, TAG_LEN, TRAILER_LEN, layout};
use crate::crypto::Aead;
use crate::error::{SealCause, SealError};
use crate::frame::buf::FrameBuf;
use crate::frame::codec::{LayoutError, escape};
use crate::id::{ParticipantId, TrackKind};

/// Counts tried for a frame that every client can read; see [`layout::reads_well`]. One is enough in all but about
/// one frame of ten thousand.
const TRIES: usize = 16;

struct Slot {
    key: SlotKey,
    aead: Box<dyn Aead>,
}

/// Seals the frames and data packets of one participant.
pub struct Sealer {
    options: Options,
    who: ParticipantId,
    slots: Vec<Option<Slot>>,
    current: u8,
    counter: Counter,
    word: u32,
}

impl Sealer {
    /// A sealer without keys. `entropy` comes from the system's generator.
    #[must_use]
    pub fn new(options: Options, who: ParticipantId, entropy: [u8; 8]) -> Self {
        let [a, b, c, d, e, f, g, h] = entropy;
        let slots = core::iter::repeat_with(|| None).take(usize::from(options.ring_size.clamp(1, MAX_RING)));
        Self {
            options,
            who,
            slots: slots.collect(),
            current: 0,
            counter: Counter::new(u32::from_be_bytes([a, b, c, d])),
            word: u32::from_be_bytes([e, f, g, h]),
        }
    }

    /// The participant.
    #[must_use]
    pub const fn who(&self) -> &ParticipantId {
        &self.who
    }

    /// Frames and packets sealed so far, or tried.
    #[must_use]
    pub const fn sealed(&self) -> u64 {
        self.counter.used()
    }

    /// Puts a key into slot `index` modulo the ring; gives the slot. It seals once it is [selected](Self::select).
    ///
    /// # Errors
    /// [`SealCause::Unsupported`] when the backend lacks AES-GCM of this length.
    pub fn set_key(&mut self, index: u32, key: SlotKey) -> Result<u8, SealError> {
        let aead = key
            .aead(self.options.provider, self.options.bits)
            .map_err(|error| self.fail(TrackKind::Data, SealCause::Unsupported(error)))?;
        let index = index as usize % self.slots.len().max(1);
        if let Some(slot) = self.slots.get_mut(index) {
            *slot = Some(Slot { key, aead });
        }
        Ok(u8::try_from(index).unwrap_or(u8::MAX))
    }

    /// Seals with slot `index` modulo the ring from now on.
    pub fn select(&mut self, index: u32) {
        self.current = u8::try_from(index as usize % self.slots.len().max(1)).unwrap_or(u8::MAX);
    }

    /// The slot that seals.
    #[must_use]
    pub const fn current(&self) -> u8 {
        self.current
    }

    /// The key in a slot.
    #[must_use]
    pub fn key(&self, index: u8) -> Option<&SlotKey> {
        self.slots.get(usize::from(index))?.as_ref().map(|slot| &slot.key)
    }

    /// Steps the key of a slot forward.
    ///
    /// # Errors
    /// [`SealCause::NoKey`] when there is none.
    pub fn ratchet(&mut self, index: u8) -> Result<&SlotKey, SealError> {
        let next = self.key(index).map(SlotKey::next);
        let next = next.ok_or_else(|| self.fail(TrackKind::Data, SealCause::NoKey))?;
        self.set_key(u32::from(index), next)?;
        self.key(index).ok_or_else(|| self.fail(TrackKind::Data, SealCause::NoKey))
    }

    /// The longest that a frame of `len` bytes can become, bytes.
    #[must_use]
    pub const fn max_sealed_len(len: usize) -> usize {
        let plain = len.saturating_add(TAG_LEN + TRAILER_LEN + crate::frame::buf::HEAD_ROOM);
        plain.saturating_add(plain / 2)
    }

    /// Seals the frame in `buf`, in place, and gives the bytes to send.
    ///
    /// # Errors
    /// [`SealError`]; nothing must then be sent. A frame shorter than the clear bytes of its codec is
    /// [`SealCause::Layout`]. One without a byte stays as it is: there is nothing to seal, and clients expect it so.
    #[inline]
    pub fn seal<'b>(&mut self, frame: &Frame, buf: &'b mut FrameBuf) -> Result<&'b [u8], SealError> {
        match self.seal_inner(frame, buf, None) {
            Ok(()) => Ok(buf.bytes()),
            Err(cause) => {
                buf.clear();
                Err(self.fail(frame.kind, cause))
            }
        }
    }

    /// Seals with an IV of the caller's choice: for test vectors. Repeating it is then the caller's fault.
    ///
    /// # Errors
    /// As [`Sealer::seal`].
    #[cfg(feature = "hazmat")]
    pub fn hazmat_seal_at<'b>(
        &mut self,
        frame: &Frame,
        iv: [u8; IV_LEN],
        buf: &'b mut FrameBuf,
    ) -> Result<&'b [u8], SealError> {
        match self.seal_inner(frame, buf, Some(iv)) {
            Ok(()) => Ok(buf.bytes()),
            Err(cause) => {
                buf.clear();
                Err(self.fail(frame.kind, cause))
            }
        }
    }

    #[inline]
    fn seal_inner(
        &mut self,
        frame: &Frame,
        buf: &mut FrameBuf,
        fixed: Option<[u8; IV_LEN]>,
    ) -> Result<(), SealCause> {
        if buf.is_empty() {
            return Ok(());
        }
        let aead =
            self.slots.get(usize::from(self.current)).and_then(Option::as_ref).ok_or(SealCause::NoKey)?;
        let aead = aead.aead.as_ref();
        let split = lay_out(frame, buf)?;
        let sealed = buf.len();
        for _ in 0..TRIES {
            let iv = match fixed {
                Some(iv) => iv,
                None => next_iv(&mut self.counter, self.word, frame)?,
            };
            let (aad, body) = buf.bytes_mut().split_at_mut_checked(split.clear).ok_or(SealCause::Refused)?;
            aead.seal(&iv, aad, body).map_err(|_| SealCause::Refused)?;
            if finish(frame, split, iv, self.current, fixed.is_some(), buf)? {
                return Ok(());
            }
            buf.truncate(sealed);
            let (aad, body) = buf.bytes_mut().split_at_mut_checked(split.clear).ok_or(SealCause::Refused)?;
            aead.open(&iv, aad, body).map_err(|_| SealCause::Refused)?;
        }
        Err(SealCause::Refused)
    }

    /// First half of sealing for an executor outside (WebCrypto): `clear | body | room for the tag`, counter spent.
    ///
    /// # Errors
    /// As [`Sealer::seal`].
    #[cfg(feature = "hazmat")]
    pub fn hazmat_plan(&mut self, frame: &Frame, buf: &mut FrameBuf) -> Result<Plan, SealError> {
        let done = match self.key(self.current) {
            None => Err(SealCause::NoKey),
            Some(_) => lay_out(frame, buf).and_then(|split| {
                let iv = next_iv(&mut self.counter, self.word, frame)?;
                Ok(Plan { iv, clear: split.clear, index: self.current, escaped: split.escaped })
            }),
        };
        done.map_err(|cause| {
            buf.clear();
            self.fail(frame.kind, cause)
        })
    }

    /// Second half: ciphertext and tag stand in place of body and room.
    ///
    /// # Errors
    /// [`SealCause::Stale`] when the frame would not read well for every client: seal a fresh copy.
    #[cfg(feature = "hazmat")]
    pub fn hazmat_finish<'b>(
        &self,
        frame: &Frame,
        plan: &Plan,
        buf: &'b mut FrameBuf,
    ) -> Result<&'b [u8], SealError> {
        let split = layout::Split { clear: plan.clear, escaped: plan.escaped };
        match finish(frame, split, plan.iv, plan.index, false, buf) {
            Ok(true) => Ok(buf.bytes()),
            Ok(false) => {
                buf.clear();
                Err(self.fail(frame.kind, SealCause::Stale))
            }
            Err(cause) => {
                buf.clear();
                Err(self.fail(frame.kind, cause))
            }
        }
    }

    /// Seals the data packet in `buf`, in place: ciphertext and tag are then in it. `now_ms` is the caller's clock.
    ///
    /// # Errors
    /// [`SealError`]; `buf` is then empty and nothing must be sent.
    pub fn seal_data(&mut self, now_ms: u32, buf: &mut FrameBuf) -> Result<DataIv, SealError> {
        let Some(count) = self.counter.take() else {
            buf.clear();
            return Err(self.fail(TrackKind::Data, SealCause::Worn));
        };
        self.seal_data_at(Iv { ssrc: self.word, timestamp: now_ms, count }.to_bytes(), buf)
    }

    /// Seals a data packet with an IV of the caller's choice: for test vectors.
    ///
    /// # Errors
    /// As [`Sealer::seal_data`].
    #[cfg(feature = "hazmat")]
    pub fn hazmat_seal_data_at(&mut self, iv: [u8; IV_LEN], buf: &mut FrameBuf) -> Result<DataIv, SealError> {
        self.seal_data_at(iv, buf)
    }

    fn seal_data_at(&self, iv: [u8; IV_LEN], buf: &mut FrameBuf) -> Result<DataIv, SealError> {
        buf.grow_back(TAG_LEN);
        let slot = self.slots.get(usize::from(self.current)).and_then(Option::as_ref);
        let done = slot
            .ok_or(SealCause::NoKey)
            .and_then(|slot| slot.aead.seal(&iv, &[], buf.bytes_mut()).map_err(|_| SealCause::Refused));
        match done {
            Ok(()) => Ok(DataIv { iv, index: self.current }),
            Err(cause) => {
                buf.clear();
                Err(self.fail(TrackKind::Data, cause))
            }
        }
    }

    #[cold]
    fn fail(&self, kind: TrackKind, cause: SealCause) -> SealError {
        SealError { who: self.who.clone(), kind, cause }
    }
}

/// Everything up to the cipher: `clear | body | room for the tag`.
#[inline]
fn lay_out(frame: &Frame, buf: &mut FrameBuf) -> Result<layout::Split, SealCause> {
    let mut split = layout::split(buf.bytes(), frame.codec, frame.frame_type).ok_or(SealCause::NoCodec)?;
    if buf.len() < split.clear {
        return Err(SealCause::Layout(LayoutError::TooShort));
    }
    if split.escaped {
        split.clear = layout::lengthen_start_codes(buf, split.clear).map_err(SealCause::Layout)?;
    }
    buf.grow_back(TAG_LEN);
    Ok(split)
}

#[inline]
fn next_iv(counter: &mut Counter, word: u32, frame: &Frame) -> Result<[u8; IV_LEN], SealCause> {
    let count = counter.take().ok_or(SealCause::Worn)?;
    // Not the same word for everybody, as browsers without SSRCs would have it.
    let ssrc = frame.ssrc.unwrap_or(word);
    Ok(Iv { ssrc, timestamp: frame.timestamp, count }.to_bytes())
}

/// Everything behind the cipher. `false`: not every client could read the frame, so another IV is needed.
#[inline]
fn finish(
    frame: &Frame,
    split: layout::Split,
    iv: [u8; IV_LEN],
    index: u8,
    fixed: bool,
    buf: &mut FrameBuf,
) -> Result<bool, SealCause> {
    buf.push(&iv);
    buf.push(&[IV_LEN as u8, index]);
    let scanned = matches!(frame.codec, super::Codec::H264 | super::Codec::H265 | super::Codec::Unknown);
    if scanned && !fixed && !reads_back(buf.bytes(), frame, split, &iv) {
        return Ok(false);
    }
    if split.escaped {
        escape::prevent(buf, split.clear).map_err(SealCause::Layout)?;
    }
    Ok(true)
}

/// Whether receivers find the clear bytes where they are, and can undo the escaping.
fn reads_back(bytes: &[u8], frame: &Frame, split: layout::Split, iv: &[u8; IV_LEN]) -> bool {
    if !split.escaped {
        return layout::split(bytes, frame.codec, frame.frame_type) == Some(split);
    }
    // SSRC and timestamp are given; another count does not change what they need.
    let given = iv.windows(3).take(IV_LEN - 6).any(|three| matches!(three, [0, 0, ..=3]));
    layout::reads_well(bytes, split.clear, if given { 0 } else { TRAILER_LEN })
}
