//! Sealing: one sender, one key at a time, every counter once.
//!
//! # Why a nonce never repeats
//! The nonce is `salt XOR CTR`, and key and salt are derived from (base key, KID, kind of track).
//! * *Within a key*: CTR is taken from the key's own slot (`Slot::spend`, for frames in a buffer and for those that go
//!   straight), which adds one before the cipher runs and never gives one back, also when sealing fails. The slot dies
//!   with its key. At [`MAX_FRAMES_PER_KEY`] sealing stops.
//! * *Rekey*: a new generation has a base key of its own, a ratchet step too. A base key from outside must be of a newer
//!   generation, step or MLS epoch than the one in use. So no slot starts again from 0 under a key that was used.
//! * *Several senders with one secret*: see [`crate::key::room`]. Every sealer draws an incarnation.
//! * *Clone*: a sealer is not `Clone`, and its key leaves only as a [`SenderKey`], which opens.
//! * *Restart*: base keys are drawn, or derived with a drawn incarnation, when a sealer is made. A restarted process
//!   makes a new sealer. An MLS member that lost its state joins anew and gets a new epoch.
//! * *Exhaustion*: counters do not wrap; the ratchet stops at the last step that its KID bits can tell apart.

use crate::crypto::CipherSuite;
use crate::crypto::kdf::Prk;
use crate::error::{SealCause, SealError};
use crate::frame::buf::FrameBuf;
use crate::frame::codec::{self, CodecRule};
use crate::frame::header::Header;
use crate::frame::{
    FrameFormat, FrameInfo, PADDED, PADDING_MARK, Prefix, Scratch, Straight, TAIL, VERSION_1, with_metadata,
};
use crate::id::{Ctr, Epoch, Generation, Kid, ParticipantId, Step, TrackKind};
use crate::key::ratchet;
use crate::key::ring::{Fingerprint, KeyAt, fingerprint};
use crate::key::room::{Announcement, Incarnation, RoomSecret, RoomSender};
#[cfg(feature = "hazmat")]
use crate::key::schedule::frame_key_material;
use crate::key::schedule::{FrameKey, Profile};
use crate::secret::{BaseKey, SecretBytes};

/// Frames that one key seals before [`SealCause::Worn`]. At 240 frames a second this is over half a year; with 96-bit
/// counter nonces and frames below 1 MiB it stays inside the limits of AES-GCM.
pub const MAX_FRAMES_PER_KEY: u64 = 1 << 32;

/// Hides frame sizes: with a bit rate that follows speech, sizes tell what is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Padding {
    /// Sizes are seen as they are.
    #[default]
    None,
    /// Plaintexts are filled up with authenticated zeros to a multiple of so many bytes.
    MultipleOf(u16),
}

/// A sender's key as it is handed to a peer over a secure channel. It opens; nobody can seal with it by accident.
pub struct SenderKey {
    /// Generation.
    pub generation: Generation,
    /// Step that `base` stands at.
    pub step: Step,
    /// The base key.
    pub base: BaseKey,
}

struct Slot {
    kid: Kid,
    key: FrameKey,
    next: u64,
    /// The last counter that may be used.
    last: u64,
}

impl Slot {
    /// The header of the frame that comes next, unless the key is worn.
    #[inline]
    fn next(&self) -> Result<Header, SealCause> {
        if self.next > self.last {
            return Err(SealCause::Worn);
        }
        Ok(Header { kid: self.kid, ctr: Ctr(self.next) })
    }

    /// Takes the next counter: the one place where counters come from.
    #[inline]
    fn spend(&mut self) -> Result<Header, SealCause> {
        let header = self.next()?;
        self.next = self.next.saturating_add(1);
        Ok(header)
    }
}

/// One AEAD call, described: for an executor outside (WebCrypto).
///
/// The buffer holds `AAD | body | room for the tag`. The executor puts ciphertext and tag in place of body and room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealPlan {
    /// Nonce, spent already.
    pub nonce: [u8; 12],
    /// AAD length: the first bytes of the buffer.
    pub aad: usize,
    header: usize,
    rule: CodecRule,
    kid: Kid,
}

