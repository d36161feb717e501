//! One story each.

use e2ee_core::key::ratchet;
use e2ee_core::{BaseKey, Generation, Kid, Millis, SecretBytes, Step};
use e2ee_session::mls::Trust;
use e2ee_session::pairwise::{
    Event, Input, MAX_MEMBERS, MAX_PARKED, MemberKeys, Pairwise, PairwiseError, SENDS, Settings, Standing,
};
use e2ee_session::session::Question;

use crate::world::{GRACE_MS, Kept, World, id, profile, settings};

fn two() -> World {
    let mut world = World::new(1);
    world.join("ada");
    world.join("bob");
    world.run(200);
    world
}

#[test]
fn members_open_each_others_frames_and_are_shown() {
    let mut world = two();
    let cleo = world.join("cleo");
    world.run(200);
    for from in 0..3 {
        let frame = world.frame(from);
        world.check_secrecy();
        for to in (0..3).filter(|to| *to != from) {
            assert!(
                world
                    .kept
                    .iter()
                    .any(|k| k.holder == to && World::opens(k, &world.frames[frame], &world.nodes[from].who))
            );
        }
    }
    let member = Standing::Member { trust: Trust::Unverified, hears: true };
    assert_eq!(world.standing(cleo, "ada"), Some(member));
    assert_eq!(world.standing(0, "cleo"), Some(member));
    assert!(world.nodes.iter().all(|node| node.events.is_empty()));
}

#[test]
fn a_newcomer_cannot_open_what_came_before() {
    let mut world = two();
    let before = world.frame(0);
    let seals = world.nodes[0].seals.len();
    let cleo = world.join("cleo");
    world.run(200);
    // Ratcheted, not made anew: those who were there follow by themselves.
    let (_, generation, step) = *world.nodes[0].seals.last().unwrap();
    assert_eq!((world.nodes[0].seals.len(), generation, step), (seals + 1, Generation(1), Step(2)));
    let after = world.frame(0);
    world.check_secrecy();
    let opens = |world: &World, frame: usize| {
        world.kept.iter().any(|k| k.holder == cleo && World::opens(k, &world.frames[frame], &id("ada")))
    };
    assert!(!opens(&world, before));
    assert!(opens(&world, after));
    // The same by its frame layer, and by that of who was there.
    assert!(!world.hear(cleo, before));
}

#[test]
fn a_leaver_is_shut_out_when_all_have_the_fresh_key() {
    let mut world = two();
    let cleo = world.join("cleo");
    world.run(200);
    let during = world.frame(0);
    world.leave(cleo);
    world.run(200);
    assert_eq!(world.nodes[0].seals.last().map(|(_, g, _)| *g), Some(Generation(2)), "all acknowledged");
    let after = world.frame(0);
    let opens = |frame: usize| {
        world.kept.iter().any(|k| k.holder == cleo && World::opens(k, &world.frames[frame], &id("ada")))
    };
    assert!(opens(during));
    assert!(!opens(after));
    // Nor by going on from what it has: a key after a leave is drawn, not ratcheted.
    let (_, generation, step) = *world.nodes[0].seals.last().unwrap();
    for kept in world.kept.iter().filter(|kept| kept.holder == cleo && kept.owner == id("ada")) {
        let mut base = kept.base.clone();
        for _ in 0..32 {
            let guess = Kept { generation, step, base: base.clone(), owner: id("ada"), ..*kept };
            assert!(!World::opens(&guess, &world.frames[after], &id("ada")));
            let key = BaseKey::new(SecretBytes::copy_of(&base)).unwrap();
            base = ratchet::step(profile().suite, &key).expose().to_vec();
        }
    }
    world.assert_converged(300);
}

