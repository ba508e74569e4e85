//! `strategy = "rotate"` on the real daemon: each secret under the name that stays, also when an answer is lost, when the
//! daemon is killed, and when someone else rotates.

use std::time::Duration;

use e2e::{Client, added, append_to_entry, live, log_in, said};
use serde_json::Value;
use snowflake_sim::engine::StatementKind;
use snowflake_sim::{Act, Fault, On};
use world::{CONNECTION, USER, World, eventually};

#[test]
fn each_secret_comes_under_the_name_that_stays_and_a_holder_keeps_its_own_until_it_ends() {
    let world = rotating();
    let mut holder = Client::start(&world, "env");
    let first = holder.log_in(&world);

    rotate(&world);
    let second = log_in(&world);
    let held = holder.log_in(&world);

    assert_eq!(second.name, first.name);
    assert_ne!(second.fingerprint, first.fingerprint);
    assert_eq!(held.fingerprint, first.fingerprint);
    assert_eq!(held.rotated_to, Some(first.name.clone()));
    assert!(first.expires_at.0 - held.expires_at.0 < 2 * HOUR_MILLIS, "it keeps its hours");
    holder.end();
    eventually("what was rotated away is removed", || (live(&world.sim).len() == 1).then_some(()));
    rotate(&world);
    assert_eq!(log_in(&world).name, first.name);
    assert_eq!((added(&world.sim), generation(&world)), (1, 3));
}

#[test]
fn an_answer_lost_after_the_commit_costs_nobody_a_secret_and_the_name_gets_another() {
    for act in [Act::DropAfterCommit, Act::TruncateAt(40), Act::WrongColumns, Act::OtherTokenName] {
        let world = rotating();
        let first = log_in(&world);
        world.sim.fault(Fault::next(On::Statement(StatementKind::RotatePat), act.clone()));

        let told = world.patctl(["rotate", CONNECTION]).output().unwrap();

        assert!(!told.status.success(), "{act:?}: {}", said(&told));
        assert!(world.sim.faults_left().is_empty(), "{act:?} was never met");
        let served = log_in(&world);
        assert_eq!(served.fingerprint, first.fingerprint, "{act:?}: the old secret is served");
        assert_eq!(served.rotated_to, Some(first.name.clone()), "{act:?}");
        assert_eq!(live(&world.sim).len(), 2, "{act:?}: no second try while it may still land");
        recovers(&world, &first.name);
    }
}

#[test]
fn a_rotation_that_is_carried_out_though_the_daemon_was_killed_is_found_at_the_next_start() {
    let mut world = rotating();
    let first = log_in(&world);
    let late = Act::Delay(Duration::from_secs(20));
    world.sim.fault(Fault::next(On::Statement(StatementKind::RotatePat), late));
    let mut rotation = world.patctl(["rotate", CONNECTION]).spawn().unwrap();
    eventually("the ROTATE is on its way", || world.sim.faults_left().is_empty().then_some(()));

    world.kill();
    rotation.wait().unwrap();
    world.start();

    assert_eq!(log_in(&world).fingerprint, first.fingerprint);
    recovers(&world, &first.name);
}

#[test]
fn a_rotation_that_nobody_here_asked_for_is_noticed_and_touched_by_nobody() {
    let world = rotating();
    let first = log_in(&world);
    let by_hand = format!("ALTER USER {USER} ROTATE PROGRAMMATIC ACCESS TOKEN {}", first.name);
    world.sim.admin_script(&by_hand).unwrap();
    let theirs = token(&world, &first.name);

    let told = world.patctl(["rotate", CONNECTION]).output().unwrap();

    assert!(!told.status.success() && said(&told).contains("fenced"), "{}", said(&told));
    assert_eq!(log_in(&world).fingerprint, first.fingerprint, "until the end they gave it");
    world.patctl_ok(&["enrol", CONNECTION]);
    let renewed = eventually("a token beside theirs", || {
        let served = log_in(&world);
        (served.fingerprint != first.fingerprint).then_some(served)
    });
    assert_ne!(renewed.name, first.name);
    assert_eq!(token(&world, &first.name), theirs);
}

#[test]
fn a_revocation_leaves_nothing_under_any_name() {
    let world = rotating();
    let mut holder = Client::start(&world, "env");
    holder.log_in(&world);
    rotate(&world);
    assert_eq!(live(&world.sim).len(), 2);

    world.patctl_ok(&["revoke", CONNECTION]);

    assert_eq!(live(&world.sim).len(), 0);
    assert!(holder.connect().is_err());
}

/// A daemon under `rotate`, whose old secrets go one second after their last holder.
fn rotating() -> World {
    let mut world = World::builder().add_options(&["--deliver", "home,env"]).build();
    let token = "[token]\ndrain_min_seconds = 1\nstrategy = \"rotate\"";
    append_to_entry(&world, CONNECTION, token);
    world.start();
    world
}

/// Some minutes later, which is when nothing can land any more, everything is well without a human, under the same name.
fn recovers(world: &World, name: &str) {
    world.sim.advance(Duration::from_secs(5 * 60));
    eventually("another secret", || (generation(world) > 1).then_some(()));
    eventually("one token", || (live(&world.sim).len() == 1).then_some(()));
    assert_eq!(log_in(world).name, name);
    assert_eq!(added(&world.sim), 1);
}

fn rotate(world: &World) {
    world.patctl_ok(&["rotate", CONNECTION]);
}

fn generation(world: &World) -> u64 {
    let slots: Vec<Value> = world.status()["slots"].as_array().unwrap().clone();
    let ours = |slot: &&Value| slot["slot"].as_str().unwrap().ends_with(USER);
    slots.iter().find(ours).unwrap()["generation"].as_u64().unwrap()
}

/// Returns the secret, as a fingerprint, and the status of a token.
fn token(world: &World, name: &str) -> Option<(String, &'static str)> {
    let token = world.sim.tokens(USER).into_iter().find(|token| token.name == name)?;
    Some((token.fingerprint, token.status))
}

const HOUR_MILLIS: i64 = 3_600_000;
