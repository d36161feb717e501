//! Properties of the codec steps over generated, mutated and random bytes.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod codec_support;

use codec_support::{obu, open, round_trip, seal};
use e2ee_core::frame::buf::FrameBuf;
use e2ee_core::frame::codec::{CodecRule, LayoutError, arrange, is_key_frame, restore, unwrap, wrap};
use proptest::collection::vec;
use proptest::prelude::*;

/// Bytes with many zeros, ones, twos and threes in a row.
fn zeros(max: usize) -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => vec(Just(0_u8), 1..5),
        3 => vec(0_u8..=4, 1..4),
        2 => vec(any::<u8>(), 1..90),
        1 => Just(vec![0x80]),
    ];
    vec(piece, 0..max / 8).prop_map(|pieces| pieces.concat())
}

fn header() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![vec(any::<u8>(), 1..17), vec(0_u8..=3, 1..17)]
}

fn rule() -> impl Strategy<Value = CodecRule> {
    prop::sample::select(CodecRule::ALL.to_vec())
}

/// Payload of a NAL unit as an encoder writes it: no start code inside, no zero at the end.
fn rbsp() -> impl Strategy<Value = Vec<u8>> {
    zeros(120).prop_map(|bytes| {
        let mut out = Vec::new();
        for byte in bytes {
            if out.ends_with(&[0, 0]) && byte <= 3 {
                out.push(3);
            }
            out.push(byte);
        }
        out.push(0x80);
        out
    })
}

#[derive(Clone, Debug)]
struct NalUnit {
    clear: bool,
    zeros: usize,
    bytes: Vec<u8>,
}

/// A unit with one of the given headers, its start code led by 2 to 5 zeros.
fn nal(headers: Vec<(Vec<u8>, bool)>) -> impl Strategy<Value = NalUnit> {
    (prop::sample::select(headers), rbsp(), prop_oneof![Just(2_usize), Just(3), 2_usize..=5])
        .prop_map(|((header, clear), rbsp, zeros)| NalUnit { clear, zeros, bytes: [header, rbsp].concat() })
}

/// A picture and its canonical spelling, H.264 or H.265.
fn picture() -> impl Strategy<Value = (CodecRule, Vec<u8>, Vec<u8>)> {
    let h264 = (
        vec(
            nal([
                (0x67, true),
                (0x68, true),
                (0x6d, true),
                (0x6f, true),
                (0x09, false),
                (0x06, false),
                (0x0e, false),
            ]
            .map(|(header, clear)| (vec![header], clear))
            .to_vec()),
            0..8,
        ),
        nal([0x65, 0x41, 0x01, 0x02].map(|header| (vec![header], true)).to_vec()),
        vec(nal([0x65, 0x41, 0x06, 0x67].map(|header| (vec![header], false)).to_vec()), 0..4),
    );
    let h265 = (
        vec(
            nal([(32_u8, true), (33, true), (34, true), (35, false), (39, false), (40, false)]
                .map(|(kind, clear)| (vec![kind << 1, 1], clear))
                .to_vec()),
            0..8,
        ),
        nal([0_u8, 1, 9, 16, 19, 21].map(|kind| (vec![kind << 1, 1], true)).to_vec()),
        vec(nal([1_u8, 19, 39, 40].map(|kind| (vec![kind << 1, 9], false)).to_vec()), 0..4),
    );
    prop_oneof![
        h264.prop_map(|(before, slice, behind)| (CodecRule::H264, [before, vec![slice], behind].concat())),
        h265.prop_map(|(before, slice, behind)| (CodecRule::H265, [before, vec![slice], behind].concat())),
    ]
    .prop_map(|(rule, units)| {
        let (mut frame, mut canonical) = (Vec::new(), Vec::new());
        for unit in units {
            for (out, zeros) in
                [(&mut frame, unit.zeros), (&mut canonical, if unit.clear { 3 } else { unit.zeros })]
            {
                out.extend(vec![0; zeros]);
                out.push(1);
                out.extend(&unit.bytes);
            }
        }
        (rule, frame, canonical)
    })
}

