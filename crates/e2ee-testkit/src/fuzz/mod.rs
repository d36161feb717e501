//! What the fuzz targets run. `fuzz/` calls these functions with what the engine invents, an ordinary test with the
//! committed seeds.
//!
//! A broken property is a failed assertion; so is, with the engine's sanitizers, any panic below.

mod codec;
mod exchange;
mod frameseal;
mod input;
mod jitsi;
mod livekit;
mod seeds;
mod session;
mod sframe;
mod words;

pub use seeds::seeds;

/// A target: its name and what it runs.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: &[Target] = &[
    ("announcement", words::announcement),
    ("c_abi", ::frameseal::fuzz::media),
    ("c_session", |data| {
        let _opened = ::frameseal::fuzz::session(data);
    }),
    ("codec", codec::codec),
    ("header", words::header),
    ("inspect", words::inspect),
    ("jitsi_exchange", exchange::jitsi_exchange),
    ("log_entry", session::log_entry),
    ("matrixrtc", session::matrixrtc),
    ("open_frameseal", frameseal::open_frameseal),
    ("open_jitsi", jitsi::open_jitsi),
    ("open_livekit", livekit::open_livekit),
    ("open_sframe", sframe::open_sframe),
    ("session_input", session::session_input),
];

/// Runs the target of that name.
///
/// # Panics
/// When a property is broken, or there is no such target.
pub fn run(name: &str, data: &[u8]) {
    let target = TARGETS.iter().find(|(known, _)| *known == name);
    assert!(target.is_some(), "no fuzz target {name}");
    if let Some((_, run)) = target {
        run(data);
    }
}
