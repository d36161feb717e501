//! Floor 2: which key, which step, which counter was seen. No frame layout here.

pub mod kid;
pub mod ratchet;
pub mod replay;
pub mod ring;
pub mod room;
pub mod schedule;
