//! Jitsi's format, through [`Sealer`] and [`Opener`] of [`e2ee_core::jitsi`].

use e2ee_core::crypto::Provider;
use e2ee_core::error::SealCause;
use e2ee_core::jitsi::{Frame, FrameType, Opener, Options, Sealer, SlotKey};
use e2ee_core::{FrameBuf, OpenCause, OpenError, ParticipantId};

use super::{Case, CaseError, FieldError, refuses_flips, same};

/// Material and AES key after so many steps.
pub(super) fn key(case: &Case) -> Result<(), CaseError> {
    let key = stepped(case, case.number("ratchet_steps")?)?;
    same("chain_material", &case.bytes("chain_material")?, key.expose_material().unwrap_or_default())?;
    same("aes_key", &case.bytes("aes_key")?, key.expose_aes_key())
}

/// A frame in both directions; a flipped bit anywhere and a repeat are refused. The sender has made the steps, the
/// receiver has not.
pub(super) fn frame(case: &Case, provider: &'static Provider) -> Result<(), CaseError> {
    let (plaintext, sealed) = (case.bytes("plaintext")?, case.bytes("sealed")?);
    let index = narrow(case, "key_index")?;
    let frame = Frame {
        frame_type: frame_type(case)?,
        ssrc: Some(narrow(case, "ssrc")?),
        timestamp: narrow(case, "rtp_timestamp")?,
    };
    let mut sealer = sealer(provider)?;
    sealer.set_key(index, sender_key(case)?).map_err(CaseError::Seal)?;

    let mut buf = FrameBuf::new();
    buf.fill(&plaintext);
    let made = sealer.hazmat_seal_at(&frame, case.array("iv")?, &mut buf).map_err(CaseError::Seal)?;
    same("sealed", &sealed, made)?;
    // With a counter of its own, a tick later: another frame, which opens to the same.
    let next = Frame { timestamp: frame.timestamp.wrapping_add(1), ..frame };
    buf.fill(&plaintext);
    let own = sealer.seal(&next, &mut buf).map_err(CaseError::Seal)?.to_vec();
    let words = own.len().checked_sub(IV_FROM_END).and_then(|at| own.get(at..at + 8));
    let want = [narrow(case, "ssrc")?, next.timestamp].map(u32::to_be_bytes).concat();
    same("SSRC and timestamp", &want, words.unwrap_or_default())?;

    // As far ahead as the sender went: every forgery is tried with every step.
    let steps = if case.given_bytes("aes_key")?.is_some() { 0 } else { narrow(case, "ratchet_steps")? };
    let window = u8::try_from(steps).map_err(|_| FieldError::BadValue("ratchet_steps"))?;
    let mut opener = opener(Options { provider, ratchet_window: window, ..Options::default() })?;
    opener.set_key(index, receiver_key(case)?).map_err(CaseError::Unsupported)?;
    let mut open = |sealed: &[u8]| -> Result<Vec<u8>, OpenError> {
        buf.fill(sealed);
        opener.open(&Frame::received(frame.frame_type), &mut buf).map(<[u8]>::to_vec)
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

/// A frame that has no sealed form.
pub(super) fn refused(case: &Case, provider: &'static Provider) -> Result<(), CaseError> {
    let mut sealer = sealer(provider)?;
    sealer.set_key(narrow(case, "key_index")?, sender_key(case)?).map_err(CaseError::Seal)?;
    let frame = Frame { frame_type: frame_type(case)?, ssrc: Some(1), timestamp: 1 };
    let mut buf = FrameBuf::new();
    buf.fill(&case.bytes("plaintext")?);
    match sealer.seal(&frame, &mut buf).map(<[u8]>::to_vec) {
        Err(error) if matches!(error.cause, SealCause::Layout(_)) && buf.is_empty() => {}
        Err(error) => return Err(CaseError::Seal(error)),
        Ok(got) => {
            return Err(CaseError::Outcome { frame: 0, got: format!("sealed to {} bytes", got.len()) });
        }
    }
    // And the next one is sealed.
    buf.fill(&[0x11; 40]);
    sealer.seal(&frame, &mut buf).map(drop).map_err(CaseError::Seal)
}

/// What becomes of a sequence of frames, genuine and other, and of the keys.
pub(super) fn receive(case: &Case, provider: &'static Provider) -> Result<(), CaseError> {
    let mut opener = opener(Options { provider, ..Options::default() })?;
    for given in case.list("keys")? {
        let key = SlotKey::derive(&given.bytes("material")?);
        opener.set_key(narrow(&given, "index")?, key).map_err(CaseError::Unsupported)?;
    }
    let mut buf = FrameBuf::new();
    for (at, frame) in case.list("frames")?.iter().enumerate() {
        buf.fill(&frame.bytes("input")?);
        let (got, output) = match opener.open(&Frame::received(frame_type(frame)?), &mut buf) {
            Ok(opened) => ("media".to_owned(), Some(opened.to_vec())),
            Err(error) => (error.cause.code().0.to_string(), None),
        };
        if got != frame.text("outcome")? {
            return Err(CaseError::Outcome { frame: at, got });
        }
        if let (Some(want), Some(output)) = (frame.given_bytes("output")?, output) {
            same("output", &want, &output)?;
        }
    }
    for after in case.list("ring_after")? {
        let index = u8::try_from(after.number("index")?).map_err(|_| FieldError::BadValue("index"))?;
        let held = opener.key(index).map(SlotKey::expose_aes_key).unwrap_or_default();
        same("ring_after", &after.bytes("aes_key")?, held)?;
    }
    Ok(())
}

fn sealer(provider: &'static Provider) -> Result<Sealer, CaseError> {
    Ok(Sealer::new(Options { provider, ..Options::default() }, who()?, [9; 8]))
}

fn opener(options: Options) -> Result<Opener, CaseError> {
    Ok(Opener::new(options, who()?))
}

fn who() -> Result<ParticipantId, CaseError> {
    ParticipantId::new("vector").map_err(|_| CaseError::Refused)
}

fn sender_key(case: &Case) -> Result<SlotKey, CaseError> {
    match external(case)? {
        Some(key) => Ok(key),
        None => stepped(case, case.number("ratchet_steps")?),
    }
}

fn receiver_key(case: &Case) -> Result<SlotKey, CaseError> {
    match external(case)? {
        Some(key) => Ok(key),
        None => stepped(case, 0),
    }
}

/// The AES key itself, where the application manages it.
fn external(case: &Case) -> Result<Option<SlotKey>, CaseError> {
    let Some(aes) = case.given_bytes("aes_key")? else { return Ok(None) };
    Ok(Some(SlotKey::external(&aes).map_err(|error| FieldError::BadLength("aes_key", error.len))?))
}

fn stepped(case: &Case, steps: u64) -> Result<SlotKey, CaseError> {
    let first = SlotKey::derive(&case.bytes("material")?);
    (0..steps).try_fold(first, |key, _| key.next()).ok_or(CaseError::Refused)
}

fn narrow(case: &Case, name: &'static str) -> Result<u32, FieldError> {
    u32::try_from(case.number(name)?).map_err(|_| FieldError::BadValue(name))
}

/// Sound has none.
fn frame_type(case: &Case) -> Result<FrameType, FieldError> {
    match case.text("frame_type") {
        Err(FieldError::Missing(_)) => Ok(FrameType::Audio),
        Ok("key") => Ok(FrameType::Key),
        Ok("delta") => Ok(FrameType::Delta),
        Ok(_) => Err(FieldError::BadValue("frame_type")),
        Err(error) => Err(error),
    }
}

/// IV, its length, key index.
const IV_FROM_END: usize = 14;
