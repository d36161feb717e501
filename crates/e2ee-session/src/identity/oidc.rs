//! An OpenID Connect ID token as credential: the identity provider vouches for the member's signature key.
//!
//! The member draws 16 bytes of salt and puts [`nonce`] of its key and that salt into its login request. The provider
//! copies the nonce into the ID token and signs it. [`Proof`] carries both in the member's credential, and every other
//! member checks by itself, against keys that its application pinned: the token is from that provider, for this
//! application, fresh, and made for exactly this signature key. Whoever relays the call can neither make such a token nor
//! use one with another key. Who runs the provider can: show the issuer.
//!
//! Sources: OpenID Connect Core 1.0 sections 2, 3.1.3.7 and 10.1; RFC 7515 (JWS), RFC 7519 (JWT), RFC 8725 (what goes wrong
//! with them).

use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use e2ee_core::Millis;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::json::{Json, JsonError};
use super::jwk::NoKey;
pub use super::jwk::{Algorithm, KeySet, KeySetError, MAX_KEY_SET_LEN, MAX_KEYS};
use super::text::shown;
use crate::names::misleads;

/// Bytes of a member's signature key (Ed25519).
pub const SIGNATURE_KEY_LEN: usize = 32;
/// Bytes of salt in a nonce, drawn afresh for each login.
pub const SALT_LEN: usize = 16;
/// Longest token that is read, bytes. Every member carries one: ask the provider for few claims.
pub const MAX_TOKEN_LEN: usize = 8 << 10;
/// Longest subject (OpenID Connect Core section 2), bytes.
pub const MAX_SUBJECT_LEN: usize = 255;
/// Age after which a login counts no more, where a policy says nothing else: 12 hours.
pub const DEFAULT_MAX_AGE: Millis = Millis(12 * 60 * 60 * 1000);
/// By how much the clocks of provider and member may differ, where a policy says nothing else: one minute.
pub const DEFAULT_LEEWAY: Millis = Millis(60 * 1000);

const VERSION: u8 = 1;
const LABEL: &[u8] = b"frameseal oidc 1";
/// Length of a SHA-256 digest in base64url without padding.
const NONCE_LEN: usize = 43;

/// The nonce for the login request, 43 characters: `base64url(SHA-256("frameseal oidc 1" | signature key | salt))`.
#[must_use]
pub fn nonce(signature_key: &[u8; SIGNATURE_KEY_LEN], salt: &[u8; SALT_LEN]) -> String {
    let hash = Sha256::new().chain_update(LABEL).chain_update(signature_key).chain_update(salt).finalize();
    Base64UrlUnpadded::encode_string(&hash)
}

/// What a member shows: `version (1) = 1 | salt (16) | ID token (the rest, ASCII, at most 8192 bytes)`.
///
/// The token is no secret in a call, but whoever sees it learns the claims in it.
#[derive(Clone, Copy)]
pub struct Proof<'a> {
    /// As it went into [`nonce`].
    pub salt: [u8; SALT_LEN],
    /// The ID token as the provider gave it: a compact JWS.
    pub token: &'a str,
}

impl<'a> Proof<'a> {
    /// Reads a proof; the token in it is not looked at.
    ///
    /// # Errors
    ///
    /// [`OidcError::MalformedProof`], [`OidcError::TooLong`].
    pub fn from_bytes(bytes: &'a [u8]) -> Result<Self, OidcError> {
        let (version, rest) = bytes.split_first().ok_or(OidcError::MalformedProof)?;
        let (salt, token) = rest.split_first_chunk().ok_or(OidcError::MalformedProof)?;
        if *version != VERSION || token.is_empty() || !token.is_ascii() {
            return Err(OidcError::MalformedProof);
        }
        if token.len() > MAX_TOKEN_LEN {
            return Err(OidcError::TooLong);
        }
        let token = std::str::from_utf8(token).map_err(|_| OidcError::MalformedProof)?;
        Ok(Self { salt: *salt, token })
    }

    /// Its bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        [&[VERSION], self.salt.as_slice(), self.token.as_bytes()].concat()
    }
}

/// A provider whose word is taken.
#[derive(Clone, Debug)]
pub struct Issuer {
    /// Its issuer identifier, exactly as in its tokens.
    pub issuer: String,
    /// The client identifiers that this application has there.
    pub audiences: Vec<String>,
    /// Its keys.
    pub keys: KeySet,
}

