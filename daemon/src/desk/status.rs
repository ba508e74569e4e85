//! Everything an administrator may see: the daemon, every slot, what is inert, what stands.

use std::collections::BTreeMap;

use pat_wire::admin::{DaemonStatus, Problem, SlotStatus, Status};
use patd_config::{Config, Owner};
use patd_core::lifecycle::{Alarm, Standing, Trouble};
use patd_core::names::SlotId;
use patd_core::pattern::verify::Id;

use super::proof;
use super::refusing::Refusal;
use crate::api::Reply;
use crate::house::House;
use crate::slots::{Handle, View};

/// Answers with the status of now.
pub(super) fn answer(house: &House) -> Result<Reply, Refusal> {
    Reply::plain(&now(house))
}

/// Returns the status of now.
pub(super) fn now(house: &House) -> Status {
    let trust = house.trust.load();
    let (slots, mut names) = (house.slots.all(), connections(&trust.config));
    let rows = slots.iter().map(|handle| {
        let names = names.remove(&*handle.id).unwrap_or_default();
        row(house, handle, names)
    });
    let rows = rows.collect();
    Status {
        daemon: daemon(house, &trust.config),
        slots: rows,
        held_up: held_up(house),
        inert: inert(&trust.config),
        alarms: alarms(house),
        self_check: house.facts.self_check.clone(),
        watched: proof::watched(house, &trust),
    }
}

fn daemon(house: &House, config: &Config) -> DaemonStatus {
    DaemonStatus {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: i32::try_from(std::process::id()).unwrap_or(0),
        started_at: house.facts.started_at,
        host_id: house.store.host().as_str().to_owned(),
        peer_tier: crate::peer::tier().as_str().to_owned(),
        passed_files: crate::peer::passed_files().as_str().to_owned(),
        memory: crate::memory::standing().to_owned(),
        root_key: house.facts.root_key.clone(),
        config_owner: match config.owner {
            Owner::Root => "root".to_owned(),
            Owner::OwnUid => "the daemon's own uid".to_owned(),
        },
    }
}

fn row(house: &House, handle: &Handle, connections: Vec<String>) -> SlotStatus {
    let view = handle.view();
    let held = view.slot.current();
    let leases = house.leases.held(&handle.id);
    let older = leases
        .iter()
        .filter(|(held_by_others, _)| held.is_some_and(|held| **held_by_others < held.generation));
    SlotStatus {
        slot: handle.id.to_string(),
        connections,
        role: view.rules.role.as_str().to_owned(),
        state: view.slot.word().to_owned(),
        generation: held.map(|held| held.generation.0),
        expires_at: held.map(|held| held.expires_at.0),
        due_at: view.slot.due_at.map(|at| at.0),
        leases: leases.values().copied().fold(0, u32::saturating_add),
        leases_on_older: older.map(|(_, count)| *count).fold(0, u32::saturating_add),
        problem: problem(&handle.id, &view),
    }
}

/// Returns the names of every slot, in one pass: monitoring asks every minute, and there may be thousands.
fn connections(config: &Config) -> BTreeMap<&SlotId, Vec<String>> {
    let mut names: BTreeMap<&SlotId, Vec<String>> = BTreeMap::new();
    for (name, connection) in &config.connections {
        names.entry(&connection.slot).or_default().push(name.as_str().to_owned());
    }
    names
}

fn problem(slot: &SlotId, view: &View) -> Option<Problem> {
    let told = |id: &str, message: String, next_step: &str| {
        let (id, next_step) = (id.to_owned(), next_step.to_owned());
        Some(Problem { id, subject: slot.to_string(), message, next_step })
    };
    match (&view.slot.standing, &view.slot.trouble) {
        (Standing::Quarantined { shown }, _) => told(
            "quarantined",
            format!("a new secret logged in as {shown}"),
            "correct the user's role at Snowflake, then: patctl enrol",
        ),
        (Standing::Fenced { foreign }, _) => told(
            "fenced",
            format!("someone else made the token {foreign} of this host's lineage"),
            "find out who (a copied machine?), then: patctl enrol",
        ),
        (Standing::Tombstoned { .. }, _) if view.slot.rebuilt => told(
            "unenrolled",
            "the store was rebuilt: whether it was revoked before is not known".to_owned(),
            "issue again: patctl enrol; or leave it revoked: patctl revoke",
        ),
        (_, Some(Trouble { id, message, next_step, .. })) => told(id, message.clone(), next_step),
        (Standing::Enrolled, None) if view.is_held_back() => {
            told("held-back", held_back(view), "patctl drift; to look again: patctl drift --look")
        }
        (Standing::Tombstoned { confirmed: true, .. }, None) => None,
        (_, None) if !view.is_configured => told(
            "not-configured",
            "the configuration does not name this slot; its tokens live until they expire".into(),
            "name it again, or remove its tokens: patctl revoke --user",
        ),
        (Standing::Enrolled | Standing::Tombstoned { .. }, None) => None,
    }
}

fn held_back(view: &View) -> String {
    let ids: Vec<&str> = view.held_back_by().into_iter().map(Id::as_str).collect();
    match ids.is_empty() {
        true => "not handed out before the pattern was looked at once".to_owned(),
        false => format!("not handed out while these checks do not hold: {}", ids.join(", ")),
    }
}

/// What is an alarm by now is said there.
fn held_up(house: &House) -> Vec<Problem> {
    let held_up = house.slots.held_up().into_iter();
    let passing = held_up.filter(|(_, held_up)| held_up.alarm().is_none());
    let told = passing.map(|(account, held_up)| {
        let Alarm { id, message, next_step } = held_up.told();
        Problem { id: id.to_owned(), subject: format!("account {account}"), message, next_step }
    });
    told.collect()
}

/// An alarm about the log itself cannot be kept in it: it is found out when it is asked for.
fn alarms(house: &House) -> Vec<Problem> {
    let mut standing = house.alarms.standing_now();
    standing.extend(house.audit.is_failing().then(|| {
        Problem {
            id: "audit-not-written".to_owned(),
            subject: "audit".to_owned(),
            message: "the audit log cannot be written, so nothing is handed out".to_owned(),
            next_step:
                "make room below the state folder: df -h, df -i; journalctl -u patd has the cause"
                    .to_owned(),
        }
    }));
    standing
}

fn inert(config: &Config) -> Vec<Problem> {
    let told = |entry: &patd_config::Inert| Problem {
        id: "inert-entry".to_owned(),
        subject: entry.connection.as_str().to_owned(),
        message: entry.reason.clone(),
        next_step: entry.next_step.clone(),
    };
    config.inert.iter().map(told).collect()
}
