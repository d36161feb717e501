//! What a chain can break.

use std::fmt;

/// Why a proof does not make a member known. Nobody is verified by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum X509Error {
    /// The bytes are no proof of this version.
    MalformedProof,
    /// More certificates than [`MAX_CHAIN`](super::MAX_CHAIN), or one or the signature is too long.
    TooLong,
    /// The proof is signed in a way that is not known here.
    Scheme,
    /// The anchor at this place of the policy is no certificate that can be an anchor.
    BadAnchor(usize),
    /// The revocation list at this place of the policy is none that can be read.
    BadRevocationList(usize),
    /// A certificate was revoked.
    Revoked,
    /// The policy has revocation lists, but none for a certificate of this chain that its authority signed.
    NoRevocationList,
    /// The revocation list for a certificate of this chain is past its next update.
    OldRevocationList,
    /// A certificate is not well-formed, or has critical extensions that are not known here.
    BadCertificate,
    /// A name in the certificate holds what must not be shown.
    BadName,
    /// No way leads from the certificate to an anchor: an authority in between is missing, or it is another's.
    UnknownAuthority,
    /// A certificate of the chain is not signed by the authority that it names.
    BadChainSignature,
    /// A certificate is signed by an algorithm, or with a kind or size of key, that is not taken.
    Algorithm,
    /// A certificate's time is past.
    Expired,
    /// A certificate's time is still to come.
    NotYetValid,
    /// An authority is not allowed to vouch for these names.
    NameConstraints,
    /// The member's certificate is an authority's, or the other way round, or the chain is longer than allowed.
    NotAnAuthority,
    /// The certificate is not for the purpose that the policy asks for.
    Purpose,
    /// The certificate's key is not for signatures (`digitalSignature`).
    KeyUsage,
    /// The certificate's key is not of the scheme's kind.
    WrongKeyType,
    /// The certificate's key did not sign this member's key for this room.
    WrongKey,
    /// The chain breaks another rule.
    Chain,
}

impl fmt::Display for X509Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MalformedProof => {
                "not a proof of this version: the member's software is newer, or the bytes are damaged"
            }
            Self::TooLong => {
                "at most 6 certificates of 8192 bytes: send only those between the member and the authority"
            }
            Self::Scheme => "signed in a way that is not known here: the member's software is newer",
            Self::BadAnchor(index) => {
                return write!(f, "anchor {index} of the policy is no authority's certificate in DER");
            }
            Self::BadRevocationList(index) => {
                return write!(
                    f,
                    "revocation list {index} of the policy is none in DER, or of a kind not known here"
                );
            }
            Self::Revoked => "a certificate was revoked: refuse it",
            Self::NoRevocationList => "give a revocation list of every authority that chains go through",
            Self::OldRevocationList => "a revocation list is too old: give a newer one",
            Self::BadCertificate => {
                "a certificate is malformed, or demands extensions that are not known here"
            }
            Self::BadName => "a name in the certificate holds characters that must not be shown: refuse it",
            Self::UnknownAuthority => {
                "no pinned authority: the chain lacks one in between, or another issued it"
            }
            Self::BadChainSignature => {
                "a certificate was not signed by the authority that it names: refuse it"
            }
            Self::Algorithm => {
                "certificates are signed by RSA of 2048 to 8192 bits, P-256, P-384 or Ed25519, with SHA-2"
            }
            Self::Expired => "a certificate has expired: the member must renew it",
            Self::NotYetValid => "a certificate is not valid yet: one of the clocks is wrong",
            Self::NameConstraints => "an authority vouches for names that it is not allowed to: refuse it",
            Self::NotAnAuthority => {
                "the member's certificate is an authority's, or an authority may not issue it"
            }
            Self::Purpose => "the certificate's extended key usage must name client authentication",
            Self::KeyUsage => "the certificate's key usage must include digitalSignature",
            Self::WrongKeyType => "the signature's scheme is not of the certificate's kind of key",
            Self::WrongKey => "the certificate's key did not sign this member's key for this room: refuse it",
            Self::Chain => "the chain of certificates breaks a rule of RFC 5280",
        })
    }
}

impl std::error::Error for X509Error {}

impl From<webpki::Error> for X509Error {
    fn from(error: webpki::Error) -> Self {
        use webpki::Error as E;
        match error {
            E::UnknownIssuer => Self::UnknownAuthority,
            E::CertExpired { .. } => Self::Expired,
            E::CertNotValidYet { .. } => Self::NotYetValid,
            E::InvalidSignatureForPublicKey | E::SignatureAlgorithmMismatch => Self::BadChainSignature,
            E::UnsupportedSignatureAlgorithmContext(_)
            | E::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => Self::Algorithm,
            E::NameConstraintViolation | E::MalformedNameConstraint | E::InvalidNetworkMaskConstraint => {
                Self::NameConstraints
            }
            E::CaUsedAsEndEntity | E::EndEntityUsedAsCa | E::PathLenConstraintViolated => {
                Self::NotAnAuthority
            }
            E::RequiredEkuNotFoundContext(_) | E::EmptyEkuExtension => Self::Purpose,
            E::CertRevoked => Self::Revoked,
            E::CrlExpired { .. } => Self::OldRevocationList,
            E::UnknownRevocationStatus
            | E::IssuerNotCrlSigner
            | E::InvalidCrlSignatureForPublicKey
            | E::UnsupportedCrlSignatureAlgorithmContext(_)
            | E::UnsupportedCrlSignatureAlgorithmForPublicKeyContext(_) => Self::NoRevocationList,
            E::BadDer
            | E::BadDerTime
            | E::ExtensionValueInvalid
            | E::InvalidCertValidity
            | E::InvalidSerialNumber
            | E::MalformedExtensions
            | E::MalformedDnsIdentifier
            | E::TrailingData(_)
            | E::UnsupportedCertVersion
            | E::UnsupportedCriticalExtension => Self::BadCertificate,
            _ => Self::Chain,
        }
    }
}
