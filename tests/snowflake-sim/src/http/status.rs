//! The bodies Snowflake's gateway sends with HTTP statuses that are not answers of an endpoint.

use http::StatusCode;
use serde_json::json;

use super::reply::Reply;

/// The reply for a status, with the body documented for it where one is.
pub(crate) fn reply(code: u16) -> Reply {
    let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let (code, message) = match status {
        StatusCode::BAD_REQUEST => ("390142", "Incoming request does not contain a valid payload."),
        StatusCode::UNAUTHORIZED => {
            ("390303", "Invalid OAuth access token. The token is not valid for this account.")
        }
        StatusCode::FORBIDDEN => ("390399", "The SQL API is not enabled for this account."),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ("390415", "Content-Type must be application/json."),
        StatusCode::TOO_MANY_REQUESTS => ("390505", "Too many requests."),
        _ => return Reply::empty(status),
    };
    Reply::json(status, &json!({"code": code, "message": message}))
}
