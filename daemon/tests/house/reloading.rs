//! P9: a bad configuration changes nothing and is said; a good one is in force at once.

use pat_wire::admin::Reloaded;
use pat_wire::error::ErrorCode;

use crate::world::{CONNECTION, USER, World, eventually, own_uid};

#[test]
fn a_bad_file_keeps_the_old_configuration_and_raises_an_alarm_until_it_is_good_again() {
    let world = World::running();
    world.hand_out(CONNECTION).unwrap();
    world.write("etc/users.d/broken.toml", "connection = 5\nnonsense = true\n");

    let refused: Reloaded = world.admin("reload", &()).unwrap();

    assert!(!refused.in_force && refused.faults.len() > 1, "{refused:?}");
    assert!(world.hand_out(CONNECTION).is_ok());
    assert_eq!(world.status().alarms[0].id, "config-refused");

    std::fs::remove_file(world.path("etc/users.d/broken.toml")).unwrap();
    let accepted: Reloaded = world.admin("reload", &()).unwrap();
    assert!(accepted.in_force, "{accepted:?}");
    assert!(world.status().alarms.is_empty());
}

#[test]
fn a_new_connection_is_served_without_a_restart() {
    let world = World::running();
    world.entry("ana_cli", "ANA_CLI", "ANA_CLI_ROLE", own_uid());
    assert_eq!(world.hand_out("ana_cli").err().unwrap().code(), Some(ErrorCode::Refused));

    let reloaded: Reloaded = world.admin("reload", &()).unwrap();

    assert!(reloaded.in_force, "{reloaded:?}");
    assert_eq!(world.hand_out("ana_cli").unwrap().terms.user, "ANA_CLI");
}

#[test]
fn a_connection_that_was_taken_away_is_refused_and_its_slot_says_what_is_left() {
    let world = World::running();
    world.hand_out(CONNECTION).unwrap();
    std::fs::remove_file(world.path("etc/users.d/miguel_cli.toml")).unwrap();

    let reloaded: Reloaded = world.admin("reload", &()).unwrap();

    assert!(reloaded.in_force, "{reloaded:?}");
    assert_eq!(world.hand_out(CONNECTION).err().unwrap().code(), Some(ErrorCode::Refused));
    let problem = eventually("the slot says so", || world.slot(USER).problem);
    assert_eq!(problem.id, "not-configured");
}

#[test]
fn another_role_in_the_configuration_is_never_served_with_the_old_secret() {
    let world = World::running();
    world.hand_out(CONNECTION).unwrap();
    world
        .sim
        .admin_script(&format!("CREATE ROLE OTHER_ROLE; GRANT ROLE OTHER_ROLE TO USER \"{USER}\""))
        .unwrap();
    world.entry(CONNECTION, USER, "OTHER_ROLE", own_uid());

    let _: Reloaded = world.admin("reload", &()).unwrap();

    let handed = world.hand_out(CONNECTION).unwrap();
    assert_eq!((handed.terms.generation, handed.terms.role.as_str()), (2, "OTHER_ROLE"));
}

#[test]
fn another_root_key_needs_a_restart_and_says_so() {
    let world = World::running();
    let text = std::fs::read_to_string(world.path("etc/patd.toml")).unwrap();
    world.write("etc/patd.toml", &text.replace("/root-key", "/other-key"));

    let refused: Reloaded = world.admin("reload", &()).unwrap();

    assert!(refused.faults[0].contains("restart"), "{refused:?}");
}
