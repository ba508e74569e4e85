//! P9: a store that was lost may have known of revocations; after `patctl rebuild` nothing is issued unasked.

use std::fs;

use pat_wire::admin::{EnrolRequest, Enrolled, Reloaded, RevokeRequest, Revoked};
use pat_wire::error::ErrorCode;
use patd_keys::state_dir;

use crate::world::{CONNECTION, USER, World, eventually};

#[test]
fn what_was_revoked_before_its_store_was_lost_gets_no_token_of_the_rebuilt_one() {
    let mut world = World::running();
    world.hand_out(CONNECTION).unwrap();
    let _: Revoked = world.admin("revoke", &RevokeRequest::All).unwrap();
    world.stop();
    let records = world.audit().len();

    state_dir::set_aside(&world.path("state")).unwrap();
    for _ in 0..2 {
        world.start();
        assert_eq!(world.hand_out(CONNECTION).err().unwrap().code(), Some(ErrorCode::Revoked));
        let slot = world.slot(USER);
        assert_eq!(slot.state, "unenrolled");
        assert!(slot.problem.unwrap().next_step.contains("patctl enrol"));
        eventually("it is an alarm", || {
            world.status().alarms.iter().any(|alarm| alarm.id == "unenrolled").then_some(())
        });
        assert!(world.live(USER).is_empty());
        world.stop();
    }
    assert!(world.audit().len() > records && world.fault().is_none(), "the log goes on");

    world.start();
    let enrolled: Enrolled =
        world.admin("enrol", &EnrolRequest { connection: CONNECTION.into() }).unwrap();
    assert_eq!(enrolled.generation, 1);
    world.hand_out(CONNECTION).unwrap();
    world.stop();
    world.start();
    world.hand_out(CONNECTION).unwrap();
    assert!(world.status().alarms.is_empty());
}

#[test]
fn a_start_that_broke_off_before_all_slots_began_is_gone_on_with() {
    let mut world = World::prepared();
    state_dir::set_aside(&world.path("state")).unwrap();
    world.start();
    world.stop();

    // As a kill leaves it: one slot is stored, the mark is still there, and another was not reached.
    world.write("state/rebuilt", "");
    world.entry("ana_cli", "ANA_CLI", "ANA_CLI_ROLE", crate::world::own_uid());
    world.start();

    for name in [CONNECTION, "ana_cli"] {
        assert_eq!(world.hand_out(name).err().unwrap().code(), Some(ErrorCode::Revoked), "{name}");
    }
    assert!(!world.path("state/rebuilt").exists());
}

#[test]
fn a_rebuilt_store_without_slots_waits_for_the_first_ones() {
    let mut world = World::prepared();
    state_dir::set_aside(&world.path("state")).unwrap();
    let entry = fs::read_to_string(world.path("etc/users.d/miguel_cli.toml")).unwrap();
    fs::remove_file(world.path("etc/users.d/miguel_cli.toml")).unwrap();
    world.start();

    world.write("etc/users.d/miguel_cli.toml", &entry);
    let reloaded: Reloaded = world.admin("reload", &()).unwrap();
    assert!(reloaded.in_force, "{reloaded:?}");
    assert_eq!(world.hand_out(CONNECTION).err().unwrap().code(), Some(ErrorCode::Revoked));

    // One that is added after these is nobody's past.
    world.entry("ana_cli", "ANA_CLI", "ANA_CLI_ROLE", crate::world::own_uid());
    let _: Reloaded = world.admin("reload", &()).unwrap();
    world.hand_out("ana_cli").unwrap();
}
