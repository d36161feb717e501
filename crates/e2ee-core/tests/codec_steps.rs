//! The four codec steps with a null cipher: hand-made frames with every unit order the rules name.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod codec_support;

use codec_support::{Sealed, obu, open, round_trip, seal};
use e2ee_core::frame::codec::CodecRule::{Av1, H264, H265, Vp8};
use e2ee_core::frame::codec::{LayoutError, is_key_frame};

const HEADER: &[u8] = &[0x99, 0x01, 0x02, 0x03];
const TAG: &[u8] = &[0xaa; 16];

/// Seals, opens, and expects `expected` back; returns what was on the wire.
fn expect(rule: e2ee_core::frame::codec::CodecRule, frame: &[u8], expected: &[u8]) -> Sealed {
    let sealed = seal(rule, frame, HEADER, TAG).unwrap();
    assert_eq!(open(rule, &sealed.wire, &sealed, HEADER.len(), TAG.len()).unwrap(), expected, "{rule:?}");
    sealed
}

#[test]
fn vp8_leaves_the_frame_tag_and_start_code_readable() {
    let key = [0x50, 0x01, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0xe0, 0x01, 1, 2, 3];
    let sealed = expect(Vp8, &key, &key);
    assert_eq!(sealed.clear, 6);
    assert_eq!(&sealed.wire[..6], &key[..6]);
    assert_eq!(is_key_frame(Vp8, &sealed.wire), Some(true));
    assert_eq!(expect(Vp8, &[0x31, 9, 9], &[0x31, 9, 9]).clear, 1);
    assert_eq!(seal(Vp8, &key[..5], HEADER, TAG).err(), Some(LayoutError::TooShort));
    assert_eq!(seal(Vp8, &[], HEADER, TAG).err(), Some(LayoutError::TooShort));
}

#[test]
fn av1_delta_frames_are_one_carrier() {
    let frame = [obu(2, None, &[]), obu(6, None, &[1; 200])].concat();
    let sealed = expect(Av1, &frame, &frame);
    assert_eq!((sealed.clear, sealed.tail), (0, false));
    let rest = HEADER.len() + frame.len() + TAG.len();
    assert_eq!(&sealed.wire[..3], &[0x4a, (rest & 0x7f) as u8 | 0x80, (rest >> 7) as u8]);
    assert_eq!(is_key_frame(Av1, &sealed.wire), Some(false));
}

#[test]
fn av1_key_frames_show_sequence_headers_and_hide_the_delimiter() {
    let (delimiter, sequence) = (obu(2, None, &[]), obu(1, None, &[0, 0, 0, 0x24, 0xc4]));
    let frame = [&delimiter[..], &sequence, &obu(5, None, b"hdr10"), &obu(6, None, &[7; 90])].concat();
    let sealed = expect(Av1, &frame, &frame);
    assert!(sealed.tail);
    assert_eq!(&sealed.wire[..sealed.clear], &sequence[..]);
    assert_eq!(is_key_frame(Av1, &sealed.wire), Some(true));
    assert_eq!(is_key_frame(Av1, &frame), Some(true));

    // A transport that puts the delimiter back changes nothing for the receiver.
    let with_delimiter = [&delimiter[..], &sealed.wire].concat();
    assert_eq!(open(Av1, &with_delimiter, &sealed, HEADER.len(), TAG.len()).unwrap(), frame);
}

#[test]
fn av1_metadata_and_padding_between_sequence_headers_come_back_in_place() {
    let first = obu(1, Some(0x08), &[1, 2, 3]);
    let second = obu(1, None, &[4, 5]);
    let frame = [
        &obu(2, None, &[])[..],
        &obu(15, None, &[0x80]),
        &first,
        &obu(5, None, &[9; 40]),
        &second,
        &obu(15, None, &[0; 3]),
        &obu(3, None, &[6; 20]),
        &obu(4, None, &[5; 20]),
    ]
    .concat();
    let sealed = expect(Av1, &frame, &frame);
    assert_eq!(&sealed.wire[..sealed.clear], &[&first[..], &second].concat()[..]);
}

#[test]
fn av1_sequence_headers_become_canonical() {
    let body = [3_u8, 1, 4, 1, 5];
    // Size 5 in three bytes.
    let long = [&[0x0a, 0x85, 0x80, 0x00][..], &body].concat();
    let frame = [&long[..], &obu(6, None, &[7; 9])].concat();
    let canonical = [&obu(1, None, &body)[..], &obu(6, None, &[7; 9])].concat();
    expect(Av1, &frame, &canonical);
    // No size field: the sequence header is all there is.
    let bare = [&[0x0c, 0x28][..], &body].concat();
    let sealed = expect(Av1, &bare, &obu(1, Some(0x28), &body));
    assert_eq!(&sealed.wire[..sealed.clear], &obu(1, Some(0x28), &body)[..]);
    // A last frame OBU without a size field stays as it is: it is inside.
    let unsized_last = [&obu(2, None, &[])[..], &obu(1, None, &body), &[0x30, 8, 8, 8]].concat();
    expect(Av1, &unsized_last, &unsized_last);
}

