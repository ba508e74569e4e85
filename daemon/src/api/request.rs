//! From method, path and body to one typed request. Whatever does not parse is never seen by the rest.

use http::Method;
use pat_wire::admin::{EnrolRequest, ExplainRequest, LogRequest, RevokeRequest, RotateRequest};
use pat_wire::error::ErrorCode;
use pat_wire::message::{HandOutRequest, WatchRequest};
use serde::de::DeserializeOwned;

use super::reply::{Refusal, refusal};

/// Which socket a request came in by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// Anyone may knock.
    HandOut,
    /// Root, the daemon's own uid, the admin group.
    Admin,
}

/// Everything that can be asked. The only way from the half that parses to the half that holds keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// The current secret of a connection.
    HandOut(HandOutRequest),
    /// The peer's own connections.
    List,
    /// To be told when a lease's generation is not the current one any more.
    Watch(WatchRequest),
    /// Everything an administrator may see.
    Status,
    /// A new generation now.
    Rotate(RotateRequest),
    /// No more hand-outs, no tokens.
    Revoke(RevokeRequest),
    /// Issue again.
    Enrol(EnrolRequest),
    /// Why a uid is or would be refused.
    Explain(ExplainRequest),
    /// The newest audit records.
    Log(LogRequest),
    /// Read the configuration again.
    Reload,
}

impl Request {
    /// Reads a request.
    ///
    /// # Errors
    /// What the peer is told: no such path, or not of this version.
    pub fn parse(door: Door, method: &Method, path: &str, body: &[u8]) -> Result<Self, Refusal> {
        match (door, method.as_str(), path) {
            (Door::HandOut, "POST", "/v1/hand-out") => Ok(Self::HandOut(read(body)?)),
            (Door::HandOut, "POST", "/v1/list") => empty(body, Self::List),
            (Door::HandOut, "POST", "/v1/watch") => Ok(Self::Watch(read(body)?)),
            (Door::Admin, "GET", "/v1/status") => empty(body, Self::Status),
            (Door::Admin, "POST", "/v1/rotate") => Ok(Self::Rotate(read(body)?)),
            (Door::Admin, "POST", "/v1/revoke") => Ok(Self::Revoke(read(body)?)),
            (Door::Admin, "POST", "/v1/enrol") => Ok(Self::Enrol(read(body)?)),
            (Door::Admin, "POST", "/v1/explain") => Ok(Self::Explain(read(body)?)),
            (Door::Admin, "POST", "/v1/log") => Ok(Self::Log(read(body)?)),
            (Door::Admin, "POST", "/v1/reload") => empty(body, Self::Reload),
            (Door::HandOut | Door::Admin, _, _) => Err(refusal(
                ErrorCode::NotFound,
                "no such request on this socket",
                "check that client and daemon are of one version: patd --version",
            )),
        }
    }

    /// Returns the word the audit log has for it.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::HandOut(_) => "hand-out",
            Self::List => "list",
            Self::Watch(_) => "watch",
            Self::Status => "status",
            Self::Rotate(_) => "rotate",
            Self::Revoke(_) => "revoke",
            Self::Enrol(_) => "enrol",
            Self::Explain(_) => "explain",
            Self::Log(_) => "log",
            Self::Reload => "reload",
        }
    }
}

/// The parser's own words could quote the body; the place is enough. serde would take a list for an object
/// whose keys are left out: no request is one.
fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    if body.trim_ascii_start().first() == Some(&b'[') {
        return Err(not_of_this_version(1));
    }
    serde_json::from_slice(body).map_err(|error| not_of_this_version(error.column()))
}

fn not_of_this_version(column: usize) -> Refusal {
    refusal(
        ErrorCode::Malformed,
        &format!("the body is not a request of this version (column {column})"),
        "check that client and daemon are of one version: patd --version",
    )
}

fn empty(body: &[u8], request: Request) -> Result<Request, Refusal> {
    let is_nothing = body.is_empty() || body.trim_ascii() == b"{}" || body == b"null";
    if is_nothing {
        return Ok(request);
    }
    Err(refusal(ErrorCode::Malformed, "this request takes no body", ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(door: Door, method: &str, path: &str, body: &str) -> Result<Request, ErrorCode> {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        Request::parse(door, &method, path, body.as_bytes()).map_err(|refusal| refusal.code)
    }

    #[test]
    fn an_admin_request_on_the_hand_out_socket_does_not_exist() {
        for (method, path) in [("GET", "/v1/status"), ("POST", "/v1/revoke"), ("POST", "/v1/log")] {
            assert_eq!(parse(Door::HandOut, method, path, "{}"), Err(ErrorCode::NotFound));
        }
        assert_eq!(parse(Door::Admin, "POST", "/v1/hand-out", "{}"), Err(ErrorCode::NotFound));
    }

    #[test]
    fn an_unknown_key_or_a_cut_body_is_malformed() {
        for body in ["{\"connection\":\"x\",\"uid\":0}", "{\"connection\":", "[]", ""] {
            let parsed = parse(Door::HandOut, "POST", "/v1/hand-out", body);
            assert_eq!(parsed, Err(ErrorCode::Malformed), "{body}");
        }
    }

    #[test]
    fn a_hand_out_without_a_name_asks_for_the_only_one() {
        let asked = parse(Door::HandOut, "POST", "/v1/hand-out", "{}").unwrap();
        let Request::HandOut(asked) = asked else { panic!("{asked:?}") };
        assert_eq!(asked.connection, None);
    }
}
