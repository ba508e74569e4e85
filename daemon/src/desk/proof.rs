//! What shows whether the pattern holds: a login with the current secret, and what the watch found.

use std::sync::Arc;
use std::time::Duration;

use pat_wire::error::ErrorCode;
use pat_wire::provision::{AccountDrift, Drift, DriftRequest, EvidenceRequest, HeldBack, Watched};
use patd_core::lifecycle::ProbeOutcome;
use patd_core::names::Account;
use patd_core::pattern::verify::{Check, Outcome};

use super::admin::slot_of;
use super::provision::account;
use super::refusing::{Refusal, no};
use crate::api::Reply;
use crate::house::{House, Trust};
use crate::upstream::Snowflake;
use crate::watching::{self, NotLooked, Seen};

/// Answers with what a login with the secret of a connection shows.
pub(super) async fn evidence(
    house: &Arc<House>,
    asked: &EvidenceRequest,
) -> Result<Reply, Refusal> {
    let slot = slot_of(house, &asked.connection)?;
    let trust = house.trust.load_full();
    let (_, snowflake) = account(&trust, Some(slot.id.account.as_str()))?;
    let _a_few_at_a_time = house.provisioning.logins.try_acquire().map_err(|_| busy())?;
    let view = slot.view();
    if view.is_revoked() {
        return Err(no(ErrorCode::Revoked, "revoked; there is nothing to log in with", ""));
    }
    let logging_in = Box::pin(watching::log_in_with_secret(house, &snowflake, &slot, &view));
    match tokio::time::timeout(PATIENCE, logging_in).await {
        Ok(Some(Ok(evidence))) => Reply::plain(&evidence),
        Ok(Some(Err(outcome))) => Err(not_shown(outcome)),
        Ok(None) => Err(no(ErrorCode::NotReady, "there is no secret yet", "see: patctl status")),
        Err(_) => Err(no(ErrorCode::Upstream, "the login took too long", "try again")),
    }
}

/// Answers with what the watch found, after another look if that is wanted.
pub(super) async fn drift(house: &Arc<House>, asked: &DriftRequest) -> Result<Reply, Refusal> {
    let trust = house.trust.load_full();
    let accounts = match asked.account.as_deref() {
        Some(named) => vec![account(&trust, Some(named))?.0],
        None => trust.accounts.keys().cloned().collect(),
    };
    if asked.look {
        for account in &accounts {
            watching::look_now(house, account).await.map_err(|NotLooked::Busy| looking())?;
        }
    }
    let found: Result<_, _> = accounts.into_iter().map(|account| found(house, account)).collect();
    Reply::plain(&Drift { accounts: found? })
}

fn found(house: &House, account: Account) -> Result<AccountDrift, Refusal> {
    let Seen { findings, failure } = house.watching.seen(&account);
    let looked_at = findings.as_ref().map(|findings| findings.at.0);
    let drift = findings.map(|findings| findings.drift).unwrap_or_default();
    let checks = serde_json::to_value(&drift)
        .map_err(|_| no(ErrorCode::Internal, "the checks cannot be encoded", "report it"))?;
    let held_back = held_back(house, &account);
    Ok(AccountDrift { account: account.to_string(), looked_at, failure, checks, held_back })
}

fn held_back(house: &House, account: &Account) -> Vec<HeldBack> {
    let slots = house.slots.all().into_iter().filter(|slot| slot.id.account == *account);
    let held_back = slots.filter_map(|slot| {
        let view = slot.view();
        let ids = view.held_back_by().into_iter().map(|id| id.as_str().to_owned()).collect();
        let held_back = HeldBack { slot: slot.id.to_string(), checks: ids };
        view.is_held_back().then_some(held_back)
    });
    held_back.collect()
}

/// Returns how each account stands, for the status.
pub(super) fn watched(house: &House, trust: &Trust) -> Vec<Watched> {
    let row = |(account, snowflake): (&Account, &Arc<Snowflake>)| {
        let findings = house.watching.seen(account).findings;
        let drift = findings.as_ref().map(|found| found.drift.as_slice()).unwrap_or_default();
        Watched {
            account: account.to_string(),
            looked_at: findings.as_ref().map(|findings| findings.at.0),
            failed: count(drift, |outcome| *outcome == Outcome::Failed),
            not_checked: count(drift, |outcome| matches!(outcome, Outcome::NotChecked { .. })),
            admin_key: Some(snowflake.broker_key().fingerprint.clone()),
        }
    };
    trust.accounts.iter().map(row).collect()
}

fn count(checks: &[Check], is_one: impl Fn(&Outcome) -> bool) -> u32 {
    let found = checks.iter().filter(|check| is_one(&check.outcome)).count();
    u32::try_from(found).unwrap_or(u32::MAX)
}

fn not_shown(outcome: ProbeOutcome) -> Refusal {
    let message = match outcome {
        ProbeOutcome::RefusedHere { code, message }
        | ProbeOutcome::RefusedSecret { code, message } => format!("refused: {code} {message}"),
        ProbeOutcome::Wrong { shown } => format!("the login showed {shown}"),
        ProbeOutcome::NoSecret(why) | ProbeOutcome::Unclear(why) => why,
        ProbeOutcome::Proved => "the login showed nothing".to_owned(),
    };
    no(ErrorCode::Upstream, message, "see: patctl drift")
}

fn busy() -> Refusal {
    no(ErrorCode::Busy, "other administrators are logging in just now", "try again in a moment")
}

fn looking() -> Refusal {
    let message = "the watch is looking just now";
    no(ErrorCode::Busy, message, "see what it finds in a moment: patctl drift")
}

/// Below the patience of patctl.
const PATIENCE: Duration = Duration::from_secs(170);
