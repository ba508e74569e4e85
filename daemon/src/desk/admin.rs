//! What an administrator asks for: each carried out, waited for, and written down with who asked.

use std::sync::Arc;
use std::time::Duration;

use pat_wire::admin::{
    EnrolRequest, Enrolled, LogPage, LogRequest, RevokeRequest, Revoked, RotateRequest, Rotated,
};
use pat_wire::error::ErrorCode;
use patd_core::lifecycle::{Standing, Why};
use patd_core::names::Connection;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::act::Act;
use super::refusing::{Refusal, deny, no, plain};
use super::{explain, leases, metrics, proof, provision, retire, status};
use crate::api::{Reply, Request};
use crate::house::House;
use crate::peer::{Caller, Peer, Wanted, is_root_or_own};
use crate::reload;
use crate::slots::{Command, Handle, View};

/// Answers an administrator, once it is clear that it is one.
pub(super) async fn answer(
    house: &Arc<House>,
    caller: Caller,
    request: Request,
) -> Result<Reply, Refusal> {
    let peer = admitted(house, caller, request.verb())?;
    if let Request::Provision(asked) = request {
        // It is written down step by step, with what was run.
        return provision::provision(house, peer, asked).await;
    }
    let act = request.is_an_act().then(|| Act::begin(house, peer, &request));
    let answer = Box::pin(carry_out(house, request)).await;
    if let Some(act) = act {
        act.end(&answer);
    }
    answer
}

async fn carry_out(house: &Arc<House>, request: Request) -> Result<Reply, Refusal> {
    match request {
        Request::Status => status::answer(house),
        Request::Metrics => metrics::answer(house),
        Request::Scrape => Ok(metrics::scrape(house)),
        Request::Rotate(asked) => rotate(house, asked).await,
        Request::Revoke(asked) => revoke(house, &asked).await,
        Request::Enrol(asked) => enrol(house, &asked).await,
        Request::Explain(asked) => explain::answer(house, asked).await,
        Request::Log(asked) => log(house, asked).await,
        Request::Leases => leases::list(house),
        Request::EndLease(asked) => leases::end(house, &asked),
        Request::Reload => Reply::plain(&reload::reload(house).await),
        Request::Observe(asked) => provision::observe(house, &asked).await,
        Request::Evidence(asked) => proof::evidence(house, &asked).await,
        Request::Drift(asked) => proof::drift(house, &asked).await,
        Request::Retire(asked) => retire::answer(house, &asked).await,
        // The parser lets none of these through here; a step that is to be run went its own way.
        Request::HandOut(_) | Request::List | Request::Watch(_) | Request::Provision(_) => {
            Err(plain())
        }
    }
}

/// The socket's mode lets nobody else in; this is the second lock.
fn admitted(house: &House, caller: Caller, verb: &'static str) -> Result<Peer, Refusal> {
    let subject = caller.subject();
    let refuse = |reason: String| {
        deny(house, subject, verb, None, reason);
        plain()
    };
    let group = house.trust.load().config.admin_group;
    let wanted = Wanted { groups: group.is_some(), unit: false };
    let peer = caller.attest(wanted).map_err(|why| refuse(why.to_string()))?;
    let is_admin = is_root_or_own(peer.uid) || group.is_some_and(|group| peer.is_in_group(group));
    if is_admin { Ok(peer) } else { Err(refuse("not an administrator".to_owned())) }
}

async fn rotate(house: &Arc<House>, asked: RotateRequest) -> Result<Reply, Refusal> {
    let handle = slot_of(house, &asked.connection)?;
    let before = handle.view();
    before.slot.may_rotate().map_err(stands_in_the_way)?;
    let from = before.slot.current().map(|held| held.generation);
    durable(&handle, Command::Rotate { taint: asked.taint }).await?;
    let is_newer = move |view: &View| view.slot.current().map(|held| held.generation) > from;
    let view = settled(&handle, is_newer, OUTCOME).await?;
    let to = view.slot.current().map_or(0, |held| held.generation.0);
    let older = house.leases.held(&handle.id).into_iter().filter(|(held, _)| held.0 < to);
    let leases_on_older = older.fold(0_u32, |sum, (_, count)| sum.saturating_add(count));
    let from = from.map(|from| from.0);
    Reply::plain(&Rotated { slot: handle.id.to_string(), from, to, leases_on_older })
}

