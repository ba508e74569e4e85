//! Head and body of a request, through the connection that the daemon serves, on both sockets: one request or one
//! refusal, which says nothing of what was sent; and what was understood is understood again when it is written.

use std::collections::BTreeSet;

use pat_wire::error::ErrorReply;
use pat_wire::limits;
use patd::api::fuzzing::served;
use patd::api::{Door, Request};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::hush::without_numbers;

pub fn check(sent: &[u8]) {
    for door in [Door::HandOut, Door::Admin] {
        let (understood, replied) = serve(door, sent);
        let reply = Reply::read(&replied);
        match understood.as_slice() {
            [] => assert!(reply.is_none_or(|reply| reply.is_a_refusal()), "{}", shown(&replied)),
            [request] => {
                assert_eq!(reply.map(|reply| reply.status), Some(200), "{}", shown(&replied));
                let asked = Asked::read(sent);
                asked.assert_within_limits(door);
                asked.assert_says(request);
                assert_stable(door, request);
            }
            [_, _, ..] => panic!("one connection was taken for {} requests", understood.len()),
        }
    }
}

/// What is written of a request is read as the same.
fn assert_stable(door: Door, request: &Request) {
    let (method, path, body) = written(request);
    let text = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let (again, replied) = serve(door, text.as_bytes());
    assert_eq!(again.as_slice(), std::slice::from_ref(request), "{text}{}", shown(&replied));
}

fn written(request: &Request) -> (&'static str, String, String) {
    let json = |value: Result<Value, _>| value.map(|value| value.to_string());
    let body = match request {
        Request::HandOut(asked) => json(serde_json::to_value(asked)),
        Request::Watch(asked) => json(serde_json::to_value(asked)),
        Request::Rotate(asked) => json(serde_json::to_value(asked)),
        Request::Revoke(asked) => json(serde_json::to_value(asked)),
        Request::Enrol(asked) => json(serde_json::to_value(asked)),
        Request::Explain(asked) => json(serde_json::to_value(asked)),
        Request::Log(asked) => json(serde_json::to_value(asked)),
        Request::Observe(asked) => json(serde_json::to_value(asked)),
        Request::Provision(asked) => json(serde_json::to_value(asked)),
        Request::Evidence(asked) => json(serde_json::to_value(asked)),
        Request::Drift(asked) => json(serde_json::to_value(asked)),
        Request::Retire(asked) => json(serde_json::to_value(asked)),
        Request::EndLease(asked) => json(serde_json::to_value(asked)),
        Request::List
        | Request::Status
        | Request::Metrics
        | Request::Scrape
        | Request::Leases
        | Request::Reload => Ok(String::new()),
    };
    let only_looks =
        matches!(request, Request::Status | Request::Metrics | Request::Scrape | Request::Leases);
    let method = if only_looks { "GET" } else { "POST" };
    let path = match request {
        // Where scrapers look.
        Request::Scrape => "/metrics".to_owned(),
        _ => format!("/v1/{}", request.verb()),
    };
    (method, path, body.expect("a request is JSON"))
}

/// A request as an HTTP library reads it, without ours.
struct Asked<'s> {
    path: &'s str,
    head: usize,
    lengths: BTreeSet<&'s [u8]>,
    headers: usize,
    is_chunked: bool,
    body: &'s [u8],
}

impl<'s> Asked<'s> {
    fn read(sent: &'s [u8]) -> Self {
        let mut headers = [httparse::EMPTY_HEADER; 256];
        let mut request = httparse::Request::new(&mut headers);
        let parsed = request.parse(sent).expect("what was understood is HTTP");
        let httparse::Status::Complete(head) = parsed else {
            panic!("an unfinished head was understood")
        };
        let named = |name: &str| {
            let headers = request.headers.iter();
            headers
                .filter(|header| header.name.eq_ignore_ascii_case(name))
                .map(|header| header.value)
                .collect::<Vec<_>>()
        };
        let lengths: BTreeSet<&[u8]> = named("content-length").into_iter().collect();
        let length =
            lengths.first().and_then(|text| std::str::from_utf8(text).ok()?.trim().parse().ok());
        Self {
            path: request.path.expect("a path"),
            head,
            headers: request.headers.len(),
            is_chunked: !named("transfer-encoding").is_empty(),
            body: sent
                .get(head..head + length.unwrap_or(0))
                .expect("a body of the announced length"),
            lengths,
        }
    }

    fn assert_within_limits(&self, door: Door) {
        let most = match door {
            Door::HandOut => limits::BODY_BYTES,
            Door::Admin => limits::ADMIN_BODY_BYTES,
        };
        assert!(self.body.len() <= most, "a body of {} bytes was understood", self.body.len());
        assert!(
            self.head <= 2 * limits::HEAD_BYTES,
            "a head of {} bytes was understood",
            self.head
        );
        assert!(self.headers <= limits::HEADERS, "{} headers were understood", self.headers);
        assert!(self.lengths.len() <= 1, "two lengths were understood");
        assert!(!self.is_chunked, "a body without its length was understood");
    }

