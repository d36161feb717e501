//! Opening LiveKit's format: one participant's key ring, its ratchet and its replay windows.
//!
//! A frame names a slot but not a step, so steps ahead are tried. What that costs is bounded: each step is derived
//! once and kept, PBKDF2 runs once a frame at most, and nothing that a frame which does not open can do changes a key,
//! a window or the cost of the next.

use alloc::boxed::Box;
use alloc::vec::Vec;

#[cfg(feature = "hazmat")]
use super::Plan;
use super::data::Recent;
use super::iv::Iv;
use super::key::SlotKey;
use super::window::Windows;
use super::{DataIv, Frame, IV_LEN, MAX_RING, Options, TAG_LEN, TRAILER_LEN, injected, layout};
use crate::crypto::{Aead, Unsupported};
use crate::error::{OpenCause, OpenError};
use crate::frame::buf::FrameBuf;
use crate::frame::opener::Tally;
use crate::id::{Ctr, Kid, Millis, ParticipantId, TrackKind};
use crate::key::replay::Freshness;
use crate::key::ring::LINGER_MS;
use subtle::ConstantTimeEq;

/// Most steps that are tried ahead of the newest key, whatever the options say.
const MAX_RATCHET_WINDOW: u8 = 32;

/// A frame that may go to the decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opened<'b> {
    /// Opened with a key of the participant.
    Media(&'b [u8]),
    /// Made by the server: one of the constant payloads of [`injected`], which nobody's key vouches for.
    Injected(&'b [u8]),
    /// Without a byte, as encoders make them in silence: nothing hidden, nothing vouched for.
    Empty,
}

impl<'b> Opened<'b> {
    /// The frame, whoever made it.
    #[must_use]
    pub const fn bytes(&self) -> &'b [u8] {
        match self {
            Self::Media(bytes) | Self::Injected(bytes) => bytes,
            Self::Empty => &[],
        }
    }
}

struct Ready {
    key: SlotKey,
    aead: Box<dyn Aead>,
}

struct Slot {
    current: Ready,
    /// The step before, for frames still on their way.
    previous: Option<Ready>,
    retire_at: Option<Millis>,
    /// Steps ahead that were derived, none of which has opened a frame.
    ahead: Vec<Ready>,
}

/// Which key of a slot opened a frame.
enum By {
    Current,
    Previous,
    Ahead(usize),
}

/// Opens the frames and data packets of one participant.
pub struct Opener {
    options: Options,
    who: ParticipantId,
    slots: Vec<Option<Slot>>,
    windows: Windows,
    recent: Recent,
    injected: Option<Box<[u8]>>,
    tally: Tally,
    spare: Vec<u8>,
    stepped: Option<u8>,
}

impl Opener {
    /// An opener without keys. Frames made by the server do not pass.
    #[must_use]
    pub fn new(options: Options, who: ParticipantId) -> Self {
        let slots = core::iter::repeat_with(|| None).take(usize::from(options.ring_size.clamp(1, MAX_RING)));
        Self {
            options,
            who,
            slots: slots.collect(),
            windows: Windows::new(),
            recent: Recent::new(),
            injected: None,
            tally: Tally::default(),
            spare: Vec::new(),
            stepped: None,
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

    /// Lets frames made by the server pass when they are constant payloads followed by `trailer`; an empty trailer
    /// ends that.
    pub fn allow_injected(&mut self, trailer: &[u8]) {
        self.injected = (!trailer.is_empty()).then(|| trailer.into());
    }

    /// Puts a key into slot `index` modulo the ring; gives the slot. The same key again changes nothing.
    ///
    /// # Errors
    /// [`Unsupported`] when the backend lacks AES-GCM of this length.
    pub fn set_key(&mut self, index: u32, key: SlotKey) -> Result<u8, Unsupported> {
        let index = index as usize % self.slots.len().max(1);
        let number = u8::try_from(index).unwrap_or(u8::MAX);
        let Some(slot) = self.slots.get_mut(index) else { return Ok(number) };
        if slot.as_ref().is_some_and(|old| old.current.key.expose().ct_eq(key.expose()).into()) {
            return Ok(number);
        }
        let current = Ready::new(&self.options, key)?;
        *slot = Some(Slot { current, previous: None, retire_at: None, ahead: Vec::new() });
        Ok(number)
    }

    /// The key of a slot.
    #[must_use]
    pub fn key(&self, index: u8) -> Option<&SlotKey> {
        self.slots.get(usize::from(index))?.as_ref().map(|slot| &slot.current.key)
    }

    /// Drops the key of a slot.
    pub fn forget(&mut self, index: u8) {
        if let Some(slot) = self.slots.get_mut(usize::from(index)) {
            *slot = None;
        }
    }

    /// A slot whose key a frame has moved forward since this was last asked.
    pub const fn take_stepped(&mut self) -> Option<u8> {
        self.stepped.take()
    }

    /// Tells the time: a step that was left behind goes [`LINGER_MS`] after the tick that first finds it so.
    pub fn tick(&mut self, now: Millis) {
        for slot in self.slots.iter_mut().flatten().filter(|slot| slot.previous.is_some()) {
            if *slot.retire_at.get_or_insert(now.plus(LINGER_MS)) <= now {
                slot.previous = None;
            }
        }
    }

    /// Opens the frame in `buf`, in place, and gives the frame for the decoder.
    ///
    /// # Errors
    /// [`OpenError`]; `buf` is then empty and the frame must be dropped. KID is the key index, CTR the sender's count.
    #[inline]
    pub fn open<'b>(&mut self, frame: &Frame, buf: &'b mut FrameBuf) -> Result<Opened<'b>, OpenError> {
        if buf.is_empty() {
            return Ok(Opened::Empty);
        }
        match self.open_inner(frame, buf) {
            Ok(true) => {
                self.tally.opened += 1;
                Ok(Opened::Media(buf.bytes()))
            }
            Ok(false) => Ok(Opened::Injected(buf.bytes())),
            Err(cause) => Err(self.fail(frame.kind, cause, buf)),
        }
    }

