//! Reaching the broker: with the gate shown at connect(), and laid down right after it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use pat_wire::connection::{Broker, BrokerError, HAND_OUT_SOCKET, Reply, Server, to_json};
use pat_wire::error::ErrorCode;
use pat_wire::limits;
use pat_wire::message::{HandOut, HandOutRequest, List};

use crate::cli::Options;
use crate::failure::Failure;
use crate::gate::{self, Gate};

/// A way to the broker that can be gone again.
#[derive(Debug)]
pub(crate) struct Way {
    socket: PathBuf,
    server: Server,
    gate: Gate,
}

impl Way {
    /// Takes the system's socket, or the one the caller chose. A choice of the caller's is never shown the
    /// gate: anybody could listen there.
    ///
    /// # Errors
    /// The gate could not be given up, or the path is not one.
    pub(crate) fn new(mut gate: Gate, chosen: Option<&Path>) -> Result<Self, Failure> {
        let Some(chosen) = chosen else {
            return Ok(Self { socket: HAND_OUT_SOCKET.into(), server: Server::System, gate });
        };
        gate.give_up()?;
        let socket = std::path::absolute(chosen)
            .map_err(|error| Failure::system(format_args!("{}", chosen.display()), error))?;
        Ok(Self { socket, server: Server::Chosen, gate })
    }

    /// Returns the socket, if the caller chose it.
    pub(crate) fn chosen(&self) -> Option<&Path> {
        match self.server {
            Server::Chosen => Some(&self.socket),
            Server::System => None,
        }
    }

    /// Returns the group ids to go on with.
    pub(crate) fn gate(&self) -> Gate {
        self.gate
    }

    /// Connects, and acts as the caller again in every case.
    ///
    /// # Errors
    /// The outer one: the group could not be changed, so nothing may be done. The inner one: no broker.
    pub(crate) fn connect(
        &self,
        patience: Duration,
    ) -> Result<Result<Broker, BrokerError>, Failure> {
        self.gate.raise()?;
        let broker = Broker::connect(&self.socket, self.server, patience);
        self.gate.lower()?;
        Ok(broker)
    }

    /// Asks for a secret. The answer takes a while: what does not depend on it is done meanwhile.
    ///
    /// # Errors
    /// No broker, or the group could not be changed.
    pub(crate) fn ask(&self, request: HandOutRequest) -> Result<Asked<'_>, Failure> {
        let broker = self.connect(limits::CLIENT_DEADLINE)?;
        let sent = broker.and_then(|mut broker| {
            broker.send("POST", "/v1/hand-out", &to_json(&request)?)?;
            Ok(broker)
        });
        let broker = sent.map_err(|error| self.explained(&error))?;
        Ok(Asked { way: self, broker, request })
    }

    /// Asks for the caller's own connections.
    ///
    /// # Errors
    /// What the broker said.
    pub(crate) fn list(&self) -> Result<List, Failure> {
        let broker = self.connect(limits::CLIENT_DEADLINE)?;
        let list =
            broker.and_then(|b| b.ask_plainly("POST", "/v1/list", limits::ADMIN_REPLY_BYTES));
        list.map_err(|error| self.explained(&error))
    }

    fn explained(&self, error: &BrokerError) -> Failure {
        let failure = Failure::own(error.to_string());
        let is_about_gate = error.code() == Some(ErrorCode::Refused) && !self.gate.is_held();
        if is_about_gate && self.server == Server::System {
            return failure.and(&gate::why_not_held());
        }
        failure
    }
}

/// A question for a secret that is on its way.
pub(crate) struct Asked<'a> {
    way: &'a Way,
    broker: Broker,
    request: HandOutRequest,
}

impl Asked<'_> {
    /// Waits for the answer.
    ///
    /// # Errors
    /// What the broker said, with the reason for a missing gate where that may be why.
    pub(crate) fn answer(self) -> Result<HandOut, Failure> {
        let reply = self.broker.receive(limits::BODY_BYTES);
        let hand_out = reply.and_then(Reply::hand_out);
        let hand_out = hand_out.map_err(|error| self.way.explained(&error))?;
        check(&self.request, &hand_out)?;
        Ok(hand_out)
    }
}

/// Returns the request that the command line stands for.
pub(crate) fn request(options: &Options, connection: Option<String>) -> HandOutRequest {
    HandOutRequest { connection, deliver: options.deliver, replaces: None }
}

/// A hand-out that is not what was asked for is not used.
pub(crate) fn check(request: &HandOutRequest, hand_out: &HandOut) -> Result<(), Failure> {
    let terms = &hand_out.terms;
    let other = |what: &str| Failure::own(format!("the broker answered with another {what}"));
    if request.connection.as_ref().is_some_and(|wanted| *wanted != terms.connection) {
        return Err(other("connection"));
    }
    if request.deliver.is_some_and(|wanted| wanted != terms.deliver) {
        return Err(other("delivery"));
    }
    let is_one = !terms.connection.is_empty()
        && !terms.connection.contains('\0')
        && is_lease(&terms.lease)
        && !hand_out.secret.is_empty();
    if is_one { Ok(()) } else { Err(other("kind of hand-out")) }
}

/// As the broker makes them: 32 hexadecimal digits. It is written into the home's record and asked with.
fn is_lease(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use pat_wire::message::{Delivery, Terms};

    use super::*;
    use crate::entry::tests::{hand_out, terms};

    #[test]
    fn a_hand_out_that_is_not_what_was_asked_for_is_not_used() {
        let asked = HandOutRequest {
            connection: Some("miguel_cli".into()),
            deliver: Some(Delivery::Home),
            replaces: None,
        };
        let with_lease = |lease: &str| Terms { lease: lease.into(), ..terms() };
        let others = [
            (Terms { connection: "other".into(), ..terms() }, "s", "another connection"),
            (Terms { deliver: Delivery::Env, ..terms() }, "s", "another delivery"),
            (terms(), "", "another kind"),
            (with_lease(""), "s", "another kind"),
            (with_lease("0123456789abcdef0123456789abcde"), "s", "another kind"),
            (with_lease("0123456789abcdef0123456789abcdef0"), "s", "another kind"),
            (with_lease("0123456789abcdef0123456789abcde\0"), "s", "another kind"),
            (with_lease("0123456789abcdef0123456789abcdeg"), "s", "another kind"),
        ];

        for (terms, secret, named) in others {
            let failure = check(&asked, &hand_out(terms, secret)).unwrap_err().to_string();
            assert!(failure.contains(named), "{failure}");
        }
        assert!(check(&asked, &hand_out(terms(), "s")).is_ok());
        for connection in ["", "a\0b"] {
            let any = HandOutRequest { connection: None, ..asked.clone() };
            let terms = Terms { connection: connection.into(), ..terms() };
            assert!(check(&any, &hand_out(terms, "s")).is_err(), "{connection:?}");
        }
    }
}
