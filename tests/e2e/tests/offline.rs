//! Snowflake away, or answering what nobody wants to hear: a valid secret is handed out all the same, a wrong one
//! never, and what can mend itself does (SECURITY.md: a network that fails, a login that lands elsewhere).

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use e2e::{Client, added, live, log_in, refused_by_wrapper, said};
use serde_json::Value;
use snowflake_sim::engine::StatementKind;
use snowflake_sim::{Act, Fault, On};
use world::{CONNECTION, ROLE, USER, World, eventually};

#[test]
fn a_valid_secret_is_handed_out_at_once_while_snowflake_is_down() {
    let world = running_and_serving();
    world.sim.stop_answering().unwrap();

    let start = Instant::now();
    let output = wrapped(&world);

    assert!(output.status.success(), "{}", said(&output));
    assert!(start.elapsed() < AT_ONCE, "it took {:?}", start.elapsed());
}

#[test]
fn a_valid_secret_is_handed_out_at_once_while_snowflake_hangs_on_a_rotation() {
    let world = running_and_serving();
    world.sim.fault(Fault::next(On::Any, Act::Hang));
    world.sim.fault(Fault::always(On::Any, Act::Hang));
    let mut rotation = world.patctl(["rotate", CONNECTION]);
    let mut rotation = rotation.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    eventually("the daemon waits", || world.sim.faults_left().len().eq(&1).then_some(()));

    let start = Instant::now();
    let output = wrapped(&world);

    assert!(output.status.success(), "{}", said(&output));
    assert!(start.elapsed() < AT_ONCE, "it took {:?}", start.elapsed());
    rotation.kill().unwrap();
    rotation.wait().unwrap();
}

#[test]
fn a_valid_secret_survives_a_restart_while_snowflake_is_down() {
    let mut world = running_and_serving();
    let before = live(&world.sim);
    world.sim.stop_answering().unwrap();

    world.stop();
    world.start();
    let mut client = Client::start(&world, "home");
    assert!(client.connect().is_err(), "Snowflake is down");
    world.sim.resume_answering().unwrap();

    assert_eq!(client.log_in(&world).name, before[0].name);
    assert_eq!(added(&world.sim), 1);
}

#[test]
fn without_a_secret_the_wrapper_says_why_and_what_to_do_and_mends_itself() {
    let mut world = World::new();
    world.sim.stop_answering().unwrap();
    world.start();
    eventually("the first failure", || problem(&world));

    let told = refused_by_wrapper(&world, &["-c", CONNECTION]);
    assert!(told.contains("no secret has been issued yet"), "{told}");
    assert!(told.contains("no usable answer"), "{told}");
    assert!(told.contains("check the way to Snowflake"), "{told}");
    world.sim.resume_answering().unwrap();

    eventually("a secret is served", || state(&world).eq("serving").then_some(()));
    log_in(&world);
}

#[test]
fn who_asks_while_the_first_secret_is_made_waits_for_it() {
    let mut world = World::new();
    let late = Act::Delay(Duration::from_millis(1_500));
    world.sim.fault(Fault::next(On::Statement(StatementKind::AddPat), late));
    world.start();

    let mut clients = [Client::start(&world, "home"), Client::start(&world, "home")];

    for client in &mut clients {
        client.log_in(&world);
    }
    assert_eq!(added(&world.sim), 1, "both waited for the same secret");
}

#[test]
fn a_first_secret_that_lands_in_another_role_is_handed_to_nobody() {
    let mut world = World::new();
    world.sim.switches(|switches| switches.forced_login_role = Some("PUBLIC".into()));
    world.start();
    eventually("the quarantine", || state(&world).eq("quarantined").then_some(()));

    let told = refused_by_wrapper(&world, &["-c", CONNECTION]);
    assert!(told.contains("quarantined"), "{told}");
    assert!(told.contains("patctl status"), "{told}");
    let status = world.patctl(["status"]).output().unwrap();
    assert_eq!(status.status.code(), Some(2), "{}", said(&status));
    assert!(said(&status).contains("PUBLIC") && said(&status).contains("patctl enrol"));
    eventually("its token is gone", || live(&world.sim).is_empty().then_some(()));

    world.sim.switches(|switches| switches.forced_login_role = None);
    world.patctl_ok(&["enrol", CONNECTION]);
    log_in(&world);
    let status = world.patctl(["status"]).output().unwrap();
    assert!(status.status.success(), "the alarm is over: {}", said(&status));
}

