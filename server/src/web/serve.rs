//! Connections: how many, how slow, and how they end.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use rustix::net::sockopt::set_socket_send_buffer_size;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_io_timeout::TimeoutStream;
use tower::ServiceExt;

use crate::config::TrustedProxies;

use super::peers::{Peers, Place};

/// All headers of a request together, in bytes. Their number is limited to 100 by hyper; beyond either it answers 431.
const LARGEST_HEAD_BYTES: usize = 64 * 1024;
/// What the system takes of an answer ahead of the client, in bytes. It would take megabytes; so little bounds what
/// clients that read nothing hold, and shows within the write timeout that a slow one does read (from about 6 kB/s on).
const SEND_BUFFER_BYTES: usize = 256 * 1024;
/// After a failed accept, which is mostly a want of file handles.
const PAUSE: Duration = Duration::from_millis(500);

/// What connections are kept to.
#[derive(Debug, Clone)]
pub struct ConnectionLimits {
    /// Open at once; more wait in the system's queue.
    pub connections: usize,
    /// Open at once from one address, but for trusted proxies; more are closed unread.
    pub connections_per_address: usize,
    pub trusted_proxies: TrustedProxies,
    /// For the head of a request, and for the next request on a kept connection.
    pub read_timeout: Duration,
    /// For a client to take some more of its answer. What has nothing to send, as an idle event stream, may stay.
    pub write_timeout: Duration,
    /// After a stop was asked for, requests get this long to finish; then they are cut.
    pub drain: Duration,
}

/// Answers on `listener` until `stop` comes, then lets open requests finish.
///
/// HTTP/1 only: without TLS, HTTP/2 is spoken by no browser, and a proxy in front of us speaks it for us.
pub async fn serve_connections(
    listener: TcpListener,
    router: Router,
    limits: ConnectionLimits,
    stop: impl Future<Output = ()>,
) {
    let door = Door {
        listener,
        slots: Arc::new(Semaphore::new(limits.connections)),
        peers: Arc::new(Peers::new(limits.connections_per_address, limits.trusted_proxies)),
    };
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = door.accept() => accepted,
            Some(_) = connections.join_next() => continue,
            () = &mut stop => break,
        };
        let connection = Connection {
            accepted,
            router: router.clone(),
            watcher: graceful.watcher(),
        };
        connections.spawn(connection.serve(limits.read_timeout, limits.write_timeout));
    }
    // Who comes now is refused by the system at once.
    drop(door);
    if tokio::time::timeout(limits.drain, graceful.shutdown()).await.is_err() {
        tracing::info!(
            open = connections.len(),
            "cut the connections that did not end by themselves"
        );
    }
    connections.shutdown().await;
}

/// Where connections come in.
struct Door {
    listener: TcpListener,
    slots: Arc<Semaphore>,
    peers: Arc<Peers>,
}

struct Accepted {
    stream: TcpStream,
    peer: SocketAddr,
    // Both are given back when the connection ends.
    _slot: OwnedSemaphorePermit,
    _place: Option<Place>,
}

impl Door {
    /// The next connection, once there is room for it.
    async fn accept(&self) -> Accepted {
        loop {
            let slot = Arc::clone(&self.slots).acquire_owned().await;
            let slot = slot.expect("the slots are never closed");
            match self.listener.accept().await {
                Ok((stream, peer)) => {
                    // Else the address has its share; to drop the stream closes it.
                    if let Ok(place) = self.peers.admit(peer.ip()) {
                        return Accepted {
                            stream,
                            peer,
                            _slot: slot,
                            _place: place,
                        };
                    }
                }
                Err(error) => {
                    tracing::warn!("a connection could not be taken: {error}");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}

struct Connection {
    accepted: Accepted,
    router: Router,
    watcher: Watcher,
}

impl Connection {
    async fn serve(self, read_timeout: Duration, write_timeout: Duration) {
        let Accepted {
            stream,
            peer,
            _slot,
            _place,
        } = self.accepted;
        // Answers are written whole; there is nothing to wait for.
        let _ = stream.set_nodelay(true);
        // Else the system's own size holds, which is no harm.
        let _ = set_socket_send_buffer_size(&stream, SEND_BUFFER_BYTES);
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(write_timeout));
        let router = self.router;
        let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            let router = router.clone();
            async move { Ok::<_, Infallible>(answer(router, request).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(read_timeout)
            .max_buf_size(LARGEST_HEAD_BYTES)
            .serve_connection(TokioIo::new(Box::pin(stream)), service);
        if let Err(error) = self.watcher.watch(connection).await {
            // The client's doing: it went away, was too slow, or did not speak HTTP.
            tracing::debug!(%peer, "a connection ended early: {error}");
        }
    }
}

async fn answer(router: Router, request: Request<Incoming>) -> axum::response::Response {
    let Ok(response) = router.oneshot(request).await;
    response
}
