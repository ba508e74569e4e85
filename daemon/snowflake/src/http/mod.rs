//! The HTTP client towards Snowflake: one request, one answer, bounded in time and size.
//!
//! It follows no redirect, repeats nothing, reads no proxy from the environment and logs no body and no header.
//! Every request has a connection of its own: an ADD on a pooled connection that the server just closed
//! would be an answer nobody can read. Only [`Client::for_looking`] keeps connections, for a run of questions that
//! change nothing and whose answers hold no secret.

mod connect;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use pat_wire::secret::Secret;
use patd_core::time::Timestamp;
use thiserror::Error;
use zeroize::{Zeroize as _, Zeroizing};

use crate::endpoint::Endpoint;

/// How long and how large an exchange may get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Until the TCP connection to the host or proxy stands.
    pub connect: Duration,
    /// The whole exchange; above the 45 s Snowflake takes before it answers 202.
    pub request: Duration,
    /// From the first 202 until a statement's outcome is given up as unclear.
    pub poll: Duration,
    /// Bytes of an answer's body.
    pub body: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            request: Duration::from_secs(60),
            poll: Duration::from_secs(60),
            body: 1 << 20,
        }
    }
}

/// A client for one endpoint. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    inner: Inner,
    connector: HttpsConnector<connect::Route>,
    endpoint: Endpoint,
    limits: Limits,
    /// Answers so far that said "too many requests", to this client and those made from it.
    throttled: Arc<AtomicU64>,
}

type Inner = legacy::Client<HttpsConnector<connect::Route>, Full<Bytes>>;

/// A request. Its body is wiped when it has been sent.
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Zeroizing<Vec<u8>>,
}

/// An answer. Its body is wiped when it goes.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// The server's clock.
    pub(crate) date: Option<Timestamp>,
    pub(crate) coding: Coding,
    pub(crate) body: Zeroizing<Vec<u8>>,
}

/// How an answer's body is packed. None is ever asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    /// Not at all.
    Plain,
    /// As `gzip`.
    Gzip,
    /// In a way nobody here knows.
    Unknown,
}

