//! The driver protocol: login, query, session, as the Python and Node clients speak it.

pub(crate) mod browser;
pub(crate) mod login;
mod parameters;
pub(crate) mod query;
pub(crate) mod session;
pub(crate) mod sessions;

use http::StatusCode;
use serde_json::{Value, json};

use crate::http::reply::Reply;
use crate::http::request::Request;

/// The token inside `Authorization: Snowflake Token="…"`.
fn presented_token(request: &Request) -> Option<&str> {
    request.credential("Snowflake")?.strip_prefix("Token=\"")?.strip_suffix('"')
}

/// A success: HTTP 200 with the data.
fn done(data: &Value) -> Reply {
    let body = json!({"success": true, "code": null, "message": null, "data": data});
    Reply::json(StatusCode::OK, &body)
}

/// A failure: HTTP 200 all the same, with a code.
fn failed(code: &str, message: &str, data: &Value) -> Reply {
    let body = json!({
        "success": false, "code": code, "message": message, "data": data, "headers": null,
    });
    Reply::json(StatusCode::OK, &body)
}
