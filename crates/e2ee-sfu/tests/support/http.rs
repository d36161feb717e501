//! HTTP by hand: one request, one connection, so that nothing tidies up a path or adds a header.

use std::io::{Read, Write};
use std::net::TcpStream;

use e2ee_sfu::Running;
use serde_json::Value;

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {:?}", self.head))
    }
}

/// Sends a request with these header lines.
pub fn request(server: &Running, method: &str, path: &str, headers: &[&str], body: &str) -> Answer {
    let mut stream = TcpStream::connect(server.addr()).unwrap();
    let mut text = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
    if !headers.iter().any(|h| h.to_ascii_lowercase().starts_with("host:")) {
        text += &format!("Host: {}\r\n", server.addr());
    }
    headers.iter().for_each(|h| text += &format!("{h}\r\n"));
    text += &format!("Content-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(text.as_bytes()).unwrap();
    let mut all = Vec::new();
    stream.read_to_end(&mut all).unwrap();
    let split = all.windows(4).position(|w| w == b"\r\n\r\n").expect("a whole answer");
    let head = String::from_utf8(all[..split].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head, body: all[split + 4..].to_vec() }
}

pub fn get(server: &Running, path: &str) -> Answer {
    request(server, "GET", path, &[], "")
}

pub fn post(server: &Running, path: &str, body: &Value) -> Answer {
    request(server, "POST", path, &["Content-Type: application/json"], &body.to_string())
}
