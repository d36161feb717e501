use std::fmt;

use vodozemac::olm::{DecryptionError, SessionCreationError};
use vodozemac::{DecodeError, LibolmPickleError};
use wasm_bindgen::JsValue;

/// Why something was refused; [`fmt::Display`] gives libolm's name of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OlmError {
    /// A text that is no base64, or a key of another length.
    InvalidBase64,
    /// A message of another version of Olm.
    BadMessageVersion,
    /// Bytes that are no message.
    BadMessageFormat,
    /// A message or signature that does not authenticate, or a message that came before.
    BadMessageMac,
    /// A pre-key message for a one-time key that is not there (any more), or by somebody else than expected.
    BadMessageKeyId,
    /// A key that nothing can be agreed with (a point of small order).
    BadSessionKey,
    /// A pickle that does not open with this key.
    BadAccountKey,
    /// A pickle of another version.
    UnknownPickleVersion,
    /// A pickle that opens, but holds something else.
    CorruptedPickle,
    /// A key of the other side that is too short.
    InputTooShort,
    /// The other side's key is awaited.
    TheirKeyNotSet,
    /// The other side's key is there: another one is not taken. libolm would.
    TheirKeyAlreadySet,
    /// More bytes than can be derived.
    OutputTooLong,
}

impl OlmError {
    /// libolm's name of it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::InvalidBase64 => "INVALID_BASE64",
            Self::BadMessageVersion => "BAD_MESSAGE_VERSION",
            Self::BadMessageFormat => "BAD_MESSAGE_FORMAT",
            Self::BadMessageMac => "BAD_MESSAGE_MAC",
            Self::BadMessageKeyId => "BAD_MESSAGE_KEY_ID",
            Self::BadSessionKey => "BAD_SESSION_KEY",
            Self::BadAccountKey => "BAD_ACCOUNT_KEY",
            Self::UnknownPickleVersion => "UNKNOWN_PICKLE_VERSION",
            Self::CorruptedPickle => "CORRUPTED_PICKLE",
            Self::InputTooShort => "OLM_INPUT_BUFFER_TOO_SMALL",
            Self::TheirKeyNotSet => "OLM_SAS_THEIR_KEY_NOT_SET",
            Self::TheirKeyAlreadySet => "OLM_SAS_THEIR_KEY_ALREADY_SET",
            Self::OutputTooLong => "OUTPUT_BUFFER_TOO_SMALL",
        }
    }
}

impl fmt::Display for OlmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl std::error::Error for OlmError {}

impl From<OlmError> for JsValue {
    fn from(error: OlmError) -> Self {
        Self::from_str(error.name())
    }
}

pub(crate) fn of_decoding(error: &DecodeError) -> OlmError {
    match error {
        DecodeError::InvalidVersion(..) => OlmError::BadMessageVersion,
        DecodeError::Base64(_) => OlmError::InvalidBase64,
        _ => OlmError::BadMessageFormat,
    }
}

/// libolm tells none of these apart.
pub(crate) const fn of_decryption(_: &DecryptionError) -> OlmError {
    OlmError::BadMessageMac
}

pub(crate) const fn of_creation(error: &SessionCreationError) -> OlmError {
    match error {
        SessionCreationError::Decryption(error) => of_decryption(error),
        SessionCreationError::MismatchedSessionConfig { .. } => OlmError::BadMessageVersion,
        SessionCreationError::NonContributoryKey => OlmError::BadSessionKey,
        _ => OlmError::BadMessageKeyId,
    }
}

pub(crate) const fn of_pickle(error: &LibolmPickleError) -> OlmError {
    match error {
        // libolm finds no difference between a wrong key and a text that is no pickle.
        LibolmPickleError::Base64(_) | LibolmPickleError::Decryption(_) => OlmError::BadAccountKey,
        LibolmPickleError::Version(..) => OlmError::UnknownPickleVersion,
        _ => OlmError::CorruptedPickle,
    }
}
