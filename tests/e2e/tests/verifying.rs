//! `patctl verify` on a whole account (promise P1: one role, always): after `apply` everything holds, by reads and by
//! real logins; each thing done behind our back is found as exactly that; what a role cannot see never "holds".

use std::collections::BTreeSet;
use std::process::Output;
use std::time::Duration;

use e2e::{Admin, Client, said};
use serde_json::Value;
use world::{World, own_name};

#[test]
fn after_apply_everything_holds_by_reads_and_by_real_logins() {
    let (mut world, admin) = applied();
    world.start();
    e2e::log_in(&world);

    let output = admin.patctl(&world, &["verify"]);
    let found = verified(&admin.patctl(&world, &["verify", "--json"]));

    assert_eq!((found.failed, found.unseen), (set(&[]), set(&[])), "{}", said(&output));
    assert!(found.held > 40, "{}", said(&output));
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(world.sim.open_sessions(), 0);
}

#[test]
fn without_a_daemon_there_is_no_login_and_it_is_said() {
    let (world, admin) = applied();

    let output = admin.patctl(&world, &["verify"]);
    let found = verified(&admin.patctl(&world, &["verify", "--json"]));

    assert_eq!(found.failed, set(&[]), "{}", said(&output));
    let of_logins = LOGINS.map(|id| (id, "user MIGUEL_CLI"));
    assert_eq!(found.unseen, set(&of_logins), "{}", said(&output));
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("no login as miguel_cli: no broker at"), "{}", said(&output));
}

#[test]
fn what_was_done_behind_our_back_is_found_as_exactly_that() {
    let (world, admin) = applied();
    world.sim.admin_script("CREATE ROLE EXTRA; CREATE USER ANA TYPE = PERSON").unwrap();
    for Change { done, undone, found } in changes() {
        world.sim.admin_script(done).unwrap_or_else(|error| panic!("{done}: {error}"));

        let output = admin.patctl(&world, &["verify", "--json"]);

        assert_eq!(verified(&output).failed, set(found), "{done}");
        assert_eq!(output.status.code(), Some(1), "{done}");
        world.sim.admin_script(undone).unwrap_or_else(|error| panic!("{undone}: {error}"));
    }
    let output = admin.patctl(&world, &["verify", "--json"]);
    assert_eq!(verified(&output).failed, set(&[]), "{}", said(&output));
}

#[test]
fn the_least_broker_finds_nothing_wrong_and_says_what_it_cannot_see() {
    let (world, _) = applied();
    let key = world.keys().join("admin-key.pem");
    let arguments = ["verify", "--as", "PATD_HOST1", "--key-file", key.to_str().unwrap(), "--role"];
    let mut command = world.patctl(arguments);

    let output = command.args(["PATD_HOST1_ROLE", "--json"]).output().unwrap();

    let found = verified(&output);
    assert_eq!(found.failed, set(&[]), "{}", said(&output));
    for seen in ["tokens-restricted", "no-foreign-token", "broker-manages", "broker-least"] {
        assert!(found.ids.contains(seen), "{seen} is seen by the least role: {}", said(&output));
    }
    for hidden in ["persons-barred", "one-role", "tokens-only", "role-cannot-mint"] {
        let unseen = found.unseen.iter().any(|(id, _)| id == hidden);
        assert!(unseen, "{hidden} is not: {}", said(&output));
    }
    for check in found.checks.iter().filter(|check| check["outcome"].is_object()) {
        let needs = check["outcome"]["not-checked"]["needs"].as_str().unwrap();
        assert!(!needs.is_empty(), "{check}");
    }
}

#[test]
fn one_connection_can_be_looked_at_alone() {
    let (world, admin) = applied();

    let one = verified(&admin.patctl(&world, &["verify", "miguel_cli", "--json"]));
    let none = admin.patctl(&world, &["verify", "ghost"]);

    assert!(one.held > 40);
    assert_eq!(none.status.code(), Some(64), "{}", said(&none));
}

#[test]
fn the_inventory_says_who_still_uses_the_token_before_a_rotation() {
    let (mut world, admin) = applied();
    world
        .sim
        .admin_script("ALTER USER MIGUEL_CLI ADD PAT BY_HAND ROLE_RESTRICTION = 'MIGUEL_CLI_ROLE'")
        .unwrap();
    world.start();
    let mut client = Client::start(&world, "env");
    let old = client.log_in(&world);
    world.patctl_ok(&["rotate", "miguel_cli"]);
    let new = e2e::log_in(&world);

    let before = admin.patctl(&world, &["audit", "tokens"]);
    world.sim.advance(Duration::from_secs(60));
    client.log_in(&world);
    let after = admin.patctl(&world, &["audit", "tokens", "--json"]);

    let text = String::from_utf8_lossy(&before.stdout).into_owned();
    assert_eq!(before.status.code(), Some(0), "{}", said(&before));
    assert!(text.contains("BY_HAND"), "{text}");
    assert!(text.contains("somebody else"), "{text}");
    assert!(text.contains(&format!("{} was not used since", old.name)), "{text}");
    let json: Value = serde_json::from_slice(&after.stdout).unwrap();
    let tokens = json["tokens"].as_array().unwrap();
    let of = |name: &str| tokens.iter().find(|token| token["name"] == name).unwrap();
    let used = |name: &str| of(name)["usage"]["last_used_at"].as_i64().unwrap();
    assert!(used(&old.name) > used(&new.name), "{json}");
    assert_eq!(of(&old.name)["usage"]["last_login"]["address"], "127.0.0.1");
    let text =
        String::from_utf8_lossy(&admin.patctl(&world, &["audit", "tokens"]).stdout).into_owned();
    assert!(text.contains(&format!("{} is still used (", old.name)), "{text}");
    for secret in world.sim.secrets() {
        assert!(!text.contains(&secret) && !json.to_string().contains(&secret));
    }
}

