//! Suites: members of one group speak one, and who speaks another is told so.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use e2ee_session::mls::{Group, Joiner, MlsError, RoomPolicy, ShowUnverified, Suite, Wish};

const ROOM: &[u8] = b"council-7";

fn joiner(name: &str, seed: u8, suite: Suite) -> Joiner {
    Joiner::with_suite(name, &[seed; 32], suite).unwrap()
}

fn found(name: &str, seed: u8, suite: Suite) -> Group {
    joiner(name, seed, suite).found(ROOM, &RoomPolicy::default()).unwrap()
}

#[test]
fn a_suite_is_spoken_by_builds_that_have_it() {
    assert_eq!((Suite::Classic.id(), Suite::PostQuantumDraft.id()), (0x0001, 0x004f));
    assert_eq!([1, 0x4f, 2].map(Suite::of_id), [Some(Suite::Classic), Some(Suite::PostQuantumDraft), None]);
    assert_eq!(joiner("ada", 1, Suite::Classic).suite(), Suite::default());
    let drafted = Joiner::with_suite("ada", &[1; 32], Suite::PostQuantumDraft);
    assert_eq!(drafted.is_ok(), Suite::PostQuantumDraft.is_built_in());
    if cfg!(not(feature = "pq")) {
        assert!(matches!(drafted, Err(MlsError::NoSuite)));
    }
}

/// By the beginning of a message, whether or not the build knows the suite that it names.
#[test]
fn a_message_of_another_suite_is_told_from_a_broken_one() {
    let mut ada = found("ada", 1, Suite::Classic);
    let bob = joiner("bob", 2, Suite::Classic);
    let package = bob.key_package().unwrap();
    let info = ada.group_info().unwrap();
    let wish = Wish { add: &[&package], ..Wish::default() };
    let letter = ada.propose(&wish, &ShowUnverified).unwrap().unwrap().welcome.unwrap();
    ada.abort().unwrap();
    let changed = |message: &[u8], at: usize, to: [u8; 2]| {
        let mut message = message.to_vec();
        assert_eq!(message[at..at + 2], [0, 1]);
        message[at..at + 2].copy_from_slice(&to);
        message
    };
    for other in [[0, 0x4f], [0, 2], [0xff, 0xff]] {
        let package = changed(&package, 2, other);
        assert!(matches!(ada.read_key_package(&package), Err(MlsError::OtherSuite)));
        let wish = Wish { add: &[&package], ..Wish::default() };
        assert!(matches!(ada.propose(&wish, &ShowUnverified), Err(MlsError::OtherSuite)));
        let info = changed(&info, 6, other);
        assert!(matches!(bob.read_group(ROOM, &info), Err(MlsError::OtherSuite)));
        let other = joiner("eve", 3, Suite::Classic).read_welcome(ROOM, &changed(&letter, 4, other));
        assert!(matches!(other, Err((_, MlsError::OtherSuite))));
    }
    for short in 0..8 {
        assert!(matches!(ada.read_key_package(&package[..short]), Err(MlsError::Malformed)));
        assert!(matches!(bob.read_group(ROOM, &info[..short]), Err(MlsError::Malformed)));
    }
    // As it is, it is of use.
    assert!(bob.read_group(ROOM, &info).is_ok());
    assert!(bob.read_welcome(ROOM, &letter).is_ok());
}

#[cfg(feature = "pq")]
mod post_quantum {
    use e2ee_core::Millis;
    use e2ee_session::mls::{Proposed, Trust};
    use e2ee_session::session::{Event, Input, Output, Position, Session};

    use super::*;

    const PQ: Suite = Suite::PostQuantumDraft;

    fn propose(group: &mut Group, add: &[&[u8]], remove: &[u32]) -> Proposed {
        let wish = Wish { add, remove, ..Wish::default() };
        group.propose(&wish, &ShowUnverified).unwrap().unwrap()
    }

    fn welcome(joiner: Joiner, letter: &[u8]) -> Group {
        joiner.read_welcome(ROOM, letter).ok().unwrap().judge(&ShowUnverified).ok().unwrap().enter().unwrap()
    }

    /// `true`: still a member.
    fn follow(group: &mut Group, commit: &[u8]) -> bool {
        let change = group.read(commit).unwrap().judge(&ShowUnverified).unwrap();
        group.merge(change).unwrap()
    }

