//! What a room's members agree on: policy, lobby, secret; and comparing.

use e2ee_core::{Epoch, Millis};
use e2ee_session::mls::{Admit, MlsError, Mode, RoomPolicy};
use e2ee_session::session::{Event, Input, Session, SessionError};

use crate::world::{Dice, Mail, ROOM, World};

#[test]
fn in_a_lobby_nobody_enters_whom_no_member_lets_in() {
    let mut world = World::new(|| 20);
    world.policy = RoomPolicy { admit: Admit::Members, ..RoomPolicy::default() };
    let ada = world.join("ada");
    world.settle(1000);
    world.silent = true;
    let bob = world.join("bob");
    world.settle(20_000);
    world.agree(&[ada]);
    assert!(world.people[bob].events.contains(&Event::Waiting));
    assert_eq!(world.log.len(), 1);
    let (question, who) = world.people[ada].asked.first_key_value().unwrap();
    assert_eq!(who[0].participant, "bob");
    let question = *question;
    world.send(ada, Mail::Verdict(question));
    world.silent = false;
    world.settle(6000);
    world.agree(&[ada, bob]);
    // Who gives up waiting is not asked for any more.
    world.silent = true;
    let cleo = world.join("cleo");
    world.settle(1000);
    assert_eq!(world.people[ada].asked.len(), 1);
    world.people[cleo].here = false;
    world.send(ada, Mail::Gone("cleo".into()));
    world.settle(100);
    assert_eq!(world.people[ada].asked.len(), 0);
}

#[test]
fn all_who_compare_see_the_same_emoji_and_others_in_another_epoch() {
    let mut delays = Dice(5);
    let mut world = World::new(move || u64::from(delays.next_u32() % 50));
    let all: Vec<_> = ["ada", "bob", "cleo"].map(|name| world.join(name)).to_vec();
    world.settle(9000);
    world.agree(&all);
    // One asks, and all take part.
    world.send(all[1], Mail::Compare);
    world.settle(1000);
    let shown: Vec<_> = all.iter().map(|who| world.people[*who].emoji.clone()).collect();
    assert_eq!(shown[0].len(), 1);
    assert!(shown.iter().all(|one| *one == shown[0]), "{shown:?}");
    // Who asks again is shown the same.
    world.send(all[2], Mail::Compare);
    world.settle(1000);
    assert_eq!(world.people[all[2]].emoji, [shown[0][0]; 2]);
    // Messages that get lost are said again to who asks.
    world.send(all[0], Mail::Rotate);
    world.settle(3000);
    world.send(all[0], Mail::Compare);
    world.settle(0);
    world.mail.retain(|_, (_, mail)| !matches!(mail, Mail::Message(_)));
    world.settle(1000);
    assert_eq!(world.people[all[0]].emoji.len(), 1);
    for _ in 0..2 {
        for who in &all {
            world.send(*who, Mail::Compare);
        }
        world.settle(1000);
    }
    let newest: Vec<_> = all.iter().map(|who| *world.people[*who].emoji.last().unwrap()).collect();
    assert!(newest.iter().all(|one| *one == newest[0]) && newest[0] != shown[0][0]);
    // Who is alone has nobody to compare with.
    let mut world = World::new(|| 20);
    let ada = world.join("ada");
    world.settle(1000);
    world.send(ada, Mail::Compare);
    world.settle(1000);
    assert!(world.people[ada].emoji.is_empty());
}

#[test]
fn who_comes_after_people_compared_is_told_of() {
    let uncompared = |world: &World, at: usize| -> Vec<Vec<String>> {
        let told = world.people[at].events.iter().filter_map(|event| match event {
            Event::Uncompared(who) => Some(who.iter().map(|who| who.participant.clone()).collect()),
            _ => None,
        });
        told.collect()
    };
    let mut world = World::new(|| 20);
    let ada = world.join("ada");
    let bob = world.join("bob");
    world.settle(5000);
    let early = world.people[ada].newest;
    let cleo = world.join("cleo");
    world.settle(5000);
    world.agree(&[ada, bob, cleo]);
    assert!((0..3).all(|at| uncompared(&world, at).is_empty()), "nobody has compared yet");
    // All three compare, and fresh keys change nothing about it.
    world.send(ada, Mail::Same(world.people[ada].newest));
    world.send(bob, Mail::Rotate);
    world.settle(5000);
    assert!(uncompared(&world, ada).is_empty());
    // Bob compared when Cleo was not there yet, and is told at once.
    world.send(bob, Mail::Same(early));
    world.settle(100);
    assert_eq!(uncompared(&world, bob), [["cleo"]]);
    // Somebody comes: who compared is told, once.
    let dan = world.join("dan");
    world.settle(5000);
    world.send(bob, Mail::Rotate);
    world.settle(5000);
    assert_eq!(uncompared(&world, ada), [["dan"]]);
    assert_eq!(uncompared(&world, bob), [["cleo"], ["dan"]]);
    assert!(uncompared(&world, cleo).is_empty() && uncompared(&world, dan).is_empty());
    // With whom they compare then they have compared.
    world.send(bob, Mail::Same(world.people[bob].newest));
    world.settle(100);
    assert_eq!(uncompared(&world, bob).len(), 2);
    // An epoch that has not come yet has no code that anybody could have seen.
    let ahead = Epoch(world.people[bob].newest + 1);
    let bobs = &mut world.people[bob].session;
    assert_eq!(bobs.handle(Input::Same(ahead), Millis(0)), Err(SessionError::WrongState));
    // Before the call, there is nothing to compare.
    let mut late = Session::new(ROOM, "late", RoomPolicy::default(), &[9; 32]).unwrap();
    assert_eq!(late.handle(Input::Same(Epoch(0)), Millis(0)), Err(SessionError::WrongState));
}

