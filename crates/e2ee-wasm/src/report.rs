//! Figures for a support desk: where keys stand, fingerprints, counters. Never a key.
//!
//! An array of doubles, which the worker names:
//! ```text
//! report       sender, participants (count), participant...
//! sender       known (0 or 1), key, sealed of each of the 5 kinds
//! key          generation, step, fingerprint (32 bits)
//! participant  present (0 or 1), announced (0 or 1), opened, repeated, no key, rejected, malformed,
//!              keys (count), { key, proven (0 or 1) }...
//! ```

use alloc::vec::Vec;

use e2ee_core::frame::Tally;
use e2ee_core::{KeyAt, TrackKind};

use crate::media::Media;

impl Media {
    pub(crate) fn report(&self, out: &mut Vec<f64>) {
        match &self.sealer {
            Some(sealer) => {
                out.push(1.0);
                key(out, sealer.key_at(), sealer.fingerprint());
                out.extend(TrackKind::ALL.into_iter().map(|kind| sealer.sealed(kind) as f64));
            }
            None => out.extend([0.0; 4 + TrackKind::COUNT]),
        }
        out.push(self.people.len() as f64);
        for person in &self.people {
            out.push(f64::from(person.present));
            out.push(f64::from(person.announcement.is_some()));
            let tally = person.opener.as_ref().map_or_else(Tally::default, |opener| opener.tally());
            let Tally { opened, repeated, no_key, rejected, malformed } = tally;
            out.extend([opened, repeated, no_key, rejected, malformed].map(|n| n as f64));
            let count = out.len();
            out.push(0.0);
            for (at, print, proven) in person.opener.iter().flat_map(|opener| opener.ring().keys()) {
                key(out, at, print);
                out.push(f64::from(proven));
                if let Some(count) = out.get_mut(count) {
                    *count += 1.0;
                }
            }
        }
    }
}

fn key(out: &mut Vec<f64>, at: KeyAt, print: [u8; 4]) {
    let (generation, step) = match at {
        KeyAt::Sender(generation, step) => (f64::from(generation.0), f64::from(step.0)),
        KeyAt::Mls(epoch, index) => (epoch.0 as f64, f64::from(index)),
    };
    out.extend([generation, step, f64::from(u32::from_be_bytes(print))]);
}
