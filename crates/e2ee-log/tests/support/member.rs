//! A member of a room: it applies entries in order, appends its own, keeps what it may have to append again, and
//! goes to another relay when one fails.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::PATIENCE;
use super::client::{CONFLICT, Client, NOT_THERE, Told};

/// How many of its own and others' entries a member can append again.
const KEPT: usize = 4;

/// How long what won may take to come.
const REFUSED: Duration = Duration::from_secs(1);

pub struct Member {
    relays: Vec<SocketAddr>,
    /// The relay it is at, of those.
    pub relay: usize,
    room: String,
    /// All entries that it has applied, in order.
    pub log: Vec<Bytes>,
    /// Entries of its own that are not in the log yet.
    wants: VecDeque<Bytes>,
    /// It is connected, and nothing else but `wants` is to be done.
    client: Option<Client>,
    in_flight: bool,
    /// It was refused at the position where it still is: what won must come.
    refused: bool,
    /// Up to where it reads what it has missed.
    missed: u64,
    /// How often it came to another relay or the same again, and appended an entry again that the log had lost.
    pub reconnects: usize,
    pub again: usize,
    /// Told of its position.
    pub progress: watch::Sender<usize>,
}

impl Member {
    pub fn new(relays: Vec<SocketAddr>, relay: usize, room: &str) -> Self {
        Self {
            relays,
            relay,
            room: room.to_owned(),
            log: Vec::new(),
            wants: VecDeque::new(),
            client: None,
            in_flight: false,
            refused: false,
            missed: 0,
            reconnects: 0,
            again: 0,
            progress: watch::Sender::new(0),
        }
    }

    pub fn want(&mut self, entries: impl IntoIterator<Item = String>) {
        self.wants.extend(entries.into_iter().map(Bytes::from));
    }

    /// Runs until its own entries are in the log and it has applied `total`.
    pub async fn reach(&mut self, total: usize) {
        let deadline = Instant::now() + 3 * PATIENCE;
        while self.log.len() < total || !self.wants.is_empty() {
            assert!(Instant::now() < deadline, "at {} of {total}, wants {:?}", self.log.len(), self.wants);
            self.append().await;
            if let Some(client) = &mut self.client {
                let patience = if self.refused { REFUSED } else { PATIENCE };
                match timeout(patience, client.next_ever()).await {
                    Ok(told) => self.told(told).await,
                    // The log is behind what this member knows: its head says so, and what is missing.
                    Err(_) if self.refused => self.lost().await,
                    Err(_) => {
                        panic!("nothing for {patience:?} at {}, wants {:?}", self.log.len(), self.wants)
                    }
                }
            } else {
                self.connect().await;
            }
        }
        assert_eq!(self.log.len(), total);
    }

    async fn connect(&mut self) {
        match timeout(Duration::from_secs(2), Client::connect(self.relays[self.relay], &self.room)).await {
            Ok(Ok(client)) => self.client = Some(client),
            _ => self.lost().await,
        }
    }

    async fn lost(&mut self) {
        self.client = None;
        self.in_flight = false;
        self.refused = false;
        self.reconnects += 1;
        self.relay = (self.relay + 1) % self.relays.len();
        sleep(Duration::from_millis(50)).await;
    }

    fn at(&self) -> u64 {
        self.log.len() as u64
    }

    async fn append(&mut self) {
        if let (Some(client), Some(entry), false) = (&mut self.client, self.wants.front(), self.in_flight)
            && !self.log.is_empty()
        {
            self.in_flight = true;
            client.append(self.log.len() as u64, entry).await;
        }
    }

    async fn told(&mut self, told: Told) {
        match told {
            Told::Head(head, entry) => self.start(head, entry).await,
            Told::Entry(position, entry) => self.entry(position, entry),
            Told::Answer(_, NOT_THERE) => self.lost().await,
            Told::Answer(expect, CONFLICT) => self.refused |= self.in_flight && expect == self.at(),
            // What was taken comes as an entry.
            Told::Answer(..) | Told::Package(_) | Told::Said(_) => {}
            Told::Error(..) | Told::End => self.lost().await,
            Told::TooOld(oldest) => panic!("too old: {oldest}"),
        }
    }

    /// Where the log is against where the member is.
    async fn start(&mut self, head: u64, entry: Bytes) {
        let (at, client) = (self.at(), self.client.as_mut().unwrap());
        self.missed = head;
        if head > at {
            client.read(at).await;
        } else if head == at {
            assert!(at == 0 || self.log.last() == Some(&entry), "two entries at {at}");
            if at == 0 {
                // Somebody begins; who comes second applies it.
                client.append(0, b"begin").await;
            }
        } else if head == 0 {
            // An empty log takes the newest.
            self.again += 1;
            client.append(at - 1, &self.log[at as usize - 1].clone()).await;
        } else {
            assert!(at - head <= KEPT as u64, "the log lost {} entries", at - head);
            for position in head..at {
                self.again += 1;
                client.append(position, &self.log[position as usize].clone()).await;
            }
        }
    }

    fn entry(&mut self, position: u64, entry: Bytes) {
        let at = self.at();
        if position <= at {
            assert_eq!(self.log[position as usize - 1], entry, "two entries at {position}");
        } else if position > at + 1 {
            // Streamed while it reads; the answer comes to it.
            assert!(at < self.missed, "a gap: {position} after {at}");
        } else {
            if self.wants.front() == Some(&entry) {
                self.wants.pop_front();
            }
            self.log.push(entry);
            self.in_flight = false;
            self.refused = false;
            self.progress.send_replace(self.log.len());
        }
    }
}
