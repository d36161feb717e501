//! One person's end of the media: a sealer, an opener for each participant, and every secret it ever had.
use std::collections::{BTreeMap, BTreeSet};

use e2ee_core::{
    BaseKey, CallId, CipherSuite, CodecRule, Epoch, FrameBuf, FrameFormat, FrameInfo, KeyAt, KidScheme,
    ParticipantId, Profile, Provider, Sealer, SecretBytes, TrackKind,
};
use e2ee_core::{Opener, frame::header::Header};
use e2ee_session::mls::{Member, Trust};

const AUDIO: FrameInfo<'static> = FrameInfo::track(TrackKind::Audio, CodecRule::Opaque);

/// An epoch as one person saw it.
#[derive(Clone)]
pub(crate) struct Seen {
    pub(crate) epoch: u64,
    pub(crate) secret: Vec<u8>,
    /// Keys of those who were shown to be in it.
    pub(crate) roster: BTreeSet<Vec<u8>>,
    /// Somebody in it was refused.
    pub(crate) refused: bool,
}

/// See the file's comment.
#[derive(Default)]
pub(crate) struct Media {
    participant: String,
    sealer: Option<Sealer>,
    /// Who speaks for a participant: the first that was there.
    owners: BTreeMap<String, Vec<u8>>,
    openers: BTreeMap<String, Opener>,
    pub(crate) seen: Vec<Seen>,
    pub(crate) sealing: Option<u64>,
    index: u32,
}

/// A frame as it went out.
#[derive(Clone)]
pub(crate) struct Frame {
    pub(crate) number: usize,
    pub(crate) by: usize,
    pub(crate) participant: String,
    pub(crate) epoch: u64,
    pub(crate) secret: Vec<u8>,
    /// Keys of those whom its sender was shown.
    pub(crate) roster: BTreeSet<Vec<u8>>,
    pub(crate) wire: Vec<u8>,
    /// What no two frames may share: secret, sender index and epoch in the KID, and counter.
    pub(crate) nonce: (Vec<u8>, u64, u64),
}

pub(crate) fn text(number: usize) -> Vec<u8> {
    format!("frame {number} of somebody who talks").into_bytes()
}

fn profile() -> Option<Profile> {
    Some(Profile {
        provider: Provider::best(),
        suite: CipherSuite::Aes128GcmSha256_128,
        format: FrameFormat::Frameseal { call: CallId::new("simulated").ok()? },
        scheme: KidScheme::Mls { epoch_bits: 8, index_bits: 16 },
    })
}

fn base_key(secret: &[u8]) -> Option<BaseKey> {
    BaseKey::new(SecretBytes::copy_of(secret)).ok()
}

impl Media {
    pub(crate) fn new(participant: &str) -> Self {
        Self { participant: participant.to_owned(), ..Self::default() }
    }

    pub(crate) fn open_epoch(&mut self, epoch: Epoch, secret: &BaseKey, members: &[Member]) {
        let inside: BTreeSet<Vec<u8>> = members.iter().map(|member| member.identity.key.clone()).collect();
        self.owners.retain(|_, key| inside.contains(key));
        for Member { index, identity, trust } in members {
            let owner =
                self.owners.entry(identity.participant.clone()).or_insert_with(|| identity.key.clone());
            if *trust == Trust::Refused || *owner != identity.key {
                continue;
            }
            let (Some(profile), Ok(who)) = (profile(), ParticipantId::new(&identity.participant)) else {
                continue;
            };
            let opener =
                self.openers.entry(identity.participant.clone()).or_insert_with(|| Opener::new(profile, who));
            if let Some(base) = base_key(secret.expose()) {
                opener.install(KeyAt::Mls(epoch, *index), base);
            }
        }
        self.seen.push(Seen {
            epoch: epoch.0,
            secret: secret.expose().to_vec(),
            roster: inside,
            refused: members.iter().any(|member| member.trust == Trust::Refused),
        });
    }

    pub(crate) fn seal_with(&mut self, epoch: Epoch, index: u32) -> bool {
        let Some(seen) = self.seen.iter().rev().find(|seen| seen.epoch == epoch.0) else { return false };
        let made = profile().zip(ParticipantId::new(&self.participant).ok()).zip(base_key(&seen.secret));
        let Some(((profile, who), base)) = made else { return false };
        self.sealer = Sealer::from_epoch(profile, who, epoch, index, 0, base).ok();
        (self.sealing, self.index) = (Some(epoch.0), index);
        self.sealer.is_some()
    }

    /// The mistake that repeats counters.
    pub(crate) fn seal_anew(&mut self) {
        if let Some(epoch) = self.sealing {
            self.seal_with(Epoch(epoch), self.index);
        }
    }

    pub(crate) fn hush(&mut self) {
        (self.sealer, self.sealing) = (None, None);
    }

    /// A new beginning, after the user wanted in again: nothing of before is opened or sealed with.
    pub(crate) fn reset(&mut self) {
        self.hush();
        self.owners.clear();
        self.openers.clear();
    }

    pub(crate) fn forget(&mut self, epoch: Epoch) {
        for opener in self.openers.values_mut() {
            opener.forget_before(KeyAt::Mls(Epoch(epoch.0 + 1), 0));
        }
    }

    pub(crate) fn seal(&mut self, by: usize, number: usize) -> Option<Frame> {
        let sealer = self.sealer.as_mut()?;
        let epoch = self.sealing?;
        let seen = self.seen.iter().rev().find(|seen| seen.epoch == epoch)?;
        let mut buf = FrameBuf::new();
        buf.fill(&text(number));
        let wire = sealer.seal(&AUDIO, &mut buf).ok()?.to_vec();
        let (header, _) = Header::decode(wire.get(1..)?).ok()?;
        Some(Frame {
            number,
            by,
            participant: self.participant.clone(),
            epoch,
            nonce: (seen.secret.clone(), header.kid.0, header.ctr.0),
            secret: seen.secret.clone(),
            roster: seen.roster.clone(),
            wire,
        })
    }

    /// What a receiver that takes `wire` for a frame of `participant` shows.
    pub(crate) fn open(&mut self, participant: &str, wire: &[u8]) -> Option<Vec<u8>> {
        let mut buf = FrameBuf::new();
        buf.fill(wire);
        self.openers.get_mut(participant)?.open(&AUDIO, &mut buf).ok().map(<[u8]>::to_vec)
    }

    /// Tries a recorded frame with every secret that this person ever had.
    pub(crate) fn spy(&self, frame: &Frame) -> bool {
        let index = u32::try_from(frame.nonce.1 >> 8).unwrap_or(u32::MAX);
        self.seen.iter().any(|seen| {
            let made = profile().zip(ParticipantId::new(&frame.participant).ok()).zip(base_key(&seen.secret));
            let Some(((profile, who), base)) = made else { return false };
            let mut opener = Opener::new(profile, who);
            opener.install(KeyAt::Mls(Epoch(frame.epoch), index), base);
            let mut buf = FrameBuf::new();
            buf.fill(&frame.wire);
            opener.open(&AUDIO, &mut buf).is_ok()
        })
    }
}
