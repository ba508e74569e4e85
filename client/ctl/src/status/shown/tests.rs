//! The status as it is shown, held to the bytes of two files: plain, and in colour.

use serde_json::json;

use super::*;

const NOW: i64 = 1_795_305_600;
const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

#[test]
fn the_status_is_shown_as_in_the_file_in_plain_and_in_colour() {
    assert_eq!(text(&busy(), NOW, false), include_str!("plain.txt"));
    assert_eq!(text(&busy(), NOW, true), include_str!("coloured.txt").replace("\\e", "\u{1b}"));
}

#[test]
fn without_its_colours_the_coloured_text_is_the_plain_one() {
    let coloured = text(&busy(), NOW, true);
    assert_eq!(console::strip_ansi_codes(&coloured), text(&busy(), NOW, false));
}

#[test]
fn one_slot_is_not_counted_and_none_says_how_to_make_one() {
    let mut status = busy();
    status.slots.truncate(1);
    assert!(!text(&status, NOW, false).contains("1 slot:"));
    status.slots.clear();
    assert!(text(&status, NOW, false).contains("no connections; make one: patctl add NAME"));
}

/// A host with a bit of everything: several slots, wide names, troubles, alarms.
fn busy() -> Status {
    let problem = |id: &str, subject: &str, message: &str, next_step: &str| json!({ "id": id, "subject": subject, "message": message, "next_step": next_step });
    let slot = |user: &str, connections: &[&str], state: &str| {
        json!({
            "slot": format!("MYORG-MYACCOUNT/{user}"), "connections": connections,
            "role": format!("{user}_ROLE"), "state": state, "generation": 3,
            "expires_at": NOW + 6 * DAY + 23 * HOUR, "due_at": NOW + 3 * DAY + 4 * HOUR,
            "leases": 0, "leases_on_older": 0, "problem": null,
        })
    };
    let mut draining = slot("ETL", &["etl", "reports"], "draining");
    draining["leases"] = json!(12);
    draining["leases_on_older"] = json!(2);
    let mut late = slot("GRÖSSE_漢字", &["größe"], "serving");
    late["expires_at"] = json!(NOW - 5 * 60);
    late["due_at"] = json!(NOW - 3 * DAY);
    let step = "nothing to do while others are served; see: patctl log";
    late["problem"] = problem("offline", "MYORG-MYACCOUNT/GRÖSSE_漢字", "no route", step);
    let mut shut = slot("OPS", &[], "quarantined");
    for key in ["generation", "expires_at", "due_at"] {
        shut[key] = json!(null);
    }
    let alarm = problem(
        "quarantined",
        "MYORG-MYACCOUNT/OPS",
        "a new secret logged in as PUBLIC",
        "correct the user's role at Snowflake, then: patctl enrol",
    );
    shut["problem"] = alarm.clone();
    let status = json!({
        "daemon": {
            "version": "0.1.0", "pid": 4711, "started_at": NOW - DAY - 3 * HOUR,
            "host_id": "AB12CD34", "peer_tier": "pidfd-info", "passed_files": "refused",
            "memory": "locked", "root_key": "systemd-credential root-key (TPM)",
            "config_owner": "root",
        },
        "slots": [draining, late, slot("MIGUEL_CLI", &["miguel_cli"], "serving"), shut],
        "held_up": [],
        "inert": [problem("inert-entry", "ghost", "no local user \"ghost\"", "create it")],
        "self_check": [problem("admin-socket", "/run/patd", "open to all", "chmod it")],
        "alarms": [alarm],
        "watched": [{
            "account": "MYORG-MYACCOUNT", "looked_at": NOW - 5 * 60, "failed": 0, "not_checked": 3,
        }],
    });
    serde_json::from_value(status).unwrap()
}
