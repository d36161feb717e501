//! Opening: the frames of one participant, authenticated before anything moves.

use crate::error::{OpenCause, OpenError};
use crate::frame::buf::FrameBuf;
use crate::frame::codec::{self, CodecRule};
use crate::frame::header::Header;
use crate::frame::{
    FrameFormat, FrameInfo, PADDED, PADDING_MARK, Prefix, RULE_MASK, Scratch, Straight, TAIL, VERSION_1,
    VERSION_MASK, with_metadata,
};
use crate::id::{Ctr, Kid, Millis, ParticipantId, TrackKind};
use crate::key::ring::{KeyAt, KeyRing};
use crate::key::room::RoomSender;
use crate::key::schedule::Profile;
use crate::secret::BaseKey;

/// How frames fared, since the opener was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Authenticated and handed out.
    pub opened: u64,
    /// Repeats of genuine frames, dropped quietly (browsers deliver some).
    pub repeated: u64,
    /// No key for the KID, or out of the ratchet's reach.
    pub no_key: u64,
    /// Wrong tag.
    pub rejected: u64,
    /// Not a sealed frame of its codec.
    pub malformed: u64,
}

impl Tally {
    /// Counts a frame that did not open.
    pub(crate) const fn count(&mut self, cause: OpenCause) {
        let counter = match cause {
            OpenCause::Replayed { .. } | OpenCause::TooOld { .. } => &mut self.repeated,
            OpenCause::UnknownKey { .. } | OpenCause::TooFar { .. } | OpenCause::Stale => &mut self.no_key,
            OpenCause::Rejected { .. } => &mut self.rejected,
            OpenCause::Layout(_)
            | OpenCause::Header(_)
            | OpenCause::TooShort
            | OpenCause::UnknownVersion
            | OpenCause::WrongCodec
            | OpenCause::Trailer
            | OpenCause::NoCodec
            | OpenCause::Injected => &mut self.malformed,
        };
        *counter += 1;
    }
}

/// One AEAD call, described: for an executor outside (WebCrypto).
///
/// The buffer holds `AAD | ciphertext | tag`. The executor puts the plaintext in place of the ciphertext.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenPlan {
    /// Nonce.
    pub nonce: [u8; 12],
    /// AAD length: the first bytes of the buffer.
    pub aad: usize,
    found: Found,
}

impl OpenPlan {
    /// The key that the executor must use.
    #[must_use]
    pub const fn kid(&self) -> Kid {
        self.found.kid
    }
}

/// Where the parts of a frame stand: `header | clear | layout | ct | tag`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Found {
    kid: Kid,
    ctr: Ctr,
    header: usize,
    /// Clear bytes and the layout byte, which is absent in bare SFrame.
    behind: usize,
    layout: Option<u8>,
}

impl Found {
    const fn aad(&self) -> usize {
        self.header + self.behind
    }
}

/// Opens the frames of one participant.
pub struct Opener {
    ring: KeyRing,
    tally: Tally,
    scratch: Scratch,
}

impl Opener {
    /// An opener without keys.
    #[must_use]
    pub fn new(profile: Profile, who: ParticipantId) -> Self {
        Self { ring: KeyRing::new(profile, who), tally: Tally::default(), scratch: Scratch::new() }
    }

    /// The participant.
    #[must_use]
    pub const fn who(&self) -> &ParticipantId {
        self.ring.who()
    }

    /// The participant's keys.
    #[must_use]
    pub const fn ring(&self) -> &KeyRing {
        &self.ring
    }

    /// How frames fared.
    #[must_use]
    pub const fn tally(&self) -> Tally {
        self.tally
    }

    /// Takes a base key; see [`KeyRing::install`].
    pub fn install(&mut self, at: KeyAt, base: BaseKey) {
        self.ring.install(at, base);
    }

    /// Follows a sender by the room secret; see [`KeyRing::follow_room`].
    pub fn follow_room(&mut self, sender: RoomSender) {
        self.ring.follow_room(sender);
    }

