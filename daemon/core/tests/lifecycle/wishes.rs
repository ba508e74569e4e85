//! A request that finds no secret: it ends a wait at once, a caller in a loop does not become a loop at Snowflake,
//! and nothing that needs a person is touched.

use patd_core::lifecycle::{Effect, Event, RefusalKind, Standing, WISH_PAUSE};
use patd_core::names::Generation;

use crate::server::{Fault, Logins};
use crate::world::{DAY, HOUR, World};

/// A world without a secret whose next try by itself is minutes away.
fn waiting_for_long() -> World {
    let mut world = World::new();
    world.server.offline = true;
    world.start();
    world.run_for(2 * HOUR);
    let retry_at = world.slot.trouble.as_ref().expect("it waits").retry_at;
    assert!(retry_at.since(world.clock) > 60 && !world.lease());
    world
}

#[test]
fn after_a_long_outage_the_first_request_that_finds_no_secret_has_one_made_at_once() {
    let mut world = waiting_for_long();
    world.server.offline = false;

    world.want();
    world.run();

    assert!(world.is_healthy() && world.lease(), "{:#?}", world.slot);
}

#[test]
fn an_expired_secret_is_replaced_at_the_first_request_after_the_outage() {
    let mut world = World::serving();
    world.server.offline = true;
    world.run_for(8 * DAY);
    world.server.offline = false;

    world.want();
    world.run();

    assert_eq!(world.slot.current().unwrap().generation, Generation(2));
    assert!(world.is_healthy());
}

#[test]
fn a_caller_in_a_loop_causes_one_try_in_ten_seconds() {
    let mut world = waiting_for_long();
    let before = world.calls.len();

    for _ in 0..120 {
        world.want();
        world.want();
        world.run_for(1);
    }

    let tries = world.calls.len() - before;
    assert!((12..=14).contains(&tries), "{tries} calls in two minutes");
}

#[test]
fn a_caller_in_a_loop_costs_little_whatever_snowflake_refuses() {
    for kind in [RefusalKind::Privilege, RefusalKind::LimitReached, RefusalKind::Other] {
        let mut world = World::new();
        world.server.refuses = Some(kind);
        wanted_every_second(&mut world);
    }
    for logins in [Logins::RefusedHere, Logins::RefusedSecret] {
        let mut world = World::new();
        world.server.logins = logins;
        wanted_every_second(&mut world);
    }
}

#[test]
fn a_caller_in_a_loop_for_whom_nothing_can_be_issued_is_heard_ever_less_often() {
    let mut world = World::new();
    world.server.refuses = Some(RefusalKind::RoleNotGranted);
    world.start();
    world.run_for(60);
    let before = world.calls.len();

    for _ in 0..HOUR {
        world.want();
        world.run_for(1);
    }

    // Some sixteen wishes and eight tries of its own, each a list and an ADD.
    let calls = world.calls.len() - before;
    assert!(calls <= 2 * 28, "{calls} calls in an hour: {:#?}", world.slot);
}

#[test]
fn another_refusal_and_other_rules_are_no_reason_to_wait_longer() {
    let refused = || {
        let mut world = World::new();
        world.server.refuses = Some(RefusalKind::RoleNotGranted);
        world.start();
        for _ in 0..HOUR / 2 {
            world.want();
            world.run_for(1);
        }
        let wishes = world.slot.flight.wishes.clone().expect("it was wished");
        assert!(wishes.in_vain > 3, "{wishes:?}");
        world
    };
    let mut world = refused();
    world.server.refuses = None;
    world.restate();
    world.want();
    world.run();
    assert!(world.lease(), "the rules are others: heard at once");

    let mut world = refused();
    world.server.refuses = Some(RefusalKind::Privilege);
    world.run_for(2 * HOUR);
    let first = world.calls.len();
    for _ in 0..60 {
        world.want();
        world.run_for(1);
    }
    assert!(world.calls.len() - first >= 3, "{:#?}", world.slot);
}