    #[inline]
    fn open_inner(&mut self, frame: &Frame, buf: &mut FrameBuf) -> Result<bool, OpenCause> {
        if let Some(trailer) = &self.injected
            && let Some(payload) = buf.bytes().strip_suffix(&**trailer)
        {
            let (len, known) = (payload.len(), injected::is_known(payload));
            buf.truncate(len);
            return if known { Ok(false) } else { Err(OpenCause::Injected) };
        }
        let Found { clear, iv, index } = find_parts(frame, buf)?;
        let (aad, body) = buf.bytes_mut().split_at_mut_checked(clear).ok_or(OpenCause::TooShort)?;
        let words = Iv::from_bytes(iv);
        let (kid, ctr) = (Kid(u64::from(index)), Ctr(u64::from(words.count)));
        let by = self.try_keys(index, &iv, aad, body)?;
        match self.windows.check(frame.kind, words) {
            Freshness::Fresh => {}
            Freshness::Seen => return Err(OpenCause::Replayed { kid, ctr }),
            Freshness::TooOld => return Err(OpenCause::TooOld { kid, ctr }),
        }
        self.windows.mark(frame.kind, words);
        self.commit(index, by);
        let len = buf.len() - TAG_LEN;
        buf.truncate(len);
        Ok(true)
    }

    /// First half of opening for an executor outside (WebCrypto): the buffer is `clear | ciphertext | tag`.
    ///
    /// # Errors
    /// [`OpenCause::Stale`] when it is not for the executor to say what this frame is (no such key, not a new IV, made by
    /// the server): use [`Opener::open`] with a fresh copy. Otherwise as there.
    #[cfg(feature = "hazmat")]
    pub fn hazmat_plan(&mut self, frame: &Frame, buf: &mut FrameBuf) -> Result<Plan, OpenError> {
        let injected = self.injected.as_ref().is_some_and(|trailer| buf.bytes().ends_with(trailer));
        let found = if injected { Err(OpenCause::Stale) } else { find_parts(frame, buf) };
        let found = found.and_then(|Found { clear, iv, index }| {
            let fresh = self.windows.check(frame.kind, Iv::from_bytes(iv)) == Freshness::Fresh;
            if !fresh || self.key(index).is_none() {
                return Err(OpenCause::Stale);
            }
            Ok(Plan { iv, clear, index, escaped: false })
        });
        found.map_err(|cause| match cause {
            OpenCause::Stale => OpenError { who: self.who.clone(), kind: frame.kind, cause },
            cause => self.fail(frame.kind, cause, buf),
        })
    }