    /// Drops keys older than `oldest` at once; see [`KeyRing::forget_before`].
    pub fn forget_before(&mut self, oldest: KeyAt) {
        self.ring.forget_before(oldest);
    }

    /// Tells the time; see [`KeyRing::tick`].
    pub fn tick(&mut self, now: Millis) {
        self.ring.tick(now);
    }

    /// Opens the frame in `buf`, in place, and gives the frame for the decoder.
    ///
    /// # Errors
    /// [`OpenError`]; `buf` is then empty and the frame must be dropped.
    #[inline]
    pub fn open<'b>(&mut self, info: &FrameInfo<'_>, buf: &'b mut FrameBuf) -> Result<&'b [u8], OpenError> {
        match self.open_inner(info, buf) {
            Ok(()) => {
                self.tally.opened += 1;
                Ok(buf.bytes())
            }
            Err(cause) => Err(self.fail(info.kind, cause, buf)),
        }
    }

    #[inline]
    fn open_inner(&mut self, info: &FrameInfo<'_>, buf: &mut FrameBuf) -> Result<(), OpenCause> {
        let found = self.find_parts(info, buf)?;
        let slot = info.slot(&self.ring.profile().format);
        let (prefix, body) = buf.bytes_mut().split_at_mut_checked(found.aad()).ok_or(OpenCause::TooShort)?;
        let aad = with_metadata(prefix, info.metadata, &mut self.scratch);
        self.ring.open(found.kid, found.ctr, slot, aad, body)?;
        self.finish(info.rule, &found, buf)
    }

    /// Opens `frame` straight into `out`, at its start: one copy less than with a [`FrameBuf`], where the frame need not
    /// be put together. `out` must be as long as the frame; what stands behind the bytes written is unspecified.
    ///
    /// # Errors
    /// As [`Opener::open`]; `out` then holds nothing of the frame.
    #[inline(never)] // compiled here for speed, also for callers that are compiled for size
    pub fn open_into(
        &mut self,
        info: &FrameInfo<'_>,
        frame: &[u8],
        out: &mut [u8],
    ) -> Result<Straight, OpenError> {
        match self.open_straight(info, frame, out) {
            Ok(straight) => {
                self.tally.opened += u64::from(matches!(straight, Straight::Done(_)));
                Ok(straight)
            }
            Err(cause) => Err(self.refuse(info.kind, cause)),
        }
    }

    #[inline]
    fn open_straight(
        &mut self,
        info: &FrameInfo<'_>,
        frame: &[u8],
        out: &mut [u8],
    ) -> Result<Straight, OpenCause> {
        if out.len() < frame.len() {
            return Ok(Straight::Short(frame.len()));
        }
        let profile = self.ring.profile();
        let (clear, layout) = match profile.format {
            FrameFormat::Sframe => (0, None),
            FrameFormat::Frameseal { .. } => {
                let Some(clear) = codec::prefix(info.rule, frame) else { return Ok(Straight::Apart) };
                let clear = clear.map_err(OpenCause::Layout)?;
                let layout = checked_layout(info.rule, frame, clear)?;
                if layout & (PADDED | TAIL) != 0 {
                    return Ok(Straight::Apart);
                }
                (clear, Some(layout))
            }
        };
        let (clear, rest) = frame.split_at_checked(clear).ok_or(OpenCause::TooShort)?;
        let rest = rest.get(usize::from(layout.is_some())..).ok_or(OpenCause::TooShort)?;
        let (Header { kid, ctr }, header) = Header::decode(rest).map_err(OpenCause::Header)?;
        let (header, sealed) = rest.split_at_checked(header).ok_or(OpenCause::TooShort)?;
        let text = sealed.len().checked_sub(profile.suite.tag_len()).ok_or(OpenCause::TooShort)?;
        let prefix = Prefix::new(header, clear, layout).ok_or(OpenCause::TooShort)?;
        let slot = info.slot(&profile.format);
        let out = out.get_mut(..clear.len() + sealed.len()).ok_or(OpenCause::TooShort)?;
        let (first, body) = out.split_at_mut_checked(clear.len()).ok_or(OpenCause::TooShort)?;
        first.copy_from_slice(clear);
        body.copy_from_slice(sealed);
        let aad = with_metadata(prefix.as_bytes(), info.metadata, &mut self.scratch);
        if let Err(cause) = self.ring.open(kid, ctr, slot, aad, body) {
            // Of a repeat this is the plaintext.
            out.fill(0);
            return Err(cause);
        }
        Ok(Straight::Done(clear.len() + text))
    }

