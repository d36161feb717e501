//! What Frameseal's tests share: real codec streams.

pub mod streams;
