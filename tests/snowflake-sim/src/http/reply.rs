//! What an endpoint answers, and what becomes of the answer on its way out.

use std::io::{self, Read as _};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::bufread::GzEncoder;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName};
use http::{Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Frame;
use serde_json::Value;

/// The body type of every response.
pub(crate) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// A whole answer, not yet sent.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(HeaderName, String)>,
    pub(crate) body: Bytes,
    pub(crate) fate: Fate,
}

/// What the network does to a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Arrives.
    Arrive,
    /// Arrives late.
    Late(Duration),
    /// Its first bytes arrive, then the connection breaks.
    Truncate(usize),
    /// The connection breaks instead.
    Lose,
    /// Nothing comes, and the connection stays open.
    Hang,
}

impl Reply {
    pub(crate) fn json(status: StatusCode, body: &Value) -> Reply {
        let headers = vec![(CONTENT_TYPE, "application/json".to_owned())];
        Reply { status, headers, body: body.to_string().into(), fate: Fate::Arrive }
    }

    pub(crate) fn empty(status: StatusCode) -> Reply {
        Reply { status, headers: Vec::new(), body: Bytes::new(), fate: Fate::Arrive }
    }

    pub(crate) fn lost(fate: Fate) -> Reply {
        Reply { fate, ..Reply::empty(StatusCode::OK) }
    }

    pub(crate) fn with_header(mut self, name: HeaderName, value: String) -> Reply {
        self.headers.push((name, value));
        self
    }

    /// The same with its body packed, as it is if packing fails.
    pub(crate) fn gzipped(mut self) -> Reply {
        let mut packed = Vec::new();
        if GzEncoder::new(self.body.as_ref(), Compression::fast()).read_to_end(&mut packed).is_ok()
        {
            self.body = packed.into();
            self.headers.push((CONTENT_ENCODING, "gzip".to_owned()));
        }
        self
    }

    pub(crate) fn with_fate(mut self, fate: Fate) -> Reply {
        self.fate = fate;
        self
    }

    /// Lives out the reply's fate: the response to write, or the error that breaks the connection.
    pub(crate) async fn into_response(self) -> io::Result<Response<Body>> {
        let length = self.body.len();
        let body = match self.fate {
            Fate::Arrive => whole(self.body),
            Fate::Late(by) => {
                tokio::time::sleep(by).await;
                whole(self.body)
            }
            Fate::Truncate(at) => cut(self.body.slice(..at.min(length))),
            Fate::Lose => return Err(broken()),
            Fate::Hang => std::future::pending().await,
        };
        let mut response = Response::builder().status(self.status);
        for (name, value) in self.headers {
            response = response.header(name, value);
        }
        response = response.header(CONTENT_LENGTH, length);
        response.body(body).map_err(io::Error::other)
    }
}

fn whole(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}

fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "a fault broke the connection")
}

/// Yields the bytes, lets hyper flush them, then fails: exactly these bytes are on the wire.
struct Cut {
    bytes: Option<Bytes>,
    flushed: bool,
}

fn cut(bytes: Bytes) -> Body {
    Cut { bytes: Some(bytes), flushed: false }.boxed_unsync()
}

impl hyper::body::Body for Cut {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Some(bytes) = self.bytes.take() {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        if self.flushed {
            return Poll::Ready(Some(Err(broken())));
        }
        // hyper flushes what it has when a body has nothing to give yet.
        self.flushed = true;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}