    /// First half of opening for an executor outside: only for a key that has opened a frame before.
    ///
    /// # Errors
    /// [`OpenCause::Stale`] when the key has not opened a frame yet or the counter is not a new one: use
    /// [`Opener::open`] with a fresh copy of the frame. Otherwise as there.
    #[cfg(feature = "hazmat")]
    pub fn hazmat_plan(&mut self, info: &FrameInfo<'_>, buf: &mut FrameBuf) -> Result<OpenPlan, OpenError> {
        let found = match self.find_parts(info, buf) {
            Ok(found) => found,
            Err(cause) => return Err(self.fail(info.kind, cause, buf)),
        };
        let slot = info.slot(&self.ring.profile().format);
        let Some(at) = self.ring.find(found.kid, slot) else {
            return Err(OpenError { who: self.who().clone(), kind: info.kind, cause: OpenCause::Stale });
        };
        match self.ring.check(at, found.ctr) {
            Ok(nonce) => Ok(OpenPlan { nonce, aad: found.aad(), found }),
            Err(cause) => Err(OpenError { who: self.who().clone(), kind: info.kind, cause }),
        }
    }

    /// Second half: the caller vouches that the tag was right, and has put the plaintext in place.
    ///
    /// # Errors
    /// [`OpenCause::Stale`] when the key is gone, [`OpenCause::Replayed`] when the counter came meanwhile.
    #[cfg(feature = "hazmat")]
    pub fn hazmat_accept<'b>(
        &mut self,
        info: &FrameInfo<'_>,
        plan: &OpenPlan,
        buf: &'b mut FrameBuf,
    ) -> Result<&'b [u8], OpenError> {
        let slot = info.slot(&self.ring.profile().format);
        let done = self
            .ring
            .accept(plan.found.kid, slot, plan.found.ctr)
            .and_then(|()| self.finish(info.rule, &plan.found, buf));
        match done {
            Ok(()) => {
                self.tally.opened += 1;
                Ok(buf.bytes())
            }
            Err(cause) => Err(self.fail(info.kind, cause, buf)),
        }
    }

    /// Whether a frame of the Frameseal format is built like a sealed one, whoever sealed it. For senders whose keys
    /// are not here: it tells one whose key is late from one who does not encrypt at all. It proves nothing, and about
    /// one in a hundred frames of noise passes. The content of `buf` may be rearranged.
    #[must_use]
    pub fn looks_sealed(rule: CodecRule, buf: &mut FrameBuf) -> bool {
        let Ok((clear, _)) = find_layout(rule, buf) else { return false };
        let rest = buf.bytes().get(clear + 1..).unwrap_or_default();
        Header::decode(rest).is_ok_and(|(_, len)| rest.len() > len)
    }

    /// The executor found the tag wrong.
    #[cfg(feature = "hazmat")]
    pub fn hazmat_refuse(&mut self, info: &FrameInfo<'_>, plan: &OpenPlan, buf: &mut FrameBuf) -> OpenError {
        self.fail(info.kind, OpenCause::Rejected { kid: plan.found.kid, ctr: plan.found.ctr }, buf)
    }

    /// The frame key of a KID that has opened a frame, for an executor outside.
    #[cfg(feature = "hazmat")]
    #[must_use]
    pub fn hazmat_frame_key(&self, plan: &OpenPlan, kind: TrackKind) -> Option<crate::secret::SecretBytes> {
        let slot = FrameInfo::track(kind, CodecRule::Opaque).slot(&self.ring.profile().format);
        self.ring.material(plan.found.kid, slot)
    }

    /// Finds the parts and makes the buffer `header | clear | layout | ct | tag`.
    #[cfg_attr(not(target_family = "wasm"), inline)]
    #[cfg_attr(target_family = "wasm", inline(never))] // in many places; the module must stay small
    fn find_parts(&self, info: &FrameInfo<'_>, buf: &mut FrameBuf) -> Result<Found, OpenCause> {
        let profile = self.ring.profile();
        let (behind, layout) = match profile.format {
            FrameFormat::Sframe => (0, None),
            FrameFormat::Frameseal { .. } => {
                let (clear, layout) = find_layout(info.rule, buf)?;
                (clear + 1, Some(layout))
            }
        };
        let rest = buf.bytes().get(behind..).unwrap_or_default();
        let (Header { kid, ctr }, header) = Header::decode(rest).map_err(OpenCause::Header)?;
        if rest.len() < header + profile.suite.tag_len() {
            return Err(OpenCause::TooShort);
        }
        if behind > 0
            && let Some(prefix) = buf.bytes_mut().get_mut(..behind + header)
        {
            prefix.rotate_right(header);
        }
        Ok(Found { kid, ctr, header, behind, layout })
    }

    /// `header | clear | layout | plaintext | tag` becomes the frame.
    #[cfg_attr(not(target_family = "wasm"), inline)]
    #[cfg_attr(target_family = "wasm", inline(never))] // in many places; the module must stay small
    fn finish(&self, rule: CodecRule, found: &Found, buf: &mut FrameBuf) -> Result<(), OpenCause> {
        buf.truncate(buf.len().saturating_sub(self.ring.profile().suite.tag_len()));
        buf.shrink_front(found.header);
        let Some(layout) = found.layout else { return Ok(()) };
        let clear = found.behind - 1;
        if clear > 0
            && let Some(prefix) = buf.bytes_mut().get_mut(..=clear)
        {
            prefix.copy_within(..clear, 1);
        }
        buf.shrink_front(1);
        if layout & PADDED != 0 {
            let body = buf.bytes().get(clear..).unwrap_or_default();
            let mark = body.iter().rposition(|b| *b != 0).ok_or(OpenCause::UnknownVersion)?;
            if body.get(mark) != Some(&PADDING_MARK) {
                return Err(OpenCause::UnknownVersion);
            }
            buf.truncate(clear + mark);
        }
        codec::restore(rule, buf, clear, layout & TAIL != 0).map_err(OpenCause::Layout)
    }

    #[cold]
    fn fail(&mut self, kind: TrackKind, cause: OpenCause, buf: &mut FrameBuf) -> OpenError {
        buf.clear();
        self.refuse(kind, cause)
    }

    #[cold]
    fn refuse(&mut self, kind: TrackKind, cause: OpenCause) -> OpenError {
        self.tally.count(cause);
        OpenError { who: self.who().clone(), kind, cause }
    }
}

/// Number of clear bytes, and the layout byte behind them.
fn find_layout(rule: CodecRule, buf: &mut FrameBuf) -> Result<(usize, u8), OpenCause> {
    let clear = codec::unwrap(rule, buf).map_err(OpenCause::Layout)?;
    Ok((clear, checked_layout(rule, buf.bytes(), clear)?))
}

/// The layout byte behind the clear bytes, if it is one of this version and rule.
#[inline]
fn checked_layout(rule: CodecRule, bytes: &[u8], clear: usize) -> Result<u8, OpenCause> {
    let layout = *bytes.get(clear).ok_or(OpenCause::TooShort)?;
    if layout & VERSION_MASK != VERSION_1 {
        return Err(OpenCause::UnknownVersion);
    }
    if layout & RULE_MASK != rule as u8 {
        return Err(OpenCause::WrongCodec);
    }
    Ok(layout)
}
