//! Status and cancel of an accepted statement.

use http::StatusCode;
use serde_json::json;

use super::answer;
use super::auth;
use super::body::Context;
use super::statements::{Outcome, Progress, Statement};
use crate::http::reply::Reply;
use crate::http::request::Request;
use crate::http::status as gateway;
use crate::script::error;
use crate::secrecy::without_secret;
use crate::world::World;

/// `GET /api/v2/statements/{handle}`
pub(crate) fn status(world: &mut World, request: &Request, handle: &str) -> Reply {
    let Ok(partition) = request.parameter("partition").unwrap_or("0").parse() else {
        return gateway::reply(400);
    };
    let now = world.now();
    let switches = world.http.clone();
    let statement = match visible(world, request, handle) {
        Ok(statement) => statement,
        Err(reply) => return reply,
    };
    if statement.progress == Progress::Cancelled {
        return answer::failed(&error("000604", "57014", CANCELLED), handle);
    }
    if statement.is_running(now) {
        return answer::running(statement);
    }
    let mut seen = statement.clone();
    if !switches.status_shows_secret
        && let Outcome::Rows(table) = &mut seen.outcome
    {
        without_secret(table);
    }
    let reply = answer::finished(&seen, partition, switches.rows_per_partition);
    if partition > 0 && switches.partitions_are_gzipped { reply.gzipped() } else { reply }
}

/// `POST /api/v2/statements/{handle}/cancel`
pub(crate) fn cancel(world: &mut World, request: &Request, handle: &str) -> Reply {
    let now = world.now();
    let statement = match visible(world, request, handle) {
        Ok(statement) => statement,
        Err(reply) => return reply,
    };
    // Peeked at through a copy: being asked to cancel is not a look at the status.
    if !statement.clone().is_running(now) {
        return unknown(handle);
    }
    statement.progress = Progress::Cancelled;
    let body = json!({
        "code": "000604", "sqlState": "57014", "message": CANCELLED,
        "statementHandle": handle,
        "statementStatusUrl": format!("/api/v2/statements/{handle}"),
    });
    Reply::json(StatusCode::OK, &body)
}

/// The statement, if the bearer logs in and may see it.
fn visible<'w>(
    world: &'w mut World,
    request: &Request,
    handle: &str,
) -> Result<&'w mut Statement, Reply> {
    let session = auth::session(world, request, &Context::default());
    let session = session.map_err(|refused| answer::unauthorized(&refused))?;
    let shared = world.http.handles_are_shared;
    let found = world.statements.find(handle);
    found.filter(|it| shared || it.owner == session.user).ok_or_else(|| unknown(handle))
}

fn unknown(handle: &str) -> Reply {
    let message = format!("Statement {handle} not found");
    answer::failed(&error("000709", "02000", message), handle)
}

const CANCELLED: &str = "SQL execution canceled";
