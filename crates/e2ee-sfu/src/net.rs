//! The UDP sockets that media comes and goes by.

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket as StdUdpSocket};
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

use str0m::net::Transmit;
use tokio::net::UdpSocket;

use crate::options::StartError;
use crate::peer::Transport;

/// Sockets with the addresses they are bound to.
pub(crate) struct Net {
    sockets: Vec<(SocketAddr, UdpSocket)>,
    unsent: AtomicU64,
}

/// A datagram that came in.
pub(crate) struct Datagram {
    pub(crate) len: usize,
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
}

impl Net {
    /// Takes sockets that are bound and non-blocking; needs a runtime around it.
    pub(crate) fn new(sockets: Vec<StdUdpSocket>) -> std::io::Result<Self> {
        let sockets = sockets
            .into_iter()
            .map(|socket| Ok((socket.local_addr()?, UdpSocket::from_std(socket)?)))
            .collect::<std::io::Result<_>>()?;
        Ok(Self { sockets, unsent: AtomicU64::new(0) })
    }

    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.sockets.iter().map(|(addr, _)| *addr).collect()
    }

    /// Datagrams that the system did not take.
    pub(crate) fn unsent(&self) -> u64 {
        self.unsent.load(Ordering::Relaxed)
    }

    /// Waits until some socket has something.
    pub(crate) async fn readable(&self) {
        std::future::poll_fn(|cx| {
            if self.sockets.iter().any(|(_, s)| s.poll_recv_ready(cx).is_ready()) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }

    /// A datagram, if one is there.
    pub(crate) fn receive(&self, buf: &mut [u8]) -> Option<Datagram> {
        self.sockets.iter().find_map(|(destination, socket)| {
            let (len, source) = socket.try_recv_from(buf).ok()?;
            Some(Datagram { len, source, destination: *destination })
        })
    }
}

impl Transport for Net {
    fn send(&self, transmit: &Transmit) {
        let socket = self.sockets.iter().find(|(addr, _)| *addr == transmit.source).or(self.sockets.first());
        if let Some((_, socket)) = socket
            && socket.try_send_to(&transmit.contents, transmit.destination).is_err()
        {
            self.unsent.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Binds a UDP socket for [`Net::new`].
pub(crate) fn bind(addr: SocketAddr) -> Result<StdUdpSocket, StartError> {
    let bound = StdUdpSocket::bind(addr).and_then(|s| s.set_nonblocking(true).map(|()| s));
    bound.map_err(|source| match source.kind() {
        ErrorKind::AddrInUse => StartError::PortInUse { addr, protocol: "UDP" },
        _ => StartError::Bind { addr, protocol: "UDP", source },
    })
}
