//! Sealers and openers of every format behind one door. No pointers here.

use e2ee_core::{
    CodecRule, FrameBuf, FrameInfo, OpenCause, OpenError, ParticipantId, Profile, SealCause, SealError,
    Sealer, Straight, TrackKind,
};
use e2ee_core::{jitsi, livekit};

use crate::fence::Failure;
use crate::follow::Follower;
use crate::status::frameseal_status as S;
use crate::types::{frameseal_codec, frameseal_frame_type};

/// What a call agreed on.
#[derive(Clone)]
pub(crate) enum Scheme {
    /// Frameseal's format, and bare SFrame.
    Sframe(Profile),
    /// LiveKit's.
    LiveKit(livekit::Options),
    /// Jitsi's.
    Jitsi(jitsi::Options),
}

/// A format whose keys are in slots.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slots {
    LiveKit,
    Jitsi,
}

impl Scheme {
    /// The format with slots that this is, and how many it has.
    pub(crate) fn slots(&self) -> Result<(Slots, u32), Failure> {
        match self {
            Self::Sframe(_) => Err(wrong_format()),
            Self::LiveKit(options) => Ok((Slots::LiveKit, u32::from(options.ring_size))),
            Self::Jitsi(_) => Ok((Slots::Jitsi, jitsi::RING as u32)),
        }
    }
}

/// A `frameseal_codec`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Codec {
    Rule(CodecRule),
    Vp9,
    Unknown,
}

impl Codec {
    #[inline]
    pub(crate) fn from_number(number: u32) -> Option<Self> {
        const VP9: u32 = frameseal_codec::Vp9 as u32;
        const UNKNOWN: u32 = frameseal_codec::Unknown as u32;
        match number {
            VP9 => Some(Self::Vp9),
            UNKNOWN => Some(Self::Unknown),
            number => u8::try_from(number).ok().and_then(CodecRule::from_wire).map(Self::Rule),
        }
    }
}

/// A `frameseal_frame_type`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum FrameType {
    FromBytes,
    Given(livekit::FrameType),
}

impl FrameType {
    #[inline]
    pub(crate) fn from_number(number: u32) -> Option<Self> {
        const FROM_BYTES: u32 = frameseal_frame_type::FromBytes as u32;
        const KEY: u32 = frameseal_frame_type::Key as u32;
        const DELTA: u32 = frameseal_frame_type::Delta as u32;
        match number {
            FROM_BYTES => Some(Self::FromBytes),
            KEY => Some(Self::Given(livekit::FrameType::Key)),
            DELTA => Some(Self::Given(livekit::FrameType::Delta)),
            _ => None,
        }
    }
}

/// What is known of a frame besides its bytes, in whatever format.
#[derive(Clone, Copy)]
pub(crate) struct Info<'a> {
    pub(crate) kind: TrackKind,
    pub(crate) codec: Codec,
    pub(crate) frame_type: FrameType,
    pub(crate) ssrc: u32,
    pub(crate) timestamp: u32,
    pub(crate) metadata: &'a [u8],
}

impl<'a> Info<'a> {
    #[inline]
    pub(crate) fn sframe(&self) -> Result<FrameInfo<'a>, Failure> {
        let rule = match self.codec {
            Codec::Rule(rule) => rule,
            Codec::Vp9 => CodecRule::Opaque,
            Codec::Unknown => return Err(Failure::Misuse(S::BadCodec, "info.codec")),
        };
        Ok(FrameInfo { kind: self.kind, rule, metadata: self.metadata })
    }

    /// For LiveKit's format; `bytes` are those of the frame, sealed or not. `None`: it cannot carry this.
    pub(crate) fn livekit(&self, bytes: &[u8]) -> Option<livekit::Frame> {
        let codec = match (self.kind, self.codec) {
            (TrackKind::Audio | TrackKind::ScreenAudio, _) => livekit::Codec::Audio,
            (_, Codec::Rule(CodecRule::Vp8)) => livekit::Codec::Vp8,
            (_, Codec::Rule(CodecRule::H264)) => livekit::Codec::H264,
            (_, Codec::Rule(CodecRule::H265)) => livekit::Codec::H265,
            (_, Codec::Rule(CodecRule::Av1)) => livekit::Codec::Av1,
            (_, Codec::Vp9) => livekit::Codec::Vp9,
            (_, Codec::Unknown) => livekit::Codec::Unknown,
            _ => return None,
        };
        let frame_type = match (self.frame_type, bytes.first()) {
            (FrameType::Given(frame_type), _) => frame_type,
            // RFC 6386 section 9.1: the lowest bit of the first byte is 0 in a key frame.
            (FrameType::FromBytes, Some(byte)) if byte & 1 == 0 => livekit::FrameType::Key,
            (FrameType::FromBytes, _) => livekit::FrameType::Delta,
        };
        let ssrc = (self.ssrc != 0).then_some(self.ssrc);
        Some(livekit::Frame { kind: self.kind, codec, frame_type, ssrc, timestamp: self.timestamp })
    }

    /// For Jitsi's format, likewise; a type that nobody said is the caller's to say.
    pub(crate) fn jitsi(&self, bytes: &[u8]) -> Result<Option<jitsi::Frame>, Failure> {
        let vp8 = self.codec == Codec::Rule(CodecRule::Vp8);
        let frame_type = match (self.kind, self.frame_type) {
            (TrackKind::Data, _) => return Ok(None),
            (TrackKind::Audio | TrackKind::ScreenAudio, _) => jitsi::FrameType::Audio,
            (_, FrameType::Given(livekit::FrameType::Key)) => jitsi::FrameType::Key,
            (_, FrameType::Given(livekit::FrameType::Delta)) => jitsi::FrameType::Delta,
            // As above.
            (_, FrameType::FromBytes) if vp8 => match bytes.first() {
                Some(byte) if byte & 1 == 0 => jitsi::FrameType::Key,
                _ => jitsi::FrameType::Delta,
            },
            (_, FrameType::FromBytes | FrameType::Given(_)) => {
                return Err(Failure::Misuse(S::BadOption, "info.frame_type"));
            }
        };
        let ssrc = (self.ssrc != 0).then_some(self.ssrc);
        Ok(Some(jitsi::Frame { frame_type, ssrc, timestamp: self.timestamp }))
    }
}

