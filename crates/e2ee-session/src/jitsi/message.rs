//! Messages, all `{"type":"olm","olm":{"type":T,"data":{…}}}`.
//!
//! ```text
//! session-init   idKey otKey uuid [signature]           keys: 32 bytes, unpadded base64
//! session-ack    uuid ciphertext [idKey signature]      ciphertext: {"type": 0 or 1, "body": base64}
//! key-info       uuid ciphertext                        in it {} or {"key": base64 or false, "keyIndex": number}
//! key-info-ack   uuid ciphertext
//! error          error
//! sas-start      transactionId
//! sas-accept     transactionId commitment
//! sas-key        transactionId key
//! sas-mac        transactionId mac keys                 mac: {"ed25519:<id>": text, "curve25519:<id>": text}
//! ```
use std::borrow::Cow;
use std::collections::BTreeMap;

use base64ct::{Base64, Base64Unpadded, Encoding as _};
use e2ee_core::SecretBytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use vodozemac::olm::{OlmMessage, SessionKeys};
use vodozemac::{Curve25519PublicKey, Ed25519PublicKey, Ed25519Signature};
use zeroize::Zeroizing;

use super::KEY_LEN;
use super::error::JitsiError;

/// Longest message that is read, bytes.
pub const MAX_MESSAGE_LEN: usize = 16_384;
/// Longest uuid and name of a comparison.
const MAX_ID_LEN: usize = 128;
const MAX_COMPLAINT: usize = 200;

/// How the keys that are signed are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignedForm {
    /// `{"idKey":"…","otKey":"…"}`.
    Json,
    /// One text behind the other.
    Joined,
}

impl SignedForm {
    pub(super) const ALL: [Self; 2] = [Self::Json, Self::Joined];

