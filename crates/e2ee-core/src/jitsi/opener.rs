//! Opening Jitsi's format: one participant's key ring, its ratchet and its replay windows.
//!
//! A frame names a slot but not a step, so steps ahead are tried: on every slot, since a sender that joined people while
//! it rotates steps a slot that is not the newest. What that costs is bounded: each step is derived once and kept, and
//! nothing that a frame which does not open can do changes a key, a window or the cost of the next.

use alloc::boxed::Box;
use alloc::vec::Vec;

#[cfg(feature = "hazmat")]
use super::Plan;
use super::key::SlotKey;
use super::{
    EmptyFrames, Frame, IV_LEN, OVERHEAD, Options, RING, TAG_LEN, TRAILER_LEN, TRAILER_MARK, iv, slot_of,
};
use crate::crypto::{Aead, Unsupported};
use crate::error::{OpenCause, OpenError};
use crate::frame::buf::FrameBuf;
use crate::frame::opener::Tally;
use crate::id::{Ctr, Kid, Millis, ParticipantId, TrackKind};
use crate::key::replay::Freshness;
use crate::key::ring::LINGER_MS;
use crate::livekit::window::Windows;

/// Most steps that are tried ahead of the newest key, whatever the options say.
const MAX_RATCHET_WINDOW: u8 = 32;

struct Ready {
    key: SlotKey,
    /// `None`: the key is outside.
    aead: Option<Box<dyn Aead>>,
}

struct Slot {
    current: Ready,
    /// The step before, for frames still on their way.
    previous: Option<Ready>,
    retire_previous_at: Option<Millis>,
    /// Steps ahead that were derived, none of which has opened a frame.
    ahead: Vec<Ready>,
}

/// Which key of a slot opened a frame.
enum By {
    Current,
    Previous,
    Ahead(usize),
}

/// Opens the frames of one participant.
pub struct Opener {
    options: Options,
    who: ParticipantId,
    slots: [Option<Slot>; RING],
    /// The slot that was set last.
    newest: u8,
    /// A frame came under it, so the sender is done with the others.
    moved_on: bool,
    retire_others_at: Option<Millis>,
    windows: Windows,
    tally: Tally,
    spare: Vec<u8>,
}

impl Opener {
    /// An opener without keys.
    #[must_use]
    pub const fn new(options: Options, who: ParticipantId) -> Self {
        Self {
            options,
            who,
            slots: [const { None }; RING],
            newest: 0,
            moved_on: false,
            retire_others_at: None,
            windows: Windows::new(),
            tally: Tally { opened: 0, repeated: 0, no_key: 0, rejected: 0, malformed: 0 },
            spare: Vec::new(),
        }
    }

    /// The participant.
    #[must_use]
    pub const fn who(&self) -> &ParticipantId {
        &self.who
    }

    /// How frames fared.
    #[must_use]
    pub const fn tally(&self) -> Tally {
        self.tally
    }

    /// Puts a key into slot `index` modulo 16; gives the slot. The same key again changes nothing.
    ///
    /// # Errors
    /// [`Unsupported`] when the backend lacks AES-GCM of this length.
    pub fn set_key(&mut self, index: u32, key: SlotKey) -> Result<u8, Unsupported> {
        let number = slot_of(index);
        let Some(slot) = self.slots.get_mut(usize::from(number)) else { return Ok(number) };
        if !slot.as_ref().is_some_and(|old| old.current.key.same_as(&key)) {
            let current = Ready::new(&self.options, key)?;
            *slot = Some(Slot { current, previous: None, retire_previous_at: None, ahead: Vec::new() });
        }
        if self.newest != number {
            (self.newest, self.moved_on, self.retire_others_at) = (number, false, None);
        }
        Ok(number)
    }

    /// The key of a slot.
    #[must_use]
    pub fn key(&self, index: u8) -> Option<&SlotKey> {
        self.slots.get(usize::from(index))?.as_ref().map(|slot| &slot.current.key)
    }

    /// Drops every key. What was seen stays remembered: a server can make a participant leave and come back.
    pub fn clear(&mut self) {
        self.slots = [const { None }; RING];
    }

    /// Tells the time: [`LINGER_MS`] after the tick that first finds them so, a step that was left behind goes, and so do
    /// the keys of other slots once a frame came under the newest.
    pub fn tick(&mut self, now: Millis) {
        for slot in self.slots.iter_mut().flatten().filter(|slot| slot.previous.is_some()) {
            if *slot.retire_previous_at.get_or_insert(now.plus(LINGER_MS)) <= now {
                slot.previous = None;
            }
        }
        if self.moved_on && *self.retire_others_at.get_or_insert(now.plus(LINGER_MS)) <= now {
            let newest = usize::from(self.newest);
            let others = self.slots.iter_mut().enumerate().filter(|(at, _)| *at != newest);
            others.for_each(|(_, slot)| *slot = None);
        }
    }

