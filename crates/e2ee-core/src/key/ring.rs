//! The keys of one participant, for opening.
//!
//! Looking never changes the ring. Only a `Verified`, which only an authenticated open makes, moves a replay window,
//! a ratchet or a generation. A frame names its key exactly: there is one candidate, and no trial of several keys.
//!
//! Old keys linger after a newer one proved itself, for frames still on their way, and go when the caller's clock says
//! so ([`KeyRing::tick`]). A key that went never comes back: nothing older than the oldest live key is derived again,
//! so a replay window is never reset.

use alloc::vec::Vec;

use crate::error::OpenCause;
use crate::id::{Ctr, Epoch, Generation, Kid, Millis, ParticipantId, Step, TrackKind};
use crate::key::kid::KeyName;
use crate::key::ratchet::{self, RATCHET_REACH};
use crate::key::replay::{Freshness, ReplayWindow};
use crate::key::room::RoomSender;
use crate::key::schedule::{FrameKey, Profile};
use crate::secret::BaseKey;
use subtle::ConstantTimeEq;

/// How long a superseded key still opens frames, milliseconds. Reordering and jitter buffers stay well below.
pub const LINGER_MS: u64 = 10_000;
/// Base keys kept for one participant. Rotations faster than [`LINGER_MS`] push out the oldest.
pub const MAX_LIVE_KEYS: usize = 8;
/// Frame keys kept for one participant: kinds of track, times live keys, times MLS contexts.
pub const MAX_FRAME_KEYS: usize = 64;

/// Which base key: the sender-key or the MLS coordinates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyAt {
    /// A step of a generation.
    Sender(Generation, Step),
    /// A leaf in an epoch.
    Mls(Epoch, u32),
}

/// A fingerprint of a base key for reports: 4 bytes of a hash, as hex. It tells keys apart and gives nothing away.
pub type Fingerprint = [u8; 4];

struct LiveKey {
    at: KeyAt,
    base: BaseKey,
    /// True once a frame was authenticated under it.
    proven: bool,
    /// True once a newer key was proven.
    superseded: bool,
    /// When a superseded key goes; set by the tick after.
    retire_at: Option<Millis>,
}

/// A frame key with its replay window, and the base key that it came from.
struct OpenKey {
    at: KeyAt,
    kid: Kid,
    kind: TrackKind,
    key: FrameKey,
    window: ReplayWindow,
}

/// The keys of one participant.
pub struct KeyRing {
    profile: Profile,
    who: ParticipantId,
    live: Vec<LiveKey>,
    open: Vec<OpenKey>,
    room: Option<RoomSender>,
}

/// A key that would fit a frame, derived aside. Dropping it leaves the ring as it was.
pub(crate) struct Candidate {
    new_base: Option<BaseKey>,
    open: OpenKey,
}

/// Proof that a frame was authenticated under a candidate. No public way to make one.
pub(crate) struct Verified {
    candidate: Candidate,
    ctr: Ctr,
}