#[test]
fn av1_upper_layers_have_no_clear_bytes() {
    let layer = obu(6, Some(0x28), &[3; 300]);
    assert_eq!(expect(Av1, &layer, &layer).clear, 0);
}

#[test]
fn av1_refuses_what_is_not_av1() {
    assert_eq!(seal(Av1, &[], HEADER, TAG).err(), Some(LayoutError::NoCarrier));
    assert_eq!(seal(Av1, &[0x8a, 0], HEADER, TAG).err(), Some(LayoutError::Malformed));
    assert_eq!(seal(Av1, &[0x0a, 9, 1], HEADER, TAG).err(), Some(LayoutError::Malformed));
    assert_eq!(seal(Av1, &[0x0a, 0x80], HEADER, TAG).err(), Some(LayoutError::Malformed));
    assert_eq!(seal(Av1, &obu(1, None, &[0; 5000]), HEADER, TAG).err(), Some(LayoutError::TooComplex));
    let many = obu(1, None, &[1]).repeat(9);
    assert_eq!(seal(Av1, &many, HEADER, TAG).err(), Some(LayoutError::TooComplex));
}

#[test]
fn av1_wire_bytes_are_read_strictly() {
    let frame = [obu(1, None, &[1, 2]), obu(6, None, &[7; 40])].concat();
    let sealed = seal(Av1, &frame, HEADER, TAG).unwrap();
    let refused = |wire: &[u8]| open(Av1, wire, &sealed, HEADER.len(), TAG.len()).unwrap_err();
    let at = sealed.clear;
    let mut wrong_type = sealed.wire.clone();
    wrong_type[at] = 0x32;
    assert_eq!(refused(&wrong_type), LayoutError::Malformed);
    let mut trailing = sealed.wire.clone();
    trailing.push(0);
    assert_eq!(refused(&trailing), LayoutError::Malformed);
    assert_eq!(refused(&sealed.wire[..sealed.wire.len() - 1]), LayoutError::Malformed);
    assert_eq!(refused(&sealed.wire[..at]), LayoutError::NoCarrier);
    let mut long_size = sealed.wire.clone();
    long_size[at + 1] |= 0x80;
    long_size.insert(at + 2, 0);
    assert_eq!(refused(&long_size), LayoutError::Malformed);
    let padded = [&obu(15, None, &[0])[..], &sealed.wire].concat();
    assert_eq!(refused(&padded), LayoutError::Malformed);
}

#[test]
fn h264_key_frames_show_parameter_sets_and_the_first_slice_byte() {
    let (sps, pps) = (b"\0\0\0\x01\x67\x42\xc0\x1f\xda".as_slice(), b"\0\0\0\x01\x68\xce\x3c\x80".as_slice());
    let slice = b"\0\0\0\x01\x65\x88\x84\0\0\x03\0\x01\xff".as_slice();
    let frame = [sps, pps, slice].concat();
    let sealed = expect(H264, &frame, &frame);
    assert!(!sealed.tail);
    assert_eq!(&sealed.wire[..sealed.clear], &frame[..sps.len() + pps.len() + 6]);
    assert_eq!(is_key_frame(H264, &sealed.wire), Some(true));
}

#[test]
fn h264_units_before_the_first_slice_move_inside_and_come_back() {
    let (aud, sei) = (b"\0\0\0\x01\x09\xf0".as_slice(), b"\0\0\x01\x06\x05\x04abcd\x80".as_slice());
    let (sps, pps) = (b"\0\0\0\x01\x67\x64\0\x1f".as_slice(), b"\0\0\x01\x68\xeb".as_slice());
    let slice = b"\0\0\x01\x65\x88\x84rest of the first slice".as_slice();
    let second = b"\0\0\x01\x65\x44\x84second slice".as_slice();
    let frame = [aud, sps, pps, sei, slice, second].concat();
    let canonical = [aud, sps, b"\0", pps, sei, b"\0", slice, second].concat();
    let sealed = expect(H264, &frame, &canonical);
    assert!(sealed.tail);
    let clear = [sps, b"\0", pps, b"\0", &slice[..5]].concat();
    assert_eq!(&sealed.wire[..sealed.clear], &clear[..]);

    // A transport that puts a delimiter in front, uses 3-byte start codes or trails zeros changes nothing.
    let three = [&clear[1..sps.len()], pps, &sealed.wire[sealed.clear - 5..]].concat();
    for wire in [
        [aud, &sealed.wire].concat(),
        [&sealed.wire[..], &[0, 0]].concat(),
        three,
        [&[0, 0][..], &sealed.wire].concat(),
    ] {
        assert_eq!(open(H264, &wire, &sealed, HEADER.len(), TAG.len()).unwrap(), canonical);
    }
    // An SEI in front is not something a transport adds.
    let wire = [sei, &sealed.wire].concat();
    assert_eq!(open(H264, &wire, &sealed, HEADER.len(), TAG.len()), Err(LayoutError::Malformed));
}

