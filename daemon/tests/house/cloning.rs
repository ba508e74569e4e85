//! P2, P3 for a state that is not the only one of its lineage: a copied machine, or a restored backup. What the other
//! one made is found by its generation, nothing of it is touched, and a person decides.

use std::process::Command;
use std::time::Duration;

use pat_wire::admin::{EnrolRequest, Enrolled, RotateRequest, Rotated};
use pat_wire::error::ErrorCode;

use crate::world::{CONNECTION, USER, World, eventually};

/// A world whose state is the one from before a rotation that somebody with the same state made.
fn set_back() -> World {
    let mut world = World::running();
    world.hand_out(CONNECTION).unwrap();
    world.stop();
    let (state, copy) = (world.path("state"), world.path("copy"));
    let copied = Command::new("cp").arg("-a").arg(&state).arg(&copy).status().unwrap();
    assert!(copied.success());
    world.start();
    let order = RotateRequest { connection: CONNECTION.into(), taint: None };
    let rotated: Rotated = world.admin("rotate", &order).unwrap();
    assert_eq!(rotated.to, 2);
    world.stop();
    std::fs::rename(&state, world.path("theirs")).unwrap();
    std::fs::rename(&copy, &state).unwrap();
    world.start();
    world
}

/// Within the hour in which a daemon that started looks at Snowflake's list.
fn fenced(world: &World) {
    eventually("the slot knows when it looks", || {
        let slot = world.house().slots.all().into_iter().next()?.view().slot;
        slot.flight.survey_at.map(|_| ())
    });
    world.advance(Duration::from_secs(3_700));
    eventually("the slot is fenced", || (world.slot(USER).state == "fenced").then_some(()));
}

#[test]
fn a_state_that_is_set_back_or_cloned_is_fenced_and_touches_nothing() {
    let world = set_back();
    let before = world.live(USER);
    assert_eq!(before.len(), 2);

    fenced(&world);

    let problem = world.slot(USER).problem.unwrap();
    assert_eq!(problem.id, "fenced");
    assert!(problem.message.contains("_G2_") && problem.next_step.contains("patctl enrol"));
    assert!(world.status().alarms.iter().any(|alarm| alarm.id == "fenced"));
    world.advance(Duration::from_secs(86_400));
    assert_eq!(world.live(USER), before, "neither theirs nor ours");
    assert_eq!(world.hand_out(CONNECTION).unwrap().terms.generation, 1, "it is valid, and known");
}

#[test]
fn a_forced_rotation_on_a_state_that_is_set_back_fences_it_before_anything_is_made() {
    let world = set_back();
    let before = world.live(USER);
    let order = RotateRequest { connection: CONNECTION.into(), taint: None };

    let refused = world.admin::<Rotated>("rotate", &order).err().unwrap();

    assert_eq!(refused.code(), Some(ErrorCode::NotReady), "{refused}");
    assert_eq!((world.slot(USER).state.as_str(), world.live(USER)), ("fenced", before));
}

#[test]
fn after_a_fence_a_person_begins_a_lineage_above_and_beside_the_other() {
    let world = set_back();
    let theirs = world.live(USER).into_iter().find(|name| name.contains("_G2_")).unwrap();
    fenced(&world);

    let enrolled: Enrolled =
        world.admin("enrol", &EnrolRequest { connection: CONNECTION.into() }).unwrap();
    let order = RotateRequest { connection: CONNECTION.into(), taint: None };
    let rotated: Rotated = world.admin("rotate", &order).unwrap();

    assert!(rotated.to >= 3 && rotated.to > enrolled.generation, "{}", rotated.to);
    eventually("one token of ours beside theirs", || {
        world.advance(Duration::from_secs(120));
        let live = world.live(USER);
        let is_there = |name: &String| name.contains(&format!("_G{}_", rotated.to));
        (live.len() == 2 && live.iter().any(is_there)).then_some(())
    });
    assert!(world.live(USER).contains(&theirs), "theirs is never touched");
    assert!(world.slot(USER).problem.is_none());
}
