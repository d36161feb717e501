//! A TCP forwarder whose target can be changed and whose lines can be cut: the address that stays when a server
//! behind it is replaced, or a network that fails.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

pub struct Proxy {
    pub addr: SocketAddr,
    target: Arc<watch::Sender<Option<SocketAddr>>>,
    cut: Arc<watch::Sender<()>>,
}

impl Proxy {
    pub async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind(super::servers::local(0)).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let target = Arc::new(watch::Sender::new(Some(target)));
        let cut = Arc::new(watch::Sender::new(()));
        let (current, cutter) = (target.clone(), cut.clone());
        tokio::spawn(async move {
            loop {
                let (mut inner, _) = listener.accept().await.unwrap();
                let mut cut = cutter.subscribe();
                let target = *current.borrow();
                tokio::spawn(async move {
                    let Some(addr) = target else { return };
                    let Ok(mut outer) = TcpStream::connect(addr).await else { return };
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut inner, &mut outer) => {}
                        _ = cut.changed() => {}
                    }
                });
            }
        });
        Self { addr, target, cut }
    }

    /// Cuts all lines; new ones go to another target, or nowhere.
    pub fn switch(&self, target: Option<SocketAddr>) {
        self.redirect(target);
        self.cut.send_replace(());
    }

    /// New lines go to another target; those that are there stay.
    pub fn redirect(&self, target: Option<SocketAddr>) {
        self.target.send_replace(target);
    }
}
