//! Whole sessions over a log and a network that delays, in virtual time; real groups, real keys.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod hostile;
mod people;
mod rules;
mod world;
