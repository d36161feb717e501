//! Two implementations of RFC 9420 in one group: ours, and mls-rs. Whatever one does, the other follows, and both have
//! the same keys.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod members;

use e2ee_session::mls::{Admit, Mode, RoomPolicy, SecretId};

use members::{Candidate, Kind, Member, Ours, Refused, SECRET_ID, Theirs, candidate, written};

/// A group, and who is in it.
struct Call {
    members: Vec<Box<dyn Member>>,
    seed: u8,
    secrets: Vec<Vec<u8>>,
    /// Whether every commit brings the room's secret.
    secret: bool,
}

impl Call {
    fn found(kind: Kind) -> Self {
        Self::found_with(kind, RoomPolicy::default())
    }

    fn found_with(kind: Kind, policy: RoomPolicy) -> Self {
        let members = vec![candidate(kind, "founder", 1).found(&policy)];
        Self { members, seed: 1, secrets: vec![], secret: policy.secret.is_some() }
    }

    fn candidate(&mut self, kind: Kind) -> Box<dyn Candidate> {
        self.seed += 1;
        candidate(kind, &format!("{kind:?} {}", self.seed), self.seed)
    }

    /// All have the same, and another than in every epoch before.
    fn agree(&mut self) {
        let (first, others) = self.members.split_first().unwrap();
        let secret = first.secret().unwrap();
        for other in others {
            assert_eq!(other.epoch(), first.epoch());
            assert_eq!(other.secret().unwrap(), secret);
            assert_eq!(other.authenticator(), first.authenticator());
            assert_eq!(other.roster(), first.roster());
            assert_eq!(other.policy(), first.policy());
        }
        assert_eq!(first.roster().len(), self.members.len());
        assert!(!self.secrets.contains(&secret), "an epoch's secret came again");
        self.secrets.push(secret);
    }

    /// `at` commits, everybody else follows.
    fn commit(&mut self, at: usize, add: &[Vec<u8>], remove: &[u32]) -> (Vec<u8>, Option<Vec<u8>>) {
        let (commit, welcome) = self.members[at].propose(add, remove);
        self.members[at].confirm();
        for (other, member) in self.members.iter_mut().enumerate() {
            if other != at {
                assert_eq!(member.follow(&commit), Ok(!remove.contains(&member.index())));
            }
        }
        (commit, welcome)
    }

    fn rotate(&mut self, at: usize) {
        self.commit(at, &[], &[]);
        self.agree();
    }

    fn add(&mut self, at: usize, kind: Kind) {
        let candidate = self.candidate(kind);
        let (_, welcome) = self.commit(at, &[candidate.package()], &[]);
        self.members.push(candidate.welcome(&welcome.unwrap()));
        self.agree();
    }

    fn enter(&mut self, at: usize, kind: Kind) {
        let info = self.members[at].info();
        let (member, commit) = self.candidate(kind).enter(&info, self.secret);
        for other in &mut self.members {
            assert_eq!(other.follow(&commit), Ok(true));
        }
        self.members.push(member);
        self.agree();
    }

    fn remove(&mut self, at: usize, who: usize) {
        let index = self.members[who].index();
        let (commit, _) = self.commit(at, &[], &[index]);
        let mut gone = self.members.remove(who);
        self.agree();
        // It has no key of this epoch, and follows to none that comes.
        assert_ne!(gone.secret().as_ref(), self.secrets.last());
        let at = if who < at { at - 1 } else { at };
        let (next, _) = self.commit(at, &[], &[]);
        self.agree();
        assert_eq!(gone.follow(&commit), Err(Refused));
        assert_eq!(gone.follow(&next), Err(Refused));
        assert_ne!(gone.secret().as_ref(), self.secrets.last());
    }
}

#[test]
fn whoever_founds_members_of_both_are_added_rotate_enter_and_are_removed() {
    for founder in [Ours, Theirs] {
        for other in [Ours, Theirs] {
            let mut call = Call::found(founder);
            call.add(0, other);
            call.add(1, Ours);
            call.add(1, Theirs);
            for at in 0..4 {
                call.rotate(at);
            }
            // By a commit of its own, into a group that each of the two describes.
            for (at, kind) in [(0, Ours), (0, Theirs), (1, Ours), (1, Theirs)] {
                call.enter(at, kind);
                call.rotate(call.members.len() - 1);
            }
            // Each removes each, the founder at last.
            for (at, who) in [(0, 2), (0, 2), (1, 2), (1, 2), (1, 0)] {
                call.remove(at, who);
            }
            assert_eq!(call.members.len(), 3);
        }
    }
}

#[test]
fn several_changes_in_one_commit() {
    for (founder, other) in [(Ours, Theirs), (Theirs, Ours)] {
        let mut call = Call::found(founder);
        call.add(0, other);
        call.add(0, other);
        for at in [0, 1] {
            let candidates = [call.candidate(Ours), call.candidate(Theirs), call.candidate(other)];
            let packages: Vec<_> = candidates.iter().map(|who| who.package()).collect();
            let out = call.members[2].index();
            let (_, welcome) = call.commit(at, &packages, &[out]);
            call.members.remove(2);
            let welcome = welcome.unwrap();
            call.members.extend(candidates.into_iter().map(|who| who.welcome(&welcome)));
            call.agree();
        }
    }
}

