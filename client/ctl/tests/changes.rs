//! The verbs that change the configuration: `add`, `remove`; and `validate`, which changes nothing.

mod world;

use std::fs;

use pat_wire::admin::Reloaded;
use serde_json::{Value, json};

use world::{Asked, World, mode};

const ADD: [&str; 8] =
    ["add", "miguel_cli", "--user", "MIGUEL_CLI", "--role", "MIGUEL_CLI_ROLE", "--for", "root"];

fn in_force() -> Value {
    json!(Reloaded { in_force: true, faults: vec![] })
}

#[test]
fn an_entry_is_written_reloaded_removed_and_gone() {
    let world = World::with_config();
    let daemon = world.daemon(200, in_force(), 3);

    let added = world.patctl(&ADD);
    let there = world.patctl(&["validate", "--json"]).json();
    let removed = world.patctl(&["remove", "miguel_cli"]);

    let reload = || Asked { what: "POST /v1/reload".to_owned(), body: Value::Null };
    let look = Asked { what: "GET /v1/status".to_owned(), body: Value::Null };
    assert_eq!(daemon.asked(), [reload(), look, reload()]);
    assert_eq!((added.exit, removed.exit), (0, 0), "{added:?} {removed:?}");
    assert!(added.out.contains("the running daemon has it in force"));
    assert_eq!(there["connections"], json!(["miguel_cli"]));
    assert!(removed.out.contains("its token (MYORG-MYACCOUNT/MIGUEL_CLI), if it has one, is kept"));
    assert!(removed.out.contains("patctl revoke --user MIGUEL_CLI"));
    assert_eq!(world.patctl(&["validate", "--json"]).json()["connections"], json!([]));
}

