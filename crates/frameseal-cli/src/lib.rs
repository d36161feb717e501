//! What the `frameseal` command does, as a library: test vectors and the anatomy of sealed frames.
//!
//! The command itself only reads arguments and prints.

pub mod hex;
pub mod inspect;
pub mod vectors;
