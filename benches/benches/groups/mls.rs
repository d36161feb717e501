//! Groups by MLS, classic and post-quantum.
//!
//! The tree is the worst one: one member let everybody in and nobody else committed yet, so a commit is encrypted to each
//! member.

use e2ee_session::mls::{Group, Joiner, Proposed, RoomPolicy, ShowUnverified, Suite, Wish};

use crate::{Cost, Costs, MEMORY, timed};

const ROOM: &[u8] = b"council-7";

fn joiner(number: usize, suite: Suite) -> Joiner {
    let mut seed = [suite.id() as u8; 32];
    seed[..8].copy_from_slice(&(number as u64).to_be_bytes());
    Joiner::with_suite(&format!("participant {number}"), &seed, suite).expect("a suite that is built in")
}

fn commit(group: &mut Group, cost: &mut Cost, add: &[&[u8]], remove: &[u32]) -> Proposed {
    let wish = Wish { add, remove, ..Wish::default() };
    let proposed = timed(&mut cost.commits, || {
        let proposed = group.propose(&wish, &ShowUnverified).expect("a commit").expect("nobody is refused");
        group.confirm().expect("it was sent");
        proposed
    });
    cost.commit = cost.commit.max(proposed.commit.len());
    proposed
}

fn follow(group: &mut Group, cost: &mut Cost, commit: &[u8]) {
    timed(&mut cost.follows, || {
        let change = group.read(commit).expect("a commit").judge(&ShowUnverified).expect("nobody is refused");
        group.merge(change).expect("a change that was read");
    });
}

fn welcomed(joiner: Joiner, letter: &[u8]) -> Group {
    let welcomed = joiner.read_welcome(ROOM, letter).ok().expect("a welcome");
    welcomed.judge(&ShowUnverified).expect("nobody is refused").enter().expect("a group")
}

fn agree(one: &Group, other: &Group) {
    let secret = |group: &Group| group.base_key().expect("a member").expose().to_vec();
    assert_eq!(secret(one), secret(other));
}

/// A group of `size - 1`, to which members come and from which they go.
pub(crate) fn measure(size: usize, suite: Suite, rounds: usize) -> Costs {
    let mut costs = Costs::default();
    let mut ada = joiner(0, suite).found(ROOM, &RoomPolicy::default()).expect("a group");
    let first = joiner(1, suite);
    let mut packages = Vec::new();
    if size > 2 {
        packages.push(first.key_package().expect("a key package"));
        packages.extend((2..size - 1).map(|n| joiner(n, suite).key_package().expect("a key package")));
    }
    let mut other = (size > 2).then(|| {
        let packages: Vec<&[u8]> = packages.iter().map(Vec::as_slice).collect();
        let proposed = commit(&mut ada, &mut Cost::default(), &packages, &[]);
        welcomed(first, &proposed.welcome.expect("somebody was let in"))
    });
    for round in 0..rounds {
        let comer = joiner(size + 2 * round, suite);
        let package = comer.key_package().expect("a key package");
        costs.package = package.len();
        let joined = commit(&mut ada, &mut costs.join, &[&package], &[]);
        if let Some(other) = &mut other {
            follow(other, &mut costs.join, &joined.commit);
        }
        let letter = joined.welcome.expect("somebody was let in");
        costs.join.loads = letter.len();
        let before = MEMORY.allocated();
        let mut comer = timed(&mut costs.join.comes, || welcomed(comer, &letter));
        costs.held = MEMORY.allocated().saturating_sub(before);
        agree(&ada, &comer);
        assert_eq!(ada.members().expect("members").len(), size);

        let rotated = commit(&mut ada, &mut costs.rotate, &[], &[]);
        follow(other.as_mut().unwrap_or(&mut comer), &mut costs.rotate, &rotated.commit);
        let left = commit(&mut ada, &mut costs.leave, &[], &[comer.index()]);
        if let Some(other) = &mut other {
            follow(other, &mut costs.leave, &left.commit);
            agree(&ada, other);
        }

        let (comer, info) = (joiner(size + 2 * round + 1, suite), left.group_info);
        costs.enter.loads = info.len();
        let (mut comer, entry) = timed(&mut costs.enter.comes, || {
            comer.enter(ROOM, &info, &ShowUnverified).ok().expect("a group to enter")
        });
        costs.enter.commit = costs.enter.commit.max(entry.commit.len());
        follow(&mut ada, &mut costs.enter, &entry.commit);
        comer.confirm().expect("it was sent");
        agree(&ada, &comer);
        if let Some(other) = &mut other {
            follow(other, &mut Cost::default(), &entry.commit);
        }
        let left = commit(&mut ada, &mut Cost::default(), &[], &[comer.index()]);
        if let Some(other) = &mut other {
            follow(other, &mut Cost::default(), &left.commit);
        }
    }
    for (cost, readers) in [
        (&mut costs.join, size),
        (&mut costs.leave, size - 1),
        (&mut costs.rotate, size),
        (&mut costs.enter, size),
    ] {
        cost.everybody = cost.commit * (readers - 1);
    }
    costs
}
