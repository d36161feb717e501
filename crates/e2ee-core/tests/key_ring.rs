//! Keys over time: ratchet, rotation, retirement, replay, and what a forger can move (nothing).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use e2ee_core::key::ring::LINGER_MS;
use e2ee_core::{
    BaseKey, Epoch, FrameFormat, Generation, KeyAt, Kid, KidScheme, Millis, OpenCause, Opener, Profile,
    RoomSecret, SealCause, Sealer, SecretBytes, SenderKey, Step,
};
use support::*;

#[test]
fn a_newer_step_is_followed_and_an_older_one_still_opens_for_a_while() {
    let (mut sealer, mut opener) = ada();
    let early = seal(&mut sealer, &AUDIO, b"early");
    let late = seal(&mut sealer, &AUDIO, b"late");
    sealer.step().unwrap();
    sealer.step().unwrap();
    let newer = seal(&mut sealer, &AUDIO, b"newer");
    assert_eq!(open(&mut opener, &AUDIO, &early).unwrap(), b"early");
    assert_eq!(open(&mut opener, &AUDIO, &newer).unwrap(), b"newer");
    assert_eq!(open(&mut opener, &AUDIO, &late).unwrap(), b"late");
    // The linger begins with the first tick that finds the key superseded, whatever the clock says then.
    opener.tick(Millis(7_000_000));
    opener.tick(Millis(7_000_000 + LINGER_MS - 1));
    assert!(matches!(open(&mut opener, &AUDIO, &late), Err(OpenCause::Replayed { .. })));
    opener.tick(Millis(7_000_000 + LINGER_MS));
    assert!(matches!(open(&mut opener, &AUDIO, &late), Err(OpenCause::UnknownKey { .. })));
}

#[test]
fn a_step_between_two_known_steps_opens_once() {
    let (mut sealer, mut opener) = ada();
    let zero = seal(&mut sealer, &AUDIO, b"0");
    sealer.step().unwrap();
    let one = seal(&mut sealer, &AUDIO, b"1");
    sealer.step().unwrap();
    let two = seal(&mut sealer, &AUDIO, b"2");
    assert_eq!(open(&mut opener, &AUDIO, &zero).unwrap(), b"0");
    assert_eq!(open(&mut opener, &AUDIO, &two).unwrap(), b"2");
    assert_eq!(open(&mut opener, &AUDIO, &one).unwrap(), b"1");
    for (frame, ctr) in [(&zero, 0), (&one, 0), (&two, 0)] {
        assert!(
            matches!(open(&mut opener, &AUDIO, frame), Err(OpenCause::Replayed { ctr: c, .. }) if c.0 == ctr)
        );
    }
    opener.tick(Millis(0));
    opener.tick(Millis(LINGER_MS));
    assert!(open(&mut opener, &AUDIO, &one).is_err());
    assert_eq!(opener.ring().keys().count(), 1);
}

#[test]
fn a_joiner_at_step_three_cannot_open_what_came_before() {
    let (mut sealer, _) = ada();
    let before = seal(&mut sealer, &AUDIO, b"before");
    for _ in 0..3 {
        sealer.step().unwrap();
    }
    let mut joiner = Opener::new(profile(), name("ada"));
    hand_over(&sealer, &mut joiner);
    let after = seal(&mut sealer, &AUDIO, b"after");
    assert!(open(&mut joiner, &AUDIO, &before).is_err());
    assert_eq!(open(&mut joiner, &AUDIO, &after).unwrap(), b"after");
}

#[test]
fn who_was_left_out_of_a_rotation_opens_nothing_after_it() {
    let (mut sealer, mut removed) = ada();
    let mut stays = Opener::new(profile(), name("ada"));
    hand_over(&sealer, &mut stays);
    assert_eq!(sealer.rotate(&[2; 32]).unwrap(), Generation(1));
    hand_over(&sealer, &mut stays);
    let frame = seal(&mut sealer, &AUDIO, b"secret");
    assert!(matches!(open(&mut removed, &AUDIO, &frame), Err(OpenCause::UnknownKey { kid: Kid(16) })));
    assert_eq!(open(&mut stays, &AUDIO, &frame).unwrap(), b"secret");
}

