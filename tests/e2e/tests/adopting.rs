//! `patctl adopt` takes over a service user that others made: it looks first, touches nothing that is not named, and
//! what remains to be done is shown (promises P3 and P8).

use std::fs;
use std::path::PathBuf;
use std::process::Output;

use e2e::{Admin, log_in, said};
use serde_json::Value;
use world::{ROLE, USER, World, own_name};

#[test]
fn a_user_made_by_hand_is_taken_over_and_its_tokens_stay() {
    let (mut world, admin) = by_hand();

    let adopted = adopt(&world, &admin, &[]);
    let entry = fs::read_to_string(entry(&world)).unwrap();
    let applied = admin.patctl(&world, APPLY);
    let again = admin.patctl(&world, &["adopt", "miguel_cli", "--json"]);

    let said = said(&adopted);
    assert_eq!(adopted.status.code(), Some(2), "{said}");
    for wanted in
        ["HAND", "WIDE", "made by hand", "! token WIDE: no role restriction", "GRANT MODIFY"]
    {
        assert!(said.contains(wanted) || wanted == "made by hand", "{wanted}: {said}");
    }
    assert!(entry.contains("[provision]\nuser = \"existing\"\nrole = \"existing\""), "{entry}");
    assert_eq!(applied.status.code(), Some(0), "{}", e2e::said(&applied));
    assert!(json(&again)["plan"]["steps"].as_array().unwrap().is_empty(), "{}", e2e::said(&again));
    world.start();
    assert_eq!(log_in(&world).role_restriction.as_deref(), Some(ROLE));
    assert_eq!(tokens(&world), ["HAND", "WIDE"], "of others'");
}

#[test]
fn what_was_taken_over_is_given_back_as_it_was() {
    let (mut world, admin) = by_hand();
    adopt(&world, &admin, &[]);
    admin.patctl(&world, APPLY);
    world.start();
    log_in(&world);

    let destroyed = admin.patctl(&world, &["destroy", "miguel_cli", "--yes", "--confirm", "drop"]);

    assert_eq!(destroyed.status.code(), Some(0), "{}", said(&destroyed));
    let names: Vec<String> = world.sim.tokens(USER).into_iter().map(|token| token.name).collect();
    assert_eq!(names.len(), 2, "only its own are left: {names:?}");
    let grants = world.sim.admin_script(&format!("SHOW GRANTS ON USER {USER}")).unwrap();
    assert!(!format!("{grants:?}").contains("MODIFY PROGRAMMATIC"), "{grants:?}");
}

#[test]
fn a_token_of_others_is_removed_only_by_name_and_only_when_confirmed() {
    let (world, admin) = by_hand();
    let named = ["--remove-token", "WIDE"];

    let unconfirmed = adopt(&world, &admin, &[&named[..], &["--yes"]].concat());
    let before = (tokens(&world), entry(&world).exists());
    let misspelt =
        adopt(&world, &admin, &["--remove-token", "WIDER", "--yes", "--confirm", "drop"]);
    let removed = adopt(&world, &admin, &[&named[..], &["--yes", "--confirm", "drop"]].concat());

    assert!(said(&unconfirmed).contains("add --confirm drop"), "{}", said(&unconfirmed));
    assert!(said(&unconfirmed).contains("whoever works with token WIDE"), "{}", said(&unconfirmed));
    assert_eq!(before, (vec!["HAND".to_owned(), "WIDE".to_owned()], false));
    assert!(said(&misspelt).contains("has no token \"WIDER\""), "{}", said(&misspelt));
    assert_eq!(removed.status.code(), Some(2), "{}", said(&removed));
    assert_eq!(tokens(&world), ["HAND"]);
    assert!(!said(&removed).contains("! token"), "{}", said(&removed));
}

#[test]
fn who_is_no_service_user_is_refused_and_nothing_is_written() {
    let world = configured();
    let admin = Admin::of(&world);
    world.sim.admin_script("CREATE USER ANA TYPE = PERSON; CREATE ROLE R").unwrap();
    let of = |user: &str| {
        let me = own_name();
        admin.patctl(&world, &["adopt", "x", "--user", user, "--token-role", "R", "--for", &me])
    };

    let (person, nobody, broker) = (of("ANA"), of("NOBODY"), of("PATD_HOST1"));

    assert!(said(&person).contains("is of TYPE PERSON"), "{}", said(&person));
    assert!(said(&nobody).contains("sees no user \"NOBODY\""), "{}", said(&nobody));
    assert!(said(&broker).contains("is the broker user of"), "{}", said(&broker));
    let codes = [&person, &nobody, &broker].map(|refused| refused.status.code());
    assert_eq!(codes, [Some(1), Some(1), Some(78)]);
    assert!(!world.config().join("users.d/x.toml").exists());
}

#[test]
fn a_role_that_cannot_see_the_user_is_told_what_it_needs() {
    let (world, _) = by_hand();
    world.sim.admin_script("CREATE ROLE SMALL").unwrap();
    let small = Admin::with_role(&world, "SMALL_ADMIN", "SMALL");

    let refused = adopt(&world, &small, &["--role", "SMALL"]);

    assert_eq!(refused.status.code(), Some(77), "{}", said(&refused));
    assert!(said(&refused).contains("could not be checked (needs "), "{}", said(&refused));
    assert!(!entry(&world).exists());
}

#[test]
fn the_daemons_credential_is_not_enough() {
    let (world, _) = by_hand();
    let me = own_name();
    let arguments = ["adopt", "miguel_cli", "--user", USER, "--token-role", ROLE, "--for", &me];

    let refused = world.patctl(arguments).output().unwrap();

    assert_eq!(refused.status.code(), Some(64), "{}", said(&refused));
    assert!(
        said(&refused).contains("--as USER --key-file FILE, or --via snow"),
        "{}",
        said(&refused)
    );
}