/// What `verify --json` says.
struct Found {
    checks: Vec<Value>,
    failed: BTreeSet<(String, String)>,
    unseen: BTreeSet<(String, String)>,
    ids: BTreeSet<String>,
    held: usize,
}

fn verified(output: &Output) -> Found {
    let json: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(output)));
    let checks = json["checks"].as_array().unwrap_or_else(|| panic!("{json}")).clone();
    let text = |check: &Value, name: &str| check[name].as_str().unwrap().to_owned();
    let of = |wanted: &dyn Fn(&Value) -> bool| {
        let found = checks.iter().filter(|check| wanted(&check["outcome"]));
        found.map(|check| (text(check, "id"), text(check, "subject"))).collect::<BTreeSet<_>>()
    };
    let held = of(&|outcome| outcome == "passed");
    Found {
        failed: of(&|outcome| outcome == "failed"),
        unseen: of(&|outcome| outcome.get("not-checked").is_some()),
        ids: held.iter().map(|(id, _)| id.clone()).collect(),
        held: held.len(),
        checks,
    }
}

fn set(of: &[(&str, &str)]) -> BTreeSet<(String, String)> {
    of.iter().map(|&(id, subject)| (id.to_owned(), subject.to_owned())).collect()
}

/// A configured host and an account to which the whole pattern was applied.
fn applied() -> (World, Admin) {
    let world = World::builder().prepare();
    world
        .initialise()
        .and_then(|()| {
            world.register(&own_name(), &["--deliver".to_owned(), "home,env".to_owned()])
        })
        .unwrap();
    let admin = Admin::of(&world);
    let applied = admin.patctl(&world, &["apply", "--yes", "--confirm", "account-policies"]);
    assert_eq!(applied.status.code(), Some(0), "{}", said(&applied));
    (world, admin)
}

/// Something somebody does, how it is undone, and what is found meanwhile.
struct Change {
    done: &'static str,
    undone: &'static str,
    found: &'static [(&'static str, &'static str)],
}

const fn change(
    done: &'static str,
    undone: &'static str,
    found: &'static [(&'static str, &'static str)],
) -> Change {
    Change { done, undone, found }
}

const USER: &str = "user MIGUEL_CLI";
const BROKER: &str = "broker PATD_HOST1";
const LOGINS: [&str; 6] = [
    "login-user",
    "login-role",
    "login-no-secondary-roles",
    "no-role-switch",
    "no-secondary-switch",
    "no-other-role-login",
];

