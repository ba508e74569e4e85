//! Logins with the current secrets, a few at a time. Each leaves a refused login in Snowflake's history, so that a
//! generation is tried once an hour and no more, unless a person asks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use patd_core::lifecycle::ProbeOutcome;
use patd_core::names::{Account, Generation, SlotId};
use patd_core::pattern::verify::Evidence;
use patd_snowflake::evidence::evidence;
use patd_snowflake::probe::Expected;
use tokio::task::JoinSet;

use super::look::Freshness;
use super::round;
use crate::house::House;
use crate::slots::{Handle, View};
use crate::upstream::Snowflake;

/// What the last login with each slot's secret showed.
#[derive(Default)]
pub(super) struct Logins {
    by_slot: BTreeMap<Arc<SlotId>, Login>,
}

struct Login {
    generation: Generation,
    at: Duration,
    showed: Result<Evidence, ProbeOutcome>,
}

impl Logins {
    /// Returns the slots whose current secret Snowflake refused, with its words.
    pub(super) fn refused(&self) -> Vec<(Arc<SlotId>, String)> {
        let refused = |(slot, login): (&Arc<SlotId>, &Login)| match &login.showed {
            Err(
                ProbeOutcome::RefusedHere { code, message }
                | ProbeOutcome::RefusedSecret { code, message },
            ) => Some((slot.clone(), format!("{code} {message}"))),
            Ok(_)
            | Err(
                ProbeOutcome::Proved
                | ProbeOutcome::Wrong { .. }
                | ProbeOutcome::NoSecret(_)
                | ProbeOutcome::Unclear(_),
            ) => None,
        };
        self.by_slot.iter().filter_map(refused).collect()
    }

    fn will_do(&self, slot: &SlotId, generation: Generation, now: Duration) -> bool {
        self.by_slot.get(slot).is_some_and(|login| {
            login.generation == generation
                && login.showed.is_ok()
                && now.saturating_sub(login.at) < KEPT
        })
    }
}

/// Returns what logins with the secrets of an account show, of each slot that has one.
pub(super) async fn of(
    house: &Arc<House>,
    snowflake: &Arc<Snowflake>,
    account: &Account,
    freshness: Freshness,
) -> Vec<Evidence> {
    let slots = round::slots_of(house, account);
    house.watching.with(account, |watch| {
        watch.logins.by_slot.retain(|known, _| slots.iter().any(|slot| slot.id == *known));
    });
    let mut on_their_way = JoinSet::new();
    for slot in slots {
        while on_their_way.len() >= AT_ONCE {
            // A login that broke off shows nothing, and its panic was logged.
            let _ended = on_their_way.join_next().await;
        }
        on_their_way.spawn(log_in(house.clone(), snowflake.clone(), slot, freshness));
    }
    on_their_way.join_all().await;
    house.watching.with(account, |watch| {
        let showed = watch.logins.by_slot.values().filter_map(|login| login.showed.as_ref().ok());
        showed.cloned().collect()
    })
}

async fn log_in(
    house: Arc<House>,
    snowflake: Arc<Snowflake>,
    slot: Arc<Handle>,
    freshness: Freshness,
) {
    let account = &slot.id.account;
    let view = slot.view();
    let Some(held) = view.slot.current().filter(|_| !view.is_revoked()) else {
        house.watching.with(account, |watch| watch.logins.by_slot.remove(&slot.id));
        return;
    };
    let (generation, at) = (held.generation, house.clock.read().boot);
    let will_do =
        house.watching.with(account, |watch| watch.logins.will_do(&slot.id, generation, at));
    if will_do && freshness == Freshness::AsKept {
        return;
    }
    let Some(showed) = Box::pin(with_secret(&house, &snowflake, &slot, &view)).await else {
        return;
    };
    let login = Login { generation, at, showed };
    house.watching.with(account, |watch| watch.logins.by_slot.insert(slot.id.clone(), login));
}

/// Logs in with the secret that is served. None: there is none, or it does not open; the next hand-out says so.
/// In a task of its own: whoever waits for it may go, and the session is still ended.
pub async fn with_secret(
    house: &House,
    snowflake: &Arc<Snowflake>,
    slot: &Handle,
    view: &View,
) -> Option<Result<Evidence, ProbeOutcome>> {
    let held = view.slot.current()?;
    let secret = house.store.secret(&slot.id, held.generation).ok()?;
    let expected = Expected { user: slot.id.user.clone(), role: held.role.clone() };
    let (snowflake, form) = (snowflake.clone(), view.form);
    let logging_in = async move { evidence(snowflake.client(), &secret, &expected, form).await };
    tokio::spawn(logging_in).await.ok()
}

const AT_ONCE: usize = 4;
/// A look that comes a little early uses what the one before it found out.
const KEPT: Duration = Duration::from_secs(50 * 60);