    /// Second half: the caller vouches that the tag was right under the key of [`Opener::key`] at the time of the plan,
    /// and has put the plaintext in place.
    ///
    /// # Errors
    /// [`OpenCause::Replayed`] when the IV came meanwhile.
    #[cfg(feature = "hazmat")]
    pub fn hazmat_accept<'b>(
        &mut self,
        frame: &Frame,
        plan: &Plan,
        buf: &'b mut FrameBuf,
    ) -> Result<&'b [u8], OpenError> {
        let words = Iv::from_bytes(plan.iv);
        if self.windows.check(frame.kind, words) != Freshness::Fresh {
            let (kid, ctr) = (Kid(u64::from(plan.index)), Ctr(u64::from(words.count)));
            return Err(self.fail(frame.kind, OpenCause::Replayed { kid, ctr }, buf));
        }
        self.windows.mark(frame.kind, words);
        self.tally.opened += 1;
        let len = buf.len().saturating_sub(TAG_LEN);
        buf.truncate(len);
        Ok(buf.bytes())
    }

    /// Opens the data packet in `buf`, ciphertext and tag, in place.
    ///
    /// # Errors
    /// [`OpenError`]; `buf` is then empty and the packet must be dropped.
    pub fn open_data<'b>(&mut self, at: &DataIv, buf: &'b mut FrameBuf) -> Result<&'b [u8], OpenError> {
        match self.open_data_inner(at, buf) {
            Ok(()) => Ok(buf.bytes()),
            Err(cause) => Err(self.fail(TrackKind::Data, cause, buf)),
        }
    }

    fn open_data_inner(&mut self, at: &DataIv, buf: &mut FrameBuf) -> Result<(), OpenCause> {
        let len = buf.len().checked_sub(TAG_LEN).ok_or(OpenCause::TooShort)?;
        let by = self.try_keys(at.index, &at.iv, &[], buf.bytes_mut())?;
        if self.recent.contains(&at.iv) {
            let (kid, ctr) = (Kid(u64::from(at.index)), Ctr(u64::from(Iv::from_bytes(at.iv).count)));
            return Err(OpenCause::Replayed { kid, ctr });
        }
        self.recent.insert(at.iv);
        self.commit(at.index, by);
        buf.truncate(len);
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
        let window = usize::from(self.options.ratchet_window.min(MAX_RATCHET_WINDOW));
        // A cipher that refused leaves other bytes behind.
        let spare = window > 0 || slot.previous.is_some();
        if spare {
            self.spare.clear();
            self.spare.extend_from_slice(body);
        }
        if slot.current.aead.open(iv, aad, body).is_ok() {
            return Ok(By::Current);
        }
        if spare {
            let by = slot.try_others(&self.options, window, |key| {
                body.copy_from_slice(&self.spare);
                key.aead.open(iv, aad, body).is_ok()
            });
            if let Some(by) = by {
                return Ok(by);
            }
        }
        Err(OpenCause::Rejected { kid, ctr: Ctr(u64::from(Iv::from_bytes(*iv).count)) })
    }

    /// The one door by which a frame moves a key; it was authenticated.
    #[inline]
    fn commit(&mut self, index: u8, by: By) {
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
        slot.retire_at = None;
        self.stepped = Some(index);
    }

    #[cold]
    fn fail(&mut self, kind: TrackKind, cause: OpenCause, buf: &mut FrameBuf) -> OpenError {
        buf.clear();
        self.tally.count(cause);
        OpenError { who: self.who.clone(), kind, cause }
    }
}

/// Where the parts of a frame stand: `clear | ciphertext | tag`, what follows is cut off.
struct Found {
    clear: usize,
    iv: [u8; IV_LEN],
    index: u8,
}

#[inline]
fn find_parts(frame: &Frame, buf: &mut FrameBuf) -> Result<Found, OpenCause> {
    let split = layout::split(buf.bytes(), frame.codec, frame.frame_type).ok_or(OpenCause::NoCodec)?;
    if split.escaped {
        layout::unescape(buf, split.clear);
    }
    let body_end = buf.len().checked_sub(TRAILER_LEN).ok_or(OpenCause::TooShort)?;
    if body_end < split.clear + TAG_LEN {
        return Err(OpenCause::TooShort);
    }
    let trailer = buf.bytes().get(body_end..).unwrap_or_default();
    let Some((iv, [len, index])) = trailer.split_first_chunk::<IV_LEN>() else {
        return Err(OpenCause::TooShort);
    };
    if usize::from(*len) != IV_LEN {
        return Err(OpenCause::Trailer);
    }
    let found = Found { clear: split.clear, iv: *iv, index: *index };
    buf.truncate(body_end);
    Ok(found)
}

impl Slot {
    #[cold]
    fn try_others(
        &mut self,
        options: &Options,
        window: usize,
        mut opens: impl FnMut(&Ready) -> bool,
    ) -> Option<By> {
        if self.previous.as_ref().is_some_and(&mut opens) {
            return Some(By::Previous);
        }
        let mut derived = 0;
        for at in 0..window {
            if at >= self.ahead.len() {
                let newest = self.ahead.last().unwrap_or(&self.current);
                if derived >= newest.key.kdf().steps_per_frame() {
                    return None;
                }
                derived += 1;
                let next = Ready::new(options, newest.key.next()).ok()?;
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
        let aead = key.aead(options.provider, options.bits)?;
        Ok(Self { key, aead })
    }
}
