//! `rebuild`: a lost or damaged store is set aside by a person, and nothing else goes with it.

mod world;

use std::fs;

use world::World;

#[test]
fn a_store_is_set_aside_only_when_a_person_says_yes() {
    let world = World::with_config();
    fs::remove_file(world.path("state/new")).unwrap();
    fs::write(world.path("state/db"), "something sealed").unwrap();
    let state = world.path("state");
    let args = ["rebuild", "--state", state.to_str().unwrap()];

    let asked = world.patctl(&args);
    assert_eq!(asked.exit, 64);
    assert!(asked.err.contains("add --yes") && world.path("state/db").exists());

    let done = world.patctl(&[&args[..], &["--yes"]].concat());
    assert_eq!(done.exit, 0, "{done:?}");
    assert!(!world.path("state/db").exists() && world.path("state/new").exists());
    assert_eq!(world.read("state/lost-1/db"), "something sealed");
    assert!(world.path("state/rebuilt").exists(), "the daemon must know of it");
}

#[test]
fn after_a_rebuild_every_connection_is_named_with_what_lets_it_have_tokens_again() {
    let world = World::with_config();
    for (name, user) in [("miguel_cli", "MIGUEL_CLI"), ("ana_cli", "ANA_CLI")] {
        world.patctl(&["add", name, "--user", user, "--role", "R", "--for", "root"]);
    }
    fs::create_dir(world.path("state/audit")).unwrap();
    let records = "{\"seq\":1,\"event\":\"intent\",\"token\":\"PATD_0A1B2C3D_G4_ABCDEF\"}\n";
    fs::write(world.path("state/audit/audit.jsonl"), records).unwrap();
    let state = world.path("state");

    let done = world.patctl(&["rebuild", "--yes", "--state", state.to_str().unwrap()]);

    assert_eq!(done.exit, 0, "{done:?}");
    let enrolments = "next: systemctl start patd\n\
                      then, for what may have tokens again, and for nothing that was revoked:\n  \
                      patctl enrol ana_cli\n  patctl enrol miguel_cli\n";
    assert!(done.out.contains(enrolments), "{}", done.out);
    assert!(done.out.contains("tokens (host 0A1B2C3D) live at Snowflake"), "{}", done.out);
    assert!(done.out.contains("patctl retire --host 0A1B2C3D --as "), "{}", done.out);
    assert_eq!(world.read("state/audit/audit.jsonl"), records, "the log is no part of the store");
}