/// An OBU: as written (longer size than needed, perhaps) and canonical if it is a clear one.
fn any_obu(kinds: &'static [u8]) -> impl Strategy<Value = (u8, Option<u8>, Vec<u8>, usize)> {
    (prop::sample::select(kinds), prop::option::of(any::<u8>()), zeros(100), 0_usize..3)
}

/// A temporal unit and its canonical spelling.
fn temporal_unit() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let before = vec(any_obu(&[1, 1, 2, 5, 15]), 0..7);
    let behind = vec(any_obu(&[3, 4, 6, 7, 1, 15]), 0..3);
    (before, any_obu(&[3, 4, 6]), behind).prop_map(|(before, frame, behind)| {
        let (mut written, mut canonical) = (Vec::new(), Vec::new());
        let prefix = before.len();
        for (at, (kind, extension, payload, extra)) in
            before.into_iter().chain([frame]).chain(behind).enumerate()
        {
            let shortest = obu(kind, extension, &payload);
            let mut long = shortest.clone();
            let last = shortest.len() - payload.len() - 1;
            if extra > 0 {
                long[last] |= 0x80;
                let zeros = [vec![0x80; extra - 1], vec![0]].concat();
                long.splice(last + 1..last + 1, zeros);
            }
            canonical.extend(if at < prefix && kind == 1 { &shortest } else { &long });
            written.extend(long);
        }
        (written, canonical)
    })
}

