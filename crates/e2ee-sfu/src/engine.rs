//! The media thread: owns all peer connections, moves packets, and does what signalling asks for.
//!
//! One thread, no locks: everything that happens comes in as a datagram, a command or the time.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use str0m::Input;
use str0m::net::{Protocol, Receive};
use tokio::sync::{mpsc, oneshot};

use crate::dump::{Dump, Wanted};
use crate::hostile::{Hostile, Order, Report};
use crate::member::Member;
use crate::net::{Datagram, Net};
use crate::options::ServerOptions;
use crate::outbox::Outbox;
use crate::peer::{PeerId, Work};
use crate::signal::{ClientMessage, Pc};
use crate::stats::{Counters, Stats};
use crate::verdict::{Judged, Plaintext, Verdict};

/// Number of a WebSocket connection; a participant is known by it inside.
pub(crate) type ConnId = u64;

/// Key frame requests and layers are looked after this often.
const TICK: Duration = Duration::from_millis(50);
/// Datagrams taken in one go, before commands and timers have their turn.
const BURST: usize = 128;
/// Rounds of timers in one go; a peer that always wants to be driven at once must not stop the others.
const TIMER_ROUNDS: usize = 8;
const MAX_DATAGRAM: usize = 2048;

/// What the HTTP side asks of the media thread.
pub(crate) enum Command {
    Message {
        conn: ConnId,
        message: ClientMessage,
        outbox: Outbox,
    },
    Gone {
        conn: ConnId,
    },
    Stats {
        reply: oneshot::Sender<Stats>,
    },
    /// Test mode: what senders put in.
    Plaintext {
        told: Plaintext,
    },
    /// Test mode: how much of it was seen.
    Verdict {
        reply: oneshot::Sender<Judged>,
    },
    /// Test mode: what to do to frames, if that is to change.
    Hostile {
        order: Option<Order>,
        reply: oneshot::Sender<Option<Report>>,
    },
    /// Test mode: the frames of a track that are still held.
    Dump {
        wanted: Wanted,
        reply: oneshot::Sender<Option<Dump>>,
    },
    Shutdown,
}

/// See the module.
pub(crate) struct Engine {
    pub(crate) options: ServerOptions,
    pub(crate) net: Net,
    pub(crate) candidates: Vec<SocketAddr>,
    pub(crate) members: BTreeMap<ConnId, Member>,
    pub(crate) work: VecDeque<Work>,
    pub(crate) counters: Counters,
    /// In test mode alone.
    pub(crate) verdict: Option<Verdict>,
    pub(crate) hostile: Option<Hostile>,
    /// Who sends from which address; filled as datagrams are recognised.
    routes: HashMap<SocketAddr, PeerId>,
    next_tick: Instant,
}

impl Engine {
    pub(crate) fn new(options: ServerOptions, net: Net) -> Self {
        let candidates = net.addresses();
        let test = options.test;
        Self {
            options,
            net,
            candidates,
            members: BTreeMap::new(),
            work: VecDeque::new(),
            counters: Counters::default(),
            verdict: test.then(Verdict::default),
            hostile: test.then(Hostile::default),
            routes: HashMap::new(),
            next_tick: Instant::now(),
        }
    }

