//! Keys of an MLS group (RFC 9605 section 5.2) in place of announced ones: who is in which epoch, what opens their
//! frames, what seals the own. Which member speaks for a participant is decided before; here a name has one at a time.

use alloc::vec::Vec;

use e2ee_core::{
    BaseKey, CallId, CipherSuite, Epoch, KeyAt, KidScheme, Opener, Profile, Sealer, SecretBytes,
};

use crate::media::{Media, cipher_suite, person};
use crate::people::profile;
use crate::{Refusable, code};

/// Bits of KIDs: 256 epochs are told apart, and 65536 members. The same in every session.
const SCHEME: KidScheme = KidScheme::Mls { epoch_bits: 8, index_bits: 16 };
/// Epochs kept at most; one key ring holds as many.
const MAX_LIVE: usize = 8;

#[derive(Default)]
pub(crate) struct Epochs {
    /// Oldest first.
    live: Vec<Live>,
    /// The sealer while nothing may be sealed. Made anew, it would repeat counters.
    hushed: Option<Sealer>,
    /// Context and epoch that were sealed with last. Both only grow: no key seals by two sealers.
    last: Option<(u32, u32)>,
}

struct Live {
    epoch: u32,
    suite: CipherSuite,
    secret: SecretBytes,
    /// Participants, by index, and their sender index.
    people: Vec<(usize, u32)>,
}

impl Live {
    fn has(&self, person: usize) -> bool {
        self.people.iter().any(|(other, _)| *other == person)
    }
}

impl Media {
    /// Takes the secret of an epoch and the suite that everybody seals with in it. It must be newer than those that are
    /// kept; the newest one again changes nothing.
    pub(crate) fn open_epoch(&mut self, epoch: u32, suite: u32, secret: &[u8]) -> Refusable<u32> {
        let suite = cipher_suite(suite).ok_or(code::UNSUPPORTED_SUITE)?;
        let live = &mut self.epochs.live;
        match live.last() {
            Some(newest) if newest.epoch == epoch && newest.secret.expose() == secret => return Ok(0),
            Some(newest) if newest.epoch >= epoch => return Err(code::OLD_EPOCH),
            _ => {}
        }
        if live.last().is_some_and(|newest| newest.suite != suite) {
            // A frame does not say its suite. Keys of the other one go with their windows, and are not made again.
            live.clear();
            self.people.iter_mut().for_each(|person| person.opener = None);
        }
        live.push(Live { epoch, suite, secret: SecretBytes::copy_of(secret), people: Vec::new() });
        match live.first().map(|oldest| oldest.epoch) {
            Some(oldest) if live.len() > MAX_LIVE => self.forget_epoch(oldest),
            _ => Ok(0),
        }
    }

    /// Opens frames of participant `id` with the keys of sender `index` in the newest epoch.
    pub(crate) fn member(&mut self, id: &str, index: u32) -> Refusable<u32> {
        let newest = self.epochs.live.last_mut().ok_or(code::BAD_OPTION)?;
        let (at, person) = person(&mut self.people, id)?;
        if newest.has(at) || SCHEME.mls_kid(Epoch(0), index, 0).is_err() {
            return Err(code::BAD_OPTION);
        }
        let base = base_key(&newest.secret)?;
        let who = person.who.clone();
        let opener =
            person.opener.get_or_insert_with(|| Opener::new(mls_profile(&self.call, newest.suite), who));
        opener.install(KeyAt::Mls(Epoch(newest.epoch.into()), index), base);
        newest.people.push((at, index));
        // A KID names an epoch modulo 256, and of one group: with this it names one.
        let group = person.epoch >> 16;
        let group = if person.present { group } else { group.wrapping_add(1) };
        person.epoch = group << 16 | newest.epoch >> 8 & 0xffff;
        person.present = true;
        Ok(at as u32)
    }

