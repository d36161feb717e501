//! The signalling messages (`PROTOCOL.md`) and their limits.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Largest signalling message in bytes. An answer for 60 tracks is about 300 kB.
pub(crate) const MAX_MESSAGE: usize = 1 << 20;
/// Largest `data` of an application message in bytes of JSON.
pub(crate) const MAX_APP_DATA: usize = 64 << 10;
const MAX_ID: usize = 64;
const MAX_ROOM: usize = 128;
const MAX_NAME: usize = 128;
const MAX_ANNOUNCEMENT: usize = 4096;
const MAX_CAPS: usize = 4096;
const MAX_TRACKS: usize = 16;

/// What a client sends.
#[derive(Debug, Deserialize)]
#[serde(tag = "t", rename_all = "kebab-case")]
pub(crate) enum ClientMessage {
    Join(Join),
    Offer {
        pc: Pc,
        sdp: String,
        #[serde(default)]
        tracks: Vec<OfferedTrack>,
    },
    Answer {
        pc: Pc,
        sdp: String,
    },
    Candidate {
        pc: Pc,
        candidate: Value,
    },
    Mute {
        mid: String,
        muted: bool,
    },
    App {
        to: Option<String>,
        data: Value,
    },
    Announce {
        announcement: String,
    },
    Eye {
        of: Option<String>,
        mid: Option<String>,
    },
    Layer {
        of: String,
        mid: String,
        rid: Option<String>,
    },
    Keyframe {
        of: String,
        mid: String,
    },
    Leave,
}

/// The first message of a connection.
#[derive(Debug, Deserialize)]
pub(crate) struct Join {
    pub(crate) room: String,
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) announcement: String,
    #[serde(default)]
    pub(crate) caps: Value,
}

/// One track of a `pub` offer.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct OfferedTrack {
    pub(crate) mid: String,
    pub(crate) kind: TrackKind,
    #[serde(default)]
    pub(crate) codec: Option<String>,
}

/// Which of a participant's two peer connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Pc {
    Pub,
    Sub,
}

/// Kind of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum TrackKind {
    Audio,
    Video,
    Screen,
    ScreenAudio,
}

impl TrackKind {
    pub(crate) fn is_video(self) -> bool {
        matches!(self, Self::Video | Self::Screen)
    }
}

/// What the server sends.
#[derive(Debug, Serialize)]
#[serde(tag = "t", rename_all = "kebab-case")]
pub(crate) enum ServerMessage {
    Welcome {
        room: String,
        id: String,
        members: Vec<MemberInfo>,
    },
    Member(MemberInfo),
    Left {
        id: String,
    },
    Answer {
        pc: Pc,
        sdp: String,
    },
    Offer {
        pc: Pc,
        sdp: String,
        tracks: Vec<SubscribedTrack>,
    },
    App {
        from: String,
        data: Value,
    },
    Eye {
        of: Option<String>,
        mid: Option<String>,
        kind: Option<TrackKind>,
    },
    Error {
        code: Code,
        message: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        pc: Option<Pc>,
    },
}

/// A participant, as others see them.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct MemberInfo {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) announcement: String,
    pub(crate) caps: Value,
    pub(crate) tracks: Vec<TrackInfo>,
}

/// A published track, as others see it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct TrackInfo {
    pub(crate) mid: String,
    pub(crate) kind: TrackKind,
    pub(crate) codec: Option<String>,
    pub(crate) muted: bool,
}

/// Which m-line of a `sub` offer carries whose track.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SubscribedTrack {
    pub(crate) mid: String,
    pub(crate) of: String,
    pub(crate) kind: TrackKind,
    #[serde(rename = "pubMid")]
    pub(crate) pub_mid: String,
}

/// Error codes of `PROTOCOL.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Code {
    BadMessage,
    TooLarge,
    NotJoined,
    AlreadyJoined,
    BadId,
    IdTaken,
    RoomFull,
    ServerFull,
    UnknownParticipant,
    UnknownTrack,
    BadSdp,
    NoPendingOffer,
    BadCandidate,
    TransportLost,
    CodecNotAccepted,
}