/// Seals, in whatever format.
pub(crate) enum Sealing {
    Sframe(Box<Sealer>),
    LiveKit(Box<livekit::Sealer>),
    Jitsi(Box<jitsi::Sealer>),
    /// With the keys of a session.
    Follows(Box<Follower>),
}

impl Sealing {
    /// The sealer with keys of its own, or of its session.
    pub(crate) fn sframe(&mut self) -> Result<&mut Sealer, Failure> {
        match self {
            Self::Sframe(sealer) => Ok(sealer),
            Self::LiveKit(_) | Self::Jitsi(_) => Err(wrong_format()),
            Self::Follows(follower) => follower.sealer(TrackKind::Data),
        }
    }

    pub(crate) fn slots(&self) -> Result<Slots, Failure> {
        match self {
            Self::LiveKit(_) => Ok(Slots::LiveKit),
            Self::Jitsi(_) => Ok(Slots::Jitsi),
            _ => Err(wrong_format()),
        }
    }

    pub(crate) fn livekit(&mut self) -> Result<&mut livekit::Sealer, Failure> {
        match self {
            Self::LiveKit(sealer) => Ok(sealer),
            _ => Err(wrong_format()),
        }
    }

    pub(crate) fn max_sealed_len(&self, info: &Info<'_>, len: usize) -> Result<usize, Failure> {
        match self {
            Self::Sframe(sealer) => Ok(sealer.max_sealed_len(&info.sframe()?, len)),
            Self::LiveKit(_) => Ok(livekit::Sealer::max_sealed_len(len)),
            Self::Jitsi(_) => Ok(jitsi::Sealer::sealed_len(len)),
            Self::Follows(follower) => Ok(follower.max_sealed_len(&info.sframe()?, len)),
        }
    }

    /// Seals a frame straight into `out`, if it can be.
    #[inline]
    pub(crate) fn seal_into(
        &mut self,
        info: &Info<'_>,
        frame: &[u8],
        out: &mut [u8],
    ) -> Result<Straight, Failure> {
        let sealer = match self {
            Self::Sframe(sealer) => sealer,
            Self::Follows(follower) => follower.sealer(info.kind)?,
            Self::LiveKit(_) | Self::Jitsi(_) => return Ok(Straight::Apart),
        };
        Ok(sealer.seal_into(&info.sframe()?, frame, out)?)
    }

    /// Seals a frame that does not go straight; what it becomes is in `buf`.
    #[inline(never)] // code of its own, or the frames that go straight pay for its registers
    pub(crate) fn seal<'b>(
        &mut self,
        info: &Info<'_>,
        frame: &[u8],
        buf: &'b mut FrameBuf,
    ) -> Result<&'b [u8], Failure> {
        let sealer = match self {
            Self::Sframe(sealer) => sealer,
            Self::Follows(follower) => follower.sealer(info.kind)?,
            Self::LiveKit(sealer) => {
                let cannot = || no_seal_codec(sealer.who(), info.kind);
                let as_livekit = info.livekit(frame).ok_or_else(cannot)?;
                buf.fill(frame);
                return Ok(sealer.seal(&as_livekit, buf)?);
            }
            Self::Jitsi(sealer) => {
                let cannot = || no_seal_codec(sealer.who(), info.kind);
                let as_jitsi = info.jitsi(frame)?.ok_or_else(cannot)?;
                buf.fill(frame);
                return Ok(sealer.seal(&as_jitsi, buf)?);
            }
        };
        let info = info.sframe()?;
        buf.fill(frame);
        Ok(sealer.seal(&info, buf)?)
    }
}

pub(crate) fn wrong_format() -> Failure {
    Failure::Misuse(S::WrongFormat, "handle")
}

#[cold]
pub(crate) fn no_open_codec(who: &ParticipantId, kind: TrackKind) -> OpenError {
    OpenError { who: who.clone(), kind, cause: OpenCause::NoCodec }
}

#[cold]
fn no_seal_codec(who: &ParticipantId, kind: TrackKind) -> SealError {
    SealError { who: who.clone(), kind, cause: SealCause::NoCodec }
}
