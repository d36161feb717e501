//! Signalling of the demo's server (`crates/e2ee-sfu/PROTOCOL.md`) around two peer connections.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::media::{Direction, MediaData, MediaKind, Mid};
use str0m::{Event, Rtc};
use tungstenite::{Message, WebSocket};

use crate::peer::Peer;
use crate::{Error, Member};

/// How long the server is waited for.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long nothing is done when there is nothing to do.
pub(crate) const NAP: Duration = Duration::from_millis(2);

/// A track that somebody sends us.
#[derive(Clone, Debug)]
pub struct Track {
    /// Whose.
    pub of: String,
    /// `audio`, `video`, `screen`, `screen-audio`.
    pub kind: String,
}

/// What came since the last look.
#[derive(Default)]
pub struct News {
    /// Frames, as the network gave them.
    pub media: Vec<MediaData>,
    /// Somebody wants a key frame of ours.
    pub key_frame_wanted: bool,
}

/// A participant's side of a call.
pub struct Call {
    ws: WebSocket<TcpStream>,
    publisher: Peer,
    subscriber: Peer,
    pending: Option<SdpPendingOffer>,
    joined: bool,
    tracks: HashMap<String, Track>,
    announcements: HashMap<String, String>,
}

impl Call {
    /// Joins, and announces what the others need to open our frames.
    ///
    /// # Errors
    /// [`Error`].
    pub fn join(member: &Member, announcement: Option<&str>) -> Result<Self, Error> {
        let stream = TcpStream::connect(member.server)?;
        let here = stream.local_addr()?.ip();
        let (ws, _) = tungstenite::client(format!("ws://{}/ws", member.server), stream)
            .map_err(|error| Error::Signalling(error.to_string()))?;
        ws.get_ref().set_nonblocking(true)?;
        let mut call = Self {
            ws,
            publisher: Peer::new(here)?,
            subscriber: Peer::new(here)?,
            pending: None,
            joined: false,
            tracks: HashMap::new(),
            announcements: HashMap::new(),
        };
        let mut join = json!({"t": "join", "room": member.room, "id": member.id, "name": member.name});
        if let (Some(announcement), Some(fields)) = (announcement, join.as_object_mut()) {
            fields.insert("announcement".to_owned(), announcement.into());
        }
        call.send(&join)?;
        call.wait("to be let in", |call| call.joined)?;
        Ok(call)
    }

    /// Offers a video track, and waits until it can be sent on.
    ///
    /// # Errors
    /// [`Error`].
    pub fn publish(&mut self) -> Result<Mid, Error> {
        let mut change = self.publisher.rtc.sdp_api();
        let mid = change.add_media(MediaKind::Video, Direction::SendOnly, None, None, None);
        let (offer, pending) =
            change.apply().ok_or_else(|| Error::Rtc("there is nothing to be offered".into()))?;
        self.pending = Some(pending);
        let tracks = json!([{"mid": mid.to_string(), "kind": "video"}]);
        self.send(&json!({"t": "offer", "pc": "pub", "sdp": offer.to_sdp_string(), "tracks": tracks}))?;
        self.wait("a connection for sending", |call| call.publisher.connected)?;
        Ok(mid)
    }

    /// The connection that sends.
    pub const fn sending(&mut self) -> &mut Rtc {
        &mut self.publisher.rtc
    }

    /// The connection that receives.
    pub const fn receiving(&mut self) -> &mut Rtc {
        &mut self.subscriber.rtc
    }

    /// What an m-line of the receiving connection carries.
    #[must_use]
    pub fn track(&self, mid: Mid) -> Option<&Track> {
        self.tracks.get(&mid.to_string())
    }

    /// What a participant announced.
    #[must_use]
    pub fn announcement(&self, of: &str) -> Option<&str> {
        self.announcements.get(of).map(String::as_str)
    }

    /// Takes what came, and lets time pass.
    ///
    /// # Errors
    /// [`Error`].
    pub fn pump(&mut self) -> Result<News, Error> {
        self.read_messages()?;
        let mut news = News::default();
        for event in self.publisher.pump()? {
            news.key_frame_wanted |= matches!(event, Event::KeyframeRequest(_));
        }
        for event in self.subscriber.pump()? {
            if let Event::MediaData(frame) = event {
                news.media.push(frame);
            }
        }
        Ok(news)
    }

    /// Leaves.
    ///
    /// # Errors
    /// [`Error::Signalling`].
    pub fn leave(mut self) -> Result<(), Error> {
        self.send(&json!({"t": "leave"}))
    }

    fn wait(&mut self, what: &'static str, mut done: impl FnMut(&Self) -> bool) -> Result<(), Error> {
        let start = Instant::now();
        while !done(self) {
            if start.elapsed() > PATIENCE {
                return Err(Error::Timeout(what));
            }
            self.pump()?;
            std::thread::sleep(NAP);
        }
        Ok(())
    }

    fn send(&mut self, message: &Value) -> Result<(), Error> {
        let mut next = Some(Message::text(message.to_string()));
        while let Some(message) = next.take() {
            match self.ws.send(message) {
                Err(tungstenite::Error::WriteBufferFull(again)) => next = Some(*again),
                Err(tungstenite::Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => {}
                sent => sent?,
            }
        }
        Ok(())
    }

    fn read_messages(&mut self) -> Result<(), Error> {
        loop {
            match self.ws.read() {
                Ok(Message::Text(text)) => {
                    let message: Value =
                        serde_json::from_str(&text).map_err(|error| Error::Signalling(error.to_string()))?;
                    self.take(&message)?;
                }
                Ok(_) => {}
                Err(tungstenite::Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn take(&mut self, message: &Value) -> Result<(), Error> {
        let text = |value: &Value, field: &str| value.get(field).and_then(Value::as_str).map(str::to_owned);
        let sdp = || text(message, "sdp").unwrap_or_default();
        let bad_sdp = |error: str0m::error::SdpError| Error::Rtc(error.to_string());
        match message.get("t").and_then(Value::as_str).unwrap_or_default() {
            "welcome" => {
                self.joined = true;
                message
                    .get("members")
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten()
                    .for_each(|m| self.note(m));
            }
            "member" => self.note(message),
            "answer" => {
                let answer = SdpAnswer::from_sdp_string(&sdp()).map_err(bad_sdp)?;
                if let Some(pending) = self.pending.take() {
                    self.publisher.rtc.sdp_api().accept_answer(pending, answer)?;
                }
            }
            "offer" => {
                let list = message.get("tracks").and_then(Value::as_array);
                self.tracks = list
                    .into_iter()
                    .flatten()
                    .filter_map(|track| {
                        let (of, kind) = (text(track, "of")?, text(track, "kind")?);
                        Some((text(track, "mid")?, Track { of, kind }))
                    })
                    .collect();
                let offer = SdpOffer::from_sdp_string(&sdp()).map_err(bad_sdp)?;
                let answer = self.subscriber.rtc.sdp_api().accept_offer(offer)?;
                self.send(&json!({"t": "answer", "pc": "sub", "sdp": answer.to_sdp_string()}))?;
            }
            "error" => {
                let why = text(message, "message").or_else(|| text(message, "code"));
                return Err(Error::Signalling(why.unwrap_or_default()));
            }
            _ => {}
        }
        Ok(())
    }

    /// What a member announced, which is public, and proves itself or not when frames come.
    fn note(&mut self, member: &Value) {
        let text = |field| member.get(field).and_then(Value::as_str).map(str::to_owned);
        if let (Some(id), Some(said)) = (text("id"), text("announcement")) {
            self.announcements.insert(id, said);
        }
    }
}
