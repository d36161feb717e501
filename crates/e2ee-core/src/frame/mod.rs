//! Floor 3, the media wing: one frame in, one sealed or opened frame out, in place.

pub mod buf;
pub mod codec;
