//! P2, P3: a rotation under a running holder, from the order to the end of the old token.

use std::time::Duration;

use pat_wire::admin::{RotateRequest, Rotated};
use pat_wire::error::ErrorCode;
use pat_wire::message::{HandOutRequest, WatchEvent};
use snowflake_sim::engine::StatementKind;
use snowflake_sim::{Act, Fault, On};

use crate::world::{CONNECTION, USER, World, eventually};

fn rotate(world: &World, taint: Option<&str>) -> Rotated {
    let order = RotateRequest { connection: CONNECTION.into(), taint: taint.map(str::to_owned) };
    world.admin("rotate", &order).unwrap()
}

#[test]
fn a_holder_is_told_moves_and_the_old_token_goes_after_the_drain() {
    let world = World::running();
    let first = world.hand_out(CONNECTION).unwrap();
    let watch = world.watching(&first.terms.lease);

    let rotated = rotate(&world, None);

    assert_eq!((rotated.from, rotated.to, rotated.leases_on_older), (Some(1), 2, 1));
    assert_eq!(watch.join().unwrap().unwrap(), WatchEvent::GenerationChanged);
    assert_eq!(world.live(USER).len(), 2, "the old token lives while it is held");

    let moved = world
        .ask_for(&HandOutRequest {
            connection: Some(CONNECTION.into()),
            deliver: None,
            replaces: Some(first.terms.lease.clone()),
        })
        .unwrap();
    assert_eq!(moved.terms.generation, 2);
    assert_eq!(world.slot(USER).leases, 1);
    eventually("the slot knows that nobody holds the old one", || {
        let slot = world.house().slots.all().into_iter().next()?.view().slot;
        slot.draining.iter().all(|old| old.released_at.is_some()).then_some(())
    });
    world.advance(Duration::from_secs(61));
    eventually("the old token is removed", || (world.live(USER).len() == 1).then_some(()));
    eventually("the slot rests", || (world.slot(USER).state == "serving").then_some(()));
}

#[test]
fn an_old_generation_that_is_held_outlives_the_shortest_drain() {
    let world = World::running();
    world.hand_out(CONNECTION).unwrap();
    rotate(&world, None);

    world.advance(Duration::from_secs(3_600));

    // The slot has looked once it has asked Snowflake for its list after the clock moved.
    let looked = world.sim.queries().len();
    world.advance(Duration::from_secs(3_600));
    eventually("the slot looks", || (world.sim.queries().len() > looked).then_some(()));
    assert_eq!(world.live(USER).len(), 2);
    assert_eq!(world.slot(USER).leases_on_older, 1);
}

#[test]
fn a_tainted_secret_goes_as_soon_as_the_new_one_is_proven() {
    let world = World::running();
    world.hand_out(CONNECTION).unwrap();

    rotate(&world, Some("seen in a log"));

    eventually("the tainted token is removed", || (world.live(USER).len() == 1).then_some(()));
}

#[test]
fn at_half_life_a_new_generation_is_made_by_itself() {
    let world = World::running();
    world.hand_out(CONNECTION).unwrap();
    let due = world.slot(USER).due_at.unwrap();
    let wait = due - world.clock.now().0;
    assert!((wait - 7 * 86_400 / 2).abs() <= 7 * 86_400 / 10, "{wait}");

    world.advance(Duration::from_secs(u64::try_from(wait).unwrap() + 1));

    eventually("generation 2 serves", || (world.slot(USER).generation == Some(2)).then_some(()));
}

#[test]
fn a_lost_answer_leaves_no_orphan_behind() {
    let world = World::running();
    world.hand_out(CONNECTION).unwrap();
    world.sim.fault(Fault::next(On::Statement(StatementKind::AddPat), Act::DropAfterCommit));
    let order = RotateRequest { connection: CONNECTION.into(), taint: None };

    let _lost: Result<Rotated, _> = world.admin("rotate", &order);

    let served = eventually("a later generation serves", || {
        world.advance(Duration::from_secs(10));
        world.slot(USER).generation.filter(|generation| *generation > 1)
    });
    assert!(world.live(USER).iter().any(|name| name.contains(&format!("_G{served}_"))));
    assert!(world.live(USER).len() <= 2, "{:?}", world.live(USER));
    assert_eq!(world.hand_out(CONNECTION).unwrap().terms.generation, served);
}

#[test]
fn a_token_that_logs_in_with_more_than_its_role_is_never_handed_out() {
    let world = World::running();
    let first = world.hand_out(CONNECTION).unwrap();
    let more = format!(
        "CREATE ROLE MORE; GRANT ROLE MORE TO USER \"{USER}\"; \
         ALTER USER \"{USER}\" SET DEFAULT_SECONDARY_ROLES = ('ALL')"
    );
    world.sim.admin_script(&more).unwrap();
    world.sim.switches(|switches| switches.restricted_sessions_have_secondary_roles = true);
    let order = RotateRequest { connection: CONNECTION.into(), taint: None };

    let refused = world.admin::<Rotated>("rotate", &order).err().unwrap();

    assert_eq!(refused.code(), Some(ErrorCode::NotReady), "{refused}");
    assert_eq!(world.slot(USER).state, "quarantined");
    assert_eq!(world.hand_out(CONNECTION).unwrap().secret.expose(), first.secret.expose());
    eventually("the wrong token is removed", || (world.live(USER).len() == 1).then_some(()));
}