/// How long a token counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lifetime {
    /// Until its own `exp`, and no longer than the greatest age after its `iat`.
    Token,
    /// Until it reaches the greatest age after its `iat`, its `exp` notwithstanding. For providers whose tokens live for some
    /// minutes: who comes later into a call checks those who came before.
    Age,
}

/// What a member must show to count as verified.
#[derive(Clone, Debug)]
pub struct OidcPolicy {
    /// The providers whose word is taken.
    pub issuers: Vec<Issuer>,
    /// Greatest time since the login (`iat`).
    pub max_age: Millis,
    /// By how much clocks may differ.
    pub leeway: Millis,
    /// Whether `exp` ends a token's life.
    pub lifetime: Lifetime,
}

/// Whom a provider vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// Who vouches.
    pub issuer: String,
    /// The provider's own name for the person. With the issuer, and with nothing else, it names the same person tomorrow.
    pub subject: String,
    /// To be shown: written by the provider's users perhaps, and made fit for a line of text.
    pub name: Option<String>,
    /// To be shown, as the name. Somebody's word only if [`Self::email_verified`].
    pub email: Option<String>,
    /// The provider says that the address was checked.
    pub email_verified: bool,
    /// To be shown, as the name.
    pub preferred_username: Option<String>,
    /// When the provider made the token.
    pub issued: Millis,
    /// Until when the proof counts; after that a new login is needed.
    pub until: Millis,
}

/// Why a proof does not make a member known. Nobody is verified by it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OidcError {
    /// The bytes are no proof of this version.
    MalformedProof,
    /// The token is longer than [`MAX_TOKEN_LEN`].
    TooLong,
    /// The token is not three parts of base64url with JSON objects in the first two.
    MalformedToken,
    /// An object in the token has a member twice.
    DuplicateMember,
    /// The token is signed by `none`, with a shared secret, or by another algorithm that is not taken.
    Algorithm,
    /// The token's header demands extensions.
    Critical,
    /// The header says that this is a token of another kind, such as an access token.
    NotAnIdToken,
    /// The provider is none of those of the policy.
    UnknownIssuer,
    /// The provider's pinned keys have none with the token's `kid`.
    UnknownKey,
    /// The pinned key is not for the algorithm that the token names.
    KeyMismatch,
    /// The token names no key, and several could be meant.
    AmbiguousKey,
    /// The pinned key did not sign this token.
    BadSignature,
    /// A claim that must be there is not.
    MissingClaim(&'static str),
    /// A claim is not of the type or length that it must be of, or holds what must not be shown.
    BadClaim(&'static str),
    /// The token is for another application, or for others beside this one.
    WrongAudience,
    /// The token was asked for by another application.
    WrongParty,
    /// The token's `exp` is past.
    Expired,
    /// The token's `nbf` or `iat` is still to come.
    NotYetValid,
    /// The login is longer ago than the policy takes.
    TooOld,
    /// The token was made for another signature key, or for no call at all.
    WrongNonce,
}

impl fmt::Display for OidcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MalformedProof => {
                "not a proof of this version: the member's software is newer, or the bytes are damaged"
            }
            Self::TooLong => {
                "the ID token is over 8192 bytes: have the client ask for fewer scopes and claims"
            }
            Self::MalformedToken => "not an ID token: give the provider's id_token as it is, not encrypted",
            Self::DuplicateMember => "the ID token says something twice: no provider may do this, refuse it",
            Self::Algorithm => {
                "the provider must sign ID tokens by RS256, PS256, ES256 or EdDSA for this client"
            }
            Self::Critical => "the ID token demands extensions: switch them off for this client",
            Self::NotAnIdToken => "a token of another kind: give the id_token, not the access token",
            Self::UnknownIssuer => {
                "no pinned provider has this issuer: it must be in the policy letter by letter"
            }
            Self::UnknownKey => "the provider has new keys, or it is not the provider: pin its key set again",
            Self::KeyMismatch => {
                "the pinned key is not for the token's algorithm: pin the key set again, or refuse it"
            }
            Self::AmbiguousKey => "the ID token does not say which of the provider's keys signed it",
            Self::BadSignature => "the provider did not sign this ID token: refuse it",
            Self::MissingClaim(claim) => {
                return write!(f, "the ID token has no `{claim}`: the provider must put it in");
            }
            Self::BadClaim(claim) => {
                return write!(f, "`{claim}` of the ID token is not of the form that it must have");
            }
            Self::WrongAudience => {
                "the ID token is for another client: pin this application's client id, and no other"
            }
            Self::WrongParty => "another client asked for the ID token (`azp`): refuse it",
            Self::Expired => {
                "the ID token has expired: log in again, or let its age count instead (`Lifetime::Age`)"
            }
            Self::NotYetValid => "the ID token is from the future: one of the clocks is wrong",
            Self::TooOld => "the login is too long ago: log in again",
            Self::WrongNonce => {
                "the ID token is not for this member's key: its nonce must come from this session"
            }
        })
    }
}

