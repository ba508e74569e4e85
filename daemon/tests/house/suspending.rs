//! A suspend, by the injected clock: both of its hands move on at once while the daemon did nothing. No real suspend is
//! tried; that the clock since boot counts one is the kernel's word (clock_gettime(2), CLOCK_BOOTTIME).

use std::time::Duration;

use pat_wire::admin::{RotateRequest, Rotated};
use snowflake_sim::engine::StatementKind;

use crate::world::{CONNECTION, USER, World, eventually};

/// The lid is shut for so long. Nobody looks at anything when it opens; Snowflake lived on.
fn suspend(world: &World, by: Duration) {
    world.sim.advance(by);
    world.clock.advance(by);
}

fn added(world: &World) -> usize {
    let queries = world.sim.queries().into_iter();
    queries.filter(|query| query.kind == StatementKind::AddPat && query.error.is_none()).count()
}

fn days(count: u64) -> Duration {
    Duration::from_secs(count * 86_400)
}

#[test]
fn after_a_suspend_of_the_injected_clock_past_the_expiry_all_who_ask_wait_for_the_same_fresh_secret()
 {
    let world = World::running();
    world.hand_out(CONNECTION).unwrap();

    suspend(&world, days(8));

    let generations: Vec<u64> = std::thread::scope(|scope| {
        let ask = || world.hand_out(CONNECTION).unwrap().terms.generation;
        let asking: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
        asking.into_iter().map(|asking| asking.join().unwrap()).collect()
    });
    assert_eq!(generations, [2; 8]);
    assert_eq!(added(&world), 2);
}

#[test]
fn after_a_suspend_of_the_injected_clock_over_the_due_time_there_is_one_rotation_and_no_gap() {
    let world = World::running();
    let before = world.hand_out(CONNECTION).unwrap();

    suspend(&world, days(5));

    let meanwhile = world.hand_out(CONNECTION).unwrap();
    assert!(meanwhile.terms.expires_at > world.clock.now().0, "what is handed out is valid");
    eventually("generation 2 serves", || (world.slot(USER).generation == Some(2)).then_some(()));
    assert!(before.terms.generation == 1 && added(&world) == 2);
}

#[test]
fn a_drain_whose_end_lies_in_a_suspend_of_the_injected_clock_ends_after_it() {
    let world = World::running();
    world.hand_out(CONNECTION).unwrap();
    let order = RotateRequest { connection: CONNECTION.into(), taint: None };
    world.admin::<Rotated>("rotate", &order).unwrap();
    assert_eq!(world.live(USER).len(), 2, "the first one is held, and drains");

    suspend(&world, days(2));

    eventually("a day is the longest drain", || (world.live(USER).len() == 1).then_some(()));
    assert_eq!(world.hand_out(CONNECTION).unwrap().terms.generation, 2);
}

#[test]
fn a_hundred_short_suspends_of_the_injected_clock_rotate_as_often_as_their_sum() {
    let world = World::running();
    world.hand_out(CONNECTION).unwrap();

    for _ in 0..100 {
        suspend(&world, Duration::from_secs(600));
    }

    assert_eq!(world.hand_out(CONNECTION).unwrap().terms.generation, 1);
    assert_eq!((added(&world), world.slot(USER).generation), (1, Some(1)), "not a day has passed");
}
