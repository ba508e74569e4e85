//! From a status and the counters to numbers. Pure: `patctl status` and a dashboard that are asked at the same moment
//! say the same.

use std::collections::BTreeMap;

use pat_wire::admin::{SlotStatus, Status};
use pat_wire::metrics::{Family, Metrics, Sample, ready};
use patd_core::lifecycle::Slot;

use super::catalogue::{self as all, Meta};
use super::counts::{Tally, account};

/// What a status does not have.
#[derive(Clone, Debug, Default)]
pub struct Moment {
    /// Now, by the daemon's clock: seconds since 1970.
    pub now: i64,
    /// Whether its loops live.
    pub is_ready: bool,
    /// Whether the audit log cannot be written.
    pub is_audit_failing: bool,
    /// The counters.
    pub tally: Tally,
    /// When the generation that is served was issued, by slot.
    pub issued: BTreeMap<String, i64>,
    /// The connections that are configured.
    pub connections: Vec<String>,
    /// Open leases, and those of them on older generations, by connection.
    pub leases: BTreeMap<String, (u64, u64)>,
    /// Leases whose holder waits.
    pub watchers: u64,
    /// What is sent and waits, by account.
    pub traffic: Vec<Traffic>,
}

/// Calls of one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traffic {
    /// The account.
    pub account: String,
    /// Calls that were sent.
    pub sent: u64,
    /// Calls that wait for their turn.
    pub held: u64,
}

/// Returns everything that is exported, in the order of the catalogue.
pub fn families(status: &Status, moment: &Moment) -> Metrics {
    let groups = [service(status, moment), slots(status, moment), snowflake(status, moment)];
    Metrics { families: groups.into_iter().flatten().collect() }
}

fn service(status: &Status, moment: &Moment) -> Vec<Family> {
    let (daemon, tally) = (&status.daemon, &moment.tally);
    let build = [("version", daemon.version.as_str()), ("peer_tier", daemon.peer_tier.as_str())];
    let found = status.self_check.iter().map(|problem| problem.id.as_str());
    let alarms = status.alarms.iter().map(|alarm| alarm.id.as_str());
    let slots = status.slots.iter().filter_map(|slot| slot.problem.as_ref());
    let slots = slots.filter(|problem| !status.alarms.contains(problem));
    let problems = status.held_up.iter().chain(slots).map(|problem| problem.id.as_str());
    vec![
        family(&all::BUILD, vec![sample(&build, 1)]),
        ready(moment.is_ready),
        family(&all::START, vec![sample(&[], daemon.started_at)]),
        family(&all::ALARMS, counted("problem", alarms)),
        family(&all::ALARMS_RAISED, by("problem", &tally.alarms)),
        family(&all::PROBLEMS, counted("problem", problems)),
        family(&all::SELF_CHECK, counted("problem", found)),
        family(&all::INERT, vec![sample(&[], number(status.inert.len()))]),
        family(&all::AUDIT_FAILING, vec![sample(&[], i64::from(moment.is_audit_failing))]),
        family(&all::AUDIT_RECORDS, vec![sample(&[], number(tally.records))]),
        family(&all::AUDIT_FAILURES, vec![sample(&[], number(tally.unwritten))]),
    ]
}

fn slots(status: &Status, moment: &Moment) -> Vec<Family> {
    let per_connection = |meta: &Meta, value: &dyn Fn(&SlotStatus) -> Option<i64>| {
        let of = |slot: &SlotStatus| {
            let Some(value) = value(slot) else { return Vec::new() };
            let names = slot.connections.iter();
            names.map(|name| sample(&[("connection", name)], value)).collect::<Vec<_>>()
        };
        family(meta, status.slots.iter().flat_map(of).collect())
    };
    let away = |at: Option<i64>| at.map(|at| at.saturating_sub(moment.now));
    let age = |slot: &SlotStatus| {
        moment.issued.get(&slot.slot).map(|issued| moment.now.saturating_sub(*issued).max(0))
    };
    let generation = |slot: &SlotStatus| slot.generation.map(number);
    let tally = &moment.tally;
    let hand_outs = with_zeros(&tally.hand_outs, &moment.connections);
    let refusals: BTreeMap<String, u64> =
        tally.refusals.iter().map(|(code, count)| ((*code).to_owned(), *count)).collect();
    let refusals = with_zeros(&refusals, &REFUSALS.map(str::to_owned));
    let leases = |which: fn(&(u64, u64)) -> u64| {
        let counts = moment.leases.iter().map(|(name, counts)| (name.clone(), which(counts)));
        by("connection", &with_zeros(&counts.collect(), &moment.connections))
    };
    vec![
        family(&all::SLOTS, by_state(status)),
        per_connection(&all::GENERATION, &generation),
        per_connection(&all::GENERATION_AGE, &age),
        per_connection(&all::EXPIRY, &|slot| away(slot.expires_at)),
        per_connection(&all::ROTATION, &|slot| away(slot.due_at)),
        family(&all::HAND_OUTS, by("connection", &hand_outs)),
        family(&all::NOT_RELEASED, vec![sample(&[], number(tally.not_released))]),
        family(&all::REFUSALS, by("code", &refusals)),
        family(&all::LEASES, leases(|(open, _)| *open)),
        family(&all::LEASES_ON_OLDER, leases(|(_, older)| *older)),
        family(&all::WATCHERS, vec![sample(&[], number(moment.watchers))]),
    ]
}

