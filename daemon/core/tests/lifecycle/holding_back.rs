//! `freeze_on`: what the pattern does not guarantee is not handed out, before the first look and after a restart
//! neither; rotation goes on as if nothing were.

use patd_core::lifecycle::{Slot, Why};
use patd_core::names::{Generation, HostId};
use patd_core::pattern::verify::Id;

use crate::world::{DAY, HOST, World};

fn freezing() -> World {
    let mut world = World::serving();
    world.rules.freeze_on = vec![Id::OneRole, Id::PersonsBarred];
    world
}

fn why(world: &World) -> Option<Why> {
    world.slot.may_hand_out(world.now(), &world.rules).err()
}

#[test]
fn a_slot_that_was_never_looked_at_is_not_handed_out() {
    let mut world = freezing();
    assert_eq!(why(&world), Some(Why::NotLookedAt));

    world.crash();
    world.run();
    assert_eq!(why(&world), Some(Why::NotLookedAt));

    world.judge(&[]);
    assert!(world.lease());
}

#[test]
fn a_check_that_fails_stops_hand_out_until_it_holds_also_across_a_restart() {
    let mut world = freezing();
    world.judge(&["minters", "one-role"]);
    assert_eq!(why(&world), Some(Why::HeldBack));
    assert_eq!(world.slot.held_back_by(&world.rules), [Id::OneRole]);

    world.crash();
    world.run();
    assert_eq!(why(&world), Some(Why::HeldBack));

    world.judge(&["minters"]);
    assert!(world.lease(), "only the checks of freeze_on stop anything");
    world.crash();
    world.run();
    assert!(world.lease(), "a restart needs no new look");
}

#[test]
fn what_is_held_back_is_rotated_and_a_caller_in_a_loop_makes_no_secrets() {
    let mut world = freezing();
    world.judge(&["one-role"]);

    for _ in 0..60 {
        world.want();
        world.run_for(1);
    }
    assert_eq!(world.slot.current().unwrap().generation, Generation(1));

    world.run_for(5 * DAY);
    assert_eq!(world.slot.current().unwrap().generation, Generation(2));
    assert_eq!(why(&world), Some(Why::HeldBack));
}

#[test]
fn a_secret_past_its_expiry_is_still_held_back() {
    let mut world = freezing();
    world.judge(&["one-role"]);
    world.server.offline = true;

    world.run_for(9 * DAY);

    assert_eq!(why(&world), Some(Why::HeldBack), "else a local clock could thaw it");
}

#[test]
fn without_freeze_on_nothing_the_watch_finds_stops_anything() {
    let mut world = World::serving();
    assert!(world.lease());
    world.judge(&["one-role", "no-role-switch"]);
    assert!(world.lease());
}

#[test]
fn a_slot_stored_before_there_was_a_watch_was_never_looked_at() {
    let stored = serde_json::to_value(Slot::new(HostId::new(HOST))).unwrap();
    assert!(stored.get("drift").is_none());

    let read: Slot = serde_json::from_value(stored).unwrap();

    assert_eq!(read.drift, None);
}
