//! The life of a token at Snowflake, as Snowflake's own list and history show it: replaced under running programs,
//! when it is due and when a person says so; removed when nobody holds it; revoked for good.

use std::os::unix::fs::MetadataExt;
use std::process::Output;

use e2e::{
    Client, added, append_to_entry, live, log_in, most_alive_ever, refused_by_wrapper, said,
};
use jiff::{SignedDuration, Timestamp};
use nix::sys::signal::Signal;
use serde_json::Value;
use world::{CONNECTION, USER, World, eventually, own_name};

#[test]
fn a_running_program_finds_the_new_secret_where_it_found_the_old_one() {
    let world = World::running();
    let mut client = Client::start(&world, "home");
    let first = client.log_in(&world);
    let file = client.home().join("connections.toml");
    let before = std::fs::metadata(&file).unwrap();

    rotate(&world);
    eventually("a new file", || {
        let now = std::fs::metadata(&file).ok()?;
        (now.ino() != before.ino()).then_some(())
    });

    let now = std::fs::symlink_metadata(&file).unwrap();
    assert!(now.is_file() && now.mode() & 0o7777 == 0o600, "mode {:o}", now.mode());
    let second = client.log_in(&world);
    assert_ne!((first.name, first.fingerprint), (second.name, second.fingerprint));
    eventually("the holder has moved", || (slot(&world)["leases_on_older"] == 0).then_some(()));
}

#[test]
fn an_old_token_lives_as_long_as_somebody_holds_it_and_no_longer() {
    let world = draining_fast();
    let mut first = Client::start(&world, "env");
    let held = first.log_in(&world).name;
    rotate(&world);
    let mut second = Client::start(&world, "env");
    let released = second.log_in(&world).name;
    rotate(&world);

    second.end();
    eventually("the token nobody holds is gone", || (!is_live(&world, &released)).then_some(()));
    assert!(is_live(&world, &held), "an older one that is held is still there");
    assert_eq!(first.log_in(&world).name, held);

    first.end();
    eventually("it is gone too", || (!is_live(&world, &held)).then_some(()));
    assert_eq!(live(&world.sim).len(), 1);
    log_in(&world);
}

#[test]
fn a_tainted_token_is_removed_at_once_whoever_holds_it() {
    // The usual drain of two minutes: what goes sooner goes because of the taint.
    let mut world = World::builder().add_options(&["--deliver", "home,env"]).build();
    world.start();
    let mut fixed = Client::start(&world, "env");
    let mut refreshed = Client::start(&world, "home");
    let tainted = fixed.log_in(&world).name;
    refreshed.log_in(&world);

    world.patctl_ok(&["rotate", CONNECTION, "--taint", "seen in a bug report"]);
    eventually("it is gone", || (!is_live(&world, &tainted)).then_some(()));

    assert!(fixed.connect().is_err(), "it was cut off");
    eventually("a refreshed home", || refreshed.connect().ok());
    refreshed.log_in(&world);
}

#[test]
fn a_restart_is_no_rotation() {
    let mut world = World::running();
    let token = log_in(&world).name;
    let due_at = slot(&world)["due_at"].clone();

    for _ in 0..20 {
        world.stop();
        world.start();
    }

    assert_eq!(log_in(&world).name, token);
    assert_eq!((added(&world.sim), slot(&world)["generation"].as_u64()), (1, Some(1)));
    assert_eq!(slot(&world)["due_at"], due_at);
}

#[test]
fn a_holder_is_still_a_holder_after_a_restart() {
    let mut world = draining_fast();
    let mut holder = Client::start(&world, "env");
    let held = holder.log_in(&world).name;
    rotate(&world);

    world.kill();
    world.start();
    let mut other = Client::start(&world, "env");
    let released = other.log_in(&world).name;
    rotate(&world);
    other.end();
    eventually("the token nobody holds is gone", || (!is_live(&world, &released)).then_some(()));

    assert_eq!(holder.log_in(&world).name, held);
}

#[test]
fn a_rotation_that_fell_due_while_the_daemon_was_down_is_made_up_for() {
    let mut world = World::new();
    world.sim.set_clock(Timestamp::now() - SignedDuration::from_hours(5 * 24));
    world.start();
    let first = log_in(&world).name;
    world.stop();
    world.sim.follow_real_time();

    world.start();

    eventually("a second token", || (added(&world.sim) == 2).then_some(()));
    let second = eventually("it is served", || {
        let served = log_in(&world).name;
        (served != first).then_some(served)
    });
    assert!(is_live(&world, &second) && is_live(&world, &first), "the first one drains");
}

