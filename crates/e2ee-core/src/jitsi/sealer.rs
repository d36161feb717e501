//! Sealing in Jitsi's format.
//!
//! # Why an IV never repeats under a key
//! A [`Sealer`] takes one count for each frame, whatever its key and track, from one counter of 32 bits that ends before
//! it repeats; the count is the IV's third word. So no two frames of a sealer have the same IV, whatever clock and SSRC
//! say. Setting a key again, stepping, dropping keys and changing tracks leave the counter alone, and a sealer is not
//! `Clone`. (Clients in the field count modulo 65 535 and lean on the clock for the rest.)
//!
//! Two *sealers* with one key (a key for all, or a page that was loaded again) cannot know of each other. Their IVs are
//! apart by SSRC, timestamp and start of the count, each of them random: 96 bits in all.

use alloc::boxed::Box;

#[cfg(feature = "hazmat")]
use super::Plan;
use super::key::SlotKey;
use super::{EmptyFrames, Frame, IV_LEN, OVERHEAD, Options, RING, TAG_LEN, TRAILER_MARK, iv, slot_of};
use crate::crypto::Aead;
use crate::error::{SealCause, SealError};
use crate::frame::buf::FrameBuf;
use crate::frame::codec::LayoutError;
use crate::id::{ParticipantId, TrackKind};
use crate::livekit::iv::Counter;

struct Slot {
    key: SlotKey,
    /// `None`: the key is outside.
    aead: Option<Box<dyn Aead>>,
}

/// Seals the frames of one participant.
pub struct Sealer {
    options: Options,
    who: ParticipantId,
    slots: [Option<Slot>; RING],
    current: u8,
    counter: Counter,
    word: u32,
}

impl Sealer {
    /// A sealer without keys. `entropy` comes from the system's generator.
    #[must_use]
    pub fn new(options: Options, who: ParticipantId, entropy: [u8; 8]) -> Self {
        let [a, b, c, d, e, f, g, h] = entropy;
        Self {
            options,
            who,
            slots: [const { None }; RING],
            current: 0,
            counter: Counter::new(u32::from_be_bytes([a, b, c, d])),
            // Not what scripts write for an SSRC that they do not know.
            word: u32::from_be_bytes([e, f, g, h]) | 1,
        }
    }

    /// The participant.
    #[must_use]
    pub const fn who(&self) -> &ParticipantId {
        &self.who
    }

    /// Frames sealed so far, or tried.
    #[must_use]
    pub const fn sealed(&self) -> u64 {
        self.counter.used()
    }

    /// Puts a key into slot `index` modulo 16, and seals with it from now on; gives the slot.
    ///
    /// # Errors
    /// [`SealCause::Unsupported`] when the backend lacks AES-GCM of this length.
    pub fn set_key(&mut self, index: u32, key: SlotKey) -> Result<u8, SealError> {
        let aead = key
            .aead(self.options.provider)
            .map_err(|error| self.fail(TrackKind::Data, SealCause::Unsupported(error)))?;
        let number = slot_of(index);
        if let Some(slot) = self.slots.get_mut(usize::from(number)) {
            *slot = Some(Slot { key, aead });
        }
        self.current = number;
        Ok(number)
    }

