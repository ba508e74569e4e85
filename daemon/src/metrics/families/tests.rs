//! What is exported is what the catalogue says, and what the status says.

use serde_json::json;

use super::*;
use crate::metrics::ALL;

const NOW: i64 = 1_000_000;

fn status() -> Status {
    let slot = |user: &str, connections: &[&str], state: &str, generation: Option<u64>| {
        json!({
            "slot": format!("ACME-ONE/{user}"), "connections": connections, "role": "R",
            "state": state, "generation": generation, "expires_at": generation.map(|_| NOW + 600),
            "due_at": generation.map(|_| NOW - 60), "leases": 3, "leases_on_older": 1,
            "problem": null,
        })
    };
    let problem = |id: &str| json!({ "id": id, "subject": "s", "message": "m", "next_step": "n" });
    let mut late = slot("ETL", &["etl"], "draining", Some(4));
    late["problem"] = problem("offline");
    let mut shut = slot("OPS", &[], "quarantined", None);
    shut["problem"] = problem("quarantined");
    let status = json!({
        "daemon": {
            "version": "0.1.0", "pid": 1, "started_at": NOW - 90, "host_id": "H",
            "peer_tier": "pidfs", "root_key": "k", "config_owner": "root",
        },
        "slots": [slot("CLI", &["cli", "reports"], "serving", Some(7)), late, shut],
        "held_up": [problem("account-throttled")],
        "inert": [problem("inert-entry")],
        "self_check": [problem("socket-mode")],
        "alarms": [problem("quarantined"), problem("disk-low")],
        "watched": [
            { "account": "ACME-ONE", "looked_at": NOW - 300, "failed": 1, "not_checked": 12 },
            { "account": "ACME-TWO", "looked_at": null, "failed": 0, "not_checked": 0 },
        ],
    });
    serde_json::from_value(status).unwrap()
}

fn moment() -> Moment {
    let counts = |name: &str, count| BTreeMap::from([(name.to_owned(), count)]);
    Moment {
        now: NOW,
        is_ready: true,
        is_audit_failing: false,
        tally: Tally {
            hand_outs: counts("cli", 9),
            not_released: 1,
            refusals: BTreeMap::from([("busy", 4)]),
            promoted: counts("ACME-ONE", 6),
            failed: counts("ACME-ONE", 2),
            alarms: counts("disk-low", 3),
            records: 40,
            unwritten: 0,
        },
        issued: BTreeMap::from([("ACME-ONE/CLI".to_owned(), NOW - 120)]),
        connections: vec!["cli".to_owned(), "etl".to_owned(), "reports".to_owned()],
        leases: BTreeMap::from([("cli".to_owned(), (2, 1))]),
        watchers: 2,
        traffic: vec![Traffic { account: "ACME-ONE".to_owned(), sent: 50, held: 5 }],
    }
}

/// The samples of a family, as `labels value`.
fn shown(name: &str) -> Vec<String> {
    let metrics = families(&status(), &moment());
    let family = metrics.families.iter().find(|family| family.name == name).unwrap();
    let of = |sample: &Sample| {
        let labels: Vec<_> = sample.labels.values().map(String::as_str).collect();
        format!("{} {}", labels.join("/"), sample.value).trim().to_owned()
    };
    family.samples.iter().map(of).collect()
}

#[test]
fn every_number_of_the_catalogue_is_exported_in_its_order_with_its_labels_and_no_other() {
    let metrics = families(&status(), &moment());

    let names: Vec<_> = metrics.families.iter().map(|family| family.name.as_str()).collect();
    assert_eq!(names, ALL.map(|meta| meta.name));
    for (family, meta) in metrics.families.iter().zip(ALL) {
        assert_eq!((family.kind, family.unit.as_deref()), (meta.kind, meta.unit), "{}", meta.name);
        assert_eq!(family.help, meta.help);
        assert!(!family.samples.is_empty(), "{} has a number here", meta.name);
        for sample in &family.samples {
            let labels: Vec<_> = sample.labels.keys().map(String::as_str).collect();
            let mut wanted = meta.labels.to_vec();
            wanted.sort_unstable();
            assert_eq!(labels, wanted, "{}", meta.name);
        }
    }
}