    pub(super) fn text(
        self,
        identity: &Curve25519PublicKey,
        one_time: Option<&Curve25519PublicKey>,
    ) -> String {
        let (identity, one_time) = (identity.to_base64(), one_time.map(Curve25519PublicKey::to_base64));
        match (self, one_time) {
            (Self::Json, Some(one_time)) => format!(r#"{{"idKey":"{identity}","otKey":"{one_time}"}}"#),
            (Self::Json, None) => format!(r#"{{"idKey":"{identity}"}}"#),
            (Self::Joined, one_time) => identity + &one_time.unwrap_or_default(),
        }
    }
}

/// The form in which a signature holds for one of these choices of keys.
pub(super) fn verify(
    by: &Ed25519PublicKey,
    signature: &str,
    identity: &Curve25519PublicKey,
    one_time: &[Option<&Curve25519PublicKey>],
) -> Option<SignedForm> {
    let signature = Ed25519Signature::from_base64(signature).ok()?;
    SignedForm::ALL.into_iter().find(|form| {
        one_time.iter().any(|key| by.verify(form.text(identity, *key).as_bytes(), &signature).is_ok())
    })
}

pub(super) enum Message<'a> {
    SessionInit {
        identity: Curve25519PublicKey,
        one_time: Curve25519PublicKey,
        uuid: String,
        signature: Option<String>,
    },
    SessionAck {
        uuid: String,
        message: OlmMessage,
        identity: Option<Curve25519PublicKey>,
        signature: Option<String>,
    },
    KeyInfo {
        uuid: String,
        message: OlmMessage,
    },
    KeyInfoAck {
        uuid: String,
        message: OlmMessage,
    },
    Error(String),
    /// With the text that a commitment is over.
    SasStart {
        transaction: String,
        text: &'a str,
    },
    SasAccept {
        transaction: String,
        commitment: String,
    },
    SasKey {
        transaction: String,
        key: String,
    },
    SasMac {
        transaction: String,
        mac: BTreeMap<String, String>,
        keys: String,
    },
    /// Not for this engine.
    Other,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    olm: Option<Body<'a>>,
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    data: &'a RawValue,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Init {
    id_key: String,
    ot_key: String,
    uuid: String,
    signature: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Info {
    uuid: String,
    ciphertext: Ciphertext,
    id_key: Option<String>,
    signature: Option<String>,
}

#[derive(Deserialize)]
struct Ciphertext {
    #[serde(rename = "type")]
    kind: u8,
    body: String,
}

#[derive(Deserialize)]
struct Complaint {
    error: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sas {
    transaction_id: String,
    commitment: Option<String>,
    key: Option<String>,
    mac: Option<BTreeMap<String, String>>,
    keys: Option<String>,
}

pub(super) fn read(text: &str) -> Result<Message<'_>, JitsiError> {
    if text.len() > MAX_MESSAGE_LEN {
        return Err(JitsiError::TooLong);
    }
    // A page sends other things in such messages too.
    let Ok(Envelope { kind, olm }) = serde_json::from_str(text) else {
        let other = serde_json::from_str::<Kind<'_>>(text).is_ok_and(|kind| kind.kind != "olm");
        return if other { Ok(Message::Other) } else { Err(JitsiError::Malformed) };
    };
    if kind != "olm" {
        return Ok(Message::Other);
    }
    let Body { kind, data } = olm.ok_or(JitsiError::Malformed)?;
    let text = data.get();
    Ok(match &*kind {
        "session-init" => {
            let Init { id_key, ot_key, uuid, signature } = parse(text)?;
            Message::SessionInit {
                identity: key(&id_key)?,
                one_time: key(&ot_key)?,
                uuid: id(uuid)?,
                signature,
            }
        }
        "session-ack" => {
            let Info { uuid, ciphertext, id_key, signature } = parse(text)?;
            let identity = id_key.as_deref().map(key).transpose()?;
            Message::SessionAck { uuid: id(uuid)?, message: ciphertext.read()?, identity, signature }
        }
        "key-info" => {
            let Info { uuid, ciphertext, .. } = parse(text)?;
            Message::KeyInfo { uuid: id(uuid)?, message: ciphertext.read()? }
        }
        "key-info-ack" => {
            let Info { uuid, ciphertext, .. } = parse(text)?;
            Message::KeyInfoAck { uuid: id(uuid)?, message: ciphertext.read()? }
        }
        "error" => {
            let Complaint { error } = parse(text)?;
            let said = error.as_str().map_or_else(|| error.to_string(), ToOwned::to_owned);
            Message::Error(said.chars().take(MAX_COMPLAINT).collect())
        }
        "sas-start" | "sas-accept" | "sas-key" | "sas-mac" => {
            let Sas { transaction_id, commitment, key, mac, keys } = parse(text)?;
            let transaction = id(transaction_id)?;
            let missing = JitsiError::Malformed;
            match &*kind {
                "sas-start" => Message::SasStart { transaction, text },
                "sas-accept" => Message::SasAccept { transaction, commitment: commitment.ok_or(missing)? },
                "sas-key" => Message::SasKey { transaction, key: key.ok_or(missing)? },
                _ => Message::SasMac { transaction, mac: mac.ok_or(missing)?, keys: keys.ok_or(missing)? },
            }
        }
        _ => Message::Other,
    })
}

#[derive(Deserialize)]
struct Kind<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, JitsiError> {
    serde_json::from_str(text).map_err(|_| JitsiError::Malformed)
}

fn id(text: String) -> Result<String, JitsiError> {
    if (1..=MAX_ID_LEN).contains(&text.len()) { Ok(text) } else { Err(JitsiError::Malformed) }
}

pub(super) fn key(text: &str) -> Result<Curve25519PublicKey, JitsiError> {
    let key = Curve25519PublicKey::from_base64(text).map_err(|_| JitsiError::Malformed)?;
    // Its top bit is of no matter to the agreement (RFC 7748 section 5), so it must be of none here.
    if key.as_bytes().last().is_some_and(|byte| byte & 0x80 == 0) {
        Ok(key)
    } else {
        Err(JitsiError::BadKeys)
    }
}

impl Ciphertext {
    fn read(&self) -> Result<OlmMessage, JitsiError> {
        let bytes = vodozemac::base64_decode(&self.body).map_err(|_| JitsiError::Malformed)?;
        let message = OlmMessage::from_parts(self.kind.into(), &bytes).map_err(|_| JitsiError::Malformed)?;
        // What Olm's MAC covers can be wrapped in more than one way; only the one that is written is read.
        if message.to_parts().1 == bytes { Ok(message) } else { Err(JitsiError::Malformed) }
    }
}

/// Whether a pre-key message is of a session of these keys.
pub(super) fn is_of(message: &OlmMessage, keys: SessionKeys) -> bool {
    match message {
        OlmMessage::PreKey(message) => message.session_keys() == keys,
        OlmMessage::Normal(_) => true,
    }
}

/// What is in a ciphertext.
pub(super) enum Told {
    /// The sender has no key yet.
    Nothing,
    /// The sender switched encryption off.
    Off,
    Key(u32, SecretBytes),
}

#[derive(Deserialize)]
struct KeyInfo<'a> {
    #[serde(borrow, default)]
    key: Option<KeyField<'a>>,
    #[serde(rename = "keyIndex")]
    index: Option<u32>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum KeyField<'a> {
    Switch(bool),
    // Borrowed, so that no copy is left behind; base64 needs no escapes.
    Key(&'a str),
}

pub(super) fn read_key(plain: &[u8]) -> Result<Told, JitsiError> {
    let info: KeyInfo<'_> = serde_json::from_slice(plain).map_err(|_| JitsiError::Malformed)?;
    match (info.key, info.index) {
        (None, None) => Ok(Told::Nothing),
        (Some(KeyField::Switch(false)), Some(_)) => Ok(Told::Off),
        (Some(KeyField::Key(text)), Some(index)) => {
            let mut room = Zeroizing::new([0; KEY_LEN + 2]);
            let text = text.trim_end_matches('=').as_bytes();
            let key = Base64Unpadded::decode(text, room.as_mut_slice()).map_err(|_| JitsiError::Malformed)?;
            if key.len() != KEY_LEN {
                return Err(JitsiError::Malformed);
            }
            Ok(Told::Key(index, SecretBytes::copy_of(key)))
        }
        _ => Err(JitsiError::Malformed),
    }
}

/// `None`: no key yet. A key of `None`: switched off.
pub(super) fn key_info(own: Option<(u32, Option<&[u8]>)>) -> Zeroizing<String> {
    // Room for all of it: a key must not be left behind in a buffer that was too small.
    let mut out = Zeroizing::new(String::with_capacity(128));
    let Some((index, key)) = own else {
        out.push_str("{}");
        return out;
    };
    match key {
        Some(key) => {
            let mut room = Zeroizing::new([0; 4 * KEY_LEN]);
            out.push_str("{\"key\":\"");
            out.push_str(Base64::encode(key, room.as_mut_slice()).unwrap_or_default());
            out.push('"');
        }
        None => out.push_str("{\"key\":false"),
    }
    out.push_str(",\"keyIndex\":");
    out.push_str(&index.to_string());
    out.push('}');
    out
}

pub(super) fn envelope(kind: &str, data: &Value) -> String {
    json!({ "type": "olm", "olm": { "type": kind, "data": data } }).to_string()
}

pub(super) fn ciphertext(message: &OlmMessage) -> Value {
    let (kind, bytes) = message.to_parts();
    json!({ "type": kind, "body": vodozemac::base64_encode(bytes) })
}
