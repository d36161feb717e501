//! Simulated meetings: many seeds, bad networks, a hostile SFU. And faults put in on purpose, which must be noticed.
#![allow(clippy::panic)]

use e2ee_core::CipherSuite;
use e2ee_testkit::meeting::{Conditions, Keys, Meeting, Promise, Sabotage, Summary, Violation};

/// Holds the meeting of each seed and adds up what happened.
fn hold_all(seeds: std::ops::Range<u64>, meeting: impl Fn(u64) -> Meeting) -> Summary {
    let mut all = Summary::default();
    for seed in seeds {
        let meeting = meeting(seed);
        let summary =
            meeting.hold().unwrap_or_else(|violation| panic!("seed {seed}: {violation}\n{meeting:?}"));
        all.sealed += summary.sealed;
        all.opened += summary.opened;
        all.lost += summary.lost;
        all.early += summary.early;
        all.repeats += summary.repeats;
        all.forgeries += summary.forgeries;
        all.spied += summary.spied;
        all.joins += summary.joins;
        all.leaves += summary.leaves;
        all.rotations += summary.rotations;
        all.steps += summary.steps;
        all.restarts += summary.restarts;
    }
    all
}

/// A run that proves nothing because nothing happened must not pass.
fn everything_happened(all: &Summary) {
    let counts = [
        all.sealed,
        all.opened,
        all.lost,
        all.early,
        all.repeats,
        all.forgeries,
        all.joins,
        all.leaves,
        all.rotations,
        all.steps,
        all.restarts,
    ];
    assert!(counts.iter().all(|count| *count > 10), "{all}");
    assert!(all.opened > all.sealed, "{all}");
}

#[test]
fn meetings_with_sender_keys_keep_their_promises() {
    let all = hold_all(0..24, |seed| Meeting::new(seed, Keys::Sender));
    everything_happened(&all);
    assert!(all.spied > 100, "{all}");
}

#[test]
fn meetings_with_a_room_secret_keep_their_promises() {
    everything_happened(&hold_all(100..124, |seed| Meeting::new(seed, Keys::Room)));
}

#[test]
fn long_meetings_retire_keys_and_use_up_their_steps() {
    let all = hold_all(200..202, |seed| Meeting { rounds: 2500, ..Meeting::new(seed, Keys::Sender) });
    assert!(all.steps > 40 && all.rotations > 40, "{all}");
}

#[test]
fn every_suite_keeps_its_promises_when_nothing_is_lost() {
    for suite in CipherSuite::ALL {
        let conditions = Conditions { loss: 0, duplicates: 0, min_delay: 0, max_delay: 0 };
        let all = hold_all(0..2, |seed| Meeting {
            suite,
            conditions,
            rounds: 150,
            ..Meeting::new(seed, Keys::Sender)
        });
        assert!(all.lost == 0 && all.opened > 0, "{suite}: {all}");
    }
}

#[test]
fn a_seed_replays_a_meeting() {
    let meeting = Meeting { rounds: 100, ..Meeting::new(7, Keys::Sender) };
    assert_eq!(meeting.hold(), meeting.hold());
    assert_ne!(meeting.hold(), Meeting { seed: 8, ..meeting }.hold());
}

#[test]
fn faults_on_purpose_are_noticed() {
    for (sabotage, promise) in [
        (Sabotage::KeepKeysOnLeave, Promise::MembersOnly),
        (Sabotage::KeepKeysOnJoin, Promise::MembersOnly),
        (Sabotage::SameEntropyOnRestart, Promise::FreshNonce),
        (Sabotage::ForgetSeen, Promise::Once),
        (Sabotage::LoseKeys, Promise::Arrives),
        (Sabotage::ForgeryInstallsKey, Promise::ForgeryMovesNothing),
    ] {
        let noticed = (0..10).filter_map(|seed| {
            Meeting { sabotage: Some(sabotage), ..Meeting::new(seed, Keys::Sender) }.hold().err()
        });
        let noticed: Vec<_> = noticed.collect();
        assert!(noticed.len() > 5, "{sabotage:?} was noticed {} times of 10", noticed.len());
        assert!(noticed.iter().any(|violation| violation.promise == promise), "{sabotage:?}: {noticed:?}");
        // Equal keys in two runs also let a frame of one open in the other.
        let also = if promise == Promise::FreshNonce { Promise::Once } else { promise };
        let named = |violation: &Violation| violation.promise == promise || violation.promise == also;
        assert!(noticed.iter().all(named), "{sabotage:?}: {noticed:?}");
    }
}
