//! What clients do with a session besides querying: keep it alive, renew it, end it.

use serde_json::{Value, json};

use super::sessions::{MASTER_SECONDS, SESSION_SECONDS, Stale};
use super::{done, failed, presented_token};
use crate::http::reply::Reply;
use crate::http::request::Request;
use crate::world::World;

/// `POST /session?delete=true`
pub(crate) fn end(world: &mut World, request: &Request) -> Reply {
    let token = presented_token(request).unwrap_or_default();
    match world.sessions.end(token) {
        Ok(()) => done(&Value::Null),
        Err(stale) => refused(stale),
    }
}

/// `POST /session/heartbeat`
pub(crate) fn heartbeat(world: &mut World, request: &Request) -> Reply {
    let now = world.now();
    let token = presented_token(request).unwrap_or_default();
    match world.sessions.find(token, now) {
        Ok(_) => done(&Value::Null),
        Err(stale) => refused(stale),
    }
}

/// `POST /session/token-request`: a new session token for a master token.
pub(crate) fn renew(world: &mut World, request: &Request) -> Reply {
    let asked = request.json().and_then(|body| Some(body.get("requestType")?.as_str()? == "RENEW"));
    if asked != Some(true) {
        return failed("390400", "requestType must be RENEW.", &Value::Null);
    }
    let now = world.now();
    let master = presented_token(request).unwrap_or_default();
    match world.sessions.renew(master, &mut world.chance, now) {
        Err(stale) => refused(stale),
        Ok((id, tokens)) => done(&json!({
            "sessionToken": tokens.session,
            "masterToken": tokens.master,
            "validityInSecondsST": SESSION_SECONDS,
            "validityInSecondsMT": MASTER_SECONDS,
            "sessionId": id,
        })),
    }
}

/// `POST /queries/v1/abort-request`: every statement here is over before it could be aborted.
pub(crate) fn abort(world: &mut World, request: &Request) -> Reply {
    heartbeat(world, request)
}

/// `POST /telemetry/send`
pub(crate) fn telemetry() -> Reply {
    done(&json!("Log Received"))
}

pub(crate) fn refused(stale: Stale) -> Reply {
    failed(stale.code(), stale.message(), &Value::Null)
}
