//! What Frameseal's tests share: test vectors, real codec streams, a simulated meeting, what fuzzing runs.

pub mod fuzz;
pub mod meeting;
pub mod streams;

// The loader and the checks belong to the command, which is published; this crate is not.
pub use frameseal_cli::vectors;