fn snowflake(status: &Status, moment: &Moment) -> Vec<Family> {
    let accounts: Vec<&str> =
        status.watched.iter().map(|watched| watched.account.as_str()).collect();
    let outcome = |account: &str, outcome: &str, counts: &BTreeMap<String, u64>| {
        let count = counts.get(account).copied().unwrap_or(0);
        sample(&[("account", account), ("outcome", outcome)], number(count))
    };
    let tally = &moment.tally;
    let rotations = accounts.iter().flat_map(|account| {
        [outcome(account, "done", &tally.promoted), outcome(account, "failed", &tally.failed)]
    });
    let traffic = |value: fn(&Traffic) -> u64| {
        let of =
            |traffic: &Traffic| sample(&[("account", &traffic.account)], number(value(traffic)));
        moment.traffic.iter().map(of).collect()
    };
    let looked_at = status.watched.iter().filter(|watched| watched.looked_at.is_some());
    let checks = looked_at.flat_map(|watched| {
        let of = |outcome, count: u32| {
            sample(&[("account", &watched.account), ("outcome", outcome)], count.into())
        };
        [of("failed", watched.failed), of("not-checked", watched.not_checked)]
    });
    let ages = status.watched.iter().filter_map(|watched| {
        let age = moment.now.saturating_sub(watched.looked_at?).max(0);
        Some(sample(&[("account", &watched.account)], age))
    });
    vec![
        family(&all::ROTATIONS, rotations.collect()),
        family(&all::CALLS, traffic(|traffic| traffic.sent)),
        family(&all::CALLS_HELD, traffic(|traffic| traffic.held)),
        family(&all::CHECKS, checks.collect()),
        family(&all::LOOK_AGE, ages.collect()),
    ]
}

/// Every state of every account, also those no slot is in: an alert on "revoked" must find a 0.
fn by_state(status: &Status) -> Vec<Sample> {
    let mut counts: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for slot in &status.slots {
        let account = account(&slot.slot);
        for state in Slot::WORDS {
            counts.entry((account, state)).or_insert(0);
        }
        let count = counts.entry((account, &slot.state)).or_insert(0);
        *count = count.saturating_add(1);
    }
    let of = |((account, state), count): ((&str, &str), u64)| {
        sample(&[("account", account), ("state", state)], number(count))
    };
    counts.into_iter().map(of).collect()
}

fn counted<'a>(label: &str, names: impl Iterator<Item = &'a str>) -> Vec<Sample> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for name in names {
        let count = counts.entry(name.to_owned()).or_insert(0);
        *count = count.saturating_add(1);
    }
    by(label, &counts)
}

fn by(label: &str, counts: &BTreeMap<String, u64>) -> Vec<Sample> {
    counts.iter().map(|(name, count)| sample(&[(label, name)], number(*count))).collect()
}

fn with_zeros(counts: &BTreeMap<String, u64>, names: &[String]) -> BTreeMap<String, u64> {
    let zeros = names.iter().map(|name| (name.clone(), 0));
    zeros.chain(counts.iter().map(|(name, count)| (name.clone(), *count))).collect()
}

fn family(meta: &Meta, samples: Vec<Sample>) -> Family {
    Family {
        name: meta.name.to_owned(),
        kind: meta.kind,
        unit: meta.unit.map(str::to_owned),
        help: meta.help.to_owned(),
        samples,
    }
}

fn sample(labels: &[(&str, &str)], value: i64) -> Sample {
    let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Sample { labels: labels.collect(), value }
}

/// A count beyond what a signed number has room for is not one that anybody counted.
fn number(count: impl TryInto<i64>) -> i64 {
    count.try_into().unwrap_or(i64::MAX)
}

/// What a peer of the hand-out socket can be told, so that each is there from the start.
const REFUSALS: [&str; 12] = [
    "audit-unavailable",
    "busy",
    "delivery-not-allowed",
    "internal",
    "malformed",
    "not-found",
    "not-ready",
    "refused",
    "revoked",
    "too-large",
    "unknown-lease",
    "which-connection",
];

#[cfg(test)]
mod tests;
