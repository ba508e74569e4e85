//! A user that is not at Snowflake, or is there no more: what it leaves behind can be ended, and with words that are true.

use std::time::Duration;

use pat_wire::admin::{Reloaded, RevokeRequest, Revoked};

use crate::world::{CONNECTION, USER, World, eventually, own_uid};

/// A world with a second connection, of a user that nobody made.
fn mistyped() -> World {
    let world = World::running();
    world.hand_out(CONNECTION).unwrap();
    world.entry("two", "TWO_CLI", "TWO_ROLE", own_uid());
    reload(&world);
    alarmed(&world);
    world
}

fn alarmed(world: &World) {
    eventually("a person hears of it", || {
        let alarms = world.status().alarms;
        alarms.iter().any(|alarm| alarm.id == "privilege-missing").then_some(())
    });
}

fn reload(world: &World) {
    let reloaded: Reloaded = world.admin("reload", &()).unwrap();
    assert!(reloaded.in_force, "{reloaded:?}");
}

fn remove(world: &World, connection: &str) {
    std::fs::remove_file(world.path(&format!("etc/users.d/{connection}.toml"))).unwrap();
    reload(world);
}

fn slots(world: &World) -> Vec<String> {
    world.status().slots.into_iter().map(|slot| slot.slot).collect()
}

fn is_forgotten(world: &World, user: &str) -> bool {
    world.status().alarms.is_empty() && slots(world).iter().all(|slot| !slot.ends_with(user))
}

fn gone(world: &World, user: &str) -> Result<Revoked, pat_wire::connection::BrokerError> {
    world.admin("revoke", &RevokeRequest::Gone(user.into()))
}

#[test]
fn a_user_that_never_was_leaves_neither_alarm_nor_slot_and_none_comes_back() {
    let mut world = mistyped();

    remove(&world, "two");

    eventually("it is forgotten", || is_forgotten(&world, "TWO_CLI").then_some(()));
    world.stop();
    world.start();
    world.advance(Duration::from_secs(7_200));
    assert!(is_forgotten(&world, "TWO_CLI"), "{:?}", world.status());
    assert_eq!(slots(&world).len(), 1);
}

#[test]
fn an_entry_that_is_deleted_while_no_daemon_runs_leaves_nothing_either() {
    let mut world = mistyped();
    world.stop();
    std::fs::remove_file(world.path("etc/users.d/two.toml")).unwrap();

    world.start();

    eventually("it is forgotten", || is_forgotten(&world, "TWO_CLI").then_some(()));
    let records = world.audit();
    let last_start = records.iter().rposition(|record| record["event"] == "config-loaded");
    let raised = |record: &serde_json::Value| record["event"] == "alarm";
    let after = &records[last_start.unwrap_or_default()..];
    assert!(!after.iter().any(raised), "nobody is called for it again: {after:?}");
}

#[test]
fn one_that_was_forgotten_begins_anew_when_it_is_named_again() {
    let world = mistyped();
    remove(&world, "two");
    eventually("it is forgotten", || is_forgotten(&world, "TWO_CLI").then_some(()));

    world.entry("two", "ANA_CLI", "ANA_CLI_ROLE", own_uid());
    reload(&world);
    assert_eq!(world.hand_out("two").unwrap().terms.user, "ANA_CLI");
    world.entry("two", "TWO_CLI", "TWO_ROLE", own_uid());
    reload(&world);

    alarmed(&world);
}

#[test]
fn the_tombstone_of_a_user_that_was_dropped_is_ended_by_a_persons_word_on_record() {
    let mut world = World::running();
    world.hand_out(CONNECTION).unwrap();
    world.sim.admin_script(&format!("DROP USER {USER}")).unwrap();
    let _: Revoked = world.admin("revoke", &RevokeRequest::User(USER.into())).unwrap();
    alarmed(&world);
    assert!(gone(&world, USER).is_err(), "a connection names it");
    assert!(!slots(&world).is_empty());
    remove(&world, CONNECTION);
    alarmed(&world);

    let forgotten = gone(&world, USER).unwrap();

    assert_eq!((forgotten.confirmed.len(), forgotten.pending.len()), (1, 0));
    assert!(is_forgotten(&world, USER), "{:?}", world.status());
    let said = world.audit().iter().any(|record| {
        record["object"] == format!("user {USER}, said to be gone at Snowflake")
            && record["outcome"] == "done"
    });
    assert!(said, "{:?}", world.audit());
    assert!(gone(&world, USER).is_err(), "there is no such slot");
    world.stop();
    world.start();
    assert!(is_forgotten(&world, USER), "{:?}", world.status());
}