/// Seals the frames of one participant. Not `Clone`: two copies would repeat counters.
pub struct Sealer {
    profile: Profile,
    who: ParticipantId,
    at: KeyAt,
    base: BaseKey,
    context: u64,
    room: Option<(RoomSender, Incarnation)>,
    slots: [Option<Slot>; TrackKind::COUNT],
    padding: [Padding; TrackKind::COUNT],
    scratch: Scratch,
}

impl Sealer {
    /// A sealer with a fresh base key. `entropy` comes from the system's generator.
    #[must_use]
    pub fn generate(profile: Profile, who: ParticipantId, entropy: &[u8; 32]) -> Self {
        let base = fresh(profile.suite, b"", entropy);
        Self::at(profile, who, KeyAt::Sender(Generation(0), Step(0)), base, None)
    }

    /// A sealer whose keys everybody with the room secret can derive, once they know its announcement.
    #[must_use]
    pub fn from_room(profile: Profile, who: ParticipantId, secret: &RoomSecret, entropy: &[u8; 32]) -> Self {
        let mut incarnation = [0; 16];
        Prk::extract(crate::crypto::Hash::Sha256, b"", entropy)
            .expand(&[b"Frameseal 1 incarnation"], &mut incarnation);
        let incarnation = Incarnation(incarnation);
        let call = match &profile.format {
            FrameFormat::Frameseal { call } => Some(call.clone()),
            FrameFormat::Sframe => None,
        };
        // Bare SFrame has no call to bind to; the participant stands in, which keeps senders apart.
        let call = call.or_else(|| crate::id::CallId::new(who.as_str()).ok());
        let (base, room) = match call {
            Some(call) => {
                let sender = secret.sender(&call, &who, &incarnation);
                (sender.base_key(Generation(0)), Some((sender, incarnation)))
            }
            None => (fresh(profile.suite, b"", entropy), None),
        };
        Self::at(profile, who, KeyAt::Sender(Generation(0), Step(0)), base, room)
    }

    /// A sealer for one leaf of an MLS group. `secret` is the epoch's exported secret (RFC 9605 section 5.2), `context`
    /// tells apart several uncoordinated sealers of one leaf.
    ///
    /// # Errors
    /// [`SealCause::WrongScheme`] when the scheme is not MLS, or index or context do not fit it.
    pub fn from_epoch(
        profile: Profile,
        who: ParticipantId,
        epoch: Epoch,
        index: u32,
        context: u64,
        secret: BaseKey,
    ) -> Result<Self, SealError> {
        if profile.scheme.mls_kid(epoch, index, context).is_err() {
            return Err(SealError { who, kind: TrackKind::Data, cause: SealCause::WrongScheme });
        }
        let mut sealer = Self::at(profile, who, KeyAt::Mls(epoch, index), secret, None);
        sealer.context = context;
        Ok(sealer)
    }

    fn at(
        profile: Profile,
        who: ParticipantId,
        at: KeyAt,
        base: BaseKey,
        room: Option<(RoomSender, Incarnation)>,
    ) -> Self {
        Self {
            profile,
            who,
            at,
            base,
            context: 0,
            room,
            slots: [const { None }; TrackKind::COUNT],
            padding: [Padding::None; TrackKind::COUNT],
            scratch: Scratch::new(),
        }
    }

    /// The participant.
    #[must_use]
    pub const fn who(&self) -> &ParticipantId {
        &self.who
    }

    /// What the call agreed on.
    #[must_use]
    pub const fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Where the current key stands.
    #[must_use]
    pub const fn key_at(&self) -> KeyAt {
        self.at
    }