#[test]
fn h264_without_a_slice_has_no_carrier() {
    for frame in [&b""[..], b"\0\0", b"\0\0\0\x01\x67\x42\xc0", b"\0\0\x01\x09\xf0"] {
        assert_eq!(seal(H264, frame, HEADER, TAG).err(), Some(LayoutError::NoCarrier), "{frame:x?}");
    }
    for frame in
        [&b"\x67\x42"[..], b"\0\x01\x65\x88", b"\0\0\x01", b"\0\0\x01\0\0\x01\x65\x88", b"\0\0\x01\xe5\x88"]
    {
        assert_eq!(seal(H264, frame, HEADER, TAG).err(), Some(LayoutError::Malformed), "{frame:x?}");
    }
    assert_eq!(seal(H264, b"\0\0\0\x01\x65", HEADER, TAG).err(), Some(LayoutError::TooShort));
}

#[test]
fn a_frame_with_too_much_to_leave_clear_is_refused() {
    let long = [&b"\0\0\0\x01\x67"[..], &[0x42; 2100]].concat();
    let slice = b"\0\0\0\x01\x65\x88rest";
    expect(H264, &[&long[..], slice].concat(), &[&long[..], slice].concat());
    let twice = [&long[..], &long, slice].concat();
    assert_eq!(seal(H264, &twice, HEADER, TAG).err(), Some(LayoutError::TooComplex));
    // More runs than the table takes: SEI and parameter set in turn.
    let turns = b"\0\0\x01\x06\x80\0\0\x01\x68\xce".repeat(8);
    assert_eq!(seal(H264, &[&turns[..], slice].concat(), HEADER, TAG).err(), Some(LayoutError::TooComplex));
}

#[test]
fn h265_headers_have_two_bytes() {
    let (vps, sps) = (b"\0\0\0\x01\x40\x01\x0c".as_slice(), b"\0\0\0\x01\x42\x01\x01".as_slice());
    let (pps, sei) = (b"\0\0\0\x01\x44\x01\xc1".as_slice(), b"\0\0\x01\x4e\x01\x05\x80".as_slice());
    let slice = b"\0\0\x01\x26\x01\xaf\x09\x40".as_slice();
    let frame = [vps, sps, pps, sei, slice].concat();
    let sealed = expect(H265, &frame, &[vps, sps, pps, sei, b"\0", slice].concat());
    assert_eq!(&sealed.wire[..sealed.clear], &[vps, sps, pps, b"\0", &slice[..6]].concat()[..]);
    assert_eq!(is_key_frame(H265, &sealed.wire), Some(true));

    // TRAIL_N with a zero byte behind the header: zeros at the seam.
    let trail = b"\0\0\0\x01\x00\x01\x00\x00\x00\x01\x02";
    assert_eq!(is_key_frame(H265, trail), Some(false));
    expect(H265, trail, trail);
    // A temporal id of 0 is not allowed and would make the header read as a start code.
    assert_eq!(seal(H265, b"\0\0\0\x01\x00\x00\x01\x02", HEADER, TAG).err(), Some(LayoutError::Malformed));
}

#[test]
fn long_moved_runs_are_written_in_pieces() {
    let sei = [&b"\0\0\0\x01\x06"[..], &[0x55; 150_000]].concat();
    let frame = [&b"\0\0\0\x01\x67\x42"[..], &sei, b"\0\0\0\x01\x65\x88rest"].concat();
    round_trip(H264, &frame, HEADER, TAG, &frame);
    let huge = [&b"\0\0\0\x01\x06"[..], &[0x55; 600_000], b"\0\0\0\x01\x65\x88rest"].concat();
    assert_eq!(seal(H264, &huge, HEADER, TAG).err(), Some(LayoutError::TooComplex));
}
