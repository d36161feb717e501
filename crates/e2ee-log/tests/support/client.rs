//! A client of the WebSocket protocol, and a member that uses it as members do.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::serve::ListenerExt;
use bytes::Bytes;
use e2ee_log::{Log, Options, PROTOCOL, router};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, client_async_with_config};

use super::PATIENCE;

/// A relay in this process, on a free port; gone with the runtime of the test.
pub async fn serve(log: Arc<dyn Log>) -> SocketAddr {
    serve_with(log, Options::default()).await
}

pub async fn serve_with(log: Arc<dyn Log>, options: Options) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind(super::servers::local(0)).await.unwrap();
    let addr = listener.local_addr().unwrap();
    let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap());
    let router = router(log, options).unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    addr
}

/// What a relay sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    Head(u64, Bytes),
    Entry(u64, Bytes),
    /// Expected position and outcome.
    Answer(u64, u8),
    Package(Bytes),
    TooOld(u64),
    Said(Bytes),
    Error(u16, String),
    /// The connection has ended.
    End,
}

pub const TAKEN: u8 = 0;
pub const CONFLICT: u8 = 1;
pub const TOO_LARGE: u8 = 2;
pub const NOT_THERE: u8 = 3;

pub struct Client(pub WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    pub async fn connect(addr: SocketAddr, room: &str) -> Result<Self, Error> {
        Self::connect_as(addr, &format!("room={room}"), Some(PROTOCOL)).await
    }

    pub async fn connect_as(addr: SocketAddr, query: &str, protocol: Option<&str>) -> Result<Self, Error> {
        let mut request = format!("ws://{addr}/log?{query}").into_client_request()?;
        if let Some(protocol) = protocol {
            request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_str(protocol).unwrap());
        }
        let tcp = TcpStream::connect(addr).await?;
        tcp.set_nodelay(true)?;
        let config = WebSocketConfig::default().max_message_size(None).max_frame_size(None);
        let shake = client_async_with_config(request, MaybeTlsStream::Plain(tcp), Some(config));
        let (socket, response) = timeout(PATIENCE, shake).await.expect("a handshake in time")?;
        assert_eq!(response.headers()["sec-websocket-protocol"], PROTOCOL);
        Ok(Self(socket))
    }

    /// Connects and takes the head.
    pub async fn join(addr: SocketAddr, room: &str) -> (Self, u64) {
        let mut client = Self::connect(addr, room).await.unwrap();
        match client.next().await {
            Told::Head(position, _) => (client, position),
            other => panic!("{other:?} instead of a head"),
        }
    }

    /// Sends; on a connection that has ended that is seen by [`next`](Self::next).
    pub async fn send(&mut self, message: Vec<u8>) {
        let _ = self.0.send(Message::Binary(message.into())).await;
    }

    pub async fn append(&mut self, expect: u64, entry: &[u8]) {
        self.send(append(expect, entry)).await;
    }

    pub async fn read(&mut self, after: u64) {
        self.send([&[2][..], &after.to_be_bytes()].concat()).await;
    }

    pub async fn put_package(&mut self, package: &[u8]) {
        self.send([&[3][..], package].concat()).await;
    }

    pub async fn take_packages(&mut self) {
        self.send(vec![4]).await;
    }

    pub async fn say(&mut self, said: &[u8]) {
        self.send([&[5][..], said].concat()).await;
    }

    pub async fn next(&mut self) -> Told {
        timeout(PATIENCE, self.next_ever()).await.expect("a message in time")
    }

    pub async fn next_ever(&mut self) -> Told {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Binary(message))) => return told(&message),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Told::End,
                Some(Ok(other)) => panic!("{other:?}"),
            }
        }
    }
}

pub fn append(expect: u64, entry: &[u8]) -> Vec<u8> {
    [&[1][..], &expect.to_be_bytes(), entry].concat()
}

fn told(message: &Bytes) -> Told {
    let position = || u64::from_be_bytes(message[1..9].try_into().unwrap());
    match message[0] {
        0x81 => Told::Head(position(), message.slice(9..)),
        0x82 => Told::Entry(position(), message.slice(9..)),
        0x83 => {
            assert_eq!(message.len(), 10);
            Told::Answer(position(), message[9])
        }
        0x84 => Told::Package(message.slice(1..)),
        0x85 => {
            assert_eq!(message.len(), 9);
            Told::TooOld(position())
        }
        0x86 => Told::Said(message.slice(1..)),
        0x8f => {
            let code = u16::from_be_bytes(message[1..3].try_into().unwrap());
            Told::Error(code, String::from_utf8(message[3..].to_vec()).unwrap())
        }
        kind => panic!("kind {kind:#x}"),
    }
}
