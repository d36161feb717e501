//! The glue to str0m: one peer connection, driven without ever letting its bugs take the server down.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use str0m::media::KeyframeRequest;
use str0m::net::Transmit;
use str0m::rtp::RtpPacket;
use str0m::{Candidate, Event, Input, Output, Rtc};

use crate::descriptor;
use crate::engine::ConnId;
use crate::signal::Pc;

/// A peer that has no deadline of its own is looked at again after this time.
const IDLE: Duration = Duration::from_secs(1);

/// Something a peer connection reports, to be worked off by the engine.
pub(crate) enum Work {
    /// A packet arrived on a `pub` connection.
    Rtp(ConnId, Box<RtpPacket>),
    /// A subscriber asks for a key frame.
    Keyframe(ConnId, KeyframeRequest),
    /// ICE and DTLS are up.
    Connected(ConnId, Pc),
    /// The transport is gone for good.
    Lost(ConnId, Pc),
    /// The client does not read its messages.
    Slow(ConnId),
}

/// Sends datagrams; a lost one is a lost packet and no more.
pub(crate) trait Transport {
    fn send(&self, transmit: &Transmit);
}

/// Name of a peer connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct PeerId {
    pub(crate) conn: ConnId,
    pub(crate) pc: Pc,
}

/// One peer connection.
pub(crate) struct Peer {
    rtc: Rtc,
    id: PeerId,
    deadline: Instant,
    connected: bool,
    alive: bool,
}

impl Peer {
    pub(crate) fn new(id: PeerId, candidates: &[SocketAddr], now: Instant) -> Self {
        let mut rtc = Rtc::builder()
            .set_rtp_mode(true)
            .set_ice_lite(true)
            .clear_codecs()
            .enable_opus(true, true)
            .enable_vp8(true)
            .enable_vp9(true)
            .enable_av1(true)
            .enable_h264(true)
            .set_extension(12, descriptor::extension())
            .build(now);
        for addr in candidates {
            if let Ok(candidate) = Candidate::host(*addr, "udp") {
                rtc.add_local_candidate(candidate);
            }
        }
        Self { rtc, id, deadline: now, connected: false, alive: true }
    }

    /// ICE and DTLS are up.
    pub(crate) fn is_connected(&self) -> bool {
        self.connected && self.alive
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.alive
    }

    /// When this peer wants to be driven again.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.alive.then_some(self.deadline)
    }

    /// Whether a datagram is for this peer.
    pub(crate) fn accepts(&self, input: &Input) -> bool {
        self.alive && self.rtc.accepts(input)
    }

    /// Reads from the connection without changing it.
    pub(crate) fn rtc(&self) -> &Rtc {
        &self.rtc
    }

    /// Changes the connection, then works off what came of it.
    ///
    /// str0m wants each change followed by a full drain, so no other way to change it exists here. A
    /// panic inside str0m ends this peer alone; `None` then, and for a peer that has ended before.
    pub(crate) fn change<T>(
        &mut self,
        net: &impl Transport,
        work: &mut VecDeque<Work>,
        f: impl FnOnce(&mut Rtc) -> T,
    ) -> Option<T> {
        if !self.alive {
            return None;
        }
        let rtc = &mut self.rtc;
        let Ok(result) = catch_unwind(AssertUnwindSafe(|| f(rtc))) else {
            self.lose(work);
            return None;
        };
        self.drain(net, work);
        Some(result)
    }

    /// Hands a datagram or the time to the connection.
    pub(crate) fn input(&mut self, input: Input, net: &impl Transport, work: &mut VecDeque<Work>) {
        if let Some(Err(_)) = self.change(net, work, |rtc| rtc.handle_input(input)) {
            self.lose(work);
        }
    }

    /// Says goodbye to the other side and ends the connection.
    pub(crate) fn close(&mut self, net: &impl Transport) {
        let mut ignored = VecDeque::new();
        self.change(net, &mut ignored, |rtc| rtc.close());
        self.alive = false;
    }

    fn drain(&mut self, net: &impl Transport, work: &mut VecDeque<Work>) {
        while self.alive {
            let rtc = &mut self.rtc;
            let Ok(output) = catch_unwind(AssertUnwindSafe(|| rtc.poll_output())) else {
                return self.lose(work);
            };
            match output {
                Ok(Output::Timeout(at)) => {
                    self.deadline = at.min(Instant::now() + IDLE);
                    if !self.rtc.is_alive() {
                        self.lose(work);
                    }
                    return;
                }
                Ok(Output::Transmit(transmit)) => net.send(&transmit),
                Ok(Output::Event(event)) => self.event(event, work),
                Err(_) => return self.lose(work),
            }
        }
    }

    fn event(&mut self, event: Event, work: &mut VecDeque<Work>) {
        let PeerId { conn, pc } = self.id;
        match event {
            Event::Connected => {
                self.connected = true;
                work.push_back(Work::Connected(conn, pc));
            }
            Event::RtpPacket(packet) => work.push_back(Work::Rtp(conn, Box::new(packet))),
            Event::KeyframeRequest(request) => work.push_back(Work::Keyframe(conn, request)),
            Event::Closed => self.lose(work),
            _ => {}
        }
    }

    fn lose(&mut self, work: &mut VecDeque<Work>) {
        if self.alive {
            self.alive = false;
            work.push_back(Work::Lost(self.id.conn, self.id.pc));
        }
    }
}
