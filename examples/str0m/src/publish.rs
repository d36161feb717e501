//! The sender: a file, sealed frame by frame.

use std::time::{Duration, Instant};

use e2ee_core::{CipherSuite, CodecRule, FrameBuf, FrameInfo, Sealer, TrackKind};
use str0m::format::Codec as Rtp;
use str0m::media::MediaTime;

use crate::call::{Call, NAP};
use crate::ivf::Clip;
use crate::{Error, Member, participant};

/// Ticks a second of video's RTP clock.
const CLOCK: u64 = 90_000;

/// Sends `clip` over and over, until `done` says so of the number of frames, and gives that number. When a receiver wants a key frame the clip
/// starts again: a file cannot be asked for one.
///
/// # Errors
/// [`Error`]. A frame that cannot be sealed ends it; none is ever sent as it is.
pub fn publish(member: &Member, clip: &Clip, mut done: impl FnMut(u64) -> bool) -> Result<u64, Error> {
    let mut entropy = [0; 32];
    getrandom::fill(&mut entropy).map_err(|_| Error::Entropy)?;
    let profile = member.profile(CipherSuite::Aes128GcmSha256_128)?;
    let mut sealer = Sealer::from_room(profile, participant(&member.id)?, &member.secret, &entropy);
    let announcement = sealer.announcement().map(|said| said.to_string());
    let mut call = Call::join(member, announcement.as_deref())?;
    let mid = call.publish()?;
    let info = FrameInfo::track(TrackKind::Video, CodecRule::Vp8);
    let mut buf = FrameBuf::new();
    let (start, mut sent, mut frames) = (Instant::now(), 0, clip.frames.iter());
    while !done(sent) {
        if call.pump()?.key_frame_wanted {
            frames = clip.frames.iter();
        }
        let due = start + Duration::from_secs(u64::from(clip.rate.1)) * counted(sent) / clip.rate.0.max(1);
        if Instant::now() < due {
            std::thread::sleep(NAP);
            continue;
        }
        let Some(frame) = frames.next() else {
            frames = clip.frames.iter();
            continue;
        };
        buf.fill(frame);
        let sealed = sealer.seal(&info, &mut buf).map_err(Error::Seal)?;
        let ticks = sent * CLOCK * u64::from(clip.rate.1) / u64::from(clip.rate.0);
        let Some(writer) = call.sending().writer(mid) else {
            return Err(Error::Rtc("no track to send on".into()));
        };
        let payload =
            writer.payload_params().find(|params| params.spec().codec == Rtp::Vp8).map(|params| params.pt());
        let payload = payload.ok_or_else(|| Error::Rtc("VP8 was not agreed on".into()))?;
        writer.write(payload, Instant::now(), MediaTime::from_90khz(ticks), sealed)?;
        sent += 1;
    }
    call.leave()?;
    Ok(sent)
}

/// `Duration` is multiplied by 32 bits; so many frames are years.
fn counted(frames: u64) -> u32 {
    u32::try_from(frames).unwrap_or(u32::MAX)
}
