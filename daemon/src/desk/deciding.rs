//! Whether a request for a secret is granted: decided when it comes, and once more when it had to wait.

use std::sync::Arc;

use pat_wire::error::ErrorCode;
use pat_wire::limits::BODY_BYTES;
use pat_wire::message::{self as wire, HandOutRequest};
use patd_core::lifecycle::Held;
use patd_core::names::Connection;
use patd_core::policy::{Claim, Decision, Delivery, DenyReason, Grant, decide};

use super::refusing::{Refusal, deny, no, plain};
use crate::house::{House, Trust};
use crate::peer::{Caller, Peer};
use crate::slots::Handle;

/// A hand-out that may go ahead.
pub(super) struct Handing {
    pub(super) peer: Peer,
    pub(super) grant: Grant,
    pub(super) asked: HandOutRequest,
    pub(super) held: Held,
}

/// Finds out who asks, and returns what policy grants to that peer.
pub(super) fn decided(
    house: &House,
    trust: &Trust,
    caller: Caller,
    asked: &HandOutRequest,
) -> Result<(Peer, Grant), Refusal> {
    let subject = caller.subject();
    let peer = caller.attest(trust.wanted).map_err(|why| {
        deny(house, subject, HAND_OUT, asked.connection.as_deref(), why.to_string());
        plain()
    })?;
    let grant = granted_by(house, trust, &peer, asked)?;
    Ok((peer, grant))
}

fn granted_by(
    house: &House,
    trust: &Trust,
    peer: &Peer,
    asked: &HandOutRequest,
) -> Result<Grant, Refusal> {
    let claim = Claim {
        connection: asked.connection.as_deref().map(Connection::new),
        deliver: asked.deliver.map(asked_delivery),
    };
    let selectors = peer.selectors(trust.config.gate_gid);
    match decide(&selectors, &claim, trust.entries(claim.connection.as_ref())) {
        Decision::Allow(grant) => Ok(grant),
        Decision::Deny(reason) => {
            refuse(house, peer, asked, reason.to_string());
            Err(told(&reason))
        }
    }
}

fn refuse(house: &House, peer: &Peer, asked: &HandOutRequest, reason: String) {
    deny(house, peer.subject(), HAND_OUT, asked.connection.as_deref(), reason);
}

/// Asks again what may have changed while the request waited: a connection whose maker has ended is worth nothing, and
/// a configuration that came into force meanwhile decides anew.
pub(super) fn still_granted(
    house: &House,
    trust: Arc<Trust>,
    handle: &Handle,
    handing: Handing,
) -> Result<(Arc<Trust>, Handing), Refusal> {
    let Handing { peer, grant, asked, held } = handing;
    if !peer.still_the_same() {
        refuse(house, &peer, &asked, ENDED_MEANWHILE.to_owned());
        return Err(plain());
    }
    if Arc::ptr_eq(&trust, &house.trust.load()) {
        return Ok((trust, Handing { peer, grant, asked, held }));
    }
    let in_force = house.trust.load_full();
    let grant = match trust.wanted.covers(in_force.wanted) {
        true => Some(granted_by(house, &in_force, &peer, &asked)?)
            .filter(|now| now.slot() == grant.slot()),
        false => None,
    };
    let view = handle.view();
    let is_held = view.may_hand_out(house.clock.now()).is_ok_and(|now| *now == held);
    let Some(grant) = grant.filter(|_| is_held) else {
        refuse(house, &peer, &asked, CHANGED_MEANWHILE.to_owned());
        return Err(no(ErrorCode::NotReady, CHANGED_MEANWHILE, "try again"));
    };
    Ok((in_force, Handing { peer, grant, asked, held }))
}

/// A peer that some entry matches is told what to change in its request; anybody else sees one fixed text.
fn told(reason: &DenyReason) -> Refusal {
    match reason {
        DenyReason::NoEntry | DenyReason::GateRequired | DenyReason::NeverServed(_) => plain(),
        DenyReason::Ambiguous(own) => which(own, reason),
        DenyReason::Delivery(_) => {
            no(ErrorCode::DeliveryNotAllowed, reason.to_string(), reason.next_step())
        }
    }
}

/// Names as many of the peer's own connections as an answer has room for.
fn which(own: &[Connection], reason: &DenyReason) -> Refusal {
    let mut room = ROOM_FOR_NAMES;
    let named = own.iter().map_while(|name| {
        // With its quotes and comma.
        room = room.checked_sub(name.as_str().len().saturating_add(3))?;
        Some(name.as_str().to_owned())
    });
    let connections: Vec<String> = named.collect();
    let next_step = match own.len().saturating_sub(connections.len()) {
        0 => reason.next_step().to_owned(),
        more => format!("{} ({more} more: pat-exec --list)", reason.next_step()),
    };
    let mut which = no(ErrorCode::WhichConnection, reason.to_string(), next_step);
    which.connections = connections;
    which
}

fn asked_delivery(asked: wire::Delivery) -> Delivery {
    match asked {
        wire::Delivery::Home => Delivery::Home,
        wire::Delivery::Env => Delivery::Env,
    }
}

/// The word of the audit log for such a request.
pub(super) const HAND_OUT: &str = "hand-out";
/// The rest is for the other words of the answer.
const ROOM_FOR_NAMES: usize = BODY_BYTES - 1_024;
const ENDED_MEANWHILE: &str = "the peer's process ended while its request waited";
const CHANGED_MEANWHILE: &str = "the configuration changed while the request waited";
