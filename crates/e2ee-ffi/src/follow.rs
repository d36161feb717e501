//! Those who follow a ring: sealers with the keys of a session, openers with those of one participant.

use std::sync::Arc;

use e2ee_core::frame::{Padding, Tally};
use e2ee_core::{
    Announcement, CallId, CipherSuite, FrameBuf, FrameFormat, FrameInfo, KeyAt, KidScheme, OpenCause,
    OpenError, Opener, ParticipantId, Profile, RoomSecret, SealCause, SealError, Sealer, SecretBytes,
    Straight, TrackKind, jitsi, livekit,
};

use crate::fence::Failure;
use crate::media::{Info, Scheme, no_open_codec, wrong_format};
use crate::ring::{Change, Ring, Seal, SealWith};
use crate::status::frameseal_status as S;

/// KIDs of sessions: 256 epochs are told apart, and 65536 members; as browsers have them.
pub(crate) const SESSION_KIDS: KidScheme = KidScheme::Mls { epoch_bits: 8, index_bits: 16 };
/// Announcements kept of one participant. Whoever relays them may make some up, and this bounds what that costs.
const MAX_RUNS: usize = 64;

/// A base key once more.
pub(crate) fn duplicate(base: &e2ee_core::BaseKey) -> Option<e2ee_core::BaseKey> {
    e2ee_core::BaseKey::new(SecretBytes::copy_of(base.expose())).ok()
}

/// Seals with the keys of a session.
pub(crate) struct Follower {
    ring: Arc<Ring>,
    seen: Option<u64>,
    sealer: Option<Sealer>,
    /// The sealer while nothing may be sealed. Made anew, it would repeat counters.
    hushed: Option<Sealer>,
    /// Group and context of the sealer: no other sealer has this context, nor had this one in another group.
    group: Option<(u64, u64)>,
    /// The newest epoch that was sealed with in this group.
    last: Option<e2ee_core::Epoch>,
    padding: [Padding; TrackKind::COUNT],
}

impl Follower {
    pub(crate) fn new(ring: Arc<Ring>) -> Self {
        let padding = [Padding::None; TrackKind::COUNT];
        Self { ring, seen: None, sealer: None, hushed: None, group: None, last: None, padding }
    }

    pub(crate) fn who(&self) -> &ParticipantId {
        &self.ring.me
    }

    pub(crate) fn set_padding(&mut self, kind: TrackKind, padding: Padding) {
        if let Some(slot) = self.padding.get_mut(kind as usize) {
            *slot = padding;
        }
        self.pad();
    }

    fn pad(&mut self) {
        for sealer in self.sealer.iter_mut().chain(&mut self.hushed) {
            for (kind, padding) in TrackKind::ALL.into_iter().zip(self.padding) {
                sealer.set_padding(kind, padding);
            }
        }
    }

    pub(crate) fn max_sealed_len(&self, info: &FrameInfo<'_>, len: usize) -> usize {
        if let Some(sealer) = self.sealer.as_ref().or(self.hushed.as_ref()) {
            return sealer.max_sealed_len(info, len);
        }
        // What it says of any suite, and with the worst of codecs.
        let pad = match self.padding.get(info.kind as usize) {
            Some(Padding::MultipleOf(n)) => usize::from(*n),
            _ => 0,
        };
        let plain = len.saturating_add(128).saturating_add(pad);
        plain.saturating_add(plain / 2)
    }

    /// The sealer of now.
    #[inline]
    pub(crate) fn sealer(&mut self, kind: TrackKind) -> Result<&mut Sealer, Failure> {
        if self.seen != Some(self.ring.version()) {
            self.catch_up()?;
        }
        match &mut self.sealer {
            Some(sealer) => Ok(sealer),
            None => Err(no_key(&self.ring.me, kind)),
        }
    }

