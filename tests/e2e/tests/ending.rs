//! `patctl destroy` and `patctl retire`: what is taken down is shown, confirmed, resumed and recorded, and a lost host
//! loses its tokens from elsewhere (promises P3 and P8).

use std::fs;
use std::process::{Output, Stdio};

use e2e::{Admin, Elsewhere, live, log_in, said};
use serde_json::Value;
use snowflake_sim::{Act, Fault, On};
use world::{CONNECTION, ROLE, USER, World, own_name};

#[test]
fn a_service_user_goes_with_its_tokens_and_its_role_and_it_is_recorded() {
    let (mut world, admin) = applied();
    world.start();
    log_in(&world);

    let shown = admin.patctl(&world, &["destroy", CONNECTION, "--plan"]);
    let unconfirmed = admin.patctl(&world, &["destroy", CONNECTION, "--yes"]);
    let before = live(&world.sim).len();
    let destroyed = admin.patctl(&world, DESTROY);
    let again = admin.patctl(&world, DESTROY);

    assert!(said(&shown).contains("DROP USER \"MIGUEL_CLI\""), "{}", said(&shown));
    assert!(said(&unconfirmed).contains("add --confirm drop"), "{}", said(&unconfirmed));
    assert_eq!(before, 1, "nothing was touched");
    assert_eq!(destroyed.status.code(), Some(0), "{}", said(&destroyed));
    assert!(said(&destroyed).contains("next: patctl remove miguel_cli"), "{}", said(&destroyed));
    assert!(said(&again).contains("nothing is left to destroy"), "{}", said(&again));
    assert_eq!(there(&world, &admin), ["PATD_HOST1", "PATD_HOST1_ROLE"]);
    assert_eq!(world.status()["slots"][0]["state"], "revoked");
    let records = records(&world);
    let [record] = &records[..] else { panic!("{records:?}") };
    let run = &record["runs"][0];
    assert_eq!(run["tombstones"]["confirmed"][0], format!("MYORG-MYACCOUNT/{USER}"), "{record}");
    assert_eq!(run["by"]["user"], "SEC_ADMIN");
    assert!(run["ended_at"].is_string(), "{record}");
    assert_eq!(outcomes(run), ["done", "done"], "{record}");
}

