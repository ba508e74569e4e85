//! P2: kill -9 at every effect of the first issue and of a rotation. The next start serves, without help, and
//! no orphan is left at Snowflake.

use pat_wire::admin::{RotateRequest, Rotated};

use crate::program::Program;
use crate::world::{CONNECTION, USER, World, eventually};

#[test]
fn at_whatever_effect_of_the_first_issue_it_dies_the_next_start_serves_and_cleans_up() {
    sweep(|_world| {});
}

#[test]
fn at_whatever_effect_of_a_rotation_it_dies_the_next_start_serves_and_cleans_up() {
    sweep(|world| {
        let order = RotateRequest {
            connection: CONNECTION.into(),
            // Tainted: the old token's removal belongs to the same order.
            taint: Some("seen in a log".into()),
        };
        let served = || world.hand_out_over_a_new_connection(CONNECTION);
        if served().is_some() {
            let _cut_off: Option<Rotated> = world.admin_over_a_new_connection("rotate", &order);
        }
    });
}

/// Dies at the first point, then at the second, and so on, until a run ends without having died.
fn sweep(act: impl Fn(&World)) {
    for point in 1.. {
        let world = World::prepared();
        let mut dying = Program::start(&world, &[("PATD_CRASH_AT", &point.to_string())]);
        eventually("it serves or dies", || {
            let served = world.hand_out_over_a_new_connection(CONNECTION).is_some();
            (served || dying.0.try_wait().unwrap().is_some()).then_some(())
        });
        act(&world);
        let has_died = dying.0.try_wait().unwrap().is_some();
        drop(dying);
        recovers(&world, point);
        if !has_died {
            assert!(point > 10, "only {point} points were passed");
            return;
        }
    }
}

fn recovers(world: &World, point: u32) {
    let _next = Program::start(world, &[]);
    let generation = eventually(&format!("it serves after point {point}"), || {
        world.hand_out_over_a_new_connection(CONNECTION)
    });
    let current = format!("_G{generation}_");
    eventually(&format!("no orphan is left after point {point}"), || {
        let live = world.live(USER);
        let is_known = live.iter().any(|name| name.contains(&current));
        let held = world.slot(USER).leases_on_older > 0;
        (is_known && live.len() <= 1 + usize::from(held)).then_some(())
    });
}
