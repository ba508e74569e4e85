//! The port: opened, shut and opened again under the same number, whatever happens to connections.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::mpsc as sync;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::reply::Reply;
use super::request::Request;

/// Answers one request. Synchronous: the simulator's state is one lock, held for no I/O.
pub(crate) type Answer = dyn Fn(&Request) -> Reply + Send + Sync;

/// What the owner asks of the listening thread.
#[derive(Debug)]
pub(crate) enum Order {
    Shut(sync::Sender<io::Result<()>>),
    Open(sync::Sender<io::Result<()>>),
}

/// A TCP port that is ours until dropped, listened on or not.
pub(crate) struct Port {
    address: SocketAddr,
    _holder: TcpSocket,
}

impl Port {
    /// Takes the port without listening on it.
    pub(crate) fn take(wanted: SocketAddr) -> io::Result<Port> {
        let holder = bound(wanted)?;
        Ok(Port { address: holder.local_addr()?, _holder: holder })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn listen(&self) -> io::Result<TcpListener> {
        bound(self.address)?.listen(1024)
    }
}

fn bound(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // Two sockets share the number: one holds it while the other listens or does not.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// Serves the port until the owner is gone.
pub(crate) async fn serve(
    port: Port,
    first: TcpListener,
    tls: Option<TlsAcceptor>,
    answer: Arc<Answer>,
    mut orders: mpsc::UnboundedReceiver<Order>,
) {
    let mut listening = Some(Opening::new(first));
    loop {
        let order = match &listening {
            None => orders.recv().await,
            Some(opening) => tokio::select! {
                order = orders.recv() => order,
                accepted = opening.listener.accept() => {
                    if let Ok((stream, peer)) = accepted {
                        opening.welcome(stream, peer.ip(), tls.clone(), Arc::clone(&answer));
                    }
                    continue;
                }
            },
        };
        match order {
            None => break,
            Some(Order::Shut(done)) => {
                shut(listening.take()).await;
                // The owner may have stopped waiting; the port is shut all the same.
                let _ = done.send(Ok(()));
            }
            Some(Order::Open(done)) => {
                let _ = done.send(open(&port, &mut listening));
            }
        }
    }
    shut(listening.take()).await;
}

fn open(port: &Port, listening: &mut Option<Opening>) -> io::Result<()> {
    if listening.is_none() {
        *listening = Some(Opening::new(port.listen()?));
    }
    Ok(())
}

async fn shut(opening: Option<Opening>) {
    let Some(opening) = opening else { return };
    drop(opening.listener);
    opening.cut.cancel();
    opening.connections.close();
    opening.connections.wait().await;
}

/// The time between an open and a shut: a listener and the connections it accepted.
struct Opening {
    listener: TcpListener,
    cut: CancellationToken,
    connections: TaskTracker,
}

impl Opening {
    fn new(listener: TcpListener) -> Opening {
        Opening { listener, cut: CancellationToken::new(), connections: TaskTracker::new() }
    }

    fn welcome(
        &self,
        stream: TcpStream,
        peer: IpAddr,
        tls: Option<TlsAcceptor>,
        answer: Arc<Answer>,
    ) {
        let cut = self.cut.clone();
        self.connections.spawn(async move {
            let life = connection(stream, peer, tls, answer);
            cut.run_until_cancelled(life).await;
        });
    }
}

async fn connection(
    stream: TcpStream,
    peer: IpAddr,
    tls: Option<TlsAcceptor>,
    answer: Arc<Answer>,
) {
    // Small answers must not wait for an acknowledgement; without the option they are only slower.
    let _ = stream.set_nodelay(true);
    match tls {
        None => talk(stream, peer, answer).await,
        Some(tls) => {
            if let Ok(stream) = tls.accept(stream).await {
                talk(stream, peer, answer).await;
            }
        }
    }
}

async fn talk<S>(stream: S, peer: IpAddr, answer: Arc<Answer>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let service = service_fn(move |request| {
        let answer = Arc::clone(&answer);
        async move {
            let Some(request) = Request::read(request, peer).await else {
                return Reply::empty(http::StatusCode::BAD_REQUEST).into_response().await;
            };
            answer(&request).into_response().await
        }
    });
    // An error here is a broken connection: the client's doing, or a fault's.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}