    #[cold]
    fn catch_up(&mut self) -> Result<(), Failure> {
        let ring = Arc::clone(&self.ring);
        let mut state = ring.lock();
        // Read under the lock, so that nothing is told in between.
        self.seen = Some(ring.version());
        if let Some(sealer) = self.sealer.take() {
            self.hushed = Some(sealer);
        }
        let Seal::With(with) = &state.seal else { return Ok(()) };
        let SealWith { group, epoch, index, suite, base } = with;
        let (group, epoch, index, suite) = (*group, *epoch, *index, *suite);
        let same = self.group.is_some_and(|(of, _)| of == group);
        let kept = self.hushed.take_if(|sealer| same && sealer.key_at() == KeyAt::Mls(epoch, index));
        if kept.is_some() {
            self.sealer = kept;
            return Ok(());
        }
        if same && self.last.is_some_and(|last| last >= epoch) {
            let cause = SealCause::OldEpoch;
            return Err(SealError { who: ring.me.clone(), kind: TrackKind::Data, cause }.into());
        }
        let base = duplicate(base).ok_or(Failure::Misuse(S::BadKey, "ring"))?;
        let context = match self.group {
            Some((of, context)) if of == group => context,
            _ => {
                let context = state.contexts;
                state.contexts += 1;
                context
            }
        };
        drop(state);
        let Scheme::Sframe(profile) = &ring.scheme else { return Err(wrong_format()) };
        let profile = Profile { suite, scheme: SESSION_KIDS, ..profile.clone() };
        self.group = Some((group, context));
        self.last = Some(epoch);
        self.hushed = None;
        self.sealer = Some(Sealer::from_epoch(profile, ring.me.clone(), epoch, index, context, base)?);
        self.pad();
        Ok(())
    }
}

#[cold]
fn no_key(who: &ParticipantId, kind: TrackKind) -> Failure {
    Failure::Seal(SealError { who: who.clone(), kind, cause: SealCause::NoKey })
}

/// What opens the frames of one participant, in whatever format.
enum Engine {
    /// No key came yet.
    None,
    Sframe(Box<Opener>),
    LiveKit(Box<livekit::Opener>),
    Jitsi(Box<jitsi::Opener>),
}

/// Opens the frames of one participant.
pub(crate) struct Opening {
    scheme: Scheme,
    who: ParticipantId,
    engine: Engine,
    ring: Option<(Arc<Ring>, u64)>,
    runs: Runs,
    /// Frames before there was an opener.
    no_key: u64,
}

/// What a participant announced. Openers of earlier announcements stay: who comes back with one must find the same
/// replay windows, or a relay could make everybody forget which frames were seen.
#[derive(Default)]
struct Runs {
    secret: Option<Arc<SecretBytes>>,
    current: Option<Announcement>,
    earlier: Vec<(Announcement, Box<Opener>)>,
}

impl Opening {
    pub(crate) fn new(scheme: Scheme, who: ParticipantId, ring: Option<Arc<Ring>>) -> Self {
        let engine = match &scheme {
            // Of a ring the suite comes with the keys.
            Scheme::Sframe(profile) if ring.is_none() => {
                Engine::Sframe(Box::new(Opener::new(profile.clone(), who.clone())))
            }
            Scheme::Sframe(_) => Engine::None,
            Scheme::LiveKit(options) => {
                Engine::LiveKit(Box::new(livekit::Opener::new(*options, who.clone())))
            }
            Scheme::Jitsi(options) => Engine::Jitsi(Box::new(jitsi::Opener::new(*options, who.clone()))),
        };
        Self { scheme, who, engine, ring: ring.map(|ring| (ring, 0)), runs: Runs::default(), no_key: 0 }
    }

    pub(crate) fn who(&self) -> &ParticipantId {
        &self.who
    }

    pub(crate) fn sframe(&self) -> Option<&Opener> {
        match &self.engine {
            Engine::Sframe(opener) => Some(opener),
            _ => None,
        }
    }

    /// How frames fared.
    pub(crate) fn tally(&self) -> Tally {
        let mut tally = match &self.engine {
            Engine::None => Tally::default(),
            Engine::Sframe(opener) => opener.tally(),
            Engine::LiveKit(opener) => opener.tally(),
            Engine::Jitsi(opener) => opener.tally(),
        };
        tally.no_key += self.no_key;
        tally
    }

