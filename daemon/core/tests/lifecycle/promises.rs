//! One promise a test: the ordinary life of a slot, from the first secret to the drained one.

use patd_core::lifecycle::{RefusalKind, Why, Work};
use patd_core::names::{Generation, Role};

use crate::world::{DAY, HOST, HOUR, World};

#[test]
fn a_new_slot_is_listed_issued_listed_again_and_probed_before_it_is_served() {
    let mut world = World::new();

    world.start();
    world.run();

    assert_eq!(world.call_words(), ["list", "add", "list", "probe"]);
    assert_eq!(world.slot.word(), "serving");
    assert_eq!(world.published, 1);
    assert!(world.is_healthy());
}

#[test]
fn the_expiry_is_the_servers_word_not_what_was_asked_for() {
    let mut world = World::new();
    world.server.days = 8;

    world.start();
    world.run();

    assert_eq!(world.slot.current().unwrap().expires_at, world.clock.plus(8 * DAY));
}

#[test]
fn a_restart_implies_no_rotation_and_no_call() {
    let mut world = World::serving();
    let calls = world.calls.len();

    world.crash();
    world.run();

    assert_eq!(world.calls.len(), calls);
    assert_eq!(world.slot.current().unwrap().generation, Generation(1));
}

#[test]
fn a_secret_is_replaced_at_half_life_and_the_old_one_goes_two_minutes_after_its_last_holder() {
    let mut world = World::serving();
    assert!(world.lease());

    world.run_for(4 * DAY - HOUR);
    assert_eq!(world.slot.current().unwrap().generation, Generation(2));
    assert_eq!((world.ours(), world.slot.word()), (2, "draining"));

    world.leases.clear();
    world.tick();
    world.run_for(119);
    assert_eq!(world.ours(), 2);
    world.run_for(2);
    assert_eq!((world.ours(), world.slot.word()), (1, "serving"));
}

#[test]
fn a_holder_that_never_moves_keeps_the_old_secret_for_a_day_at_the_most() {
    let mut world = World::serving();
    world.lease();

    world.rotate(None);
    world.run_for(DAY - 1);
    assert_eq!(world.ours(), 2);
    world.run_for(1);
    assert_eq!(world.ours(), 1);
}

#[test]
fn a_tainted_secret_goes_the_moment_its_successor_is_proven_whoever_holds_it() {
    let mut world = World::serving();
    world.lease();

    world.rotate(Some("seen in a log"));
    world.run();

    assert_eq!((world.ours(), world.slot.word()), (1, "serving"));
    assert_eq!(world.slot.current().unwrap().generation, Generation(2));
    assert!(world.is_healthy());
}

#[test]
fn a_taint_outlives_refusals_and_restarts() {
    let mut world = World::serving();
    world.server.refuses = Some(RefusalKind::Policy);
    world.rotate(Some("seen in a log"));
    world.run_for(HOUR);
    world.crash();
    assert_eq!(world.ours(), 1);

    world.server.refuses = None;
    world.run_for(HOUR);

    assert_eq!(world.slot.current().unwrap().generation.0, world.slot.last_generation.0);
    assert!(world.slot.current().unwrap().generation > Generation(1));
    assert_eq!(world.ours(), 1);
}

#[test]
fn a_taint_while_the_successor_is_being_made_counts() {
    let mut world = World::serving();
    world.lease();
    world.rotate(None);
    world.deliver();
    assert_eq!(world.slot.word(), "issuing");

    world.rotate(Some("seen in a log"));
    world.run();

    assert_eq!((world.ours(), world.slot.current().unwrap().generation), (1, Generation(2)));
}

#[test]
fn a_third_forced_rotation_cuts_the_oldest_and_says_so() {
    let mut world = World::serving();
    for _ in 0..3 {
        world.lease();
        world.rotate(None);
        world.run();
    }
    assert_eq!(world.ours(), 3);

    let alive: Vec<u64> = world.slot.held().map(|held| held.generation.0).collect();
    assert_eq!(alive, [4, 2, 3]);
    world.rotate(None);
    world.deliver();
    assert!(world.alarms["oldest-cut"].message.contains("generation 2"));
    world.run();
    assert_eq!(world.slot.current().unwrap().generation, Generation(5));
    assert_eq!(world.ours(), 3);
}

#[test]
fn a_changed_role_stops_the_old_secret_at_once_and_replaces_it() {
    let mut world = World::serving();
    world.lease();
    world.rules.role = Role::new("OTHER_ROLE");
    assert_eq!(world.slot.may_hand_out(world.now(), &world.rules), Err(Why::RoleChanged));

    world.tick();
    world.run();

    assert_eq!(world.slot.current().unwrap().role, Role::new("OTHER_ROLE"));
    assert_eq!(world.ours(), 1);
}

#[test]
fn a_store_that_fails_leaves_the_old_state_in_force() {
    let mut world = World::serving();
    world.rotate(None);
    world.deliver();
    assert!(matches!(world.slot.work, Work::Issuing(_)));
    world.store_fails = true;

    world.run_for(HOUR);

    assert!(world.is_healthy());
    assert_eq!(world.slot.current().unwrap().generation, Generation(3));
    assert_eq!(world.ours(), 1);
}

#[test]
fn the_state_on_disk_has_a_stable_shape() {
    let world = World::serving();

    let text = serde_json::to_value(&world.slot).unwrap();

    assert_eq!(text["host"], HOST);
    assert_eq!(text["work"], "idle");
    assert_eq!(text["serving"]["generation"], 1);
    assert!(text.get("flight").is_none());
}
