//! LiveKit's format, through [`Sealer`] and [`Opener`] of [`e2ee_core::livekit`].

use e2ee_core::crypto::Provider;
use e2ee_core::livekit::{
    Codec, DataIv, Frame, FrameType, Kdf, KeyBits, Opened, Opener, Options, Sealer, SlotKey,
};
use e2ee_core::{FrameBuf, OpenCause, OpenError, ParticipantId, TrackKind};

use super::{Case, CaseError, FieldError, refuses_flips, same};

/// Material and AES key after so many steps.
pub(super) fn key(case: &Case) -> Result<(), CaseError> {
    let steps = case.number("ratchet_steps")?;
    let (mut key, mut material) = (slot_key(case)?, case.bytes("material")?);
    for _ in 0..steps {
        material = key.expose().to_vec();
        key = key.next();
    }
    same("chain_material", &case.bytes("chain_material")?, &material)?;
    same("aes_key", &case.bytes("aes_key")?, key.expose_aes_key(bits(case)?))
}

/// A frame in both directions; a flipped bit anywhere and a repeat are refused.
pub(super) fn frame(case: &Case, provider: &'static Provider) -> Result<(), CaseError> {
    let (mut sealer, opener, index) = ends(case, provider)?;
    let (plaintext, sealed) = (case.bytes("plaintext")?, case.bytes("sealed")?);
    let word =
        |name| case.number(name).and_then(|n| u32::try_from(n).map_err(|_| FieldError::BadValue(name)));
    let (kind, codec, frame_type) = media(case)?;
    let (ssrc, timestamp) = (Some(word("ssrc")?), word("rtp_timestamp")?);
    let frame = Frame { kind, codec, frame_type, ssrc, timestamp };

    let mut buf = FrameBuf::new();
    buf.fill(&plaintext);
    if plaintext.is_empty() {
        // Nothing to seal.
        same("sealed", &sealed, sealer.seal(&frame, &mut buf).map_err(CaseError::Seal)?)?;
        let opened = opener(index)?.open(&frame, &mut buf).map_err(CaseError::Open)?.bytes().to_vec();
        return same("plaintext", &plaintext, &opened);
    }
    let iv = iv_of(&sealed, codec).ok_or(FieldError::BadLength("sealed", sealed.len()))?;
    same("sealed", &sealed, sealer.hazmat_seal_at(&frame, iv, &mut buf).map_err(CaseError::Seal)?)?;

    // With a counter of its own: another frame, which opens to the same.
    buf.fill(&plaintext);
    let own = sealer.seal(&frame, &mut buf).map_err(CaseError::Seal)?.to_vec();

    let mut opener = opener(index)?;
    let mut open = |sealed: &[u8]| -> Result<Vec<u8>, OpenError> {
        buf.fill(sealed);
        opener.open(&frame, &mut buf).map(|opened| opened.bytes().to_vec())
    };
    refuses_flips("sealed", &sealed, |forged| open(forged).is_ok())?;
    same("plaintext", &plaintext, &open(&sealed).map_err(CaseError::Open)?)?;
    match open(&sealed) {
        Err(OpenError { cause: OpenCause::Replayed { .. }, .. }) => {}
        Err(error) => return Err(CaseError::Open(error)),
        Ok(_) => return Err(CaseError::RepeatOpened),
    }

    same("plaintext", &plaintext, &open(&own).map_err(CaseError::Open)?)
}

/// What becomes of a sequence of frames, genuine and other.
pub(super) fn receive(case: &Case, provider: &'static Provider) -> Result<(), CaseError> {
    let number = |name| -> Result<u16, FieldError> {
        u16::try_from(case.number(name)?).map_err(|_| FieldError::BadValue(name))
    };
    let window =
        u8::try_from(number("ratchet_window")?).map_err(|_| FieldError::BadValue("ratchet_window"))?;
    let options =
        Options { provider, bits: bits(case)?, ring_size: number("ring_size")?, ratchet_window: window };
    let mut opener = Opener::new(options, ParticipantId::new("vector").map_err(|_| CaseError::Refused)?);
    for given in case.list("keys")? {
        let key = SlotKey::derive(kdf(&given)?, &given.bytes("material")?, case.text("salt")?.as_bytes());
        let index = u32::try_from(given.number("index")?).map_err(|_| FieldError::BadValue("index"))?;
        opener.set_key(index, key).map_err(CaseError::Unsupported)?;
    }
    opener.allow_injected(&case.bytes("trailer")?);
    let (kind, codec, frame_type) = media(case)?;
    let info = Frame { kind, codec, frame_type, ssrc: None, timestamp: 0 };
    let mut buf = FrameBuf::new();
    for (at, frame) in case.list("frames")?.iter().enumerate() {
        buf.fill(&frame.bytes("input")?);
        let (got, output) = match opener.open(&info, &mut buf) {
            Ok(opened) => {
                let outcome = match opened {
                    Opened::Media(_) => "media",
                    Opened::Injected(_) => "injected",
                    Opened::Empty => "empty",
                };
                (outcome.to_owned(), Some(opened.bytes().to_vec()))
            }
            Err(error) => (error.cause.code().0.to_string(), None),
        };
        if got != frame.text("outcome")? {
            return Err(CaseError::Outcome { frame: at, got });
        }
        if let (Some(want), Some(output)) = (frame.given_bytes("output")?, output) {
            same("output", &want, &output)?;
        }
    }
    Ok(())
}

