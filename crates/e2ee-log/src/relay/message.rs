//! The messages of the WebSocket; `docs/log.md` has their layout.

use std::fmt;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::types::{Entry, MAX_PACKAGE, MAX_SAID, Position};

/// The subprotocol.
pub const PROTOCOL: &str = "frameseal-log.1";

const APPEND: u8 = 0x01;
const READ: u8 = 0x02;
const PUT_PACKAGE: u8 = 0x03;
const TAKE_PACKAGES: u8 = 0x04;
const SAY: u8 = 0x05;
const HEAD: u8 = 0x81;
const ENTRY: u8 = 0x82;
const ANSWER: u8 = 0x83;
const PACKAGE: u8 = 0x84;
const TOO_OLD: u8 = 0x85;
const SAID: u8 = 0x86;
const ERROR: u8 = 0x8f;

/// What a client asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Request {
    Append { expect: Position, entry: Bytes },
    Read { after: Position },
    PutPackage(Bytes),
    TakePackages,
    Say(Bytes),
}

/// What became of an append, as a byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Taken = 0,
    Conflict = 1,
    TooLarge = 2,
    NotThere = 3,
}

/// Why a connection ends, as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    BadMessage = 1,
    TooLarge = 2,
    NotThere = 3,
    TooSlow = 4,
    WentBack = 5,
    Full = 6,
}

/// Why a connection ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) code: Code,
    pub(super) text: String,
}

impl Fault {
    pub(super) fn new(code: Code, text: impl fmt::Display) -> Self {
        Self { code, text: text.to_string() }
    }

    /// The log is not there. What the backend said is the operator's business.
    pub(super) fn not_there() -> Self {
        Self::new(Code::NotThere, "the log is not there; connect again in a while")
    }
}

/// Reads a message of a client. An entry that is too large is answered, not refused here.
pub(super) fn parse(mut message: Bytes) -> Result<Request, Fault> {
    let bad = |text| Fault::new(Code::BadMessage, text);
    let kind =
        message.try_get_u8().map_err(|_| bad("a message has a kind in its first byte; this one is empty"))?;
    let mut position = || {
        let number = message.try_get_u64();
        number.map(Position).map_err(|_| bad("a position has 8 bytes; the message ends before"))
    };
    match kind {
        APPEND => Ok(Request::Append { expect: position()?, entry: message }),
        READ => match (position()?, message.is_empty()) {
            (after, true) => Ok(Request::Read { after }),
            (_, false) => Err(bad("nothing comes after the position of a read")),
        },
        PUT_PACKAGE if message.len() > MAX_PACKAGE => {
            Err(Fault::new(Code::TooLarge, format!("a key package has at most {MAX_PACKAGE} bytes")))
        }
        PUT_PACKAGE => Ok(Request::PutPackage(message)),
        TAKE_PACKAGES if message.is_empty() => Ok(Request::TakePackages),
        TAKE_PACKAGES => Err(bad("nothing comes after the kind of a take")),
        SAY if message.len() > MAX_SAID => {
            Err(Fault::new(Code::TooLarge, format!("what is said has at most {MAX_SAID} bytes")))
        }
        SAY => Ok(Request::Say(message)),
        _ => Err(bad("this kind of message is not one that clients send")),
    }
}

fn with_position(kind: u8, position: Position, bytes: &[u8]) -> Bytes {
    let mut message = BytesMut::with_capacity(9 + bytes.len());
    message.put_u8(kind);
    message.put_u64(position.0);
    message.put_slice(bytes);
    message.freeze()
}

fn plain(kind: u8, bytes: &[u8]) -> Bytes {
    [&[kind][..], bytes].concat().into()
}

/// The head, first on every connection.
pub(super) fn head(entry: Option<&Entry>) -> Bytes {
    match entry {
        Some(entry) => with_position(HEAD, entry.position, &entry.bytes),
        None => with_position(HEAD, Position::START, &[]),
    }
}

