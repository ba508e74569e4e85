//! A short-lived host leaves no token behind when its daemon ends, and serves again when it comes back.

use patd_core::lifecycle::{Event, Standing, Why};

use crate::server::{Fault, Maker};
use crate::world::{DAY, HOUR, World};

fn retire(world: &mut World) {
    world.take(&Event::Retire);
    world.run();
}

/// What the daemon does when it starts: a slot that it retired itself is enrolled again.
fn serve_again(world: &mut World) {
    world.start();
    if world.slot.retired {
        world.enrol();
    }
    world.run_for(2 * HOUR);
}

#[test]
fn a_slot_that_retires_leaves_no_token_and_keeps_no_secret() {
    let mut world = World::serving();
    world.lease();
    world.rotate(None);
    world.run();

    retire(&mut world);

    assert!(matches!(world.slot.standing, Standing::Tombstoned { confirmed: true, .. }));
    assert_eq!(world.slot.held().count(), 0);
    assert_eq!(world.ours(), 0);
    assert!(world.leases.is_empty(), "nobody holds what does not exist");
}

#[test]
fn a_slot_that_retired_serves_again_under_a_higher_generation_without_a_human() {
    let mut world = World::serving();
    let before = world.slot.last_generation;
    retire(&mut world);
    assert_eq!(world.slot.may_hand_out(world.now(), &world.rules), Err(Why::NotIssuedYet));

    serve_again(&mut world);

    assert!(world.is_healthy() && !world.slot.retired);
    assert!(world.slot.last_generation > before);
}

#[test]
fn what_waits_for_a_person_goes_on_waiting_for_one() {
    let mut revoked = World::serving();
    revoked.take(&Event::Revoke);
    retire(&mut revoked);
    assert!(!revoked.slot.retired, "a revocation is no retirement");

    let mut retired = World::serving();
    retire(&mut retired);
    retired.take(&Event::Revoke);
    assert!(!retired.slot.retired, "a revocation is sticky though the slot had retired");
    assert_eq!(retired.slot.may_hand_out(retired.now(), &retired.rules), Err(Why::Revoked));
}

#[test]
fn a_fenced_slot_that_retires_touches_nothing_of_whoever_writes_its_lineage() {
    let mut world = World::serving();
    world.server.plant("PATD_0A1B2C3D_G7_ABCDEF", Maker::Clone, world.clock.plus(7 * DAY));
    world.rotate(None);
    world.run_for(HOUR);
    assert_eq!(world.slot.word(), "fenced");

    retire(&mut world);

    assert_eq!((world.ours(), world.server.live(&[Maker::Clone])), (1, 1));
    assert_eq!(world.slot.word(), "fenced");
}

#[test]
fn a_slot_that_retires_fences_itself_off_from_a_copy_that_wrote_since_the_last_look() {
    let mut world = World::serving();
    world.clone_writes();

    retire(&mut world);

    assert_eq!(world.slot.word(), "fenced");
    assert_eq!((world.ours(), world.server.live(&[Maker::Clone])), (1, 1), "nothing is removed");
    serve_again(&mut world);
    assert_eq!(world.slot.word(), "fenced", "no start lifts it");
    world.enrol();
    world.run_for(2 * HOUR);
    assert!(world.is_healthy());
    assert_eq!((world.ours(), world.server.live(&[Maker::Clone])), (1, 1));
}

#[test]
fn what_lies_below_a_lifted_fence_outlives_a_retirement_and_no_revocation() {
    let lifted = || {
        let mut world = World::serving();
        world.clone_writes();
        world.rotate(None);
        world.run_for(HOUR);
        world.enrol();
        world.run_for(2 * HOUR);
        assert!(world.is_healthy() && world.server.live(&[Maker::Clone]) == 1);
        world
    };
    let (mut retired, mut revoked) = (lifted(), lifted());

    retire(&mut retired);
    assert_eq!((retired.ours(), retired.server.live(&[Maker::Clone])), (0, 1));
    assert!(matches!(retired.slot.standing, Standing::Tombstoned { confirmed: true, .. }));

    revoked.take(&Event::Revoke);
    revoked.run_for(HOUR);
    assert_eq!(revoked.server.live(&[Maker::Clone, Maker::Us]), 0, "a person means all of it");
}

#[test]
fn what_a_rotation_of_ours_left_behind_is_nobody_elses_when_the_slot_retires() {
    for delivered in 0..5 {
        let mut world = World::rotating().served();
        world.rotate(None);
        (0..delivered).for_each(|_| world.deliver());

        retire(&mut world);

        assert_ne!(world.slot.word(), "fenced", "after {delivered} answers");
        assert_eq!(world.ours(), 0, "after {delivered} answers: {:#?}", world.slot);
    }
}

#[test]
fn a_retirement_leaves_a_name_alone_under_which_someone_else_put_a_secret() {
    let mut world = World::serving();
    world.someone_rotates();

    retire(&mut world);

    assert_eq!(world.slot.word(), "fenced");
    assert_eq!(world.server.live(&[Maker::Clone]), 1);
}

#[test]
fn a_kill_after_any_effect_of_a_retirement_ends_in_one_working_token() {
    let live = |world: &mut World| {
        world.start();
        world.run();
        world.lease();
        world.rotate(None);
        world.run();
        retire(world);
    };
    let mut whole = World::new();
    live(&mut whole);

    for dies_after in 1..=whole.effects {
        for fate in [None, Some(Fault::LostBefore), Some(Fault::LostAfter), Some(Fault::Late(40))] {
            let mut world = World::new();
            world.dies_after = Some(dies_after);
            world.server.fate = fate;
            live(&mut world);
            assert!(world.dead, "effect {dies_after} was reached");

            world.server.fate = None;
            serve_again(&mut world);
            world.leases.clear();
            world.tick();
            world.run_for(DAY);

            let when = format!("after effect {dies_after}, {fate:?}");
            world.i1_availability(&when);
            world.i13_liveness(&when);
            world.i2_bound_in_the_end(&when);
        }
    }
}
