//! Who is in the call: devices of users.
use std::fmt;

use base64ct::{Base64Unpadded, Encoding as _};
use e2ee_core::id::MAX_NAME_LEN;
use sha2::{Digest as _, Sha256};

/// A device of a user.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Device {
    /// Matrix user id, such as `@ada:example.org`.
    pub user: String,
    /// Device id.
    pub device: String,
}

impl Device {
    /// A device of a user.
    #[must_use]
    pub fn new(user: &str, device: &str) -> Self {
        Self { user: user.to_owned(), device: device.to_owned() }
    }

    pub(super) fn fits(&self) -> bool {
        fits(&self.user) && fits(&self.device)
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.user, self.device)
    }
}

/// A device in the call, as its membership event says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The device.
    pub device: Device,
    /// The member id that it joined under; `user:device` where the event has none.
    pub member_id: String,
    /// When it joined, milliseconds, by the event. Only whether it changes counts.
    pub created_ts: u64,
}

impl Membership {
    pub(super) fn fits(&self) -> bool {
        self.device.fits() && fits(&self.member_id)
    }
}

/// The name that an SFU knows a member by where membership is a sticky event: `base64(SHA-256(JSON [user, device, member
/// id]))`, without padding. Where it is a state event, the name is `user:device`.
#[must_use]
pub fn hashed_identity(member: &Membership) -> String {
    let Membership { device: Device { user, device }, member_id, .. } = member;
    let text = serde_json::Value::from(vec![user.as_str(), device, member_id]).to_string();
    Base64Unpadded::encode_string(&Sha256::digest(text.as_bytes()))
}

fn fits(name: &str) -> bool {
    (1..=MAX_NAME_LEN).contains(&name.len())
}