    /// Opens the frame in `buf`, in place, and gives the frame for the decoder.
    ///
    /// # Errors
    /// [`OpenError`]; `buf` is then empty and the frame must be dropped. KID is the key index, CTR the sender's count. A
    /// frame without a byte is [`OpenCause::TooShort`], unless [`EmptyFrames::Pass`] lets it go as it is; one under a key
    /// outside is [`OpenCause::UnknownKey`].
    #[inline]
    pub fn open<'b>(&mut self, frame: &Frame, buf: &'b mut FrameBuf) -> Result<&'b [u8], OpenError> {
        if buf.is_empty() && self.options.empty == EmptyFrames::Pass {
            return Ok(&[]);
        }
        match self.open_inner(frame, buf) {
            Ok(()) => {
                self.tally.opened += 1;
                Ok(buf.bytes())
            }
            Err(cause) => {
                buf.clear();
                Err(self.fail(frame.frame_type.kind(), cause))
            }
        }
    }

    #[inline]
    fn open_inner(&mut self, frame: &Frame, buf: &mut FrameBuf) -> Result<(), OpenCause> {
        let Found { clear, iv, index } = find_parts(frame, buf)?;
        let (aad, body) = buf.bytes_mut().split_at_mut_checked(clear).ok_or(OpenCause::TooShort)?;
        let words = iv::read(iv);
        let (kid, ctr) = (Kid(u64::from(index)), Ctr(u64::from(words.count)));
        let by = self.try_keys(index, &iv, aad, body)?;
        let kind = frame.frame_type.kind();
        match self.windows.check(kind, words) {
            Freshness::Fresh => {}
            Freshness::Seen => return Err(OpenCause::Replayed { kid, ctr }),
            Freshness::TooOld => return Err(OpenCause::TooOld { kid, ctr }),
        }
        self.windows.mark(kind, words);
        self.commit(index, by);
        let len = buf.len().saturating_sub(TAG_LEN);
        buf.truncate(len);
        Ok(())
    }

    /// Looks a frame up that an executor outside (WebCrypto) is to open, by its length and trailer: ciphertext and tag stand
    /// between the clear bytes and the trailer.
    ///
    /// # Errors
    /// [`OpenCause::Stale`] when it is not for the executor to say what this frame is (no such key, not a new IV): use
    /// [`Opener::open`]. Under a key outside, which only the executor has, a repeated IV is [`OpenCause::Replayed`] at once.
    /// Otherwise as there.
    #[cfg(feature = "hazmat")]
    #[inline]
    pub fn hazmat_plan(
        &mut self,
        frame: &Frame,
        len: usize,
        trailer: &[u8; TRAILER_LEN],
    ) -> Result<Plan, OpenError> {
        let kind = frame.frame_type.kind();
        let found = read_trailer(frame, len, trailer).and_then(|Found { clear, iv, index }| {
            let words = iv::read(iv);
            let (kid, ctr) = (Kid(u64::from(index)), Ctr(u64::from(words.count)));
            let outside = self.key(index).ok_or(OpenCause::Stale)?.is_outside();
            match (self.windows.check(kind, words), outside) {
                (Freshness::Fresh, _) => Ok(Plan { iv, clear, index }),
                (_, true) => Err(OpenCause::Replayed { kid, ctr }),
                (_, false) => Err(OpenCause::Stale),
            }
        });
        found.map_err(|cause| match cause {
            OpenCause::Stale => OpenError { who: self.who.clone(), kind, cause },
            cause => self.fail(kind, cause),
        })
    }

    /// The caller vouches that the tag was right under the key of [`Opener::key`] at the time of the plan.
    ///
    /// # Errors
    /// [`OpenCause::Replayed`] when the IV came meanwhile: the frame must be dropped.
    #[cfg(feature = "hazmat")]
    #[inline]
    pub fn hazmat_accept(&mut self, frame: &Frame, plan: &Plan) -> Result<(), OpenError> {
        let (kind, words) = (frame.frame_type.kind(), iv::read(plan.iv));
        if self.windows.check(kind, words) != Freshness::Fresh {
            let (kid, ctr) = (Kid(u64::from(plan.index)), Ctr(u64::from(words.count)));
            return Err(self.fail(kind, OpenCause::Replayed { kid, ctr }));
        }
        self.windows.mark(kind, words);
        self.commit(plan.index, By::Current);
        self.tally.opened += 1;
        Ok(())
    }

    /// Tries the slot's key, then the step before it, then steps ahead. Changes no key.
    #[inline]
    fn try_keys(
        &mut self,
        index: u8,
        iv: &[u8; IV_LEN],
        aad: &[u8],
        body: &mut [u8],
    ) -> Result<By, OpenCause> {
        let kid = Kid(u64::from(index));
        let slot = self.slots.get_mut(usize::from(index)).and_then(Option::as_mut);
        let slot = slot.ok_or(OpenCause::UnknownKey { kid })?;
        if slot.current.key.is_outside() {
            return Err(OpenCause::UnknownKey { kid });
        }
        // A cipher that refused leaves other bytes behind.
        let others = self.options.ratchet_window > 0 || slot.previous.is_some();
        if others {
            self.spare.clear();
            self.spare.extend_from_slice(body);
        }
        if slot.current.opens(iv, aad, body) {
            return Ok(By::Current);
        }
        let by = others.then(|| {
            slot.try_others(&self.options, |key| {
                body.copy_from_slice(&self.spare);
                key.opens(iv, aad, body)
            })
        });
        by.flatten().ok_or(OpenCause::Rejected { kid, ctr: Ctr(u64::from(iv::read(*iv).count)) })
    }

    /// The one door by which a frame moves a key; it was authenticated.
    #[inline]
    fn commit(&mut self, index: u8, by: By) {
        if index == self.newest {
            self.moved_on = true;
        }
        if let By::Ahead(at) = by {
            self.step_to(index, at);
        }
    }

    #[cold]
    fn step_to(&mut self, index: u8, at: usize) {
        let Some(slot) = self.slots.get_mut(usize::from(index)).and_then(Option::as_mut) else { return };
        let mut ahead = core::mem::take(&mut slot.ahead).into_iter().skip(at);
        let Some(next) = ahead.next() else { return };
        slot.ahead = ahead.collect();
        slot.previous = Some(core::mem::replace(&mut slot.current, next));
        slot.retire_previous_at = None;
    }

    #[cold]
    fn fail(&mut self, kind: TrackKind, cause: OpenCause) -> OpenError {
        self.tally.count(cause);
        OpenError { who: self.who.clone(), kind, cause }
    }
}

