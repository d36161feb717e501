//! The IV: `SSRC | RTP timestamp | count`.
//!
//! Clients count modulo 65 535, from a random start, for each SSRC. Receivers use the IV as it stands, so a sealer may
//! fill the whole third word, and does: see [`super::Sealer`].

use super::IV_LEN;
use crate::livekit::iv::Iv;

/// What a script writes as SSRC when the browser tells none.
const ABSENT: u32 = 0;

pub(super) const fn write(ssrc: u32, timestamp: u32, count: u32) -> [u8; IV_LEN] {
    let [a, b, c, d] = ssrc.to_be_bytes();
    let [e, f, g, h] = timestamp.to_be_bytes();
    let [i, j, k, l] = count.to_be_bytes();
    [a, b, c, d, e, f, g, h, i, j, k, l]
}

/// The words, as the replay windows take them.
pub(super) const fn read([a, b, c, d, e, f, g, h, i, j, k, l]: [u8; IV_LEN]) -> Iv {
    let ssrc = match u32::from_be_bytes([a, b, c, d]) {
        // Its tracks share the word, so their timestamps are in no order.
        ABSENT => crate::livekit::window::NO_SSRC,
        ssrc => ssrc,
    };
    Iv { ssrc, timestamp: u32::from_be_bytes([e, f, g, h]), count: u32::from_be_bytes([i, j, k, l]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_iv_reads_as_it_was_written() {
        for (ssrc, timestamp, count) in
            [(1, 0, 0), (0x0102_0304, u32::MAX, 65_534), (u32::MAX - 1, 7, u32::MAX)]
        {
            assert_eq!(read(write(ssrc, timestamp, count)), Iv { ssrc, timestamp, count });
        }
        assert_eq!(read(write(0, 1, 2)).ssrc, u32::MAX);
    }
}