/// A data packet in both directions.
pub(super) fn data(case: &Case, provider: &'static Provider) -> Result<(), CaseError> {
    let (mut sealer, opener, index) = ends(case, provider)?;
    let (plaintext, sealed) = (case.bytes("plaintext")?, case.bytes("sealed")?);
    let mut buf = FrameBuf::new();
    buf.fill(&plaintext);
    let at = sealer.hazmat_seal_data_at(case.array("iv")?, &mut buf).map_err(CaseError::Seal)?;
    same("sealed", &sealed, buf.bytes())?;
    let mut opener = opener(index)?;
    let mut open = |at: &DataIv, sealed: &[u8]| {
        buf.fill(sealed);
        opener.open_data(at, &mut buf).map(<[u8]>::to_vec)
    };
    refuses_flips("sealed", &sealed, |forged| open(&at, forged).is_ok())?;
    refuses_flips("iv", &at.iv, |iv| {
        iv.try_into().is_ok_and(|iv| open(&DataIv { iv, index: at.index }, &sealed).is_ok())
    })?;
    same("plaintext", &plaintext, &open(&at, &sealed).map_err(CaseError::Open)?)?;
    if open(&at, &sealed).is_ok() { Err(CaseError::RepeatOpened) } else { Ok(()) }
}

fn media(case: &Case) -> Result<(TrackKind, Codec, FrameType), FieldError> {
    let codec = match case.text("codec")? {
        "opus" => Codec::Audio,
        "vp8" => Codec::Vp8,
        "vp9" => Codec::Vp9,
        "av1" => Codec::Av1,
        "h264" => Codec::H264,
        "h265" => Codec::H265,
        _ => return Err(FieldError::BadValue("codec")),
    };
    let frame_type = match (codec, case.text("frame_type")) {
        (Codec::Audio, _) | (_, Ok("key")) => FrameType::Key,
        (_, Ok("delta")) => FrameType::Delta,
        _ => return Err(FieldError::BadValue("frame_type")),
    };
    let kind = if codec == Codec::Audio { TrackKind::Audio } else { TrackKind::Video };
    Ok((kind, codec, frame_type))
}

type MakeOpener<'a> = Box<dyn Fn(u32) -> Result<Opener, CaseError> + 'a>;

/// A sealer with the key of the case, and what makes an opener with it.
fn ends<'a>(case: &'a Case, provider: &'static Provider) -> Result<(Sealer, MakeOpener<'a>, u32), CaseError> {
    let options = Options { provider, bits: bits(case)?, ring_size: 256, ratchet_window: 0 };
    let who = ParticipantId::new("vector").map_err(|_| CaseError::Refused)?;
    let index = case.number("key_index")?;
    let index = u8::try_from(index).map_err(|_| FieldError::BadValue("key_index"))?;
    let key = stepped(case)?;
    let derived = <[u8; 32]>::try_from(key.expose()).map_err(|_| CaseError::Refused)?;
    let (kdf, salt) = (kdf(case)?, case.text("salt")?.as_bytes());
    let mut sealer = Sealer::new(options, who.clone(), [9; 8]);
    sealer.set_key(u32::from(index), key).map_err(CaseError::Seal)?;
    sealer.select(u32::from(index));
    let opener = move |index| {
        let mut opener = Opener::new(options, who.clone());
        let key = SlotKey::from_derived(kdf, derived, salt);
        opener.set_key(index, key).map_err(CaseError::Unsupported)?;
        Ok(opener)
    };
    Ok((sealer, Box::new(opener), u32::from(index)))
}

fn stepped(case: &Case) -> Result<SlotKey, CaseError> {
    let key = slot_key(case)?;
    Ok((0..case.number("ratchet_steps")?).fold(key, |key, _| key.next()))
}

fn slot_key(case: &Case) -> Result<SlotKey, CaseError> {
    Ok(SlotKey::derive(kdf(case)?, &case.bytes("material")?, case.text("salt")?.as_bytes()))
}

fn kdf(case: &Case) -> Result<Kdf, CaseError> {
    match case.text("kdf")? {
        "hkdf" => Ok(Kdf::Hkdf),
        "pbkdf2" => Ok(Kdf::Pbkdf2),
        _ => Err(FieldError::BadValue("kdf").into()),
    }
}

fn bits(case: &Case) -> Result<KeyBits, CaseError> {
    match case.number("key_bits")? {
        128 => Ok(KeyBits::B128),
        256 => Ok(KeyBits::B256),
        _ => Err(FieldError::BadValue("key_bits").into()),
    }
}

/// The IV of a sealed frame, found from its end and apart from the product: inserted bytes are left out.
fn iv_of(sealed: &[u8], codec: Codec) -> Option<[u8; 12]> {
    let mut bytes = Vec::with_capacity(sealed.len());
    let escaped = matches!(codec, Codec::H264 | Codec::H265);
    for byte in sealed {
        if !(escaped && *byte == 3 && bytes.ends_with(&[0, 0])) {
            bytes.push(*byte);
        }
    }
    let iv = bytes.len().checked_sub(14)?;
    bytes.get(iv..iv + 12)?.try_into().ok()
}