#[test]
fn an_entry_says_everything_that_was_asked_for() {
    let world = World::with_config();
    let more = [
        "--for",
        "4711x,root,4711",
        "--warehouse",
        "WH",
        "--database",
        "DB",
        "--schema",
        "PUBLIC",
        "--deliver",
        "home,env",
        "--days-to-expiry",
        "30",
        "--gate-required",
        "--account",
        "myorg-myaccount",
    ];

    let shown = world.patctl(&[&ADD[..6], &more[..]].concat());

    assert_eq!(shown.exit, 0, "{shown:?}");
    assert!(shown.out.contains("no daemon runs here: it is read at the next start"));
    assert!(shown.out.contains("not serving yet: miguel_cli: there is no local user \"4711x\""));
    let expected = "\
connection = \"miguel_cli\"
account = \"myorg-myaccount\"
user = \"MIGUEL_CLI\"
role = \"MIGUEL_CLI_ROLE\"
warehouse = \"WH\"
database = \"DB\"
schema = \"PUBLIC\"

[token]
days_to_expiry = 30

[access]
users = [\"4711x\", \"root\", 4711]
deliver = [\"home\", \"env\"]
gate = \"required\"
";
    assert_eq!(world.read("etc/users.d/miguel_cli.toml"), expected);
    assert_eq!(mode(&world.path("etc/users.d/miguel_cli.toml")), 0o644);
    let left: Vec<_> = fs::read_dir(world.path("etc/users.d")).unwrap().collect();
    assert_eq!(left.len(), 1, "a file was left beside the entry");
}

#[test]
fn an_entry_that_would_break_the_configuration_is_not_written() {
    let world = World::with_config();
    for (args, said) in [
        (["add", "x", "--user", "miguel_cli", "--role", "R", "--for", "root"], "write MIGUEL_CLI"),
        (
            ["add", "../x", "--user", "U", "--role", "R", "--for", "root"],
            "cannot be a connection's name",
        ),
        (
            ["add", "x", "--user", "PATD_HOST1", "--role", "R", "--for", "root"],
            "is the broker user",
        ),
        (
            ["add", "x", "--user", "U\"\n[a]", "--role", "R", "--for", "root"],
            "is not a name at Snowflake",
        ),
    ] {
        let args = args.map(|arg| if arg == "PATD_HOST1" { "PATD_TEST" } else { arg });

        let shown = world.patctl(&args);

        assert_eq!(shown.exit, 78, "{shown:?}");
        assert!(shown.err.contains(said), "{}", shown.err);
    }
    assert_eq!(fs::read_dir(world.path("etc/users.d")).unwrap().count(), 0);
    assert!(!world.path("etc/x.toml").exists());
}

#[test]
fn a_file_that_is_there_is_never_overwritten() {
    let world = World::with_config();
    assert_eq!(world.patctl(&ADD).exit, 0);
    let before = world.read("etc/users.d/miguel_cli.toml");

    let again = world.patctl(&ADD);
    assert_eq!(again.exit, 78);
    assert!(again.err.contains("has an entry already"), "{}", again.err);

    // Another connection in a file of this name.
    fs::write(world.path("etc/users.d/other.toml"), before.replace("miguel_cli", "one")).unwrap();
    let shown = world.patctl(&[&["add", "other"][..], &ADD[2..]].concat());
    assert_eq!(shown.exit, 1);
    assert!(shown.err.contains("exists already, and is never overwritten"), "{}", shown.err);
    assert!(world.read("etc/users.d/other.toml").contains("\"one\""));
}

#[test]
fn a_daemon_that_keeps_its_old_configuration_is_not_reported_as_success() {
    let world = World::with_config();
    let refused =
        Reloaded { in_force: false, faults: vec!["/etc/patd/patd.toml:3: x; y".to_owned()] };
    let daemon = world.daemon(200, json!(refused), 1);

    let shown = world.patctl(&ADD);

    assert_eq!(daemon.asked().len(), 1);
    assert_eq!(shown.exit, 78);
    assert!(shown.err.contains("miguel_cli.toml is written, but:"), "{}", shown.err);
    assert!(shown.err.contains("/etc/patd/patd.toml:3: x; y"), "{}", shown.err);
}

#[test]
fn a_token_that_another_connection_uses_is_said_to_be_kept_for_it() {
    let world = World::with_config();
    assert_eq!(world.patctl(&ADD).exit, 0);
    assert_eq!(world.patctl(&[&["add", "reports"][..], &ADD[2..]].concat()).exit, 0);

    let shown = world.patctl(&["remove", "reports", "--json"]);

    assert_eq!(shown.json()["slot_still_used"], true);
    assert_eq!(shown.json()["slot"], "MYORG-MYACCOUNT/MIGUEL_CLI");
}

#[test]
fn access_can_be_taken_away_while_something_else_is_wrong() {
    let world = World::with_config();
    assert_eq!(world.patctl(&ADD).exit, 0);
    fs::write(world.path("etc/users.d/broken.toml"), "not toml [").unwrap();

    let removed = world.patctl(&["remove", "miguel_cli"]);
    let unknown = world.patctl(&["remove", "miguel_cli"]);

    assert_eq!((removed.exit, unknown.exit), (0, 1), "{removed:?}");
    assert!(!world.path("etc/users.d/miguel_cli.toml").exists());
    assert!(unknown.err.contains("no entry names connection"));
}

#[test]
fn validate_shows_every_fault_and_ends_with_78() {
    let world = World::with_config();
    fs::write(world.path("etc/users.d/a.toml"), "connection = 1\nconection = \"a\"\n").unwrap();

    let shown = world.patctl(&["validate"]);
    let as_json = world.patctl(&["validate", "--json"]);

    assert_eq!((shown.exit, as_json.exit), (78, 78));
    assert_eq!(shown.err.lines().count(), 5, "{}", shown.err);
    assert_eq!(as_json.json()["valid"], false);
    assert_eq!(as_json.json()["faults"].as_array().unwrap().len(), 5);
    let lines: Vec<_> = as_json.json()["faults"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| fault["line"].clone())
        .collect();
    assert!(lines.contains(&json!(2)), "{lines:?}");
}

#[test]
fn validate_without_a_configuration_points_to_init() {
    let world = World::new();

    let shown = world.patctl(&["validate"]);

    let dir = world.path("etc");
    let said = format!("{}: does not exist; make a configuration: patctl init\n", dir.display());
    assert_eq!((shown.exit, shown.err), (78, said));
}