    pub(crate) fn livekit(&mut self) -> Result<&mut livekit::Opener, Failure> {
        match &mut self.engine {
            Engine::LiveKit(opener) => Ok(opener),
            _ => Err(wrong_format()),
        }
    }

    pub(crate) fn scheme(&self) -> &Scheme {
        &self.scheme
    }

    pub(crate) fn tick(&mut self, now: e2ee_core::Millis) {
        match &mut self.engine {
            Engine::None => {}
            Engine::Sframe(opener) => opener.tick(now),
            Engine::LiveKit(opener) => opener.tick(now),
            Engine::Jitsi(opener) => opener.tick(now),
        }
        for (_, opener) in &mut self.runs.earlier {
            opener.tick(now);
        }
    }

    /// Takes what the ring has to tell.
    #[inline]
    pub(crate) fn catch_up(&mut self) {
        if self.ring.as_ref().is_some_and(|(ring, seen)| *seen != ring.version()) {
            self.read_ring();
        }
    }

    #[cold]
    fn read_ring(&mut self) {
        let Some((ring, seen)) = self.ring.as_ref().map(|(ring, seen)| (Arc::clone(ring), *seen)) else {
            return;
        };
        let state = ring.lock();
        let who = self.who.clone();
        let (now, news) = state.news(&who, seen);
        for change in news {
            // What the ring took fits; only a participant who announces without end is refused, and then the frames
            // of that run have no key.
            let _ = self.apply(change);
        }
        self.ring = Some((Arc::clone(&ring), now));
    }

    pub(crate) fn apply(&mut self, change: &Change) -> Result<(), Failure> {
        match change {
            Change::Install { at, suite, base } => {
                let base = duplicate(base).ok_or(Failure::Misuse(S::BadKey, "base_key"))?;
                self.of_suite(*suite)?.install(*at, base);
            }
            Change::Follow { said, secret } => self.follow(*said, secret)?,
            Change::Slot { index, key } => {
                let missing = |_| Failure::Misuse(S::UnsupportedSuite, "config.suite");
                match &mut self.engine {
                    Engine::LiveKit(opener) => opener.set_key(*index, key.livekit()?).map_err(missing)?,
                    Engine::Jitsi(opener) => opener.set_key(*index, key.jitsi()?).map_err(missing)?,
                    _ => return Err(wrong_format()),
                };
            }
            Change::ForgetBefore(oldest) => {
                if let Engine::Sframe(opener) = &mut self.engine {
                    opener.forget_before(*oldest);
                }
            }
            Change::Gone => match std::mem::replace(&mut self.engine, Engine::None) {
                Engine::Sframe(opener) => {
                    if let Some(announced) = self.runs.current.take() {
                        self.runs.earlier.push((announced, opener));
                    }
                }
                Engine::LiveKit(mut opener) => {
                    (0..=u8::MAX).for_each(|index| opener.forget(index));
                    self.engine = Engine::LiveKit(opener);
                }
                Engine::Jitsi(mut opener) => {
                    opener.clear();
                    self.engine = Engine::Jitsi(opener);
                }
                Engine::None => {}
            },
        }
        Ok(())
    }

    /// The opener, made anew when the suite is another one: a frame does not say its suite.
    fn of_suite(&mut self, suite: Option<CipherSuite>) -> Result<&mut Opener, Failure> {
        let Scheme::Sframe(profile) = &self.scheme else { return Err(wrong_format()) };
        let scheme = if suite.is_some() { SESSION_KIDS } else { profile.scheme };
        let wanted = suite.unwrap_or(profile.suite);
        let fits = matches!(&self.engine, Engine::Sframe(opener) if opener.ring().profile().suite == wanted);
        if !fits {
            let profile = Profile { suite: wanted, scheme, ..profile.clone() };
            self.engine = Engine::Sframe(Box::new(Opener::new(profile, self.who.clone())));
        }
        match &mut self.engine {
            Engine::Sframe(opener) => Ok(opener),
            _ => Err(wrong_format()),
        }
    }