fn wanted_every_second(world: &mut World) {
    const MINUTES: i64 = 10;
    world.start();
    for _ in 0..MINUTES * 60 {
        world.want();
        world.run_for(1);
    }
    let tries = usize::try_from(MINUTES * 60 / WISH_PAUSE).expect("a small number");
    // A try is a list, an ADD, a list, a probe, a list and a removal; and it also tries by itself in between.
    assert!(world.calls.len() < 2 * 6 * tries, "{} calls: {:#?}", world.calls.len(), world.slot);
}

#[test]
fn while_there_is_a_valid_secret_a_wish_asks_nobody_and_stores_nothing() {
    let mut world = World::serving();
    world.server.offline = true;
    world.rotate(None);
    world.run_for(2 * HOUR);
    let (calls, retry_at) = (world.calls.len(), world.slot.trouble.as_ref().unwrap().retry_at);

    let effects = world.want();
    world.run();

    assert!(!effects.contains(&Effect::Store), "{effects:?}");
    assert_eq!(world.calls.len(), calls);
    assert_eq!(world.slot.trouble.as_ref().unwrap().retry_at, retry_at);
}

#[test]
fn a_wish_lifts_no_revocation_no_quarantine_and_no_fence() {
    let revoked = |world: &mut World| {
        world.take(&Event::Revoke);
    };
    let quarantined = |world: &mut World| {
        world.server.logins = Logins::Wrong;
        world.rotate(None);
    };
    let fenced = |world: &mut World| {
        world.clone_writes();
        world.rotate(None);
    };
    let acts: [fn(&mut World); 3] = [revoked, quarantined, fenced];
    for act in acts {
        let mut world = World::serving();
        act(&mut world);
        world.run_for(HOUR);
        world.server.logins = Logins::Right;
        // A quarantined slot goes on to serve what it has, until that expires.
        world.server.offline = true;
        world.run_for(8 * DAY);
        world.server.offline = false;
        let (standing, calls) = (world.slot.standing.clone(), world.calls.len());
        assert_ne!(standing, Standing::Enrolled);

        world.want();

        assert_eq!((&world.slot.standing, world.calls.len()), (&standing, calls));
        assert!(!world.lease());
    }
}

#[test]
fn a_wish_while_a_call_is_on_its_way_asks_nothing_twice_and_is_not_used_up() {
    let mut world = waiting_for_long();
    world.run_until_in_flight(|call| matches!(call, Effect::List));
    let calls = world.calls.len();

    world.want();
    assert_eq!(world.calls.len(), calls);

    world.deliver();
    world.server.offline = false;
    world.want();
    world.run();
    assert!(world.is_healthy());
}

#[test]
fn a_clock_that_goes_back_does_not_keep_wishes_from_being_heard() {
    let mut world = waiting_for_long();
    world.want();
    world.run();
    world.jump(-DAY);
    world.server.offline = false;

    world.want();
    world.run();

    assert!(world.lease());
}

#[test]
fn a_kill_after_any_effect_of_what_a_wish_brought_about_ends_in_one_working_token() {
    let life = |world: &mut World| {
        world.server.offline = true;
        world.start();
        world.run_for(HOUR);
        world.server.offline = false;
        world.want();
        world.run();
    };
    let mut whole = World::new();
    life(&mut whole);
    assert!(whole.is_healthy());

    for dies_after in 1..=whole.effects {
        for fate in [None, Some(Fault::LostBefore), Some(Fault::LostAfter), Some(Fault::Late(40))] {
            let mut world = World::new();
            world.dies_after = Some(dies_after);
            world.server.fate = fate;
            life(&mut world);
            assert!(world.dead, "effect {dies_after} was reached");

            world.server.fate = None;
            world.server.offline = false;
            world.start();
            world.want();
            world.run_for(2 * HOUR);

            assert!(world.is_healthy(), "after effect {dies_after}, {fate:?}: {:#?}", world.slot);
            assert_eq!(world.ours(), 1, "after effect {dies_after}, {fate:?}");
        }
    }
}