#[test]
fn a_first_secret_that_lands_as_another_user_is_handed_to_nobody() {
    let mut world = World::new();
    world.sim.admin_script("CREATE USER SOMEBODY_ELSE TYPE = SERVICE").unwrap();
    world.sim.switches(|switches| switches.forced_login_user = Some("SOMEBODY_ELSE".into()));
    world.start();

    eventually("the quarantine", || state(&world).eq("quarantined").then_some(()));

    refused_by_wrapper(&world, &["-c", CONNECTION]);
    assert_eq!(alarms(&world), ["probe-wrong"]);
}

#[test]
fn a_session_with_secondary_roles_is_not_the_one_role() {
    let mut world = World::new();
    world.sim.admin_script(&format!("CREATE ROLE MORE; GRANT ROLE MORE TO USER {USER}")).unwrap();
    world.sim.switches(|switches| switches.restricted_sessions_have_secondary_roles = true);
    world.start();

    eventually("the quarantine", || state(&world).eq("quarantined").then_some(()));

    refused_by_wrapper(&world, &["-c", CONNECTION]);
}

#[test]
fn a_quarantine_at_a_rotation_keeps_the_proven_secret_in_use() {
    let world = running_and_serving();
    let proven = live(&world.sim).remove(0).name;
    world.sim.switches(|switches| switches.forced_login_role = Some("PUBLIC".into()));

    let rotated = world.patctl(["rotate", CONNECTION]).output().unwrap();
    assert_eq!(rotated.status.code(), Some(1), "{}", said(&rotated));
    assert_eq!(alarms(&world), ["probe-wrong"]);
    world.sim.switches(|switches| switches.forced_login_role = None);

    assert_eq!(log_in(&world).name, proven);
    let status = world.patctl(["status"]).output().unwrap();
    assert_eq!(status.status.code(), Some(2), "a person has to look: {}", said(&status));
    world.patctl_ok(&["enrol", CONNECTION]);
    world.patctl_ok(&["rotate", CONNECTION]);
    assert_ne!(log_in(&world).name, proven);
}

#[test]
fn a_network_policy_in_the_way_is_named_with_the_address_and_costs_no_second_token() {
    let mut world = World::new();
    allow_from(&world, "10.0.0.0/8");
    world.start();

    let problem = eventually("the refused login", || {
        problem(&world).filter(|problem| problem["id"] == "probe-network-policy")
    });
    assert!(problem["message"].as_str().unwrap().contains("127.0.0.1"), "{problem}");
    assert!(problem["next_step"].as_str().unwrap().contains("network policy"), "{problem}");
    let told = refused_by_wrapper(&world, &["-c", CONNECTION]);
    assert!(told.contains("127.0.0.1"), "{told}");
    eventually("a second try", || (refused_logins(&world) >= 2).then_some(()));
    assert_eq!(added(&world.sim), 1, "the staged secret is tried again, none is added");

    allow_from(&world, "127.0.0.0/8");
    eventually("a secret is served", || state(&world).eq("serving").then_some(()));
    log_in(&world);
    assert_eq!(added(&world.sim), 1);
}

/// Far below any deadline of the network, with room for a busy machine.
const AT_ONCE: Duration = Duration::from_secs(5);

fn running_and_serving() -> World {
    let world = World::running();
    assert_eq!(log_in(&world).role_restriction.as_deref(), Some(ROLE));
    world
}

fn wrapped(world: &World) -> std::process::Output {
    let mut wrapper: Command = world.pat_exec(["-c", CONNECTION, "/bin/true"]);
    wrapper.output().unwrap()
}

fn slot(world: &World) -> Value {
    world.status()["slots"][0].clone()
}

fn state(world: &World) -> String {
    slot(world)["state"].as_str().unwrap().to_string()
}

fn problem(world: &World) -> Option<Value> {
    let problem = slot(world)["problem"].clone();
    (!problem.is_null()).then_some(problem)
}

fn alarms(world: &World) -> Vec<String> {
    let alarms = world.status()["alarms"].as_array().unwrap().clone();
    alarms.iter().map(|alarm| alarm["id"].as_str().unwrap().to_string()).collect()
}

/// Lets the service user, and only it, in from this range.
fn allow_from(world: &World, range: &str) {
    let script = format!(
        "CREATE OR ALTER NETWORK RULE PATD.POLICIES.ELSEWHERE TYPE = IPV4 MODE = INGRESS VALUE_LIST = ('{range}');
         CREATE NETWORK POLICY IF NOT EXISTS ELSEWHERE ALLOWED_NETWORK_RULE_LIST = ('PATD.POLICIES.ELSEWHERE');
         ALTER USER {USER} SET NETWORK_POLICY = ELSEWHERE"
    );
    world.sim.admin_script(&script).unwrap();
}

fn refused_logins(world: &World) -> usize {
    let logins = world.sim.logins();
    logins.iter().filter(|login| login.failure.is_some()).count()
}
