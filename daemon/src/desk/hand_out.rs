//! Handing out: attest, decide, find the current generation, open a lease, write the record, unseal, release.
//! Never waits for the network while there is a valid secret.

use std::sync::Arc;

use pat_wire::error::{ErrorCode, ErrorReply};
use pat_wire::limits::FRESH_SECRET_WAIT;
use pat_wire::message::{HandOut, HandOutRequest};
use pat_wire::secret::Secret;
use patd_core::lifecycle::{Alarm, Held, Slot, Why};
use patd_core::names::Generation;
use patd_core::policy::Grant;
use patd_core::time::Timestamp;
use tokio::time::Instant;

use super::deciding::{HAND_OUT, Handing, decided, still_granted};
use super::refusing::{Refusal, deny, no};
use super::terms::terms;
use crate::audit::{EndReason, Event};
use crate::house::{House, Trust};
use crate::leases::{self, Holder, Lease, LeaseId, NewLease, Refresh, Refused};
use crate::peer::{Caller, Peer};
use crate::slots::{Handle, NOT_UNSEALED};

/// Answers a request for a secret.
pub(super) async fn answer(
    house: &Arc<House>,
    caller: Caller,
    asked: HandOutRequest,
) -> Result<HandOut, Refusal> {
    let trust = house.trust.load_full();
    let (peer, grant) = decided(house, &trust, caller, &asked)?;
    let handle = house.slots.find(grant.slot()).ok_or_else(not_configured)?;
    let _refresh = not_too_often(house, &trust, &handle, (&peer, &grant, &asked))?;
    let held = current(house, &handle).await?;
    let handing = Handing { peer, grant, asked, held };
    let (trust, handing) = still_granted(house, trust, &handle, handing)?;
    release(house, &trust, &handle, handing)
}

/// A refresh is not counted: after a rotation all holders come at once, and each has its one older lease for it. It is
/// one as long as what is returned is kept.
fn not_too_often(
    house: &House,
    trust: &Trust,
    handle: &Handle,
    (peer, grant, asked): (&Peer, &Grant, &HandOutRequest),
) -> Result<Option<Refresh>, Refusal> {
    if let Some(refresh) = refresh(house, handle, peer.uid, asked) {
        return Ok(Some(refresh));
    }
    let connection = grant.connection();
    trust.rates.take(connection, peer.uid).map(|()| None).map_err(|too_many| {
        deny(house, peer.subject(), HAND_OUT, Some(connection.as_str()), too_many.to_string());
        let next_step = format!("try again in {} s", too_many.wait);
        no(ErrorCode::Busy, too_many.to_string(), next_step)
    })
}

fn refresh(house: &House, handle: &Handle, uid: u32, asked: &HandOutRequest) -> Option<Refresh> {
    let id = asked.replaces.as_deref().map(LeaseId::claimed)?;
    let refresh = house.leases.refreshing.begin(id.clone())?;
    // Looked up after it was begun: the refresh before it, if there was one, has ended the lease by now.
    let (lease, _) = house.leases.of_uid(&id, uid)?;
    let view = handle.view();
    let is_older = view.slot.current().is_some_and(|held| held.generation > lease.generation);
    (lease.slot == handle.id && is_older).then_some(refresh)
}

/// Returns the generation to hand out. Waits only while one is being made; all who wait, wait for the same one,
/// and the first of them ends whatever wait the slot is in.
async fn current(house: &House, handle: &Handle) -> Result<Held, Refusal> {
    if let Ok(held) = handle.view().may_hand_out(house.clock.now()) {
        return Ok(held.clone());
    }
    let mut follow = handle.follow();
    let until = Instant::now() + FRESH_SECRET_WAIT;
    let mut has_wished = false;
    loop {
        let view = follow.borrow_and_update().clone();
        let now = house.clock.now();
        let why = match view.may_hand_out(now) {
            Ok(held) => return Ok(held.clone()),
            Err(why) => why,
        };
        let is_heeded = !has_wished && view.heeds_a_wish(now);
        if !has_wished {
            // Heeded or not: a call of this slot that waits for its turn goes before others then.
            handle.wish();
            has_wished = true;
        }
        let is_in_vain = !is_heeded && view.is_hopeless(now, why);
        let changed = tokio::time::timeout_at(until, follow.changed());
        if is_in_vain || !matches!(changed.await, Ok(Ok(()))) {
            return in_doubt(house, handle, why).ok_or_else(|| not_ready(&view, why));
        }
    }
}

