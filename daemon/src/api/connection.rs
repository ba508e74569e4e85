//! One connection: one request, one reply, close. Every step has a deadline and a size.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Response, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use pat_wire::error::ErrorCode;
use pat_wire::limits;
use tokio::net::UnixStream;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::admission::{Admission, Ticket};
use super::line::Line;
use super::reply::{Refusal, Reply, refusal, response};
use super::request::{Door, Request};
use crate::desk;
use crate::house::House;
use crate::peer::{Caller, Unattested};

/// Whoever is at the door, and what its request needs.
pub(super) struct Visitor {
    pub(super) house: Arc<House>,
    pub(super) door: Door,
    pub(super) admission: Arc<Admission>,
    pub(super) caller: Result<Caller, Unattested>,
    pub(super) ticket: Ticket,
    pub(super) stop: CancellationToken,
    pub(super) tasks: TaskTracker,
}

/// The way back to whoever is at the door.
struct Way {
    line: Line,
    /// Cancelled where there is to be no answer.
    dropped: CancellationToken,
}

/// Serves one request. Ends when the reply is taken, the peer is gone, or a deadline is over.
pub(super) async fn serve(stream: UnixStream, visitor: Visitor) {
    let answered = Notify::new();
    let dropped = CancellationToken::new();
    let line = Line::over(stream);
    let until = Instant::now() + limits::REQUEST_DEADLINE;
    let visitor = Mutex::new(Some(visitor));
    let service = service_fn(|request: http::Request<Incoming>| {
        // Kept-alive connections are off: there is no second request to find nobody here.
        let visitor = visitor.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (answered, way) = (&answered, Way { line: line.clone(), dropped: dropped.clone() });
        async move {
            let answer = match visitor {
                Some(visitor) => Box::pin(counted(visitor, request, until, way)).await,
                None => Err(refusal(ErrorCode::Malformed, "one request a connection", "")),
            };
            answered.notify_one();
            Ok::<Response<Full<Bytes>>, Infallible>(response(answer))
        }
    });
    let connection = http().serve_connection(TokioIo::new(line.clone()), service);
    tokio::select! {
        // A peer that broke off or sent no HTTP needs no line in the log.
        _ended = connection => {}
        () = too_slow_to_take(&answered) => {}
        () = dropped.cancelled() => {}
    }
}

/// Returns how a connection is read: the limits of one.
pub(super) fn http() -> http1::Builder {
    let mut http = http1::Builder::new();
    http.keep_alive(false)
        .auto_date_header(false)
        .max_buf_size(limits::HEAD_BYTES)
        .max_headers(limits::HEADERS)
        .timer(TokioTimer::new())
        .header_read_timeout(limits::REQUEST_DEADLINE);
    http
}

async fn too_slow_to_take(answered: &Notify) {
    answered.notified().await;
    tokio::time::sleep(limits::REPLY_DEADLINE).await;
}

/// Whatever is refused at the hand-out socket is counted, but for what is no HTTP: hyper answers that itself.
async fn counted(
    visitor: Visitor,
    request: http::Request<Incoming>,
    until: Instant,
    way: Way,
) -> Result<Reply, Refusal> {
    let (door, house) = (visitor.door, visitor.house.clone());
    let answer = handle(visitor, request, until, way).await;
    if let (Door::HandOut, Err(no)) = (door, &answer) {
        house.audit.counts().refused(no.code);
    }
    answer
}

async fn handle(
    visitor: Visitor,
    request: http::Request<Incoming>,
    until: Instant,
    Way { line, dropped }: Way,
) -> Result<Reply, Refusal> {
    let Visitor { house, door, admission, caller, ticket, stop, tasks } = visitor;
    let request = self::request(door, request, until).await?;
    let (is_an_act, may_last) = (request.is_an_act(), may_last(&request));
    let is_a_watch = matches!(request, Request::Watch(_));
    // Any other answer comes soon enough, and an act must not keep the connection open.
    let line = is_a_watch.then_some(line);
    // A watch waits for long: it gives its place among the requests to the next one.
    let in_progress = if is_a_watch {
        let watch = caller.as_ref().ok().and_then(|caller| admission.watch(caller.uid));
        drop(ticket);
        watch.ok_or_else(too_many_watches)?
    } else {
        ticket
    };
    let answering = async move {
        let _in_progress = in_progress;
        tokio::select! {
            answer = desk::answer(&house, door, caller, request) => Some(answer),
            () = over(stop, may_last) => None,
            () = gone(line) => None,
        }
    };
    let answer = match is_an_act {
        // A task of its own: whoever asked may go, what was begun is still carried to its end, and written down.
        true => tasks.spawn(answering).await.unwrap_or_else(|_| Some(Err(broke_off()))),
        false => answering.await,
    };
    match answer {
        Some(answer) => answer,
        None => {
            dropped.cancel();
            std::future::pending().await
        }
    }
}

async fn gone(line: Option<Line>) {
    match line {
        Some(line) => line.ended().await,
        None => std::future::pending().await,
    }
}

/// Returns how long the answer may still take once the daemon ends; none if that is bounded anyway.
fn may_last(request: &Request) -> Option<Duration> {
    if request.may_be_given_up() {
        return Some(Duration::ZERO);
    }
    request.is_an_act().then_some(ACT_AT_THE_END)
}

/// Returns once the daemon ends and what is left of it is over.
async fn over(stop: CancellationToken, may_last: Option<Duration>) {
    let Some(may_last) = may_last else { return std::future::pending().await };
    stop.cancelled().await;
    tokio::time::sleep(may_last).await;
}

/// Reads what is asked for, head and body.
pub(super) async fn request(
    door: Door,
    request: http::Request<Incoming>,
    until: Instant,
) -> Result<Request, Refusal> {
    let (head, body) = request.into_parts();
    let body = read(door, &head.headers, body, until).await?;
    Request::parse(door, &head.method, head.uri.path(), &body)
}

async fn read(
    door: Door,
    headers: &HeaderMap,
    body: Incoming,
    until: Instant,
) -> Result<Bytes, Refusal> {
    let limit = match door {
        Door::HandOut => limits::BODY_BYTES,
        Door::Admin => limits::ADMIN_BODY_BYTES,
    };
    if headers.contains_key(header::TRANSFER_ENCODING) {
        return Err(refusal(ErrorCode::Malformed, "a body must come with its length", ""));
    }
    let most = u64::try_from(limit).unwrap_or(u64::MAX);
    if body.size_hint().lower() > most {
        return Err(too_large(limit));
    }
    let collected = tokio::time::timeout_at(until, Limited::new(body, limit).collect());
    match collected.await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(_)) => Err(too_large(limit)),
        Err(_) => Err(refusal(ErrorCode::Malformed, "the body did not arrive in time", "")),
    }
}

fn too_large(limit: usize) -> Refusal {
    let message = format!("the body is larger than {limit} bytes");
    refusal(ErrorCode::TooLarge, &message, "")
}

fn broke_off() -> Refusal {
    let message = "it broke off inside the daemon; it is not clear whether it was done";
    refusal(ErrorCode::Unclear, message, "see: patctl status, journalctl -u patd")
}

fn too_many_watches() -> Refusal {
    refusal(ErrorCode::Busy, "too many watches at once", "end some of the running commands")
}

/// Of the patience of the daemon's end: what comes after the requests has the rest.
const ACT_AT_THE_END: Duration = Duration::from_secs(12);