    /// Nothing is left out and nothing is made up: each key of the body once, and with its value.
    fn assert_says(&self, request: &Request) {
        let (_, path, written) = written(request);
        assert!(self.path.contains(&path), "{} was taken for {path}", self.path);
        if written.is_empty() {
            return;
        }
        let said: Value = serde_json::from_slice(self.body).expect("the body is JSON");
        let written: Value = serde_json::from_str(&written).expect("JSON");
        let (mut said, written) = match (said, written) {
            (Value::Object(said), Value::Object(written)) => (said, written),
            (said, written) => return assert!(is_same(&said, &written), "{said} is {written}"),
        };
        assert_eq!(keys(self.body), said.len(), "a key twice: {}", shown(self.body));
        // What is not written are nulls and empty lists; what was not said may be written.
        for (key, value) in &written {
            if let Some(told) = said.remove(key) {
                assert!(is_same(&told, value), "{key} is {told}, and was read as {value}");
            }
        }
        let lost: Vec<_> = said.into_iter().filter(|(_, value)| !is_nothing(value)).collect();
        assert!(lost.is_empty(), "{lost:?} was not read");
    }
}

/// Whether a value is as it was said; of a filter, every wish of which may be null, its own test sees to that.
fn is_same(told: &Value, read: &Value) -> bool {
    match (told, read) {
        (Value::Array(told), Value::Array(read)) => {
            told.len() == read.len()
                && told.iter().zip(read).all(|(told, read)| is_same(told, read))
        }
        // serde takes a word for a key without a value, too.
        (Value::Object(told), Value::String(word)) => {
            told.len() == 1 && told.get(word) == Some(&Value::Null)
        }
        (Value::Object(_), Value::Object(_)) => true,
        (told, read) => told == read,
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.values().all(is_nothing),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Counts the keys of an object, each as often as it is there.
fn keys(object: &[u8]) -> usize {
    struct Keys(usize);
    impl<'de> serde::Deserialize<'de> for Keys {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Visitor;
            impl<'de> serde::de::Visitor<'de> for Visitor {
                type Value = Keys;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("an object")
                }
                fn visit_map<A: serde::de::MapAccess<'de>>(
                    self,
                    mut map: A,
                ) -> Result<Keys, A::Error> {
                    let mut keys = 0;
                    while map.next_entry::<String, serde::de::IgnoredAny>()?.is_some() {
                        keys += 1;
                    }
                    Ok(Keys(keys))
                }
            }
            deserializer.deserialize_map(Visitor)
        }
    }
    serde_json::from_slice::<Keys>(object).map_or(0, |keys| keys.0)
}

/// The last answer; hyper says `100 Continue` before it where it was asked to.
struct Reply {
    status: u16,
    body: Vec<u8>,
}

impl Reply {
    fn read(mut replied: &[u8]) -> Option<Self> {
        while let Some(rest) = replied.strip_prefix(b"HTTP/1.1 100 Continue\r\n\r\n") {
            replied = rest;
        }
        if replied.is_empty() {
            return None;
        }
        let mut headers = [httparse::EMPTY_HEADER; 16];
        let mut response = httparse::Response::new(&mut headers);
        let parsed = response.parse(replied).expect("the reply is HTTP");
        let httparse::Status::Complete(head) = parsed else {
            panic!("the reply is cut: {}", shown(replied))
        };
        Some(Self { status: response.code.expect("a status"), body: replied[head..].to_vec() })
    }

    /// In one of the few texts there are, or in none where hyper refuses a head.
    fn is_a_refusal(&self) -> bool {
        if self.body.is_empty() {
            return matches!(self.status, 400 | 414 | 431);
        }
        let said: ErrorReply = serde_json::from_slice(&self.body).expect("a refusal is JSON");
        let shape = without_numbers(&said.message);
        self.status == said.code.http_status()
            && MESSAGES.contains(&shape.as_str())
            && said.connections.is_empty()
    }
}

/// Every text there is before anybody is asked anything.
const MESSAGES: [&str; 6] = [
    "no such request on this socket",
    "the body is not a request of this version (column #)",
    "this request takes no body",
    "a body must come with its length",
    "the body is larger than # bytes",
    "the body did not arrive in time",
];

fn serve(door: Door, sent: &[u8]) -> (Vec<Request>, Vec<u8>) {
    thread_local! {
        static RUNTIME: Runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime");
    }
    RUNTIME.with(|runtime| runtime.block_on(served(door, sent)))
}

fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
