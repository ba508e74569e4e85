//! The loop of the watch: wakes when somebody rings or the next look is due, and looks where it is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest;
use patd_core::names::{Account, Generation, SlotId};
use tokio_util::sync::CancellationToken;

use super::look;
use super::pace::SPREAD;
use crate::house::{House, Trust};
use crate::slots::Handle;

/// Watches every configured account until told to stop.
pub async fn watch(house: Arc<House>, stop: CancellationToken) {
    loop {
        let wake = house.clock.now().plus(seconds_left(&house));
        tokio::select! {
            () = house.watching.bell.notified() => {}
            () = house.clock.wait_until(wake) => {}
            () = stop.cancelled() => return,
        }
        tokio::select! {
            () = Box::pin(look_where_due(&house)) => {}
            () = stop.cancelled() => return,
        }
    }
}

async fn look_where_due(house: &Arc<House>) {
    let trust = house.trust.load_full();
    forget_others(house, &trust);
    for account in trust.config.accounts.keys() {
        if due(house, &trust, account) > house.clock.read().boot {
            continue;
        }
        let _one_at_a_time = house.watching.looking.lock().await;
        if due(house, &trust, account) <= house.clock.read().boot {
            Box::pin(look::look(house, account, look::Freshness::AsKept)).await;
        }
    }
}

/// Rounded up: a look that is a moment too early is not due, and would be tried again and again.
fn seconds_left(house: &House) -> i64 {
    let trust = house.trust.load_full();
    let next = trust.config.accounts.keys().map(|account| due(house, &trust, account)).min();
    let left = next.unwrap_or(Duration::MAX).saturating_sub(house.clock.read().boot);
    i64::try_from(left.as_millis().div_ceil(1_000)).unwrap_or(i64::MAX)
}

/// Returns when an account is due, with what is known now.
fn due(house: &House, trust: &Arc<Trust>, account: &Account) -> Duration {
    let now = house.clock.read().boot;
    house.watching.with(account, |watch| {
        let glance = Glance::at(house, account, &watch.generations);
        let is_same = glance.is_same && std::ptr::eq(watch.trust.as_ptr(), Arc::as_ptr(trust));
        if !is_same && watch.pace.news.is_none() {
            watch.pace.news = Some(now);
        }
        watch.pace.is_waited_for = glance.is_waited_for;
        watch.pace.due(house.watching.start, spread(house, account))
    })
}

/// What every tick asks about all slots of an account, and so without copying anything.
struct Glance {
    /// Whether each serves the generation that was known.
    is_same: bool,
    /// Whether one waits for its first look.
    is_waited_for: bool,
}

impl Glance {
    fn at(house: &House, account: &Account, known: &BTreeMap<Arc<SlotId>, Generation>) -> Self {
        let mut glance = Self { is_same: true, is_waited_for: false };
        // Both are in the order of the slots' ids.
        let mut known = known.iter();
        house.slots.each(|slot| {
            if slot.id.account != *account {
                return;
            }
            let seen = slot.glance();
            glance.is_waited_for |= seen.is_configured && seen.waits_for_a_look;
            if let Some(generation) = seen.serves.filter(|_| seen.is_configured) {
                let is_known = known.next().is_some_and(|(known, at_that_time)| {
                    Arc::ptr_eq(known, &slot.id) && *at_that_time == generation
                });
                glance.is_same &= is_known;
            }
        });
        glance.is_same &= known.next().is_none();
        glance
    }
}

/// Returns the slots of an account that the configuration names.
pub(super) fn slots_of(house: &House, account: &Account) -> Vec<Arc<Handle>> {
    let all = house.slots.all().into_iter();
    all.filter(|slot| slot.id.account == *account && slot.glance().is_configured).collect()
}

/// Returns which generation each slot serves.
pub(super) fn generations(slots: &[Arc<Handle>]) -> BTreeMap<Arc<SlotId>, Generation> {
    let served = |slot: &Arc<Handle>| {
        let generation = slot.glance().serves?;
        Some((slot.id.clone(), generation))
    };
    slots.iter().filter_map(served).collect()
}

fn forget_others(house: &House, trust: &Trust) {
    let configured: BTreeSet<Account> = trust.config.accounts.keys().cloned().collect();
    for mut gone in house.watching.take_others(&configured) {
        gone.alarms.clear_all(&house.alarms);
    }
}

/// The same at every start, another on every host.
fn spread(house: &House, account: &Account) -> u64 {
    let text = format!("{}\nwatch\n{account}", house.store.host());
    let hash = digest::digest(&digest::SHA256, text.as_bytes());
    let first = hash.as_ref().iter().take(8).fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    first.checked_rem(SPREAD).unwrap_or(0)
}
