//! A site keeps rotations to its hours; no window lets a secret come near its end, and no reload puts one off for ever.

use patd_core::lifecycle::Event;
use patd_core::names::Generation;
use patd_core::time::Timestamp;
use patd_core::window::Window;

use crate::server::Logins;
use crate::world::{DAY, HOUR, World};

/// A world whose rotations begin at the times of this text. Its jitter is in the middle: a quarter of an hour later.
fn in_window(text: &str) -> World {
    let mut world = World::new();
    world.rules.window = Some(Window::read(text).expect("a window"));
    world.start();
    world.run();
    assert_eq!(world.slot.word(), "serving");
    world
}

fn time_of_day(at: Timestamp) -> i64 {
    at.0.rem_euclid(DAY)
}

fn left(world: &World) -> i64 {
    let serving = world.slot.current().expect("a secret is served");
    serving.expires_at.since(world.slot.due_at.expect("a rotation is due some time"))
}

#[test]
fn a_rotation_begins_at_the_first_time_of_the_window_after_half_life() {
    let mut world = in_window("0 0 3 * * *");

    let due = world.slot.due_at.expect("due");
    assert_eq!(time_of_day(due), 3 * HOUR + 15 * 60);
    assert!((0..=DAY + HOUR).contains(&(7 * DAY / 2 - left(&world))), "{}", left(&world));

    world.run_for(due.since(world.now()) - 60);
    assert_eq!(world.slot.last_generation, Generation(1));
    world.run_for(120);
    assert_eq!(world.slot.last_generation, Generation(2));
}

#[test]
fn at_four_fifths_of_the_life_the_window_is_ignored_and_that_is_said() {
    let mut world = in_window("0 0 3 29 2 *");

    assert_eq!(left(&world), 7 * DAY / 5);
    assert!(world.alarms.contains_key("window-missed"));
    world.alarms.clear();
    world.crash();
    assert!(world.alarms.contains_key("window-missed"), "a new start says it again");

    world.run_for(6 * DAY);
    assert_eq!((world.slot.last_generation, world.slot.word()), (Generation(2), "serving"));
}

#[test]
fn a_revoked_slot_misses_no_window() {
    let mut world = in_window("0 0 3 29 2 *");

    world.take(&Event::Revoke);

    assert!(!world.alarms.contains_key("window-missed"), "nothing is left to be replaced");
}

#[test]
fn a_window_that_opens_in_time_is_no_alarm() {
    assert!(!in_window("0 0 3 * * *").alarms.contains_key("window-missed"));
}

#[test]
fn a_wish_to_rotate_and_a_lost_token_wait_for_no_window() {
    let mut world = in_window("0 0 3 * * *");

    world.rotate(None);
    world.run();

    assert_eq!(world.slot.current().expect("served").generation, Generation(2));
}

#[test]
fn a_window_that_the_host_slept_through_is_made_up_for() {
    let mut world = in_window("0 0 3 * * *");
    let due = world.slot.due_at.expect("due");

    world.clock = due.plus(5 * HOUR);
    world.tick();
    world.run_for(HOUR);

    assert_eq!(world.slot.last_generation, Generation(2));
}

#[test]
fn another_window_holds_at_once_and_a_thousand_changes_put_no_rotation_off() {
    let mut world = World::serving();
    let without = world.slot.due_at;
    world.rules.window = Some(Window::read("0 0 3 * * *").expect("a window"));
    world.tick();
    assert_eq!(time_of_day(world.slot.due_at.expect("due")), 3 * HOUR + 15 * 60);
    world.rules.window = None;
    world.tick();
    assert_eq!(world.slot.due_at, without, "and without one again it is half-life");

    for change in 0..1_000 {
        let text = if change % 2 == 0 { "0 0 3 29 2 *" } else { "0 0 4 29 2 *" };
        world.rules.window = Some(Window::read(text).expect("a window"));
        world.run_for(6 * DAY / 1_000);
    }
    assert_eq!(world.slot.last_generation, Generation(2), "at four fifths, and once");
}

#[test]
fn a_thousand_restarts_in_a_window_cause_no_rotation() {
    let mut world = in_window("* * * * * *");

    for _ in 0..1_000 {
        world.clock = world.clock.plus(1);
        world.crash();
        world.tick();
    }

    assert_eq!(world.slot.last_generation, Generation(1));
}

#[test]
fn a_secret_that_is_proven_late_is_replaced_before_it_ends() {
    for hours in (0..7 * 24).step_by(3) {
        let mut world = World::new();
        world.server.logins = Logins::RefusedHere;
        world.start();
        world.run_for(hours * HOUR);
        world.server.logins = Logins::Right;
        world.run_for(HOUR);

        let held = world.slot.current().unwrap_or_else(|| panic!("after {hours} hours: none"));
        let due_at = world.slot.due_at.unwrap();
        let (expires_at, soonest) = (held.expires_at, world.now().plus(-HOUR));
        assert!(due_at < expires_at, "after {hours} hours: due {due_at:?}, ends {expires_at:?}");
        assert!(due_at > soonest, "after {hours} hours: due {due_at:?} at once");
    }
}
