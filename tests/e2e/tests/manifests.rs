//! `patctl manifest`: what is wanted of an account, written down, shown, and replayed on another account, where it is
//! planned, asked and resumed like any other change (promise P8).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use e2e::{Admin, log_in, said};
use serde_json::Value;
use snowflake_sim::{Act, Fault, On};
use world::{ROLE, USER, World, own_name};

#[test]
fn a_manifest_says_what_there_is_and_why_and_by_which_look() {
    let (world, admin) = applied();
    let file = world.folder().join("manifest.toml");

    let exported = admin.patctl(&world, &["manifest", "export", path(&file)]);
    let shown = world.patctl(["manifest", "show", path(&file)]).output().unwrap();
    let plan = json(&admin.patctl(&world, &["plan", "--json"]));

    assert_eq!(exported.status.code(), Some(0), "{}", said(&exported));
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains(plan["fingerprint"].as_str().unwrap()), "{text}");
    let states = objects(&text);
    assert!(states.len() > 10, "{states:?}");
    assert!(states.iter().all(|(_, state)| state == "as-wanted"), "{states:?}");
    let shown = said(&shown);
    for wanted in [USER, ROLE, "network policy PATD_HOST1_NETWORK", "as-wanted", "observed "] {
        assert!(shown.contains(wanted), "{wanted}: {shown}");
    }
    let key = fs::read_to_string(world.config().join("admin-key.pub")).unwrap();
    let body = key.lines().nth(1).unwrap();
    assert!(!text.contains(body), "no key of this host's");
}

#[test]
fn what_differs_and_what_cannot_be_seen_is_not_said_to_be_as_wanted() {
    let (world, admin) = applied();
    world.sim.admin_script(&format!("ALTER USER {USER} UNSET NETWORK_POLICY")).unwrap();
    let key = world.keys().join("admin-key.pem");
    let broker = ["--as", "PATD_HOST1", "--key-file", path(&key), "--role", "PATD_HOST1_ROLE"];

    let by_admin = admin.patctl(&world, &["manifest", "export"]);
    let by_broker = world.patctl(["manifest", "export"]).args(broker).output().unwrap();
    let by_nobody = world.patctl(["manifest", "export", "--offline"]).output().unwrap();

    let state = |output: &Output, object: &str| {
        let states = objects(&String::from_utf8_lossy(&output.stdout));
        states.into_iter().find(|(name, _)| name == object).map(|(_, state)| state)
    };
    let user = format!("user {USER}");
    assert_eq!(state(&by_admin, &user).as_deref(), Some("differs"), "{}", said(&by_admin));
    assert_eq!(state(&by_broker, &user).as_deref(), Some("not-seen"), "{}", said(&by_broker));
    assert_eq!(state(&by_nobody, &user).as_deref(), Some("not-looked-at"), "{}", said(&by_nobody));
}

#[test]
fn another_account_becomes_what_the_manifest_says_and_then_there_is_nothing_to_do() {
    let file = exported();
    let (mut other, admin) = bare();
    let replay = of(&file.1, &["--yes", "--confirm", "account-policies"]);

    let looked = admin.patctl(&other, &of(&file.1, &["--plan"]));
    let untouched =
        other.sim.admin_script("SHOW ROLES LIKE 'MIGUEL%'").is_ok() && roles(&other) == 0;
    let unasked = admin.patctl(&other, &of(&file.1, &["--confirm", "account-policies"]));
    let replayed = admin.patctl(&other, &replay);
    let again = admin.patctl(&other, &replay);
    other.register(&own_name(), &[]).unwrap();
    let plan = admin.patctl(&other, &["plan"]);

    assert_eq!(looked.status.code(), Some(2), "{}", said(&looked));
    assert!(untouched && said(&looked).contains("CREATE ROLE"), "{}", said(&looked));
    assert!(said(&unasked).contains("add --yes"), "{}", said(&unasked));
    assert_eq!(replayed.status.code(), Some(0), "{}", said(&replayed));
    assert!(said(&replayed).contains("patctl add miguel_cli --account"), "{}", said(&replayed));
    assert!(said(&again).contains("nothing to do"), "{}", said(&again));
    assert_eq!(plan.status.code(), Some(0), "as apply has it: {}", said(&plan));
    other.start();
    assert_eq!(log_in(&other).role_restriction.as_deref(), Some(ROLE));
}

#[test]
fn a_replay_that_was_cut_off_comes_to_the_same_end() {
    let file = exported();
    let (other, admin) = bare();
    let replay = of(&file.1, &["--yes", "--confirm", "account-policies"]);
    for after in [2, 5, 9] {
        let act = Act::DropAfterCommit;
        other.sim.fault(Fault { on: On::Change, after, times: 1, act });
        let stopped = admin.patctl(&other, &replay);
        assert!(said(&stopped).contains("run patctl manifest replay again"), "{}", said(&stopped));
    }

    let replayed = admin.patctl(&other, &replay);

    assert_eq!(replayed.status.code(), Some(0), "{}", said(&replayed));
    other.register(&own_name(), &[]).unwrap();
    assert_eq!(admin.patctl(&other, &["plan"]).status.code(), Some(0));
}

#[test]
fn a_manifest_with_something_that_is_not_understood_is_refused() {
    let (_world, file) = exported();
    let (other, admin) = bare();
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("bar_persons = true", "bar_persons = true\nbar_person = false"))
        .unwrap();

    let refused = admin.patctl(&other, &of(&file, &["--yes", "--confirm", "account-policies"]));

    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    assert!(
        said(&refused).contains("desired.scopes.bar_person is not understood"),
        "{}",
        said(&refused)
    );
    assert_eq!(roles(&other), 0);
}

/// A world whose account has the whole pattern.
fn applied() -> (World, Admin) {
    let (world, admin) = bare();
    world.register(&own_name(), &[]).unwrap();
    let applied = admin.patctl(&world, &["apply", "--yes", "--confirm", "account-policies"]);
    assert_eq!(applied.status.code(), Some(0), "{}", said(&applied));
    (world, admin)
}

/// A configured host without an entry, and an empty account.
fn bare() -> (World, Admin) {
    let world = World::builder().prepare();
    world.initialise().unwrap();
    let admin = Admin::of(&world);
    (world, admin)
}

/// A manifest of an account; it lives as long as the world beside it.
fn exported() -> (World, PathBuf) {
    let (world, admin) = applied();
    let file = world.folder().join("manifest.toml");
    let exported = admin.patctl(&world, &["manifest", "export", path(&file)]);
    assert_eq!(exported.status.code(), Some(0), "{}", said(&exported));
    (world, file)
}

fn of<'a>(file: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    [&["manifest", "replay", path(file)], more].concat()
}

fn roles(world: &World) -> usize {
    let created = world.sim.queries().into_iter();
    created.filter(|query| query.text.starts_with("CREATE ROLE") && query.error.is_none()).count()
}

/// Name and state of each object in a manifest.
fn objects(text: &str) -> Vec<(String, String)> {
    let table: toml::Table = text.parse().unwrap_or_else(|error| panic!("{error}: {text}"));
    let list = table["object"].as_array().unwrap().iter();
    let word = |object: &toml::Value, key: &str| object[key].as_str().unwrap().to_owned();
    list.map(|object| (word(object, "name"), word(object, "state"))).collect()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(output)))
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}
