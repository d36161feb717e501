//! The ordered log beside signalling.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::net::TcpStream;
use std::path::PathBuf;

use e2ee_sfu::{Running, Server, ServerOptions, StartError};
use support::PATIENCE;
use support::http::{get, request};
use tungstenite::client::IntoClientRequest;
use tungstenite::{Message, WebSocket};

fn connect(server: &Running, room: &str) -> WebSocket<TcpStream> {
    let mut request = format!("ws://{}/log?room={room}", server.addr()).into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", e2ee_log::PROTOCOL.parse().unwrap());
    let stream = TcpStream::connect(server.addr()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let (socket, answer) = tungstenite::client(request, stream).unwrap();
    assert_eq!(answer.headers().get("cross-origin-opener-policy").unwrap(), "same-origin");
    socket
}

fn receive(socket: &mut WebSocket<TcpStream>) -> Vec<u8> {
    loop {
        match socket.read().unwrap() {
            Message::Binary(message) => return message.to_vec(),
            Message::Ping(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

fn numbered(kind: u8, position: u64, rest: &[u8]) -> Vec<u8> {
    [&[kind][..], &position.to_be_bytes(), rest].concat()
}

#[test]
fn members_append_and_see_what_others_appended() {
    let server = Server::start(ServerOptions::default()).unwrap();
    let (mut one, mut two) = (connect(&server, "r"), connect(&server, "r"));
    assert_eq!(receive(&mut one), numbered(0x81, 0, b""));
    assert_eq!(receive(&mut two), numbered(0x81, 0, b""));
    one.send(Message::binary(numbered(1, 0, b"entry"))).unwrap();
    assert_eq!(receive(&mut one), numbered(0x83, 0, &[0]));
    assert_eq!(receive(&mut two), numbered(0x82, 1, b"entry"));
    two.send(Message::binary(numbered(1, 0, b"late"))).unwrap();
    assert_eq!(receive(&mut two), numbered(0x83, 0, &[1]));
}

#[test]
fn a_log_in_a_file_outlives_the_server() {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("log-{}.db", std::process::id()));
    let start = || Server::start(ServerOptions { log_file: Some(path.clone()), ..ServerOptions::default() });
    let server = start().unwrap();
    let mut client = connect(&server, "r");
    assert_eq!(receive(&mut client), numbered(0x81, 0, b""));
    client.send(Message::binary(numbered(1, 0, b"kept"))).unwrap();
    assert_eq!(receive(&mut client), numbered(0x83, 0, &[0]));
    let error = start().unwrap_err();
    assert!(matches!(error, StartError::Log { .. }));
    assert!(error.to_string().contains("in use"), "{error}");
    server.stop();
    let again = start().unwrap();
    assert_eq!(receive(&mut connect(&again, "r")), numbered(0x81, 1, b"kept"));
    again.stop();
    for end in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{end}", path.display()));
    }
}

#[test]
fn other_sites_are_kept_out_of_the_log() {
    let server = Server::start(ServerOptions::default()).unwrap();
    let upgrade = [
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Protocol: frameseal-log.1",
        "Origin: http://evil.example",
    ];
    assert_eq!(request(&server, "GET", "/log?room=r", &upgrade, "").status, 403);
    assert!((400..500).contains(&get(&server, "/log?room=r").status), "no WebSocket");
    let taken =
        ServerOptions { static_dirs: vec![("/log".to_owned(), "src".into())], ..ServerOptions::default() };
    assert!(matches!(Server::start(taken).unwrap_err(), StartError::BadPrefix { .. }));
}
