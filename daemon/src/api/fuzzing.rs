//! Doors for `tests/fuzz`: a connection as it is served, with nobody behind it but a counter of what was understood.

use std::convert::Infallible;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::time::Instant;

use super::connection::{http, request};
use super::reply::{Reply, response};
use super::{Door, Request};

/// Serves the bytes that a peer sent before it closed its side. Returns each request that was understood (each is
/// answered `"done"`), and all that was replied.
pub async fn served(door: Door, sent: &[u8]) -> (Vec<Request>, Vec<u8>) {
    let understood = Mutex::new(Vec::new());
    let (mut peer, ours) = tokio::io::duplex(sent.len().saturating_add(ROOM));
    let until = Instant::now() + LONG;
    let service = service_fn(|asked: http::Request<Incoming>| {
        let understood = &understood;
        async move {
            let answer = request(door, asked, until).await.and_then(|request| {
                let reply = Reply::plain(&"done");
                understood.lock().unwrap_or_else(PoisonError::into_inner).push(request);
                reply
            });
            Ok::<Response<Full<Bytes>>, Infallible>(response(answer))
        }
    });
    // There is room for all of it: nothing waits for the other end. Its deadlines are not what is tried here.
    let _ = peer.write_all(sent).await;
    let mut http = http();
    let served = http.header_read_timeout(LONG).serve_connection(TokioIo::new(ours), service);
    to_its_end(served, &mut peer).await;
    let mut replied = Vec::new();
    let _ = peer.read_to_end(&mut replied).await;
    (understood.into_inner().unwrap_or_else(PoisonError::into_inner), replied)
}

const ROOM: usize = 64 * 1024;
/// Who closes its side before it has an answer gets none: that is done only where more is waited for.
async fn to_its_end(served: impl Future, peer: &mut DuplexStream) {
    let mut served = std::pin::pin!(served);
    for _ in 0..TURNS {
        tokio::select! {
            biased;
            _ = &mut served => return,
            () = tokio::task::yield_now() => {}
        }
    }
    let _ = peer.shutdown().await;
    let _ = served.await;
}

/// More than any request takes that is there from the start.
const TURNS: usize = 32;
const LONG: Duration = Duration::from_secs(3600);
