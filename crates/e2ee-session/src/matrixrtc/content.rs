//! The content of a key message, in its two shapes.
//!
//! ```text
//! io.element.call.encryption_keys   {"keys": {"index", "key"}, "room_id", "member": {"id", "claimed_device_id"},
//!                                    "session": {"application", "call_id", "scope"}, "sent_ts"}
//! m.rtc.encryption_key              {"media_key": {"index", "key"}, "room_id", "member_id"}
//! ```
//! `index` is 0 to 255; `key` is base64, written with the standard alphabet and padding, read with either alphabet, and
//! with or without padding; `sent_ts` is in milliseconds.
use std::borrow::Cow;

use base64ct::{Base64, Base64Unpadded, Encoding as _};
use e2ee_core::SecretBytes;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize as _, Zeroizing};

use super::device::{Device, Membership};
use super::error::MatrixRtcError;

/// Longest content of a key message, bytes.
pub const MAX_CONTENT_LEN: usize = 4096;

/// Keys are 16 to 64 bytes: 16 are drawn today, and the transport may want more.
const MIN_KEY_LEN: usize = 16;
const MAX_KEY_LEN: usize = 64;

/// Which kind of message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// What Element Call sends and reads today.
    ElementCall,
    /// MSC4143, an open proposal: it may change.
    Msc4143,
}

impl Shape {
    /// The type of the event.
    #[must_use]
    pub const fn event_type(self) -> &'static str {
        match self {
            Self::ElementCall => "io.element.call.encryption_keys",
            Self::Msc4143 => "m.rtc.encryption_key",
        }
    }

    pub(super) fn of(event_type: &str) -> Option<Self> {
        [Self::ElementCall, Self::Msc4143].into_iter().find(|shape| shape.event_type() == event_type)
    }
}

/// A key message that was read.
pub(super) struct Said {
    pub(super) index: u8,
    pub(super) key: SecretBytes,
    /// `None`: the message names no member.
    pub(super) member_id: Option<String>,
    pub(super) sent_ts: Option<u64>,
}

/// A text that is wiped where it had to be copied.
#[derive(Deserialize, Serialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl Drop for Text<'_> {
    fn drop(&mut self) {
        if let Cow::Owned(text) = &mut self.0 {
            text.zeroize();
        }
    }
}

#[derive(Deserialize, Serialize)]
struct Key<'a> {
    index: u8,
    #[serde(borrow)]
    key: Text<'a>,
}

#[derive(Deserialize, Serialize)]
struct Member<'a> {
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    claimed_device_id: Cow<'a, str>,
}

#[derive(Serialize)]
struct Session<'a> {
    application: &'a str,
    call_id: &'a str,
    scope: &'a str,
}

#[derive(Deserialize, Serialize)]
struct ElementCall<'a> {
    #[serde(borrow)]
    keys: Key<'a>,
    #[serde(borrow)]
    member: Member<'a>,
    #[serde(borrow)]
    room_id: Cow<'a, str>,
    // One call for each room is all that is there today: read by nobody.
    #[serde(skip_deserializing)]
    session: Option<Session<'a>>,
    // A number that is no time in milliseconds counts as none.
    #[serde(default)]
    sent_ts: Option<serde_json::Number>,
}

#[derive(Deserialize, Serialize)]
struct Msc4143<'a> {
    #[serde(borrow)]
    media_key: Key<'a>,
    #[serde(borrow)]
    member_id: Cow<'a, str>,
    #[serde(borrow)]
    room_id: Cow<'a, str>,
}

/// Writes a key of this member's.
pub(super) fn write(
    shape: Shape,
    room: &str,
    me: &Membership,
    (index, key): (u8, &[u8]),
    sent_ts: u64,
) -> Zeroizing<Vec<u8>> {
    // Room for all of it: a key must not be left behind in a buffer that was too small.
    let mut out = Zeroizing::new(Vec::with_capacity(MAX_CONTENT_LEN));
    let key = Key { index, key: Text(Base64::encode_string(key).into()) };
    let room_id = room.into();
    let written = match shape {
        Shape::ElementCall => {
            let member = Member {
                id: Some(me.member_id.as_str().into()),
                claimed_device_id: me.device.device.as_str().into(),
            };
            let session = Some(Session { application: "m.call", call_id: "", scope: "m.room" });
            let sent_ts = Some(sent_ts.into());
            serde_json::to_writer(&mut *out, &ElementCall { keys: key, member, room_id, session, sent_ts })
        }
        Shape::Msc4143 => {
            let member_id = me.member_id.as_str().into();
            serde_json::to_writer(&mut *out, &Msc4143 { media_key: key, member_id, room_id })
        }
    };
    // Writing texts and numbers into a `Vec` cannot fail.
    debug_assert!(written.is_ok());
    out
}

/// Reads what `from`, a device that decryption has proven, has sent for `room`.
pub(super) fn read(shape: Shape, content: &[u8], room: &str, from: &Device) -> Result<Said, MatrixRtcError> {
    if content.len() > MAX_CONTENT_LEN {
        return Err(MatrixRtcError::TooLong);
    }
    let malformed = |_| MatrixRtcError::Malformed;
    let (key, room_id, member_id, sent_ts) = match shape {
        Shape::ElementCall => {
            let content: ElementCall<'_> = serde_json::from_slice(content).map_err(malformed)?;
            if content.member.claimed_device_id != from.device {
                return Err(MatrixRtcError::WrongDevice);
            }
            let sent_ts = content.sent_ts.and_then(|number| number.as_u64());
            (content.keys, content.room_id, content.member.id.map(Cow::into_owned), sent_ts)
        }
        Shape::Msc4143 => {
            let content: Msc4143<'_> = serde_json::from_slice(content).map_err(malformed)?;
            (content.media_key, content.room_id, Some(content.member_id.into_owned()), None)
        }
    };
    if room_id != room {
        return Err(MatrixRtcError::WrongRoom);
    }
    let bytes = decode(&key.key.0).ok_or(MatrixRtcError::Malformed)?;
    Ok(Said { index: key.index, key: bytes, member_id, sent_ts })
}

fn decode(text: &str) -> Option<SecretBytes> {
    let text = text.trim_end_matches('=').bytes().map(|byte| match byte {
        b'-' => b'+',
        b'_' => b'/',
        other => other,
    });
    let mut plain = Zeroizing::new(Vec::with_capacity(MAX_KEY_LEN * 2));
    for byte in text {
        if plain.len() >= MAX_KEY_LEN * 2 {
            return None;
        }
        plain.push(byte);
    }
    let mut room = Zeroizing::new([0; MAX_KEY_LEN * 2]);
    let key = Base64Unpadded::decode(plain.as_slice(), room.as_mut_slice()).ok()?;
    (MIN_KEY_LEN..=MAX_KEY_LEN).contains(&key.len()).then(|| SecretBytes::copy_of(key))
}
