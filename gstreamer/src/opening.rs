//! Opening, in both formats.

use e2ee_core::livekit::{self, Opened, SlotKey};
use e2ee_core::{Announcement, CallId, FrameBuf, Millis, OpenCause, Opener, ParticipantId, RoomSecret};

use crate::keys::Place;
use crate::settings::{Format, Problem, Settings, profile};

/// Announcements kept of one sender. Whoever relays them may make some up, and this bounds what that costs.
const MAX_RUNS: usize = 64;

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
