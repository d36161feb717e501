//! Frameseal core.
