//! Floor 1: ciphers as values (the crate `e2ee-cipher`), and key derivation.

pub mod kdf;

#[cfg(feature = "aws-lc-rs")]
pub use e2ee_cipher::AWS_LC;
#[cfg(feature = "ring")]
pub use e2ee_cipher::RING;
#[cfg(feature = "rustcrypto")]
pub use e2ee_cipher::RUSTCRYPTO;
pub use e2ee_cipher::{Aead, CipherSuite, Hash, MAX_TAG_LEN, MakeAead, NONCE_LEN, Provider};
pub use e2ee_cipher::{Refused, UnknownSuite, Unsupported};

#[cfg(feature = "conformance")]
pub use e2ee_cipher::conformance;
