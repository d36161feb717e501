//! Test mode: frames of a track as a file that decoders read, to try what can be made of them.

use serde::Deserialize;

use crate::codec::Codec;
use crate::depacketize::Frame;
use crate::engine::Engine;

/// Clock rate of video timestamps.
const RATE: u32 = 90_000;

/// Which track, and which layer of it if not the best.
#[derive(Debug, Deserialize)]
pub(crate) struct Wanted {
    room: String,
    id: String,
    mid: String,
    rid: Option<String>,
}

/// A file of frames.
#[derive(Debug)]
pub(crate) struct Dump {
    pub(crate) content_type: &'static str,
    pub(crate) bytes: Vec<u8>,
}

impl Engine {
    /// What is held of a track.
    pub(crate) fn dump(&self, wanted: &Wanted) -> Option<Dump> {
        let mut members = self.members.values();
        let member = members.find(|m| m.room == wanted.room && m.id == wanted.id)?;
        let track = member.tracks.iter().find(|t| t.info.mid == wanted.mid)?;
        let ssrc = match &wanted.rid {
            None => track.choose(None, std::time::Instant::now())?,
            Some(rid) => track.streams.iter().find(|s| s.rid == Some(rid.as_str().into()))?.ssrc,
        };
        write(self.verdict.as_ref()?.held(*ssrc))
    }
}

/// Writes IVF for VP8, VP9 and AV1, Annex B for H.264; each frame of audio behind its length, 4 bytes big endian.
/// Video begins with the first key frame, if there is one.
fn write<'f>(frames: impl Iterator<Item = &'f Frame>) -> Option<Dump> {
    let frames: Vec<&Frame> = frames.collect();
    let codec = frames.last()?.codec;
    let begin = frames.iter().position(|f| f.key && f.codec == codec).unwrap_or(0);
    let frames = frames.get(begin..)?.iter().filter(|f| f.codec == codec);
    Some(match codec {
        Codec::Vp8 => ivf(*b"VP80", frames),
        Codec::Vp9 => ivf(*b"VP90", frames),
        Codec::Av1 => ivf(*b"AV01", frames),
        Codec::H264 => {
            let bytes = frames.flat_map(|f| f.bytes.iter().copied()).collect();
            Dump { content_type: "video/H264", bytes }
        }
        Codec::Opus | Codec::Red | Codec::Other => {
            let mut bytes = Vec::new();
            for frame in frames {
                put_u32_be(&mut bytes, frame.bytes.len());
                bytes.extend_from_slice(&frame.bytes);
            }
            Dump { content_type: "application/octet-stream", bytes }
        }
    })
}

/// IVF: a header of 32 bytes, then each frame behind its length (4 bytes) and timestamp (8 bytes), little endian.
/// The size of the picture is left 0: decoders find it in the frames.
fn ivf<'f>(fourcc: [u8; 4], frames: impl Iterator<Item = &'f &'f Frame>) -> Dump {
    const TEMPORAL_DELIMITER: [u8; 2] = [0x12, 0x00];
    let mut bytes = Vec::new();
    bytes.extend_from_slice(b"DKIF");
    bytes.extend_from_slice(&[0, 0, 32, 0]);
    bytes.extend_from_slice(&fourcc);
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(&RATE.to_le_bytes());
    bytes.extend_from_slice(&1u32.to_le_bytes());
    bytes.extend_from_slice(&[0; 8]);
    let mut start = None;
    for frame in frames {
        let start = *start.get_or_insert(frame.timestamp);
        let prefix: &[u8] = if &fourcc == b"AV01" { &TEMPORAL_DELIMITER } else { &[] };
        let len = u32::try_from(prefix.len() + frame.bytes.len()).unwrap_or(u32::MAX);
        bytes.extend_from_slice(&len.to_le_bytes());
        bytes.extend_from_slice(&u64::from(frame.timestamp.wrapping_sub(start)).to_le_bytes());
        bytes.extend_from_slice(prefix);
        bytes.extend_from_slice(&frame.bytes);
    }
    Dump { content_type: "video/x-ivf", bytes }
}

fn put_u32_be(out: &mut Vec<u8>, value: usize) {
    out.extend_from_slice(&u32::try_from(value).unwrap_or(u32::MAX).to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(codec: Codec, timestamp: u32, key: bool, bytes: &[u8]) -> Frame {
        Frame { ssrc: 1, timestamp, codec, key, bytes: bytes.to_vec() }
    }

    #[test]
    fn video_begins_with_a_key_frame() {
        let frames = [
            frame(Codec::Vp8, 0, false, b"delta"),
            frame(Codec::Vp8, 3000, true, b"key"),
            frame(Codec::Vp8, 6000, false, b"next"),
        ];
        let dump = write(frames.iter()).unwrap();
        assert_eq!(dump.bytes[..12], *b"DKIF\0\0\x20\0VP80");
        let body = &dump.bytes[32..];
        assert_eq!(body[..4], [3, 0, 0, 0]);
        assert_eq!(body[4..15], *b"\0\0\0\0\0\0\0\0key");
        assert_eq!(body[15..], *b"\x04\0\0\0\xb8\x0b\0\0\0\0\0\0next");
    }

    #[test]
    fn av1_gets_its_temporal_delimiters_and_sound_its_lengths() {
        let dump = write([frame(Codec::Av1, 9, true, &[0x0a, 0])].iter()).unwrap();
        assert_eq!(dump.bytes[44..], [0x12, 0, 0x0a, 0]);
        let dump = write([frame(Codec::Opus, 9, true, b"ab")].iter()).unwrap();
        assert_eq!(dump.bytes, [0, 0, 0, 2, b'a', b'b']);
        assert!(write([].iter()).is_none());
    }
}
