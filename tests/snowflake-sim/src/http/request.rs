//! A request as the endpoints see it: read whole, unzipped, its query split.

use std::collections::BTreeMap;
use std::io::Read;
use std::net::IpAddr;

use bytes::Bytes;
use flate2::read::GzDecoder;
use http::header::{AUTHORIZATION, CONTENT_ENCODING, HeaderName};
use http::{HeaderMap, Method};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde_json::Value;

/// Bodies larger than this are refused, before and after unzipping.
const BODY_LIMIT: usize = 16 * 1024 * 1024;

/// One request, whole.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: BTreeMap<String, String>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) peer: IpAddr,
}

impl Request {
    /// Reads the body to its end; `None` when it cannot be read or unzipped.
    pub(crate) async fn read(request: hyper::Request<Incoming>, peer: IpAddr) -> Option<Request> {
        let (head, body) = request.into_parts();
        let body = Limited::new(body, BODY_LIMIT).collect().await.ok()?.to_bytes();
        let zipped = head.headers.get(CONTENT_ENCODING).is_some_and(|coding| coding == "gzip");
        let body = if zipped { unzip(&body)? } else { body };
        Some(Request {
            method: head.method,
            path: head.uri.path().to_owned(),
            query: split_query(head.uri.query().unwrap_or_default()),
            headers: head.headers,
            body,
            peer,
        })
    }

    pub(crate) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The rest of the Authorization header after `scheme` and a blank.
    pub(crate) fn credential(&self, scheme: &str) -> Option<&str> {
        let (found, rest) = self.header(&AUTHORIZATION)?.split_once(' ')?;
        found.eq_ignore_ascii_case(scheme).then_some(rest.trim())
    }

    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        self.parameter(name) == Some("true")
    }

    /// The body as a JSON object.
    pub(crate) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok().filter(Value::is_object)
    }
}

fn unzip(bytes: &Bytes) -> Option<Bytes> {
    let mut plain = Vec::new();
    let limit = BODY_LIMIT as u64;
    GzDecoder::new(bytes.as_ref()).take(limit).read_to_end(&mut plain).ok()?;
    Some(plain.into())
}

fn split_query(query: &str) -> BTreeMap<String, String> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (unescape(name), unescape(value))
        })
        .collect()
}

/// Undoes percent encoding, with `+` for a blank as forms write it.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        match (first, tail) {
            (b'%', [high, low, after @ ..]) => match hex_pair(*high, *low) {
                Some(byte) => {
                    bytes.push(byte);
                    rest = after;
                }
                None => bytes.push(b'%'),
            },
            (b'+', _) => bytes.push(b' '),
            _ => bytes.push(first),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex_pair(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| (byte as char).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_string_is_split_and_unescaped() {
        let query = split_query("roleName=MY%20ROLE&warehouse=W%2FH&x=a+b&flag&odd=%zz");
        assert_eq!(query["roleName"], "MY ROLE");
        assert_eq!(query["warehouse"], "W/H");
        assert_eq!(query["x"], "a b");
        assert_eq!(query["flag"], "");
        assert_eq!(query["odd"], "%zz");
    }
}
