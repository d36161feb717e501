//! The UDP sockets that media comes and goes by.

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket as StdUdpSocket};
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

use socket2::SockRef;
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

/// Asked of the system for each direction of a socket; it may give less. A key frame of each of thirty senders has
/// room, and so has what arrives while the media thread waits for a processor.
const SOCKET_BUFFER: usize = 2 << 20;

/// Binds a UDP socket for [`Net::new`].
pub(crate) fn bind(addr: SocketAddr) -> Result<StdUdpSocket, StartError> {
    let bound = StdUdpSocket::bind(addr).and_then(|s| s.set_nonblocking(true).map(|()| s));
    if let Ok(socket) = &bound {
        let socket = SockRef::from(socket);
        // Smaller buffers lose more packets under load, and no more than that.
        let _ = socket.set_recv_buffer_size(SOCKET_BUFFER);
        let _ = socket.set_send_buffer_size(SOCKET_BUFFER);
    }
    bound.map_err(|source| match source.kind() {
        ErrorKind::AddrInUse => StartError::PortInUse { addr, protocol: "UDP" },
        _ => StartError::Bind { addr, protocol: "UDP", source },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_while_nobody_reads_is_kept() {
        const DATAGRAMS: usize = 400;
        let socket = bind(([127, 0, 0, 1], 0).into()).expect("binds");
        let to = socket.local_addr().expect("is bound");
        let sender = StdUdpSocket::bind("127.0.0.1:0").expect("binds");
        for _ in 0..DATAGRAMS {
            sender.send_to(&[0; 1200], to).expect("sends");
        }
        let mut buf = [0; 1500];
        let kept = std::iter::from_fn(|| socket.recv_from(&mut buf).ok()).count();
        // Where the system allows no larger buffers there is nothing to hold it to.
        if SockRef::from(&socket).recv_buffer_size().expect("is known") >= SOCKET_BUFFER {
            assert_eq!(kept, DATAGRAMS);
        }
    }
}
