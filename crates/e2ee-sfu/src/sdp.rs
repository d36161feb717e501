//! Small changes to the text of answers that str0m has no option for.

/// Brings the payload types of each m-line into the order of the offer, so that the client sends the codec that
/// it put first, and asks senders of video to start at a bitrate.
pub(crate) fn finish_answer(answer: &str, offer: &str, start_bitrate_kbps: Option<u32>) -> String {
    let offered = Section::all(offer);
    let mut out = String::with_capacity(answer.len() + 256);
    for section in Section::all(answer) {
        let peer = section.mid().and_then(|mid| offered.iter().find(|o| o.mid() == Some(mid)));
        match (section.media_line(), peer) {
            (Some(media), Some(peer)) => {
                push_media(&mut out, &section, media, peer);
                let bitrate = start_bitrate_kbps.filter(|_| media.starts_with("m=video"));
                for line in section.lines.iter().skip(1) {
                    push_line(&mut out, line, &section, bitrate);
                }
                if let Some(kbps) = bitrate {
                    push_missing_parameters(&mut out, &section, kbps);
                }
            }
            _ => section.lines.iter().for_each(|line| push(&mut out, line)),
        }
    }
    out
}

/// The session part, or one m-line with its attributes.
struct Section<'a> {
    lines: Vec<&'a str>,
}

impl<'a> Section<'a> {
    fn all(sdp: &'a str) -> Vec<Self> {
        let mut sections = vec![Section { lines: Vec::new() }];
        for line in sdp.lines().filter(|l| !l.is_empty()) {
            if line.starts_with("m=") {
                sections.push(Section { lines: Vec::new() });
            }
            if let Some(section) = sections.last_mut() {
                section.lines.push(line);
            }
        }
        sections
    }

    fn media_line(&self) -> Option<&'a str> {
        self.lines.first().copied().filter(|l| l.starts_with("m="))
    }

    fn mid(&self) -> Option<&'a str> {
        self.attribute("mid:")
    }

    fn attribute(&self, name: &str) -> Option<&'a str> {
        self.lines.iter().find_map(|l| l.strip_prefix("a=")?.strip_prefix(name))
    }

    fn payload_types(&self) -> Vec<&'a str> {
        self.media_line().map(|l| l.split(' ').skip(3).collect()).unwrap_or_default()
    }

    fn codec(&self, pt: &str) -> Option<&'a str> {
        self.attribute(&format!("rtpmap:{pt} "))
    }

    fn parameters(&self, pt: &str) -> &'a str {
        self.attribute(&format!("fmtp:{pt} ")).unwrap_or_default()
    }

    /// What tells two payload types of a codec apart. A retransmission type goes by the type it repairs.
    fn identity(&self, pt: &str) -> Option<Identity> {
        let name = self.codec(pt)?.to_ascii_lowercase();
        let all = self.parameters(pt);
        if name.starts_with("rtx/") {
            let repaired = parameter(all, "apt")?;
            let of = self.identity(&repaired)?;
            return Some(Identity { retransmission: true, ..of });
        }
        let profile = ["profile-level-id", "profile-id", "profile"].iter().find_map(|p| parameter(all, p));
        // The profile is in the first four digits; the level behind it may differ.
        let profile = profile.unwrap_or_else(|| "0".into()).to_ascii_lowercase().chars().take(4).collect();
        Some(Identity { name, profile, mode: parameter(all, "packetization-mode"), retransmission: false })
    }
}

#[derive(PartialEq, Eq)]
struct Identity {
    name: String,
    profile: String,
    mode: Option<String>,
    retransmission: bool,
}

fn parameter(all: &str, name: &str) -> Option<String> {
    all.split(';').find_map(|p| Some(p.trim().strip_prefix(name)?.strip_prefix('=')?.to_owned()))
}

fn push(out: &mut String, line: &str) {
    out.push_str(line);
    out.push_str("\r\n");
}

fn push_media(out: &mut String, section: &Section, media: &str, offer: &Section) {
    let wanted: Vec<_> = offer.payload_types().iter().map(|pt| offer.identity(pt)).collect();
    let mut types = section.payload_types();
    types.sort_by_key(|pt| {
        let identity = section.identity(pt);
        wanted.iter().position(|w| identity.is_some() && *w == identity).unwrap_or(usize::MAX)
    });
    let head: Vec<_> = media.split(' ').take(3).chain(types).collect();
    push(out, &head.join(" "));
}

fn is_video_codec(codec: &str) -> bool {
    !codec.to_ascii_lowercase().starts_with("rtx/")
}

fn push_line(out: &mut String, line: &str, section: &Section, bitrate: Option<u32>) {
    let pt = line.strip_prefix("a=fmtp:").and_then(|l| l.split(' ').next());
    match (pt, bitrate) {
        (Some(pt), Some(kbps)) if section.codec(pt).is_some_and(is_video_codec) => {
            push(out, &format!("{line};x-google-start-bitrate={kbps}"));
        }
        _ => push(out, line),
    }
}

/// Codecs that have no parameters yet get a line for the bitrate.
fn push_missing_parameters(out: &mut String, section: &Section, kbps: u32) {
    for pt in section.payload_types() {
        if section.codec(pt).is_some_and(is_video_codec) && section.parameters(pt).is_empty() {
            push(out, &format!("a=fmtp:{pt} x-google-start-bitrate={kbps}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFER: &str = "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 45 46 96 97 103\r\na=mid:0\r\na=rtpmap:45 AV1/90000\r\n\
        a=fmtp:45 level-idx=5;profile=0;tier=0\r\na=rtpmap:46 rtx/90000\r\na=fmtp:46 apt=45\r\n\
        a=rtpmap:96 VP8/90000\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n\
        a=rtpmap:103 H264/90000\r\na=fmtp:103 packetization-mode=1;profile-level-id=42001f\r\n";
    // Other numbers than in the offer, and another order.
    const ANSWER: &str = "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96 97 127 35 36\r\na=mid:0\r\na=rtpmap:96 VP8/90000\r\n\
        a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=rtpmap:127 H264/90000\r\n\
        a=fmtp:127 packetization-mode=1;profile-level-id=420034\r\na=rtpmap:35 AV1/90000\r\n\
        a=fmtp:35 profile=0\r\na=rtpmap:36 rtx/90000\r\na=fmtp:36 apt=35\r\n";

    #[test]
    fn the_offers_order_rules() {
        let out = finish_answer(ANSWER, OFFER, None);
        assert!(out.contains("m=video 9 UDP/TLS/RTP/SAVPF 35 36 96 97 127\r\n"), "{out}");
        assert_eq!(out.lines().count(), ANSWER.lines().count());
    }

    #[test]
    fn every_video_codec_gets_the_bitrate_and_retransmissions_do_not() {
        let out = finish_answer(ANSWER, OFFER, Some(900));
        assert!(out.contains("a=fmtp:96 x-google-start-bitrate=900\r\n"), "{out}");
        assert!(out.contains("a=fmtp:35 profile=0;x-google-start-bitrate=900\r\n"), "{out}");
        assert_eq!(out.matches("x-google-start-bitrate=900").count(), 3, "{out}");
    }

    #[test]
    fn audio_is_left_alone() {
        let sdp = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=rtpmap:111 opus/48000/2\r\n";
        assert_eq!(finish_answer(sdp, sdp, Some(900)), sdp);
    }
}
