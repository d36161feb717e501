//! Plans that WebCrypto executes: the core lays out, the worker runs one AEAD call, the core finishes.
//!
//! Only the AEAD key of one KID and one kind of track ever leaves, and base keys never do.

use e2ee_core::{Kid, OpenCause, SecretBytes};

use crate::code;
use crate::lane::{Lane, Plan, PlanStep, failed, pack};
use crate::media::{Media, codec_rule};

impl Media {
    /// Lays out the `len` bytes in the lane: `AAD | plaintext | room for the tag`. The counter is spent.
    pub(crate) fn plan_seal(&mut self, lane: usize, rule: u32, len: usize) -> f64 {
        let Some(Some(lane)) = self.lanes.get_mut(lane) else { return failed(code::INTERNAL) };
        let Some(rule) = codec_rule(rule) else { return failed(code::UNKNOWN_CODEC) };
        let Some(sealer) = self.sealer.as_mut() else { return failed(code::NO_SENDER_KEY) };
        if lane.written(len).is_none() {
            return failed(code::INTERNAL);
        }
        match sealer.plan(&lane.info(rule), &mut lane.buf) {
            Ok(plan) => {
                lane.nonce = plan.nonce;
                lane.plan = Some(Plan { rule, step: PlanStep::Seal(plan), epoch: self.seal_epoch });
                lane.result()
            }
            Err(e) => failed(e.cause.code().0),
        }
    }

    /// Ciphertext and tag were written over plaintext and room: gives the frame to send.
    pub(crate) fn finish_seal(&mut self, lane: usize) -> f64 {
        let Some(Some(lane)) = self.lanes.get_mut(lane) else { return failed(code::INTERNAL) };
        let Some(sealer) = &self.sealer else { return failed(code::NO_SENDER_KEY) };
        let Some(Plan { rule, step: PlanStep::Seal(plan), .. }) = lane.plan.take() else {
            return failed(code::INTERNAL);
        };
        match sealer.finish(&lane.info(rule), &plan, &mut lane.buf) {
            Ok(_) => lane.result(),
            Err(e) => failed(e.cause.code().0),
        }
    }

    /// Finds the parts of the `len` bytes in the lane: `AAD | ciphertext | tag`. Fails as `Stale` for a key that has
    /// not opened a frame before: that frame belongs to [`Media::open`].
    pub(crate) fn plan_open(&mut self, lane: usize, rule: u32, len: usize) -> f64 {
        let Some(Some(lane)) = self.lanes.get_mut(lane) else { return failed(code::INTERNAL) };
        let Some(rule) = codec_rule(rule) else { return failed(code::UNKNOWN_CODEC) };
        let Some(person) = self.people.get_mut(lane.person) else { return failed(OpenCause::Stale.code().0) };
        let epoch = person.epoch;
        // Without a key, `open` says what kind of frame it is.
        let Some(opener) = person.opener() else { return failed(OpenCause::Stale.code().0) };
        // WebCrypto has the GCM suites only, and which suite this is the sender chose.
        if !opener.ring().profile().suite.is_gcm() {
            return failed(OpenCause::Stale.code().0);
        }
        if lane.written(len).is_none() {
            return failed(code::INTERNAL);
        }
        match opener.hazmat_plan(&lane.info(rule), &mut lane.buf) {
            Ok(plan) => {
                lane.nonce = plan.nonce;
                lane.plan = Some(Plan { rule, step: PlanStep::Open(plan), epoch });
                lane.result()
            }
            Err(e) => failed(e.cause.code().0),
        }
    }

    /// WebCrypto found the tag right, and the plaintext stands in place of the ciphertext: gives the opened frame.
    pub(crate) fn accept_open(&mut self, lane: usize) -> f64 {
        let Some(Some(lane)) = self.lanes.get_mut(lane) else { return failed(code::INTERNAL) };
        let Some(Plan { rule, step: PlanStep::Open(plan), epoch }) = lane.plan.take() else {
            return failed(code::INTERNAL);
        };
        let Some(person) = self.people.get_mut(lane.person).filter(|p| p.epoch == epoch) else {
            return failed(OpenCause::Stale.code().0);
        };
        let Some(opener) = person.opener() else { return unknown_key() };
        match opener.hazmat_accept(&lane.info(rule), &plan, &mut lane.buf) {
            Ok(_) => lane.result(),
            Err(e) => failed(e.cause.code().0),
        }
    }

    /// Length of the AAD at the start of the lane's buffer.
    pub(crate) fn plan_aad(&self, lane: usize) -> usize {
        self.planned(lane).map_or(0, |(_, plan)| match plan.step {
            PlanStep::Seal(plan) => plan.aad,
            PlanStep::Open(plan) => plan.aad,
        })
    }

    /// Address of the nonce, 12 bytes. It stays the same as long as the lane.
    pub(crate) fn nonce_at(&self, lane: usize) -> usize {
        self.lanes.get(lane).and_then(Option::as_ref).map_or(0, |lane| lane.nonce.as_ptr() as usize)
    }

    /// KID of the plan's key. Above 2^53 it is rounded: where two KIDs look alike for that, the cipher outside refuses the
    /// other one's frame, and the core opens it. What seals is told apart by the state of the keys.
    pub(crate) fn plan_kid(&self, lane: usize) -> f64 {
        self.planned(lane).map_or(-1.0, |(_, plan)| plan.step.kid().0 as f64)
    }

    /// Which state of the keys the plan was made under: with the KID it names the key.
    pub(crate) fn plan_epoch(&self, lane: usize) -> u32 {
        self.planned(lane).map_or(0, |(_, plan)| plan.epoch)
    }

    /// Lays the plan's AEAD key out for import. Gone with [`Media::drop_key`].
    pub(crate) fn lend_key(&mut self, lane: usize) -> f64 {
        let key = self.plan_key(lane);
        let Some(Some(lane)) = self.lanes.get_mut(lane) else { return failed(code::INTERNAL) };
        lane.key = key;
        lane.key.as_ref().map_or(0.0, |key| pack(key.expose().as_ptr() as usize, key.len()))
    }

    /// Wipes what [`Media::lend_key`] laid out.
    pub(crate) fn drop_key(&mut self, lane: usize) {
        if let Some(Some(lane)) = self.lanes.get_mut(lane) {
            lane.key = None;
        }
    }
}

impl Media {
    fn planned(&self, lane: usize) -> Option<(&Lane, Plan)> {
        let lane = self.lanes.get(lane)?.as_ref()?;
        Some((lane, lane.plan?))
    }

    fn plan_key(&mut self, lane: usize) -> Option<SecretBytes> {
        let (lane, plan) = self.planned(lane)?;
        match plan.step {
            PlanStep::Seal(_) if plan.epoch != self.seal_epoch => None,
            PlanStep::Seal(plan) => {
                let kind = lane.kind;
                let (kid, key) = self.sealer.as_mut()?.hazmat_frame_key(kind).ok()?;
                (kid == plan.kid()).then_some(key)
            }
            PlanStep::Open(open) => {
                let person = self.people.get(lane.person).filter(|p| p.epoch == plan.epoch)?;
                person.opener.as_ref()?.hazmat_frame_key(&open, lane.kind)
            }
        }
    }
}

impl PlanStep {
    fn kid(self) -> Kid {
        match self {
            Self::Seal(plan) => plan.kid(),
            Self::Open(plan) => plan.kid(),
        }
    }
}

fn unknown_key() -> f64 {
    failed(OpenCause::UnknownKey { kid: Kid(0) }.code().0)
}