    /// Fingerprint of the current base key.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        fingerprint(&self.base)
    }

    /// Frames sealed under the current key, by kind.
    #[must_use]
    pub fn sealed(&self, kind: TrackKind) -> u64 {
        self.slots.get(kind as usize).and_then(Option::as_ref).map_or(0, |s| s.next)
    }

    /// What others need to follow this sender from the room secret. `None` without one.
    #[must_use]
    pub fn announcement(&self) -> Option<Announcement> {
        let (_, incarnation) = self.room.as_ref()?;
        Some(Announcement { suite: self.profile.suite, incarnation: *incarnation })
    }

    /// The current key for a peer, or `None` under MLS, where the group gives it.
    #[must_use]
    pub fn sender_key(&self) -> Option<SenderKey> {
        match self.at {
            KeyAt::Sender(generation, step) => {
                Some(SenderKey { generation, step, base: self.base.duplicate() })
            }
            KeyAt::Mls(..) => None,
        }
    }

    /// Sets the padding of one kind of track.
    pub fn set_padding(&mut self, kind: TrackKind, padding: Padding) {
        if let Some(slot) = self.padding.get_mut(kind as usize) {
            *slot = padding;
        }
    }

    /// Starts a new generation with a fresh base key: after somebody left, or when a key is worn.
    ///
    /// # Errors
    /// [`SealCause::WrongScheme`] under MLS, [`SealCause::Worn`] when no generation is left.
    pub fn rotate(&mut self, entropy: &[u8; 32]) -> Result<Generation, SealError> {
        let KeyAt::Sender(generation, _) = self.at else { return Err(self.fail(SealCause::WrongScheme)) };
        let next = Generation(generation.0.checked_add(1).ok_or_else(|| self.fail(SealCause::Worn))?);
        let base = match &self.room {
            Some((room, _)) => room.base_key(next),
            // The old key goes in too: even a broken generator cannot bring a used key back.
            None => fresh(self.profile.suite, self.base.expose(), entropy),
        };
        self.replace(KeyAt::Sender(next, Step(0)), base);
        Ok(next)
    }

    /// Ratchets one step forward: before somebody joins, so that the newcomer cannot open what came before.
    ///
    /// # Errors
    /// [`SealCause::StepsUsedUp`] at the last step that the KID can tell apart: rotate instead.
    pub fn step(&mut self) -> Result<Step, SealError> {
        let KeyAt::Sender(generation, step) = self.at else { return Err(self.fail(SealCause::WrongScheme)) };
        if step.0.saturating_add(1) >= self.profile.scheme.steps() {
            return Err(self.fail(SealCause::StepsUsedUp));
        }
        let next = Step(step.0 + 1);
        let base = ratchet::step(self.profile.suite, &self.base);
        self.replace(KeyAt::Sender(generation, next), base);
        Ok(next)
    }

    /// Moves to a newer MLS epoch.
    ///
    /// # Errors
    /// [`SealCause::OldEpoch`] unless `epoch` is newer than the current one: an epoch's counters start at 0 only once.
    /// [`SealCause::WrongScheme`] when the index does not fit.
    pub fn enter_epoch(&mut self, epoch: Epoch, index: u32, secret: BaseKey) -> Result<(), SealError> {
        let KeyAt::Mls(current, _) = self.at else { return Err(self.fail(SealCause::WrongScheme)) };
        if epoch <= current {
            return Err(self.fail(SealCause::OldEpoch));
        }
        if self.profile.scheme.mls_kid(epoch, index, self.context).is_err() {
            return Err(self.fail(SealCause::WrongScheme));
        }
        self.replace(KeyAt::Mls(epoch, index), secret);
        Ok(())
    }

    /// Moves to a sender key that was agreed elsewhere. From then on the room secret, if there is one, gives no key.
    ///
    /// # Errors
    /// [`SealCause::OldEpoch`] unless generation and step are newer than the current ones: counters start at 0 only once.
    /// [`SealCause::StepsUsedUp`] for a step that the KID cannot tell apart, [`SealCause::WrongScheme`] under MLS.
    pub fn enter_key(&mut self, key: SenderKey) -> Result<(), SealError> {
        let KeyAt::Sender(..) = self.at else { return Err(self.fail(SealCause::WrongScheme)) };
        let at = KeyAt::Sender(key.generation, key.step);
        if at <= self.at {
            return Err(self.fail(SealCause::OldEpoch));
        }
        if key.step.0 >= self.profile.scheme.steps() {
            return Err(self.fail(SealCause::StepsUsedUp));
        }
        self.room = None;
        self.replace(at, key.base);
        Ok(())
    }

    /// The longest that a frame of `len` bytes can become, bytes. (H.264 and H.265: if every third byte were escaped.)
    #[must_use]
    pub fn max_sealed_len(&self, info: &FrameInfo<'_>, len: usize) -> usize {
        let pad = match self.padding.get(info.kind as usize) {
            Some(Padding::MultipleOf(n)) => usize::from(*n),
            _ => 0,
        };
        let plain = len.saturating_add(64 + 17 + 9 + pad + self.profile.suite.tag_len());
        match info.rule {
            CodecRule::H264 | CodecRule::H265 => plain.saturating_add(plain / 2).saturating_add(2),
            _ => plain,
        }
    }

    /// Seals the frame in `buf`, in place, and gives the bytes to send.
    ///
    /// # Errors
    /// [`SealError`]; `buf` is then empty and nothing must be sent.
    #[inline]
    pub fn seal<'b>(&mut self, info: &FrameInfo<'_>, buf: &'b mut FrameBuf) -> Result<&'b [u8], SealError> {
        match self.seal_inner(info, buf) {
            Ok(()) => Ok(buf.bytes()),
            Err(cause) => {
                buf.clear();
                Err(SealError { who: self.who.clone(), kind: info.kind, cause })
            }
        }
    }

    #[inline]
    fn seal_inner(&mut self, info: &FrameInfo<'_>, buf: &mut FrameBuf) -> Result<(), SealCause> {
        let plan = self.lay_out(info, buf)?;
        let slot = info.slot(&self.profile.format) as usize;
        let key = self.slots.get(slot).and_then(Option::as_ref).ok_or(SealCause::Stale)?;
        let (prefix, body) = buf.bytes_mut().split_at_mut_checked(plan.aad).ok_or(SealCause::Refused)?;
        let aad = with_metadata(prefix, info.metadata, &mut self.scratch);
        key.key.aead.seal(&plan.nonce, aad, body).map_err(|_| SealCause::Refused)?;
        finish(&plan, buf)
    }

    /// Seals `frame` straight into `out`, at its start: one copy less than with a [`FrameBuf`], where the frame need not
    /// be taken apart.
    ///
    /// # Errors
    /// As [`Sealer::seal`]; `out` then holds nothing of the frame.
    #[inline(never)] // compiled here for speed, also for callers that are compiled for size
    pub fn seal_into(
        &mut self,
        info: &FrameInfo<'_>,
        frame: &[u8],
        out: &mut [u8],
    ) -> Result<Straight, SealError> {
        self.seal_straight(info, frame, out).map_err(|cause| SealError {
            who: self.who.clone(),
            kind: info.kind,
            cause,
        })
    }

    #[inline]
    fn seal_straight(
        &mut self,
        info: &FrameInfo<'_>,
        frame: &[u8],
        out: &mut [u8],
    ) -> Result<Straight, SealCause> {
        let (clear, layout) = match self.profile.format {
            FrameFormat::Sframe => (0, None),
            FrameFormat::Frameseal { .. } => {
                let Some(clear) = codec::prefix(info.rule, frame) else { return Ok(Straight::Apart) };
                if self.padding.get(info.kind as usize) != Some(&Padding::None) {
                    return Ok(Straight::Apart);
                }
                (clear.map_err(SealCause::Layout)?, Some(VERSION_1 | info.rule as u8))
            }
        };
        let (clear, body) = frame.split_at_checked(clear).ok_or(SealCause::Refused)?;
        let tag = self.profile.suite.tag_len();
        let slot_of = info.slot(&self.profile.format);
        let header = self.slot(slot_of)?.next()?.encode();
        let front = clear.len() + usize::from(layout.is_some()) + header.as_bytes().len();
        let need = front.saturating_add(body.len()).saturating_add(tag);
        let Some(out) = out.get_mut(..need) else { return Ok(Straight::Short(need)) };
        let prefix = Prefix::new(header.as_bytes(), clear, layout).ok_or(SealCause::Refused)?;
        let (before, text) = out.split_at_mut_checked(front).ok_or(SealCause::Refused)?;
        // The wire has the header last: `clear | layout | header`.
        let (head, rest) =
            prefix.as_bytes().split_at_checked(header.as_bytes().len()).ok_or(SealCause::Refused)?;
        let (first, last) = before.split_at_mut_checked(rest.len()).ok_or(SealCause::Refused)?;
        first.copy_from_slice(rest);
        last.copy_from_slice(head);
        text.get_mut(..body.len()).ok_or(SealCause::Refused)?.copy_from_slice(body);
        let aad = with_metadata(prefix.as_bytes(), info.metadata, &mut self.scratch);
        let slot = self.slots.get_mut(slot_of as usize).and_then(Option::as_mut).ok_or(SealCause::Stale)?;
        let Header { ctr, .. } = slot.spend()?;
        let nonce = slot.key.nonce(ctr);
        if slot.key.aead.seal(&nonce, aad, text).is_err() {
            out.fill(0);
            return Err(SealCause::Refused);
        }
        Ok(Straight::Done(need))
    }

    /// First half of sealing for an executor outside. The counter is spent whatever comes of it.
    ///
    /// # Errors
    /// As [`Sealer::seal`].
    pub fn plan(&mut self, info: &FrameInfo<'_>, buf: &mut FrameBuf) -> Result<SealPlan, SealError> {
        self.lay_out(info, buf).map_err(|cause| {
            buf.clear();
            SealError { who: self.who.clone(), kind: info.kind, cause }
        })
    }

    /// Second half: ciphertext and tag stand in `buf` behind the AAD.
    ///
    /// # Errors
    /// [`SealCause::Layout`] when the sealed bytes cannot be wrapped for the codec.
    pub fn finish<'b>(
        &self,
        info: &FrameInfo<'_>,
        plan: &SealPlan,
        buf: &'b mut FrameBuf,
    ) -> Result<&'b [u8], SealError> {
        match finish(plan, buf) {
            Ok(()) => Ok(buf.bytes()),
            Err(cause) => {
                buf.clear();
                Err(SealError { who: self.who.clone(), kind: info.kind, cause })
            }
        }
    }

    /// KID of the frame key that seals `kind` now, and the key's bytes, for an executor outside.
    #[cfg(feature = "hazmat")]
    pub fn hazmat_frame_key(&mut self, kind: TrackKind) -> Result<(Kid, SecretBytes), SealError> {
        let kid = self.kid().map_err(|cause| self.fail(cause))?;
        let key = frame_key_material(&self.profile, &self.who, &self.base, kid, kind).key;
        Ok((kid, key))
    }

    /// A sealer at a base key and counter of the caller's choice: for test vectors. Repeating a counter is then the
    /// caller's fault.
    #[cfg(feature = "hazmat")]
    #[must_use]
    pub fn hazmat_at(profile: Profile, who: ParticipantId, at: KeyAt, base: BaseKey) -> Self {
        Self::at(profile, who, at, base, None)
    }

    /// Sets the next counter of a kind, beyond [`MAX_FRAMES_PER_KEY`] too: for test vectors.
    #[cfg(feature = "hazmat")]
    pub fn hazmat_set_ctr(&mut self, kind: TrackKind, ctr: Ctr) -> Result<(), SealError> {
        let slot = FrameInfo::track(kind, CodecRule::Opaque).slot(&self.profile.format);
        let slot = match self.slot(slot) {
            Ok(slot) => slot,
            Err(cause) => return Err(self.fail(cause)),
        };
        slot.next = ctr.0;
        slot.last = if ctr.0 > slot.last { u64::MAX } else { slot.last };
        Ok(())
    }

    /// Everything up to the cipher: `AAD | plaintext | room for the tag`, counter spent.
    #[cfg_attr(not(target_family = "wasm"), inline)]
    #[cfg_attr(target_family = "wasm", inline(never))] // in many places; the module must stay small
    fn lay_out(&mut self, info: &FrameInfo<'_>, buf: &mut FrameBuf) -> Result<SealPlan, SealCause> {
        let (rule, behind) = match self.profile.format {
            FrameFormat::Sframe => (CodecRule::Opaque, 0),
            FrameFormat::Frameseal { .. } => {
                let arranged = codec::arrange(info.rule, buf).map_err(SealCause::Layout)?;
                let mut layout = VERSION_1 | info.rule as u8;
                if arranged.tail {
                    layout |= TAIL;
                }
                if self.pad(info.kind, arranged.clear, buf) {
                    layout |= PADDED;
                }
                insert(layout, arranged.clear, buf)?;
                (info.rule, arranged.clear + 1)
            }
        };
        buf.grow_back(self.profile.suite.tag_len());
        let slot = self.slot(info.slot(&self.profile.format))?;
        let Header { kid, ctr } = slot.spend()?;
        let nonce = slot.key.nonce(ctr);
        let encoded = Header { kid, ctr }.encode();
        let header = encoded.as_bytes().len();
        if !buf.grow_front(header) {
            return Err(SealCause::Refused);
        }
        if let Some(room) = buf.bytes_mut().get_mut(..header) {
            room.copy_from_slice(encoded.as_bytes());
        }
        Ok(SealPlan { nonce, aad: header + behind, header, rule, kid })
    }

    /// Fills the plaintext up with a mark and zeros. `false` when this kind is not padded.
    #[inline]
    fn pad(&self, kind: TrackKind, clear: usize, buf: &mut FrameBuf) -> bool {
        let Some(Padding::MultipleOf(n)) = self.padding.get(kind as usize) else { return false };
        let plain = buf.len().saturating_sub(clear) + 1;
        let add = plain.next_multiple_of(usize::from(*n).max(1)) - plain;
        buf.push(&[PADDING_MARK]);
        let end = buf.len();
        buf.grow_back(add);
        if let Some(room) = buf.bytes_mut().get_mut(end..) {
            room.fill(0);
        }
        true
    }

    #[inline]
    fn slot(&mut self, kind: TrackKind) -> Result<&mut Slot, SealCause> {
        let missing = self.slots.get(kind as usize).is_none_or(Option::is_none);
        if missing {
            self.set_up(kind)?;
        }
        self.slots.get_mut(kind as usize).and_then(Option::as_mut).ok_or(SealCause::Stale)
    }

    /// Derives the frame key of a kind: once for each base key and kind.
    #[cold]
    fn set_up(&mut self, kind: TrackKind) -> Result<(), SealCause> {
        let kid = self.kid()?;
        let key = FrameKey::derive(&self.profile, &self.who, &self.base, kid, kind)
            .map_err(SealCause::Unsupported)?;
        if let Some(slot) = self.slots.get_mut(kind as usize) {
            *slot = Some(Slot { kid, key, next: 0, last: MAX_FRAMES_PER_KEY - 1 });
        }
        Ok(())
    }

    fn kid(&self) -> Result<Kid, SealCause> {
        let kid = match self.at {
            KeyAt::Sender(generation, step) => self.profile.scheme.sender_kid(generation, step),
            KeyAt::Mls(epoch, index) => self.profile.scheme.mls_kid(epoch, index, self.context).ok(),
        };
        kid.ok_or(SealCause::WrongScheme)
    }

    fn replace(&mut self, at: KeyAt, base: BaseKey) {
        self.at = at;
        self.base = base;
        self.slots = [const { None }; TrackKind::COUNT];
    }

    #[cold]
    fn fail(&self, cause: SealCause) -> SealError {
        SealError { who: self.who.clone(), kind: TrackKind::Data, cause }
    }
}