#[test]
fn the_grace_ends_though_nobody_acknowledges_and_more_leaves_do_not_put_it_off() {
    let mut world = two();
    let (cleo, dan) = (world.join("cleo"), world.join("dan"));
    world.run(300);
    world.loss = 100;
    world.says_gone(0, "cleo");
    let left = world.now;
    world.run(1500);
    world.says_gone(0, "dan");
    let in_grace = world.frame(0);
    world.run(2000);
    let (at, generation, step) = *world.nodes[0].seals.last().unwrap();
    // The second fresh key took the place of the first, and its time.
    assert_eq!((at - left, generation, step), (GRACE_MS, Generation(3), Step(0)));
    assert!(world.nodes[0].seals.iter().all(|(_, generation, _)| *generation != Generation(2)));
    let after = world.frame(0);
    world.check_secrecy();
    let opens = |who: usize, frame: usize| {
        world.kept.iter().any(|k| k.holder == who && World::opens(k, &world.frames[frame], &id("ada")))
    };
    assert!(opens(cleo, in_grace) && opens(dan, in_grace));
    assert!(!opens(cleo, after) && !opens(dan, after));
    world.loss = 0;
    world.assert_converged(4000);
}

#[test]
fn who_is_removed_is_out_at_once_and_stays_out() {
    let mut world = two();
    let cleo = world.join("cleo");
    world.run(200);
    world.loss = 100;
    world.remove(0, "cleo");
    let after = world.frame(0);
    assert_eq!(world.nodes[0].seals.last().map(|(at, g, _)| (*at, *g)), Some((world.now, Generation(2))));
    assert!(
        !world.kept.iter().any(|k| k.holder == cleo && World::opens(k, &world.frames[after], &id("ada")))
    );
    assert_eq!(world.standing(0, "cleo"), Some(Standing::Outside(PairwiseError::Refused)));
    world.loss = 0;
    world.assert_converged(3000);
    // Its announcement again does not bring it back, and nothing is sent there.
    let (announcement, sent) = (world.nodes[cleo].announcement.clone(), world.nodes[0].sent_to.len());
    world.show(0, "cleo", &announcement);
    world.run(100);
    assert_eq!(world.standing(0, "cleo"), Some(Standing::Outside(PairwiseError::Gone)));
    assert!(world.nodes[0].sent_to[sent..].iter().all(|to| *to != id("cleo")));
    // A removal in the grace of a leave ends the grace.
    let dan = world.join("dan");
    world.run(200);
    world.loss = 100;
    world.says_gone(0, "bob");
    world.remove(0, "dan");
    assert_eq!(world.nodes[0].seals.last().map(|(at, ..)| *at), Some(world.now));
    let after = world.frame(0);
    world.check_secrecy();
    assert!(!world.kept.iter().any(|k| k.holder == dan && World::opens(k, &world.frames[after], &id("ada"))));
}

#[test]
fn who_comes_in_the_grace_gets_the_ratcheted_key_and_the_fresh_one() {
    let mut world = two();
    let cleo = world.join("cleo");
    world.run(200);
    // Bob acknowledges nothing: the grace runs.
    world.nodes[1].here = false;
    world.says_gone(0, "cleo");
    let before = world.frame(0);
    let dan = world.join("dan");
    world.run(200);
    let during = world.frame(0);
    world.run(GRACE_MS);
    let after = world.frame(0);
    world.check_secrecy();
    let opens = |who: usize, frame: usize| {
        world.kept.iter().any(|k| k.holder == who && World::opens(k, &world.frames[frame], &id("ada")))
    };
    assert!(!opens(dan, before) && opens(dan, during) && opens(dan, after));
    assert!(opens(cleo, during) && !opens(cleo, after));
}

#[test]
fn more_newcomers_than_a_generation_has_steps() {
    let mut world = World::new(3);
    for n in 0..40 {
        world.join(&format!("member {n}"));
        world.run(if n % 3 == 0 { 60 } else { 0 });
        world.frame(0);
    }
    world.run(4000);
    world.assert_converged(300);
    world.check_secrecy();
    assert!(world.nodes[0].seals.iter().all(|(_, _, step)| step.0 < 16));
    assert!(world.nodes[0].seals.last().unwrap().1 > Generation(1));
}