/// Why there is no answer. What lies behind is in `source()`; [`crate::chain::chain`] prints it.
#[derive(Debug, Error)]
pub enum HttpError {
    /// The file with additional roots.
    #[error("cannot read the CA file {path}")]
    CaFile {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: rustls_pki_types::pem::Error,
    },
    /// A CA file without a usable certificate would only look like one.
    #[error("the CA file {0} holds no usable certificate")]
    CaFileEmpty(PathBuf),
    /// Nothing to trust.
    #[error("this system has no trusted root certificates; install ca-certificates or set ca_file")]
    NoRoots,
    /// The TLS library refused its configuration.
    #[error("cannot set up TLS")]
    Tls(#[source] rustls::Error),
    /// The request cannot be written.
    #[error("cannot form the request")]
    Form(#[source] http::Error),
    /// No connection, or it broke before the head of the answer.
    #[error("no answer from {host}")]
    NoAnswer {
        /// Who was asked.
        host: String,
        /// Why.
        #[source]
        source: legacy::Error,
    },
    /// The connection broke within the body.
    #[error("the answer of {host} broke off")]
    BrokeOff {
        /// Who was asked.
        host: String,
        /// Why.
        #[source]
        source: hyper::Error,
    },
    /// It took too long.
    #[error("no answer from {host} within {} s", limit.as_secs())]
    Timeout {
        /// Who was asked.
        host: String,
        /// How long it was waited for.
        limit: Duration,
    },
    /// The body is larger than anything expected.
    #[error("the answer of {host} is larger than {limit} bytes")]
    TooLarge {
        /// Who was asked.
        host: String,
        /// The limit.
        limit: usize,
    },
}

impl Client {
    /// Returns a client with the usual limits. Reads the system's roots and the CA file once, here.
    ///
    /// # Errors
    /// If there is nothing to trust, or the CA file cannot be used.
    pub fn new(endpoint: &Endpoint) -> Result<Self, HttpError> {
        Self::with_limits(endpoint, Limits::default())
    }

    /// Returns a client with other limits.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub fn with_limits(endpoint: &Endpoint, limits: Limits) -> Result<Self, HttpError> {
        let connector = connect::connector(endpoint, limits.connect)?;
        let inner = legacy::Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .retry_canceled_requests(false)
            .build(connector.clone());
        Ok(Self { inner, connector, endpoint: endpoint.clone(), limits, throttled: Arc::default() })
    }

    /// Returns where this client goes.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Returns the limits.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Returns how many answers so far said that there were too many requests (429).
    pub fn throttled(&self) -> u64 {
        self.throttled.load(Ordering::Relaxed)
    }

    /// Returns a client for a run of questions that change nothing, with answers of this size without secrets. It keeps
    /// up to so many connections as long as it lives, and asks again on a new one where a kept one turns out to be
    /// closed before the question was sent.
    pub(crate) fn for_looking(&self, body: usize, connections: usize) -> Self {
        let inner = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(LONGEST_IDLE)
            .pool_max_idle_per_host(connections)
            .retry_canceled_requests(true)
            .build(self.connector.clone());
        Self { inner, limits: Limits { body, ..self.limits }, ..self.clone() }
    }

    /// Sends one request, once.
    pub(crate) async fn send(&self, outgoing: Outgoing) -> Result<Answer, HttpError> {
        let request = self.request(outgoing)?;
        tokio::time::timeout(self.limits.request, self.exchange(request)).await.unwrap_or_else(
            |_| Err(HttpError::Timeout { host: self.host(), limit: self.limits.request }),
        )
    }

    fn request(&self, outgoing: Outgoing) -> Result<Request<Full<Bytes>>, HttpError> {
        let uri = self.endpoint.uri(&outgoing.path).map_err(HttpError::Form)?;
        let mut request = Request::new(Full::new(Bytes::from_owner(outgoing.body)));
        *request.method_mut() = outgoing.method;
        *request.uri_mut() = uri;
        *request.headers_mut() = outgoing.headers;
        let headers = request.headers_mut();
        headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(request)
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Answer, HttpError> {
        let response = self
            .inner
            .request(request)
            .await
            .map_err(|source| HttpError::NoAnswer { host: self.host(), source })?;
        let (head, body) = response.into_parts();
        if head.status == StatusCode::TOO_MANY_REQUESTS {
            self.throttled.fetch_add(1, Ordering::Relaxed);
        }
        let announced = content_length(&head.headers);
        let body = self.collect(body, announced).await?;
        let (date, coding) = (date(&head.headers), coding(&head.headers));
        Ok(Answer { status: head.status, date, coding, body })
    }

    /// Reads the body into one buffer that is wiped when it goes; a buffer that is outgrown is wiped too.
    async fn collect(
        &self,
        mut body: Incoming,
        announced: usize,
    ) -> Result<Zeroizing<Vec<u8>>, HttpError> {
        let limit = self.limits.body;
        let too_large = || HttpError::TooLarge { host: self.host(), limit };
        if announced > limit {
            return Err(too_large());
        }
        let mut whole = Zeroizing::new(Vec::with_capacity(announced.max(FIRST_BUFFER)));
        while let Some(frame) = body.frame().await {
            let frame =
                frame.map_err(|source| HttpError::BrokeOff { host: self.host(), source })?;
            let Ok(data) = frame.into_data() else { continue };
            if whole.len().saturating_add(data.remaining()) > limit {
                return Err(too_large());
            }
            append(&mut whole, &data);
            wipe(data);
        }
        Ok(whole)
    }

    fn host(&self) -> String {
        self.endpoint.host().to_owned()
    }
}

/// Returns a header whose value is a secret: never printed, wiped when it goes.
pub(crate) fn secret_header(prefix: &str, secret: &Secret, suffix: &str) -> Option<HeaderValue> {
    let mut text = Zeroizing::new(Vec::with_capacity(prefix.len() + secret.len() + suffix.len()));
    text.extend_from_slice(prefix.as_bytes());
    text.extend_from_slice(secret.expose().as_bytes());
    text.extend_from_slice(suffix.as_bytes());
    let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(text)).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Returns a map with this one header.
pub(crate) fn headers<const N: usize>(of: [(HeaderName, HeaderValue); N]) -> HeaderMap {
    of.into_iter().collect()
}

/// Appends without leaving a copy behind where the buffer has to move.
fn append(whole: &mut Zeroizing<Vec<u8>>, data: &[u8]) {
    let needed = whole.len().saturating_add(data.len());
    if needed > whole.capacity() {
        let mut larger = Zeroizing::new(Vec::with_capacity(needed.saturating_mul(2)));
        larger.extend_from_slice(whole);
        *whole = larger;
    }
    whole.extend_from_slice(data);
}

/// Wipes a received piece where nobody else looks at it; hyper's own read buffer is out of reach.
fn wipe(data: Bytes) {
    if let Ok(mut own) = data.try_into_mut() {
        own.as_mut().zeroize();
    }
}

fn content_length(headers: &HeaderMap) -> usize {
    let text = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    text.and_then(|text| text.parse().ok()).unwrap_or_default()
}

fn coding(headers: &HeaderMap) -> Coding {
    match headers.get(header::CONTENT_ENCODING).map(HeaderValue::as_bytes) {
        None | Some(b"identity") => Coding::Plain,
        Some(b"gzip") => Coding::Gzip,
        Some(_) => Coding::Unknown,
    }
}

fn date(headers: &HeaderMap) -> Option<Timestamp> {
    let text = headers.get(header::DATE)?.to_str().ok()?;
    let parser = jiff::fmt::rfc2822::DateTimeParser::new();
    parser.parse_timestamp(text).ok().map(|moment| Timestamp(moment.as_second()))
}

const FIRST_BUFFER: usize = 16 * 1024;
/// Shorter than the 60 s after which load balancers commonly close an idle connection.
const LONGEST_IDLE: Duration = Duration::from_secs(30);
const USER_AGENT: &str = concat!("pat-broker/", env!("CARGO_PKG_VERSION"));

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, header};
    use pat_wire::secret::Secret;
    use patd_core::time::Timestamp;
    use zeroize::Zeroizing;

    use super::{append, date, secret_header};

    #[test]
    fn a_secret_header_is_not_printed() {
        let value = secret_header("Bearer ", &Secret::new("hush".into()), "").expect("header");
        assert_eq!(value.as_bytes(), b"Bearer hush");
        assert!(!format!("{value:?}").contains("hush"));
    }

    #[test]
    fn a_secret_with_a_line_break_makes_no_header() {
        assert!(secret_header("Bearer ", &Secret::new("a\r\nb: c".into()), "").is_none());
    }

    #[test]
    fn a_body_that_outgrows_its_buffer_stays_whole() {
        let mut whole = Zeroizing::new(Vec::with_capacity(2));
        append(&mut whole, b"ab");
        append(&mut whole, b"cdefgh");
        assert_eq!(&**whole, b"abcdefgh");
    }

    #[test]
    fn the_date_header_is_the_servers_clock() {
        let mut headers = HeaderMap::new();
        headers.insert(header::DATE, HeaderValue::from_static("Sun, 06 Nov 1994 08:49:37 GMT"));
        assert_eq!(date(&headers), Some(Timestamp(784_111_777)));
        headers.insert(header::DATE, HeaderValue::from_static("yesterday"));
        assert_eq!(date(&headers), None);
    }
}
