//! Random schedules. The seed of a failed one is in its message.

use e2ee_session::mls::Trust;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::world::{World, id};

/// Unless `FRAMESEAL_RUNS` says otherwise.
const RUNS: u64 = 100;
const STEPS: usize = 60;
const NAMES: [&str; 6] = ["ada", "bob", "cleo", "dan", "eve", "evil"];

#[test]
fn nobody_opens_what_is_not_for_it_and_the_honest_converge() {
    let mut keys = 0;
    let mut frames = 0;
    let runs = std::env::var("FRAMESEAL_RUNS").map_or(RUNS, |runs| runs.parse().unwrap());
    for seed in 0..runs {
        let run = catch_unwind(AssertUnwindSafe(|| one(seed)));
        let (k, f) = run.unwrap_or_else(|_| panic!("seed {seed}"));
        keys += k;
        frames += f;
    }
    assert!(keys > 2000 && frames > 5000, "{keys} keys, {frames} frames: too little happened");
}

fn one(seed: u64) -> (usize, usize) {
    let mut world = World::new(seed);
    world.trust = |who| if who.name == "evil" { Trust::Refused } else { Trust::Unverified };
    world.delay = (0, [20, 400, 3000][world.dice.below(3)]);
    world.loss = [0, 10, 50][world.dice.below(3)];
    world.twice = [0, 20][world.dice.below(2)];
    world.join("ada");
    world.join("bob");
    for _ in 0..STEPS {
        step(&mut world);
        let pause = [0, 5, 50, 400, 1500][world.dice.below(5)];
        world.run(pause);
        for from in world.here() {
            if world.dice.chance(30) {
                world.frame(from);
            }
        }
        world.check_secrecy();
    }
    // What was on its way arrives, then nothing is lost.
    (world.loss, world.twice, world.delay) = (0, 0, (1, 50));
    world.run(5000);
    world.assert_converged(8000);
    world.check_secrecy();
    let ghost = id("evil");
    for node in world.nodes.iter().filter(|node| node.who != ghost) {
        assert!(node.sent_to.iter().all(|to| *to != ghost), "a ghost was written to");
    }
    (world.kept.len(), world.frames.len())
}

fn step(world: &mut World) {
    let here = world.here();
    let some = here.get(world.dice.below(here.len().max(1))).copied();
    match (world.dice.below(12), some) {
        (0..=2, _) | (_, None) => {
            let name = NAMES[world.dice.below(NAMES.len())];
            // A new connection takes the place of one that nobody says has ended.
            for old in world.here() {
                if world.nodes[old].who == id(name) {
                    world.nodes[old].here = false;
                }
            }
            world.join(name);
        }
        (3, Some(node)) if here.len() > 1 => world.leave(node),
        (4, Some(node)) => world.rotate(node),
        (5, Some(node)) => {
            let name = NAMES[world.dice.below(NAMES.len())];
            if world.nodes[node].who != id(name) {
                world.remove(node, name);
            }
        }
        // The relay lies: somebody is gone who is not, somebody is there who never was.
        (6, Some(node)) => {
            let name = NAMES[world.dice.below(NAMES.len())];
            if world.nodes[node].who != id(name) {
                world.says_gone(node, name);
            }
        }
        (7, Some(node)) => {
            let of = world.dice.below(world.nodes.len());
            let (name, announcement) = (world.nodes[of].who.clone(), world.nodes[of].announcement.clone());
            if world.nodes[node].who != name {
                world.show(node, name.as_str(), &announcement);
            }
        }
        (8, Some(node)) => world.show(node, "ghost", b""),
        // Replays, to whom they were for and to others, as they were and changed.
        (_, Some(node)) => {
            for _ in 0..5 {
                if world.wire.is_empty() {
                    return;
                }
                let at = world.dice.below(world.wire.len());
                let (from, _, mut bytes) = world.wire[at].clone();
                if world.dice.chance(30) {
                    let at = world.dice.below(bytes.len());
                    bytes[at] ^= 1 << world.dice.below(8);
                }
                if world.nodes[node].who != from {
                    world.inject(node, from.as_str(), &bytes);
                }
            }
        }
    }
}