#[test]
fn a_lost_key_is_sent_again_then_the_member_is_shown_then_it_asks() {
    let mut world = two();
    world.loss = 100;
    let sent = world.nodes[0].sent_to.len();
    world.rotate(0);
    world.run(10_000);
    assert_eq!(SENDS, 4, "once, and three times again");
    assert_eq!(world.nodes[0].sent_to.len() - sent, usize::from(SENDS));
    assert_eq!(world.nodes[0].events, [Event::CannotHear(id("bob"))]);
    let deaf = Standing::Member { trust: Trust::Unverified, hears: false };
    assert_eq!(world.standing(0, "bob"), Some(deaf));
    // Frames that cannot be opened: it asks once a second, however many come.
    let asked = world.nodes[1].sent_to.len();
    for _ in 0..50 {
        world.frame(0);
        world.run(50);
    }
    assert_eq!(world.nodes[1].sent_to.len() - asked, 3);
    world.loss = 0;
    world.assert_converged(1500);
    assert_eq!(world.nodes[0].events.last(), Some(&Event::HearsAgain(id("bob"))));
}

#[test]
fn all_converge_after_loss_delay_and_repeats() {
    let mut world = World::new(9);
    (world.delay, world.loss, world.twice) = ((0, 3000), 40, 30);
    for name in ["ada", "bob", "cleo", "dan", "eve"] {
        world.join(name);
        world.run(700);
    }
    world.rotate(0);
    world.leave(1);
    world.rotate(2);
    world.run(5000);
    (world.delay, world.loss) = ((0, 200), 0);
    world.assert_converged(6000);
    world.check_secrecy();
}

#[test]
fn a_key_that_was_overtaken_is_taken() {
    let mut world = two();
    let held = world.kept.len();
    let sent = world.wire.len();
    world.loss = 100;
    world.rotate(0);
    // Used before it was acknowledged, and then overtaken.
    world.run(GRACE_MS + 10);
    let two = world.frame(0);
    world.rotate(0);
    let keys: Vec<Vec<u8>> = world.wire[sent..]
        .iter()
        .filter(|(from, ..)| *from == id("ada"))
        .map(|(.., bytes)| bytes.clone())
        .collect();
    let (first, last) = (keys.first().unwrap().clone(), keys.last().unwrap().clone());
    world.inject(1, "ada", &last);
    world.inject(1, "ada", &first);
    let generations: Vec<u32> = world.kept[held..].iter().map(|kept| kept.generation.0).collect();
    assert_eq!(generations, [3, 2]);
    assert!(world.hear(1, two));
}

#[test]
fn a_ghost_gets_nothing_and_is_shown() {
    let mut world = two();
    world.trust = |who| if who.name == "mallory" { Trust::Refused } else { Trust::Unverified };
    // Somebody with good signatures whom no verdict accepts, one with nothing, one with noise.
    let mallory = world.join("mallory");
    world.run(200);
    world.show(0, "silent", b"");
    world.show(0, "noise", &[1, 1, 0, 4]);
    world.show(0, "newer", &[9, 1]);
    world.frame(0);
    world.rotate(0);
    world.run(3000);
    assert_eq!(world.standing(0, "mallory"), Some(Standing::Outside(PairwiseError::Refused)));
    assert_eq!(world.standing(0, "silent"), Some(Standing::Outside(PairwiseError::NotAnnounced)));
    assert_eq!(world.standing(0, "noise"), Some(Standing::Outside(PairwiseError::Malformed)));
    assert_eq!(world.standing(0, "newer"), Some(Standing::Outside(PairwiseError::UnknownVersion)));
    assert!(world.nodes[0].sent_to.iter().all(|to| *to == id("bob")));
    assert!(world.kept.iter().all(|kept| kept.holder != mallory));
    let shown = |why| Event::Outside(id("silent"), why);
    assert!(world.nodes[0].events.contains(&shown(PairwiseError::NotAnnounced)));
    // What it says is not heard.
    let (.., letter) = world.wire.iter().find(|(from, ..)| *from == id("mallory")).cloned().unwrap();
    world.inject(0, "mallory", &letter);
    assert_eq!(world.nodes[0].events.last(), Some(&Event::Dropped(id("mallory"), PairwiseError::NotAMember)));
    // A ghost that goes is no reason to rotate.
    let seals = world.nodes[0].seals.len();
    world.says_gone(0, "silent");
    world.run(3000);
    assert_eq!(world.nodes[0].seals.len(), seals);
}

