//! From an answer to bytes. The body of a hand-out is wiped when it has been sent.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use pat_wire::error::{ErrorCode, ErrorReply};
use pat_wire::message::{HandOut, encode_hand_out};
use serde::Serialize;
use zeroize::Zeroizing;

/// An answer that is yes.
pub enum Reply {
    /// The one answer with a secret.
    HandOut(Box<HandOut>),
    /// Any other, as JSON.
    Plain(Vec<u8>),
    /// A text of another kind.
    Text {
        /// Its content type.
        content_type: &'static str,
        /// The text.
        body: String,
    },
}

/// An answer that is no. Boxed: it is the rare one.
pub(crate) type Refusal = Box<ErrorReply>;

impl Reply {
    /// Returns the answer that carries this value.
    ///
    /// # Errors
    /// If the value cannot be written as JSON, which is a fault of the program.
    pub fn plain(value: &impl Serialize) -> Result<Self, Refusal> {
        serde_json::to_vec(value)
            .map(Self::Plain)
            .map_err(|_| refusal(ErrorCode::Internal, "the answer cannot be encoded", "report it"))
    }
}

/// Returns a no with its next step.
pub(super) fn refusal(code: ErrorCode, message: &str, next_step: &str) -> Refusal {
    Box::new(ErrorReply {
        code,
        message: message.to_owned(),
        next_step: next_step.to_owned(),
        connections: Vec::new(),
    })
}

/// Returns the answer as it goes out. No header depends on the moment or on the peer.
pub(super) fn response(answer: Result<Reply, Refusal>) -> Response<Full<Bytes>> {
    match answer {
        Ok(Reply::HandOut(hand_out)) => {
            let body = wiped(encode_hand_out(&hand_out));
            crate::crash::at("hand-out: encoded");
            with_body(StatusCode::OK, JSON, body)
        }
        Ok(Reply::Plain(json)) => with_body(StatusCode::OK, JSON, Bytes::from(json)),
        Ok(Reply::Text { content_type, body }) => {
            with_body(StatusCode::OK, content_type, Bytes::from(body))
        }
        Err(no) => with_body(status(no.code), JSON, error_body(&no)),
    }
}

/// Returns the whole answer to a peer that is shed, before anything of it was parsed.
pub(super) fn shed() -> Vec<u8> {
    let no = refusal(ErrorCode::Busy, "too many requests at once", "try again in a moment");
    let body = error_body(&no);
    let mut bytes = format!(
        "HTTP/1.1 429 Too Many Requests\r\ncontent-type: application/json\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(&body);
    bytes
}

fn with_body(status: StatusCode, kind: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// hyper writes the buffer out as it is (vectored), so that no copy outlives it.
fn wiped(body: Zeroizing<Vec<u8>>) -> Bytes {
    struct Wiped(Zeroizing<Vec<u8>>);
    impl AsRef<[u8]> for Wiped {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }
    Bytes::from_owner(Wiped(body))
}

fn error_body(no: &ErrorReply) -> Bytes {
    // Texts and a unit variant: serde_json cannot fail on them.
    Bytes::from(serde_json::to_vec(no).unwrap_or_default())
}

fn status(code: ErrorCode) -> StatusCode {
    StatusCode::from_u16(code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

const JSON: &str = "application/json";