impl std::error::Error for OidcError {}

impl From<JsonError> for OidcError {
    fn from(error: JsonError) -> Self {
        match error {
            JsonError::Malformed => Self::MalformedToken,
            JsonError::Duplicate => Self::DuplicateMember,
        }
    }
}

impl From<NoKey> for OidcError {
    fn from(error: NoKey) -> Self {
        match error {
            NoKey::Unknown => Self::UnknownKey,
            NoKey::Mismatch => Self::KeyMismatch,
            NoKey::Ambiguous => Self::AmbiguousKey,
        }
    }
}

/// The three parts of a compact JWS (RFC 7515 section 7.1).
struct Token<'a> {
    /// What is signed: `header.payload`.
    signed: &'a [u8],
    header: Vec<u8>,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

impl<'a> Token<'a> {
    fn split(text: &'a str) -> Result<Self, OidcError> {
        let malformed = OidcError::MalformedToken;
        let (signed, signature) = text.rsplit_once('.').ok_or(malformed.clone())?;
        let (header, payload) = signed.split_once('.').ok_or(malformed.clone())?;
        // A fourth part would leave a dot in the payload, which is not of its alphabet.
        let decode = |part: &str| Base64UrlUnpadded::decode_vec(part).map_err(|_| OidcError::MalformedToken);
        if header.is_empty() || payload.is_empty() {
            return Err(malformed);
        }
        Ok(Self {
            signed: signed.as_bytes(),
            header: decode(header)?,
            payload: decode(payload)?,
            signature: decode(signature)?,
        })
    }
}

fn object(bytes: &[u8]) -> Result<Json<'_>, OidcError> {
    let json = Json::read(bytes)?;
    if matches!(json, Json::Object(_)) { Ok(json) } else { Err(OidcError::MalformedToken) }
}

impl OidcPolicy {
    /// Takes the word of these providers, for logins of the last 12 hours, with one minute between clocks, until the token's
    /// `exp`.
    #[must_use]
    pub fn new(issuers: Vec<Issuer>) -> Self {
        Self { issuers, max_age: DEFAULT_MAX_AGE, leeway: DEFAULT_LEEWAY, lifetime: Lifetime::Token }
    }

    /// Whether a provider of this policy vouches for a member with this signature key, at this time since 1970.
    ///
    /// # Errors
    ///
    /// The first rule that the proof breaks.
    pub fn verify(
        &self,
        proof: &[u8],
        signature_key: &[u8; SIGNATURE_KEY_LEN],
        now: Millis,
    ) -> Result<Claims, OidcError> {
        let proof = Proof::from_bytes(proof)?;
        let token = Token::split(proof.token)?;
        let (header, claims) = (object(&token.header)?, object(&token.payload)?);
        let algorithm = algorithm(&header)?;
        let kid = optional(&header, "kid")?;

        // Only to find the keys: nothing is believed before the signature.
        let issuer = required(&claims, "iss")?;
        let issuer = self.issuers.iter().find(|i| i.issuer == issuer).ok_or(OidcError::UnknownIssuer)?;
        if !issuer.keys.find(kid, algorithm)?.check(token.signed, &token.signature) {
            return Err(OidcError::BadSignature);
        }

        audience(&claims, &issuer.audiences)?;
        let (issued, until) = self.times(&claims, now)?;
        let theirs = required(&claims, "nonce")?;
        let ours = nonce(signature_key, &proof.salt);
        if theirs.len() != NONCE_LEN || !bool::from(theirs.as_bytes().ct_eq(ours.as_bytes())) {
            return Err(OidcError::WrongNonce);
        }
        let subject = required(&claims, "sub")?;
        if subject.is_empty() || subject.len() > MAX_SUBJECT_LEN || subject.chars().any(misleads) {
            return Err(OidcError::BadClaim("sub"));
        }
        let show = |name| -> Result<_, OidcError> {
            Ok(optional(&claims, name)?.filter(|text| !text.trim().is_empty()).map(shown))
        };
        Ok(Claims {
            issuer: issuer.issuer.clone(),
            subject: subject.to_owned(),
            name: show("name")?,
            email: show("email")?,
            // Some providers write the boolean as a string.
            email_verified: match claims.get("email_verified") {
                Some(Json::Bool(verified)) => *verified,
                Some(Json::String(text)) => text == "true",
                _ => false,
            },
            preferred_username: show("preferred_username")?,
            issued,
            until,
        })
    }