#[test]
fn announcements_of_others_or_for_others_are_refused() {
    let mut world = two();
    let other_room = world.join_with(Settings { room: b"elsewhere".to_vec(), ..settings("cleo") });
    let other_suite =
        world.join_with(Settings { suite: e2ee_core::CipherSuite::Aes256GcmSha512_128, ..settings("dan") });
    world.run(100);
    assert_eq!(world.standing(0, "cleo"), Some(Standing::Outside(PairwiseError::WrongCall)));
    assert_eq!(world.standing(0, "dan"), Some(Standing::Outside(PairwiseError::WrongSuite)));
    assert_eq!(world.standing(other_suite, "ada"), Some(Standing::Outside(PairwiseError::WrongSuite)));
    assert_eq!(world.standing(other_room, "ada"), Some(Standing::Outside(PairwiseError::WrongCall)));
    // Bob's, under another address; and his own, come back to him.
    let bobs = world.nodes[1].announcement.clone();
    world.show(0, "eve", &bobs);
    assert_eq!(world.standing(0, "eve"), Some(Standing::Outside(PairwiseError::WrongCall)));
    world.show(1, "bob", &bobs);
    assert_eq!(world.standing(1, "bob"), None);
    // Nonsense in the name of a member takes nothing away.
    world.show(0, "bob", b"\x01nonsense");
    assert_eq!(world.nodes[0].events.last(), Some(&Event::Dropped(id("bob"), PairwiseError::Malformed)));
    assert!(matches!(world.standing(0, "bob"), Some(Standing::Member { .. })));
    world.assert_converged(300);
}

#[test]
fn who_comes_back_does_so_with_new_keys_and_others_are_told() {
    let mut world = two();
    let old = world.nodes[1].announcement.clone();
    // A reconnect that nobody announced as a leave.
    world.nodes[1].here = false;
    let again = world.join("bob");
    world.run(200);
    assert_eq!(world.nodes[0].events, [Event::Changed(id("bob"))]);
    world.assert_converged(2500);
    let after = world.frame(0);
    world.check_secrecy();
    assert!(!world.kept.iter().any(|k| k.holder == 1 && World::opens(k, &world.frames[after], &id("ada"))));
    assert!(world.mutual(0, again));
    // The announcement of his first time is a replay.
    world.show(0, "bob", &old);
    assert_eq!(world.nodes[0].events.last(), Some(&Event::Dropped(id("bob"), PairwiseError::Gone)));
    world.assert_converged(300);
}

#[test]
fn replays_and_letters_for_others_change_nothing() {
    let mut world = two();
    let cleo = world.join("cleo");
    world.run(300);
    for _ in 0..20 {
        world.rotate(0);
        world.run(100);
    }
    let kept = world.kept.len();
    for (from, to, bytes) in world.wire.clone() {
        for node in [0, 1, cleo] {
            for claimed in ["ada", "bob", "cleo"] {
                if world.nodes[node].who != id(claimed) {
                    world.inject(node, claimed, &bytes);
                }
            }
        }
        assert_eq!(world.kept.len(), kept, "from {from} to {to}");
    }
    let refused = |event: &Event| matches!(event, Event::Dropped(_, PairwiseError::Unauthenticated));
    assert!(world.nodes.iter().all(|node| node.events.iter().all(refused)));
    world.assert_converged(500);
}

#[test]
fn members_and_parked_messages_are_bounded() {
    let mut world = two();
    for n in 0..MAX_MEMBERS + 10 {
        world.show(0, &format!("ghost {n}"), b"");
    }
    assert_eq!(world.nodes[0].engine.roster().len(), MAX_MEMBERS);
    assert!(matches!(world.nodes[0].events.last(), Some(Event::Dropped(_, PairwiseError::Full))));
    world.nodes[0].events.clear();
    for n in 0..100 {
        for _ in 0..10 {
            world.inject(0, &format!("nobody {n}"), &[1; 100]);
        }
    }
    assert_eq!(world.nodes[0].events.len(), 1000 - MAX_PARKED.0);
    world.inject(0, "bob", &[1; 5000]);
    assert_eq!(world.nodes[0].events.last(), Some(&Event::Dropped(id("bob"), PairwiseError::TooLong)));
}