    /// Seals with the keys of an epoch that was opened, newer than the one before unless the context is.
    pub(crate) fn seal_with(&mut self, epoch: u32, index: u32, context: u32) -> Refusable<u32> {
        let live = self.epochs.live.iter().find(|live| live.epoch == epoch).ok_or(code::BAD_OPTION)?;
        let (base, suite) = (base_key(&live.secret)?, live.suite);
        // On an error it stays hushed.
        self.hush()?;
        let (at, now) = (Epoch(epoch.into()), (context, epoch));
        let kept = self.epochs.hushed.take_if(|sealer| sealer.key_at() == KeyAt::Mls(at, index));
        let sealer = match (kept, self.epochs.last) {
            (Some(sealer), Some(last)) if last == now => sealer,
            (_, Some(last)) if last >= now => return Err(code::OLD_EPOCH),
            _ => {
                let (profile, me) = (mls_profile(&self.call, suite), self.me.clone());
                let made = Sealer::from_epoch(profile, me, at, index, context.into(), base);
                made.map_err(|error| error.cause.code().0)?
            }
        };
        self.epochs.last = Some(now);
        self.sealer = Some(sealer);
        self.seal_epoch = self.seal_epoch.wrapping_add(1);
        self.apply_padding();
        Ok(0)
    }

    /// Seals nothing until it is told with what.
    pub(crate) fn hush(&mut self) -> Refusable<u32> {
        if let Some(sealer) = self.sealer.take() {
            self.epochs.hushed = Some(sealer);
        }
        self.seal_epoch = self.seal_epoch.wrapping_add(1);
        Ok(0)
    }

    /// Forgets an epoch and those before it. Who is in no epoch any more is not opened.
    pub(crate) fn forget_epoch(&mut self, epoch: u32) -> Refusable<u32> {
        let end = KeyAt::Mls(Epoch(u64::from(epoch) + 1), 0);
        self.epochs.live.retain(|live| live.epoch > epoch);
        for opener in self.people.iter_mut().filter_map(|person| person.opener.as_mut()) {
            opener.forget_before(end);
        }
        self.leave_out();
        match self.sealer.as_ref().map(Sealer::key_at) {
            Some(at) if at < end => self.hush(),
            _ => Ok(0),
        }
    }

    /// Opens nothing any more of who had this sender index before an epoch.
    pub(crate) fn bar(&mut self, before: u32, index: u32) -> Refusable<u32> {
        for live in self.epochs.live.iter_mut().filter(|live| live.epoch < before) {
            for (at, _) in live.people.extract_if(.., |(_, other)| *other == index) {
                if let Some(opener) = self.people.get_mut(at).and_then(|person| person.opener.as_mut()) {
                    opener.forget_before(KeyAt::Mls(Epoch(before.into()), 0));
                }
            }
        }
        self.leave_out();
        Ok(0)
    }

    fn leave_out(&mut self) {
        for (at, person) in self.people.iter_mut().enumerate() {
            person.present = self.epochs.live.iter().any(|live| live.has(at));
        }
    }
}

fn base_key(secret: &SecretBytes) -> Refusable<BaseKey> {
    BaseKey::new(SecretBytes::copy_of(secret.expose())).map_err(|_| code::BAD_KEY)
}

