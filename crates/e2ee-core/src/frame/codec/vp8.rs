//! VP8 (RFC 6386 section 9.1): the frame tag, and of key frames the start code.
//!
//! The RTP packetizer and receivers tell key frames by bit 0 of the first byte; SFUs that pick simulcast
//! layers also look for the start code `9d 01 2a` in bytes 3 to 5. The picture size behind it may stay inside.

use super::LayoutError;

/// Length of the clear prefix, bytes.
#[inline]
pub(super) fn clear_len(frame: &[u8]) -> Result<usize, LayoutError> {
    let clear = if is_key_frame(frame).ok_or(LayoutError::TooShort)? { KEY_CLEAR } else { DELTA_CLEAR };
    if frame.len() < clear { Err(LayoutError::TooShort) } else { Ok(clear) }
}

/// Bit 0 of the frame tag is 0 in key frames.
#[inline]
pub(super) fn is_key_frame(frame: &[u8]) -> Option<bool> {
    frame.first().map(|tag| tag & 1 == 0)
}

pub(super) const KEY_CLEAR: usize = 6;
const DELTA_CLEAR: usize = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_frames_show_six_bytes_and_delta_frames_one() {
        assert_eq!(clear_len(&[0x10, 2, 0, 0x9d, 1, 0x2a, 0x40]), Ok(6));
        assert_eq!(clear_len(&[0x10, 2, 0, 0x9d, 1, 0x2a]), Ok(6));
        assert_eq!(clear_len(&[0x11]), Ok(1));
        assert_eq!(clear_len(&[0x10, 2, 0, 0x9d, 1]), Err(LayoutError::TooShort));
        assert_eq!(clear_len(&[]), Err(LayoutError::TooShort));
    }
}
