//! From method, path and body to one typed request. Whatever does not parse is never seen by the rest.

use http::Method;
use pat_wire::admin::{
    EndLeaseRequest, EnrolRequest, ExplainRequest, LogRequest, RevokeRequest, RotateRequest,
};
use pat_wire::error::ErrorCode;
use pat_wire::message::{HandOutRequest, WatchRequest};
use pat_wire::provision::{
    DriftRequest, EvidenceRequest, ObserveRequest, ProvisionRequest, RetireRequest,
};
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
    /// The numbers for monitoring.
    Metrics,
    /// The same, as a scraper takes them.
    Scrape,
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
    /// Who holds what.
    Leases,
    /// A holder is to count as gone.
    EndLease(EndLeaseRequest),
    /// Read the configuration again.
    Reload,
    /// What is there at Snowflake.
    Observe(ObserveRequest),
    /// The next step of the plan that follows from it.
    Provision(ProvisionRequest),
    /// What a login with the current secret shows.
    Evidence(EvidenceRequest),
    /// What the watch found.
    Drift(DriftRequest),
    /// This host out of service.
    Retire(RetireRequest),
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
            (Door::Admin, "GET", "/v1/metrics") => empty(body, Self::Metrics),
            (Door::Admin, "GET", "/metrics") => empty(body, Self::Scrape),
            (Door::Admin, "POST", "/v1/rotate") => Ok(Self::Rotate(read(body)?)),
            (Door::Admin, "POST", "/v1/revoke") => Ok(Self::Revoke(read(body)?)),
            (Door::Admin, "POST", "/v1/enrol") => Ok(Self::Enrol(read(body)?)),
            (Door::Admin, "POST", "/v1/explain") => Ok(Self::Explain(read(body)?)),
            (Door::Admin, "POST", "/v1/log") => Ok(Self::Log(read(body)?)),
            (Door::Admin, "GET", "/v1/leases") => empty(body, Self::Leases),
            (Door::Admin, "POST", "/v1/end-lease") => Ok(Self::EndLease(read(body)?)),
            (Door::Admin, "POST", "/v1/reload") => empty(body, Self::Reload),
            (Door::Admin, "POST", "/v1/observe") => Ok(Self::Observe(read(body)?)),
            (Door::Admin, "POST", "/v1/provision") => Ok(Self::Provision(read(body)?)),
            (Door::Admin, "POST", "/v1/evidence") => Ok(Self::Evidence(read(body)?)),
            (Door::Admin, "POST", "/v1/drift") => Ok(Self::Drift(read(body)?)),
            (Door::Admin, "POST", "/v1/retire") => Ok(Self::Retire(read(body)?)),
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
            Self::Metrics => "metrics",
            Self::Scrape => "scrape",
            Self::Rotate(_) => "rotate",
            Self::Revoke(_) => "revoke",
            Self::Enrol(_) => "enrol",
            Self::Explain(_) => "explain",
            Self::Log(_) => "log",
            Self::Leases => "leases",
            Self::EndLease(_) => "end-lease",
            Self::Reload => "reload",
            Self::Observe(_) => "observe",
            Self::Provision(_) => "provision",
            Self::Evidence(_) => "evidence",
            Self::Drift(_) => "drift",
            Self::Retire(_) => "retire",
        }
    }

    /// Returns whether it changes something, or uses a secret: such a thing is written down, and carried to its end.
    /// Looking changes nothing, and a status every few seconds would fill the log.
    pub fn is_an_act(&self) -> bool {
        match self {
            Self::Rotate(_)
            | Self::Revoke(_)
            | Self::Enrol(_)
            | Self::EndLease(_)
            | Self::Reload
            | Self::Provision(_)
            | Self::Evidence(_)
            | Self::Retire(_) => true,
            Self::HandOut(_)
            | Self::List
            | Self::Watch(_)
            | Self::Status
            | Self::Metrics
            | Self::Scrape
            | Self::Explain(_)
            | Self::Log(_)
            | Self::Leases
            | Self::Observe(_)
            | Self::Drift(_) => false,
        }
    }

    /// Returns whether the answer may be given up when the daemon ends: it may take long, and changes nothing.
    pub fn may_be_given_up(&self) -> bool {
        match self {
            Self::Watch(_) | Self::Observe(_) | Self::Evidence(_) | Self::Drift(_) => true,
            Self::HandOut(_)
            | Self::List
            | Self::Status
            | Self::Metrics
            | Self::Scrape
            | Self::Rotate(_)
            | Self::Revoke(_)
            | Self::Enrol(_)
            | Self::Explain(_)
            | Self::Log(_)
            | Self::Leases
            | Self::EndLease(_)
            | Self::Reload
            | Self::Provision(_)
            | Self::Retire(_) => false,
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
