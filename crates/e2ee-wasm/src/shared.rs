//! One secret for a whole call, set from outside again and again under a small index (lib-jitsi-meet's externally managed
//! key), with nothing announced: a frame's KID alone says which run of which sender made it.
//!
//! ```text
//! KID   |  run (60 random bits)  | index mod 16 |       RFC 9605 section 5.2: the run is the context
//! ```
//! Everybody has the same base key, and nobody seals under it: the frame key is bound to the participant, the kind of track
//! and the whole KID. A run is drawn anew whenever a sealer is made: when a page is loaded, and with every secret that is
//! set, be it the same as before. So a counter begins at 0 under a key that nobody has used, unless one participant drew
//! the same run twice under one secret: 1 in 2^60 for two runs, 1 in 2^41 for some two of a thousand.

use alloc::vec::Vec;

use e2ee_core::{BaseKey, CipherSuite, Epoch, KeyAt, KidScheme, Opener, ParticipantId, Profile, Sealer};
use e2ee_core::{CallId, SecretBytes};

use crate::media::{Media, cipher_suite, person};
use crate::people::profile;
use crate::{Refusable, code};

const INDEX_BITS: u8 = 4;
const SCHEME: KidScheme = KidScheme::Mls { epoch_bits: INDEX_BITS, index_bits: 0 };
const RUN_MASK: u64 = u64::MAX >> INDEX_BITS;
/// Secrets kept at most; one key ring holds as many.
const MAX_LIVE: usize = 8;

#[derive(Default)]
pub(crate) struct Shared {
    /// In the order of setting.
    live: Vec<Live>,
    /// Whose frames are sealed here is known.
    own: bool,
}

struct Live {
    /// Its last bits are the index that frames name; it grows with every secret, here alone.
    epoch: u32,
    suite: CipherSuite,
    secret: SecretBytes,
}

impl Media {
    /// Takes the call's secret under an index, and seals with it from now on. The newest one again changes nothing.
    pub(crate) fn shared_key(
        &mut self,
        index: u32,
        suite: u32,
        secret: &[u8],
        entropy: &[u8],
    ) -> Refusable<u32> {
        let suite = cipher_suite(suite).ok_or(code::UNSUPPORTED_SUITE)?;
        let low = index & !(u32::MAX << INDEX_BITS);
        let newest = self.shared.live.last();
        if newest.is_some_and(|live| {
            live.epoch & !(u32::MAX << INDEX_BITS) == low
                && live.suite == suite
                && live.secret.expose() == secret
        }) {
            return Ok(0);
        }
        if newest.is_some_and(|live| live.suite != suite) {
            // A frame does not say its suite.
            self.shared_clear()?;
        }
        let epoch = match self.shared.live.last() {
            Some(live) => next_with(live.epoch, low).ok_or(code::REFUSED)?,
            None => low,
        };
        let live = Live { epoch, suite, secret: SecretBytes::copy_of(secret) };
        for at in 0..self.people.len() {
            self.open_with(at, &live)?;
        }
        self.shared.live.push(live);
        if self.shared.live.len() > MAX_LIVE {
            self.shared.live.remove(0);
        }
        self.shared_sealer(entropy)
    }

    /// Seals frames of this participant.
    pub(crate) fn shared_self(&mut self, id: &str, entropy: &[u8]) -> Refusable<u32> {
        if self.shared.own && self.me.as_str() == id {
            return Ok(0);
        }
        self.me = ParticipantId::new(id).map_err(|_| code::BAD_OPTION)?;
        self.shared.own = true;
        self.shared_sealer(entropy)
    }

    /// Opens frames of this participant; gives the index for lanes.
    pub(crate) fn shared_member(&mut self, id: &str) -> Refusable<u32> {
        let (at, person) = person(&mut self.people, id)?;
        person.present = true;
        if person.opener.is_none() {
            let live = core::mem::take(&mut self.shared.live);
            let done = live.iter().try_for_each(|live| self.open_with(at, live));
            self.shared.live = live;
            done?;
        }
        Ok(at as u32)
    }

    /// Forgets every secret: nothing is sealed or opened until the next one.
    pub(crate) fn shared_clear(&mut self) -> Refusable<u32> {
        self.shared.live.clear();
        self.sealer = None;
        self.seal_epoch = self.seal_epoch.wrapping_add(1);
        for person in &mut self.people {
            person.opener = None;
            person.epoch = person.epoch.wrapping_add(1);
        }
        Ok(0)
    }

