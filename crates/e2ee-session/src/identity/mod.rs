//! Who a member is, said by somebody else than itself, and how people make sure of it.
//!
//! | module | feature | what it knows a member by |
//! |---|---|---|
//! | `oidc` | `oidc` | an OpenID Connect ID token whose nonce commits to the member's signature key |
//! | `x509` | `x509` | a certificate whose key signed the member's signature key |
//! | [`verify`] | `olm` for the pairwise part | seven emoji that people compare |
//! | [`kept`], [`store`] | | having compared in an earlier call |
//!
//! [`policy`] is the one door to `oidc`, `x509` and `kept`.
//!
//! Proofs are bytes that a member's credential carries; every member checks them by itself, with what its application
//! pinned. Nothing here asks a server, reads a clock or draws randomness.

#[cfg(feature = "x509")]
mod der;
#[cfg(feature = "oidc")]
mod json;
#[cfg(feature = "oidc")]
mod jwk;
pub mod kept;
#[cfg(feature = "oidc")]
pub mod oidc;
pub mod policy;
#[cfg(any(feature = "oidc", feature = "x509"))]
mod rsa_keys;
pub mod store;
#[cfg(any(feature = "oidc", feature = "x509"))]
mod text;
pub mod verify;
#[cfg(feature = "x509")]
pub mod x509;
