//! Models of the rules by which keys are agreed on, small enough that every state of them is looked at. They are tests:
//! nothing here is part of what runs in a call.
//!
//! Each model holds under the rules that are followed, reaches what it should be able to reach, and fails with the
//! property named when one rule is left out: a model that finds no mistake in wrong rules proves nothing of right ones.
#![forbid(unsafe_code)]

#[cfg(test)]
mod log;
#[cfg(test)]
mod pairwise;

#[cfg(test)]
mod search {
    use std::time::Instant;

    use stateright::{Checker as _, HasDiscoveries, Model};

    /// All properties hold, over all states.
    pub(crate) fn holds<M>(what: &str, model: M)
    where
        M: Model + Send + Sync + 'static,
        M::State: std::fmt::Debug + std::hash::Hash + Send + Sync + Clone + PartialEq,
        M::Action: std::fmt::Debug + Send + Sync + Clone + PartialEq,
    {
        let begun = Instant::now();
        let checker = model.checker().threads(2).spawn_bfs().join();
        println!("{what}: {} states, all hold, {:.1?}", checker.unique_state_count(), begun.elapsed());
        checker.assert_properties();
    }

    /// The property `name` is broken.
    pub(crate) fn breaks<M>(what: &str, name: &'static str, model: M)
    where
        M: Model + Send + Sync + 'static,
        M::State: std::fmt::Debug + std::hash::Hash + Send + Sync + Clone + PartialEq,
        M::Action: std::fmt::Debug + Send + Sync + Clone + PartialEq,
    {
        let begun = Instant::now();
        let stop = HasDiscoveries::AnyOf([name].into());
        let checker = model.checker().threads(2).finish_when(stop).spawn_bfs().join();
        let states = checker.unique_state_count();
        let path = checker.discovery(name).unwrap_or_else(|| panic!("{what}: nothing breaks '{name}'"));
        let steps: Vec<String> = path.into_actions().iter().map(|action| format!("{action:?}")).collect();
        println!(
            "{what}: '{name}' broken by {} ({states} states, {:.1?})",
            steps.join(", "),
            begun.elapsed()
        );
    }
}
