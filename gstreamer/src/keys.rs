//! What sealing and opening have in common: where a frame stands, and how keys change.

use e2ee_core::livekit::{Frame, SlotKey};
use e2ee_core::{FrameBuf, FrameInfo, TrackKind};

use crate::codec::Codec;
use crate::settings::{Format, Problem, Settings};

/// Where a frame stands.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) codec: Codec,
    pub(crate) kind: TrackKind,
    /// On the codec's RTP clock.
    pub(crate) timestamp: u32,
}

impl Place {
    pub(crate) const fn info(self) -> FrameInfo<'static> {
        FrameInfo::track(self.kind, self.codec.rule())
    }

    pub(crate) fn frame(self, buf: &FrameBuf) -> Frame {
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