    fn follow(&mut self, said: Announcement, secret: &Arc<SecretBytes>) -> Result<(), Failure> {
        use subtle::ConstantTimeEq;
        let Scheme::Sframe(profile) = &self.scheme else { return Err(wrong_format()) };
        let known = self.runs.secret.as_ref();
        if !known.is_some_and(|known| known.expose().ct_eq(secret.expose()).into()) {
            self.runs = Runs { secret: Some(Arc::clone(secret)), ..Runs::default() };
        } else if self.runs.current == Some(said) {
            return Ok(());
        }
        let back = self.runs.earlier.iter().position(|(earlier, _)| *earlier == said);
        if back.is_none() && self.runs.earlier.len() >= MAX_RUNS {
            return Err(Failure::Misuse(S::TooManyAnnouncements, "announcement"));
        }
        let next = match back {
            Some(at) => self.runs.earlier.swap_remove(at).1,
            None => {
                let call = room_call(profile, &self.who)?;
                let room = RoomSecret::from_stretched(SecretBytes::copy_of(secret.expose()));
                let profile = Profile { suite: said.suite, ..profile.clone() };
                let mut opener = Opener::new(profile, self.who.clone());
                opener.follow_room(room.sender(&call, &self.who, &said.incarnation));
                Box::new(opener)
            }
        };
        let before = std::mem::replace(&mut self.engine, Engine::Sframe(next));
        if let (Some(announced), Engine::Sframe(opener)) = (self.runs.current.replace(said), before) {
            self.runs.earlier.push((announced, opener));
        }
        Ok(())
    }

    /// Opens a frame straight into `out`, if it can be.
    #[inline]
    pub(crate) fn open_into(
        &mut self,
        info: &Info<'_>,
        frame: &[u8],
        out: &mut [u8],
    ) -> Result<Straight, Failure> {
        self.catch_up();
        match &mut self.engine {
            Engine::Sframe(opener) => Ok(opener.open_into(&info.sframe()?, frame, out)?),
            _ => Ok(Straight::Apart),
        }
    }

    /// Opens a frame that does not go straight; what it becomes is in `buf`. Says whether the server made it.
    #[inline(never)] // code of its own, or the frames that go straight pay for its registers
    pub(crate) fn open<'b>(
        &mut self,
        info: &Info<'_>,
        frame: &[u8],
        buf: &'b mut FrameBuf,
    ) -> Result<(&'b [u8], bool), Failure> {
        self.catch_up();
        match &mut self.engine {
            Engine::Sframe(opener) => {
                let info = info.sframe()?;
                buf.fill(frame);
                Ok((opener.open(&info, buf)?, false))
            }
            Engine::LiveKit(opener) => {
                let as_livekit = info.livekit(frame).ok_or_else(|| no_open_codec(&self.who, info.kind))?;
                buf.fill(frame);
                let opened = opener.open(&as_livekit, buf)?;
                Ok((opened.bytes(), matches!(opened, livekit::Opened::Injected(_))))
            }
            Engine::Jitsi(opener) => {
                let as_jitsi = info.jitsi(frame)?.ok_or_else(|| no_open_codec(&self.who, info.kind))?;
                buf.fill(frame);
                Ok((opener.open(&as_jitsi, buf)?, false))
            }
            Engine::None => {
                self.no_key += 1;
                let cause = OpenCause::UnknownKey { kid: e2ee_core::Kid(0) };
                Err(OpenError { who: self.who.clone(), kind: info.kind, cause }.into())
            }
        }
    }
}

/// The call that keys from a room secret are bound to. Bare SFrame has none; the participant stands in, as in the
/// sealer.
pub(crate) fn room_call(profile: &Profile, who: &ParticipantId) -> Result<CallId, Failure> {
    match &profile.format {
        FrameFormat::Frameseal { call } => Ok(call.clone()),
        _ => CallId::new(who.as_str()).map_err(|_| Failure::Misuse(S::BadName, "config.participant")),
    }
}
