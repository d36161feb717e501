//! Commits of a group in a log that takes an entry only at the position that it was made for.
//!
//! Requests are under way as long as the relay likes; an answer may never come, and one that comes late says no more
//! than the log, which can be read. Members read the log when they come to it. The relay may put garbage into the
//! log, and the log may lose its newest entry once, as a database does that fails over to a copy which is behind. A
//! member keeps the entry that it read last: it puts it back when the log ends before it, and when another one stands
//! there it knows that it is in a group that is no more, and enters anew. Position in the log and epoch of the group
//! are counted apart: garbage has a position and makes no epoch.
//!
//! Bounds. Three members: two that are in the group, each with one wish, and one that enters by a welcome or by a
//! commit of its own; or three that find an empty log. At most one garbage entry and one lost entry. One request of a
//! member is under way at a time; any number of tries. Entries come to a member in the log's order; that a relay
//! shows members different logs is not searched here: what members tell each other of their group shows that.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;

use stateright::{Model, Property};

mod rules;
mod tests;

const FORK: &str = "members are in one group, or some in its past";
const READ: &str = "who has read the whole log is in its group";
const WISH: &str = "no wish is lost";
const FLOW: &str = "when messages flow again, all are in one group and every wish is done";

const MEMBERS: usize = 3;
/// A commit: whose, and how much of the log it had read when it made it, which no two have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Id(u8, u8);

/// What there is before any commit.
const BASE: Id = Id(u8::MAX, 0);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Entry {
    Garbage,
    /// Made in the epoch that `parent` made. What it does: see [`wish_of`], [`entry_of`].
    Commit {
        id: Id,
        parent: Id,
        epoch: u8,
        does: u8,
    },
}

/// The wish that a member has of its own.
fn wish_of(who: usize) -> u8 {
    1 << who
}

/// That it is in the group.
fn entry_of(who: usize) -> u8 {
    1 << (4 + who)
}

/// What members and log do.
#[derive(Clone, Copy)]
struct Rules {
    /// The log takes an entry only at the position that it was made for.
    compared: bool,
    /// An own commit changes the group when the log has it, not when it is made.
    merged_when_taken: bool,
    /// That the log has it is read there, behind what was read before; what the log answers is not believed.
    taken_when_read: bool,
    /// What a commit was for is wished until it is done.
    wished_until_done: bool,
    /// An own commit that was not taken is void only when another one was read in its place.
    void_when_read: bool,
    /// A member that is ahead of the log puts back what it read last.
    put_back: bool,
    /// A member looks whether what it read last still stands in the log.
    looks_back: bool,
    /// Who is about to enter by itself takes no welcome until its commit is in the log, or another one in its place.
    entry_is_awaited: bool,
    /// Garbage makes no epoch.
    counted_apart: bool,
}

const PROPOSED: Rules = Rules {
    compared: true,
    merged_when_taken: true,
    taken_when_read: true,
    wished_until_done: true,
    void_when_read: true,
    put_back: true,
    looks_back: true,
    entry_is_awaited: true,
    counted_apart: true,
};

#[derive(Clone, Copy)]
struct Log {
    rules: Rules,
    garbage: u8,
    losses: u8,
    /// Who is in the group before the log begins.
    within: u8,
    /// Who has a wish of its own.
    wishing: u8,
    /// Whether the third one is there.
    third: bool,
    /// Longest log that is looked at.
    longest: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
struct Group {
    chain: Vec<Id>,
    done: u8,
}

impl Group {
    fn takes(&self, entry: Entry) -> bool {
        let head = self.chain.last().copied().unwrap_or(BASE);
        matches!(entry, Entry::Commit { parent, epoch, .. } if parent == head && usize::from(epoch) == self.chain.len())
    }

    fn merge(&mut self, entry: Entry) {
        if let Entry::Commit { id, does, .. } = entry {
            self.chain.push(id);
            self.done |= does;
        }
    }

