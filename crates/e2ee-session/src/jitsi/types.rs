//! What goes in and what comes out.
use e2ee_core::{Millis, SecretBytes};

use super::error::JitsiError;
use super::message::SignedForm;
use super::{CHANGE_MS, MAX_MESSAGE_LEN};
use crate::identity::verify::{EMOJI_COUNT, Emoji};

/// What a participant brings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its id in the room (the nick of the MUC), 1 to 512 bytes. Ids are compared as JavaScript does, by UTF-16 units.
    pub me: String,
    /// How long after somebody came the key is ratcheted, at most, milliseconds.
    pub ratchet_ms: u64,
    /// How long after somebody left the key is changed, milliseconds. 0: at once.
    pub rotate_ms: u64,
    /// Sessions with participants who do not sign are refused.
    pub signed_only: bool,
    /// What is signed where the other side has not shown what it reads.
    pub form: SignedForm,
}

impl Settings {
    /// As Jitsi does it, and with participants of any age.
    #[must_use]
    pub fn new(me: &str) -> Self {
        Self {
            me: me.to_owned(),
            ratchet_ms: CHANGE_MS,
            rotate_ms: CHANGE_MS,
            signed_only: false,
            form: SignedForm::Json,
        }
    }
}

/// What happens to a participant.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// Somebody is in the room; again when its features are known later.
    Joined {
        /// Its id.
        who: &'a str,
        /// It has the feature `https://jitsi.org/meet/e2ee`.
        e2ee: bool,
        /// It was there before this participant.
        earlier: bool,
    },
    /// Somebody left.
    Left(&'a str),
    /// A property in the presence of somebody who has joined: `e2ee.enabled`, `e2ee.idKey.ed25519`,
    /// `e2ee.idKey.curve25519`; others are of no matter here.
    Property {
        /// Whose.
        who: &'a str,
        /// Its name.
        name: &'a str,
        /// Its value; empty: it is gone.
        value: &'a str,
    },
    /// The JSON of a private message, at most [`MAX_MESSAGE_LEN`] bytes. What is not for this engine is passed over.
    Message {
        /// From whom, by the room.
        from: &'a str,
        /// The text.
        json: &'a str,
    },
    /// The user switches encryption on or off.
    Enable(bool),
    /// The user wants to compare with this participant.
    Compare(&'a str),
    /// The user says whether what both see is the same.
    Same(&'a str, bool),
    /// The time that [`Output::WakeAt`] named has come.
    Wake,
}

const _: () = assert!(MAX_MESSAGE_LEN >= 4096);

/// What is to be done, in this order.
#[non_exhaustive]
pub enum Output {
    /// Send as a private message.
    Send {
        /// To whom.
        to: String,
        /// The JSON.
        json: String,
    },
    /// Set a property of the own presence.
    Publish {
        /// Its name.
        name: &'static str,
        /// Its value.
        value: String,
    },
    /// Seal with this key from now on.
    Seal {
        /// The index as it counts; frames carry it mod 16.
        index: u32,
        /// 32 bytes.
        key: SecretBytes,
    },
    /// Encryption is off: there is no key to seal with.
    Stop,
    /// Open this participant's frames with this key.
    Open {
        /// Whose.
        who: String,
        /// The index as it counts; frames carry it mod 16.
        index: u32,
        /// 32 bytes.
        key: SecretBytes,
    },
    /// Forget all keys of this participant.
    Forget(String),
    /// Send [`Input::Wake`] at this time. A later one of these takes the place of an earlier one.
    WakeAt(Millis),
    /// Something to be shown.
    Event(Event),
}

/// Something that an application shows.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// There is a session with this participant; not `signed`: the server could have begun it in its name.
    Session {
        /// With whom.
        who: String,
        /// Its keys are signed by the key that it has published.
        signed: bool,
    },
    /// It does not answer: there is no session, and no key for it.
    NoSession(String),
    /// It did not acknowledge a key: it may not hear this participant.
    CannotHear(String),
    /// It switched encryption off.
    SwitchedOff(String),
    /// Have the user compare this with what the other one sees, then [`Input::Same`].
    Compare {
        /// With whom.
        who: String,
        /// Seven emoji.
        emoji: [Emoji; EMOJI_COUNT],
        /// Three numbers, four digits each.
        decimals: [u16; 3],
    },
    /// The user has compared, and the other one has the keys that it seems to have.
    Verified {
        /// Who.
        who: String,
        /// The key of the session was among them. Not so: nothing is proven of the session, and of the media keys in it.
        session: bool,
    },
    /// A comparison failed, or a user said that the codes differ.
    NotVerified(String, Option<JitsiError>),
    /// What came from there could not be used; nothing changed.
    Refused(String, JitsiError),
    /// The other side says that it refused something; at most 200 characters.
    Complaint(String, String),
}