#[test]
fn of_two_commits_of_one_epoch_the_log_takes_one_and_the_other_is_made_again() {
    for (winner, loser) in [(Ours, Theirs), (Theirs, Ours)] {
        let mut call = Call::found(winner);
        call.add(0, loser);
        call.add(0, winner);
        let out = call.members[2].index();
        let (lost, _) = call.members[1].propose(&[], &[out]);
        call.members[1].abort();
        call.rotate(0);
        assert_eq!(call.members[0].follow(&lost), Err(Refused));
        call.remove(1, 2);
    }
}

#[test]
fn each_changes_what_the_members_agreed_on() {
    let mut call = Call::found(Theirs);
    call.add(0, Ours);
    for (at, admit, mode) in [(0, Admit::Anyone, Mode::Preferred), (1, Admit::Members, Mode::Required)] {
        let policy = RoomPolicy { admit, mode, suite: 5, secret: None };
        let commit = call.members[at].repolicy(policy);
        assert_eq!(call.members[1 - at].follow(&commit), Ok(true));
        call.members[at].confirm();
        call.agree();
        assert_eq!(call.members[0].policy(), written(policy));
    }
    // Members let people in from here on: who enters by itself is not followed by ours.
    let (_, commit) = call.candidate(Theirs).enter(&call.members[1].info(), false);
    assert_eq!(call.members[1].follow(&commit), Err(Refused));
}

#[test]
fn a_secret_from_outside_is_in_every_epoch_of_both() {
    let policy = RoomPolicy { secret: Some(SecretId(SECRET_ID)), ..RoomPolicy::default() };
    for (founder, other) in [(Ours, Theirs), (Theirs, Ours)] {
        let mut call = Call::found_with(founder, policy);
        call.add(0, other);
        call.add(1, founder);
        for (at, kind) in [(0, other), (1, founder)] {
            call.rotate(at);
            call.enter(at, kind);
        }
        call.remove(0, 1);
        call.remove(1, 0);
        assert_eq!(call.members.len(), 3);
    }
    // Who enters without it is followed by nobody.
    let mut call = Call::found_with(Ours, policy);
    call.add(0, Theirs);
    let (_, commit) = call.candidate(Theirs).enter(&call.members[0].info(), false);
    assert_eq!(call.members[0].follow(&commit), Err(Refused));
}

#[test]
fn what_was_tampered_with_is_refused_by_the_other_and_changes_nothing() {
    for (committer, reader) in [(Ours, Theirs), (Theirs, Ours)] {
        let mut call = Call::found(committer);
        call.add(0, reader);
        // A commit of a member (a private message), and one of somebody who enters (a public one).
        for external in [false, true] {
            let (entering, commit) = if external {
                let (member, commit) = call.candidate(committer).enter(&call.members[0].info(), false);
                (Some(member), commit)
            } else {
                (None, call.members[0].propose(&[], &[]).0)
            };
            let before = call.members[1].authenticator();
            for at in 0..commit.len() {
                let mut bad = commit.clone();
                bad[at] ^= 1 << (at % 8);
                assert_eq!(
                    call.members[1].attempt(&bad),
                    Err(Refused),
                    "byte {at} of a commit of {committer:?}"
                );
            }
            for len in 0..commit.len() {
                assert_eq!(call.members[1].attempt(&commit[..len]), Err(Refused), "length {len}");
            }
            assert_eq!(call.members[1].authenticator(), before);
            // What was not tampered with is still good, and once.
            assert_eq!(call.members[1].follow(&commit), Ok(true));
            assert_eq!(call.members[1].follow(&commit), Err(Refused));
            match entering {
                None => call.members[0].confirm(),
                Some(member) => {
                    assert_eq!(call.members[0].follow(&commit), Ok(true));
                    call.members.push(member);
                }
            }
            call.agree();
        }
    }
}

#[test]
fn a_long_walk_of_changes_by_both() {
    // Pseudo-random and the same in every run: Knuth's MMIX generator.
    let mut state = 2026_u64;
    let mut draw = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let mut call = Call::found(Ours);
    call.add(0, Theirs);
    let mut done = [0; 4];
    for _ in 0..80 {
        let (count, what) = (call.members.len(), draw(4));
        let (at, kind) = (draw(count), if draw(2) == 0 { Ours } else { Theirs });
        match what {
            0 if count < 9 => call.add(at, kind),
            1 if count < 9 => call.enter(at, kind),
            2 if count > 3 => call.remove(at, (at + 1 + draw(count - 1)) % count),
            3 => call.rotate(at),
            _ => continue,
        }
        done[what] += 1;
    }
    assert!(done.iter().all(|times| *times >= 8), "{done:?}");
}