    fn is_past_of(&self, other: &Self) -> bool {
        other.chain.starts_with(&self.chain)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
struct Member {
    /// `None`: outside.
    group: Option<Group>,
    /// Entries of the log that were read.
    read: usize,
    /// The last of them, and whether it made an epoch; `None`: not looked back at.
    kept: Option<(Entry, bool)>,
    /// How many of them were garbage; counted only where that is taken for epochs.
    garbage: u8,
    /// The own commit that waits for the log; of who is outside, the one that it enters by, and into which group.
    staged: Option<(Entry, Group)>,
    wishes: u8,
    /// Saw that its group is no more: it is let in by nobody, its key package being used, and enters by itself.
    stranded: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Request {
    from: usize,
    at: usize,
    entry: Entry,
    /// What was in the log before.
    again: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    log: Vec<Entry>,
    members: [Member; MEMBERS],
    requests: BTreeSet<Request>,
    garbage: u8,
    losses: u8,
    /// For what must be reachable: a lost entry was put back.
    healed: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Action {
    Hear(usize),
    Commit(usize),
    Enter(usize),
    Welcome(usize),
    Send(usize),
    PutBack(usize),
    /// And whether the answer arrives.
    Take(Request, bool),
    Read(usize),
    Garbage,
    Lose,
}

impl State {
    fn group_of_log(&self) -> Group {
        let mut group = Group::default();
        for entry in &self.log {
            if group.takes(*entry) {
                group.merge(*entry);
            }
        }
        group
    }

    /// Has read all that stands in the log, and can know of nothing else.
    fn is_settled(&self, who: usize, rules: Rules) -> bool {
        let member = &self.members[who];
        let stands = match (self.log.last(), member.kept) {
            (Some(last), Some((kept, _))) => *last == kept || !rules.looks_back,
            _ => true,
        };
        member.group.is_some() && member.read == self.log.len() && stands
    }

    fn all_settled(&self, model: &Log) -> bool {
        model.members().all(|who| self.is_settled(who, model.rules))
    }

    /// Whether the third one is brought in by the commit of somebody of whom `by` is true.
    fn third_by(&self, by: fn(u8) -> bool) -> bool {
        let brings = |entry: &Entry| matches!(entry, Entry::Commit { id, does, .. } if by(id.0) && does & entry_of(2) != 0);
        self.log.iter().any(brings)
    }

    fn is_sending(&self, who: usize) -> bool {
        self.requests.iter().any(|request| request.from == who)
    }
}

impl Model for Log {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let member = |who: usize| {
            let within = self.within & (1 << who) != 0;
            Member {
                group: within.then(Group::default),
                wishes: self.wishing & wish_of(who),
                ..Member::default()
            }
        };
        vec![State {
            log: vec![],
            members: [member(0), member(1), member(2)],
            requests: BTreeSet::new(),
            garbage: self.garbage,
            losses: self.losses,
            healed: false,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for who in self.members() {
            actions.extend([Action::Commit(who), Action::Enter(who), Action::Welcome(who)]);
            actions.extend([Action::Send(who), Action::PutBack(who), Action::Read(who)]);
        }
        for request in &state.requests {
            actions.push(Action::Take(request.clone(), false));
            if !self.rules.taken_when_read || !self.rules.void_when_read {
                actions.push(Action::Take(request.clone(), true));
            }
        }
        actions.extend([Action::Hear(0), Action::Garbage, Action::Lose]);
    }

    fn next_state(&self, before: &State, action: Action) -> Option<State> {
        let mut state = before.clone();
        match action {
            Action::Hear(who) => self.hear(&mut state, who)?,
            Action::Commit(who) => self.commit(&mut state, who)?,
            Action::Enter(who) => self.enter(&mut state, who)?,
            Action::Welcome(who) => self.welcome(&mut state, who)?,
            Action::Send(who) => {
                let member = &state.members[who];
                let (entry, _) = member.staged.clone()?;
                if state.is_sending(who) {
                    return None;
                }
                state.requests.insert(Request { from: who, at: member.read, entry, again: false });
            }
            Action::PutBack(who) => {
                let member = &state.members[who];
                let (entry, _) = member.kept?;
                if !self.rules.put_back || member.read <= state.log.len() || state.is_sending(who) {
                    return None;
                }
                state.requests.insert(Request { from: who, at: member.read - 1, entry, again: true });
            }
            Action::Take(request, answered) => self.take(&mut state, request, answered),
            Action::Read(who) => self.read(&mut state, who)?,
            Action::Garbage => {
                state.garbage = state.garbage.checked_sub(1)?;
                state.log.push(Entry::Garbage);
            }
            Action::Lose => {
                state.losses = state.losses.checked_sub(1)?;
                state.log.pop()?;
            }
        }
        (state != *before).then_some(state)
    }

    fn within_boundary(&self, state: &State) -> bool {
        state.log.len() <= self.longest
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always(READ, |model: &Self, state: &State| {
                let group = Some(state.group_of_log());
                model
                    .members()
                    .all(|who| !state.is_settled(who, model.rules) || state.members[who].group == group)
            }),
            Property::always(WISH, |model: &Self, state: &State| {
                let done = state.group_of_log().done;
                state.members.iter().enumerate().all(|(who, member)| {
                    let staged = match member.staged {
                        Some((Entry::Commit { does, .. }, _)) => does,
                        _ => 0,
                    };
                    let own = member.group.as_ref().map_or(0, |group| group.done);
                    model.wishing & wish_of(who) & !(member.wishes | staged | own | done) == 0
                })
            }),
            Property::always(FLOW, |model: &Self, state: &State| model.flows(state)),
        ];
        if self.third {
            properties.push(Property::sometimes("somebody is let in", |model: &Self, state: &State| {
                state.is_settled(2, model.rules) && state.third_by(|by| by != 2)
            }));
            properties.push(Property::sometimes(
                "somebody enters by itself",
                |model: &Self, state: &State| {
                    state.is_settled(2, model.rules) && state.third_by(|by| by == 2)
                },
            ));
        }
        if self.wishing != 0 {
            properties.push(Property::sometimes("every wish is done", |model: &Self, state: &State| {
                state.all_settled(model) && model.wishing & !state.group_of_log().done == 0
            }));
        }
        if self.garbage > 0 {
            properties.push(Property::sometimes("garbage is passed over", |model: &Self, state: &State| {
                let (last, before) = state.log.split_last().unzip();
                state.all_settled(model)
                    && matches!(last, Some(Entry::Commit { .. }))
                    && before.is_some_and(|before| before.contains(&Entry::Garbage))
            }));
        }
        if self.losses == 0 {
            properties.push(Property::always(FORK, |_, state: &State| {
                let groups: Vec<&Group> =
                    state.members.iter().filter_map(|member| member.group.as_ref()).collect();
                groups
                    .iter()
                    .all(|one| groups.iter().all(|other| one.is_past_of(other) || other.is_past_of(one)))
            }));
        } else {
            properties.push(Property::sometimes("a lost entry is put back", |_, state: &State| state.healed));
            properties
                .push(Property::sometimes("somebody sees that its group is no more", |_, state: &State| {
                    state.members.iter().any(|member| member.stranded)
                }));
        }
        properties
    }
}