#[test]
fn stopped_before_and_after_every_statement_it_comes_to_the_same_end_in_one_record() {
    let (world, admin) = applied();
    let all = ["destroy", "--all", "--without-daemon", "--yes", "--confirm", "drop"];
    let count = json(&admin.patctl(&world, &["destroy", "--all", "--plan", "--json"]));
    let count = count["steps"].as_array().unwrap().len();
    assert!(count > 8, "only {count} statements");

    for left in (1..=count).rev() {
        for act in [Act::DropBeforeCommit, Act::DropAfterCommit] {
            world.sim.fault(Fault::next(On::Change, act.clone()));
            let stopped = admin.patctl(&world, &all);
            let said = said(&stopped);
            assert_eq!(stopped.status.code(), Some(1), "{left} left, {act:?}: {said}");
            assert!(said.contains(&format!("0 done, {left} left")), "{act:?}: {said}");
            assert!(said.contains("run patctl destroy again"), "{said}");
        }
    }
    let last = admin.patctl(&world, &all);

    assert!(said(&last).contains("nothing is left to destroy"), "{}", said(&last));
    assert_eq!(there(&world, &admin), [""; 0]);
    let records = records(&world);
    let [record] = &records[..] else { panic!("{} records", records.len()) };
    let runs = record["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 2 * count + 1);
    assert!(runs.last().unwrap()["ended_at"].is_string(), "{record}");
    let gone: Vec<&Value> =
        runs.iter().flat_map(|run| run["found_gone"].as_array().unwrap()).collect();
    assert_eq!(gone.len(), count, "each was found to be gone once: {gone:?}");
}

#[test]
fn killed_in_the_middle_it_is_resumed() {
    let (world, admin) = applied();
    let all = ["destroy", "--all", "--without-daemon", "--yes", "--confirm", "drop"];
    let slow = Act::Delay(std::time::Duration::from_millis(300));
    world.sim.fault(Fault::always(On::Change, slow));
    let drops =
        || world.sim.queries().iter().filter(|query| query.text.starts_with("DROP")).count();

    let mut command = admin.command(&world, &all);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    world::eventually("some statements have run", || (drops() >= 3).then_some(()));
    child.kill().unwrap();
    child.wait().unwrap();
    let resumed = admin.patctl(&world, &all);

    assert_eq!(resumed.status.code(), Some(0), "{}", said(&resumed));
    assert_eq!(there(&world, &admin), [""; 0]);
    assert_eq!(records(&world).len(), 1);
}

#[test]
fn without_a_daemon_nothing_is_destroyed_unless_it_is_said_that_there_is_none() {
    let (world, admin) = applied();

    let refused = admin.patctl(&world, DESTROY);
    let said_so = admin.patctl(&world, &[DESTROY, &["--without-daemon"]].concat());

    assert_eq!(refused.status.code(), Some(69), "{}", said(&refused));
    assert!(said(&refused).contains("--without-daemon"), "{}", said(&refused));
    assert_eq!(said_so.status.code(), Some(0), "{}", said(&said_so));
    assert!(records(&world)[0]["runs"][0]["tombstones"].is_null());
}

#[test]
fn a_retired_host_hands_nothing_out_and_its_script_ends_its_broker() {
    let (mut world, admin) = applied();
    world.start();
    log_in(&world);

    let unasked = world.patctl(["retire"]).output().unwrap();
    let kept = live(&world.sim).len();
    let retired = world.patctl(["retire", "--yes"]).output().unwrap();

    assert!(said(&unasked).contains("add --yes"), "{}", said(&unasked));
    assert_eq!(kept, 1);
    assert_eq!(retired.status.code(), Some(0), "{}", said(&retired));
    assert_eq!(live(&world.sim).len(), 0);
    let script = String::from_utf8(retired.stdout).unwrap();
    assert!(script.starts_with("-- host "), "{script}");
    world.sim.admin_script(&script).unwrap_or_else(|error| panic!("{error}: {script}"));
    assert_eq!(there(&world, &admin), [USER, ROLE]);
    let refused = world.pat_exec(["-c", CONNECTION, "true"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(125), "{}", said(&refused));
}

#[test]
fn a_lost_hosts_tokens_are_removed_from_elsewhere_and_no_others() {
    let (mut world, admin) = applied();
    world.start();
    log_in(&world);
    let id = world.status()["daemon"]["host_id"].as_str().unwrap().to_owned();
    world.kill();
    let hand =
        format!("ALTER USER {USER} ADD PROGRAMMATIC ACCESS TOKEN HAND ROLE_RESTRICTION = '{ROLE}'");
    world.sim.admin_script(&hand).unwrap();
    let elsewhere = elsewhere(&world);
    let retire = |more: &[&str]| {
        let arguments = [&["retire", "--host", &id], more].concat();
        elsewhere.patctl(&world, &arguments)
    };

    let unconfirmed = retire(&["--yes"]);
    let retired = retire(&["--yes", "--confirm", "drop"]);
    let again = retire(&["--yes", "--confirm", "drop"]);

    assert!(said(&unconfirmed).contains("add --confirm drop"), "{}", said(&unconfirmed));
    assert_eq!(retired.status.code(), Some(0), "{}", said(&retired));
    let names: Vec<String> = live(&world.sim).into_iter().map(|token| token.name).collect();
    assert_eq!(names, ["HAND"]);
    let script = String::from_utf8(retired.stdout).unwrap();
    assert!(script.contains("whoever has the key of PATD_HOST1 can make new tokens"), "{script}");
    world.sim.admin_script(&script).unwrap_or_else(|error| panic!("{error}: {script}"));
    assert_eq!(there(&world, &admin), [USER, ROLE], "the lost host's broker is gone");
    assert!(said(&again).contains("no token was found of host"), "{}", said(&again));
    assert!(said(&again).contains("--broker"), "{}", said(&again));
}

#[test]
fn a_lost_hosts_broker_that_is_named_goes_before_its_tokens() {
    let (mut world, admin) = applied();
    world.start();
    log_in(&world);
    let id = world.status()["daemon"]["host_id"].as_str().unwrap().to_owned();
    world.kill();
    let elsewhere = elsewhere(&world);
    let arguments =
        ["retire", "--host", &id, "--broker", "PATD_HOST1", "--yes", "--confirm", "drop", "--json"];

    let own = admin.patctl(&world, &arguments);
    let retired = elsewhere.patctl(&world, &arguments);

    assert!(said(&own).contains("is the broker of this configuration"), "{}", said(&own));
    assert_eq!(retired.status.code(), Some(0), "{}", said(&retired));
    let done = json(&retired)["done"]["done"].clone();
    assert_eq!(done[0], "DROP USER IF EXISTS \"PATD_HOST1\"", "{done}");
    assert_eq!(done[1], "DROP ROLE IF EXISTS \"PATD_HOST1_ROLE\"", "{done}");
    assert_eq!(done.as_array().unwrap().len(), 3, "{done}");
    assert_eq!(there(&world, &admin), [USER, ROLE]);
}

#[test]
fn tokens_that_cannot_be_seen_are_not_said_to_be_gone() {
    let (world, _) = applied();
    world.sim.admin_script("CREATE ROLE SMALL").unwrap();
    let small = Admin::with_role(&world, "SMALL_ADMIN", "SMALL");

    let looked = small.patctl(&world, &["retire", "--host", "0a1b2c3d", "--role", "SMALL"]);
    let named = ["retire", "--host", "0a1b2c3d", "--role", "SMALL", "--broker", "PATD_HOST9"];
    let refused = small.patctl(&world, &named);

    assert_eq!(looked.status.code(), Some(2), "{}", said(&looked));
    assert!(
        said(&looked).contains("tokens of MIGUEL_CLI: not checked (needs"),
        "{}",
        said(&looked)
    );
    assert!(
        said(&refused).contains("whether PATD_HOST9 is a person cannot be seen"),
        "{}",
        said(&refused)
    );
}

#[test]
fn a_person_is_no_broker() {
    let (world, admin) = applied();
    let named =
        ["retire", "--host", "0a1b2c3d", "--broker", "SEC_ADMIN", "--yes", "--confirm", "drop"];

    let refused = admin.patctl(&world, &named);

    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    assert!(said(&refused).contains("SEC_ADMIN is a person"), "{}", said(&refused));
}

/// A world whose account has the whole pattern; no daemon runs.
fn applied() -> (World, Admin) {
    let world = World::builder().prepare();
    world.initialise().and_then(|()| world.register(&own_name(), &[])).unwrap();
    let admin = Admin::of(&world);
    let applied = admin.patctl(&world, &["apply", "--yes", "--confirm", "account-policies"]);
    assert_eq!(applied.status.code(), Some(0), "{}", said(&applied));
    (world, admin)
}

/// Another host with the same service user.
fn elsewhere(world: &World) -> Elsewhere {
    Elsewhere::with(world, &[CONNECTION, "--user", USER, "--role", ROLE, "--for", &own_name()])
}

/// Of the users and roles that PAT Broker makes, those that are there.
fn there(world: &World, admin: &Admin) -> Vec<String> {
    let file = world.folder().join("there.json");
    let _ = fs::remove_file(&file);
    admin.patctl(world, &["plan", "--out", file.to_str().unwrap()]);
    let written: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let known = |kind: &str| {
        let all = written["observed"][kind].as_object().unwrap().iter();
        let found = all.filter(|(name, seen)| *name != "PUBLIC" && !seen["known"].is_null());
        found.map(|(name, _)| name.clone()).collect::<Vec<_>>()
    };
    [known("users"), known("roles")].concat()
}

fn records(world: &World) -> Vec<Value> {
    let Ok(files) = fs::read_dir(world.config().join("records")) else { return Vec::new() };
    let text = |file: fs::DirEntry| fs::read(file.path()).unwrap();
    files.map(|file| serde_json::from_slice(&text(file.unwrap())).unwrap()).collect()
}

fn outcomes(run: &Value) -> Vec<&str> {
    let steps = run["steps"].as_array().unwrap().iter();
    steps.map(|step| step["outcome"].as_str().unwrap()).collect()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(output)))
}

const DESTROY: &[&str] = &["destroy", CONNECTION, "--yes", "--confirm", "drop"];