    /// Runs until told to shut down, or until nobody can send commands any more.
    pub(crate) async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        loop {
            let deadline = self.next_deadline();
            let command = tokio::select! {
                biased;
                () = self.net.readable() => None,
                command = commands.recv() => Some(command),
                () = tokio::time::sleep_until(deadline.into()) => None,
            };
            match command {
                Some(Some(Command::Shutdown) | None) => break,
                Some(Some(command)) => self.command(command),
                None => {
                    self.receive();
                    // Commands must not wait for a pause in the media.
                    while let Ok(command) = commands.try_recv() {
                        if matches!(command, Command::Shutdown) {
                            return self.goodbye();
                        }
                        self.command(command);
                    }
                }
            }
            self.settle();
        }
        self.goodbye();
    }

    fn goodbye(&mut self) {
        for member in self.members.values_mut() {
            for peer in [&mut member.publisher, &mut member.subscriber].into_iter().flatten() {
                peer.close(&self.net);
            }
        }
        self.members.clear();
    }

    fn next_deadline(&self) -> Instant {
        let peers = self.members.values().flat_map(|m| m.publisher.iter().chain(&m.subscriber));
        peers.filter_map(|p| p.deadline()).min().unwrap_or(self.next_tick).min(self.next_tick)
    }

    /// Works until nothing is left to do now.
    fn settle(&mut self) {
        for _ in 0..TIMER_ROUNDS {
            while let Some(work) = self.work.pop_front() {
                self.work_off(work);
            }
            if !self.run_timers() && self.work.is_empty() {
                break;
            }
        }
        let now = Instant::now();
        if now >= self.next_tick {
            self.next_tick = now + TICK;
            self.request_key_frames(now);
        }
    }

    /// Drives the peers whose time has come; whether there was one.
    fn run_timers(&mut self) -> bool {
        let now = Instant::now();
        let mut any = false;
        for member in self.members.values_mut() {
            for peer in [&mut member.publisher, &mut member.subscriber].into_iter().flatten() {
                if peer.deadline().is_some_and(|at| at <= now) {
                    peer.input(Input::Timeout(now), &self.net, &mut self.work);
                    any = true;
                }
            }
        }
        any
    }

    fn receive(&mut self) {
        let mut buf = [0u8; MAX_DATAGRAM];
        for _ in 0..BURST {
            let Some(datagram) = self.net.receive(&mut buf) else { return };
            self.counters.datagrams_in += 1;
            let contents = buf.get(..datagram.len).unwrap_or_default();
            self.datagram(&datagram, contents);
            while let Some(work) = self.work.pop_front() {
                self.work_off(work);
            }
        }
    }

    fn datagram(&mut self, datagram: &Datagram, contents: &[u8]) {
        let Ok(contents) = contents.try_into() else {
            self.counters.unknown_datagrams += 1;
            return;
        };
        let input = Input::Receive(
            Instant::now(),
            Receive {
                proto: Protocol::Udp,
                source: datagram.source,
                destination: datagram.destination,
                contents,
            },
        );
        let Some(id) = self.route(datagram.source, &input) else {
            self.counters.unknown_datagrams += 1;
            return;
        };
        if let Some(peer) = self.members.get_mut(&id.conn).and_then(|m| m.peer(id.pc)) {
            peer.input(input, &self.net, &mut self.work);
        }
    }

    /// Whose datagram this is.
    fn route(&mut self, source: SocketAddr, input: &Input) -> Option<PeerId> {
        if let Some(id) = self.routes.get(&source) {
            let peer = self.members.get_mut(&id.conn).and_then(|m| m.peer(id.pc));
            if peer.is_some_and(|p| p.accepts(input)) {
                return Some(*id);
            }
        }
        let id = self.members.iter_mut().find_map(|(conn, member)| {
            let pc = [Pc::Pub, Pc::Sub]
                .into_iter()
                .find(|pc| member.peer(*pc).is_some_and(|p| p.accepts(input)))?;
            Some(PeerId { conn: *conn, pc })
        })?;
        self.routes.insert(source, id);
        Some(id)
    }

    /// Forgets addresses of a participant who left.
    pub(crate) fn forget_routes(&mut self, conn: ConnId) {
        self.routes.retain(|_, id| id.conn != conn);
    }

    fn work_off(&mut self, work: Work) {
        match work {
            Work::Rtp(conn, packet) => self.forward(conn, &packet),
            Work::Keyframe(conn, request) => self.key_frame_wanted(conn, request.mid),
            Work::Connected(conn, Pc::Sub) => self.subscriber_connected(conn),
            Work::Connected(_, Pc::Pub) => {}
            Work::Lost(conn, pc) => self.transport_lost(conn, pc),
            Work::Slow(conn) => self.leave(conn),
        }
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Message { conn, message, outbox } => {
                if let Err(error) = self.message(conn, message, &outbox)
                    && outbox.error(error).is_err()
                {
                    self.work.push_back(Work::Slow(conn));
                }
            }
            Command::Gone { conn } => self.leave(conn),
            Command::Stats { reply } => {
                // Who asked may be gone.
                let _ = reply.send(self.stats());
            }
            Command::Plaintext { told } => {
                if let Some(verdict) = &mut self.verdict {
                    verdict.told(&told, Instant::now());
                }
            }
            Command::Verdict { reply } => {
                let _ = reply.send(self.judged());
            }
            Command::Hostile { order, reply } => {
                // Answers with what was done under the order before.
                let report = self.hostile.as_ref().map(Hostile::report);
                if let (Some(hostile), Some(order)) = (&mut self.hostile, order) {
                    hostile.order(order);
                }
                let _ = reply.send(report);
            }
            Command::Dump { wanted, reply } => {
                let _ = reply.send(self.dump(&wanted));
            }
            Command::Shutdown => {}
        }
    }
}