#[test]
fn names_keep_the_conventions_and_labels_are_only_those_that_are_bounded() {
    for meta in ALL {
        assert!(meta.name.starts_with("patd_"), "{}", meta.name);
        assert!(meta.name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{}", meta.name);
        assert!(!meta.name.ends_with("_total") && !meta.name.ends_with("_info"), "{}", meta.name);
        assert_eq!(meta.unit.is_some(), meta.name.ends_with("_seconds"), "{}", meta.name);
        assert!(
            meta.help.ends_with('.') && !meta.help.contains(['\\', '"', '\n']),
            "{}",
            meta.help
        );
        for label in meta.labels {
            let bounded = [
                "account",
                "code",
                "connection",
                "outcome",
                "peer_tier",
                "problem",
                "state",
                "version",
            ];
            assert!(bounded.contains(label), "{label} of {}", meta.name);
        }
    }
    let mut names = ALL.map(|meta| meta.name).to_vec();
    names.dedup();
    assert_eq!(names.len(), ALL.len());
}

#[test]
fn slots_are_counted_in_every_state_of_their_account_and_sum_up() {
    let slots = shown("patd_slots");
    assert_eq!(slots.len(), Slot::WORDS.len());
    for wanted in ["ACME-ONE/serving 1", "ACME-ONE/quarantined 1", "ACME-ONE/revoked 0"] {
        assert!(slots.iter().any(|slot| slot == wanted), "{wanted}: {slots:?}");
    }
}

#[test]
fn a_slot_shows_under_each_name_of_it_and_one_without_a_secret_shows_no_times() {
    assert_eq!(shown("patd_generation"), ["cli 7", "reports 7", "etl 4"]);
    assert_eq!(shown("patd_generation_age_seconds"), ["cli 120", "reports 120"]);
    assert_eq!(shown("patd_time_to_expiry_seconds"), ["cli 600", "reports 600", "etl 600"]);
    assert_eq!(shown("patd_time_to_rotation_seconds"), ["cli -60", "reports -60", "etl -60"]);
}

#[test]
fn what_was_not_counted_yet_is_there_as_a_zero() {
    assert_eq!(shown("patd_hand_outs"), ["cli 9", "etl 0", "reports 0"]);
    assert_eq!(shown("patd_leases"), ["cli 2", "etl 0", "reports 0"]);
    assert_eq!(shown("patd_leases_on_older"), ["cli 1", "etl 0", "reports 0"]);
    assert!(shown("patd_refusals").contains(&"busy 4".to_owned()));
    assert!(shown("patd_refusals").contains(&"revoked 0".to_owned()));
    let rotations =
        ["ACME-ONE/done 6", "ACME-ONE/failed 2", "ACME-TWO/done 0", "ACME-TWO/failed 0"];
    assert_eq!(shown("patd_rotations"), rotations);
}

#[test]
fn alarms_and_problems_are_those_of_the_status_each_once() {
    assert_eq!(shown("patd_alarms"), ["disk-low 1", "quarantined 1"]);
    assert_eq!(shown("patd_problems"), ["account-throttled 1", "offline 1"]);
    assert_eq!(shown("patd_self_check_failed"), ["socket-mode 1"]);
    assert_eq!(shown("patd_entries_inert"), ["1"]);
}

#[test]
fn an_account_that_was_not_looked_at_has_no_checks() {
    assert_eq!(shown("patd_pattern_checks"), ["ACME-ONE/failed 1", "ACME-ONE/not-checked 12"]);
    assert_eq!(shown("patd_pattern_look_age_seconds"), ["ACME-ONE 300"]);
}