impl SealPlan {
    /// The key that the executor must use.
    #[must_use]
    pub const fn kid(&self) -> Kid {
        self.kid
    }
}

/// `header | clear | layout | ct | tag` becomes the wire's bytes.
#[cfg_attr(not(target_family = "wasm"), inline)]
#[cfg_attr(target_family = "wasm", inline(never))] // in many places; the module must stay small
fn finish(plan: &SealPlan, buf: &mut FrameBuf) -> Result<(), SealCause> {
    let Some(clear) = (plan.aad - plan.header).checked_sub(1) else { return Ok(()) };
    if let Some(prefix) = buf.bytes_mut().get_mut(..plan.aad) {
        prefix.rotate_left(plan.header);
    }
    codec::wrap(plan.rule, buf, clear).map_err(SealCause::Layout)
}

/// Puts the layout byte behind the clear bytes.
#[inline]
fn insert(layout: u8, clear: usize, buf: &mut FrameBuf) -> Result<(), SealCause> {
    if !buf.grow_front(1) {
        return Err(SealCause::Refused);
    }
    let prefix = buf.bytes_mut().get_mut(..=clear).ok_or(SealCause::Refused)?;
    if clear > 0 {
        prefix.copy_within(1.., 0);
    }
    if let Some(last) = prefix.last_mut() {
        *last = layout;
    }
    Ok(())
}

/// A base key from entropy, mixed with what was before.
fn fresh(suite: CipherSuite, before: &[u8], entropy: &[u8; 32]) -> BaseKey {
    let mut bytes = SecretBytes::zeroed(suite.hash().output_len().min(32));
    Prk::extract(suite.hash(), before, entropy).expand(&[b"Frameseal 1 base key"], bytes.as_mut());
    BaseKey::derived(bytes)
}