#[test]
fn rotating_with_the_same_entropy_still_gives_another_key() {
    let (mut sealer, _) = ada();
    let mut seen = vec![sealer.sender_key().unwrap().base.expose().to_vec()];
    for _ in 0..4 {
        sealer.rotate(&[1; 32]).unwrap();
        let key = sealer.sender_key().unwrap().base.expose().to_vec();
        assert!(!seen.contains(&key));
        seen.push(key);
    }
}

#[test]
fn the_ratchet_stops_before_a_kid_comes_again() {
    let (mut sealer, _) = ada();
    for step in 1..16 {
        assert_eq!(sealer.step().unwrap(), Step(step));
    }
    assert_eq!(sealer.step().unwrap_err().cause, SealCause::StepsUsedUp);
    assert_eq!(sealer.rotate(&[3; 32]).unwrap(), Generation(1));
    assert_eq!(sealer.step().unwrap(), Step(1));
}

#[test]
fn a_key_stops_at_its_limit_and_never_wraps() {
    let (mut sealer, _) = ada();
    sealer.hazmat_set_ctr(AUDIO.kind, e2ee_core::Ctr((1 << 32) - 1)).unwrap();
    seal(&mut sealer, &AUDIO, b"last");
    let mut buf = e2ee_core::FrameBuf::new();
    for _ in 0..3 {
        buf.fill(b"one more");
        assert_eq!(sealer.seal(&AUDIO, &mut buf).unwrap_err().cause, SealCause::Worn);
        assert!(buf.is_empty());
        let mut out = [0xee; 99];
        assert_eq!(sealer.seal_into(&AUDIO, b"one more", &mut out).unwrap_err().cause, SealCause::Worn);
        assert_eq!(out, [0xee; 99]);
    }
    sealer.rotate(&[4; 32]).unwrap();
    seal(&mut sealer, &AUDIO, b"again");
}

#[test]
fn repeats_pass_once_and_are_counted_quietly() {
    let (mut sealer, mut opener) = ada();
    let frames: Vec<_> = (0..100u8).map(|i| seal(&mut sealer, &AUDIO, &[i])).collect();
    for frame in frames.iter().rev() {
        assert!(open(&mut opener, &AUDIO, frame).is_ok());
    }
    for frame in &frames {
        assert!(matches!(open(&mut opener, &AUDIO, frame), Err(OpenCause::Replayed { .. })));
    }
    let tally = opener.tally();
    assert_eq!((tally.opened, tally.repeated, tally.rejected), (100, 100, 0));
}

#[test]
fn forged_key_ids_move_nothing() {
    let (mut sealer, mut opener) = ada();
    let good = seal(&mut sealer, &AUDIO, b"good");
    assert!(open(&mut opener, &AUDIO, &good).is_ok());
    let before: Vec<_> = opener.ring().keys().collect();
    for kid in 0..=255u8 {
        let mut forged = vec![0x88, kid, 9];
        forged.extend([0x55; 40]);
        assert!(open(&mut opener, &AUDIO, &forged).is_err(), "{kid}");
    }
    assert_eq!(opener.ring().keys().collect::<Vec<_>>(), before);
    let next = seal(&mut sealer, &AUDIO, b"next");
    assert_eq!(open(&mut opener, &AUDIO, &next).unwrap(), b"next");
}