/// Four times what `PROPTEST_CASES` says (256 when it says nothing).
fn config() -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig { cases: usual.cases.saturating_mul(4), failure_persistence: None, ..usual }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn pictures_come_back((rule, frame, canonical) in picture(), header in header(), tag in vec(0_u8..=3, 16)) {
        let sealed = round_trip(rule, &frame, &header, &tag, &canonical);
        // What comes back is canonical: sealed again it stays.
        round_trip(rule, &canonical, &header, &tag, &canonical);
        // A transport may trail zeros.
        let trailed = [&sealed.wire[..], &[0, 0, 0]].concat();
        prop_assert_eq!(open(rule, &trailed, &sealed, header.len(), tag.len()).unwrap(), canonical);
        prop_assert_eq!(is_key_frame(rule, &frame), is_key_frame(rule, &sealed.wire));
    }

    #[test]
    fn temporal_units_come_back((frame, canonical) in temporal_unit(), header in header(), tag in vec(any::<u8>(), 16)) {
        let sealed = round_trip(CodecRule::Av1, &frame, &header, &tag, &canonical);
        round_trip(CodecRule::Av1, &canonical, &header, &tag, &canonical);
        let delimited = [&[0x12, 0][..], &sealed.wire].concat();
        prop_assert_eq!(open(CodecRule::Av1, &delimited, &sealed, header.len(), tag.len()).unwrap(), canonical);
    }

    #[test]
    fn any_frame_comes_back_or_is_refused(rule in rule(), frame in zeros(300), header in header()) {
        if let Ok(sealed) = seal(rule, &frame, &header, &[0; 16]) {
            let opened = open(rule, &sealed.wire, &sealed, header.len(), 16).unwrap();
            round_trip(rule, &opened, &header, &[0; 16], &opened);
            if matches!(rule, CodecRule::Opaque | CodecRule::Vp8) {
                prop_assert_eq!(&opened, &frame);
            }
        }
    }

    /// Total: an answer for every byte string; and what is accepted has one layout, which wraps and unwraps to itself.
    #[test]
    fn any_wire_bytes_get_an_answer(rule in rule(), wire in prop_oneof![zeros(300), vec(any::<u8>(), 0..200)]) {
        steady(rule, &wire);
    }

    #[test]
    fn mutated_wires_get_an_answer(
        (rule, frame, _) in picture(),
        (unit, _) in temporal_unit(),
        header in header(),
        edits in vec((any::<prop::sample::Index>(), prop_oneof![0_u8..=3, any::<u8>()], 0..4), 1..6),
    ) {
        for (rule, frame) in [(rule, &frame), (CodecRule::Av1, &unit)] {
            let mut wire = seal(rule, frame, &header, &[7; 16]).unwrap().wire;
            for (at, byte, edit) in &edits {
                if wire.is_empty() { break; }
                let at = at.index(wire.len());
                match edit {
                    0 => wire[at] = *byte,
                    1 => wire.insert(at, *byte),
                    2 => { wire.remove(at); }
                    _ => wire.truncate(at),
                }
            }
            steady(rule, &wire);
        }
    }

    #[test]
    fn any_plaintext_is_restored_or_refused(
        rule in rule(),
        (_, picture, _) in picture(),
        garbage in zeros(200),
        tail in vec(0_u8..=9, 0..12),
        clear in 0_usize..120,
        flag in any::<bool>(),
    ) {
        for start in [&picture, &garbage] {
            let mut buf = FrameBuf::new();
            buf.fill(&[&start[..], &tail].concat());
            let before = buf.len();
            let _ = restore(rule, &mut buf, clear, flag);
            prop_assert!(buf.len() <= before);
            let _ = wrap(rule, &mut buf, clear);
            let _ = is_key_frame(rule, start);
        }
    }

    /// A table that fits a genuine clear prefix only by chance never reads or writes outside the frame.
    #[test]
    fn forged_run_tables_are_bounded(
        runs in vec((0_u8..4, 0_u16..40), 0..10),
        count in prop::option::of(any::<u8>()),
        body in vec(any::<u8>(), 0..60),
    ) {
        let clear = b"\0\0\0\x01\x67\x42\0\0\0\x01\x68\xce\0\0\0\x01\x65\x88";
        let mut frame = [&clear[..], &body].concat();
        for (position, length) in &runs {
            frame.push(*position);
            frame.extend(length.to_be_bytes());
        }
        frame.push(count.unwrap_or(runs.len() as u8));
        let mut buf = FrameBuf::new();
        buf.fill(&frame);
        let genuine = count.is_none()
            && (1..=8).contains(&runs.len())
            && runs.is_sorted_by_key(|(position, _)| *position)
            && runs.iter().all(|(position, length)| *position < 3 && *length > 0)
            && runs.iter().map(|(_, length)| usize::from(*length)).sum::<usize>() <= body.len();
        let result = restore(CodecRule::H264, &mut buf, clear.len(), true);
        if count.is_none() {
            prop_assert_eq!(result.is_ok(), genuine);
        }
        if result.is_ok() && count.is_none() {
            let mut sorted = [&clear[..], &body].concat();
            let mut restored = buf.bytes().to_vec();
            sorted.sort_unstable();
            restored.sort_unstable();
            prop_assert_eq!(sorted, restored);
        } else if result.is_err() {
            prop_assert_eq!(result, Err(LayoutError::Malformed));
        }
    }
}

/// `unwrap` answers; if it accepts, `wrap` and `unwrap` of the layout give the same layout.
fn steady(rule: CodecRule, wire: &[u8]) {
    let mut buf = FrameBuf::new();
    buf.fill(wire);
    let Ok(clear) = unwrap(rule, &mut buf) else { return };
    assert!(clear <= buf.len());
    let layout = buf.bytes().to_vec();
    wrap(rule, &mut buf, clear).unwrap();
    if !matches!(rule, CodecRule::Opaque | CodecRule::Vp8) {
        codec_support::assert_canonical(rule, buf.bytes(), clear);
    }
    assert_eq!(unwrap(rule, &mut buf), Ok(clear), "{rule:?} {wire:x?}");
    assert_eq!(buf.bytes(), layout, "{rule:?} {wire:x?}");
    let mut twin = FrameBuf::new();
    twin.fill(&layout);
    let _ = arrange(rule, &mut twin);
}
