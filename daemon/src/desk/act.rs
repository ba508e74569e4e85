//! An act of an administrator in the audit log: written down when it begins, and again with what came of it.

use std::sync::Arc;

use pat_wire::admin::RevokeRequest;

use super::refusing::Refusal;
use crate::api::{Reply, Request};
use crate::audit::{Event, claimed};
use crate::house::House;
use crate::peer::Peer;

/// An act on its way. Its second record is written when it is dropped, whatever the cause.
pub(super) struct Act {
    house: Arc<House>,
    peer: Peer,
    verb: &'static str,
    object: String,
    outcome: String,
}

impl Act {
    /// Writes down that it begins. A log that cannot be written keeps nobody from revoking.
    pub(super) fn begin(house: &Arc<House>, peer: Peer, request: &Request) -> Self {
        let act = Self {
            house: house.clone(),
            peer,
            verb: request.verb(),
            object: object(request),
            outcome: BROKEN_OFF.to_owned(),
        };
        act.note("begun");
        act
    }

    /// Writes down what came of it.
    pub(super) fn end(mut self, answer: &Result<Reply, Refusal>) {
        self.outcome = match answer {
            Ok(_) => "done".to_owned(),
            Err(no) => no.message.clone(),
        };
    }

    fn note(&self, outcome: &str) {
        let event = Event::Admin {
            subject: self.peer.subject(),
            verb: self.verb,
            object: self.object.clone(),
            outcome: outcome.to_owned(),
        };
        self.house.audit.note(self.house.clock.read().wall, &event);
    }
}

impl Drop for Act {
    fn drop(&mut self) {
        self.note(&self.outcome);
    }
}

fn object(request: &Request) -> String {
    match request {
        Request::Rotate(asked) => claimed(&asked.connection),
        Request::Revoke(RevokeRequest::Connection(name)) => claimed(name),
        Request::Revoke(RevokeRequest::User(user)) => {
            format!("user {}", claimed(user))
        }
        Request::Revoke(RevokeRequest::All) => "all".to_owned(),
        Request::Revoke(RevokeRequest::Gone(user)) => {
            format!("user {}, said to be gone at Snowflake", claimed(user))
        }
        Request::Enrol(asked) => claimed(&asked.connection),
        Request::Explain(asked) => format!("uid {}", asked.uid),
        Request::Evidence(asked) => claimed(&asked.connection),
        Request::EndLease(asked) => claimed(&asked.lease),
        Request::Retire(asked) => match &asked.account {
            Some(account) => claimed(account),
            None => "all".to_owned(),
        },
        Request::HandOut(_)
        | Request::List
        | Request::Watch(_)
        | Request::Status
        | Request::Metrics
        | Request::Scrape
        | Request::Log(_)
        | Request::Leases
        | Request::Reload
        | Request::Observe(_)
        | Request::Provision(_)
        | Request::Drift(_) => String::new(),
    }
}

const BROKEN_OFF: &str = "not known: the daemon ended, or it broke off";
