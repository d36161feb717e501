//! What holds, and what breaks when one rule is left out.
use super::{FLOW, FORK, Log, PROPOSED, READ, Rules, WISH};
use crate::search::{breaks, holds};

const ORDERLY: Log =
    Log { rules: PROPOSED, garbage: 0, losses: 0, within: 0b011, wishing: 0b011, third: true, longest: 12 };
const GARBAGE: Log = Log { garbage: 1, ..ORDERLY };
/// A member that changes something, one that reads, and one that enters.
const FAILS_OVER: Log = Log { losses: 1, wishing: 0b001, ..ORDERLY };
/// Two members that change something.
const FAILS_OVER_TWO: Log = Log { losses: 1, third: false, ..ORDERLY };
/// Nobody is in a group, and the log is empty.
const EMPTY: Log = Log { within: 0, wishing: 0, ..ORDERLY };

#[test]
fn the_rules_hold() {
    holds("log", ORDERLY);
}

#[test]
fn the_rules_hold_with_garbage_in_the_log() {
    holds("log, with garbage", GARBAGE);
}

#[test]
fn the_rules_hold_when_the_log_loses_its_newest_entry() {
    holds("log, with a lost entry", FAILS_OVER);
    holds("log, with a lost entry, two", FAILS_OVER_TWO);
    holds("log, with a lost entry, two, and garbage", Log { garbage: 1, ..FAILS_OVER_TWO });
}

#[test]
fn the_rules_hold_when_all_find_an_empty_log() {
    holds("log, empty", EMPTY);
    holds("log, empty, with garbage", Log { garbage: 1, ..EMPTY });
}

#[test]
fn a_log_that_appends_without_comparing_forks_the_group() {
    let rules = Rules { compared: false, taken_when_read: false, ..PROPOSED };
    breaks("not compared", FORK, Log { rules, ..ORDERLY });
    let rules = Rules { compared: false, ..PROPOSED };
    holds("not compared, not believed", Log { rules, longest: 4, third: false, ..ORDERLY });
}

#[test]
fn who_believes_that_its_commit_was_taken_may_have_it_behind_another_one_than_it_read() {
    // A log that went back takes it at the same position again: what stands before it must be looked at.
    let rules = Rules { taken_when_read: false, ..PROPOSED };
    breaks("answer believed", READ, Log { rules, ..FAILS_OVER_TWO });
}

#[test]
fn who_merges_its_commit_before_the_log_took_it_is_in_a_group_of_its_own() {
    let rules = Rules { merged_when_taken: false, ..PROPOSED };
    breaks("merged before", FORK, Log { rules, ..ORDERLY });
}

#[test]
fn who_forgets_what_a_commit_was_for_loses_it_to_another_commit() {
    let rules = Rules { wished_until_done: false, ..PROPOSED };
    breaks("not wished again", WISH, Log { rules, ..ORDERLY });
}

#[test]
fn who_gives_its_commit_up_at_an_answer_cannot_read_it_in_the_log() {
    // It was taken, the answer was lost, and the second try is refused.
    let rules = Rules { void_when_read: false, ..PROPOSED };
    breaks("void by the answer", READ, Log { rules, ..ORDERLY });
}

#[test]
fn who_takes_a_welcome_while_its_own_commit_is_under_way_cannot_read_that() {
    let rules = Rules { entry_is_awaited: false, ..PROPOSED };
    breaks("welcome beside the own entry", READ, Log { rules, ..ORDERLY });
}

#[test]
fn who_trusts_the_order_of_a_log_that_went_back_is_left_behind() {
    let rules = Rules { looks_back: false, put_back: false, ..PROPOSED };
    breaks("trusted after a loss", READ, Log { rules, ..FAILS_OVER });
    // Putting back alone does not do: another one may be first.
    let rules = Rules { looks_back: false, ..PROPOSED };
    breaks("put back, and not looked back at", READ, Log { rules, ..FAILS_OVER });
    // Nor does looking back alone, if nobody else appends.
    let rules = Rules { put_back: false, ..PROPOSED };
    breaks("not put back", FLOW, Log { rules, ..FAILS_OVER });
}

#[test]
fn who_takes_garbage_for_an_epoch_follows_no_commit_any_more() {
    let rules = Rules { counted_apart: false, ..PROPOSED };
    breaks("garbage makes an epoch", READ, Log { rules, ..GARBAGE });
}
