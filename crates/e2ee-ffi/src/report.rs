//! Reports as JSON: where keys stand, fingerprints, counters. Never a key.
//!
//! ```text
//! sealer  {"participant", "format", "key": key or null, "sealed": {kind: count}}      with slots: {"slot", "sealed"}
//! opener  {"participant", "format", "keys": [key...], "tally"}
//! key     {"generation", "step", "fingerprint"} or {"epoch", "index", "fingerprint"}; of an opener "proven" too
//! tally   {"opened", "repeated", "noKey", "rejected", "malformed"}
//! ```

use core::fmt::Write;

use e2ee_core::frame::Tally;
use e2ee_core::key::ring::Fingerprint;
use e2ee_core::{FrameFormat, KeyAt, ParticipantId, Profile, Sealer, TrackKind};

use crate::follow::Opening;
use crate::media::{Scheme, Sealing};

pub(crate) fn sealer(sealing: &mut Sealing) -> String {
    match sealing {
        Sealing::Sframe(sealer) => own(sealer),
        Sealing::LiveKit(sealer) => slots(sealer.who(), "livekit", sealer.current(), sealer.sealed()),
        Sealing::Jitsi(sealer) => slots(sealer.who(), "jitsi", sealer.current(), sealer.sealed()),
        Sealing::Follows(follower) => {
            let who = follower.who().as_str().to_owned();
            match follower.sealer(TrackKind::Data) {
                Ok(sealer) => own(sealer),
                Err(_) => {
                    let mut out = String::from("{\"participant\":");
                    text(&mut out, &who);
                    out.push_str(",\"key\":null}");
                    out
                }
            }
        }
    }
}

fn slots(who: &ParticipantId, format: &str, slot: u8, sealed: u64) -> String {
    let mut out = String::from("{\"participant\":");
    text(&mut out, who.as_str());
    let _ = write!(out, ",\"format\":\"{format}\",\"slot\":{slot},\"sealed\":{sealed}}}");
    out
}

fn own(sealer: &Sealer) -> String {
    let mut out = String::from("{\"participant\":");
    text(&mut out, sealer.who().as_str());
    let _ = write!(out, ",\"format\":\"{}\",\"key\":{{", format(sealer.profile()));
    key(&mut out, sealer.key_at(), sealer.fingerprint());
    out.push_str("},\"sealed\":{");
    for (n, kind) in TrackKind::ALL.into_iter().enumerate() {
        let comma = if n == 0 { "" } else { "," };
        let _ = write!(out, "{comma}\"{}\":{}", kind.as_str(), sealer.sealed(kind));
    }
    out.push_str("}}");
    out
}

pub(crate) fn opener(opening: &Opening) -> String {
    let mut out = String::from("{\"participant\":");
    text(&mut out, opening.who().as_str());
    let name = match opening.scheme() {
        Scheme::Sframe(profile) => format(profile),
        Scheme::LiveKit(_) => "livekit",
        Scheme::Jitsi(_) => "jitsi",
    };
    let _ = write!(out, ",\"format\":\"{name}\",\"keys\":[");
    let keys = opening.sframe().into_iter().flat_map(|opener| opener.ring().keys());
    for (n, (at, print, proven)) in keys.enumerate() {
        out.push_str(if n == 0 { "{" } else { ",{" });
        key(&mut out, at, print);
        let _ = write!(out, ",\"proven\":{proven}}}");
    }
    let Tally { opened, repeated, no_key, rejected, malformed } = opening.tally();
    let _ = write!(
        out,
        "],\"tally\":{{\"opened\":{opened},\"repeated\":{repeated},\"noKey\":{no_key},\"rejected\":{rejected},\
         \"malformed\":{malformed}}}}}"
    );
    out
}

fn format(profile: &Profile) -> &'static str {
    match profile.format {
        FrameFormat::Sframe => "sframe",
        _ => "frameseal",
    }
}

fn key(out: &mut String, at: KeyAt, print: Fingerprint) {
    let _ = match at {
        KeyAt::Sender(generation, step) => {
            write!(out, "\"generation\":{},\"step\":{}", generation.0, step.0)
        }
        KeyAt::Mls(epoch, index) => write!(out, "\"epoch\":{},\"index\":{index}", epoch.0),
    };
    let _ = write!(out, ",\"fingerprint\":\"{:08x}\"", u32::from_be_bytes(print));
}

/// A text as a JSON string.
pub(crate) fn text(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c < ' ' => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