    fn open_with(&mut self, at: usize, live: &Live) -> Refusable<()> {
        let person = self.people.get_mut(at).ok_or(code::UNKNOWN_PARTICIPANT)?;
        let who = person.who.clone();
        let opener =
            person.opener.get_or_insert_with(|| Opener::new(shared_profile(&self.call, live.suite), who));
        opener.install(KeyAt::Mls(Epoch(live.epoch.into()), 0), base_key(&live.secret)?);
        person.epoch = person.epoch.wrapping_add(1);
        Ok(())
    }

    /// A sealer of a run that never was.
    fn shared_sealer(&mut self, entropy: &[u8]) -> Refusable<u32> {
        let (true, Some(live)) = (self.shared.own, self.shared.live.last()) else { return Ok(0) };
        let run = entropy.first_chunk().map(|bytes| u64::from_be_bytes(*bytes)).ok_or(code::BAD_OPTION)?;
        let (profile, me, epoch) = (shared_profile(&self.call, live.suite), self.me.clone(), live.epoch);
        let base = base_key(&live.secret)?;
        // What seals with the secret before must not go on if this fails.
        self.sealer = None;
        self.seal_epoch = self.seal_epoch.wrapping_add(1);
        let made = Sealer::from_epoch(profile, me, Epoch(epoch.into()), 0, run & RUN_MASK, base);
        self.sealer = Some(made.map_err(|error| error.cause.code().0)?);
        self.apply_padding();
        Ok(0)
    }
}

/// The next number after `epoch` whose last bits are `low`.
fn next_with(epoch: u32, low: u32) -> Option<u32> {
    let step = low.wrapping_sub(epoch + 1) & !(u32::MAX << INDEX_BITS);
    epoch.checked_add(1)?.checked_add(step)
}

fn base_key(secret: &SecretBytes) -> Refusable<BaseKey> {
    BaseKey::new(SecretBytes::copy_of(secret.expose())).map_err(|_| code::BAD_KEY)
}