/// An expiry that only the local clock tells of is no reason to refuse the last secret: Snowflake decides.
fn in_doubt(house: &House, handle: &Handle, why: Why) -> Option<Held> {
    let is_expired = matches!(why, Why::Expired { .. });
    (is_expired && !house.clock.is_anchored()).then(|| handle.view().slot.current().cloned())?
}

fn not_ready(view: &crate::slots::View, why: Why) -> Refusal {
    let step = "ask root: patctl status";
    match (why, &view.slot.trouble) {
        (Why::Revoked | Why::Unenrolled, _) => {
            no(ErrorCode::Revoked, why.to_string(), "ask root: patctl enrol")
        }
        (Why::Quarantined | Why::Fenced, _) => no(ErrorCode::NotReady, why.to_string(), step),
        (Why::HeldBack | Why::NotLookedAt, _) => {
            no(ErrorCode::NotReady, why.to_string(), "ask root: patctl drift")
        }
        (Why::NotIssuedYet | Why::Expired { .. } | Why::RoleChanged, Some(trouble)) => {
            let message = format!("{why}: {}", trouble.message);
            no(ErrorCode::NotReady, message, trouble.next_step.clone())
        }
        (Why::NotIssuedYet | Why::Expired { .. } | Why::RoleChanged, None) => {
            no(ErrorCode::NotReady, why.to_string(), "try again in a moment")
        }
    }
}

/// From here on nothing waits: record, lease, look again, unseal.
fn release(
    house: &Arc<House>,
    trust: &Trust,
    handle: &Handle,
    handing: Handing,
) -> Result<HandOut, Refusal> {
    let id = LeaseId::fresh().ok_or_else(|| internal("there is no randomness for a lease"))?;
    let granted = Some(granted(house, &handing.grant));
    let terms = terms(trust, &handing.grant, &handing.held, &id).ok_or_else(not_configured)?;
    announce(house, &handing, &id)?;
    crate::crash::at("hand-out: recorded");
    let Handing { peer, asked, held, .. } = handing;
    let uid = peer.uid;
    let replaced = asked.replaces.as_deref().map(LeaseId::claimed);
    let lease =
        Lease { id, slot: handle.id.clone(), generation: held.generation, uid, terms: granted };
    let id = lease.id.clone();
    let secret = open(house, handle, new_lease(lease, peer, replaced.clone()))
        .and_then(|()| unseal(house, handle, held.generation))
        .inspect_err(|no| taken_back(house, &id, no))?;
    crate::crash::at("hand-out: unsealed");
    if let Some(replaced) = replaced {
        house.leases.end_replaced(&replaced, uid, &handle.id);
    }
    Ok(HandOut { terms, secret })
}

fn granted(house: &House, grant: &Grant) -> leases::Terms {
    let now = house.clock.read();
    leases::Terms {
        connection: grant.connection().clone(),
        since: now.wall,
        since_boot: now.boot.as_secs(),
        gated: grant.gated(),
    }
}

fn new_lease(lease: Lease, peer: Peer, replaces: Option<LeaseId>) -> NewLease {
    let holder = Holder { pid: peer.pid, start_time: peer.start_time };
    NewLease { lease, holder, pidfd: peer.into_pidfd(), replaces }
}

/// The kernel has the record before the secret goes anywhere.
fn announce(house: &House, handing: &Handing, id: &LeaseId) -> Result<(), Refusal> {
    let Handing { peer, grant, asked, held } = handing;
    let replaces = asked.replaces.as_deref().map(crate::audit::claimed);
    let event = Event::Allow {
        subject: peer.subject(),
        connection: grant.connection().as_str(),
        slot: grant.slot().to_string(),
        generation: held.generation.0,
        lease: id.as_str(),
        deliver: grant.deliver().to_string(),
        gated: grant.gated(),
        replaces,
    };
    house.audit.write(house.clock.read().wall, &event).map_err(|_reported| {
        let step = "ask root: patctl status, and free space below the state folder";
        no(
            ErrorCode::AuditUnavailable,
            "the audit log cannot be written, so nothing is released",
            step,
        )
    })
}