impl KeyRing {
    /// An empty ring.
    #[must_use]
    pub fn new(profile: Profile, who: ParticipantId) -> Self {
        Self {
            profile,
            who,
            live: Vec::with_capacity(MAX_LIVE_KEYS),
            open: Vec::with_capacity(MAX_FRAME_KEYS),
            room: None,
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

    /// Takes a base key. Taking the same key again changes nothing; another key at the same place replaces it.
    pub fn install(&mut self, at: KeyAt, base: BaseKey) {
        if let Some(old) = self.live.iter().find(|k| k.at == at) {
            if bool::from(old.base.expose().ct_eq(base.expose())) {
                return;
            }
            self.forget(at);
        }
        // RFC 9605 section 5.2: two live epochs must differ in the bits that the KID shows.
        if let KeyAt::Mls(epoch, _) = at {
            let low = self.profile.scheme.epoch_low(epoch);
            let scheme = self.profile.scheme;
            self.retain(|k| !matches!(k, KeyAt::Mls(e, _) if scheme.epoch_low(e) == low));
        }
        self.insert(LiveKey::new(at, base));
    }

    /// Derives base keys from the room secret as generations appear, in place of being told each.
    pub fn follow_room(&mut self, sender: RoomSender) {
        self.live.clear();
        self.open.clear();
        self.room = Some(sender);
    }

    /// Drops one base key and all that came from it, at once.
    pub fn forget(&mut self, at: KeyAt) {
        self.retain(|k| k != at);
    }

    /// Drops every key of a generation older than `oldest`, at once: after a forced removal.
    pub fn forget_before(&mut self, oldest: KeyAt) {
        self.retain(|k| k >= oldest);
    }

    /// Tells the time. A superseded key goes [`LINGER_MS`] after the tick that first finds it so; only the difference
    /// between ticks counts. Once a second is often enough.
    pub fn tick(&mut self, now: Millis) {
        for key in self.live.iter_mut().filter(|k| k.superseded && k.retire_at.is_none()) {
            key.retire_at = Some(now.plus(LINGER_MS));
        }
        while let Some(done) = self.live.iter().find(|k| k.retire_at.is_some_and(|t| t <= now)).map(|k| k.at)
        {
            self.forget(done);
        }
    }

    /// The live base keys: where, a fingerprint, and whether a frame has proven it.
    pub fn keys(&self) -> impl Iterator<Item = (KeyAt, Fingerprint, bool)> + '_ {
        self.live.iter().map(|k| (k.at, fingerprint(&k.base), k.proven))
    }

    /// A frame key already in use.
    #[inline]
    pub(crate) fn find(&self, kid: Kid, kind: TrackKind) -> Option<usize> {
        self.open.iter().position(|k| k.kid == kid && k.kind == kind)
    }

    /// Nonce and freshness under a frame key in use.
    #[cfg(feature = "hazmat")]
    #[inline]
    pub(crate) fn check(&self, at: usize, ctr: Ctr) -> Result<[u8; 12], OpenCause> {
        let key = self.open.get(at).ok_or(OpenCause::Stale)?;
        // Whether it is a repeat or made up is for `open_with` to say.
        key.fresh(ctr).map_err(|_| OpenCause::Stale)?;
        Ok(key.key.nonce(ctr))
    }

    /// Opens with a frame key in use; its window moves only when the tag was right. The tag is checked before the
    /// window has its say: only a genuine frame is a repeat. What merely carries the counter of one (a forgery, or a
    /// frame read by the rule of another codec) is rejected, which is not quiet.
    #[inline]
    pub(crate) fn open_with(
        &mut self,
        at: usize,
        ctr: Ctr,
        aad: &[u8],
        body: &mut [u8],
    ) -> Result<(), OpenCause> {
        let key = self.open.get_mut(at).ok_or(OpenCause::Stale)?;
        key.open(ctr, aad, body)?;
        key.fresh(ctr)?;
        key.window.mark(ctr.0);
        Ok(())
    }

    /// Opens a frame under the key that `kid` names, in place, derived if need be.
    #[inline]
    pub(crate) fn open(
        &mut self,
        kid: Kid,
        ctr: Ctr,
        kind: TrackKind,
        aad: &[u8],
        body: &mut [u8],
    ) -> Result<(), OpenCause> {
        match self.find(kid, kind) {
            Some(at) => self.open_with(at, ctr, aad, body),
            None => {
                let verified = self.candidate(kid, kind)?.open(ctr, aad, body)?;
                self.commit(verified);
                Ok(())
            }
        }
    }

    /// Marks a counter whose tag an executor outside has checked.
    #[cfg(feature = "hazmat")]
    pub(crate) fn accept(&mut self, kid: Kid, kind: TrackKind, ctr: Ctr) -> Result<(), OpenCause> {
        let at = self.find(kid, kind).ok_or(OpenCause::Stale)?;
        let key = self.open.get_mut(at).ok_or(OpenCause::Stale)?;
        key.fresh(ctr)?;
        key.window.mark(ctr.0);
        Ok(())
    }

    /// The frame key of a KID in use as bytes, for an executor outside.
    #[cfg(feature = "hazmat")]
    pub(crate) fn material(&self, kid: Kid, kind: TrackKind) -> Option<crate::secret::SecretBytes> {
        let at = self.open.get(self.find(kid, kind)?)?.at;
        let base = &self.live.iter().find(|k| k.at == at)?.base;
        Some(crate::key::schedule::frame_key_material(&self.profile, &self.who, base, kid, kind).key)
    }

    /// Derives, aside, the key that `kid` names. The ring stays as it is.
    pub(crate) fn candidate(&self, kid: Kid, kind: TrackKind) -> Result<Candidate, OpenCause> {
        if self.open.len() >= MAX_FRAME_KEYS {
            return Err(OpenCause::TooFar { kid });
        }
        let (at, new_base) = match self.profile.scheme.name(kid) {
            Some(KeyName::Sender { generation, step_low }) => self.locate_step(kid, generation, step_low)?,
            Some(KeyName::Mls { index, epoch_low, .. }) => (self.locate_epoch(kid, index, epoch_low)?, None),
            None => return Err(OpenCause::UnknownKey { kid }),
        };
        let base = match &new_base {
            Some(base) => base,
            None => &self.live.iter().find(|k| k.at == at).ok_or(OpenCause::UnknownKey { kid })?.base,
        };
        let key = FrameKey::derive(&self.profile, &self.who, base, kid, kind)
            .map_err(|_| OpenCause::UnknownKey { kid })?;
        Ok(Candidate { new_base, open: OpenKey { at, kid, kind, key, window: ReplayWindow::default() } })
    }

    /// The one door by which a frame changes the ring.
    pub(crate) fn commit(&mut self, verified: Verified) {
        let Verified { candidate: Candidate { new_base, mut open }, ctr } = verified;
        let at = open.at;
        if let Some(base) = new_base {
            self.insert(LiveKey::new(at, base));
        }
        open.window.mark(ctr.0);
        self.open.push(open);
        let newest = self.live.iter().filter(|k| k.proven).map(|k| k.at).max();
        for key in &mut self.live {
            if key.at == at {
                key.proven = true;
                key.superseded |= newest.is_some_and(|n| n > at);
            } else {
                key.superseded |= key.at < at;
            }
        }
    }

    fn locate_epoch(&self, kid: Kid, index: u32, epoch_low: u64) -> Result<KeyAt, OpenCause> {
        self.live
            .iter()
            .map(|k| k.at)
            .find(|at| matches!(*at, KeyAt::Mls(e, i) if i == index && self.profile.scheme.epoch_low(e) == epoch_low))
            .ok_or(OpenCause::UnknownKey { kid })
    }

    /// Finds the step, or derives it: ahead of the newest within reach, or between two live steps.
    fn locate_step(
        &self,
        kid: Kid,
        generation: Generation,
        step_low: u32,
    ) -> Result<(KeyAt, Option<BaseKey>), OpenCause> {
        let steps = self.profile.scheme.steps();
        let live = || {
            self.live.iter().filter_map(|k| match k.at {
                KeyAt::Sender(g, Step(s)) if g == generation => Some((s, k)),
                _ => None,
            })
        };
        if let Some((_, key)) = live().find(|(s, _)| s % steps == step_low) {
            return Ok((key.at, None));
        }
        let Some((newest, _)) = live().max_by_key(|(s, _)| *s) else {
            return self.locate_generation(kid, generation, step_low);
        };
        // The step meant is the nearest one with these low bits.
        let ahead = step_low.wrapping_sub(newest % steps) % steps;
        let target = match newest.checked_sub(steps - ahead) {
            Some(behind) if steps - ahead < ahead || live().any(|(s, _)| s < behind) => behind,
            _ => newest.saturating_add(ahead),
        };
        let from = live().filter(|(s, _)| *s < target).max_by_key(|(s, _)| *s);
        let (from, key) = from.ok_or(OpenCause::UnknownKey { kid })?;
        if target - from > RATCHET_REACH {
            return Err(OpenCause::TooFar { kid });
        }
        let base = ratchet::steps(self.profile.suite, &key.base, target - from);
        Ok((KeyAt::Sender(generation, Step(target)), Some(base)))
    }

    /// A generation that nobody told us, from the room secret: only newer than all that we know.
    fn locate_generation(
        &self,
        kid: Kid,
        generation: Generation,
        step_low: u32,
    ) -> Result<(KeyAt, Option<BaseKey>), OpenCause> {
        let room = self.room.as_ref().ok_or(OpenCause::UnknownKey { kid })?;
        let at = KeyAt::Sender(generation, Step(step_low));
        if self.live.iter().any(|k| k.at > at) {
            return Err(OpenCause::UnknownKey { kid });
        }
        if step_low > RATCHET_REACH {
            return Err(OpenCause::TooFar { kid });
        }
        Ok((at, Some(ratchet::steps(self.profile.suite, &room.base_key(generation), step_low))))
    }

    fn insert(&mut self, key: LiveKey) {
        if self.live.len() >= MAX_LIVE_KEYS
            && let Some(oldest) = self.live.iter().map(|k| k.at).min()
        {
            self.forget(oldest);
        }
        self.live.push(key);
    }

    fn retain(&mut self, keep: impl Fn(KeyAt) -> bool) {
        self.live.retain(|k| keep(k.at));
        self.open.retain(|k| keep(k.at));
    }
}

impl LiveKey {
    const fn new(at: KeyAt, base: BaseKey) -> Self {
        Self { at, base, proven: false, superseded: false, retire_at: None }
    }
}

impl Candidate {
    pub(crate) fn open(self, ctr: Ctr, aad: &[u8], body: &mut [u8]) -> Result<Verified, OpenCause> {
        self.open.open(ctr, aad, body)?;
        Ok(Verified { candidate: self, ctr })
    }
}

impl OpenKey {
    #[inline]
    fn fresh(&self, ctr: Ctr) -> Result<(), OpenCause> {
        match self.window.check(ctr.0) {
            Freshness::Fresh => Ok(()),
            Freshness::Seen => Err(OpenCause::Replayed { kid: self.kid, ctr }),
            Freshness::TooOld => Err(OpenCause::TooOld { kid: self.kid, ctr }),
        }
    }

    #[inline]
    fn open(&self, ctr: Ctr, aad: &[u8], body: &mut [u8]) -> Result<(), OpenCause> {
        self.key
            .aead
            .open(&self.key.nonce(ctr), aad, body)
            .map_err(|_| OpenCause::Rejected { kid: self.kid, ctr })
    }
}

/// Fingerprint of a base key.
pub(crate) fn fingerprint(base: &BaseKey) -> Fingerprint {
    let mut out = [0; 4];
    crate::crypto::kdf::Prk::extract(crate::crypto::Hash::Sha256, b"Frameseal 1 fingerprint", base.expose())
        .expand(&[b"fingerprint"], &mut out);
    out
}
