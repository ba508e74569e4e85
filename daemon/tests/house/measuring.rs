//! What monitoring is told: well-formed, the same as the status says, and counters that never go back.

use std::time::Duration;

use pat_wire::limits;
use pat_wire::metrics::{Dialect, Metrics};
use pat_wire::provision::{Drift, DriftRequest};
use patd::metrics::ALL;
use snowflake_sim::{Act, Fault, On};

use crate::openmetrics::{Samples, read};
use crate::world::{CONNECTION, ROLE, USER, World, eventually, own_uid, post};

/// One scrape, as curl would do it, read strictly.
fn scrape(world: &World) -> Samples {
    let reply = world.raw("admin.sock", b"GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n");
    let reply = String::from_utf8(reply).unwrap();
    let (head, body) = reply.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    let kind = "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert!(head.lines().any(|line| line == kind), "{head}");
    read(body)
}

fn served(world: &World) {
    eventually("a secret is served", || world.slot(USER).generation);
}

#[test]
fn a_scrape_says_what_the_status_says() {
    let world = World::running();
    served(&world);
    let handed = world.hand_out(CONNECTION).unwrap();
    let _watch = world.watching(&handed.terms.lease);
    let look = DriftRequest { account: None, look: true };
    let _drift: Drift = world.admin("drift", &look).unwrap();

    let (samples, status) = (scrape(&world), world.status());

    let slot = &status.slots[0];
    let account = &status.watched[0].account;
    let of = |name: &str| *samples.get(name).unwrap_or_else(|| panic!("{name}: {samples:#?}"));
    let by_connection = |name: &str| of(&format!("{name}{{connection=\"{CONNECTION}\"}}"));
    assert_eq!(of("patd_ready"), 1);
    assert_eq!(of("patd_start_time_seconds"), status.daemon.started_at);
    assert_eq!(of(&format!("patd_slots{{account=\"{account}\",state=\"serving\"}}")), 1);
    assert_eq!(by_connection("patd_generation"), 1);
    let now = world.clock.now().0;
    assert_eq!(by_connection("patd_time_to_expiry_seconds"), slot.expires_at.unwrap() - now);
    assert_eq!(by_connection("patd_time_to_rotation_seconds"), slot.due_at.unwrap() - now);
    assert_eq!(by_connection("patd_leases"), i64::from(slot.leases));
    assert_eq!(by_connection("patd_leases_on_older"), i64::from(slot.leases_on_older));
    assert_eq!(by_connection("patd_hand_outs_total"), 1);
    assert_eq!(of("patd_watchers"), 1);
    assert_eq!(of("patd_audit_failing"), 0);
    let failed = format!("patd_pattern_checks{{account=\"{account}\",outcome=\"failed\"}}");
    assert_eq!(of(&failed), i64::from(status.watched[0].failed));
    let done = format!("patd_rotations_total{{account=\"{account}\",outcome=\"done\"}}");
    assert_eq!(of(&done), 1);
    assert!(of(&format!("patd_snowflake_calls_total{{account=\"{account}\"}}")) >= 3);
    assert_eq!(of(&format!("patd_snowflake_calls_held{{account=\"{account}\"}}")), 0);
    let alarms: i64 =
        samples.iter().filter(|(name, _)| name.starts_with("patd_alarms{")).map(|(_, n)| n).sum();
    assert_eq!(usize::try_from(alarms).unwrap(), status.alarms.len());
}

#[test]
fn no_counter_goes_back_over_rotations_refusals_and_a_reload() {
    let world = World::running();
    served(&world);
    world.hand_out(CONNECTION).unwrap();
    let first = scrape(&world);
    let rotate = pat_wire::admin::RotateRequest { connection: CONNECTION.into(), taint: None };
    let _rotated: pat_wire::admin::Rotated = world.admin("rotate", &rotate).unwrap();
    world.hand_out(CONNECTION).unwrap();
    assert!(world.hand_out("another").is_err());
    world.raw("patd.sock", &post("/v1/hand-out", "[]"));
    world.entry("second", USER, ROLE, own_uid());
    let reloaded: pat_wire::admin::Reloaded = world.admin("reload", &()).unwrap();
    assert!(reloaded.in_force, "{reloaded:?}");
    world.advance(Duration::from_secs(60));

    let second = scrape(&world);

    for (name, before) in first.iter().filter(|(name, _)| is_counter(name)) {
        assert!(second.get(name) >= Some(before), "{name} was {before}: {:?}", second.get(name));
    }
    let grew = |name: &str| second.get(name).unwrap() - first.get(name).unwrap();
    assert_eq!(grew("patd_hand_outs_total{connection=\"miguel_cli\"}"), 1);
    assert_eq!(grew("patd_refusals_total{code=\"refused\"}"), 1);
    assert_eq!(grew("patd_refusals_total{code=\"malformed\"}"), 1);
    assert_eq!(second["patd_hand_outs_total{connection=\"second\"}"], 0, "a new name is there");
    assert!(grew("patd_audit_records_total") > 5);
}

#[test]
fn a_rotation_that_gets_no_answer_counts_as_failed_though_no_token_was_asked_for() {
    let world = World::running();
    served(&world);
    let outcomes = |samples: &Samples| {
        let account = world.status().watched[0].account.clone();
        let of = |outcome| {
            samples[&format!("patd_rotations_total{{account=\"{account}\",outcome=\"{outcome}\"}}")]
        };
        (of("done"), of("failed"))
    };
    assert_eq!(outcomes(&scrape(&world)), (1, 0));
    world.sim.fault(Fault::always(On::SqlApi, Act::Status(503)));

    let rotate = pat_wire::admin::RotateRequest { connection: CONNECTION.into(), taint: None };
    assert!(world.admin::<pat_wire::admin::Rotated>("rotate", &rotate).is_err());

    let (done, failed) = outcomes(&scrape(&world));
    assert_eq!(done, 1);
    assert!(failed >= 1, "{failed}");
}

#[test]
fn both_routes_say_the_same_names_and_no_secret_and_no_local_user_is_among_them() {
    let world = World::running();
    served(&world);
    let handed = world.hand_out(CONNECTION).unwrap();

    let metrics: Metrics = world
        .knock("admin.sock")
        .ask_plainly("GET", "/v1/metrics", limits::ADMIN_REPLY_BYTES)
        .unwrap();

    let text = metrics.text(Dialect::OpenMetrics);
    let names = |samples: &Samples| samples.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&read(&text)), names(&scrape(&world)));
    let families: Vec<_> = metrics.families.iter().map(|family| family.name.as_str()).collect();
    assert_eq!(families, ALL.map(|meta| meta.name));
    assert!(!text.contains(handed.secret.expose()) && !text.contains("simpat_"), "{text}");
    assert!(!text.contains(&format!("\"{}\"", own_uid())), "{text}");
    assert!(!text.contains(handed.terms.lease.as_str()), "{text}");
}

#[test]
fn the_hand_out_socket_tells_no_numbers() {
    let world = World::running();
    for path in ["/metrics", "/v1/metrics"] {
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
        let reply = String::from_utf8(world.raw("patd.sock", request.as_bytes())).unwrap();
        assert!(reply.starts_with("HTTP/1.1 404 "), "{reply}");
    }
}

fn is_counter(sample: &str) -> bool {
    sample.split('{').next().unwrap().ends_with("_total")
}
