//! The numbers for monitoring, as JSON and as a scraper takes them. What the status says is not found out twice.

use std::collections::BTreeMap;

use pat_wire::admin::Status;
use pat_wire::metrics::{Dialect, Metrics, OPENMETRICS};

use super::refusing::Refusal;
use super::status;
use crate::api::Reply;
use crate::house::House;
use crate::leases::Open;
use crate::metrics::{Moment, families};

/// Answers with the numbers of now, for a program of ours.
pub(super) fn answer(house: &House) -> Result<Reply, Refusal> {
    Reply::plain(&now(house))
}

/// Answers with the numbers of now, for any scraper.
pub(super) fn scrape(house: &House) -> Reply {
    let body = now(house).text(Dialect::OpenMetrics);
    Reply::Text { content_type: OPENMETRICS, body }
}

fn now(house: &House) -> Metrics {
    let status = status::now(house);
    families(&status, &moment(house, &status))
}

fn moment(house: &House, status: &Status) -> Moment {
    let open = house.leases.all();
    let mut issued = BTreeMap::new();
    house.slots.each(|handle| {
        let view = handle.view();
        let at = view.slot.current().map(|held| held.issued_at.0);
        issued.extend(at.map(|at| (handle.id.to_string(), at)));
    });
    let watchers = open.iter().filter(|open| open.is_watched).count();
    Moment {
        now: house.clock.now().0,
        is_ready: house.pulse.beats(),
        is_audit_failing: house.audit.is_failing(),
        tally: house.audit.counts().now(),
        issued,
        connections: house
            .trust
            .load()
            .config
            .connections
            .keys()
            .map(ToString::to_string)
            .collect(),
        leases: leases(&open, status),
        watchers: u64::try_from(watchers).unwrap_or(u64::MAX),
        traffic: house.slots.traffic(),
    }
}

/// By the connection a lease was granted for. One of an older version did not write that down: it counts for the first
/// name of its slot.
fn leases(open: &[Open], status: &Status) -> BTreeMap<String, (u64, u64)> {
    let slots: BTreeMap<&str, _> =
        status.slots.iter().map(|slot| (slot.slot.as_str(), slot)).collect();
    let mut counts: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for Open { lease, .. } in open {
        let slot = slots.get(lease.slot.to_string().as_str()).copied();
        let named = lease.terms.as_ref().map(|terms| terms.connection.to_string());
        let first = || slot.and_then(|slot| slot.connections.first().cloned());
        let name = named.or_else(first).unwrap_or_default();
        let current = slot.and_then(|slot| slot.generation);
        let is_older = current.is_some_and(|current| lease.generation.0 < current);
        let (all, older) = counts.entry(name).or_default();
        *all = all.saturating_add(1);
        *older = older.saturating_add(u64::from(is_older));
    }
    counts
}
