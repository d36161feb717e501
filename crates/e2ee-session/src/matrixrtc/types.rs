//! What goes in and what comes out.
use e2ee_core::{Millis, SecretBytes};
use zeroize::Zeroizing;

use super::content::Shape;
use super::device::{Device, Membership};
use super::error::MatrixRtcError;

/// What a member brings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Matrix room id, 1 to 512 bytes.
    pub room: String,
    /// This device, and what it joined as.
    pub me: Membership,
    /// What is sent; both shapes are read.
    pub shape: Shape,
    /// How long a fresh key waits before it is used, milliseconds: [`super::USE_DELAY_MS`].
    pub use_delay_ms: u64,
    /// How young a key is that goes to newcomers as it is, milliseconds: [`super::ROTATION_GRACE_MS`]; with 0 no newcomer
    /// can open what came before it, and every one costs a message to each member.
    pub rotation_grace_ms: u64,
}

/// What happens to a member.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// Everybody who is in the call now, in any order; also this device.
    Members(&'a [Membership]),
    /// A to-device message, decrypted.
    ToDevice {
        /// Its type.
        event_type: &'a str,
        /// The user that it is from.
        sender: &'a str,
        /// The device that decryption proved it to be from; `None`: it came in clear, or nothing is known.
        device: Option<&'a str>,
        /// Its content: JSON.
        content: &'a [u8],
    },
    /// A message of this index could not be delivered to these.
    NotDelivered(u8, &'a [Device]),
    /// The application wants a fresh key.
    Rotate,
    /// The application wants a device out, at once, whatever the room says.
    Remove(&'a Device),
    /// The time that [`Output::WakeAt`] named has come.
    Wake,
}

/// What a member wants done, in this order.
pub enum Output {
    /// Encrypt for each of these and send as to-device messages.
    Send {
        /// Type of the event.
        event_type: &'static str,
        /// To whom.
        to: Vec<Device>,
        /// The index of the key in it, for [`Input::NotDelivered`].
        index: u8,
        /// The content: JSON. Holds a key.
        content: Zeroizing<Vec<u8>>,
    },
    /// Seal with this key from now on.
    Use {
        /// Its index.
        index: u8,
        /// The key, 16 bytes.
        key: SecretBytes,
    },
    /// Open this member's frames of this index with this key, and with no other.
    Install {
        /// Whose.
        owner: Membership,
        /// The index.
        index: u8,
        /// The key, 16 to 64 bytes.
        key: SecretBytes,
    },
    /// Forget this member's key of this index.
    Forget {
        /// Whose.
        owner: Device,
        /// The index.
        index: u8,
    },
    /// Forget all keys of this member: it is not in the call any more.
    Drop(Device),
    /// Send [`Input::Wake`] at this time. A later one of these takes the place of an earlier one.
    WakeAt(Millis),
    /// Something to be shown.
    Event(Event),
}

/// Something that an application shows.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// What came from there could not be used; nothing changed.
    Dropped(Device, MatrixRtcError),
    /// A key could not be delivered to this device: it cannot hear this one.
    CannotHear(Device),
    /// More members than are kept: the last ones get no key.
    Full,
}
