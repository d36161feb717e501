//! The SFrame cipher suites (RFC 9605 section 4.5, and draft-barnes-sframe-iana-256 for ids 6 to 8).

use core::fmt;

/// An SFrame cipher suite. Its numbers are the registry's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u16)]
#[non_exhaustive]
pub enum CipherSuite {
    /// AES-128-CTR with HMAC-SHA-256, 10-byte tag.
    Aes128CtrHmacSha256_80 = 1,
    /// AES-128-CTR with HMAC-SHA-256, 8-byte tag.
    Aes128CtrHmacSha256_64 = 2,
    /// AES-128-CTR with HMAC-SHA-256, 4-byte tag. A forgery succeeds once in 2^32 tries: audio only, by choice only.
    Aes128CtrHmacSha256_32 = 3,
    /// AES-128-GCM, 16-byte tag. The default.
    Aes128GcmSha256_128 = 4,
    /// AES-256-GCM with SHA-512 for key derivation, 16-byte tag.
    Aes256GcmSha512_128 = 5,
    /// AES-256-CTR with HMAC-SHA-512, 10-byte tag (draft).
    Aes256CtrHmacSha512_80 = 6,
    /// AES-256-CTR with HMAC-SHA-512, 8-byte tag (draft).
    Aes256CtrHmacSha512_64 = 7,
    /// AES-256-CTR with HMAC-SHA-512, 4-byte tag (draft).
    Aes256CtrHmacSha512_32 = 8,
}

/// The hash of a suite, for key derivation and, in the CTR suites, for tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hash {
    /// SHA-256, 32 bytes.
    Sha256,
    /// SHA-512, 64 bytes.
    Sha512,
}

impl Hash {
    /// Output length (`Nh`), bytes.
    #[must_use]
    pub const fn output_len(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

/// No suite has this number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownSuite(pub u16);

impl fmt::Display for UnknownSuite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown SFrame cipher suite {:#06x}", self.0)
    }
}

impl core::error::Error for UnknownSuite {}

impl CipherSuite {
    /// Every suite.
    pub const ALL: [Self; 8] = [
        Self::Aes128CtrHmacSha256_80,
        Self::Aes128CtrHmacSha256_64,
        Self::Aes128CtrHmacSha256_32,
        Self::Aes128GcmSha256_128,
        Self::Aes256GcmSha512_128,
        Self::Aes256CtrHmacSha512_80,
        Self::Aes256CtrHmacSha512_64,
        Self::Aes256CtrHmacSha512_32,
    ];

    /// The registry's number.
    #[must_use]
    pub const fn number(self) -> u16 {
        self as u16
    }

    /// The suite with that number.
    ///
    /// # Errors
    /// [`UnknownSuite`] when there is none.
    pub fn from_number(n: u16) -> Result<Self, UnknownSuite> {
        Self::ALL.into_iter().find(|s| s.number() == n).ok_or(UnknownSuite(n))
    }

    /// The registry's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aes128CtrHmacSha256_80 => "AES_128_CTR_HMAC_SHA256_80",
            Self::Aes128CtrHmacSha256_64 => "AES_128_CTR_HMAC_SHA256_64",
            Self::Aes128CtrHmacSha256_32 => "AES_128_CTR_HMAC_SHA256_32",
            Self::Aes128GcmSha256_128 => "AES_128_GCM_SHA256_128",
            Self::Aes256GcmSha512_128 => "AES_256_GCM_SHA512_128",
            Self::Aes256CtrHmacSha512_80 => "AES_256_CTR_HMAC_SHA512_80",
            Self::Aes256CtrHmacSha512_64 => "AES_256_CTR_HMAC_SHA512_64",
            Self::Aes256CtrHmacSha512_32 => "AES_256_CTR_HMAC_SHA512_32",
        }
    }

    /// Hash of the key schedule.
    #[must_use]
    pub const fn hash(self) -> Hash {
        match self {
            Self::Aes128CtrHmacSha256_80
            | Self::Aes128CtrHmacSha256_64
            | Self::Aes128CtrHmacSha256_32
            | Self::Aes128GcmSha256_128 => Hash::Sha256,
            Self::Aes256GcmSha512_128
            | Self::Aes256CtrHmacSha512_80
            | Self::Aes256CtrHmacSha512_64
            | Self::Aes256CtrHmacSha512_32 => Hash::Sha512,
        }
    }

    /// Key length (`Nk`), bytes: encryption key, and authentication key behind it in the CTR suites.
    #[must_use]
    pub const fn key_len(self) -> usize {
        match self {
            Self::Aes128CtrHmacSha256_80 | Self::Aes128CtrHmacSha256_64 | Self::Aes128CtrHmacSha256_32 => 48,
            Self::Aes128GcmSha256_128 => 16,
            Self::Aes256GcmSha512_128 => 32,
            Self::Aes256CtrHmacSha512_80 | Self::Aes256CtrHmacSha512_64 | Self::Aes256CtrHmacSha512_32 => 96,
        }
    }

    /// Tag length (`Nt`), bytes.
    #[must_use]
    pub const fn tag_len(self) -> usize {
        match self {
            Self::Aes128GcmSha256_128 | Self::Aes256GcmSha512_128 => 16,
            Self::Aes128CtrHmacSha256_80 | Self::Aes256CtrHmacSha512_80 => 10,
            Self::Aes128CtrHmacSha256_64 | Self::Aes256CtrHmacSha512_64 => 8,
            Self::Aes128CtrHmacSha256_32 | Self::Aes256CtrHmacSha512_32 => 4,
        }
    }

    /// True for AES-GCM, which WebCrypto and every backend has as one call.
    #[must_use]
    pub const fn is_gcm(self) -> bool {
        matches!(self, Self::Aes128GcmSha256_128 | Self::Aes256GcmSha512_128)
    }
}

impl fmt::Display for CipherSuite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