fn mls_profile(call: &CallId, suite: CipherSuite) -> Profile {
    Profile { scheme: SCHEME, ..profile(call, suite) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;

    const AUDIO: u32 = 0;
    const OPAQUE: u32 = 1;

    fn media(who: &str) -> Media {
        Media::new("room", who, 4).unwrap()
    }

    fn put(media: &mut Media, lane: u32, data: &[u8]) {
        media.reserve(lane as usize, 256);
        media.lanes[lane as usize].as_mut().unwrap().buf.reset(data.len()).copy_from_slice(data);
    }

    fn seal(media: &mut Media, data: &[u8]) -> Result<Vec<u8>, u16> {
        let lane = media.lane(AUDIO, 0).unwrap();
        put(media, lane, data);
        let done = media.seal(lane as usize, OPAQUE, data.len());
        let out = media.lanes[lane as usize].as_mut().unwrap().buf.bytes().to_vec();
        if done < 0.0 { Err(-done as u16) } else { Ok(out) }
    }

    fn open(media: &mut Media, of: u32, data: &[u8]) -> Result<Vec<u8>, u16> {
        let lane = media.lane(AUDIO, of as usize).unwrap();
        put(media, lane, data);
        let done = media.open(lane as usize, OPAQUE, data.len());
        let out = media.lanes[lane as usize].as_mut().unwrap().buf.bytes().to_vec();
        if done < 0.0 { Err(-done as u16) } else { Ok(out) }
    }

    /// Ada (0) and Bob (1) in epoch 1, Bob's view of Ada.
    fn pair() -> (Media, Media, u32) {
        let (mut ada, mut bob) = (media("ada"), media("bob"));
        ada.open_epoch(1, 4, &[1; 32]).unwrap();
        ada.seal_with(1, 0, 0).unwrap();
        bob.open_epoch(1, 4, &[1; 32]).unwrap();
        let of_ada = bob.member("ada", 0).unwrap();
        (ada, bob, of_ada)
    }

    #[test]
    fn frames_open_across_a_new_epoch_and_the_old_one_is_forgotten() {
        let (mut ada, mut bob, of_ada) = pair();
        let late = seal(&mut ada, b"late").unwrap();
        let gone = seal(&mut ada, b"gone").unwrap();
        for media in [&mut ada, &mut bob] {
            media.open_epoch(2, 4, &[2; 32]).unwrap();
        }
        assert_eq!(bob.member("ada", 0), Ok(of_ada));
        ada.seal_with(2, 0, 0).unwrap();
        let new = seal(&mut ada, b"new").unwrap();
        assert_eq!(open(&mut bob, of_ada, &new).unwrap(), b"new");
        assert_eq!(open(&mut bob, of_ada, &late).unwrap(), b"late");
        bob.forget_epoch(1).unwrap();
        assert_eq!(open(&mut bob, of_ada, &gone), Err(110), "UnknownKey");
        assert_eq!(open(&mut bob, of_ada, &new), Err(120), "Replayed: windows outlive a forgotten epoch");
    }

    #[test]
    fn a_frame_is_of_the_member_whose_key_sealed_it() {
        let (mut ada, mut bob, of_ada) = pair();
        let of_eve = bob.member("eve", 2).unwrap();
        let frame = seal(&mut ada, b"ada speaks").unwrap();
        assert_eq!(open(&mut bob, of_eve, &frame), Err(110), "the lane of another participant");
        assert_eq!(open(&mut bob, of_ada, &frame).unwrap(), b"ada speaks");
        // Eve has the secret of the epoch, and takes Ada's index under her own name.
        let mut eve = media("eve");
        eve.open_epoch(1, 4, &[1; 32]).unwrap();
        eve.seal_with(1, 0, 0).unwrap();
        let forged = seal(&mut eve, b"eve speaks").unwrap();
        assert!(open(&mut bob, of_eve, &forged).is_err());
        assert_eq!(bob.member("ada", 3), Err(400), "one member speaks for a name");
    }

    #[test]
    fn who_is_in_no_epoch_is_not_opened() {
        let (mut ada, mut bob, of_ada) = pair();
        bob.open_epoch(2, 4, &[2; 32]).unwrap();
        let frame = seal(&mut ada, b"still here").unwrap();
        assert!(open(&mut bob, of_ada, &frame).is_ok(), "the old epoch lingers");
        bob.forget_epoch(1).unwrap();
        let frame = seal(&mut ada, b"gone").unwrap();
        assert_eq!(open(&mut bob, of_ada, &frame), Err(110));
        // And does not come in again with the key of the epoch that it left, nor with one that it never had.
        ada.open_epoch(2, 4, &[7; 32]).unwrap();
        ada.seal_with(2, 0, 0).unwrap();
        let frame = seal(&mut ada, b"guess").unwrap();
        assert_eq!(open(&mut bob, of_ada, &frame), Err(110));
    }

    #[test]
    fn hushed_seals_nothing_and_never_counts_again() {
        let (mut ada, mut bob, of_ada) = pair();
        let first = seal(&mut ada, b"one").unwrap();
        ada.hush().unwrap();
        assert_eq!(seal(&mut ada, b"two"), Err(250), "NoSenderKey");
        ada.seal_with(1, 0, 0).unwrap();
        let third = seal(&mut ada, b"one").unwrap();
        assert_ne!(first, third, "the counter went on");
        assert!(open(&mut bob, of_ada, &first).is_ok() && open(&mut bob, of_ada, &third).is_ok());
        ada.open_epoch(2, 4, &[2; 32]).unwrap();
        ada.seal_with(2, 0, 0).unwrap();
        assert_eq!(ada.seal_with(1, 0, 0), Err(230), "OldEpoch");
        assert_eq!(seal(&mut ada, b"two"), Err(250), "on an error nothing is sealed");
        assert_eq!(ada.open_epoch(1, 4, &[9; 32]), Err(230));
        assert_eq!(ada.seal_with(9, 0, 0), Err(400), "an epoch that is not here");
    }

    #[test]
    fn two_sealers_of_one_member_never_use_one_key() {
        let (mut ada, mut bob, of_ada) = pair();
        let mut again = media("ada");
        again.open_epoch(1, 4, &[1; 32]).unwrap();
        again.seal_with(1, 0, 1).unwrap();
        let (one, two) = (seal(&mut ada, b"same").unwrap(), seal(&mut again, b"same").unwrap());
        assert_ne!(one, two);
        assert!(open(&mut bob, of_ada, &one).is_ok() && open(&mut bob, of_ada, &two).is_ok());
    }

    #[test]
    fn who_was_put_out_is_barred_at_once() {
        let (mut ada, mut bob, of_ada) = pair();
        let of_eve = bob.member("eve", 2).unwrap();
        let mut eve = media("eve");
        eve.open_epoch(1, 4, &[1; 32]).unwrap();
        eve.seal_with(1, 2, 0).unwrap();
        let (one, two) = (seal(&mut eve, b"one").unwrap(), seal(&mut eve, b"two").unwrap());
        assert!(open(&mut bob, of_eve, &one).is_ok());
        bob.open_epoch(2, 4, &[2; 32]).unwrap();
        bob.member("ada", 0).unwrap();
        bob.bar(2, 2).unwrap();
        assert_eq!(open(&mut bob, of_eve, &two), Err(110));
        let late = seal(&mut ada, b"late").unwrap();
        assert!(open(&mut bob, of_ada, &late).is_ok(), "the others' old keys linger");
    }

    #[test]
    fn a_group_begun_anew_is_sealed_under_another_context() {
        let (mut ada, mut bob, of_ada) = pair();
        let first = seal(&mut ada, b"same").unwrap();
        for media in [&mut ada, &mut bob] {
            media.forget_epoch(1).unwrap();
            media.open_epoch(1, 4, &[1; 32]).unwrap();
        }
        assert_eq!(seal(&mut ada, b"same"), Err(250), "what it sealed with is forgotten");
        assert_eq!(ada.seal_with(1, 3, 0), Err(230), "the same context and epoch, another index");
        ada.seal_with(1, 0, 1).unwrap();
        bob.member("ada", 0).unwrap();
        let again = seal(&mut ada, b"same").unwrap();
        assert_ne!(first, again);
        assert!(open(&mut bob, of_ada, &again).is_ok());
        assert_eq!(ada.seal_with(1, 0, 0), Err(230), "a context does not come back");
    }

    #[test]
    fn another_suite_takes_the_place_of_the_one_before() {
        let (mut ada, mut bob, of_ada) = pair();
        for media in [&mut ada, &mut bob] {
            assert_eq!(media.open_epoch(2, 99, &[2; 32]), Err(220), "UnsupportedSuite");
            media.open_epoch(2, 5, &[2; 32]).unwrap();
        }
        bob.member("ada", 0).unwrap();
        assert_eq!(ada.seal_with(1, 0, 0), Err(400), "nobody opens the other suite any more");
        ada.seal_with(2, 0, 0).unwrap();
        let frame = seal(&mut ada, b"strong").unwrap();
        assert_eq!(open(&mut bob, of_ada, &frame).unwrap(), b"strong");
    }

    #[test]
    fn many_epochs_stay_bounded() {
        let (mut ada, mut bob, of_ada) = pair();
        for epoch in 2..600 {
            for media in [&mut ada, &mut bob] {
                media.open_epoch(epoch, 4, &[epoch as u8; 32]).unwrap();
            }
            bob.member("ada", 0).unwrap();
            ada.seal_with(epoch, 0, 0).unwrap();
            let frame = seal(&mut ada, b"on").unwrap();
            assert_eq!(open(&mut bob, of_ada, &frame).unwrap(), b"on");
        }
        assert_eq!(bob.epochs.live.len(), MAX_LIVE);
    }
}
