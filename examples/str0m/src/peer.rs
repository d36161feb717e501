//! One peer connection: str0m and a UDP socket.

use std::net::{IpAddr, UdpSocket};
use std::time::Instant;

use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event, Input, Output, Rtc};

use crate::Error;

/// Datagrams are no longer than this.
const MAX_DATAGRAM: usize = 2048;

pub(crate) struct Peer {
    pub(crate) rtc: Rtc,
    socket: UdpSocket,
    pub(crate) connected: bool,
}

impl Peer {
    /// On the address by which the server is reached.
    pub(crate) fn new(here: IpAddr) -> Result<Self, Error> {
        let socket = UdpSocket::bind((here, 0))?;
        socket.set_nonblocking(true)?;
        let mut rtc = Rtc::builder().build(Instant::now());
        let candidate = Candidate::host(socket.local_addr()?, "udp");
        rtc.add_local_candidate(candidate.map_err(|error| Error::Rtc(error.to_string()))?);
        Ok(Self { rtc, socket, connected: false })
    }

    /// Takes what came, lets time pass, sends what is to be sent.
    pub(crate) fn pump(&mut self) -> Result<Vec<Event>, Error> {
        let mut events = Vec::new();
        let mut datagram = [0; MAX_DATAGRAM];
        let destination = self.socket.local_addr()?;
        while let Ok((len, source)) = self.socket.recv_from(&mut datagram) {
            let Some(Ok(contents)) = datagram.get(..len).map(TryInto::try_into) else { continue };
            let receive = Receive { proto: Protocol::Udp, source, destination, contents };
            self.rtc.handle_input(Input::Receive(Instant::now(), receive))?;
            self.drain(&mut events)?;
        }
        self.rtc.handle_input(Input::Timeout(Instant::now()))?;
        self.drain(&mut events)?;
        Ok(events)
    }

    fn drain(&mut self, events: &mut Vec<Event>) -> Result<(), Error> {
        loop {
            match self.rtc.poll_output()? {
                Output::Timeout(_) => return Ok(()),
                // What the socket cannot take now is lost, as on any network.
                Output::Transmit(datagram) => {
                    let _ = self.socket.send_to(&datagram.contents, datagram.destination);
                }
                Output::Event(Event::Connected) => self.connected = true,
                Output::Event(event) => events.push(event),
            }
        }
    }
}
