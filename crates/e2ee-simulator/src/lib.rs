//! Calls in virtual time: real sessions, real keys and frames, and a relay that is the enemy.
//!
//! Nothing sleeps and nothing is random but by the seed: a seed replays a run. The relay delays, drops, reorders, repeats
//! and invents messages, rolls the log back, shows different logs to different members, labels frames with somebody else's
//! name, and brings a guest that nobody invited. After every step it is checked that
//!
//! * no secret, sender index and counter seals twice;
//! * who opens a frame was shown to its sender as a member, and sees the bytes that were sealed, once, under the name of
//!   who sealed them;
//! * nothing is sealed under an epoch with a refused member in it, and under an old epoch only for a moment;
//! * two who know one secret are shown to each other;
//!
//! and at the end, when the relay behaves, that all who are there are in one group, and that nobody opens a recorded frame
//! of an epoch that its sender did not show it in, whatever secrets it ever had.
mod attack;
mod dice;
mod media;
mod oracle;
mod summary;
mod world;

use std::fmt;

pub use summary::Summary;
use world::World;

/// What is put in on purpose, to see that the checks notice it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// A member that was removed is given the secret of the next epoch.
    LeakToRemoved,
    /// A sealer is made anew under the same secret.
    SameSealerTwice,
    /// Who was removed is never taken out of the log.
    KeepWhoIsGone,
    /// Frames are opened under whatever name the relay gives them.
    TrustLabels,
}

/// How many steps are told with a violation.
const TRACE: usize = 40;

/// A promise that was not kept. `{:#}` tells all steps, `{}` the last ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Of which run.
    pub seed: u64,
    /// When, milliseconds of virtual time.
    pub at: u64,
    /// What happened.
    pub what: String,
    /// All steps before.
    pub trace: Vec<String>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = if f.alternate() { self.trace.len() } else { TRACE };
        for line in self.trace.iter().skip(self.trace.len().saturating_sub(told)) {
            writeln!(f, "  {line}")?;
        }
        write!(f, "seed {}, {} ms: {}", self.seed, self.at, self.what)
    }
}

impl std::error::Error for Violation {}

/// Runs one call.
///
/// # Errors
/// The first [`Violation`].
pub fn run(seed: u64, sabotage: Option<Sabotage>) -> Result<Summary, Violation> {
    World::new(seed, sabotage).run()
}