/// Opens the lease, then looks again: a slot that was revoked or moved on before the lease was there to be
/// ended hands nothing out.
fn open(house: &Arc<House>, handle: &Handle, new: NewLease) -> Result<(), Refusal> {
    let generation = new.lease.generation;
    house.leases.open(new).map_err(|refused| match refused {
        Refused::TooMany => {
            no(ErrorCode::Busy, refused.to_string(), "end some of the running commands")
        }
        Refused::TooManyOfProcess => {
            let step = "name the lease before as the one replaced, or ask from a new process";
            no(ErrorCode::Busy, refused.to_string(), step)
        }
        Refused::Unwatchable(_) => internal(&refused.to_string()),
    })?;
    let view = handle.view();
    let is_barred = view.is_revoked() || view.is_held_back();
    let drain_min = i64::from(view.rules.drain_min);
    match !is_barred && is_kept(&view.slot, generation, house.clock.now(), drain_min) {
        true => Ok(()),
        false => Err(no(ErrorCode::NotReady, "the secret was replaced just now", "try again")),
    }
}

/// Returns whether a generation is served, or was until just now: its shortest drain is not over, and whoever opened a
/// lease on it meanwhile holds it. A distrusted one goes at once.
fn is_kept(slot: &Slot, generation: Generation, now: Timestamp, drain_min: i64) -> bool {
    let is_served = slot.current().is_some_and(|held| held.generation == generation);
    is_served
        || slot.draining.iter().any(|old| {
            old.held.generation == generation && !old.tainted && now.since(old.since) < drain_min
        })
}

/// State and secrets are sealed in one record: a secret that does not open is damage the store could not repair.
fn unseal(house: &House, handle: &Handle, generation: Generation) -> Result<Secret, Refusal> {
    house.store.secret(&handle.id, generation).map_err(|error| {
        let cause = patd_snowflake::chain::chain(&error);
        tracing::error!(slot = %handle.id, generation = generation.0, error = cause, "Secret not unsealed");
        house.alarms.raise(&handle.id.to_string(), &unreadable(cause));
        internal("the secret could not be unsealed")
    })
}

fn unreadable(cause: String) -> Alarm {
    let next_step = "look at the disk: journalctl -k; the alarm goes with the next rotation".into();
    Alarm { id: NOT_UNSEALED, message: cause, next_step }
}

fn taken_back(house: &House, id: &LeaseId, no: &ErrorReply) {
    let event = Event::NotReleased { lease: id.as_str(), reason: &no.message };
    house.audit.note(house.clock.read().wall, &event);
    house.leases.end(id, EndReason::NotReleased);
}

fn internal(message: &str) -> Refusal {
    no(ErrorCode::Internal, message, "ask root: journalctl -u patd")
}

/// The configuration changed between the decision and now.
fn not_configured() -> Refusal {
    no(
        ErrorCode::NotReady,
        "the connection's slot is not configured any more",
        "ask root: patctl status",
    )
}

#[cfg(test)]
mod tests {
    use patd_core::lifecycle::Draining;
    use patd_core::names::{HostId, Role, TokenName};

    use super::*;

    fn held(generation: u64) -> Held {
        Held {
            generation: Generation(generation),
            name: TokenName::new(format!("T{generation}")),
            role: Role::new("R"),
            issued_at: Timestamp(0),
            expires_at: Timestamp(1_000_000),
        }
    }

    #[test]
    fn a_secret_that_was_replaced_between_the_decision_and_the_lease_is_still_handed_out() {
        let mut slot = Slot::new(HostId::new("0A1B2C3D"));
        slot.serving = Some(held(2));
        let (since, released_at) = (Timestamp(100), Some(Timestamp(100)));
        slot.draining = vec![Draining { held: held(1), since, released_at, tainted: false }];
        let kept = |slot: &Slot, generation, now| {
            is_kept(slot, Generation(generation), Timestamp(now), 120)
        };

        assert!(kept(&slot, 2, 100) && kept(&slot, 2, 900));
        assert!(kept(&slot, 1, 100) && kept(&slot, 1, 219));
        assert!(
            !kept(&slot, 1, 220),
            "its shortest drain is over: it may be removed at any moment"
        );
        assert!(!kept(&slot, 3, 100));
        slot.draining[0].tainted = true;
        assert!(!kept(&slot, 1, 100), "what is distrusted goes at once");
    }
}