    /// Drops every key. Nothing is sealed, and nothing is to be sent, until one is set.
    pub fn clear(&mut self) {
        self.slots = [const { None }; RING];
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

    /// Steps the key that seals forward.
    ///
    /// # Errors
    /// [`SealCause::NoKey`] when there is none, or one without steps.
    pub fn ratchet(&mut self) -> Result<&SlotKey, SealError> {
        let index = self.current;
        let next = self.key(index).and_then(SlotKey::next);
        let next = next.ok_or_else(|| self.fail(TrackKind::Data, SealCause::NoKey))?;
        self.set_key(u32::from(index), next)?;
        self.key(index).ok_or_else(|| self.fail(TrackKind::Data, SealCause::NoKey))
    }

    /// What a frame of `len` bytes becomes, bytes.
    #[must_use]
    pub const fn sealed_len(len: usize) -> usize {
        len.saturating_add(OVERHEAD)
    }

    /// Seals the frame in `buf`, in place, and gives the bytes to send.
    ///
    /// # Errors
    /// [`SealError`]; nothing must then be sent, and `buf` is empty. A frame shorter than its clear bytes is
    /// [`SealCause::Layout`], and so is one without a byte unless [`EmptyFrames::Pass`] lets it go as it is.
    #[inline]
    pub fn seal<'b>(&mut self, frame: &Frame, buf: &'b mut FrameBuf) -> Result<&'b [u8], SealError> {
        match self.seal_inner(frame, buf, None) {
            Ok(()) => Ok(buf.bytes()),
            Err(cause) => {
                buf.clear();
                Err(self.fail(frame.frame_type.kind(), cause))
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
                Err(self.fail(frame.frame_type.kind(), cause))
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
        if buf.is_empty() && self.options.empty == EmptyFrames::Pass {
            return Ok(());
        }
        let slot = self.slots.get(usize::from(self.current)).and_then(Option::as_ref);
        let aead = slot.and_then(|slot| slot.aead.as_deref()).ok_or(SealCause::NoKey)?;
        let clear = lay_out(frame, buf)?;
        let iv = match fixed {
            Some(iv) => iv,
            None => next_iv(&mut self.counter, self.word, frame)?,
        };
        let (aad, body) = buf.bytes_mut().split_at_mut_checked(clear).ok_or(SealCause::Refused)?;
        aead.seal(&iv, aad, body).map_err(|_| SealCause::Refused)?;
        finish(iv, self.current, buf);
        Ok(())
    }

    /// Spends an IV on a frame of `len` bytes that an executor outside (WebCrypto) seals: the frame then is its clear bytes,
    /// ciphertext and tag, the IV, [`super::TRAILER_MARK`] and the slot.
    ///
    /// # Errors
    /// As [`Sealer::seal`]. A frame without a byte is refused whatever the options say: there is nothing to execute.
    #[cfg(feature = "hazmat")]
    #[inline]
    pub fn hazmat_plan(&mut self, frame: &Frame, len: usize) -> Result<Plan, SealError> {
        let clear = frame.frame_type.clear_len();
        let iv = match self.key(self.current) {
            None => Err(SealCause::NoKey),
            Some(_) if len < clear => Err(SealCause::Layout(LayoutError::TooShort)),
            Some(_) => next_iv(&mut self.counter, self.word, frame),
        };
        let plan = iv.map(|iv| Plan { iv, clear, index: self.current });
        plan.map_err(|cause| self.fail(frame.frame_type.kind(), cause))
    }

    #[cold]
    fn fail(&self, kind: TrackKind, cause: SealCause) -> SealError {
        SealError { who: self.who.clone(), kind, cause }
    }
}

/// Everything up to the cipher: `clear | body | room for the tag`.
#[inline]
fn lay_out(frame: &Frame, buf: &mut FrameBuf) -> Result<usize, SealCause> {
    let clear = frame.frame_type.clear_len();
    if buf.len() < clear {
        return Err(SealCause::Layout(LayoutError::TooShort));
    }
    buf.grow_back(TAG_LEN);
    Ok(clear)
}

#[inline]
fn next_iv(counter: &mut Counter, word: u32, frame: &Frame) -> Result<[u8; IV_LEN], SealCause> {
    let count = counter.take().ok_or(SealCause::Worn)?;
    // Not the same word for everybody where the browser tells no SSRC.
    Ok(iv::write(frame.ssrc.unwrap_or(word), frame.timestamp, count))
}

#[inline]
fn finish(iv: [u8; IV_LEN], index: u8, buf: &mut FrameBuf) {
    buf.push(&iv);
    buf.push(&[TRAILER_MARK, index]);
}