fn shared_profile(call: &CallId, suite: CipherSuite) -> Profile {
    Profile { scheme: SCHEME, ..profile(call, suite) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use std::collections::BTreeSet;

    use super::*;

    const VIDEO: u32 = 1;
    const AUDIO: u32 = 0;
    const OPAQUE: u32 = 1;
    const KEY: [u8; 32] = [7; 32];

    fn run(byte: u8) -> [u8; 32] {
        [byte; 32]
    }

    /// A page of `who` that has the secret; `entropy` tells its runs apart.
    fn page(who: &str, entropy: u8) -> Media {
        let mut media = Media::new("Jitsi", "-", 4).unwrap();
        media.shared_key(0, 4, &KEY, &run(entropy)).unwrap();
        media.shared_self(who, &run(entropy)).unwrap();
        media
    }

    fn pass(media: &mut Media, kind: u32, of: u32, data: &[u8], seals: bool) -> Result<Vec<u8>, u16> {
        let lane = media.lane(kind, of as usize).unwrap() as usize;
        media.reserve(lane, 256);
        media.lanes[lane].as_mut().unwrap().buf.reset(data.len()).copy_from_slice(data);
        let done =
            if seals { media.seal(lane, OPAQUE, data.len()) } else { media.open(lane, OPAQUE, data.len()) };
        let out = media.lanes[lane].as_mut().unwrap().buf.bytes().to_vec();
        media.close(lane);
        if done < 0.0 { Err(-done as u16) } else { Ok(out) }
    }

    fn seal(media: &mut Media, data: &[u8]) -> Vec<u8> {
        pass(media, VIDEO, 0, data, true).unwrap()
    }

    fn open(media: &mut Media, of: u32, data: &[u8]) -> Result<Vec<u8>, u16> {
        pass(media, VIDEO, of, data, false)
    }

    #[test]
    fn frames_open_as_those_of_their_sender_and_of_nobody_else() {
        let (mut ada, mut bob) = (page("ada", 1), page("bob", 2));
        let (of_ada, of_eve) = (bob.shared_member("ada").unwrap(), bob.shared_member("eve").unwrap());
        let frame = seal(&mut ada, b"ada speaks");
        assert_eq!(open(&mut bob, of_eve, &frame), Err(130), "Rejected: a key is bound to its participant");
        assert_eq!(pass(&mut bob, AUDIO, of_ada, &frame, false), Err(130), "and to the kind of track");
        assert_eq!(open(&mut bob, of_ada, &frame).unwrap(), b"ada speaks");
        assert_eq!(open(&mut bob, of_ada, &frame), Err(120), "Replayed");
    }

    #[test]
    fn a_page_that_is_loaded_again_under_the_same_secret_repeats_no_keystream() {
        let mut bob = page("bob", 9);
        let of_ada = bob.shared_member("ada").unwrap();
        let mut seen = BTreeSet::new();
        for load in 1..=20 {
            // The same participant, the same secret, the same index, counters from 0, the same frame.
            let mut ada = page("ada", load);
            for _ in 0..3 {
                let frame = seal(&mut ada, &[0; 64]);
                assert_eq!(open(&mut bob, of_ada, &frame).unwrap(), [0; 64], "load {load}");
                assert!(seen.insert(frame[frame.len() - 80..frame.len() - 16].to_vec()), "load {load}");
            }
        }
    }

    #[test]
    fn a_secret_that_is_set_again_never_brings_a_counter_back() {
        let mut ada = page("ada", 1);
        let first = seal(&mut ada, &[0; 64]);
        ada.shared_key(0, 4, &KEY, &run(2)).unwrap();
        let second = seal(&mut ada, &[0; 64]);
        ada.shared_key(1, 4, &[8; 32], &run(3)).unwrap();
        ada.shared_key(0, 4, &KEY, &run(4)).unwrap();
        let third = seal(&mut ada, &[0; 64]);
        ada.shared_clear().unwrap();
        assert_eq!(pass(&mut ada, VIDEO, 0, b"no key", true), Err(250), "NoSenderKey");
        ada.shared_key(0, 4, &KEY, &run(5)).unwrap();
        let fourth = seal(&mut ada, &[0; 64]);
        let bodies: BTreeSet<_> =
            [first, second, third, fourth].into_iter().map(|f| f[f.len() - 80..].to_vec()).collect();
        assert_eq!(bodies.len(), 4);
    }

    #[test]
    fn the_index_names_the_secret_as_it_counts_up_wraps_or_stays() {
        let (mut ada, mut bob) = (page("ada", 1), page("bob", 2));
        let of_ada = bob.shared_member("ada").unwrap();
        for (turn, index) in [1, 2, 15, 0, 0, 16, 3, 35, 1].into_iter().enumerate() {
            let secret = [turn as u8 + 20; 32];
            let late = seal(&mut ada, b"late");
            // Others may have it first, or last.
            bob.shared_key(index, 4, &secret, &run(40 + turn as u8)).unwrap();
            ada.shared_key(index, 4, &secret, &run(60 + turn as u8)).unwrap();
            let frame = seal(&mut ada, b"now");
            assert_eq!(open(&mut bob, of_ada, &frame).unwrap(), b"now", "turn {turn}");
            let same_slot = [false, false, false, false, true, true, false, true, false][turn];
            assert_eq!(open(&mut bob, of_ada, &late).is_ok(), !same_slot, "turn {turn}");
        }
        assert!(bob.shared.live.len() <= MAX_LIVE);
    }

    #[test]
    fn who_comes_later_has_what_is_there_and_who_has_another_secret_opens_nothing() {
        let mut ada = page("ada", 1);
        ada.shared_key(1, 5, &[9; 32], &run(3)).unwrap();
        let frame = seal(&mut ada, b"strong");
        let mut bob = page("bob", 2);
        let of_ada = bob.shared_member("ada").unwrap();
        assert_eq!(open(&mut bob, of_ada, &frame), Err(110), "UnknownKey");
        bob.shared_key(1, 5, &[9; 32], &run(4)).unwrap();
        assert_eq!(open(&mut bob, of_ada, &frame).unwrap(), b"strong");
        let mut eve = page("eve", 5);
        eve.shared_key(1, 5, &[10; 32], &run(6)).unwrap();
        let of_ada = eve.shared_member("ada").unwrap();
        assert_eq!(open(&mut eve, of_ada, &seal(&mut ada, b"strong")), Err(130));
        bob.shared_clear().unwrap();
        let of_ada = bob.shared_member("ada").unwrap();
        assert_eq!(open(&mut bob, of_ada, &seal(&mut ada, b"gone")), Err(110));
        assert_eq!(bob.shared_key(0, 99, &KEY, &run(1)), Err(220), "UnsupportedSuite");
    }

    #[test]
    fn nothing_is_sealed_before_the_own_name_is_known() {
        let mut media = Media::new("Jitsi", "-", 4).unwrap();
        media.shared_key(0, 4, &KEY, &run(1)).unwrap();
        assert_eq!(pass(&mut media, VIDEO, 0, b"whose", true), Err(250));
        assert_eq!(media.shared_self("", &run(1)), Err(400));
        assert_eq!(pass(&mut media, VIDEO, 0, b"whose", true), Err(250));
        media.shared_self("ada", &run(1)).unwrap();
        let one = seal(&mut media, &[0; 64]);
        media.shared_self("ada", &run(2)).unwrap();
        assert_ne!(one, seal(&mut media, &[0; 64]), "the counter went on");
    }
}
