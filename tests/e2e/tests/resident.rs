//! `patctl plan` and `apply` with the resident credential: the daemon makes the plan itself and runs it step by step
//! (promises P6 and P8; SECURITY.md: who reaches the admin socket can run no SQL).

use e2e::{Admin, append_to_entry, log_in, said};
use serde_json::Value;
use snowflake_sim::{Act, Fault, On};
use world::{CONNECTION, ROLE, World};

#[test]
fn the_daemon_applies_its_own_plan_where_its_role_may_and_then_there_is_nothing_to_do() {
    let world = world_of_a_strong_broker();
    let admin = Admin::of(&world);

    let planned = world.patctl(["plan", "--json"]).output().unwrap();
    let applied = world.patctl(APPLY).output().unwrap();
    let again = world.patctl(APPLY).output().unwrap();
    let by_admin = admin.patctl(&world, &["plan"]);

    assert_eq!(planned.status.code(), Some(2), "{}", said(&planned));
    assert_eq!(applied.status.code(), Some(0), "{}", said(&applied));
    let planned: Value = serde_json::from_slice(&planned.stdout).unwrap();
    let steps = planned["steps"].as_array().unwrap().len();
    assert!(said(&applied).contains(&format!("[{steps}/{steps}]")), "{}", said(&applied));
    assert!(said(&again).contains("nothing to do"), "{}", said(&again));
    assert_eq!(by_admin.status.code(), Some(0), "{}", said(&by_admin));
}

#[test]
fn the_least_broker_sees_little_says_so_and_changes_nothing() {
    let world = World::running();

    let planned = world.patctl(["plan"]).output().unwrap();
    let applied = world.patctl(APPLY).output().unwrap();

    assert_eq!(planned.status.code(), Some(2), "{}", said(&planned));
    assert!(said(&planned).contains("hidden"), "{}", said(&planned));
    assert_ne!(applied.status.code(), Some(0), "{}", said(&applied));
    assert!(said(&applied).contains("could not be seen"), "{}", said(&applied));
    for output in [&planned, &applied] {
        assert!(
            said(output).contains("add --as USER --key-file FILE, or --via snow"),
            "{}",
            said(output)
        );
    }
    let changes = changes(&world);
    assert!(changes.iter().all(|sql| sql.contains(" PROGRAMMATIC ACCESS TOKEN ")), "{changes:?}");
}

#[test]
fn what_is_left_out_of_the_plan_is_left_out_by_the_daemon_too() {
    let world = world_of_a_strong_broker();
    append_to_entry(&world, CONNECTION, "[provision]\nto_sysadmin = true");
    reload(&world);

    let applied = world.patctl(["apply", "--yes", "--without", "account-policies"]).output();

    let applied = applied.unwrap();
    assert_eq!(applied.status.code(), Some(0), "{}", said(&applied));
    let grants = world.sim.snapshot_json()["grants"].clone();
    let to_sysadmin = |grant: &&Value| grant["name"] == ROLE && grant["grantee"] == "SYSADMIN";
    assert!(grants.as_array().unwrap().iter().any(|grant| to_sysadmin(&grant)), "{grants}");
    assert!(changes(&world).iter().all(|sql| !sql.starts_with("ALTER ACCOUNT")));
}

#[test]
fn a_configuration_the_daemon_has_not_read_is_not_applied_by_it() {
    let world = world_of_a_strong_broker();
    append_to_entry(&world, CONNECTION, "[provision]\nto_sysadmin = true");

    let refused = world.patctl(["apply", "--yes", "--without", "account-policies"]).output();

    let refused = refused.unwrap();
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    assert!(changes(&world).iter().all(|sql| !sql.contains("SYSADMIN")), "{}", said(&refused));
}

#[test]
fn a_step_whose_answer_is_lost_is_taken_up_by_the_next_run() {
    let world = world_of_a_strong_broker();
    log_in(&world);
    world.sim.fault(Fault::next(On::Change, Act::DropAfterCommit));

    let stopped = world.patctl(APPLY).output().unwrap();
    let resumed = world.patctl(APPLY).output().unwrap();

    assert_eq!(stopped.status.code(), Some(1), "{}", said(&stopped));
    assert!(said(&stopped).contains("0 done, "), "{}", said(&stopped));
    assert_eq!(resumed.status.code(), Some(0), "{}", said(&resumed));
}

/// A broker to which the site has opted to give everything.
fn world_of_a_strong_broker() -> World {
    let world = World::running();
    world.sim.admin_script("GRANT ROLE ACCOUNTADMIN TO ROLE PATD_HOST1_ROLE").unwrap();
    world
}

fn reload(world: &World) {
    let name = world::own_name();
    let other = ["add", "other", "--user", "OTHER_CLI", "--role", "OTHER_ROLE", "--for", &name];
    world.patctl_ok(&other);
}

/// The statements of the broker that changed something.
fn changes(world: &World) -> Vec<String> {
    let queries = world.sim.queries().into_iter();
    let sent = queries.filter(|query| query.user != "ADMIN" && !query.kind.only_reads());
    sent.map(|query| query.text).collect()
}

const APPLY: [&str; 4] = ["apply", "--yes", "--confirm", "account-policies,replace-policy"];
