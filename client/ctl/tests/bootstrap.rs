//! `bootstrap`: what a security admin is given to run, in each language, and what is refused before it is printed.

mod world;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use world::World;

#[test]
fn bootstrap_prints_the_script_with_the_key_of_this_host() {
    let world = World::with_config();
    let add = [
        "add",
        "miguel_cli",
        "--user",
        "MIGUEL_CLI",
        "--role",
        "MIGUEL_CLI_ROLE",
        "--for",
        "root",
        "--warehouse",
        "wh",
    ];
    assert_eq!(world.patctl(&add).exit, 0);
    let mut reports = add;
    (reports[1], reports[9]) = ("reports", "REPORTS_WH");
    assert_eq!(world.patctl(&reports).exit, 0);

    let shown = world.patctl(&["bootstrap", "--format", "sql", "--network-cidr", "192.0.2.7/32"]);
    let as_json = world.patctl(&["bootstrap", "--network-policy", "CORP", "--json"]).json();

    assert_eq!(shown.exit, 0, "{shown:?}");
    let pem = world.read("etc/admin-key.pub");
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    assert!(shown.out.contains(&format!("RSA_PUBLIC_KEY = '{body}'")));
    assert!(shown.out.contains("VALUE_LIST = ('192.0.2.7/32')"));
    assert!(shown.out.contains("DEFAULT_WAREHOUSE = \"WH\""), "unquoted names are upper case");
    assert!(
        shown
            .out
            .contains("GRANT MODIFY PROGRAMMATIC AUTHENTICATION METHODS ON USER \"MIGUEL_CLI\"")
    );
    for warehouse in ["WH", "REPORTS_WH"] {
        let grant = format!("GRANT USAGE ON WAREHOUSE \"{warehouse}\" TO ROLE \"MIGUEL_CLI_ROLE\"");
        assert!(shown.out.contains(&grant), "of each connection: {}", shown.out);
    }
    let texts: Vec<&str> = as_json["statements"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["text"].as_str().unwrap())
        .collect();
    assert!(
        texts.contains(&"ALTER USER \"MIGUEL_CLI\" SET NETWORK_POLICY = \"CORP\""),
        "{texts:?}"
    );
    assert!(
        !texts.iter().any(|text| text.contains("NETWORK RULE")),
        "an existing policy is not changed"
    );
}

#[test]
fn bootstrap_speaks_the_language_that_is_asked_for() {
    let world = World::with_config();
    let bootstrap = |format: &str| {
        let shown = world.patctl(&["bootstrap", "--network-policy", "P", "--format", format]);
        assert_eq!(shown.exit, 0, "{shown:?}");
        shown
    };

    assert!(bootstrap("sql").out.contains("USE ROLE \"ACCOUNTADMIN\";"));
    assert!(bootstrap("terraform").out.contains("resource \"snowflake_account_role\""));
    let json = bootstrap("json").json();
    let first = &json["statements"][0];
    assert_eq!(json["run_as"], "ACCOUNTADMIN");
    assert!(first["text"].is_string() && first["why"].is_string() && first["needs"].is_string());
}

#[test]
fn bootstrap_never_touches_the_policies_of_the_whole_account() {
    let world = World::with_config();

    let shown = world.patctl(&["bootstrap", "--network-policy", "P"]);

    assert!(!shown.out.contains("ALTER ACCOUNT") && !shown.out.contains("PATD_PERSONS"));
}

#[test]
fn a_renewed_key_is_one_statement() {
    let world = World::with_config();

    let shown = world.patctl(&["bootstrap", "--renew", "--format", "json"]);

    let statements = shown.json()["statements"].as_array().unwrap().clone();
    assert_eq!(statements.len(), 1, "{statements:?}");
    assert!(statements[0]["text"].as_str().unwrap().contains("RSA_PUBLIC_KEY"));
}

#[test]
fn bootstrap_refuses_what_cannot_work() {
    let world = World::with_config();
    for (args, exit, said) in [
        (&["bootstrap"][..], 64, "add --network-cidr"),
        (&["bootstrap", "--network-cidr", "everywhere"], 64, "no IPv4 address or range"),
        (&["bootstrap", "--network-cidr", "192.0.2.7/24"], 64, "write 192.0.2.0/24"),
        (
            &["bootstrap", "--format", "terraform", "--renew", "--network-policy", "P"],
            64,
            "leave out --renew",
        ),
        (
            &["bootstrap", "--account", "OTHER", "--network-policy", "P"],
            64,
            "one of: MYORG-MYACCOUNT",
        ),
    ] {
        let shown = world.patctl(args);

        assert_eq!(shown.exit, exit, "{shown:?}");
        assert!(shown.err.contains(said), "{}", shown.err);
    }
}

#[test]
fn a_public_key_that_others_may_have_replaced_is_not_registered() {
    let world = World::with_config();
    fs::set_permissions(world.path("etc/admin-key.pub"), fs::Permissions::from_mode(0o666))
        .unwrap();

    let shown = world.patctl(&["bootstrap", "--network-policy", "P"]);

    assert_eq!(shown.exit, 78);
    assert!(shown.err.contains("is writable by others"), "{}", shown.err);
    fs::remove_file(world.path("etc/admin-key.pub")).unwrap();
    assert!(world.patctl(&["bootstrap", "--network-policy", "P"]).err.contains("patctl init"));
}

#[test]
fn a_reader_that_stops_reading_is_no_failure() {
    let world = World::with_config();
    let mut child = world
        .command(&["bootstrap", "--network-policy", "P"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();

    drop(child.stdout.take());

    assert!(child.wait().unwrap().success());
}
