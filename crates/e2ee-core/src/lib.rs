//! Frameseal core.
#![forbid(unsafe_code)]
pub mod frame;
