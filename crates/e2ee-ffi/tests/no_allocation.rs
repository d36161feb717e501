//! A frame allocates nothing on its way through the C interface, whatever becomes of it.
#![allow(clippy::unwrap_used, unsafe_code)]

use std::alloc::System;
use std::ptr::{null, null_mut};

use frameseal::{
    frameseal_codec, frameseal_config, frameseal_frame_info, frameseal_kind, frameseal_open,
    frameseal_opener_free, frameseal_opener_install_key, frameseal_opener_new, frameseal_seal,
    frameseal_sealer_free, frameseal_sealer_key, frameseal_sealer_new, frameseal_status,
};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static GLOBAL: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[test]
fn frames_sealed_opened_repeated_forged_and_too_large_allocate_nothing() {
    let config = frameseal_config {
        size: size_of::<frameseal_config>(),
        call: c"call".as_ptr(),
        participant: c"ada".as_ptr(),
        format: 0,
        suite: 0,
        ratchet_bits: 0,
        slots: 0,
        ratchet_window: 0,
    };
    let info = frameseal_frame_info {
        size: size_of::<frameseal_frame_info>(),
        kind: frameseal_kind::Audio as u32,
        codec: frameseal_codec::Opaque as u32,
        metadata: null(),
        metadata_len: 0,
        frame_type: 0,
        ssrc: 0,
        timestamp: 0,
    };
    let (mut sealer, mut opener) = (null_mut(), null_mut());
    let (mut generation, mut step, mut key, mut key_len) = (0, 0, [0u8; 32], 0);
    // SAFETY: every pointer is to a local, and as long as is said.
    let made = unsafe {
        [
            frameseal_sealer_new(&config, [7; 32].as_ptr(), 32, &mut sealer),
            frameseal_sealer_key(sealer, &mut generation, &mut step, key.as_mut_ptr(), 32, &mut key_len),
            frameseal_opener_new(&config, &mut opener),
            frameseal_opener_install_key(opener, generation, step, key.as_ptr(), key_len),
        ]
    };
    assert_eq!(made, [frameseal_status::Ok; 4]);

    let frame = [0x5a; 1200];
    let (mut wire, mut back, mut len, mut got) = ([0; 1500], [0; 1500], 0, 0);
    let mut round = || {
        // SAFETY: as above.
        let first = unsafe {
            let seal = frameseal_seal(sealer, &info, frame.as_ptr(), 1200, wire.as_mut_ptr(), 1500, &mut len);
            let small = frameseal_seal(sealer, &info, frame.as_ptr(), 1200, back.as_mut_ptr(), 9, &mut got);
            let open = frameseal_open(opener, &info, wire.as_ptr(), len, back.as_mut_ptr(), 1500, &mut got);
            let again = frameseal_open(opener, &info, wire.as_ptr(), len, back.as_mut_ptr(), 1500, &mut got);
            [seal, small, open, again]
        };
        wire[600] ^= 1;
        // SAFETY: as above.
        let forged =
            unsafe { frameseal_open(opener, &info, wire.as_ptr(), len, back.as_mut_ptr(), 1500, &mut got) };
        (first, forged)
    };
    let expected = (
        [
            frameseal_status::Ok,
            frameseal_status::BufferTooSmall,
            frameseal_status::Ok,
            frameseal_status::Replayed,
        ],
        frameseal_status::Rejected,
    );
    // The first frames make buffers and keys.
    (0..10).for_each(|_| assert_eq!(round(), expected));
    let region = Region::new(GLOBAL);
    let ok = (0..200).all(|_| round() == expected);
    let change = region.change();
    assert!(ok);
    assert_eq!(change.allocations + change.reallocations, 0);
    // SAFETY: made above, and used by nobody.
    unsafe {
        frameseal_sealer_free(sealer);
        frameseal_opener_free(opener);
    }
}