#[test]
fn another_call_sender_or_kind_does_not_open() {
    let (mut sealer, opener) = ada();
    let frame = seal(&mut sealer, &AUDIO, b"frame");
    drop(opener);
    let try_with = |profile: Profile, who: &str, info| {
        let mut opener = Opener::new(profile, name(who));
        hand_over(&sealer, &mut opener);
        open(&mut opener, info, &frame)
    };
    let rejected = |r| matches!(r, Err(OpenCause::Rejected { .. }));
    assert!(rejected(try_with(profile_of(profile().suite, "another call"), "ada", &AUDIO)));
    assert!(rejected(try_with(profile(), "bob", &AUDIO)));
    assert!(rejected(try_with(profile(), "ada", &VIDEO)));
    assert!(try_with(profile(), "ada", &AUDIO).is_ok());
}

#[test]
fn kinds_of_track_have_counters_of_their_own() {
    let (mut sealer, mut opener) = ada();
    for info in [&AUDIO, &VIDEO] {
        for i in 0..3 {
            assert_eq!(sealer.sealed(info.kind), i);
            let frame = seal(&mut sealer, info, b"x");
            assert!(open(&mut opener, info, &frame).is_ok());
        }
    }
}

#[test]
fn taking_the_same_key_again_does_not_reopen_its_window() {
    let (mut sealer, mut opener) = ada();
    let frame = seal(&mut sealer, &AUDIO, b"once");
    assert!(open(&mut opener, &AUDIO, &frame).is_ok());
    let mut again = Opener::new(profile(), name("ada"));
    hand_over(&sealer, &mut again);
    hand_over(&sealer, &mut opener);
    assert!(matches!(open(&mut opener, &AUDIO, &frame), Err(OpenCause::Replayed { .. })));
}

#[test]
fn room_secret_members_follow_each_other_through_rotations() {
    let call = match profile().format {
        FrameFormat::Frameseal { call } => call,
        _ => unreachable!(),
    };
    let room = RoomSecret::from_stretched(SecretBytes::copy_of(&[9; 32]));
    let mut sealer = Sealer::from_room(profile(), name("ada"), &room, &[1; 32]);
    let said = sealer.announcement().unwrap();
    let mut opener = Opener::new(profile(), name("ada"));
    opener.follow_room(room.sender(&call, &name("ada"), &said.incarnation));
    let mut old = Vec::new();
    for round in 0..20u8 {
        let frame = seal(&mut sealer, &AUDIO, &[round]);
        assert_eq!(open(&mut opener, &AUDIO, &frame).unwrap(), [round]);
        old.push(frame);
        if round % 3 == 0 {
            sealer.step().unwrap();
        } else {
            sealer.rotate(&[0; 32]).unwrap();
        }
        opener.tick(Millis(u64::from(round) * LINGER_MS));
    }
    // Nothing that was opened opens again, however old its generation.
    for frame in &old {
        assert!(open(&mut opener, &AUDIO, frame).is_err());
    }
    // The same participant after a restart: the old announcement does not open the new frames.
    let mut restarted = Sealer::from_room(profile(), name("ada"), &room, &[2; 32]);
    assert_ne!(restarted.announcement(), Some(said));
    let frame = seal(&mut restarted, &AUDIO, b"new run");
    assert!(open(&mut opener, &AUDIO, &frame).is_err());
}

