//! The simulator itself: runs pass, replay, and what is broken on purpose is noticed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use e2ee_simulator::{Sabotage, Summary, run};

#[test]
fn calls_keep_their_promises_whatever_the_relay_does() {
    let mut all = Summary::default();
    for seed in 0..25 {
        all.add(&run(seed, None).unwrap_or_else(|violation| panic!("{violation}")));
    }
    // The runs were about something.
    assert!(all.sealed > 100 && all.opened > 100 && all.refused > 100, "{all:?}");
    assert!(all.injected > 100 && all.rewritten > 20 && all.noticed > 10 && all.ghosts > 5, "{all:?}");
}

/// 4161: who waits looked for a group in the same few entries for ever. 8342: two who wait, and each saw another log before. 8589: two groups on one log that both let one in.
#[test]
fn runs_that_once_broke_a_promise_keep_it() {
    for seed in [4161, 8342, 8589] {
        run(seed, None).unwrap_or_else(|violation| panic!("{violation}"));
    }
}

#[test]
fn a_seed_replays_a_run() {
    for seed in 0..4 {
        assert_eq!(run(seed, None), run(seed, None));
    }
}

#[test]
fn what_is_broken_on_purpose_is_noticed() {
    for (sabotage, sign) in [
        (Sabotage::LeakToRemoved, "has a secret and is shown to nobody"),
        (Sabotage::SameSealerTwice, "the same key and counter twice"),
        (Sabotage::KeepWhoIsGone, "are there"),
        (Sabotage::TrustLabels, "as something else"),
    ] {
        let violation = (0..80).find_map(|seed| run(seed, Some(sabotage)).err());
        let violation = violation.unwrap_or_else(|| panic!("{sabotage:?} was not noticed"));
        assert!(violation.what.contains(sign), "{sabotage:?}: {violation}");
    }
}