    fn agree(groups: &[&Group]) -> Vec<u8> {
        let secret = |group: &Group| group.base_key().unwrap().expose().to_vec();
        for other in groups {
            assert_eq!(secret(other), secret(groups[0]));
            assert_eq!(other.authenticator(), groups[0].authenticator());
            assert_eq!(other.members().unwrap(), groups[0].members().unwrap());
            assert_eq!(other.epoch(), groups[0].epoch());
            assert_eq!(other.suite(), groups[0].suite());
        }
        assert_eq!(groups[0].members().unwrap().len(), groups.len());
        secret(groups[0])
    }

    /// Bytes of a key package, and of the commit and the welcome that let two in.
    fn three(suite: Suite) -> ([Group; 3], [usize; 3]) {
        let mut ada = found("ada", 1, suite);
        let (bob, cleo) = (joiner("bob", 2, suite), joiner("cleo", 3, suite));
        let packages = [bob.key_package().unwrap(), cleo.key_package().unwrap()];
        let proposed = propose(&mut ada, &[&packages[0], &packages[1]], &[]);
        ada.confirm().unwrap();
        let letter = proposed.welcome.unwrap();
        let sizes = [packages[0].len(), proposed.commit.len(), letter.len()];
        ([ada, welcome(bob, &letter), welcome(cleo, &letter)], sizes)
    }

    #[test]
    fn members_are_let_in_enter_rotate_and_are_removed() {
        let ([mut ada, mut bob, mut cleo], sizes) = three(PQ);
        let mut secrets = vec![agree(&[&ada, &bob, &cleo])];
        let removal = propose(&mut bob, &[], &[cleo.index()]);
        bob.confirm().unwrap();
        assert!(follow(&mut ada, &removal.commit));
        assert!(!follow(&mut cleo, &removal.commit));
        assert!(matches!(cleo.base_key(), Err(MlsError::Removed)));
        secrets.push(agree(&[&ada, &bob]));

        let (mut dora, entry) =
            joiner("dora", 4, PQ).enter(ROOM, &ada.group_info().unwrap(), &ShowUnverified).ok().unwrap();
        for group in [&mut ada, &mut bob] {
            assert!(follow(group, &entry.commit));
        }
        dora.confirm().unwrap();
        secrets.push(agree(&[&ada, &bob, &dora]));

        let rotation = propose(&mut dora, &[], &[]);
        dora.confirm().unwrap();
        for group in [&mut ada, &mut bob] {
            assert!(follow(group, &rotation.commit));
        }
        secrets.push(agree(&[&ada, &bob, &dora]));
        secrets.sort();
        secrets.dedup();
        assert_eq!(secrets.len(), 4, "each epoch has a secret of its own");

        let (_, classic) = three(Suite::Classic);
        for (what, at) in [("key package", 0), ("commit that adds two", 1), ("welcome of two", 2)] {
            println!("{what}: {} bytes, classic {}", sizes[at], classic[at]);
        }
        println!("commit that removes one of three: {} bytes", removal.commit.len());
        println!("commit by which the third enters: {} bytes", entry.commit.len());
        // A hybrid public key has 1216 bytes and a ciphertext 1120; X25519 has 32 of each.
        assert!(sizes[0] > 2 * 1216 && sizes[0] < 3000);
        assert!(sizes[1] > classic[1] + 4 * 1120 && sizes[1] < 12_000);
    }

    #[test]
    fn who_speaks_another_suite_stays_out_by_each_door_and_is_told_why() {
        for (inside, outside) in [(PQ, Suite::Classic), (Suite::Classic, PQ)] {
            let ([mut ada, ..], _) = three(inside);
            let eve = joiner("eve", 5, outside);
            let package = eve.key_package().unwrap();
            assert!(matches!(ada.read_key_package(&package), Err(MlsError::OtherSuite)));
            let wish = Wish { add: &[&package], ..Wish::default() };
            assert!(matches!(ada.propose(&wish, &ShowUnverified), Err(MlsError::OtherSuite)));
            let info = ada.group_info().unwrap();
            assert!(matches!(eve.read_group(ROOM, &info), Err(MlsError::OtherSuite)));
            let (eve, error) = eve.enter(ROOM, &info, &ShowUnverified).err().unwrap();
            assert_eq!(error, MlsError::OtherSuite);
            assert_eq!(error.to_string(), "of another cipher suite than this member's");
            // The group goes on, and a welcome of it is no use to others.
            let dora = joiner("dora", 6, inside);
            let letter = propose(&mut ada, &[&dora.key_package().unwrap()], &[]).welcome.unwrap();
            ada.confirm().unwrap();
            assert!(matches!(eve.read_welcome(ROOM, &letter), Err((_, MlsError::OtherSuite))));
            assert_eq!(welcome(dora, &letter).members().unwrap().len(), 4);
        }
    }

