//! Figures for a support desk: where keys stand, fingerprints, counters. Never a key.

use core::fmt::Write;

use e2ee_core::{KeyAt, TrackKind};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::media::Media;

#[wasm_bindgen]
impl Media {
    /// JSON. Participants stand under their index, as names are the page's to tell.
    pub fn report(&self) -> String {
        let mut out = String::from("{\"sender\":");
        match &self.sealer {
            None => out.push_str("null"),
            Some(sealer) => {
                out.push('{');
                at(&mut out, sealer.key_at(), sealer.fingerprint());
                out.push_str(",\"sealed\":[");
                for (n, kind) in TrackKind::ALL.into_iter().enumerate() {
                    let _ = write!(out, "{}{}", if n > 0 { "," } else { "" }, sealer.sealed(kind));
                }
                out.push_str("]}");
            }
        }
        out.push_str(",\"participants\":[");
        for (n, person) in self.people.iter().enumerate() {
            if n > 0 {
                out.push(',');
            }
            let announced = person.announcement.is_some();
            let _ = write!(out, "{{\"present\":{},\"announced\":{announced}", person.present);
            out.push_str(",\"keys\":[");
            if let Some(opener) = &person.opener {
                for (m, (place, print, proven)) in opener.ring().keys().enumerate() {
                    out.push_str(if m > 0 { ",{" } else { "{" });
                    at(&mut out, place, print);
                    out.push_str(if proven { ",\"proven\":true}" } else { ",\"proven\":false}" });
                }
            }
            out.push(']');
            if let Some(opener) = &person.opener {
                let t = opener.tally();
                let _ = write!(
                    out,
                    ",\"opened\":{},\"repeated\":{},\"noKey\":{},\"rejected\":{},\"malformed\":{}",
                    t.opened, t.repeated, t.no_key, t.rejected, t.malformed
                );
            }
            out.push('}');
        }
        out.push_str("]}");
        out
    }
}

fn at(out: &mut String, at: KeyAt, print: [u8; 4]) {
    let print = u32::from_be_bytes(print);
    let _ = match at {
        KeyAt::Sender(generation, step) => {
            write!(out, "\"generation\":{},\"step\":{},\"fingerprint\":\"{print:08x}\"", generation.0, step.0)
        }
        KeyAt::Mls(epoch, index) => {
            write!(out, "\"epoch\":{},\"index\":{index},\"fingerprint\":\"{print:08x}\"", epoch.0)
        }
    };
}
