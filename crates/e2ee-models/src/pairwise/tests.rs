//! What holds, and what breaks when one rule is left out.
use super::{DEVICE, LATE, OnJoin, OnLeave, PROPOSED, Pairwise, RETURNS, Rules, SECRET, SLOT, STAYS, USABLE};
use crate::search::{breaks, holds};

fn alone(rules: Rules, who: &'static [usize; 1]) -> Pairwise {
    Pairwise { rules, generations: 4, steps: 3, followed: who }
}

fn each(what: &str, rules: &Rules) {
    for (who, followed) in
        [("stays", &[STAYS]), ("joins", &[LATE]), ("leaves", &[DEVICE]), ("returns", &[RETURNS])]
    {
        holds(&format!("sender keys, {what}, who {who}"), alone(rules.clone(), followed));
    }
}

#[test]
fn the_rules_hold() {
    each("the rules", &PROPOSED);
}

#[test]
fn the_rules_hold_when_who_joins_in_a_grace_period_waits_for_the_next_key() {
    each("next key only", &Rules { outgoing_too: false, ..PROPOSED });
}

#[test]
fn the_rules_hold_for_three_receivers_together() {
    let three = Pairwise { rules: PROPOSED, generations: 3, steps: 2, followed: &[STAYS, LATE, RETURNS] };
    holds("sender keys, three together", three);
}

#[test]
fn a_key_that_is_ratcheted_after_who_joins_has_it_opens_what_was_sealed_before() {
    let rules = Rules { on_join: OnJoin::RatchetLater, ..PROPOSED };
    breaks("ratchet later", SECRET, alone(rules, &[LATE]));
}

#[test]
fn who_waits_for_the_next_key_and_asks_again_must_not_be_sent_the_outgoing_one() {
    let rules = Rules { outgoing_too: false, asked_again_is_same: false, ..PROPOSED };
    breaks("outgoing key sent again", SECRET, alone(rules, &[LATE]));
}

#[test]
fn a_key_that_is_only_ratcheted_when_somebody_leaves_is_derived_by_who_left() {
    let rules = Rules { on_leave: OnLeave::Ratchet, ..PROPOSED };
    breaks("ratchet on leave", SECRET, alone(rules, &[DEVICE]));
}

#[test]
fn who_leaves_second_in_a_grace_period_has_the_pending_key_unless_it_is_replaced() {
    let rules = Rules { pending_is_replaced: false, ..PROPOSED };
    breaks("pending key kept", SECRET, alone(rules, &[DEVICE]));
}

#[test]
fn who_is_thrown_out_hears_on_unless_the_sender_switches_at_once() {
    let rules = Rules { forced_at_once: false, ..PROPOSED };
    breaks("thrown out with grace", SECRET, alone(rules, &[DEVICE]));
}

#[test]
fn a_ghost_hears_when_the_relay_is_believed() {
    let rules = Rules { proven_only: false, ..PROPOSED };
    breaks("relay believed", SECRET, alone(rules, &[STAYS]));
}

#[test]
fn an_old_key_message_that_comes_again_turns_a_slot_back() {
    let rules = Rules { newest_is_kept: false, ..PROPOSED };
    breaks("older keys taken", SLOT, alone(rules.clone(), &[STAYS]));
    breaks("older keys taken", USABLE, alone(rules, &[STAYS]));
}

#[test]
fn one_slot_loses_the_key_in_use_to_the_pending_one() {
    let rules = Rules { slots: 1, lead_is_bounded: false, ..PROPOSED };
    breaks("one slot", USABLE, alone(rules, &[STAYS]));
}

#[test]
fn one_mark_for_all_slots_drops_a_key_that_was_overtaken() {
    let rules = Rules { one_mark: true, ..PROPOSED };
    breaks("one mark", USABLE, alone(rules, &[STAYS]));
}

#[test]
fn a_ring_that_pending_keys_may_run_round_loses_the_key_in_use() {
    let rules = Rules { lead_is_bounded: false, ..PROPOSED };
    breaks("lead not bounded", USABLE, alone(rules, &[STAYS]));
}

#[test]
fn a_step_that_is_taken_before_the_tag_is_checked_deafens_the_receiver() {
    let rules = Rules { tag_first: false, ..PROPOSED };
    breaks("step before tag", USABLE, alone(rules, &[STAYS]));
}
