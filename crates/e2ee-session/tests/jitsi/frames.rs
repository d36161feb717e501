//! Keys and frames together, through random conferences: who is in hears everybody, and nobody hears what was said before
//! it came, or later than the change of keys after it left.
use e2ee_session::jitsi::{CHANGE_MS, Input, REQUEST_MS, Settings};
use proptest::prelude::*;

use super::world::{Person, World};

#[derive(Clone, Debug)]
enum Act {
    /// With a letter before its number, so that ids come in any order; encryption is switched on so much later.
    Join(u8, u64),
    Leave(usize),
    Pass(u64),
    Speak,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => (b'a'..=b'z', prop_oneof![Just(0), 0_u64..9000]).prop_map(|(letter, wait)| Act::Join(letter, wait)),
        2 => any::<usize>().prop_map(Act::Leave),
        3 => prop_oneof![0_u64..300, 0_u64..7000].prop_map(Act::Pass),
        4 => Just(Act::Speak),
    ]
}

struct Said {
    by: String,
    at: u64,
    bytes: Vec<u8>,
    sealed: Vec<u8>,
}

/// Everybody says something, and everybody else who is on hears it.
fn speak(world: &mut World, said: &mut Vec<Said>) {
    for by in world.people.keys().cloned().collect::<Vec<_>>() {
        let bytes = format!("{by} {}", said.len()).into_bytes();
        let timestamp = u32::try_from(said.len()).unwrap() * 960;
        let Some(sealed) = world.people.get_mut(&by).unwrap().seal(&bytes, timestamp) else { continue };
        for (who, person) in world.people.iter_mut().filter(|(who, _)| **who != by) {
            let hears = person.seals.is_none() || person.opens(&by, &sealed, &bytes);
            assert!(hears, "{who} does not hear {by} at {}", world.now);
        }
        said.push(Said { by, at: world.now, bytes, sealed });
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn who_is_in_hears_and_nobody_else(acts in prop::collection::vec(act(), 5..40)) {
        let mut world = World::of(&["m", "n"]);
        let (mut said, mut gone): (Vec<Said>, Vec<(u64, Person)>) = (Vec::new(), Vec::new());
        let mut came = Vec::new();
        let mut waiting: Vec<(u64, String)> = Vec::new();
        for (number, act) in acts.into_iter().enumerate() {
            match act {
                Act::Join(letter, wait) => {
                    let who = format!("{}{number}", char::from(letter));
                    world.join(Settings::new(&who));
                    came.push((world.now, who.clone()));
                    waiting.push((world.now + wait, who));
                }
                Act::Leave(which) if world.people.len() > 1 => {
                    let who = world.people.keys().nth(which % world.people.len()).cloned().unwrap();
                    waiting.retain(|(_, waits)| *waits != who);
                    gone.extend(world.leave(&who).map(|person| (world.now, person)));
                }
                Act::Leave(_) => {}
                Act::Pass(ms) => world.run(ms),
                Act::Speak => speak(&mut world, &mut said),
            }
            let now = world.now;
            let (due, rest) = waiting.into_iter().partition(|(at, _)| *at <= now);
            waiting = rest;
            let due: Vec<(u64, String)> = due;
            for (_, who) in due {
                world.give(&who, Input::Enable(true));
            }
            world.run(0);
        }
        for (_, who) in waiting {
            world.give(&who, Input::Enable(true));
        }
        world.run(2 * (CHANGE_MS + REQUEST_MS));
        prop_assert!(world.agree());
        speak(&mut world, &mut said);
        // What was recorded before somebody came, played to it now.
        for (at, who) in came {
            let Some(person) = world.people.get_mut(&who) else { continue };
            for old in said.iter().filter(|old| old.at < at && old.by != who) {
                prop_assert!(!person.opens(&old.by, &old.sealed, &old.bytes), "{who} opens what {} said before", old.by);
            }
        }
        for (at, mut person) in gone {
            for late in said.iter().filter(|late| late.at > at + CHANGE_MS + REQUEST_MS) {
                prop_assert!(!person.opens(&late.by, &late.sealed, &late.bytes), "still hears {}", late.by);
            }
        }
    }
}
