//! Formats that end in `tag 16 | IV 12 | 0c | key index`: LiveKit, Jitsi and their kin.
//!
//! The third word of the IV tells them apart: LiveKit writes the RTP timestamp minus a count below 65 535, Jitsi the
//! count itself.

use super::{Format, InspectError, Part, Reading, bytes_text};

const TAG: usize = 16;
const IV: usize = 12;
const OVERHEAD: usize = TAG + IV + 2;
/// Counts stay below this.
const COUNTS: u32 = 65_535;

/// Reads the trailer. Always a guess: any frame ends so once in 256.
pub(super) fn read(frame: &[u8]) -> Result<Reading, InspectError> {
    let too_short = InspectError::TooShort { have: frame.len(), need: OVERHEAD };
    let body = frame.len().checked_sub(OVERHEAD).ok_or(too_short.clone())?;
    let (trailer, [length, index]) = frame.split_last_chunk::<2>().ok_or(too_short.clone())?;
    if usize::from(*length) != IV {
        return Err(InspectError::NoTrailer { found: *length });
    }
    let (_, iv) = trailer.split_last_chunk::<IV>().ok_or(too_short)?;
    let words = iv.as_chunks::<4>().0.iter().map(|word| u32::from_be_bytes(*word));
    let words: Vec<u32> = words.collect();
    let &[ssrc, timestamp, third] = &*words else { return Err(InspectError::Unknown) };

    let livekit = timestamp.wrapping_sub(third) < COUNTS;
    let jitsi = third < COUNTS;
    let (maker, count) = match (livekit, jitsi) {
        (true, true) => ("LiveKit or Jitsi", None),
        (true, false) => ("LiveKit", Some(timestamp.wrapping_sub(third))),
        (false, true) => ("Jitsi", Some(third)),
        (false, false) => (
            "not to be told: Frameseal in either format fills the word, or emulation prevention stands in the IV",
            None,
        ),
    };
    let count = count.map_or(String::new(), |count| format!(", count {count}"));
    let tag = body + TAG;
    let part = |name, at, what| Part { name, at, what };
    Ok(Reading {
        format: Format::Trailer,
        rule: None,
        // Length byte, key index in a ring of 16, and the relation between the words.
        evidence_bits: Some(8 + if *index < 16 { 4 } else { 0 } + if livekit || jitsi { 16 } else { 0 }),
        key_frame: None,
        header: None,
        key: None,
        overhead: OVERHEAD,
        parts: vec![
            part(
                "body",
                0..body,
                format!(
                    "{}: clear bytes by codec (0, 1, 3, 10 or a slice header), then ciphertext",
                    bytes_text(body)
                ),
            ),
            part("tag", body..tag, bytes_text(TAG)),
            part("iv", tag..tag + IV, format!("SSRC {ssrc:#010x}, RTP timestamp {timestamp}{count}")),
            part("iv length", tag + IV..tag + IV + 1, bytes_text(IV)),
            part("key index", tag + IV + 1..frame.len(), format!("key {index} of the ring")),
        ],
        notes: vec![
            format!("a guess by the shape of the trailer; by the IV its maker is: {maker}"),
            "in H.264 and H.265 frames of LiveKit everything behind the clear bytes has emulation prevention"
                .to_owned(),
        ],
    })
}
