//! `drift`: what the daemon's look found, how old it is, what it holds back, and how the verb ends.

#![expect(clippy::unwrap_used, reason = "a test's world that cannot be built fails the test")]

mod world;

use serde_json::{Value, json};

use world::{Asked, World};

fn check(id: &str, outcome: Value) -> Value {
    json!({
        "id": id,
        "subject": "user MIGUEL_CLI",
        "outcome": outcome,
        "evidence": "has a \u{1b}[2Jpassword",
        "next_step": "take it away",
    })
}

fn account(looked_at: Option<i64>, checks: &[Value]) -> Value {
    json!({ "account": "MYORG-MYACCOUNT", "looked_at": looked_at, "checks": checks })
}

fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

#[test]
fn what_does_not_hold_is_shown_with_its_age_and_next_step() {
    let world = World::new();
    let hidden = json!({ "not-checked": { "needs": "MANAGE GRANTS ON ACCOUNT" } });
    let checks = [check("no-password", json!("failed")), check("one-role", hidden)];
    let mut drift = account(Some(now() - 2 * 86_400 - 5 * 3_600 - 1_800), &checks);
    drift["held_back"] =
        json!([{ "slot": "MYORG-MYACCOUNT/MIGUEL_CLI", "checks": ["no-password"] }]);
    let daemon = world.daemon(200, json!({ "accounts": [drift] }), 2);

    let shown = world.patctl(&["drift"]);
    let as_json = world.patctl(&["drift", "--account", "MYORG-MYACCOUNT", "--look", "--json"]);

    let expected = "\
MYORG-MYACCOUNT, seen 2 d 5 h ago

user MIGUEL_CLI
  FAIL  no-password  has a \u{fffd}[2Jpassword
        next: take it away
  ?     one-role     not checked (needs MANAGE GRANTS ON ACCOUNT)

2 checks: 0 hold, 1 fails, 1 not checked
held back: MYORG-MYACCOUNT/MIGUEL_CLI: no-password
";
    assert_eq!((shown.out.as_str(), shown.exit), (expected, 1));
    assert_eq!(as_json.json()["accounts"][0]["checks"], json!(checks));
    let asked = |body: Value| Asked { what: "POST /v1/drift".to_owned(), body };
    let second = json!({ "account": "MYORG-MYACCOUNT", "look": true });
    assert_eq!(daemon.asked(), [asked(json!({ "look": false })), asked(second)]);
}

#[test]
fn how_it_ends_says_whether_all_is_well_seen() {
    let hidden = json!({ "not-checked": { "needs": "X" } });
    let failed = {
        let mut drift = account(Some(0), &[]);
        drift["failure"] = json!("no answer from the host");
        drift
    };
    for (drift, exit, said) in [
        (account(Some(now()), &[]), 0, "as it should be"),
        (account(None, &[]), 2, "not looked at since the daemon started"),
        (failed, 2, "the last look brought nothing: no answer from the host"),
        (account(Some(0), &[check("one-role", hidden)]), 2, "1 not checked"),
        (account(Some(0), &[check("one-role", json!("failed"))]), 1, "1 fails"),
    ] {
        let world = World::new();
        let daemon = world.daemon(200, json!({ "accounts": [drift] }), 1);

        let shown = world.patctl(&["drift"]);

        assert_eq!(daemon.asked().len(), 1);
        assert_eq!(shown.exit, exit, "{shown:?}");
        assert!(shown.out.contains(said), "{shown:?}");
    }
}

#[test]
fn checks_of_another_version_are_not_half_understood() {
    let world = World::new();
    let drift = account(Some(0), &[json!({ "id": "one-role" })]);
    let daemon = world.daemon(200, json!({ "accounts": [drift] }), 1);

    let shown = world.patctl(&["drift"]);

    assert_eq!(daemon.asked().len(), 1);
    assert_eq!((shown.exit, shown.out.as_str()), (1, ""));
    assert!(shown.err.contains("same version"), "{}", shown.err);
}

#[test]
fn the_manual_names_every_check() {
    let manual =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/man/patctl.8");
    let manual = std::fs::read_to_string(manual).unwrap().replace("\\-", "-");
    let (_, checks) = manual.split_once(".SH CHECKS").unwrap();
    let (checks, _) = checks.split_once(".SH ").unwrap();

    let named: Vec<&str> = checks.lines().filter_map(|line| line.strip_prefix(".B ")).collect();

    let known = patd_core::pattern::verify::Id::ALL.iter().map(|id| id.as_str());
    let known: Vec<&str> = std::iter::once("freeze_on").chain(known).collect();
    assert_eq!(named, known);
}
