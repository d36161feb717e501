//! Bytes of somebody who means harm: every truncation, every flipped bit, and noise.

use e2ee_session::pairwise::{Event, MAX_ANNOUNCEMENT_LEN, MAX_MESSAGE_LEN, PairwiseError, Standing};

use crate::world::{Dice, World, id};

#[test]
fn no_announcement_with_a_flipped_bit_or_cut_short_is_taken() {
    let mut world = World::new(1);
    let ada = world.join("ada");
    let bob = world.join("bob");
    let good = world.nodes[bob].announcement.clone();
    let mut bad = 0;
    for bit in 0..good.len() * 8 {
        let mut changed = good.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        world.show(ada, "bob", &changed);
        bad += u32::from(matches!(world.standing(ada, "bob"), Some(Standing::Outside(_))));
    }
    assert_eq!(bad as usize, good.len() * 8);
    for len in 0..good.len() {
        world.show(ada, "bob", &good[..len]);
        assert!(matches!(world.standing(ada, "bob"), Some(Standing::Outside(_))), "{len}");
    }
    for len in [good.len() + 1, MAX_ANNOUNCEMENT_LEN, MAX_ANNOUNCEMENT_LEN + 1] {
        let mut longer = good.clone();
        longer.resize(len, 0);
        world.show(ada, "bob", &longer);
        assert!(matches!(world.standing(ada, "bob"), Some(Standing::Outside(_))), "{len}");
    }
    assert!(matches!(world.standing(ada, "bob"), Some(Standing::Outside(PairwiseError::TooLong))));
    // What is wrong is said: a signature.
    let mut changed = good.clone();
    *changed.last_mut().unwrap() ^= 1;
    world.show(ada, "bob", &changed);
    assert_eq!(world.nodes[ada].events.last(), Some(&Event::Outside(id("bob"), PairwiseError::BadSignature)));
    world.show(ada, "bob", &good);
    assert_eq!(world.standing(ada, "bob"), Some(Standing::Deciding));
}

#[test]
fn no_message_with_a_flipped_bit_or_cut_short_is_taken() {
    // The first message of a session, and one in the middle of it.
    for settled in [false, true] {
        let mut world = World::new(1);
        let ada = world.join("ada");
        let bob = world.join("bob");
        world.run(if settled { 500 } else { 21 });
        world.loss = 100;
        if settled {
            world.rotate(bob);
        }
        let (.., good) = world.wire.iter().rfind(|(from, ..)| *from == id("bob")).cloned().unwrap();
        assert_eq!(good[3], u8::from(settled), "type of the message");
        let kept = world.kept.len();
        for bit in 0..good.len() * 8 {
            let mut changed = good.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            world.inject(ada, "bob", &changed);
            let Some(Event::Dropped(from, error)) = world.nodes[ada].events.pop() else {
                panic!("bit {bit} is of no matter")
            };
            assert_eq!(from, id("bob"));
            assert!(
                matches!(
                    error,
                    PairwiseError::Unauthenticated | PairwiseError::Malformed | PairwiseError::UnknownVersion
                ),
                "{error}"
            );
            assert_eq!(world.kept.len(), kept, "bit {bit}");
        }
        for len in 0..good.len() {
            world.inject(ada, "bob", &good[..len]);
            assert!(world.nodes[ada].events.pop().is_some());
            assert_eq!(world.kept.len(), kept, "{len}");
        }
        // After all that, the genuine one is taken.
        world.inject(ada, "bob", &good);
        assert_eq!(world.kept.len(), kept + 1);
    }
}

#[test]
fn noise_never_panics() {
    let mut world = World::new(1);
    let ada = world.join("ada");
    world.join("bob");
    world.run(300);
    let mut dice = Dice(4);
    for round in 0..20_000 {
        let len = dice.below(if round % 100 == 0 { MAX_MESSAGE_LEN + 2 } else { 200 });
        let mut noise: Vec<u8> = (0..len).map(|_| dice.next() as u8).collect();
        if round % 2 == 0 {
            for (to, from) in noise.iter_mut().zip([1, 1 + (round % 3 > 0) as u8, (round % 5 > 2) as u8, 1]) {
                *to = from;
            }
        }
        world.inject(ada, "bob", &noise);
        world.show(ada, "somebody", &noise);
        world.show(ada, "bob", &noise);
    }
    assert_eq!(world.kept.len(), 2);
    world.assert_converged(300);
}