#[test]
fn the_policy_is_agreed_by_members_and_told_to_all() {
    let mut world = World::new(|| 20);
    let all: Vec<_> = ["ada", "bob"].map(|name| world.join(name)).to_vec();
    world.settle(5000);
    for who in &all {
        assert_eq!(world.people[*who].policy, Some(RoomPolicy::default()));
    }
    let off = RoomPolicy { mode: Mode::Off, ..RoomPolicy::default() };
    world.send(all[1], Mail::Policy(off));
    world.settle(1000);
    for who in &all {
        assert_eq!((world.people[*who].policy, world.people[*who].seals_with), (Some(off), None));
    }
    world.send(all[0], Mail::Policy(RoomPolicy::default()));
    world.settle(1000);
    world.agree(&all);
    // Who comes later is told what holds, whatever it would have founded itself.
    world.policy = off;
    let cleo = world.join("cleo");
    world.settle(5000);
    world.agree(&[all[0], all[1], cleo]);
    assert_eq!(world.people[cleo].policy, Some(RoomPolicy::default()));
}

#[test]
fn nobody_enters_a_room_with_a_secret_without_it() {
    let secret = Some([7; 16].as_slice());
    for deaf_to_knocks in [false, true] {
        let mut world = World::new(|| 20);
        let ada = world.join_with("ada", secret);
        world.settle(1000);
        world.deaf_to_knocks = deaf_to_knocks;
        let bob = world.join_with("bob", secret);
        world.settle(5000);
        world.agree(&[ada, bob]);
        assert!(world.people[bob].policy.unwrap().secret.is_some());
        // None, and another one: let in or not, there are no keys for them.
        let eve = world.join("eve");
        let mia = world.join_with("mia", Some([8; 16].as_slice()));
        world.settle(9000);
        for who in [ada, bob] {
            let known: Vec<_> = world.people[who].secrets.values().collect();
            assert!(world.people[eve].secrets.is_empty());
            assert!(!world.people[mia].secrets.values().any(|secret| known.contains(&secret)));
        }
        assert_eq!(world.people[eve].events.last(), Some(&Event::NoSecret));
        // Who entered by itself with another secret is alone, and learns of it.
        assert!(world.people[eve].session.group().is_none() && world.people[mia].session.group().is_none());
        for gone in ["eve", "mia"] {
            for who in [ada, bob] {
                world.send(who, Mail::Gone(gone.into()));
            }
        }
        world.mail.retain(|_, (to, _)| *to < 2);
        world.people.truncate(2);
        world.settle(9000);
        world.send(ada, Mail::Rotate);
        world.settle(9000);
        world.agree(&[ada, bob]);
        // Another policy: one entry, and the room keeps its secret.
        let (before, named) = (world.log.len(), world.people[bob].policy.unwrap().secret);
        world.send(ada, Mail::Policy(RoomPolicy { admit: Admit::Members, ..RoomPolicy::default() }));
        world.settle(20_000);
        world.agree(&[ada, bob]);
        let policy = world.people[bob].policy.unwrap();
        assert_eq!((policy.admit, policy.secret), (Admit::Members, named));
        assert_eq!(world.log.len(), before + 1);
    }
    let mut short = Session::new(ROOM, "ada", RoomPolicy::default(), &[1; 32]).unwrap();
    assert_eq!(short.share_secret(&[0; 15]), Err(SessionError::Mls(MlsError::BadSecret)));
}
