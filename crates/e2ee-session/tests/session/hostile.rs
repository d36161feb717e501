//! A relay that shows different things, loses entries, or sends nonsense.

use e2ee_core::Millis;
use e2ee_session::mls::RoomPolicy;
use e2ee_session::session::{Event, Input, Output, Position, Question, Session, SessionError};

use crate::world::{Dice, Mail, ROOM, World};

#[test]
fn different_groups_are_noticed_by_what_members_sign() {
    let mut world = World::new(|| 20);
    let all: Vec<_> = ["ada", "bob", "cleo"].map(|name| world.join(name)).to_vec();
    world.settle(9000);
    world.agree(&all);
    // From here on cleo is shown a log of its own.
    let mut other = World::new(|| 20);
    other.log.clone_from(&world.log);
    let cleo = world.people.pop().unwrap();
    other.people.push(cleo);
    other.mail.clear();
    other.now = world.now;
    other.people[0].read = other.log.len() as u64;
    other.send(0, Mail::Rotate);
    other.settle(1000);
    world.mail.retain(|_, (to, _)| *to < 2);
    world.send(all[0], Mail::Rotate);
    world.settle(1000);
    // Two who see the same thing tell the third; one who sees another thing is told of, and ends nothing.
    let group = world.people[all[0]].session.group().unwrap();
    let fork = other.people[0].session.group().unwrap();
    assert_eq!(group.epoch(), fork.epoch());
    assert_ne!(group.authenticator(), fork.authenticator());
    let cleo = fork.identity().clone();
    let told = other.people[0].sent.last().unwrap().clone();
    world.send(all[0], Mail::Message(told));
    world.settle(10);
    assert_eq!(world.people[all[0]].events.last(), Some(&Event::Diverged(cleo)));
    assert!(world.people[all[0]].seals_with.is_some());
    for who in &all[..2] {
        let told = world.people[*who].sent.last().unwrap().clone();
        other.send(0, Mail::Message(told));
    }
    other.settle(10);
    assert_eq!(other.people[0].events.last(), Some(&Event::Fork));
    assert_eq!(other.people[0].seals_with, None);
}

#[test]
fn what_nobody_signed_ends_nothing() {
    let mut world = World::new(|| 20);
    let all: Vec<_> = ["ada", "bob"].map(|name| world.join(name)).to_vec();
    world.settle(5000);
    let told = world.people[all[0]].sent.last().unwrap().clone();
    for at in 0..told.len() {
        for bit in 0..8 {
            let mut changed = told.clone();
            changed[at] ^= 1 << bit;
            world.send(all[1], Mail::Message(changed));
        }
        world.send(all[1], Mail::Message(told[..at].to_vec()));
    }
    world.settle(10);
    world.agree(&all);
    // Errors are told once a second.
    let dropped =
        world.people[all[1]].events.iter().filter(|event| matches!(event, Event::Dropped(..))).count();
    assert_eq!(dropped, 1);
}

#[test]
fn another_entry_at_a_position_that_was_read_is_a_fork() {
    let mut world = World::new(|| 20);
    let all: Vec<_> = ["ada", "bob"].map(|name| world.join(name)).to_vec();
    world.settle(5000);
    let newest = world.log.len() as u64;
    world.send(all[0], Mail::Log(newest, world.log[newest as usize - 1].clone()));
    world.settle(10);
    world.agree(&all);
    world.send(all[0], Mail::Log(newest, world.log[newest as usize - 2].clone()));
    world.settle(10);
    assert_eq!(world.people[all[0]].events.last(), Some(&Event::Fork));
    // The user wants in again: as the same member, at a new leaf or the old one.
    world.send(all[0], Mail::Rejoin);
    world.settle(5000);
    world.agree(&all);
}

#[test]
fn what_the_log_lost_is_given_back() {
    for lost in [1, 2, 99] {
        let mut world = World::new(|| 20);
        let all: Vec<_> = ["ada", "bob"].map(|name| world.join(name)).to_vec();
        world.settle(5000);
        world.send(all[0], Mail::Rotate);
        world.settle(1000);
        world.agree(&all);
        let left = world.log.len().saturating_sub(lost);
        let before = world.log.clone();
        world.log.truncate(left);
        for who in &all {
            world.send(*who, Mail::Head);
        }
        world.settle(1000);
        assert_eq!(world.log.len(), before.len());
        assert_eq!(world.log.last(), before.last());
        world.agree(&all);
        let cleo = world.join("cleo");
        world.settle(5000);
        world.agree(&[all[0], all[1], cleo]);
    }
}

#[test]
fn a_log_that_lost_more_than_is_kept_is_told_of() {
    let mut world = World::new(|| 20);
    let all: Vec<_> = ["ada", "bob"].map(|name| world.join(name)).to_vec();
    world.settle(5000);
    for _ in 0..12 {
        world.send(all[0], Mail::Rotate);
        world.settle(1000);
    }
    world.log.truncate(2);
    for who in &all {
        world.send(*who, Mail::Head);
    }
    world.settle(1000);
    for who in &all {
        assert_eq!(world.people[*who].events.last(), Some(&Event::LogLost));
        world.send(*who, Mail::Rejoin);
    }
    world.settle(9000);
    world.agree(&all);
}

