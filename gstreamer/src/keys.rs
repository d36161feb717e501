//! The core's sealers and openers behind one face for both formats.

use e2ee_core::livekit::{self, Frame, Opened, SlotKey};
use e2ee_core::{
    Announcement, CallId, FrameBuf, FrameInfo, Millis, OpenCause, Opener, Padding, ParticipantId,
};
use e2ee_core::{RoomSecret, SealCause, Sealer, TrackKind};

use crate::codec::Codec;
use crate::settings::{Format, Problem, Settings, profile};

/// Announcements kept of one sender. Whoever relays them may make some up, and this bounds what that costs.
const MAX_RUNS: usize = 64;

fn entropy<const N: usize>() -> Result<[u8; N], Problem> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| Problem::Core(format!("no entropy: {error}")))?;
    Ok(bytes)
}

/// Where a frame stands.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) codec: Codec,
    pub(crate) kind: TrackKind,
    /// On the codec's RTP clock.
    pub(crate) timestamp: u32,
}

impl Place {
    const fn info(self) -> FrameInfo<'static> {
        FrameInfo::track(self.kind, self.codec.rule())
    }

    fn frame(self, buf: &FrameBuf) -> Frame {
        Frame {
            kind: self.kind,
            codec: self.codec.livekit(),
            frame_type: self.codec.frame_type(buf.bytes()),
            ssrc: None,
            timestamp: self.timestamp,
        }
    }
}

/// What a change of keys leads to. It is made ready aside, for stretching takes time and frames go on meanwhile.
pub(crate) enum Next<T> {
    /// Everything anew.
    Whole(T),
    /// LiveKit's format: one slot. The rest stays, for counters and replay windows must go on.
    Slot(u32, SlotKey),
}

impl<T> Next<T> {
    /// `now` says whether there is something that a slot could be put into.
    pub(crate) fn of(
        settings: &Settings,
        now: bool,
        whole: impl FnOnce(&Settings) -> Result<T, Problem>,
    ) -> Result<Self, Problem> {
        match settings.format {
            Format::Livekit if now => Ok(Self::Slot(settings.key_index, settings.secret()?.slot_key())),
            _ => whole(settings).map(Self::Whole),
        }
    }
}

/// One sender's sealer.
pub(crate) enum Sealing {
    Own(Box<Sealer>),
    Livekit(Box<livekit::Sealer>),
}

impl Sealing {
    pub(crate) fn new(settings: &Settings) -> Result<Self, Problem> {
        let (who, secret) = (settings.participant()?, settings.secret()?);
        match settings.format {
            Format::Frameseal => {
                let call = settings.call()?;
                let profile = profile(&call, settings.cipher_suite()?);
                let sealer = Sealer::from_room(profile, who, &secret.room(&call)?, &entropy()?);
                // Without an announcement nobody could follow, and the key would not be of the secret.
                sealer.announcement().ok_or_else(|| Problem::Core("the sealer took no secret".into()))?;
                Ok(Self::Own(Box::new(sealer)))
            }
            Format::Livekit => {
                let sealer = livekit::Sealer::new(settings.livekit()?, who, entropy()?);
                let mut sealing = Self::Livekit(Box::new(sealer));
                sealing.put(settings.key_index, secret.slot_key())?;
                Ok(sealing)
            }
        }
    }

    pub(crate) fn put(&mut self, index: u32, key: SlotKey) -> Result<(), Problem> {
        let Self::Livekit(sealer) = self else { return Err(Problem::NoKey) };
        let slot = sealer.set_key(index, key).map_err(|error| Problem::Core(error.cause.to_string()))?;
        sealer.select(u32::from(slot));
        Ok(())
    }

    pub(crate) fn announcement(&self) -> Option<String> {
        match self {
            Self::Own(sealer) => sealer.announcement().map(|said| said.to_string()),
            Self::Livekit(_) => None,
        }
    }

    pub(crate) fn set_padding(&mut self, to: u16) {
        if let Self::Own(sealer) = self {
            let padding = if to > 1 { Padding::MultipleOf(to) } else { Padding::None };
            TrackKind::ALL.into_iter().for_each(|kind| sealer.set_padding(kind, padding));
        }
    }

