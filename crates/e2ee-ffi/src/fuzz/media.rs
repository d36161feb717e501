//! The target `c_abi`: sealers, openers and rings, with buffers that are short or overlap.

// One promise for all of them: see the module above.
#![allow(clippy::multiple_unsafe_ops_per_block)]

use core::ptr::{null, null_mut};

use super::{Input, said};
use crate::*;

/// Runs the calls that `data` spells.
///
/// # Panics
/// When an output was written by a call that failed, or more than fits.
pub fn fuzz(data: &[u8]) {
    let mut input = Input(data);
    let config = frameseal_config {
        size: size_of::<frameseal_config>(),
        call: c"call".as_ptr(),
        participant: c"ada".as_ptr(),
        format: input.number() % 4,
        suite: input.number() % 10,
        ratchet_bits: input.number(),
        slots: input.number(),
        ratchet_window: input.number(),
    };
    let (mut sealer, mut opener, mut ring, mut follower) = (null_mut(), null_mut(), null_mut(), null_mut());
    // SAFETY: the config is whole, and outputs are locals; handles may be NULL from here on.
    unsafe {
        frameseal_sealer_new(&config, [7; 32].as_ptr(), 32, &mut sealer);
        frameseal_opener_new(&config, &mut opener);
        frameseal_ring_new(&config, &mut ring);
        frameseal_ring_opener(ring, c"ada".as_ptr(), &mut follower);
    }
    while !input.0.is_empty() {
        let opener = if input.byte() & 1 == 0 { opener } else { follower };
        step(&mut input, sealer, opener, ring);
    }
    // SAFETY: made above, freed once.
    unsafe {
        frameseal_sealer_free(sealer);
        frameseal_opener_free(opener);
        frameseal_ring_free(ring);
        frameseal_opener_free(follower);
    }
}

fn step(
    input: &mut Input<'_>,
    sealer: *mut frameseal_sealer,
    opener: *mut frameseal_opener,
    ring: *mut frameseal_ring,
) {
    let (a, b, kind) = (input.number(), input.number(), input.number());
    let bytes = input.bytes(255);
    let (start, len) = (bytes.as_ptr(), bytes.len());
    let mut text = bytes.clone();
    text.push(0);
    let name = text.as_ptr().cast();
    let mut out_len = usize::MAX;
    // A passphrase takes its time.
    let slot_kind = b & 0xe;
    // SAFETY: every pointer has the bytes that are said, texts have a NUL; handles are live or NULL.
    let _status = unsafe {
        match input.byte() % 16 {
            0..=2 => seal(input, sealer, &bytes),
            3..=5 => open(input, opener, &bytes),
            6 => frameseal_sealer_step(sealer),
            7 => frameseal_sealer_rotate(sealer, start, len),
            8 => frameseal_opener_install_key(opener, a, b, start, len),
            9 => frameseal_opener_follow(opener, start, len, name),
            10 => frameseal_ring_install_key(ring, c"ada".as_ptr(), a, b, start, len),
            11 => frameseal_ring_forget(ring, name),
            12 => frameseal_sealer_set_slot(sealer, a, slot_kind, start, len, null(), 0),
            13 => frameseal_ring_set_slot(ring, null(), a, slot_kind, start, len, start, len),
            14 => frameseal_sealer_set_padding(sealer, kind, a),
            _ => {
                frameseal_opener_tick(opener, a.into());
                frameseal_opener_forget_before(opener, a, b);
                frameseal_opener_report(opener, null_mut(), 0, &mut out_len);
                frameseal_opener_allow_server_frames(opener, start, len);
                frameseal_sealer_select_slot(sealer, a)
            }
        }
    };
    said();
}

fn info(input: &mut Input<'_>) -> frameseal_frame_info {
    frameseal_frame_info {
        size: size_of::<frameseal_frame_info>() - usize::from(input.byte() == 255),
        kind: input.number() % 6,
        codec: input.number() % 9,
        metadata: null(),
        metadata_len: usize::from(input.byte() == 255),
        frame_type: input.number() % 4,
        ssrc: input.number(),
        timestamp: input.number(),
    }
}

/// Room before, within and behind, so that input and output overlap in every way.
const ROOM: usize = 1024;

fn seal(input: &mut Input<'_>, sealer: *mut frameseal_sealer, frame: &[u8]) -> frameseal_status {
    let info = info(input);
    within(input, frame, 0, |from, len, to, cap, out_len| {
        // SAFETY: all of it is within one buffer.
        unsafe { frameseal_seal(sealer, &info, from, len, to, cap, out_len) }
    })
}

fn open(input: &mut Input<'_>, opener: *mut frameseal_opener, frame: &[u8]) -> frameseal_status {
    let info = info(input);
    within(input, frame, frame.len(), |from, len, to, cap, out_len| {
        // SAFETY: all of it is within one buffer.
        unsafe { frameseal_open(opener, &info, from, len, to, cap, out_len) }
    })
}

/// `used` bytes of the output are the call's, whatever becomes of it: after a failure none of them may have anything
/// of the frame.
fn within(
    input: &mut Input<'_>,
    frame: &[u8],
    used: usize,
    call: impl FnOnce(*const u8, usize, *mut u8, usize, *mut usize) -> frameseal_status,
) -> frameseal_status {
    let mut room = vec![0; ROOM];
    let (at, to) = (usize::from(input.byte()), usize::from(input.byte()));
    let cap = (usize::from(input.byte()) * 2).min(ROOM - to);
    if let Some(place) = room.get_mut(at..at + frame.len()) {
        place.copy_from_slice(frame);
    }
    let before = room.clone();
    let mut out_len = usize::MAX;
    let start = room.as_mut_ptr();
    let status = call(start.wrapping_add(at), frame.len(), start.wrapping_add(to), cap, &raw mut out_len);
    if matches!(status, frameseal_status::Ok | frameseal_status::ServerMade) {
        assert!(out_len <= cap, "within its room");
        assert_eq!(room.get(..to), before.get(..to), "nothing before it");
        let end = to + out_len.max(used);
        assert_eq!(room.get(end..), before.get(end..), "nothing behind it");
    } else {
        let apart = to >= at + frame.len() || at >= to + used;
        let mine = |index: usize| apart && (to..to + used).contains(&index);
        let mut bytes = room.iter().zip(&before).enumerate();
        assert!(
            out_len == usize::MAX
                && bytes.all(|(index, (now, then))| now == then || mine(index) && *now == 0),
            "a call that fails leaves what was there, or zeros"
        );
    }
    status
}
