//! Making sure by seven emoji, which people compare by voice or by looking at each other's screens.
//!
//! Seven emoji are 42 bits: enough only if nobody can try out values until two sides show the same. So everybody who has a
//! say in them binds itself (commitment) before it learns what the others chose (reveal), and one wrong guess in 2^42 is all
//! that an attacker has per comparison.
//!
//! * [`EmojiRound`]: everybody in a group sees the same emoji.
//! * `PairwiseSas` (feature `olm`): two members, with the messages and order of Matrix.

mod round;
#[cfg(feature = "olm")]
mod sas;
mod table;

use std::fmt;

pub use round::{EmojiRound, MESSAGE_LEN, NONCE_LEN, RoundError};
#[cfg(feature = "olm")]
pub use sas::{Decimals, MemberKeys, PairwiseSas, SasError, Step, TRANSACTION_LEN};

/// One of 64 pictures. Numbers, pictures and English names are those of Matrix.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Emoji(u8);

/// How many are compared.
pub const EMOJI_COUNT: usize = 7;

impl Emoji {
    /// Number 0 to 63; `None` above.
    #[must_use]
    pub fn new(number: u8) -> Option<Self> {
        (number < 64).then_some(Self(number))
    }

    /// The first 42 bits of six bytes, six bits for each, as in Matrix.
    #[must_use]
    pub fn from_bits(bytes: &[u8; 6]) -> [Self; EMOJI_COUNT] {
        let bits = bytes.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        [42, 36, 30, 24, 18, 12, 6].map(|shift| Self((bits >> shift & 63) as u8))
    }

    /// 0 to 63.
    #[must_use]
    pub fn number(self) -> u8 {
        self.0
    }

    /// The picture, one or two characters of Unicode.
    #[must_use]
    pub fn symbol(self) -> &'static str {
        self.row().0
    }

    /// Its name in English.
    #[must_use]
    pub fn english(self) -> &'static str {
        self.row().1
    }

    /// Its name in French.
    #[must_use]
    pub fn french(self) -> &'static str {
        self.row().2
    }

    fn row(self) -> (&'static str, &'static str, &'static str) {
        table::TABLE.get(usize::from(self.0)).copied().unwrap_or_default()
    }
}

impl fmt::Debug for Emoji {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.symbol(), self.english())
    }
}
