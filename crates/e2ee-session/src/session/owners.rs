//! Who speaks for a participant. The log and its keys say who is a member; which participant a member is, it says of
//! itself. Of several that claim one participant the one that was there first keeps it: a member that comes later cannot
//! take anybody's tile over. Who came when several were there already cannot know, and hears none of them.

use std::collections::BTreeMap;

use crate::mls::{Identity, Member, Trust};

/// Who speaks for each participant, as far as known: of several that claim one, the one that was there first.
#[derive(Default)]
pub struct Owners {
    of: BTreeMap<String, Identity>,
}

impl Owners {
    /// Takes the members of a new epoch: for each whether it speaks for the participant that it claims. The one with the
    /// index `own` owns its name, whoever else claims it; who is refused speaks for nobody.
    #[must_use]
    pub fn next(&mut self, members: &[Member], own: u32) -> Vec<bool> {
        let there = |who: &Identity| members.iter().any(|member| member.identity == *who);
        self.of.retain(|_, owner| there(owner));
        for Member { index, identity, .. } in members {
            let name = &identity.participant;
            let claims = members.iter().filter(|other| other.identity.participant == *name).count();
            if claims == 1 || *index == own {
                self.of.insert(name.clone(), identity.clone());
            }
        }
        let owns = |who: &Identity| self.of.get(&who.participant) == Some(who);
        members.iter().map(|member| member.trust != Trust::Refused && owns(&member.identity)).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;

    fn who(name: &str, key: u8) -> Identity {
        Identity { participant: name.into(), name: String::new(), key: vec![key; 32], proof: vec![] }
    }

    fn members(who: &[Identity]) -> Vec<Member> {
        let member = |(index, who): (usize, &Identity)| Member {
            index: index as u32,
            identity: who.clone(),
            trust: Trust::Unverified,
        };
        who.iter().enumerate().map(member).collect()
    }

    #[test]
    fn who_was_first_keeps_the_name() {
        let (me, ada, late) = (who("me", 0), who("ada", 1), who("ada", 2));
        let mut owners = Owners::default();
        assert_eq!(owners.next(&members(&[me.clone(), ada.clone()]), 0), [true, true]);
        assert_eq!(owners.next(&members(&[late.clone(), me.clone(), ada.clone()]), 1), [false, true, true]);
        assert_eq!(owners.next(&members(&[late.clone(), me.clone()]), 1), [true, true], "it is free again");
        assert_eq!(owners.next(&members(&[me, ada, late]), 0), [true, false, true]);
    }

    #[test]
    fn who_cannot_know_hears_none() {
        let (me, ada, other) = (who("me", 0), who("ada", 1), who("ada", 2));
        let mut owners = Owners::default();
        let three = members(&[ada.clone(), other.clone(), me.clone()]);
        assert_eq!(owners.next(&three, 2), [false, false, true]);
        assert_eq!(owners.next(&three, 2), [false, false, true], "time alone proves nothing");
        assert_eq!(owners.next(&members(&[other, me]), 1), [true, true]);
    }

    #[test]
    fn the_own_name_is_taken() {
        let (me, ghost) = (who("me", 0), who("me", 9));
        let mut owners = Owners::default();
        assert_eq!(owners.next(&members(&[ghost, me]), 1), [false, true]);
    }

    #[test]
    fn a_name_that_changes_hands_in_one_epoch_is_of_the_new_one() {
        let (me, before, after) = (who("me", 0), who("ada", 1), who("ada", 2));
        let mut owners = Owners::default();
        assert_eq!(owners.next(&members(&[me.clone(), before]), 0), [true, true]);
        assert_eq!(owners.next(&members(&[me, after]), 0), [true, true]);
    }

    #[test]
    fn who_is_refused_is_not_heard_and_holds_the_name_nevertheless() {
        let (me, ada, late) = (who("me", 0), who("ada", 1), who("ada", 2));
        let mut owners = Owners::default();
        let mut two = members(&[me.clone(), ada.clone()]);
        two[1].trust = Trust::Refused;
        assert_eq!(owners.next(&two, 0), [true, false]);
        let mut three = members(&[me, ada, late]);
        three[1].trust = Trust::Refused;
        assert_eq!(owners.next(&three, 0), [true, false, false]);
    }
}
