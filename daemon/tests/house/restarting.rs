//! P2: a restart implies no rotation. When a token is replaced is decided once, kept on the disk, and the same whether the
//! daemon ran all the time or was started anew every few minutes.

use std::time::Duration;

use snowflake_sim::engine::StatementKind;

use crate::world::{CONNECTION, USER, World, eventually};

/// With `PAT_BROKER_LONG=1` as many as the promise names, which take minutes.
fn restarts() -> u32 {
    if std::env::var_os("PAT_BROKER_LONG").is_some() { 1_000 } else { 20 }
}

fn asked_for(world: &World, kind: &StatementKind) -> usize {
    world.sim.queries().iter().filter(|query| query.kind == *kind).count()
}

/// Time that passes while no daemon runs.
fn sleep(world: &World, by: Duration) {
    world.sim.advance(by);
    world.clock.advance(by);
}

#[test]
fn a_thousand_restarts_cause_no_rotation_and_move_no_due_time() {
    let mut world = World::running();
    world.hand_out(CONNECTION).unwrap();
    let due_at = world.slot(USER).due_at.unwrap();
    let left = u64::try_from(due_at - world.clock.now().0).unwrap();
    // All of them before it is due.
    let step = Duration::from_secs((left - 600) / u64::from(restarts()) / 2);
    assert!(step > Duration::from_secs(60), "{step:?}");

    for restart in 1..=restarts() {
        world.stop();
        sleep(&world, step);
        world.start();
        world.advance(step);

        let slot = world.slot(USER);
        assert_eq!((slot.generation, slot.due_at), (Some(1), Some(due_at)), "{restart}: {slot:?}");
        assert_eq!(asked_for(&world, &StatementKind::AddPat), 1, "{restart}");
    }
    assert_eq!(world.live(USER).len(), 1);
    assert_eq!(world.hand_out(CONNECTION).unwrap().terms.generation, 1);
    assert!(asked_for(&world, &StatementKind::ShowPats) > 1, "it was looked at meanwhile");

    // And then it is replaced. Minute by minute: an answer that is still on its way tells the time of before.
    let rest = u64::try_from(due_at - world.clock.now().0).unwrap();
    world.advance(Duration::from_secs(rest));
    eventually("it is replaced", || {
        world.advance(Duration::from_secs(60));
        (world.slot(USER).generation == Some(2)).then_some(())
    });
    assert_eq!(asked_for(&world, &StatementKind::AddPat), 2);
}