#[test]
fn a_rotation_that_falls_due_while_the_daemon_runs_needs_nobody() {
    let world = World::new();
    let other = ["add", "other", "--user", "OTHER_CLI", "--role", "OTHER_ROLE", "--for"];
    world.patctl_ok(&[&other[..], &[own_name().as_str()]].concat());
    world.bootstrap().unwrap();
    let mut world = world;
    world.start();
    let first = log_in(&world).name;

    // Half of seven days, and a tenth of them later at the latest. The daemon's own clock follows Snowflake's,
    // which it sees in the answers to anything it asks.
    world.sim.advance(std::time::Duration::from_secs(5 * 86_400));
    eventually("an answer of another slot", || rotates(&world, "other").then_some(()));
    world.daemon().signal(Signal::SIGHUP);

    eventually("a rotation nobody asked for", || (log_in(&world).name != first).then_some(()));
    assert!(is_live(&world, &first), "the first one drains");
}

#[test]
fn however_often_it_is_forced_three_tokens_are_the_most() {
    let mut world = World::builder().add_options(&["--deliver", "home,env"]).build();
    world.start();
    let mut holders = Vec::new();

    for _ in 0..6 {
        let mut holder = Client::start(&world, "env");
        holder.log_in(&world);
        holders.push(holder);
        rotate(&world);
        assert!(live(&world.sim).len() <= 3);
    }

    assert_eq!((added(&world.sim), most_alive_ever(&world.sim)), (7, 3));
    let cut: Vec<bool> = holders.iter_mut().map(|holder| holder.connect().is_err()).collect();
    assert_eq!(cut, [true, true, true, true, false, false], "the oldest were cut off");
    let log = world.patctl_ok(&["log", "--json", "-n", "1000"]);
    assert!(log.contains("oldest-cut"), "it says that somebody was: {log}");
}

#[test]
fn where_others_left_little_room_nothing_is_added() {
    let world = World::running();
    let served = log_in(&world).name;
    for number in 0..12 {
        handmade(&world, &format!("HANDMADE_{number}"));
    }

    let rotated = world.patctl(["rotate", CONNECTION]).output().unwrap();

    assert_eq!(rotated.status.code(), Some(1), "{}", said(&rotated));
    assert!(said(&rotated).contains("13 live tokens"), "{}", said(&rotated));
    assert_eq!(live(&world.sim).len(), 13);
    assert_eq!(log_in(&world).name, served);
}

#[test]
fn a_revoked_token_is_gone_at_snowflake_and_handed_out_no_more() {
    let mut world = World::running();
    let mut holder = Client::start(&world, "home");
    holder.log_in(&world);
    rotate(&world);
    handmade(&world, "HANDMADE");

    world.patctl_ok(&["revoke", CONNECTION]);

    let left: Vec<_> = live(&world.sim).into_iter().map(|token| token.name).collect();
    assert_eq!(left, ["HANDMADE"], "ours are gone, others' are not touched");
    assert!(holder.connect().is_err());
    assert_revoked(&world);
    world.stop();
    world.start();
    assert_revoked(&world);
    assert_eq!(live(&world.sim).len(), 1);

    world.patctl_ok(&["enrol", CONNECTION]);
    log_in(&world);
}

#[test]
fn a_revocation_while_snowflake_is_down_holds_and_is_finished_by_itself() {
    let mut world = World::running();
    log_in(&world);
    world.sim.stop_answering().unwrap();

    let revoked = world.patctl(["revoke", CONNECTION]).output().unwrap();
    assert_eq!(revoked.status.code(), Some(2), "{}", said(&revoked));
    assert!(said(&revoked).contains("not yet confirmed"), "{}", said(&revoked));
    assert_revoked(&world);
    world.kill();
    world.start();
    assert_revoked(&world);
    world.sim.resume_answering().unwrap();

    eventually("no token is left", || live(&world.sim).is_empty().then_some(()));
    eventually("it is confirmed", || (slot(&world)["state"] == "revoked").then_some(()));
    assert_revoked(&world);
}

/// A world in which an old token goes one second after its last holder.
fn draining_fast() -> World {
    let mut world = World::builder().add_options(&["--deliver", "home,env"]).build();
    append_to_entry(&world, CONNECTION, "[token]\ndrain_min_seconds = 1");
    world.start();
    world
}

fn rotate(world: &World) {
    world.patctl_ok(&["rotate", CONNECTION]);
}

fn rotates(world: &World, connection: &str) -> bool {
    let output: Output = world.patctl(["rotate", connection]).output().unwrap();
    output.status.success()
}

fn is_live(world: &World, name: &str) -> bool {
    live(&world.sim).iter().any(|token| token.name == name)
}

fn slot(world: &World) -> Value {
    let slots = world.status()["slots"].as_array().unwrap().clone();
    let ours = |slot: &Value| slot["slot"].as_str().unwrap().ends_with(USER);
    slots.into_iter().find(ours).unwrap()
}

fn assert_revoked(world: &World) {
    let told = refused_by_wrapper(world, &["-c", CONNECTION]);
    assert!(told.contains("revoked") && told.contains("patctl enrol"), "{told}");
}

/// A token that somebody made at Snowflake, beside ours.
fn handmade(world: &World, name: &str) {
    let add = format!(
        "ALTER USER {USER} ADD PROGRAMMATIC ACCESS TOKEN {name} ROLE_RESTRICTION = 'MIGUEL_CLI_ROLE'"
    );
    world.sim.admin_script(&add).unwrap();
}
