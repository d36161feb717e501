//! Pairwise sender keys, member by member: what a newcomer, a leaver, a ghost and a liar get.
#![cfg(feature = "olm")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod hostile;
mod random;
mod scenarios;
mod world;