    pub(crate) fn rotate(&mut self) -> Result<(), Problem> {
        match self {
            Self::Own(sealer) => {
                sealer.rotate(&entropy()?).map(drop).map_err(|error| Problem::Core(error.cause.to_string()))
            }
            Self::Livekit(_) => Err(Problem::Core(
                "LiveKit's format has no generations: set another key, at another key-index".into(),
            )),
        }
    }

    pub(crate) fn ratchet(&mut self) -> Result<(), Problem> {
        let done = match self {
            Self::Own(sealer) => sealer.step().map(drop),
            Self::Livekit(sealer) => sealer.ratchet(sealer.current()).map(drop),
        };
        done.map_err(|error| Problem::Core(error.cause.to_string()))
    }

    pub(crate) fn seal<'b>(&mut self, place: Place, buf: &'b mut FrameBuf) -> Result<&'b [u8], SealCause> {
        match self {
            Self::Own(sealer) => sealer.seal(&place.info(), buf),
            Self::Livekit(sealer) => {
                let frame = place.frame(buf);
                sealer.seal(&frame, buf)
            }
        }
        .map_err(|error| error.cause)
    }
}

/// The openers of one sender.
pub(crate) enum Opening {
    /// An opener for each announcement that the sender had under this secret: who comes back with an earlier one must
    /// find the same replay windows.
    Own {
        call: CallId,
        who: ParticipantId,
        secret: Box<RoomSecret>,
        current: Option<usize>,
        openers: Vec<(Announcement, Opener)>,
    },
    Livekit(Box<livekit::Opener>),
}

impl Opening {
    pub(crate) fn new(settings: &Settings, announcement: Option<&str>) -> Result<Self, Problem> {
        let (who, secret) = (settings.participant()?, settings.secret()?);
        match settings.format {
            Format::Frameseal => {
                let call = settings.call()?;
                let secret = Box::new(secret.room(&call)?);
                let mut opening = Self::Own { call, who, secret, current: None, openers: Vec::new() };
                opening.announce(announcement)?;
                Ok(opening)
            }
            Format::Livekit => {
                let opener = livekit::Opener::new(settings.livekit()?, who);
                let mut opening = Self::Livekit(Box::new(opener));
                opening.put(settings.key_index, secret.slot_key())?;
                Ok(opening)
            }
        }
    }

    pub(crate) fn put(&mut self, index: u32, key: SlotKey) -> Result<(), Problem> {
        let Self::Livekit(opener) = self else { return Err(Problem::NoKey) };
        opener.set_key(index, key).map(drop).map_err(|error| Problem::Core(error.to_string()))
    }

    /// Takes what the sender announced.
    pub(crate) fn announce(&mut self, text: Option<&str>) -> Result<(), Problem> {
        let Self::Own { call, who, secret, current, openers } = self else { return Ok(()) };
        *current = None;
        let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(()) };
        let said: Announcement =
            text.parse().map_err(|error| Problem::Announcement(format!("\"announcement\": {error}")))?;
        let known = openers.iter().position(|(earlier, _)| *earlier == said);
        if known.is_none() {
            if openers.len() >= MAX_RUNS {
                return Err(Problem::TooManyAnnouncements);
            }
            let mut opener = Opener::new(profile(call, said.suite), who.clone());
            opener.follow_room(secret.sender(call, who, &said.incarnation));
            openers.push((said, opener));
        }
        *current = Some(known.unwrap_or(openers.len() - 1));
        Ok(())
    }

    pub(crate) fn tick(&mut self, now: Millis) {
        match self {
            Self::Own { openers, .. } => openers.iter_mut().for_each(|(_, opener)| opener.tick(now)),
            Self::Livekit(opener) => opener.tick(now),
        }
    }

    /// `None`: no key is here, and the frame was not looked at.
    pub(crate) fn open<'b>(
        &mut self,
        place: Place,
        buf: &'b mut FrameBuf,
    ) -> Option<Result<&'b [u8], OpenCause>> {
        let opened = match self {
            Self::Own { current, openers, .. } => {
                let (_, opener) = openers.get_mut((*current)?)?;
                opener.open(&place.info(), buf)
            }
            Self::Livekit(opener) => {
                let frame = place.frame(buf);
                match opener.open(&frame, buf) {
                    // Nobody vouches for it.
                    Ok(Opened::Empty) => return Some(Err(OpenCause::TooShort)),
                    opened => opened.map(|opened| opened.bytes()),
                }
            }
        };
        Some(opened.map_err(|error| error.cause))
    }
}