/// An error to tell a client.
#[derive(Debug)]
pub(crate) struct SignalError {
    pub(crate) code: Code,
    pub(crate) message: String,
    pub(crate) pc: Option<Pc>,
}

impl SignalError {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), pc: None }
    }

    pub(crate) fn about(mut self, pc: Pc) -> Self {
        self.pc = Some(pc);
        self
    }

    pub(crate) fn into_message(self) -> ServerMessage {
        ServerMessage::Error { code: self.code, message: self.message, pc: self.pc }
    }
}

/// Reads and checks a message of a client.
pub(crate) fn parse(text: &str) -> Result<ClientMessage, SignalError> {
    if text.len() > MAX_MESSAGE {
        return Err(too_large("the message", text.len(), MAX_MESSAGE));
    }
    let message: ClientMessage = serde_json::from_str(text)
        .map_err(|e| SignalError::new(Code::BadMessage, format!("not a message this server knows: {e}")))?;
    check(&message)?;
    Ok(message)
}

fn check(message: &ClientMessage) -> Result<(), SignalError> {
    match message {
        ClientMessage::Join(join) => {
            if !is_id(&join.id) {
                return Err(SignalError::new(
                    Code::BadId,
                    format!("`id` must be 1 to {MAX_ID} of A-Z a-z 0-9 _ -"),
                ));
            }
            if join.room.is_empty() || join.room.len() > MAX_ROOM {
                return Err(SignalError::new(Code::BadId, format!("`room` must be 1 to {MAX_ROOM} bytes")));
            }
            limit("`name`", join.name.len(), MAX_NAME)?;
            limit("`announcement`", join.announcement.len(), MAX_ANNOUNCEMENT)?;
            limit("`caps`", join.caps.to_string().len(), MAX_CAPS)
        }
        ClientMessage::Announce { announcement } => {
            limit("`announcement`", announcement.len(), MAX_ANNOUNCEMENT)
        }
        ClientMessage::App { data, .. } => limit("`data`", data.to_string().len(), MAX_APP_DATA),
        ClientMessage::Offer { tracks, .. } => limit("`tracks`", tracks.len(), MAX_TRACKS),
        _ => Ok(()),
    }
}

fn limit(what: &str, len: usize, max: usize) -> Result<(), SignalError> {
    if len > max { Err(too_large(what, len, max)) } else { Ok(()) }
}

fn too_large(what: &str, len: usize, max: usize) -> SignalError {
    SignalError::new(Code::TooLarge, format!("{what} has {len}, the limit is {max}"))
}

fn is_id(id: &str) -> bool {
    !id.is_empty()
        && id.len() <= MAX_ID
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Code {
        parse(text).expect_err("must be refused").code
    }

    #[test]
    fn what_is_not_a_message_is_refused_with_a_reason() {
        assert_eq!(code("{"), Code::BadMessage);
        assert_eq!(code("[]"), Code::BadMessage);
        assert_eq!(code(r#"{"t":"nonsense"}"#), Code::BadMessage);
        assert_eq!(code(r#"{"t":"mute","mid":"0"}"#), Code::BadMessage);
        let error = parse(r#"{"t":"mute","mid":"0"}"#).expect_err("incomplete");
        assert!(error.message.contains("muted"), "{}", error.message);
    }

    #[test]
    fn limits_hold() {
        assert_eq!(code(r#"{"t":"join","room":"r","id":"a b"}"#), Code::BadId);
        assert_eq!(code(r#"{"t":"join","room":"","id":"a"}"#), Code::BadId);
        let long = "x".repeat(MAX_ANNOUNCEMENT + 1);
        assert_eq!(code(&format!(r#"{{"t":"announce","announcement":"{long}"}}"#)), Code::TooLarge);
        let data = "x".repeat(MAX_APP_DATA);
        assert_eq!(code(&format!(r#"{{"t":"app","data":"{data}"}}"#)), Code::TooLarge);
        assert_eq!(code(&" ".repeat(MAX_MESSAGE + 1)), Code::TooLarge);
    }

    #[test]
    fn an_eye_may_be_closed_with_null() {
        assert!(matches!(parse(r#"{"t":"eye","of":null}"#), Ok(ClientMessage::Eye { of: None, mid: None })));
    }
}
