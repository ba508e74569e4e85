//! The stream of one connection, in two hands: hyper's, and that of whoever waits for its end. hyper stops looking for an
//! end once it was sent more than the request.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::UnixStream;

/// The stream. Both hands are of one task, so that each is woken when the other is.
#[derive(Clone)]
pub(super) struct Line(Arc<Mutex<UnixStream>>);

impl Line {
    pub(super) fn over(stream: UnixStream) -> Self {
        Self(Arc::new(Mutex::new(stream)))
    }

    /// Returns once the peer has closed its side, or sent what nobody asked for.
    pub(super) async fn ended(self) {
        let mut byte = [0];
        let read = |cx: &mut Context<'_>| {
            Pin::new(&mut *self.stream()).poll_read(cx, &mut ReadBuf::new(&mut byte))
        };
        let _ended_or_broken = poll_fn(read).await;
    }

    fn stream(&self) -> MutexGuard<'_, UnixStream> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsyncRead for Line {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream()).poll_read(cx, buf)
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.stream()).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream()).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream()).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.stream()).poll_write_vectored(cx, bufs)
    }

    // As UnixStream: else hyper would copy a secret into a buffer of its own.
    fn is_write_vectored(&self) -> bool {
        self.stream().is_write_vectored()
    }
}