    /// When the token was made, and until when it counts.
    fn times(&self, claims: &Json<'_>, now: Millis) -> Result<(Millis, Millis), OidcError> {
        let Millis(leeway) = self.leeway;
        let (latest, earliest) = (now.0.saturating_add(leeway), now.0.saturating_sub(leeway));
        let issued = time(claims, "iat")?.ok_or(OidcError::MissingClaim("iat"))?;
        let expires = time(claims, "exp")?.ok_or(OidcError::MissingClaim("exp"))?;
        if issued > latest || time(claims, "nbf")?.is_some_and(|from| from > latest) {
            return Err(OidcError::NotYetValid);
        }
        let oldest = issued.saturating_add(self.max_age.0);
        if self.lifetime == Lifetime::Token && earliest >= expires {
            return Err(OidcError::Expired);
        }
        if earliest > oldest {
            return Err(OidcError::TooOld);
        }
        let until = if self.lifetime == Lifetime::Token { oldest.min(expires) } else { oldest };
        Ok((Millis(issued), Millis(until)))
    }
}

fn algorithm(header: &Json<'_>) -> Result<Algorithm, OidcError> {
    if header.get("crit").is_some() {
        return Err(OidcError::Critical);
    }
    if !optional(header, "typ")?.is_none_or(|typ| typ.eq_ignore_ascii_case("JWT")) {
        return Err(OidcError::NotAnIdToken);
    }
    Algorithm::from_name(required(header, "alg")?).ok_or(OidcError::Algorithm)
}

/// OpenID Connect Core section 3.1.3.7, steps 3 to 5.
fn audience(claims: &Json<'_>, ours: &[String]) -> Result<(), OidcError> {
    let is_ours = |name: &str| ours.iter().any(|our| our == name);
    let several = match claims.get("aud").ok_or(OidcError::MissingClaim("aud"))? {
        Json::String(name) if is_ours(name) => false,
        Json::Array(names) if !names.is_empty() => {
            if !names.iter().all(|name| name.as_str().is_some_and(is_ours)) {
                return Err(OidcError::WrongAudience);
            }
            names.len() > 1
        }
        _ => return Err(OidcError::WrongAudience),
    };
    match optional(claims, "azp")? {
        Some(party) if is_ours(party) => Ok(()),
        None if !several => Ok(()),
        _ => Err(OidcError::WrongParty),
    }
}

fn optional<'a>(object: &'a Json<'_>, name: &'static str) -> Result<Option<&'a str>, OidcError> {
    match object.get(name) {
        None | Some(Json::Null) => Ok(None),
        Some(value) => value.as_str().map(Some).ok_or(OidcError::BadClaim(name)),
    }
}

fn required<'a>(object: &'a Json<'_>, name: &'static str) -> Result<&'a str, OidcError> {
    optional(object, name)?.ok_or(OidcError::MissingClaim(name))
}

/// A time in milliseconds.
fn time(claims: &Json<'_>, name: &'static str) -> Result<Option<u64>, OidcError> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    value.as_seconds().and_then(|s| s.checked_mul(1000)).map(Some).ok_or(OidcError::BadClaim(name))
}
