//! Clients made of str0m and a WebSocket, driven by hand over loopback.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

pub mod descriptor;
pub mod http;

use std::collections::HashMap;
use std::io::ErrorKind;
use std::net::{TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use descriptor::Raw;
use e2ee_sfu::{Running, Server, ServerOptions};
use serde_json::{Value, json};
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::format::Codec;
use str0m::media::{Direction, MediaKind, Mid, Pt, Rid, Simulcast, SimulcastLayer};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{ExtensionValues, RtpWrite};
use str0m::{Candidate, Event, Input, Output, Rtc};
use tungstenite::{Message, WebSocket};

/// Long enough for a busy machine, short enough to wait for a failure.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A server with its test endpoints open.
pub fn server() -> Running {
    Server::start(ServerOptions { test: true, ..ServerOptions::default() }).unwrap()
}

/// One peer connection of a client.
struct Pc {
    rtc: Rtc,
    socket: UdpSocket,
    connected: bool,
    /// Every how many datagrams of media one is lost on the way out, and on the way in.
    lossy: (Option<u32>, Option<u32>),
    counted: (u32, u32),
}

/// A packet that a client received.
#[derive(Debug, Clone)]
pub struct Got {
    pub mid: String,
    pub seq: u64,
    pub timestamp: u32,
    pub marker: bool,
    pub payload: Vec<u8>,
    /// The Dependency Descriptor.
    pub descriptor: Option<Vec<u8>>,
}

/// See the module.
pub struct Client {
    ws: WebSocket<TcpStream>,
    publisher: Pc,
    subscriber: Pc,
    pending: Option<SdpPendingOffer>,
    /// What offers say is published.
    pub kinds: Vec<(Mid, &'static str)>,
    seqs: HashMap<(Mid, Option<Rid>), u64>,
    /// All messages of the server, oldest first.
    pub inbox: Vec<Value>,
    /// Frames of the eye.
    pub eye: Vec<Vec<u8>>,
    pub got: Vec<Got>,
    /// Key frames that the SFU asked for: m-line and layer.
    pub asked: Vec<(Mid, Option<Rid>)>,
    pub closed: bool,
}

impl Pc {
    fn new() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        let mut rtc = Rtc::builder()
            .set_rtp_mode(true)
            .set_extension(12, descriptor::extension())
            .build(Instant::now());
        rtc.add_local_candidate(Candidate::host(socket.local_addr().unwrap(), "udp").unwrap());
        Self { rtc, socket, connected: false, lossy: (None, None), counted: (0, 0) }
    }

    /// Takes what came, lets time pass, sends what is to be sent.
    fn pump(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        let mut buf = [0u8; 2048];
        let destination = self.socket.local_addr().unwrap();
        while let Ok((len, source)) = self.socket.recv_from(&mut buf) {
            if is_lost(self.lossy.1, &mut self.counted.1, &buf[..len]) {
                continue;
            }
            let Ok(contents) = buf[..len].try_into() else { continue };
            let receive = Receive { proto: Protocol::Udp, source, destination, contents };
            self.rtc.handle_input(Input::Receive(Instant::now(), receive)).unwrap();
            self.drain(&mut events);
        }
        self.rtc.handle_input(Input::Timeout(Instant::now())).unwrap();
        self.drain(&mut events);
        events
    }

    fn drain(&mut self, events: &mut Vec<Event>) {
        loop {
            match self.rtc.poll_output().unwrap() {
                Output::Timeout(_) => return,
                Output::Transmit(t) if is_lost(self.lossy.0, &mut self.counted.0, &t.contents) => {}
                Output::Transmit(t) => drop(self.socket.send_to(&t.contents, t.destination)),
                Output::Event(Event::Connected) => self.connected = true,
                Output::Event(event) => events.push(event),
            }
        }
    }
}

/// Whether to lose a datagram: only media is, RTP of some length.
fn is_lost(every: Option<u32>, counted: &mut u32, datagram: &[u8]) -> bool {
    let Some(every) = every.filter(|_| datagram.len() > 200 && (128..192).contains(&datagram[0])) else {
        return false;
    };
    *counted += 1;
    counted.is_multiple_of(every)
}

impl Client {
    /// A connection that has not joined.
    pub fn connect(server: &Running) -> Self {
        let stream = TcpStream::connect(server.addr()).unwrap();
        let (ws, _) = tungstenite::client(format!("ws://{}/ws", server.addr()), stream).unwrap();
        ws.get_ref().set_nonblocking(true).unwrap();
        Self {
            ws,
            publisher: Pc::new(),
            subscriber: Pc::new(),
            pending: None,
            kinds: Vec::new(),
            seqs: HashMap::new(),
            inbox: Vec::new(),
            eye: Vec::new(),
            got: Vec::new(),
            asked: Vec::new(),
            closed: false,
        }
    }

    /// A client that is in a room.
    pub fn join(server: &Running, room: &str, id: &str) -> Self {
        let mut client = Self::connect(server);
        client.send(json!({"t": "join", "room": room, "id": id, "name": id, "announcement": "a"}));
        until(&mut [&mut client], |c| c[0].last("welcome").is_some());
        client
    }

    pub fn send(&mut self, message: Value) {
        self.send_text(&message.to_string());
    }

    pub fn send_text(&mut self, text: &str) {
        let mut message = Some(Message::text(text));
        while let Some(m) = message.take() {
            match self.ws.send(m) {
                Err(tungstenite::Error::WriteBufferFull(m)) => message = Some(*m),
                Err(tungstenite::Error::Io(e)) if e.kind() == ErrorKind::WouldBlock => {}
                sent => sent.unwrap(),
            }
        }
    }

    pub fn send_binary(&mut self, bytes: &[u8]) {
        self.ws.send(Message::binary(bytes.to_vec())).unwrap();
    }

    /// The latest message of this type.
    pub fn last(&self, t: &str) -> Option<&Value> {
        self.inbox.iter().rev().find(|m| m["t"] == t)
    }

    /// Codes of the errors so far.
    pub fn errors(&self) -> Vec<&str> {
        self.inbox.iter().filter(|m| m["t"] == "error").map(|m| m["code"].as_str().unwrap()).collect()
    }

    /// Adds tracks to `pub` and offers them; gives their m-lines.
    pub fn publish(&mut self, kinds: &[&'static str], layers: &[&str]) -> Vec<Mid> {
        let mut change = self.publisher.rtc.sdp_api();
        let mut mids = Vec::new();
        for kind in kinds {
            let video = matches!(*kind, "video" | "screen");
            let medium = if video { MediaKind::Video } else { MediaKind::Audio };
            let simulcast = (video && !layers.is_empty()).then(|| {
                let mut simulcast = Simulcast::new();
                layers.iter().for_each(|rid| simulcast.add_send_layer(SimulcastLayer::new(rid)));
                simulcast
            });
            mids.push(change.add_media(medium, Direction::SendOnly, None, None, simulcast));
        }
        let (offer, pending) = change.apply().unwrap();
        self.pending = Some(pending);
        self.kinds.extend(mids.iter().copied().zip(kinds.iter().copied()));
        self.offer(&offer);
        mids
    }

    /// Takes a track off `pub`.
    pub fn unpublish(&mut self, mid: Mid) {
        let mut change = self.publisher.rtc.sdp_api();
        change.set_direction(mid, Direction::Inactive);
        let (offer, pending) = change.apply().unwrap();
        self.pending = Some(pending);
        self.kinds.retain(|(m, _)| *m != mid);
        self.offer(&offer);
    }

    fn offer(&mut self, offer: &SdpOffer) {
        let tracks: Vec<Value> =
            self.kinds.iter().map(|(mid, kind)| json!({"mid": mid.to_string(), "kind": kind})).collect();
        self.send(json!({"t": "offer", "pc": "pub", "sdp": offer.to_sdp_string(), "tracks": tracks}));
    }

    /// From now on, one in so many packets of media is lost, in both directions.
    pub fn lose(&mut self, every: u32) {
        self.publisher.lossy = (Some(every), None);
        self.subscriber.lossy = (None, Some(every));
    }

    pub fn pub_connected(&self) -> bool {
        self.publisher.connected
    }

    pub fn sub_connected(&self) -> bool {
        self.subscriber.connected
    }

    pub fn ssrc(&mut self, mid: Mid, rid: Option<&str>) -> u32 {
        *self.publisher.rtc.direct_api().stream_tx_by_mid(mid, rid.map(Into::into)).unwrap().ssrc()
    }

    /// Sends a packet with the marker set.
    pub fn write(&mut self, codec: Codec, mid: Mid, rid: Option<&str>, timestamp: u32, payload: &[u8]) {
        self.write_described(codec, mid, rid, timestamp, payload, None);
    }

    /// The same with a Dependency Descriptor.
    pub fn write_described(
        &mut self,
        codec: Codec,
        mid: Mid,
        rid: Option<&str>,
        timestamp: u32,
        payload: &[u8],
        descriptor: Option<&[u8]>,
    ) {
        let mut values = ExtensionValues::default();
        if let Some(bytes) = descriptor {
            values.user_values.set(Raw(bytes.to_vec()));
        }
        let rid = rid.map(Rid::from);
        let pt: Pt = self.publisher.rtc.codec_config().find(|p| p.spec().codec == codec).unwrap().pt();
        let seq = self.seqs.entry((mid, rid)).or_insert(1000);
        *seq += 1;
        let write = RtpWrite::new(pt, (*seq).into(), timestamp, Instant::now(), payload)
            .marker(true)
            .ext_vals(values)
            .nackable(codec != Codec::Opus);
        self.publisher.rtc.direct_api().stream_tx_by_mid(mid, rid).unwrap().write_rtp(write);
        let events = self.publisher.pump();
        self.note_publisher(events);
    }

    /// Takes what came and lets time pass.
    pub fn pump(&mut self) {
        self.read_messages();
        let events = self.publisher.pump();
        self.note_publisher(events);
        for event in self.subscriber.pump() {
            if let Event::RtpPacket(packet) = event {
                let ssrc = packet.header.ssrc;
                let mid = self.subscriber.rtc.direct_api().stream_rx(&ssrc).map(|s| s.mid()).unwrap();
                self.got.push(Got {
                    mid: mid.to_string(),
                    seq: *packet.seq_no,
                    timestamp: packet.header.timestamp,
                    marker: packet.header.marker,
                    payload: packet.payload.to_vec(),
                    descriptor: packet.header.ext_vals.user_values.get::<Raw>().map(|r| r.0.clone()),
                });
            }
        }
    }

    fn note_publisher(&mut self, events: Vec<Event>) {
        for event in events {
            if let Event::KeyframeRequest(request) = event {
                self.asked.push((request.mid, request.rid));
            }
        }
    }

    /// Asks for a key frame of a received m-line, as a decoder in need does.
    pub fn ask_for_key_frame(&mut self, mid: &str) {
        let mut api = self.subscriber.rtc.direct_api();
        let stream = api.stream_rx_by_mid(mid.into(), None).unwrap();
        stream.request_keyframe(str0m::media::KeyframeRequestKind::Pli);
    }

    fn read_messages(&mut self) {
        loop {
            match self.ws.read() {
                Ok(Message::Text(text)) => {
                    let message: Value = serde_json::from_str(&text).unwrap();
                    self.negotiate(&message);
                    self.inbox.push(message);
                }
                Ok(Message::Binary(frame)) => self.eye.push(frame.to_vec()),
                Ok(_) => {}
                Err(tungstenite::Error::Io(e)) if e.kind() == ErrorKind::WouldBlock => return,
                Err(_) => {
                    self.closed = true;
                    return;
                }
            }
        }
    }

    fn negotiate(&mut self, message: &Value) {
        let sdp = || message["sdp"].as_str().unwrap();
        match message["t"].as_str().unwrap() {
            "answer" => {
                let answer = SdpAnswer::from_sdp_string(sdp()).unwrap();
                let pending = self.pending.take().expect("an answer to an offer");
                self.publisher.rtc.sdp_api().accept_answer(pending, answer).unwrap();
            }
            "offer" => {
                let offer = SdpOffer::from_sdp_string(sdp()).unwrap();
                let answer = self.subscriber.rtc.sdp_api().accept_offer(offer).unwrap();
                self.send(json!({"t": "answer", "pc": "sub", "sdp": answer.to_sdp_string()}));
            }
            _ => {}
        }
    }
}

/// Drives the clients until the condition holds; fails when it does not in good time.
#[track_caller]
pub fn until(clients: &mut [&mut Client], mut condition: impl FnMut(&mut [&mut Client]) -> bool) {
    let start = Instant::now();
    loop {
        clients.iter_mut().for_each(|c| c.pump());
        if condition(clients) {
            return;
        }
        if start.elapsed() > PATIENCE {
            let inboxes: Vec<_> =
                clients.iter().map(|c| format!("{:.2000}", json!(c.inbox).to_string())).collect();
            panic!("the condition does not come true; messages: {inboxes:#?}");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Drives the clients until the server has this many subscriptions that it forwards to, and no others.
#[track_caller]
pub fn settle(server: &Running, clients: &mut [&mut Client], subscriptions: usize) {
    until(clients, |_| {
        let stats = http::get(server, "/api/stats").json();
        let rooms = stats["rooms"].as_array().unwrap();
        let members = rooms.iter().flat_map(|r| r["participants"].as_array().unwrap());
        let mut open = 0;
        for member in members {
            let all = member["subscriptions"].as_array().unwrap();
            let usable = member["subConnected"] == true && all.iter().all(|s| s["open"] == true);
            let publishing =
                member["tracks"].as_array().unwrap().is_empty() || member["pubConnected"] == true;
            if !publishing || !(usable || all.is_empty()) {
                return false;
            }
            open += all.len();
        }
        open == subscriptions
    });
}

/// Drives the clients for a while.
pub fn pass(clients: &mut [&mut Client], time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        clients.iter_mut().for_each(|c| c.pump());
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A VP8 payload: descriptor with a picture number, then a frame of one packet.
pub fn vp8(key: bool, picture: u16, body: &[u8]) -> Vec<u8> {
    let picture = (picture | 0x8000).to_be_bytes();
    let mut payload = vec![0x90, 0x80, picture[0], picture[1], if key { 0x50 } else { 0x51 }];
    payload.extend_from_slice(body);
    payload
}
