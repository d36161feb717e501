//! The SFrame header (RFC 9605 section 4.3).
//!
//! ```text
//!  0 1 2 3 4 5 6 7
//! +-+-+-+-+-+-+-+-+---------------------------+---------------------------+
//! |X|  K  |Y|  C  |   KID, K+1 bytes if X=1   |   CTR, C+1 bytes if Y=1   |
//! +-+-+-+-+-+-+-+-+---------------------------+---------------------------+
//! ```
//! With X=0 (Y=0) the value 0 to 7 stands in K (C) itself. Encoding is minimal, and decoding accepts nothing else, so
//! that a (KID, CTR) has exactly one spelling.

use crate::id::{Ctr, Kid};

/// Longest header, bytes.
pub const MAX_HEADER_LEN: usize = 17;

/// A header: which key, which nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Key id.
    pub kid: Kid,
    /// Counter.
    pub ctr: Ctr,
}

/// Why bytes are not a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderError {
    /// The frame ends inside the header.
    Truncated,
    /// A value is spelled with more bytes than it needs.
    NotMinimal,
}

/// An encoded header.
#[derive(Clone, Copy)]
pub struct Encoded {
    bytes: [u8; MAX_HEADER_LEN],
    len: usize,
}

impl Encoded {
    /// The header's bytes.
    #[inline]
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

impl Header {
    /// Encodes with the fewest bytes.
    #[inline]
    #[must_use]
    pub fn encode(self) -> Encoded {
        let mut out = Encoded { bytes: [0; MAX_HEADER_LEN], len: 1 };
        let k = put(&mut out, self.kid.0);
        let c = put(&mut out, self.ctr.0);
        if let Some(config) = out.bytes.first_mut() {
            *config = (k << 4) | c;
        }
        out
    }

    /// Decodes the header at the start of `bytes`; also gives its length.
    ///
    /// # Errors
    /// [`HeaderError`] when `bytes` ends too early or a value is not minimal.
    #[inline]
    pub fn decode(bytes: &[u8]) -> Result<(Self, usize), HeaderError> {
        let config = *bytes.first().ok_or(HeaderError::Truncated)?;
        let mut len = 1;
        let kid = take(bytes, &mut len, config >> 4)?;
        let ctr = take(bytes, &mut len, config & 0x0f)?;
        Ok((Self { kid: Kid(kid), ctr: Ctr(ctr) }, len))
    }
}

/// Appends `value` unless it fits the nibble; gives the nibble.
#[inline]
fn put(out: &mut Encoded, value: u64) -> u8 {
    if value < 8 {
        return value as u8;
    }
    let len = 8 - (value.leading_zeros() / 8) as usize;
    let bytes = value.to_be_bytes();
    if let (Some(to), Some(from)) = (out.bytes.get_mut(out.len..out.len + len), bytes.get(8 - len..)) {
        to.copy_from_slice(from);
    }
    out.len += len;
    0x08 | (len as u8 - 1)
}

#[inline]
fn take(bytes: &[u8], at: &mut usize, nibble: u8) -> Result<u64, HeaderError> {
    let low = nibble & 0x07;
    if nibble & 0x08 == 0 {
        return Ok(u64::from(low));
    }
    let end = *at + usize::from(low) + 1;
    let field = bytes.get(*at..end).ok_or(HeaderError::Truncated)?;
    *at = end;
    let value = field.iter().fold(0u64, |v, b| (v << 8) | u64::from(*b));
    let minimal = if low == 0 { value >= 8 } else { value >> (8 * u32::from(low)) != 0 };
    if minimal { Ok(value) } else { Err(HeaderError::NotMinimal) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_pair_survives(kid: u64, ctr: u64, shift_k in 0u32..64, shift_c in 0u32..64, rest: [u8; 3]) {
            let header = Header { kid: Kid(kid >> shift_k), ctr: Ctr(ctr >> shift_c) };
            let encoded = header.encode();
            let mut bytes = encoded.as_bytes().to_vec();
            bytes.extend(rest);
            prop_assert_eq!(Header::decode(&bytes), Ok((header, encoded.as_bytes().len())));
            for cut in 0..encoded.as_bytes().len() {
                prop_assert_eq!(Header::decode(&bytes[..cut]), Err(HeaderError::Truncated));
            }
        }

        #[test]
        fn what_decodes_encodes_to_the_same_bytes(bytes in prop::collection::vec(any::<u8>(), 0..20)) {
            if let Ok((header, len)) = Header::decode(&bytes) {
                let encoded = header.encode();
                prop_assert_eq!(encoded.as_bytes(), &bytes[..len]);
            }
        }
    }

    #[test]
    fn longer_spellings_are_refused() {
        for bytes in
            [&[0x80, 0x07, 0][..], &[0x90, 0x00, 0xff, 0], &[0x08, 0x01], &[0x0f, 0, 1, 2, 3, 4, 5, 6, 7]]
        {
            assert_eq!(Header::decode(bytes), Err(HeaderError::NotMinimal), "{bytes:02x?}");
        }
    }
}