#[test]
fn epochs_open_in_any_order_and_never_seal_twice() {
    let profile = Profile { scheme: KidScheme::Mls { epoch_bits: 4, index_bits: 16 }, ..profile() };
    let base = |n: u8| BaseKey::new(SecretBytes::copy_of(&[n; 32])).unwrap();
    let mut sealer = Sealer::from_epoch(profile.clone(), name("ada"), Epoch(3), 7, 0, base(3)).unwrap();
    let mut opener = Opener::new(profile.clone(), name("ada"));
    opener.install(KeyAt::Mls(Epoch(3), 7), base(3));
    opener.install(KeyAt::Mls(Epoch(4), 7), base(4));
    let three = seal(&mut sealer, &AUDIO, b"three");
    sealer.enter_epoch(Epoch(4), 7, base(4)).unwrap();
    assert_eq!(sealer.enter_epoch(Epoch(4), 7, base(5)).unwrap_err().cause, SealCause::OldEpoch);
    let four = seal(&mut sealer, &AUDIO, b"four");
    assert_eq!(open(&mut opener, &AUDIO, &four).unwrap(), b"four");
    assert_eq!(open(&mut opener, &AUDIO, &three).unwrap(), b"three");
    // Another leaf's key does not open it, and an epoch with the same low bits evicts the old one.
    opener.install(KeyAt::Mls(Epoch(19), 7), base(19));
    assert!(matches!(open(&mut opener, &AUDIO, &three), Err(OpenCause::Rejected { .. })));
    assert!(Sealer::from_epoch(profile, name("ada"), Epoch(1), 1 << 16, 0, base(1)).is_err());
}

#[test]
fn only_a_genuine_frame_is_a_repeat() {
    let (mut sealer, mut opener) = ada();
    let frames: Vec<_> = (0..2100_u32).map(|n| seal(&mut sealer, &AUDIO, &n.to_be_bytes())).collect();
    for frame in &frames {
        open(&mut opener, &AUDIO, frame).unwrap();
    }
    // With the counter of a frame that was opened, and with one behind the window.
    for n in [2000, 3] {
        let mut forged = frames[n].clone();
        *forged.last_mut().unwrap() ^= 1;
        assert!(matches!(open(&mut opener, &AUDIO, &forged), Err(OpenCause::Rejected { .. })), "{n}");
    }
    assert_eq!((opener.tally().repeated, opener.tally().rejected), (0, 2));
    assert!(matches!(open(&mut opener, &AUDIO, &frames[2000]), Err(OpenCause::Replayed { .. })));
    assert!(matches!(open(&mut opener, &AUDIO, &frames[3]), Err(OpenCause::TooOld { .. })));
    assert_eq!((opener.tally().repeated, opener.tally().rejected), (2, 2));
}

#[test]
fn a_key_from_elsewhere_is_sealed_with_only_if_it_is_newer() {
    let base = |n: u8| BaseKey::new(SecretBytes::copy_of(&[n; 32])).unwrap();
    let key = |generation, step, n| SenderKey {
        generation: Generation(generation),
        step: Step(step),
        base: base(n),
    };
    let mut sealer = Sealer::generate(profile(), name("ada"), &[1; 32]);
    let mut opener = Opener::new(profile(), name("ada"));
    opener.install(KeyAt::Sender(Generation(2), Step(3)), base(2));
    sealer.enter_key(key(2, 3, 2)).unwrap();
    let frame = seal(&mut sealer, &AUDIO, b"two");
    assert_eq!(open(&mut opener, &AUDIO, &frame).unwrap(), b"two");
    // The counters of this key, and of those before it, began already.
    for (generation, step) in [(2, 3), (2, 2), (1, 15), (0, 0)] {
        assert_eq!(sealer.enter_key(key(generation, step, 9)).unwrap_err().cause, SealCause::OldEpoch);
    }
    assert_eq!(sealer.enter_key(key(3, 16, 9)).unwrap_err().cause, SealCause::StepsUsedUp);
    // It ratchets on from there, and what was refused has changed nothing.
    assert_eq!(sealer.step().unwrap(), Step(4));
    let frame = seal(&mut sealer, &AUDIO, b"a step on");
    assert_eq!(open(&mut opener, &AUDIO, &frame).unwrap(), b"a step on");
    let mls = Profile { scheme: KidScheme::Mls { epoch_bits: 4, index_bits: 16 }, ..profile() };
    let mut sealer = Sealer::from_epoch(mls, name("ada"), Epoch(3), 7, 0, base(3)).unwrap();
    assert_eq!(sealer.enter_key(key(4, 0, 4)).unwrap_err().cause, SealCause::WrongScheme);
}
