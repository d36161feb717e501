//! Small frames of every codec, each with a number of its own in it, in the spelling that opening gives back.

use e2ee_core::{CodecRule, FrameInfo, TrackKind};

use super::rng::Rng;

/// What a frame is announced as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Label {
    pub(super) kind: TrackKind,
    pub(super) rule: CodecRule,
}

impl Label {
    pub(super) fn info(self) -> FrameInfo<'static> {
        FrameInfo::track(self.kind, self.rule)
    }
}

#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub(super) label: Label,
    pub(super) bytes: Vec<u8>,
}

/// Makes a frame that no other `id` gives.
pub(super) fn make(rng: &mut Rng, id: u64) -> Frame {
    let kind = rng.pick(&TrackKind::ALL).unwrap_or(TrackKind::Audio);
    let video = matches!(kind, TrackKind::Video | TrackKind::ScreenVideo);
    let rule = if video { rng.pick(&CodecRule::ALL) } else { None }.unwrap_or(CodecRule::Opaque);
    let key = rng.chance(150);
    let len = rng.below(60) as usize;
    // Digits of 4 bits with a bit above them: no start code can come about.
    let body = |rng: &mut Rng| {
        let digits = id.to_be_bytes().into_iter().flat_map(|byte| [0x40 | byte >> 4, 0x40 | byte & 0x0f]);
        let filling = rng.bytes(len).into_iter().map(|byte| byte | 0x10);
        digits.chain(filling).collect::<Vec<u8>>()
    };
    let body = body(rng);
    let bytes = match (rule, key) {
        (CodecRule::Opaque, _) => body,
        (CodecRule::Vp8, true) => [&[0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a][..], &body].concat(),
        (CodecRule::Vp8, false) => [&[0x11][..], &body].concat(),
        (CodecRule::Av1, true) => [&[0x12, 0][..], &[0x0a, 3, 1, 2, 3], &obu(&body)].concat(),
        (CodecRule::Av1, false) => [&[0x12, 0][..], &obu(&body)].concat(),
        (CodecRule::H264, true) => {
            annex_b(&[&[0x09, 0xf0], &[0x67, 0x42, 0xe0], &[0x68, 0xce], &slice(&[0x65], &body)])
        }
        (CodecRule::H264, false) => annex_b(&[&slice(&[0x61], &body)]),
        (CodecRule::H265, true) => {
            annex_b(&[&[0x40, 1, 0x0c], &[0x42, 1, 0x60], &[0x44, 1, 0xc1], &slice(&[0x26, 1], &body)])
        }
        (CodecRule::H265, false) => annex_b(&[&slice(&[0x02, 1], &body)]),
    };
    Frame { label: Label { kind, rule }, bytes }
}

/// A frame OBU; bodies are shorter than 128 bytes.
fn obu(body: &[u8]) -> Vec<u8> {
    [&[0x32, body.len() as u8][..], body].concat()
}

fn slice(header: &[u8], body: &[u8]) -> Vec<u8> {
    [header, &[0x88], body].concat()
}

fn annex_b(units: &[&[u8]]) -> Vec<u8> {
    units.iter().flat_map(|unit| [&[0, 0, 0, 1][..], unit].concat()).collect()
}