/// What a frame says of itself.
struct Found {
    clear: usize,
    iv: [u8; IV_LEN],
    index: u8,
}

/// Finds the parts, and cuts the trailer off.
#[inline]
fn find_parts(frame: &Frame, buf: &mut FrameBuf) -> Result<Found, OpenCause> {
    let trailer = *buf.bytes().last_chunk().ok_or(OpenCause::TooShort)?;
    let found = read_trailer(frame, buf.len(), &trailer)?;
    let body_end = buf.len().saturating_sub(TRAILER_LEN);
    buf.truncate(body_end);
    Ok(found)
}

#[inline]
fn read_trailer(frame: &Frame, len: usize, trailer: &[u8; TRAILER_LEN]) -> Result<Found, OpenCause> {
    let clear = frame.frame_type.clear_len();
    if len < clear + OVERHEAD {
        return Err(OpenCause::TooShort);
    }
    match trailer.split_first_chunk::<IV_LEN>() {
        Some((iv, [TRAILER_MARK, index])) => Ok(Found { clear, iv: *iv, index: *index }),
        _ => Err(OpenCause::Trailer),
    }
}

impl Slot {
    #[cold]
    fn try_others(&mut self, options: &Options, mut opens: impl FnMut(&Ready) -> bool) -> Option<By> {
        if self.previous.as_ref().is_some_and(&mut opens) {
            return Some(By::Previous);
        }
        for at in 0..usize::from(options.ratchet_window.min(MAX_RATCHET_WINDOW)) {
            if at >= self.ahead.len() {
                let newest = self.ahead.last().unwrap_or(&self.current);
                let next = Ready::new(options, newest.key.next()?).ok()?;
                self.ahead.push(next);
            }
            if self.ahead.get(at).is_some_and(&mut opens) {
                return Some(By::Ahead(at));
            }
        }
        None
    }
}

impl Ready {
    fn new(options: &Options, key: SlotKey) -> Result<Self, Unsupported> {
        let aead = key.aead(options.provider)?;
        Ok(Self { key, aead })
    }

    #[inline]
    fn opens(&self, iv: &[u8; IV_LEN], aad: &[u8], body: &mut [u8]) -> bool {
        self.aead.as_ref().is_some_and(|aead| aead.open(iv, aad, body).is_ok())
    }
}