#[test]
fn entries_that_no_member_may_follow_are_skipped_by_all() {
    let mut world = World::new(|| 20);
    let all: Vec<_> = ["ada", "bob"].map(|name| world.join(name)).to_vec();
    world.settle(5000);
    for n in 0..20u8 {
        world.send(all[usize::from(n) % 2], Mail::Rotate);
        world.settle(if n % 3 == 0 { 0 } else { 15 });
        // Just before the commit reaches the log, or behind it.
        let junk = if n % 2 == 0 { vec![n; 40] } else { world.log[usize::from(n) / 2].clone() };
        world.log.push(junk);
        world.publish();
        world.settle(2000);
        world.agree(&all);
    }
    // Who comes to a log that ends with nonsense gets in all the same.
    world.log.push(vec![0; 9]);
    world.publish();
    let cleo = world.join("cleo");
    world.settle(5000);
    world.agree(&[all[0], all[1], cleo]);
    world.log.push(vec![0; 9]);
    world.publish();
    world.deaf_to_knocks = true;
    let dora = world.join("dora");
    world.settle(15_000);
    world.agree(&[all[0], all[1], cleo, dora]);
}

#[test]
fn nonsense_is_answered_and_changes_nothing() {
    let mut world = World::new(|| 20);
    let all: Vec<_> = ["ada", "bob"].map(|name| world.join(name)).to_vec();
    world.settle(5000);
    let head = world.log.last().unwrap().clone();
    let mut rng = Dice(7);
    for n in 0..200u32 {
        let mut bad = head.clone();
        let at = rng.next_u32() as usize % bad.len();
        bad[at] ^= 1 << (n % 8);
        let cut = rng.next_u32() as usize % head.len();
        for junk in [bad.clone(), head[..cut].to_vec()] {
            world.log.push(junk.clone());
            world.send(all[0], Mail::Knock(junk.clone()));
            world.send(all[0], Mail::Message(junk));
        }
        world.publish();
        world.settle(100);
    }
    let now = Millis(world.now);
    let ada = &mut world.people[all[0]].session;
    assert_eq!(ada.handle(Input::Verdict(Question(77), &[]), now), Err(SessionError::NoSuchQuestion));
    let again = Input::Rejoin { position: Position(1), entry: &head };
    assert_eq!(ada.handle(again, now), Err(SessionError::WrongState));
    world.settle(20_000);
    world.agree(&all);
    world.send(all[1], Mail::Rotate);
    world.settle(5000);
    world.agree(&all);
}

#[test]
fn any_schedule_ends_in_one_group() {
    for seed in 0..60 {
        let mut rng = Dice(seed);
        let mut delays = Dice(seed + 100);
        let mut world = World::new(move || u64::from(delays.next_u32() % 400));
        let mut here = vec![world.join("first")];
        for n in 0..12 {
            world.settle(u64::from(rng.next_u32() % 1500));
            let pick = rng.next_u32() as usize % here.len();
            match rng.next_u32() % 6 {
                0 | 1 => here.push(world.join(&format!("p{n}"))),
                2 if here.len() > 1 && world.people[here[pick]].session.group().is_some() => {
                    let who = here.remove(pick);
                    world.people[who].here = false;
                    let gone = world.people[who].participant.clone();
                    for other in &here {
                        world.send(*other, Mail::Gone(gone.clone()));
                    }
                }
                3 => world.send(here[pick], Mail::Rotate),
                4 => {
                    world.log.push(vec![n as u8; 9]);
                    world.publish();
                }
                _ => world.deaf_to_knocks = rng.next_u32().is_multiple_of(3),
            }
        }
        // The transport says who is there, to who was not in the group when others went too.
        let present: Vec<_> = here.iter().map(|who| world.people[*who].participant.clone()).collect();
        for who in &here {
            world.send(*who, Mail::Participants(present.clone()));
        }
        world.settle(120_000);
        world.agree(&here);
    }
}

/// A relay that showed two logs shows one again: who waits asks those who are in it, and not those of the other one.
#[test]
fn who_waits_goes_by_what_the_log_is_now() {
    let [one, other] = [["ada", "bob"], ["cleo", "dan"]].map(|names| {
        let mut world = World::new(|| 20);
        for name in names {
            world.join(name);
        }
        world.settle(9000);
        (Position(world.log.len() as u64), world.log.last().unwrap().clone())
    });
    assert_eq!(one.0, other.0);
    let mut eve = Session::new(ROOM, "eve", RoomPolicy::default(), &[9; 32]).unwrap();
    for (position, entry) in [&one, &other] {
        eve.handle(Input::Head { position: *position, entry }, Millis(10)).unwrap();
    }
    eve.handle(Input::Wake, Millis(60_000)).unwrap();
    let asked: Vec<String> = std::iter::from_fn(|| eve.poll())
        .filter_map(|output| match output {
            Output::Decide { who, .. } => Some(who),
            _ => None,
        })
        .flatten()
        .map(|who| who.participant)
        .collect();
    assert_eq!(asked, ["cleo", "dan"]);
}