    #[test]
    fn what_was_changed_is_refused_and_changes_nothing() {
        let ([mut ada, mut bob, _], _) = three(PQ);
        let rotation = propose(&mut ada, &[], &[]);
        let package = joiner("dora", 4, PQ).key_package().unwrap();
        // Commits are long, so every tenth byte.
        for at in (0..rotation.commit.len()).step_by(10) {
            let mut bad = rotation.commit.clone();
            bad[at] ^= 1 << (at % 8);
            assert!(bob.read(&bad).is_err(), "byte {at}");
            assert!(bob.read(&rotation.commit[..at]).is_err(), "length {at}");
        }
        for at in 0..package.len() {
            let mut bad = package.clone();
            bad[at] ^= 1 << (at % 8);
            assert!(ada.read_key_package(&bad).is_err(), "byte {at} of a key package");
        }
        ada.confirm().unwrap();
        assert!(follow(&mut bob, &rotation.commit));
    }

    #[test]
    fn a_run_replays_from_its_seeds() {
        let run = || {
            let ([mut ada, mut bob, cleo], sizes) = three(PQ);
            let removal = propose(&mut ada, &[], &[cleo.index()]);
            ada.confirm().unwrap();
            follow(&mut bob, &removal.commit);
            (removal.commit, removal.group_info, agree(&[&ada, &bob]), sizes)
        };
        assert_eq!(run(), run());
    }

    /// One after the other they come to a room whose log is there and in which nobody lets anybody in, and each is given
    /// five seconds.
    fn come(suites: &[Suite]) -> (Vec<Session>, Vec<Vec<Event>>) {
        let (mut log, mut now): (Vec<Vec<u8>>, u64) = (vec![], 0);
        let (mut sessions, mut events): (Vec<Session>, Vec<Vec<Event>>) = (vec![], vec![]);
        for suite in suites {
            let id = sessions.len();
            let (name, seed) = (format!("p{id}"), [id as u8 + 1; 32]);
            let mut session = Session::with_suite(ROOM, &name, RoomPolicy::default(), *suite, &seed).unwrap();
            let head = log.last().cloned().unwrap_or_default();
            let head = Input::Head { position: Position(log.len() as u64), entry: &head };
            session.handle(head, Millis(now)).unwrap();
            sessions.push(session);
            events.push(vec![]);
            for _ in 0..100 {
                now += 50;
                for at in 0..sessions.len() {
                    // An input to one that is over is an error that says so.
                    let _ = sessions[at].handle(Input::Wake, Millis(now));
                    while let Some(output) = sessions[at].poll() {
                        match output {
                            Output::Append { expect, entry } if expect.0 == log.len() as u64 => {
                                log.push(entry.clone());
                                let position = Position(log.len() as u64);
                                for reader in &mut sessions {
                                    let _ =
                                        reader.handle(Input::Log { position, entry: &entry }, Millis(now));
                                }
                            }
                            Output::Append { expect, .. } => {
                                sessions[at].handle(Input::Conflict { expect }, Millis(now)).unwrap();
                            }
                            Output::Read { after } => {
                                for (missed, entry) in log.clone().iter().enumerate().skip(after.0 as usize) {
                                    let position = Position(missed as u64 + 1);
                                    let _ = sessions[at].handle(Input::Log { position, entry }, Millis(now));
                                }
                            }
                            Output::Decide { question, who, .. } => {
                                let verdicts = vec![Trust::Unverified; who.len()];
                                sessions[at]
                                    .handle(Input::Verdict(question, &verdicts), Millis(now))
                                    .unwrap();
                            }
                            Output::Event(event) => events[at].push(event),
                            _ => {}
                        }
                    }
                }
            }
        }
        (sessions, events)
    }

    #[test]
    fn a_session_of_another_suite_neither_enters_nor_founds_and_says_so() {
        for (room, other) in [(PQ, Suite::Classic), (Suite::Classic, PQ)] {
            let (sessions, events) = come(&[room, room, other]);
            let [ada, bob] = [0, 1].map(|at| sessions[at].group().unwrap());
            assert_eq!(ada.authenticator(), bob.authenticator());
            assert_eq!((ada.members().unwrap().len(), ada.suite()), (2, room));
            assert!(sessions[2].group().is_none());
            assert_eq!(events[2].last(), Some(&Event::OtherSuite));
            assert!(!events[2].contains(&Event::Joined));
        }
    }
}
