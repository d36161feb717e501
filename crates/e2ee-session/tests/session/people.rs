//! Who comes, who goes, who is put out.

use e2ee_core::Millis;
use e2ee_session::mls::Trust;
use e2ee_session::session::{Event, Input};

use crate::world::{Mail, World};

#[test]
fn who_comes_is_let_in_and_who_leaves_is_out() {
    let mut world = World::new(|| 20);
    let ada = world.join("ada");
    world.settle(1000);
    let bob = world.join("bob");
    world.settle(1200);
    // Let in, not entered alone: before one would.
    world.agree(&[ada, bob]);
    let cleo = world.join("cleo");
    world.settle(3000);
    world.agree(&[ada, bob, cleo]);
    let seen = world.people[cleo].secrets.clone();
    world.people[cleo].here = false;
    for who in [ada, bob] {
        world.send(who, Mail::Gone("cleo".into()));
    }
    world.settle(12_000);
    world.agree(&[ada, bob]);
    // One commit for it, and nothing of what comes after was ever cleo's.
    assert_eq!(world.log.len(), 4);
    let newest = world.people[ada].secrets.last_key_value().unwrap().1;
    assert!(!seen.values().any(|secret| secret == newest));
    assert!(world.people[cleo].secrets.keys().all(|epoch| *epoch < 4));
    let code = world.people[ada].codes.last().unwrap();
    assert_eq!(code.split(' ').map(str::len).collect::<Vec<_>>(), [5; 6]);
}

#[test]
fn who_says_goodbye_is_out_without_the_transport() {
    let mut world = World::new(|| 20);
    let all: Vec<_> = ["ada", "bob", "cleo"].map(|name| world.join(name)).to_vec();
    world.settle(9000);
    world.send(all[2], Mail::Leave);
    world.settle(3000);
    world.agree(&all[..2]);
    assert_eq!(world.people[all[2]].events.last(), Some(&Event::Left));
    assert_eq!(world.people[all[2]].seals_with, None);
}

#[test]
fn where_nobody_lets_in_one_enters_alone() {
    let mut world = World::new(|| 20);
    let ada = world.join("ada");
    world.settle(500);
    world.deaf_to_knocks = true;
    let bob = world.join("bob");
    let cleo = world.join("cleo");
    world.settle(8000);
    world.agree(&[ada, bob, cleo]);
    assert!(world.people[bob].events.contains(&Event::Joined));
}

#[test]
fn who_is_removed_is_told_and_everybody_uses_fresh_keys_at_once() {
    let mut world = World::new(|| 20);
    let all: Vec<_> = ["ada", "bob", "cleo"].map(|name| world.join(name)).to_vec();
    world.settle(9000);
    world.agree(&all);
    let cleo = world.identity(all[2]);
    let index = world.people[all[2]].session.group().unwrap().index();
    let epoch = world.people[all[1]].newest;
    world.send(all[1], Mail::Remove(cleo));
    // The way to the log and back: less than the delay that other changes have.
    world.settle(100);
    for who in &all[..2] {
        assert_eq!(world.people[*who].seals_with, Some(epoch + 1));
        assert_eq!(world.people[*who].barred, [(epoch + 1, index)]);
    }
    world.settle(3000);
    world.agree(&all[..2]);
    assert_eq!(world.people[all[2]].events.last(), Some(&Event::Removed));
    assert_eq!(world.people[all[2]].seals_with, None);
}

#[test]
fn everybody_at_once_on_an_empty_log_ends_in_one_group() {
    for delay in [0, 1, 30, 700] {
        let mut world = World::new(move || delay);
        let all: Vec<_> = ["ada", "bob", "cleo", "dora"].map(|name| world.join(name)).to_vec();
        world.settle(60_000);
        world.agree(&all);
        for who in &all {
            world.send(*who, Mail::Rotate);
        }
        world.settle(30_000);
        world.agree(&all);
    }
}

#[test]
fn who_must_not_be_in_it_is_put_out_and_gets_nothing() {
    let mut world = World::new(|| 20);
    world.trust = |who| if who.participant == "eve" { Trust::Refused } else { Trust::Unverified };
    let all: Vec<_> = ["ada", "bob"].map(|name| world.join(name)).to_vec();
    world.settle(5000);
    // Nobody lets eve in; it enters alone.
    let eve = world.join("eve");
    world.settle(5000);
    world.agree(&all);
    for who in &all {
        let barred = |event: &Event| matches!(event, Event::Barred(who) if who[0].participant == "eve");
        assert!(world.people[*who].events.iter().any(barred), "shown");
    }
    assert_eq!(world.people[eve].events.last(), Some(&Event::Removed));
    // What eve had a secret of, nobody but eve sealed with.
    let known: Vec<u64> = world.people[eve].secrets.keys().copied().collect();
    assert!(!known.is_empty() && known.iter().all(|epoch| *epoch < world.people[all[0]].newest));
    // It comes again under another key, and again.
    for _ in 0..2 {
        world.join("eve");
        world.settle(6000);
        world.agree(&all);
    }
}

#[test]
fn who_is_on_the_transport_only_is_named_and_who_is_not_is_removed() {
    let mut world = World::new(|| 20);
    let all: Vec<_> = ["ada", "bob"].map(|name| world.join(name)).to_vec();
    world.settle(5000);
    let here = |world: &mut World, who: &[&str]| {
        world.people[all[0]].session.handle(Input::Participants(who), Millis(world.now)).unwrap();
        while let Some(output) = world.people[all[0]].session.poll() {
            world.act(all[0], output);
        }
    };
    here(&mut world, &["ada", "bob", "old client"]);
    assert_eq!(world.people[all[0]].outside, ["old client"]);
    here(&mut world, &["ada"]);
    assert!(world.people[all[0]].outside.is_empty());
    world.settle(9000);
    world.agree(&all);
    world.settle(4000);
    world.agree(&all[..1]);
    assert_eq!(world.people[all[1]].events.last(), Some(&Event::Removed));
}
