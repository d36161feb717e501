//! What the runs did, counted.

/// What happened in a run that kept its promises.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// People who joined.
    pub joins: u64,
    /// People who left.
    pub leaves: u64,
    /// Members that somebody put out.
    pub removals: u64,
    /// Entries in the log.
    pub entries: u64,
    /// Frames sealed.
    pub sealed: u64,
    /// Times a frame was opened.
    pub opened: u64,
    /// Frames that came under another name, changed, or again, and were refused.
    pub refused: u64,
    /// Messages of the relay's own.
    pub injected: u64,
    /// Times a log was rolled back, or shown in two versions.
    pub rewritten: u64,
    /// Members that noticed.
    pub noticed: u64,
    /// Recorded frames that were tried with all that somebody knew, in vain.
    pub spied: u64,
    /// Runs with a guest that nobody invited.
    pub ghosts: u64,
}

impl Summary {
    /// Adds another run's.
    pub fn add(&mut self, other: &Self) {
        self.joins += other.joins;
        self.leaves += other.leaves;
        self.removals += other.removals;
        self.entries += other.entries;
        self.sealed += other.sealed;
        self.opened += other.opened;
        self.refused += other.refused;
        self.injected += other.injected;
        self.rewritten += other.rewritten;
        self.noticed += other.noticed;
        self.spied += other.spied;
        self.ghosts += other.ghosts;
    }
}