pub(super) fn entry(entry: &Entry) -> Bytes {
    with_position(ENTRY, entry.position, &entry.bytes)
}

pub(super) fn answer(expect: Position, outcome: Outcome) -> Bytes {
    with_position(ANSWER, expect, &[outcome as u8])
}

pub(super) fn package(bytes: &[u8]) -> Bytes {
    plain(PACKAGE, bytes)
}

pub(super) fn too_old(oldest: Position) -> Bytes {
    with_position(TOO_OLD, oldest, &[])
}

pub(super) fn said(bytes: &[u8]) -> Bytes {
    plain(SAID, bytes)
}

pub(super) fn error(fault: &Fault) -> Bytes {
    let mut message = BytesMut::with_capacity(3 + fault.text.len());
    message.put_u8(ERROR);
    message.put_u16(fault.code as u16);
    message.put_slice(fault.text.as_bytes());
    message.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read() {
        let parse = |bytes: &[u8]| parse(Bytes::copy_from_slice(bytes));
        let append = Request::Append { expect: Position(258), entry: "x".into() };
        assert_eq!(parse(&[1, 0, 0, 0, 0, 0, 0, 1, 2, b'x']), Ok(append));
        let empty = Request::Append { expect: Position(0), entry: Bytes::new() };
        assert_eq!(parse(&[1, 0, 0, 0, 0, 0, 0, 0, 0]), Ok(empty));
        assert_eq!(
            parse(&[2, 255, 255, 255, 255, 255, 255, 255, 255]),
            Ok(Request::Read { after: Position(u64::MAX) })
        );
        assert_eq!(parse(&[3]), Ok(Request::PutPackage(Bytes::new())));
        assert_eq!(parse(&[4]), Ok(Request::TakePackages));
        assert_eq!(parse(b"\x05hi"), Ok(Request::Say("hi".into())));
        assert!(parse(&[&[3][..], &[0; MAX_PACKAGE]].concat()).is_ok());
        assert!(parse(&[&[5][..], &[0; MAX_SAID]].concat()).is_ok());
    }

    #[test]
    fn nothing_else_is() {
        let code = |bytes: &[u8]| parse(Bytes::copy_from_slice(bytes)).unwrap_err().code;
        for kind in 0..=255 {
            if !(APPEND..=SAY).contains(&kind) {
                assert_eq!(code(&[kind, 0, 0, 0, 0, 0, 0, 0, 0]), Code::BadMessage, "kind {kind}");
            }
        }
        for wrong in [&[][..], &[1], &[1, 0, 0, 0, 0, 0, 0, 0], &[2], &[2, 0], &[2; 10], &[4, 0]] {
            assert_eq!(code(wrong), Code::BadMessage, "{wrong:?}");
        }
        assert_eq!(code(&[&[3][..], &[0; MAX_PACKAGE + 1]].concat()), Code::TooLarge);
        assert_eq!(code(&[&[5][..], &[0; MAX_SAID + 1]].concat()), Code::TooLarge);
    }

    #[test]
    fn answers_have_their_layout() {
        let one = Entry { position: Position(1), bytes: "x".into() };
        assert_eq!(head(None)[..], [0x81, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(head(Some(&one))[..], [0x81, 0, 0, 0, 0, 0, 0, 0, 1, b'x']);
        assert_eq!(entry(&one)[..], [0x82, 0, 0, 0, 0, 0, 0, 0, 1, b'x']);
        assert_eq!(answer(Position(2), Outcome::Conflict)[..], [0x83, 0, 0, 0, 0, 0, 0, 0, 2, 1]);
        assert_eq!(package(b"kp")[..], *b"\x84kp");
        assert_eq!(too_old(Position(9))[..], [0x85, 0, 0, 0, 0, 0, 0, 0, 9]);
        assert_eq!(said(b"hi")[..], *b"\x86hi");
        assert_eq!(error(&Fault::new(Code::TooSlow, "é"))[..], *b"\x8f\x00\x04\xc3\xa9");
    }
}
