//! The recorder: a member that everybody sees, and that writes down what one participant's camera sends.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::time::Instant;

use e2ee_core::frame::codec::is_key_frame;
use e2ee_core::{Announcement, CodecRule, FrameBuf, FrameInfo, Millis, Opener, TrackKind};
use str0m::format::Codec as Rtp;
use str0m::media::{KeyframeRequestKind, MediaData, Mid};

use crate::call::{Call, NAP};
use crate::ivf::Writer;
use crate::{Error, Member, participant};

/// How a recording went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Frames that opened and were written.
    pub written: u32,
    /// Frames that did not open: other keys, damage, or another codec than VP8.
    pub refused: u32,
    /// Frames that opened before the first key frame, at which the recording begins.
    pub early: u32,
}

/// Records the camera of participant `of` into `path`, until `done` says so of what there is.
///
/// # Errors
/// [`Error`].
pub fn record(
    member: &Member,
    of: &str,
    path: &Path,
    mut done: impl FnMut(&Report) -> bool,
) -> Result<Report, Error> {
    let mut call = Call::join(member, None)?;
    let mut recorder = Recorder { opener: None, buf: FrameBuf::new(), file: None, report: Report::default() };
    let start = Instant::now();
    while !done(&recorder.report) {
        let news = call.pump()?;
        let now = Millis(u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX));
        for frame in news.media {
            if call.track(frame.mid).is_some_and(|track| track.of == of && track.kind == "video")
                && recorder.take(member, &call, of, &frame, path, now)?
            {
                ask_for_key_frame(&mut call, frame.mid);
            }
        }
        std::thread::sleep(NAP);
    }
    call.leave()?;
    if let Some(file) = recorder.file {
        file.finish()?;
    }
    Ok(recorder.report)
}

fn ask_for_key_frame(call: &mut Call, mid: Mid) {
    if let Some(mut writer) = call.receiving().writer(mid) {
        // Asked again with the next frame when it does not work.
        let _ = writer.request_keyframe(None, KeyframeRequestKind::Pli);
    }
}

struct Recorder {
    opener: Option<(Announcement, Opener)>,
    buf: FrameBuf,
    file: Option<Writer<BufWriter<File>>>,
    report: Report,
}

impl Recorder {
    /// `true`: a key frame is needed.
    fn take(
        &mut self,
        member: &Member,
        call: &Call,
        of: &str,
        frame: &MediaData,
        path: &Path,
        now: Millis,
    ) -> Result<bool, Error> {
        if frame.params.spec().codec != Rtp::Vp8 {
            self.report.refused += 1;
            return Ok(false);
        }
        let Some(opener) = self.opener(member, of, call.announcement(of))? else {
            self.report.refused += 1;
            return Ok(false);
        };
        opener.tick(now);
        let info = FrameInfo::track(TrackKind::Video, CodecRule::Vp8);
        self.buf.fill(&frame.data);
        let Some((_, opener)) = &mut self.opener else { return Ok(false) };
        let Ok(opened) = opener.open(&info, &mut self.buf) else {
            self.report.refused += 1;
            return Ok(false);
        };
        if self.file.is_none() {
            if is_key_frame(CodecRule::Vp8, opened) != Some(true) {
                self.report.early += 1;
                return Ok(true);
            }
            let (width, height) = vp8_size(opened);
            self.file = Some(Writer::new(BufWriter::new(File::create(path)?), width, height)?);
        }
        if let Some(file) = &mut self.file {
            file.push(frame.time.rebase(str0m::media::Frequency::NINETY_KHZ).numer(), opened)?;
            self.report.written += 1;
        }
        Ok(false)
    }

    /// The opener of what the participant announced; a new announcement takes a new one.
    fn opener(
        &mut self,
        member: &Member,
        of: &str,
        said: Option<&str>,
    ) -> Result<Option<&mut Opener>, Error> {
        let Some(said) = said.and_then(|text| text.parse::<Announcement>().ok()) else { return Ok(None) };
        if self.opener.as_ref().is_none_or(|(known, _)| *known != said) {
            let who = participant(of)?;
            let mut opener = Opener::new(member.profile(said.suite)?, who.clone());
            opener.follow_room(member.secret.sender(&member.call()?, &who, &said.incarnation));
            self.opener = Some((said, opener));
        }
        Ok(self.opener.as_mut().map(|(_, opener)| opener))
    }
}

/// Width and height of a key frame (RFC 6386 section 9.1), pixels.
fn vp8_size(frame: &[u8]) -> (u16, u16) {
    match frame.first_chunk::<10>() {
        Some([_, _, _, 0x9d, 0x01, 0x2a, w0, w1, h0, h1]) => {
            (u16::from_le_bytes([*w0, *w1]) & 0x3fff, u16::from_le_bytes([*h0, *h1]) & 0x3fff)
        }
        _ => (0, 0),
    }
}
