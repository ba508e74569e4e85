//! The `env` delivery: variables and nothing else, for clients that read them.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test's world that cannot be built fails the test"
)]

mod world;

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use pat_wire::message::Delivery;
use world::{World, stderr, stdout};

#[test]
fn the_whole_entry_is_in_one_variable_and_no_home_is_made() {
    let world = World::new();

    let output = world
        .wrapper()
        .env("SNOWFLAKE_TOKEN", "mine")
        .args([
            "--deliver",
            "env",
            "sh",
            "-c",
            "echo \"$SNOWFLAKE_CONNECTIONS\"; env | grep -c SNOWFLAKE; echo $SNOWFLAKE_CONNECTION",
        ])
        .output()
        .unwrap();

    let expected = "[miguel_cli]\naccount = \"MYORG-MYACCOUNT\"\nuser = \"MIGUEL_CLI\"\n\
                    role = \"MIGUEL_CLI_ROLE\"\nwarehouse = \"WH\"\n\
                    password = \"simpat_generation_1\"\n\n3\nmiguel_cli\n";
    assert_eq!(stdout(&output), expected, "{}", stderr(&output));
    assert_eq!(world.homes(), Vec::<PathBuf>::new());
    assert!(!world.real().exists());
}

#[test]
fn a_mapping_delivers_its_variables_and_nothing_more() {
    let world = World::new();
    {
        let mut state = world.broker.state();
        state.terms.deliver = Delivery::Env;
        state.terms.env = mapping(&[("SNOWFLAKE_PASSWORD", "secret"), ("DBT_ROLE", "role")]);
    }

    let output = world
        .wrapper()
        .env("SNOWFLAKE_PASSWORD", "mine")
        .args(["sh", "-c", "env | grep -E 'SNOW|DBT' | sort"])
        .output()
        .unwrap();

    assert_eq!(
        stdout(&output),
        "DBT_ROLE=MIGUEL_CLI_ROLE\nSNOWFLAKE_PASSWORD=simpat_generation_1\n"
    );
}

#[test]
fn a_mapping_to_what_the_connection_lacks_is_refused() {
    let world = World::new();
    world.broker.state().terms.env = mapping(&[("DB", "database")]);

    let output = world.wrapper().args(["--deliver", "env", "true"]).output().unwrap();

    assert_eq!(output.status.code(), Some(125));
    assert!(stderr(&output).contains("\"database\""), "{}", stderr(&output));
}

#[test]
fn node_clients_are_refused_without_a_mapping_and_served_with_one() {
    let world = World::new();
    let cortex = world.scratch("cortex");
    std::fs::write(&cortex, "#!/bin/sh\necho $TOKEN\n").unwrap();
    std::fs::set_permissions(&cortex, PermissionsExt::from_mode(0o755)).unwrap();

    let refused = world.wrapper().args(["--deliver", "env"]).arg(&cortex).output().unwrap();
    world.broker.state().terms.env = mapping(&[("TOKEN", "secret")]);
    let served = world.wrapper().args(["--deliver", "env"]).arg(&cortex).output().unwrap();

    assert_eq!(refused.status.code(), Some(125));
    assert!(stderr(&refused).contains("--deliver home"), "{}", stderr(&refused));
    assert_eq!(stdout(&served), "simpat_generation_1\n");
}

#[test]
fn kept_connections_are_in_the_variable_too() {
    let world = World::new();
    world.broker.state().terms.keep_connections = true;
    world.write("connections.toml", "[other]\nuser = \"o\"\n[miguel_cli]\nuser = \"old\"\n");

    let output = world
        .wrapper()
        .args(["--deliver", "env", "sh", "-c", "echo \"$SNOWFLAKE_CONNECTIONS\""])
        .output()
        .unwrap();

    assert!(stdout(&output).ends_with("\n\n[other]\nuser = \"o\"\n\n"), "{}", stdout(&output));
    assert!(!stdout(&output).contains("old"));
}

fn mapping(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, what)| ((*name).to_owned(), (*what).to_owned())).collect()
}
