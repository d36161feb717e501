//! The kinds of Frameseal's own format: frames, ratchet, room secrets.

use e2ee_core::crypto::Provider;
use e2ee_core::key::ratchet;
use e2ee_core::{
    BaseKey, CallId, CodecRule, Ctr, FrameBuf, FrameFormat, FrameInfo, Generation, KeyAt, KidScheme,
    OpenCause, Opener, Padding, ParticipantId, Profile, RoomSecret, Sealer, SecretBytes, Step, TrackKind,
};

use super::{Case, CaseError, FieldError, refuses_flips, same};
use crate::inspect::rule_name;

/// What all kinds here share.
fn profile(case: &Case, provider: &'static Provider) -> Result<(Profile, ParticipantId), CaseError> {
    let call = CallId::new(case.text("call")?).map_err(|_| FieldError::BadValue("call"))?;
    let who =
        ParticipantId::new(case.text("participant")?).map_err(|_| FieldError::BadValue("participant"))?;
    let bits = u8::try_from(case.number("ratchet_bits")?).ok().filter(|bits| *bits <= 16);
    let ratchet_bits = bits.ok_or(FieldError::BadValue("ratchet_bits"))?;
    let format = FrameFormat::Frameseal { call };
    let scheme = KidScheme::SenderKeys { ratchet_bits };
    Ok((Profile { provider, suite: case.suite()?, format, scheme }, who))
}

pub(super) fn kind_of(case: &Case) -> Result<TrackKind, FieldError> {
    let kind = case.text("kind")?;
    TrackKind::ALL.into_iter().find(|known| known.as_str() == kind).ok_or(FieldError::BadValue("kind"))
}

pub(super) fn rule_of(case: &Case) -> Result<CodecRule, FieldError> {
    let rule = case.text("codec")?;
    CodecRule::ALL.into_iter().find(|known| rule_name(*known) == rule).ok_or(FieldError::BadValue("codec"))
}

fn generation(case: &Case) -> Result<Generation, FieldError> {
    let number = u32::try_from(case.number("generation")?);
    number.map(Generation).map_err(|_| FieldError::BadValue("generation"))
}

fn base_key(case: &Case, name: &'static str) -> Result<BaseKey, FieldError> {
    BaseKey::new(SecretBytes::copy_of(&case.bytes(name)?)).map_err(|_| FieldError::BadValue(name))
}

/// A whole frame in both directions, and its AEAD key where that is given. `opened` differs from `plaintext` where
/// the codec has a canonical spelling.
pub(super) fn frame(case: &Case, provider: &'static Provider) -> Result<(), CaseError> {
    let (profile, who) = profile(case, provider)?;
    let (kind, rule) = (kind_of(case)?, rule_of(case)?);
    let step = u32::try_from(case.number("step")?).map_err(|_| FieldError::BadValue("step"))?;
    let at = KeyAt::Sender(generation(case)?, Step(step));
    let padding = u16::try_from(case.number("padding")?).map_err(|_| FieldError::BadValue("padding"))?;
    let metadata = case.given_bytes("metadata")?.unwrap_or_default();
    let (plaintext, sealed) = (case.bytes("plaintext")?, case.bytes("sealed")?);
    let opened = case.given_bytes("opened")?.unwrap_or_else(|| plaintext.clone());
    let info = FrameInfo { kind, rule, metadata: &metadata };

    let mut sealer = Sealer::hazmat_at(profile.clone(), who.clone(), at, base_key(case, "base_key")?);
    sealer.hazmat_set_ctr(kind, Ctr(case.number("ctr")?)).map_err(CaseError::Seal)?;
    if padding > 0 {
        sealer.set_padding(kind, Padding::MultipleOf(padding));
    }
    let (_, key) = sealer.hazmat_frame_key(kind).map_err(CaseError::Seal)?;
    if let Some(want) = case.given_bytes("sframe_key")? {
        same("sframe_key", &want, key.expose())?;
    }
    let mut buf = FrameBuf::new();
    buf.fill(&plaintext);
    same("sealed", &sealed, sealer.seal(&info, &mut buf).map_err(CaseError::Seal)?)?;

    let mut opener = Opener::new(profile, who);
    opener.install(at, base_key(case, "base_key")?);
    let mut open = |info: &FrameInfo<'_>, sealed: &[u8]| {
        buf.fill(sealed);
        opener.open(info, &mut buf).map(<[u8]>::to_vec)
    };
    refuses_flips("sealed", &sealed, |forged| open(&info, forged).is_ok())?;
    refuses_flips("metadata", &metadata, |forged| {
        open(&FrameInfo { metadata: forged, ..info }, &sealed).is_ok()
    })?;
    for other in TrackKind::ALL.into_iter().filter(|other| *other != kind) {
        if open(&FrameInfo { kind: other, ..info }, &sealed).is_ok() {
            return Err(CaseError::OtherKindOpened);
        }
    }
    same("opened", &opened, &open(&info, &sealed).map_err(CaseError::Open)?)?;
    match open(&info, &sealed).map_err(|error| error.cause) {
        Err(OpenCause::Replayed { .. }) => Ok(()),
        _ => Err(CaseError::RepeatOpened),
    }
}

/// The base key so many steps on.
pub(super) fn ratchet(case: &Case) -> Result<(), CaseError> {
    let steps = u32::try_from(case.number("steps")?).ok().filter(|steps| *steps <= 1 << 16);
    let steps = steps.ok_or(FieldError::BadValue("steps"))?;
    let stepped = ratchet::steps(case.suite()?, &base_key(case, "base_key")?, steps);
    same("stepped", &case.bytes("stepped")?, stepped.expose())
}

/// What a sender makes of a stretched room secret: its announcement, and the base key of a generation.
pub(super) fn room(case: &Case, provider: &'static Provider) -> Result<(), CaseError> {
    let (profile, who) = profile(case, provider)?;
    let secret = RoomSecret::from_stretched(SecretBytes::copy_of(&case.array::<32>("stretched")?));
    let mut sealer = Sealer::from_room(profile, who, &secret, &case.array("entropy")?);
    let said = sealer.announcement().ok_or(CaseError::Refused)?.to_string();
    same("announcement", case.text("announcement")?.as_bytes(), said.as_bytes())?;
    for _ in 0..generation(case)?.0.min(1000) {
        sealer.rotate(&[0; 32]).map_err(CaseError::Seal)?;
    }
    let key = sealer.sender_key().ok_or(CaseError::Refused)?;
    same("base_key", &case.bytes("base_key")?, key.base.expose())
}

/// A room secret as people share it, stretched.
pub(super) fn stretch(case: &Case) -> Result<(), CaseError> {
    let call = CallId::new(case.text("call")?).map_err(|_| FieldError::BadValue("call"))?;
    let stretched = RoomSecret::stretch(case.text("secret")?, &call);
    same("stretched", &case.bytes("stretched")?, stretched.hazmat_expose())
}