#[test]
fn a_message_that_overtakes_its_announcement_waits() {
    let mut world = World::new(1);
    let ada = world.join("ada");
    let bob = world.join("bob");
    // Bob hears of Ada at once, she of him much later.
    let announcement = world.nodes[ada].announcement.clone();
    world.delay = (500, 500);
    world.nodes[ada].here = false;
    world.run(20);
    world.show(bob, "ada", &announcement);
    world.delay = (5, 5);
    world.run(600);
    let (.., letter) = world.wire[0].clone();
    world.nodes[ada].here = true;
    world.inject(ada, "bob", &letter);
    assert!(world.kept.is_empty());
    let announcement = world.nodes[bob].announcement.clone();
    world.show(ada, "bob", &announcement);
    world.run(6);
    assert_eq!(world.kept.iter().filter(|kept| kept.holder == ada).count(), 1);
    world.assert_converged(1500);
}

#[test]
fn keys_are_made_anew_after_a_while() {
    let mut world = World::new(1);
    for name in ["ada", "bob"] {
        world.join_with(Settings { rotate_every_ms: 60_000, ..settings(name) });
    }
    world.run(200_000);
    assert_eq!(world.nodes[0].seals.last().map(|(_, g, _)| *g), Some(Generation(4)));
    world.assert_converged(300);
    world.check_secrecy();
}

#[test]
fn older_keys_are_forgotten_though_no_frame_comes() {
    let mut world = two();
    let frame = {
        world.nodes[1].here = false;
        let frame = world.frame(0);
        world.nodes[1].here = true;
        frame
    };
    world.rotate(0);
    world.run(16_000);
    assert!(!world.hear(1, frame));
    world.assert_converged(300);
}

#[test]
fn mistakes_of_the_caller_are_errors() {
    let keys = || MemberKeys::generate(&[1; 32]);
    for bad in [
        Settings { grace_ms: 5001, ..settings("ada") },
        Settings { name: "a\u{202e}b".to_owned(), ..settings("ada") },
        Settings { room: vec![0; 513], ..settings("ada") },
        Settings { proof: vec![0; (16 << 10) + 1], ..settings("ada") },
        Settings { scheme: e2ee_core::KidScheme::SenderKeys { ratchet_bits: 0 }, ..settings("ada") },
        Settings { scheme: e2ee_core::KidScheme::Mls { epoch_bits: 4, index_bits: 4 }, ..settings("ada") },
    ] {
        assert_eq!(Pairwise::new(keys(), bad, Millis(0)).err(), Some(PairwiseError::BadSettings));
    }
    let mut ada = Pairwise::new(keys(), settings("ada"), Millis(0)).unwrap();
    let verdict = Input::Verdict(Question(1), Trust::Verified);
    assert_eq!(ada.handle(verdict, Millis(0)), Err(PairwiseError::NoSuchQuestion));
    // Nobody polls: it refuses, and grows no more.
    let full = (0..100_000).find_map(|_| ada.handle(Input::Rotate, Millis(0)).err());
    assert_eq!(full, Some(PairwiseError::NotPolled));
}

#[test]
fn the_seed_gives_signature_and_frame_keys_and_olm_draws_its_own() {
    let [one, two] = [0, 1].map(|_| MemberKeys::generate(&[5; 32]).public());
    assert_eq!(one.signature, two.signature);
    assert_ne!(one.curve25519, two.curve25519);
    assert_ne!(one.ed25519, two.ed25519);
}

#[test]
fn made_up_kids_cost_one_request_a_second() {
    let mut world = two();
    let sent = (world.nodes[0].sent_to.len(), world.nodes[1].sent_to.len());
    for n in 0..1000 {
        world.report(1, &id("ada"), Kid(n * 16));
        world.report(1, &id("nobody"), Kid(n * 16));
        world.run(10);
    }
    assert!(world.nodes[1].sent_to.len() - sent.1 <= 11);
    // Ada answers for keys that she has only, and this one was acknowledged.
    assert_eq!(world.nodes[0].sent_to.len(), sent.0);
}