async fn enrol(house: &Arc<House>, asked: &EnrolRequest) -> Result<Reply, Refusal> {
    let handle = slot_of(house, &asked.connection)?;
    durable(&handle, Command::Enrol).await?;
    let serves = |view: &View| {
        view.slot.standing == Standing::Enrolled
            && view.slot.current().is_some()
            && view.is_at_rest()
    };
    let view = settled(&handle, serves, OUTCOME).await?;
    let generation = view.slot.current().map_or(0, |held| held.generation.0);
    Reply::plain(&Enrolled { slot: handle.id.to_string(), generation })
}

/// Tombstones first, all of them; then there is a while for Snowflake to confirm.
async fn revoke(house: &Arc<House>, asked: &RevokeRequest) -> Result<Reply, Refusal> {
    Reply::plain(&match asked {
        RevokeRequest::Gone(user) => forget(house, user).await?,
        RevokeRequest::Connection(_) | RevokeRequest::User(_) | RevokeRequest::All => {
            revoke_all(covered(house, asked)?).await?
        }
    })
}

/// Forgets the slots of a user that a person says is gone, in each account whose configuration does not name it.
async fn forget(house: &House, user: &str) -> Result<Revoked, Refusal> {
    let slots = covered(house, &RevokeRequest::User(user.to_owned()))?;
    let named = house.trust.load();
    let (named, left): (Vec<_>, Vec<_>) =
        slots.into_iter().partition(|handle| named.config.slots.contains_key(&*handle.id));
    if left.is_empty() {
        let slots: Vec<String> = named.iter().map(|handle| handle.id.to_string()).collect();
        let message = format!("nothing is forgotten: a connection names {}", slots.join(", "));
        return Err(no(ErrorCode::NotReady, message, "first: patctl remove CONNECTION"));
    }
    let mut forgotten = Vec::new();
    for handle in left {
        durable(&handle, Command::Gone).await?;
        forgotten.push(handle.id.to_string());
    }
    Ok(Revoked { confirmed: forgotten, pending: Vec::new() })
}

/// Revokes slots, all at once.
pub(super) async fn revoke_all(slots: Vec<Arc<Handle>>) -> Result<Revoked, Refusal> {
    let mut revoking = JoinSet::new();
    for handle in slots {
        revoking.spawn(async move {
            let outcome = revoke_one(&handle).await;
            (handle, outcome)
        });
    }
    let (mut revoked, mut failed) =
        (Revoked { confirmed: Vec::new(), pending: Vec::new() }, Vec::new());
    while let Some(Ok((handle, outcome))) = revoking.join_next().await {
        let slot = handle.id.to_string();
        match outcome {
            Ok(true) => revoked.confirmed.push(slot),
            Ok(false) => revoked.pending.push(slot),
            Err(_) => failed.push(slot),
        }
    }
    if !failed.is_empty() {
        let message = format!("no tombstone could be written for {}", failed.join(", "));
        return Err(no(
            ErrorCode::Internal,
            message,
            "free space below the state folder, and revoke again",
        ));
    }
    revoked.confirmed.sort();
    revoked.pending.sort();
    Ok(revoked)
}

async fn revoke_one(handle: &Handle) -> Result<bool, Refusal> {
    durable(handle, Command::Revoke).await?;
    let is_confirmed =
        |view: &View| matches!(view.slot.standing, Standing::Tombstoned { confirmed: true, .. });
    Ok(settled(handle, is_confirmed, CONFIRMATION).await.is_ok())
}

