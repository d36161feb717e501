//! The others: what they announced, the secret they seal under, and the opener that follows from both.

use alloc::vec::Vec;

use e2ee_core::secret::MAX_BASE_KEY_LEN;
use e2ee_core::{Announcement, CallId, CipherSuite, FrameFormat, KidScheme, Opener, ParticipantId};
use e2ee_core::{Profile, Provider, RoomSecret, SecretBytes};

use crate::{Refusable, code};

/// A secret and what follows from it. The bytes stay, to tell when the same one is set again.
pub(crate) struct Secret {
    bytes: SecretBytes,
    pub(crate) room: RoomSecret,
}

impl Secret {
    /// Takes 16 to 256 bytes.
    pub(crate) fn new(bytes: &[u8]) -> Refusable<Self> {
        if bytes.len() < 16 || bytes.len() > MAX_BASE_KEY_LEN {
            return Err(code::BAD_KEY);
        }
        let room = RoomSecret::from_stretched(SecretBytes::copy_of(bytes));
        Ok(Self { bytes: SecretBytes::copy_of(bytes), room })
    }

    /// Both are this page's own, so how long the comparison takes tells nobody anything.
    pub(crate) fn is(&self, bytes: &[u8]) -> bool {
        self.bytes.expose() == bytes
    }
}

/// Announcements kept of one participant. Whoever relays them may make some up, and this bounds what that costs.
const MAX_RUNS: usize = 64;

/// One other participant. Stays when they leave, with an opener for each announcement they ever had: who comes back
/// with an earlier one must find the same replay windows, or a relay could make everybody forget which frames were
/// seen by faking a departure, or another announcement in between.
pub(crate) struct Person {
    pub(crate) who: ParticipantId,
    pub(crate) present: bool,
    pub(crate) announcement: Option<Announcement>,
    /// A secret of their own; without one, the room's.
    pub(crate) secret: Option<Secret>,
    pub(crate) opener: Option<Opener>,
    /// Openers of other announcements under the same secret.
    earlier: Vec<(Announcement, Opener)>,
    /// Grows with every change of keys, so that a cipher key held outside is known to be old.
    pub(crate) epoch: u32,
}

impl Person {
    pub(crate) const fn new(who: ParticipantId) -> Self {
        Self {
            who,
            present: true,
            announcement: None,
            secret: None,
            opener: None,
            earlier: Vec::new(),
            epoch: 0,
        }
    }

    /// The opener, while they are here.
    pub(crate) fn opener(&mut self) -> Option<&mut Opener> {
        if self.present { self.opener.as_mut() } else { None }
    }

    /// Takes an announcement: the opener that it had before, or a new one.
    pub(crate) fn announce(
        &mut self,
        said: Announcement,
        call: &CallId,
        room: Option<&Secret>,
    ) -> Refusable<()> {
        if self.announcement == Some(said) {
            return Ok(());
        }
        let back = self.earlier.iter().position(|(earlier, _)| *earlier == said);
        if back.is_none() && self.earlier.len() >= MAX_RUNS {
            return Err(code::TOO_MANY_ANNOUNCEMENTS);
        }
        let back = back.map(|at| self.earlier.swap_remove(at).1);
        if let (Some(before), Some(opener)) = (self.announcement, self.opener.take()) {
            self.earlier.push((before, opener));
        }
        self.announcement = Some(said);
        self.epoch = self.epoch.wrapping_add(1);
        self.opener = back.or_else(|| self.new_opener(call, room));
        Ok(())
    }

    /// Makes the opener anew under a secret that was not there before.
    pub(crate) fn follow(&mut self, call: &CallId, room: Option<&Secret>) {
        self.epoch = self.epoch.wrapping_add(1);
        self.earlier.clear();
        self.opener = self.new_opener(call, room);
    }

    fn new_opener(&self, call: &CallId, room: Option<&Secret>) -> Option<Opener> {
        let (said, secret) = (self.announcement?, self.secret.as_ref().or(room)?);
        let mut opener = Opener::new(profile(call, said.suite), self.who.clone());
        opener.follow_room(secret.room.sender(call, &self.who, &said.incarnation));
        Some(opener)
    }
}

/// What members of a call agree on; the suite is each sender's own choice, and announced.
pub(crate) fn profile(call: &CallId, suite: CipherSuite) -> Profile {
    Profile {
        provider: Provider::best(),
        suite,
        format: FrameFormat::Frameseal { call: call.clone() },
        scheme: KidScheme::default(),
    }
}