#[test]
fn an_entry_that_is_there_keeps_every_line_of_its_own() {
    let (world, admin) = by_hand();
    world.register(&own_name(), &[]).unwrap();
    e2e::append_to_entry(&world, "miguel_cli", "# written by a person");
    let before = fs::read_to_string(entry(&world)).unwrap();

    let adopted = admin.patctl(&world, &["adopt", "miguel_cli", "--user-is", "existing", "--json"]);
    let after = fs::read_to_string(entry(&world)).unwrap();
    let contradicted = admin.patctl(&world, &["adopt", "miguel_cli", "--user", "OTHER"]);
    let twice = admin.patctl(&world, &["adopt", "miguel_cli", "--user-is", "ours"]);

    assert_eq!(json(&adopted)["found"]["tokens"].as_array().unwrap().len(), 2);
    assert_eq!(after, format!("{}\n\n[provision]\nuser = \"existing\"\n", before.trim_end()));
    assert!(
        said(&contradicted).contains("says who this connection is about"),
        "{}",
        said(&contradicted)
    );
    assert!(said(&twice).contains("has a [provision] already"), "{}", said(&twice));
    assert_eq!(fs::read_to_string(entry(&world)).unwrap(), after);
}

#[test]
fn what_snow_utils_pat_made_is_taken_over_by_its_manifest() {
    let (world, admin) = by_hand();
    let manifest = world.folder().join("snow-utils-manifest.md");
    fs::write(&manifest, MANIFEST).unwrap();
    let me = own_name();
    let of = ["adopt", "miguel_cli", "--manifest", manifest.to_str().unwrap(), "--for", &me];

    let adopted = admin.patctl(&world, &of);
    let wrong = fs::write(&manifest, MANIFEST.replace("**Role:**", "**Rôle:**"));
    fs::remove_file(entry(&world)).unwrap();
    let refused = admin.patctl(&world, &of);

    let said = said(&adopted);
    assert_eq!(adopted.status.code(), Some(2), "{said}");
    assert!(said.contains("network_policy = \"OFFICE\""), "{said}");
    assert!(said.contains("--remove-token HAND") && said.contains(".env.env.bak"), "{said}");
    assert!(
        wrong.is_ok() && e2e::said(&refused).contains("has no Role"),
        "{}",
        e2e::said(&refused)
    );
}

/// A configured host, and nothing of it at Snowflake.
fn configured() -> World {
    let world = World::builder().prepare();
    world.initialise().unwrap();
    world
}

/// The same, with a service user that somebody made by hand.
fn by_hand() -> (World, Admin) {
    let world = configured();
    world.sim.admin_script(BY_HAND).unwrap_or_else(|error| panic!("{error}"));
    let admin = Admin::of(&world);
    (world, admin)
}

fn adopt(world: &World, admin: &Admin, more: &[&str]) -> Output {
    let me = own_name();
    let new = ["adopt", "miguel_cli", "--user", USER, "--token-role", ROLE, "--for", &me];
    admin.patctl(world, &[&new[..], more].concat())
}

fn entry(world: &World) -> PathBuf {
    world.config().join("users.d/miguel_cli.toml")
}

/// The tokens that PAT Broker did not make.
fn tokens(world: &World) -> Vec<String> {
    let names = world.sim.tokens(USER).into_iter().map(|token| token.name);
    let mut names: Vec<String> = names.filter(|name| !name.starts_with("PATD_")).collect();
    names.sort();
    names
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(output)))
}

const APPLY: &[&str] = &["apply", "--yes", "--confirm", "account-policies,replace-policy"];
const BY_HAND: &str = "\
CREATE ROLE MIGUEL_CLI_ROLE;
CREATE NETWORK POLICY OFFICE ALLOWED_IP_LIST = ('127.0.0.0/8');
CREATE USER MIGUEL_CLI TYPE = SERVICE DEFAULT_ROLE = MIGUEL_CLI_ROLE NETWORK_POLICY = OFFICE;
GRANT ROLE MIGUEL_CLI_ROLE TO USER MIGUEL_CLI;
ALTER USER MIGUEL_CLI ADD PROGRAMMATIC ACCESS TOKEN HAND ROLE_RESTRICTION = 'MIGUEL_CLI_ROLE';
CREATE DATABASE SITE;
CREATE SCHEMA SITE.P;
CREATE AUTHENTICATION POLICY SITE.P.LOOSE PAT_POLICY = (REQUIRE_ROLE_RESTRICTION_FOR_SERVICE_USERS = FALSE);
ALTER USER MIGUEL_CLI SET AUTHENTICATION POLICY SITE.P.LOOSE;
ALTER USER MIGUEL_CLI ADD PROGRAMMATIC ACCESS TOKEN WIDE;
ALTER USER MIGUEL_CLI UNSET AUTHENTICATION POLICY";
const MANIFEST: &str = "\
# Snow-Utils Manifest

<!-- START -- snow-utils-pat:MIGUEL_CLI -->
## PAT: MIGUEL_CLI

**User:** miguel_cli
**Role:** MIGUEL_CLI_ROLE
**Database:** MIGUEL_UTILS
**PAT Name:** HAND
**Status:** COMPLETE

| # | Type | Name | Location | Status |
|---|------|------|----------|--------|
| 1 | Network Policy | OFFICE | Account | DONE |
<!-- END -- snow-utils-pat:MIGUEL_CLI -->
";
