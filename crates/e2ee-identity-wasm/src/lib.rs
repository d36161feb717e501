//! Frameseal's identity modules for a page: doors over `e2ee_session::identity`. Nothing in them is secret but [`Kept`]; time is an
//! argument.
//!
//! The interface is private to `sdk/src/identity`.
#![forbid(unsafe_code)]

#[cfg(feature = "x509")]
mod chain;
mod kept;
#[cfg(feature = "oidc")]
mod token;

use e2ee_session::identity::policy::Known;
use wasm_bindgen::prelude::wasm_bindgen;

#[cfg(feature = "x509")]
pub use chain::{Authorities, chain_message, chain_proof};
pub use kept::{Kept, shown};
#[cfg(feature = "oidc")]
pub use token::{Policy, login_nonce, login_proof};

/// Who a member is, by somebody's word.
#[wasm_bindgen]
pub struct Who(Known);

#[wasm_bindgen]
impl Who {
    /// Who vouches.
    #[must_use]
    pub fn voucher(&self) -> String {
        self.0.voucher.clone()
    }

    /// The same for the same person in every call.
    #[must_use]
    pub fn id(&self) -> String {
        self.0.id.clone()
    }

    /// To be shown.
    #[must_use]
    pub fn name(&self) -> String {
        self.0.name.clone()
    }

    /// An address that the voucher checked; empty without one.
    #[must_use]
    pub fn email(&self) -> String {
        self.0.email.clone().unwrap_or_default()
    }
}
