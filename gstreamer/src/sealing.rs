//! Sealing, in both formats.
//!
//! A participant has one sealer in a process, whatever number of elements seals for it: a camera and a microphone then
//! have one announcement, as receivers expect, and one counter for each kind of track.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use e2ee_core::livekit::{self, SlotKey};
use e2ee_core::{CallId, CipherSuite, FrameBuf, Padding, ParticipantId, SealCause, Sealer};

use crate::keys::Place;
use crate::settings::{Format, Problem, Secret, Settings, profile};

fn entropy<const N: usize>() -> Result<[u8; N], Problem> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| Problem::Core(format!("no entropy: {error}")))?;
    Ok(bytes)
}

/// A sealer in Frameseal's format, and whose it is.
pub(crate) struct Shared {
    who: ParticipantId,
    call: CallId,
    suite: CipherSuite,
    secret: Secret,
    sealer: Mutex<Sealer>,
}

/// Every sealer that an element has.
static SHARED: Mutex<Vec<Weak<Shared>>> = Mutex::new(Vec::new());

impl Shared {
    /// The sealer that another element has under the same names, suite and secret, or a new one.
    fn find_or_make(settings: &Settings) -> Result<Arc<Self>, Problem> {
        let (who, secret) = (settings.participant()?, settings.secret()?);
        let (call, suite) = (settings.call()?, settings.cipher_suite()?);
        // Held while one is made: who comes second must find it.
        let mut all = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|one| one.strong_count() > 0);
        let same = |one: &Arc<Self>| {
            one.who == who && one.call == call && one.suite == suite && one.secret.is(secret)
        };
        if let Some(one) = all.iter().filter_map(Weak::upgrade).find(same) {
            return Ok(one);
        }
        let sealer = Sealer::from_room(profile(&call, suite), who.clone(), &secret.room(&call)?, &entropy()?);
        // Without an announcement nobody could follow, and the key would not be of the secret.
        sealer.announcement().ok_or_else(|| Problem::Core("the sealer took no secret".into()))?;
        let secret = secret.duplicate();
        let one = Arc::new(Self { who, call, suite, secret, sealer: Mutex::new(sealer) });
        all.push(Arc::downgrade(&one));
        Ok(one)
    }

    fn sealer(&self) -> MutexGuard<'_, Sealer> {
        self.sealer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One sender's sealer.
pub(crate) enum Sealing {
    Own(Arc<Shared>),
    Livekit(Box<livekit::Sealer>),
}

impl Sealing {
    pub(crate) fn new(settings: &Settings) -> Result<Self, Problem> {
        match settings.format {
            Format::Frameseal => Ok(Self::Own(Shared::find_or_make(settings)?)),
            Format::Livekit => {
                let sealer = livekit::Sealer::new(settings.livekit()?, settings.participant()?, entropy()?);
                let mut sealing = Self::Livekit(Box::new(sealer));
                sealing.put(settings.key_index, settings.secret()?.slot_key())?;
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
            Self::Own(shared) => shared.sealer().announcement().map(|said| said.to_string()),
            Self::Livekit(_) => None,
        }
    }

    pub(crate) fn rotate(&mut self) -> Result<(), Problem> {
        match self {
            Self::Own(shared) => shared
                .sealer()
                .rotate(&entropy()?)
                .map(drop)
                .map_err(|error| Problem::Core(error.cause.to_string())),
            Self::Livekit(_) => Err(Problem::Core(
                "LiveKit's format has no generations: set another key, at another key-index".into(),
            )),
        }
    }

    pub(crate) fn ratchet(&mut self) -> Result<(), Problem> {
        let done = match self {
            Self::Own(shared) => shared.sealer().step().map(drop),
            Self::Livekit(sealer) => sealer.ratchet(sealer.current()).map(drop),
        };
        done.map_err(|error| Problem::Core(error.cause.to_string()))
    }

    /// Seals; in Frameseal's format filled up to a multiple of `padding` bytes.
    pub(crate) fn seal<'b>(
        &mut self,
        place: Place,
        padding: u16,
        buf: &'b mut FrameBuf,
    ) -> Result<&'b [u8], SealCause> {
        match self {
            Self::Own(shared) => {
                let padding = if padding > 1 { Padding::MultipleOf(padding) } else { Padding::None };
                let mut sealer = shared.sealer();
                sealer.set_padding(place.kind, padding);
                sealer.seal(&place.info(), buf)
            }
            Self::Livekit(sealer) => {
                let frame = place.frame(buf);
                sealer.seal(&frame, buf)
            }
        }
        .map_err(|error| error.cause)
    }
}