fn covered(house: &House, asked: &RevokeRequest) -> Result<Vec<Arc<Handle>>, Refusal> {
    let slots = match asked {
        RevokeRequest::Connection(connection) => vec![slot_of(house, connection)?],
        RevokeRequest::User(user) | RevokeRequest::Gone(user) => {
            let all = house.slots.all().into_iter();
            all.filter(|handle| handle.id.user.as_str() == user).collect()
        }
        RevokeRequest::All => house.slots.all(),
    };
    if slots.is_empty() {
        return Err(no(
            ErrorCode::UnknownConnection,
            "there is no such slot",
            "see: patctl status",
        ));
    }
    Ok(slots)
}

/// Files of the log are read through, and not on a thread that serves.
async fn log(house: &House, asked: LogRequest) -> Result<Reply, Refusal> {
    let limit = usize::try_from(asked.limit.min(LONGEST_LOG)).unwrap_or(0);
    let audit = house.audit.clone();
    let unreadable = |cause: String| {
        let message = format!("the audit log cannot be read: {cause}");
        no(ErrorCode::Internal, message, "see: journalctl -u patd")
    };
    match tokio::task::spawn_blocking(move || audit.newest(&asked.picks, limit)).await {
        Ok(Ok(records)) => Reply::plain(&LogPage { records }),
        Ok(Err(error)) => Err(unreadable(patd_snowflake::chain::chain(&error))),
        Err(_) => Err(unreadable("the reading broke off".to_owned())),
    }
}

pub(super) fn slot_of(house: &House, connection: &str) -> Result<Arc<Handle>, Refusal> {
    let trust = house.trust.load();
    let slot = trust.config.connections.get(&Connection::new(connection)).map(|found| &found.slot);
    slot.and_then(|slot| house.slots.find(slot)).ok_or_else(|| {
        let message = format!("there is no connection \"{}\"", crate::audit::claimed(connection));
        no(ErrorCode::UnknownConnection, message, "see: patctl status")
    })
}

async fn durable(handle: &Handle, command: Command) -> Result<(), Refusal> {
    if handle.command(command).await {
        return Ok(());
    }
    let message = format!("the decision about {} could not be made durable", handle.id);
    Err(no(ErrorCode::Internal, message, "see: patctl status, df -h, journalctl -u patd"))
}

/// Waits until the slot is as wanted. Gives up when it is at rest in trouble, needs a person, or takes too long.
async fn settled(
    handle: &Handle,
    is_wanted: impl Fn(&View) -> bool,
    patience: Duration,
) -> Result<View, Refusal> {
    let mut follow = handle.follow();
    let until = Instant::now() + patience;
    loop {
        let view = follow.borrow_and_update().clone();
        if is_wanted(&view) {
            return Ok(view);
        }
        if view.is_at_rest() {
            if let Some(trouble) = &view.slot.trouble {
                return Err(no(
                    ErrorCode::Upstream,
                    trouble.message.clone(),
                    trouble.next_step.clone(),
                ));
            }
            if let Standing::Quarantined { .. } | Standing::Fenced { .. } = view.slot.standing {
                return Err(stands_in_the_way(view.slot.may_rotate().err().unwrap_or(Why::Fenced)));
            }
        }
        if !matches!(tokio::time::timeout_at(until, follow.changed()).await, Ok(Ok(()))) {
            let message = format!("{} is still at it", handle.id);
            return Err(no(ErrorCode::NotReady, message, "look again in a moment: patctl status"));
        }
    }
}

fn stands_in_the_way(why: Why) -> Refusal {
    let is_revoked = matches!(why, Why::Revoked | Why::Unenrolled);
    let code = if is_revoked { ErrorCode::Revoked } else { ErrorCode::NotReady };
    no(code, why.to_string(), "see: patctl status; to issue again: patctl enrol")
}

/// Below the client's own deadline.
const OUTCOME: Duration = Duration::from_secs(27);
const CONFIRMATION: Duration = Duration::from_secs(10);
const LONGEST_LOG: u32 = 1_000;