fn changes() -> Vec<Change> {
    vec![
        change(
            "GRANT ROLE EXTRA TO USER MIGUEL_CLI",
            "REVOKE ROLE EXTRA FROM USER MIGUEL_CLI",
            &[("one-role", USER)],
        ),
        change(
            "GRANT ROLE EXTRA TO ROLE MIGUEL_CLI_ROLE",
            "REVOKE ROLE EXTRA FROM ROLE MIGUEL_CLI_ROLE",
            &[("role-inherits-nothing", USER)],
        ),
        change(
            "GRANT MANAGE GRANTS ON ACCOUNT TO ROLE MIGUEL_CLI_ROLE",
            "REVOKE MANAGE GRANTS ON ACCOUNT FROM ROLE MIGUEL_CLI_ROLE",
            &[("role-cannot-mint", USER)],
        ),
        change(
            "GRANT MONITOR ON USER ANA TO ROLE MIGUEL_CLI_ROLE",
            "REVOKE MONITOR ON USER ANA FROM ROLE MIGUEL_CLI_ROLE",
            &[("role-nothing-more", USER)],
        ),
        change(
            "GRANT ROLE MIGUEL_CLI_ROLE TO USER ANA",
            "REVOKE ROLE MIGUEL_CLI_ROLE FROM USER ANA",
            &[("role-holders", USER)],
        ),
        change(
            "REVOKE DATABASE ROLE SNOWFLAKE.CORTEX_USER FROM ROLE MIGUEL_CLI_ROLE; \
             REVOKE DATABASE ROLE SNOWFLAKE.CORTEX_USER FROM ROLE PUBLIC",
            "GRANT DATABASE ROLE SNOWFLAKE.CORTEX_USER TO ROLE MIGUEL_CLI_ROLE; \
             GRANT DATABASE ROLE SNOWFLAKE.CORTEX_USER TO ROLE PUBLIC",
            &[("reaches-cortex", USER)],
        ),
        change(
            "GRANT MODIFY PROGRAMMATIC AUTHENTICATION METHODS ON USER MIGUEL_CLI TO ROLE EXTRA",
            "REVOKE MODIFY PROGRAMMATIC AUTHENTICATION METHODS ON USER MIGUEL_CLI FROM ROLE EXTRA",
            &[("minters", USER)],
        ),
        change(
            "ALTER USER MIGUEL_CLI ADD PAT BY_HAND ROLE_RESTRICTION = 'MIGUEL_CLI_ROLE'",
            "ALTER USER MIGUEL_CLI REMOVE PAT BY_HAND",
            &[("no-foreign-token", USER)],
        ),
        change(
            "ALTER USER MIGUEL_CLI SET DISABLED = TRUE",
            "ALTER USER MIGUEL_CLI SET DISABLED = FALSE",
            &[("enabled", USER)],
        ),
        change(
            "ALTER USER MIGUEL_CLI SET DEFAULT_SECONDARY_ROLES = ('ALL')",
            "ALTER USER MIGUEL_CLI SET DEFAULT_SECONDARY_ROLES = ()",
            &[("no-secondary-roles", USER)],
        ),
        change(
            "CREATE NETWORK POLICY OPEN ALLOWED_IP_LIST = ('0.0.0.0/0'); \
             ALTER USER MIGUEL_CLI SET NETWORK_POLICY = OPEN",
            "ALTER USER MIGUEL_CLI SET NETWORK_POLICY = PATD_HOST1_NETWORK; DROP NETWORK POLICY OPEN",
            &[("network-policy", USER)],
        ),
        change(
            "ALTER NETWORK POLICY PATD_HOST1_NETWORK SET ALLOWED_IP_LIST = ('0.0.0.0/0')",
            "ALTER NETWORK POLICY PATD_HOST1_NETWORK SET ALLOWED_IP_LIST = ()",
            &[("network-sources", "network policy PATD_HOST1_NETWORK")],
        ),
        change(
            "ALTER AUTHENTICATION POLICY PATD.POLICIES.PATD_TOKENS_ONLY SET AUTHENTICATION_METHODS = ('ALL')",
            "ALTER AUTHENTICATION POLICY PATD.POLICIES.PATD_TOKENS_ONLY \
             SET AUTHENTICATION_METHODS = ('PROGRAMMATIC_ACCESS_TOKEN')",
            &[("tokens-only", USER)],
        ),
        change(
            "ALTER AUTHENTICATION POLICY PATD.POLICIES.PATD_TOKENS_ONLY SET PAT_POLICY = \
             (DEFAULT_EXPIRY_IN_DAYS = 7 MAX_EXPIRY_IN_DAYS = 7 NETWORK_POLICY_EVALUATION = NOT_ENFORCED \
             REQUIRE_ROLE_RESTRICTION_FOR_SERVICE_USERS = FALSE)",
            "ALTER AUTHENTICATION POLICY PATD.POLICIES.PATD_TOKENS_ONLY SET PAT_POLICY = \
             (DEFAULT_EXPIRY_IN_DAYS = 7 MAX_EXPIRY_IN_DAYS = 7 NETWORK_POLICY_EVALUATION = ENFORCED_REQUIRED \
             REQUIRE_ROLE_RESTRICTION_FOR_SERVICE_USERS = TRUE)",
            &[("network-enforced", USER), ("restriction-required", USER)],
        ),
        change(
            "ALTER ACCOUNT UNSET AUTHENTICATION POLICY FOR ALL PERSON USERS",
            "ALTER ACCOUNT SET AUTHENTICATION POLICY PATD.POLICIES.PATD_PERSONS FOR ALL PERSON USERS",
            &[("persons-policy", "account"), ("persons-barred", "account")],
        ),
        change(
            "CREATE AUTHENTICATION POLICY PATD.POLICIES.OWN AUTHENTICATION_METHODS = ('ALL'); \
             ALTER USER ANA SET AUTHENTICATION POLICY PATD.POLICIES.OWN",
            "ALTER USER ANA UNSET AUTHENTICATION POLICY; \
             DROP AUTHENTICATION POLICY PATD.POLICIES.OWN",
            &[("persons-barred", "account")],
        ),
        change(
            "GRANT ROLE EXTRA TO ROLE PATD_HOST1_ROLE",
            "REVOKE ROLE EXTRA FROM ROLE PATD_HOST1_ROLE",
            &[("broker-least", BROKER)],
        ),
        change(
            "ALTER USER PATD_HOST1 UNSET AUTHENTICATION POLICY",
            "ALTER USER PATD_HOST1 SET AUTHENTICATION POLICY PATD.POLICIES.PATD_KEY_ONLY",
            &[("broker-key-only", BROKER)],
        ),
    ]
}
