//! One door to all ways of being known: a member's proof in, who it is out.
//!
//! A proof of any kind: `kind (1) | proof of that kind`, kind 1 being OpenID Connect, 2 X.509, and 3 an identity that outlives calls
//! ([`super::kept`]) with a proof of another kind within, if there is one. No bytes at all: the member shows nothing, and is
//! nobody's but its own word.

use std::fmt;

use e2ee_core::Millis;

use super::kept::{self, KeptError};
#[cfg(feature = "oidc")]
use super::oidc::{OidcError, OidcPolicy};
#[cfg(feature = "x509")]
use super::x509::{X509Error, X509Policy};

const OIDC: u8 = 1;
const X509: u8 = 2;
const KEPT: u8 = 3;

/// Who a member is, by the word of somebody whom the application pinned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// How.
    pub by: By,
    /// Who vouches, to be shown with the name: the issuer, or the authority's name.
    pub voucher: String,
    /// The same for the same person in every call, and for nobody else: for OpenID Connect issuer, a space, and subject; for
    /// X.509 the SHA-256 of the certificate in hexadecimal, the same as long as the certificate is.
    pub id: String,
    /// To be shown: a name, or what comes nearest to one. Fit for a line of text, at most 128 characters and an ellipsis.
    pub name: String,
    /// An e-mail address that the voucher says it checked.
    pub email: Option<String>,
    /// Until when the proof counts, where it says so.
    pub until: Option<Millis>,
}

/// A way of being known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum By {
    /// An ID token of an OpenID Connect provider.
    Oidc,
    /// A chain of X.509 certificates.
    X509,
}

/// Why a proof does not make a member known.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdentityError {
    /// A kind of proof that is not known here, or that the policy does not take.
    NotTaken(u8),
    /// The fault of the identity that outlives calls.
    Kept(KeptError),
    /// The ID token's fault.
    #[cfg(feature = "oidc")]
    Oidc(OidcError),
    /// The certificates' fault.
    #[cfg(feature = "x509")]
    X509(X509Error),
}

impl fmt::Display for IdentityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotTaken(OIDC) => f.write_str("an ID token, but no provider is pinned"),
            Self::NotTaken(X509) => f.write_str("certificates, but no authority is pinned"),
            Self::NotTaken(kind) => write!(f, "a proof of kind {kind}, which is not known here"),
            Self::Kept(error) => error.fmt(f),
            #[cfg(feature = "oidc")]
            Self::Oidc(error) => error.fmt(f),
            #[cfg(feature = "x509")]
            Self::X509(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for IdentityError {}

/// Whose word an application takes.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct IdentityPolicy {
    /// OpenID Connect providers.
    #[cfg(feature = "oidc")]
    pub oidc: Option<OidcPolicy>,
    /// X.509 authorities.
    #[cfg(feature = "x509")]
    pub x509: Option<X509Policy>,
}

/// The bytes of a proof by OpenID Connect ([`super::oidc::Proof::to_bytes`]) as a proof of any kind.
#[cfg(feature = "oidc")]
#[must_use]
pub fn oidc_proof(proof: &[u8]) -> Vec<u8> {
    [&[OIDC], proof].concat()
}

/// The bytes of a proof by X.509 ([`super::x509::Proof::to_bytes`]) as a proof of any kind.
#[cfg(feature = "x509")]
#[must_use]
pub fn x509_proof(proof: &[u8]) -> Vec<u8> {
    [&[X509], proof].concat()
}

/// The bytes of a proof by an identity that outlives calls ([`super::store::Record::prove`]) as a proof of any kind.
#[must_use]
pub fn kept_proof(proof: &[u8]) -> Vec<u8> {
    [&[KEPT], proof].concat()
}

/// The identity that outlives calls of a member with this signature key, and the further proof that it shows; `None` and the proof
/// itself if it shows no such identity.
///
/// # Errors
///
/// [`IdentityError::Kept`]: it shows one that is not its own.
pub fn kept<'a>(
    proof: &'a [u8],
    signature_key: &[u8; 32],
) -> Result<(Option<[u8; kept::KEY_LEN]>, &'a [u8]), IdentityError> {
    let Some((&KEPT, shown)) = proof.split_first() else { return Ok((None, proof)) };
    let shown = kept::Proof::from_bytes(shown).map_err(IdentityError::Kept)?;
    shown.verify(signature_key).map_err(IdentityError::Kept)?;
    match shown.further.first() {
        Some(&KEPT) => Err(IdentityError::Kept(KeptError::Nested)),
        _ => Ok((Some(shown.key), shown.further)),
    }
}

impl IdentityPolicy {
    /// Who a member with this signature key is, in this room, at this time since 1970; `None` if it shows no proof, or none beside
    /// an identity that outlives calls: nobody vouches for that.
    ///
    /// # Errors
    ///
    /// It shows a proof that does not hold. Such a member is no more than unverified; better is to refuse it, as it claims
    /// what is not so.
    pub fn verify(
        &self,
        proof: &[u8],
        signature_key: &[u8; 32],
        room: &[u8],
        now: Millis,
    ) -> Result<Option<Known>, IdentityError> {
        let (_, proof) = kept(proof, signature_key)?;
        let Some((kind, proof)) = proof.split_first() else { return Ok(None) };
        #[cfg(feature = "oidc")]
        if let (OIDC, Some(policy)) = (*kind, &self.oidc) {
            return Ok(Some(policy.verify(proof, signature_key, now).map_err(IdentityError::Oidc)?.into()));
        }
        #[cfg(feature = "x509")]
        if let (X509, Some(policy)) = (*kind, &self.x509) {
            return Ok(Some(
                policy.verify(proof, signature_key, room, now).map_err(IdentityError::X509)?.into(),
            ));
        }
        let _ = (proof, signature_key, room, now);
        Err(IdentityError::NotTaken(*kind))
    }
}

#[cfg(feature = "oidc")]
impl From<super::oidc::Claims> for Known {
    fn from(claims: super::oidc::Claims) -> Self {
        let email = claims.email.filter(|_| claims.email_verified);
        // A subject holds nothing that misleads, but may be long.
        let subject = || super::text::shown(&claims.subject);
        let name =
            claims.name.or(claims.preferred_username).or_else(|| email.clone()).unwrap_or_else(subject);
        Self {
            by: By::Oidc,
            id: format!("{} {}", claims.issuer, claims.subject),
            voucher: claims.issuer,
            name,
            email,
            until: Some(claims.until),
        }
    }
}

#[cfg(feature = "x509")]
impl From<super::x509::Claims> for Known {
    fn from(claims: super::x509::Claims) -> Self {
        let id: String = claims.fingerprint.iter().map(|byte| format!("{byte:02x}")).collect();
        let email = claims.emails.into_iter().next();
        let name =
            claims.common_name.or_else(|| email.clone()).or_else(|| claims.dns_names.into_iter().next());
        let short = || id.chars().take(16).collect();
        Self {
            by: By::X509,
            voucher: claims.authority.unwrap_or_default(),
            name: name.as_deref().map_or_else(short, super::text::shown),
            email,
            until: None,
            id,
        }
    }
}
