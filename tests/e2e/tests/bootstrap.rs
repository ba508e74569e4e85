//! What a security admin runs once: it can be run again, and it gives the broker the least there is to give
//! (SECURITY.md: a broker key that was stolen).

use e2e::{added, live, log_in, said};
use serde_json::Value;
use world::{CONNECTION, ROLE, USER, World, own_name};

#[test]
fn the_script_can_be_run_again_and_changes_nothing() {
    let world = World::new();
    let once = world.sim.snapshot_json();

    let script = world.bootstrap().unwrap();
    world.sim.admin_script(&script).unwrap();

    assert_eq!(world.sim.snapshot_json(), once);
}

#[test]
fn run_again_under_a_running_daemon_it_costs_no_token() {
    let world = World::running();
    let token = log_in(&world).name;

    world.bootstrap().unwrap();

    assert_eq!(log_in(&world).name, token);
    world.patctl_ok(&["rotate", CONNECTION]);
    assert_ne!(log_in(&world).name, token);
}

#[test]
fn a_user_that_is_added_later_is_all_that_a_later_run_adds() {
    let world = World::new();
    let before = grants(&world);
    let other = ["add", "other", "--user", "OTHER_CLI", "--role", "OTHER_ROLE", "--for"];
    world.patctl_ok(&[&other[..], &[own_name().as_str()]].concat());

    world.bootstrap().unwrap();

    let after = grants(&world);
    let new: Vec<&Value> = after.iter().filter(|grant| !before.contains(grant)).collect();
    assert!(new.iter().all(|grant| grant.to_string().contains("OTHER_")), "{new:?}");
    assert!(before.iter().all(|grant| after.contains(grant)));
}

#[test]
fn the_brokers_role_holds_the_one_privilege_per_user_and_owns_nothing() {
    let world = World::new();

    let of_broker: Vec<(String, String, String)> = grants(&world)
        .into_iter()
        .filter(|grant| grant["grantee"] == BROKER_ROLE)
        .map(|grant| (text(&grant["privilege"]), text(&grant["on"]), text(&grant["name"])))
        .collect();

    let the_one = ("MODIFY PROGRAMMATIC AUTHENTICATION METHODS", "USER", USER);
    let the_one = (the_one.0.to_string(), the_one.1.to_string(), the_one.2.to_string());
    let others: Vec<_> = of_broker.iter().filter(|grant| **grant != the_one).collect();
    assert!(of_broker.contains(&the_one), "{of_broker:?}");
    // Its own key may be replaced by itself: the same privilege, on itself.
    assert!(
        others.iter().all(|(privilege, _, name)| *privilege == the_one.0 && name == BROKER_USER),
        "{others:?}"
    );
    assert!(of_broker.iter().all(|(privilege, _, _)| privilege != "OWNERSHIP"));
}

#[test]
fn the_brokers_user_has_the_brokers_role_and_no_other() {
    let world = World::new();

    let of_user: Vec<String> = grants(&world)
        .into_iter()
        .filter(|grant| grant["grantee"] == BROKER_USER)
        .map(|grant| text(&grant["name"]))
        .collect();

    assert_eq!(of_user, [BROKER_ROLE]);
}

#[test]
fn nobody_but_the_service_user_has_its_role() {
    let world = World::new();

    let has_role: Vec<String> = grants(&world)
        .into_iter()
        .filter(|grant| grant["name"] == ROLE && grant["privilege"] == "USAGE")
        .map(|grant| text(&grant["grantee"]))
        .collect();

    assert_eq!(has_role, [USER]);
}

#[test]
fn without_its_privilege_a_rotation_is_refused_by_name_and_the_old_secret_serves_on() {
    let world = World::running();
    let token = log_in(&world).name;
    run(&world, &format!("REVOKE {PRIVILEGE} ON USER {USER} FROM ROLE {BROKER_ROLE}"));

    let rotated = world.patctl(["rotate", CONNECTION]).output().unwrap();

    assert_eq!(rotated.status.code(), Some(1), "{}", said(&rotated));
    assert!(said(&rotated).contains("grant MODIFY PROGRAMMATIC"), "{}", said(&rotated));
    let status = world.status();
    assert_eq!(status["slots"][0]["problem"]["id"], "privilege-missing", "{status}");
    assert_eq!(log_in(&world).name, token);
    assert_eq!((live(&world.sim).len(), added(&world.sim)), (1, 1));

    run(&world, &format!("GRANT {PRIVILEGE} ON USER {USER} TO ROLE {BROKER_ROLE}"));
    world.patctl_ok(&["rotate", CONNECTION]);
    assert_ne!(log_in(&world).name, token);
}

#[test]
fn a_role_that_the_service_user_lost_is_named_with_the_grant_it_needs() {
    let world = World::running();
    log_in(&world);
    run(&world, &format!("REVOKE ROLE {ROLE} FROM USER {USER}"));

    let rotated = world.patctl(["rotate", CONNECTION]).output().unwrap();

    assert_eq!(rotated.status.code(), Some(1), "{}", said(&rotated));
    assert!(said(&rotated).contains(&format!("grant role {ROLE} to")), "{}", said(&rotated));
}

#[test]
fn a_broker_user_that_was_disabled_is_named_and_the_old_secret_serves_on() {
    let world = World::running();
    let token = log_in(&world).name;
    run(&world, &format!("ALTER USER {BROKER_USER} SET DISABLED = TRUE"));

    let rotated = world.patctl(["rotate", CONNECTION]).output().unwrap();

    assert!(said(&rotated).contains("broker user"), "{}", said(&rotated));
    assert_eq!(world.status()["slots"][0]["problem"]["id"], "admin-login-refused");
    assert_eq!(log_in(&world).name, token);
}

fn grants(world: &World) -> Vec<Value> {
    world.sim.snapshot_json()["grants"].as_array().unwrap().clone()
}

fn run(world: &World, sql: &str) {
    world.sim.admin_script(sql).unwrap();
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_string()
}

const BROKER_USER: &str = "PATD_HOST1";
const BROKER_ROLE: &str = "PATD_HOST1_ROLE";
const PRIVILEGE: &str = "MODIFY PROGRAMMATIC AUTHENTICATION METHODS";
