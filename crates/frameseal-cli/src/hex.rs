//! Hexadecimal text.

use core::fmt;

/// Why a text is not hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HexError {
    /// A character that is no digit.
    BadDigit {
        /// Which one, counted in characters from 0.
        at: usize,
        /// The character.
        found: char,
    },
    /// The last digit has no partner.
    OddLength {
        /// How many digits there are.
        digits: usize,
    },
}

impl fmt::Display for HexError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadDigit { at, found } => {
                write!(f, "{found:?} at character {at} is not a hexadecimal digit")
            }
            Self::OddLength { digits } => write!(f, "{digits} hexadecimal digits, an odd number"),
        }
    }
}

impl std::error::Error for HexError {}

/// Decodes digits of either case and nothing else, as vector files have them.
///
/// # Errors
/// [`HexError`] says what stands where.
pub fn decode(text: &str) -> Result<Vec<u8>, HexError> {
    digits_to_bytes(text, |_| false)
}

/// Decodes what people paste: white space, `:`, `-`, `,` between bytes and a leading `0x` do not count.
///
/// # Errors
/// [`HexError`] says what stands where.
pub fn decode_pasted(text: &str) -> Result<Vec<u8>, HexError> {
    let trimmed = text.trim_start();
    let start = text.chars().count() - trimmed.chars().count();
    let (skip, rest) = match trimmed.strip_prefix("0x").or_else(|| trimmed.strip_prefix("0X")) {
        Some(rest) => (start + 2, rest),
        None => (start, trimmed),
    };
    digits_to_bytes(rest, |c| c.is_whitespace() || matches!(c, ':' | '-' | ',')).map_err(
        |error| match error {
            HexError::BadDigit { at, found } => HexError::BadDigit { at: at + skip, found },
            odd @ HexError::OddLength { .. } => odd,
        },
    )
}

/// Two lower-case digits a byte.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn digits_to_bytes(text: &str, ignored: impl Fn(char) -> bool) -> Result<Vec<u8>, HexError> {
    let mut bytes = Vec::with_capacity(text.len() / 2);
    let (mut high, mut digits) = (None, 0);
    for (at, found) in text.chars().enumerate() {
        if ignored(found) {
            continue;
        }
        let digit = found.to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let digit = digit.ok_or(HexError::BadDigit { at, found })?;
        digits += 1;
        high = match high {
            None => Some(digit),
            Some(high) => {
                bytes.push(high << 4 | digit);
                None
            }
        };
    }
    if high.is_some() { Err(HexError::OddLength { digits }) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_paste_is_understood() {
        for text in ["00ffA1", " 0x00ffa1\n", "00:ff:a1", "00 ff\n a1", "00,ff,A1"] {
            assert_eq!(decode_pasted(text), Ok(vec![0, 0xff, 0xa1]), "{text:?}");
        }
        assert_eq!(decode("00ffa1"), Ok(vec![0, 0xff, 0xa1]));
        assert_eq!(encode(&[0, 0xff, 0xa1]), "00ffa1");
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        assert_eq!(decode("00 ff"), Err(HexError::BadDigit { at: 2, found: ' ' }));
        assert_eq!(decode_pasted(" 0x00 fg"), Err(HexError::BadDigit { at: 7, found: 'g' }));
        assert_eq!(decode_pasted("0 0 0"), Err(HexError::OddLength { digits: 3 }));
        assert_eq!(decode_pasted("é0"), Err(HexError::BadDigit { at: 0, found: 'é' }));
    }
}
