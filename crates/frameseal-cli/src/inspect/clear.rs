//! The clear bytes, named.

use e2ee_core::CodecRule;

use super::Part;

/// The parts of a clear prefix. `canonical` is its one authenticated spelling, `wire` what stands in the frame.
pub(super) fn parts(rule: CodecRule, canonical: &[u8], wire: &[u8]) -> Vec<Part> {
    if wire.is_empty() {
        return Vec::new();
    }
    let units = match rule {
        CodecRule::Opaque => Vec::new(),
        CodecRule::Vp8 => vp8(canonical),
        CodecRule::Av1 => av1(canonical),
        CodecRule::H264 => nal_units(canonical, h264_name),
        CodecRule::H265 => nal_units(canonical, h265_name),
    };
    if canonical != wire {
        // Positions inside are those of another spelling.
        let what = units.into_iter().map(|(_, what)| what).collect::<Vec<_>>().join("; ");
        return vec![Part { name: "clear", at: 0..wire.len(), what }];
    }
    let mut at = 0;
    let part = |(len, what)| {
        let start = at;
        at += len;
        Part { name: "clear", at: start..at, what }
    };
    units.into_iter().map(part).collect()
}

/// Length and meaning of each unit.
type Units = Vec<(usize, String)>;

/// RFC 6386 section 9.1.
fn vp8(prefix: &[u8]) -> Units {
    let Some(tag) = prefix.first() else { return Vec::new() };
    if tag & 1 != 0 {
        return vec![(1, "first byte of the frame tag: delta frame".to_owned())];
    }
    let size = prefix.iter().take(3).rev().fold(0_u32, |size, byte| size << 8 | u32::from(*byte)) >> 5;
    let shown = if tag & 0x10 != 0 { "shown" } else { "not shown" };
    let version = tag >> 1 & 7;
    vec![
        (3, format!("frame tag: key frame, version {version}, {shown}, first partition {size} bytes")),
        (3, "start code of a key frame".to_owned()),
    ]
}

fn av1(mut rest: &[u8]) -> Units {
    let mut units = Vec::new();
    while let Some((header, behind)) = rest.split_first() {
        let extension = usize::from(header & 0x04 != 0);
        let size = behind.get(extension..).unwrap_or_default();
        let spelled = size.iter().take_while(|byte| **byte & 0x80 != 0).count() + 1;
        let size = size.iter().take(spelled).rev().fold(0_usize, |n, byte| n << 7 | usize::from(byte & 0x7f));
        let len = (1 + extension + spelled).saturating_add(size).min(rest.len());
        units.push((len, format!("sequence header OBU, {size} bytes")));
        rest = rest.get(len..).unwrap_or_default();
    }
    units
}

fn nal_units(prefix: &[u8], name: fn(u8) -> &'static str) -> Units {
    let starts = prefix.windows(4).enumerate().filter(|(_, four)| *four == [0, 0, 0, 1]);
    let starts: Vec<usize> = starts.map(|(at, _)| at).collect();
    let ends = starts.iter().skip(1).copied().chain([prefix.len()]);
    let unit = |(start, end): (&usize, usize)| {
        let header = prefix.get(start + 4).copied().unwrap_or(0);
        (end.saturating_sub(*start), format!("start code, {}", name(header)))
    };
    starts.iter().zip(ends).map(unit).collect()
}

/// ITU-T H.264 table 7-1.
fn h264_name(header: u8) -> &'static str {
    match header & 0x1f {
        1 => "header and first byte of a slice",
        2 => "header and first byte of a slice (data partition A)",
        5 => "header and first byte of a slice of a key frame (IDR)",
        7 => "sequence parameter set",
        8 => "picture parameter set",
        13 => "sequence parameter set extension",
        15 => "subset sequence parameter set",
        _ => "NAL unit",
    }
}

/// ITU-T H.265 table 7-1.
fn h265_name(header: u8) -> &'static str {
    match header >> 1 & 0x3f {
        0..=9 => "header and first byte of a slice",
        16..=18 => "header and first byte of a slice of a key frame (BLA)",
        19 | 20 => "header and first byte of a slice of a key frame (IDR)",
        21 => "header and first byte of a slice of a key frame (CRA)",
        32 => "video parameter set",
        33 => "sequence parameter set",
        34 => "picture parameter set",
        _ => "NAL unit",
    }
}
