//! One look at one account: what is there, what logins with the current secrets show, and what follows from it.

use std::sync::Arc;
use std::time::Duration;

use patd_core::lifecycle::Failure;
use patd_core::names::Account;
use patd_core::pattern::desired::Desired;
use patd_core::pattern::reading::Breadth;
use patd_core::pattern::verify::{Check, Id, drift};
use patd_snowflake::provision::observe;

use super::board::Findings;
use super::{alarms, logins, round, verdict};
use crate::house::{House, Trust};
use crate::upstream::Snowflake;

/// Why nobody looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotLooked {
    /// Another look is under way.
    #[error("another look is under way")]
    Busy,
}

/// Whether logins of an hour ago will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Freshness {
    /// They will: each costs a refused login in Snowflake's history.
    AsKept,
    /// Every slot is tried anew.
    Anew,
}

/// Looks at an account now, because a person wants to know. What came of it shows in [`super::Watching::seen`].
///
/// # Errors
/// If the watch is looking just now.
pub async fn look_now(house: &Arc<House>, account: &Account) -> Result<(), NotLooked> {
    let _one_at_a_time = house.watching.looking.try_lock().map_err(|_| NotLooked::Busy)?;
    Box::pin(look(house, account, Freshness::Anew)).await;
    Ok(())
}

/// Looks at an account. Whoever calls holds the lock of the watch.
pub(super) async fn look(house: &Arc<House>, account: &Account, freshness: Freshness) {
    let began = house.clock.read().boot;
    let trust = house.trust.load_full();
    let generations = round::generations(&round::slots_of(house, account));
    let drift = match tokio::time::timeout(PATIENCE, found(house, &trust, account, freshness)).await
    {
        Ok(found) => found,
        Err(_) => Err(format!("it took more than {} minutes", PATIENCE.as_secs() / 60)),
    };
    let drift = drift.and_then(|drift| still_wanted(house, &trust).map(|()| drift));
    if let Ok(drift) = &drift {
        verdict::judge(house, account, drift).await;
    }
    conclude(house, &trust, account, drift.as_deref().map_err(String::as_str));
    house.watching.with(account, |watch| {
        watch.pace.looked(began, drift.is_ok());
        match drift {
            Ok(drift) => {
                watch.seen.findings = Some(Findings { at: house.clock.now(), drift });
                watch.seen.failure = None;
                (watch.trust, watch.generations) = (Arc::downgrade(&trust), generations);
            }
            Err(why) => watch.seen.failure = Some(why),
        }
    });
}

/// Returns the checks that do not hold and those that could not be made, or why nothing is known.
async fn found(
    house: &Arc<House>,
    trust: &Trust,
    account: &Account,
    freshness: Freshness,
) -> Result<Vec<Check>, String> {
    let (snowflake, desired) =
        wanted(trust, account).ok_or("the account is not configured any more")?;
    let breadth = breadth(guards(trust, account));
    let observed = Box::pin(observe(snowflake.sql_api(), &desired, breadth)).await;
    let observed = observed.map_err(said)?;
    let logins = logins::of(house, &snowflake, account, freshness).await;
    Ok(drift(&desired, &observed, &logins))
}

/// Returns what is wanted of an account. Without a `[provision]` nobody said anything about the whole account, and so
/// nothing of it is missed.
fn wanted(trust: &Trust, account: &Account) -> Option<(Arc<Snowflake>, Desired)> {
    let snowflake = trust.accounts.get(account)?.clone();
    let mut desired = trust.config.desired(account, Some(snowflake.broker_key().clone()))?;
    if !trust.config.provision.get(account)?.is_written {
        desired.scopes.bar_persons = false;
        desired.scopes.admit_services = false;
    }
    Some((snowflake, desired))
}

fn guards<'t>(trust: &'t Trust, account: &Account) -> &'t [Id] {
    let provision = trust.config.provision.get(account);
    provision.map(|wanted| wanted.freeze_on.as_slice()).unwrap_or_default()
}

/// Every user of the account is looked at only where a guard turns on it: that is thousands of questions an hour.
fn breadth(guards: &[Id]) -> Breadth {
    match guards.iter().any(|id| matches!(id, Id::PersonsBarred | Id::PersonsTokens)) {
        true => Breadth::Whole,
        false => Breadth::Resident,
    }
}

fn still_wanted(house: &House, trust: &Arc<Trust>) -> Result<(), String> {
    match Arc::ptr_eq(trust, &house.trust.load_full()) {
        true => Ok(()),
        false => Err("the configuration changed meanwhile".to_owned()),
    }
}

/// Brings the alarms to what is known now.
fn conclude(house: &House, trust: &Trust, account: &Account, drift: Result<&[Check], &str>) {
    let now = house.clock.read().boot;
    house.watching.with(account, |watch| match drift {
        Ok(drift) => {
            let logins = watch.logins.refused();
            let found = alarms::of(account, drift, &logins, guards(trust, account));
            watch.alarms.become_these(&house.alarms, found);
            watch.sighted = Some(now);
        }
        Err(why) => {
            let sighted = watch.sighted.unwrap_or(house.watching.start);
            if now.saturating_sub(sighted) >= BLIND {
                watch.alarms.add(&house.alarms, alarms::not_watched(account, why));
            }
        }
    });
}

fn said(failure: Failure) -> String {
    match failure {
        Failure::Refused(refusal) => format!("refused: {} {}", refusal.code, refusal.message),
        Failure::Unclear(why) => why,
    }
}

/// A look that has not ended after this long tells of another time.
const PATIENCE: Duration = Duration::from_secs(1_740);
/// Hours without a look that somebody should know of.
const BLIND: Duration = Duration::from_secs(3 * 3_600);
