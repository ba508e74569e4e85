//! Issue, rotate, drain and revoke, with a kill after every single effect and every fate of the call in flight, and
//! with every fault of every single call.

use patd_core::lifecycle::{Event, RefusalKind};

use crate::server::Fault;
use crate::world::{DAY, HOUR, World};

/// What became of the request that was on its way when the daemon died.
const FATES: [Option<Fault>; 4] =
    [None, Some(Fault::LostBefore), Some(Fault::LostAfter), Some(Fault::Late(40))];

/// One whole life up to the drained second generation.
fn live(world: &mut World) {
    world.start();
    world.run();
    world.lease();
    world.rotate(None);
    world.run();
    world.leases.clear();
    world.tick();
    world.run_for(HOUR);
}

fn effects_of(new: fn() -> World, life: impl Fn(&mut World)) -> usize {
    let mut world = new();
    life(&mut world);
    world.effects
}

/// A new world under each strategy.
const WORLDS: [fn() -> World; 2] = [World::new, World::rotating];

#[test]
fn a_kill_after_any_effect_of_issue_rotation_and_drain_ends_in_one_working_token_without_a_human() {
    for new in WORLDS {
        let effects = effects_of(new, live);
        assert!(effects > 20, "the whole life: {effects}");

        for dies_after in 1..=effects {
            for fate in FATES {
                let mut world = new();
                world.dies_after = Some(dies_after);
                world.server.fate = fate;
                live(&mut world);
                assert!(world.dead, "effect {dies_after} was reached");

                world.server.fate = None;
                world.start();
                world.run_for(2 * HOUR);
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
}

/// Everything that can become of one call.
const FAULTS: [Fault; 6] = [
    Fault::LostBefore,
    Fault::LostAfter,
    Fault::Late(40),
    Fault::Doubled,
    Fault::Refused(RefusalKind::Other),
    Fault::Refused(RefusalKind::NameTaken),
];

#[test]
fn any_fault_of_any_single_call_passes_without_a_human() {
    for new in WORLDS {
        let mut undisturbed = new();
        live(&mut undisturbed);
        assert!(undisturbed.calls.len() > 8, "{} calls", undisturbed.calls.len());

        for call in 0..undisturbed.calls.len() {
            for fault in FAULTS {
                let mut world = new();
                world.fault_of = Some((call, fault));
                live(&mut world);
                world.run_for(DAY);

                let when = format!("{fault:?} of call {call}");
                world.i1_availability_needs_nobody();
                world.i13_liveness(&when);
                world.i1_availability(&when);
                world.i2_bound_in_the_end(&when);
            }
        }
    }
}

#[test]
fn a_kill_after_any_effect_of_a_revocation_ends_with_no_token_once_the_tombstone_is_durable() {
    for new in WORLDS {
        let life = |world: &mut World| {
            world.start();
            world.run();
            world.lease();
            world.rotate(None);
            world.deliver();
            world.deliver();
            world.take(&Event::Revoke);
            world.run_for(HOUR);
        };

        for dies_after in 1..=effects_of(new, life) {
            for fate in FATES {
                let mut world = new();
                world.dies_after = Some(dies_after);
                world.server.fate = fate;
                life(&mut world);
                world.server.fate = None;
                let revoked =
                    world.on_disk().word() == "revoking" || world.on_disk().word() == "revoked";

                world.start();
                world.run_for(2 * DAY);

                let word = if revoked { "revoked" } else { "serving" };
                assert_eq!(world.slot.word(), word, "after effect {dies_after}, {fate:?}");
                assert_eq!(
                    world.ours(),
                    usize::from(!revoked),
                    "after effect {dies_after}, {fate:?}"
                );
            }
        }
    }
}

#[test]
fn two_kills_in_a_row_are_no_worse_than_one() {
    for new in WORLDS {
        let effects = effects_of(new, live);

        for first in (1..=effects).step_by(2) {
            for second in 1..=12 {
                let mut world = new();
                world.dies_after = Some(first);
                live(&mut world);
                world.dies_after = Some(world.effects + second);
                world.start();
                world.run_for(HOUR);
                if world.dead {
                    world.start();
                }
                world.dies_after = None;
                world.leases.clear();
                world.run_for(2 * DAY);

                let when = format!("after {first} and {second}");
                world.i1_availability(&when);
                world.i13_liveness(&when);
                world.i2_bound_in_the_end(&when);
            }
        }
    }
}
