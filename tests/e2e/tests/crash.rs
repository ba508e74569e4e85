//! Kill -9 at every effect of a first issue and of a rotation, and while Snowflake keeps an answer to itself: the
//! next start serves a secret that works, and Snowflake is left with no token whose secret nobody has.

use std::os::unix::process::ExitStatusExt;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use e2e::{added, append_to_entry, live, log_in, most_alive_ever, removed};
use snowflake_sim::engine::StatementKind;
use snowflake_sim::{Act, Fault, On};
use world::{Binaries, CONNECTION, World, eventually};

#[test]
fn killed_at_any_effect_of_the_first_issue_the_next_start_serves_and_leaves_no_orphan() {
    let hits = sweep(|number| {
        let mut world = World::new();
        start_to_crash(&mut world, number);
        eventually("it serves or it is dead", || {
            (has_ended(&mut world) || is_serving(&world)).then_some(())
        });
        let is_hit = ended_by_its_crash_point(&mut world);
        recovers(&mut world);
        is_hit
    });

    println!("{hits} crash points in a first issue");
    assert!(hits >= 10, "only {hits} crash points were hit: the sweep did not reach the end");
}

#[test]
fn killed_at_any_effect_of_a_rotation_the_next_start_serves_and_leaves_no_orphan() {
    let hits = sweep(|number| {
        let mut world = with_a_short_drain();
        world.start();
        log_in(&world);
        world.stop();
        start_to_crash(&mut world, number);
        let is_rotated = rotates_once(&mut world);
        if is_rotated {
            eventually("the old token is gone or it is dead", || {
                (has_ended(&mut world) || live(&world.sim).len() == 1).then_some(())
            });
        }
        let is_hit = ended_by_its_crash_point(&mut world);
        recovers(&mut world);
        is_hit
    });

    println!("{hits} crash points in a start and a rotation");
    assert!(hits >= 20, "only {hits} crash points were hit: the sweep did not reach the end");
}

#[test]
fn killed_while_an_add_is_carried_out_without_an_answer_the_orphan_is_removed() {
    let mut world = with_a_short_drain();
    let late = Act::Delay(Duration::from_secs(40));
    world.sim.fault(Fault::next(On::Statement(StatementKind::AddPat), late));
    world.start();
    eventually("a token nobody has the secret of", || live(&world.sim).pop());

    world.kill();
    recovers(&mut world);

    assert_eq!((added(&world.sim), removed(&world.sim)), (2, 1));
}

#[test]
fn killed_while_an_add_hangs_another_one_is_made() {
    let mut world = with_a_short_drain();
    hang_on(&world, On::Statement(StatementKind::AddPat));
    world.start();
    eventually("the ADD is on its way", || world.sim.faults_left().is_empty().then_some(()));

    world.kill();
    recovers(&mut world);

    assert_eq!(added(&world.sim), 1);
}

#[test]
fn killed_while_the_login_with_the_new_secret_hangs_that_secret_is_proven_later() {
    let mut world = with_a_short_drain();
    hang_on(&world, On::Login);
    world.start();
    eventually("the login is on its way", || world.sim.faults_left().is_empty().then_some(()));

    world.kill();
    recovers(&mut world);

    assert_eq!((added(&world.sim), removed(&world.sim)), (1, 0), "it was sealed, so it was kept");
}

#[test]
fn killed_while_a_removal_hangs_it_is_finished_later() {
    let mut world = with_a_short_drain();
    world.start();
    log_in(&world);
    hang_on(&world, On::Statement(StatementKind::RemovePat));
    world.patctl_ok(&["rotate", CONNECTION]);
    eventually("the REMOVE is on its way", || world.sim.faults_left().is_empty().then_some(()));

    world.kill();
    recovers(&mut world);

    assert_eq!((added(&world.sim), removed(&world.sim)), (2, 1));
}

#[test]
fn an_answer_that_is_lost_broken_or_strange_costs_a_token_but_leaves_no_orphan() {
    let add = On::Statement(StatementKind::AddPat);
    let acts = [
        Act::DropBeforeCommit,
        Act::DropAfterCommit,
        Act::TruncateAt(0),
        Act::TruncateAt(1),
        Act::TruncateAt(120),
        Act::TruncateAt(400),
        Act::WrongColumns,
        Act::SwapColumns,
        Act::NoRows,
        Act::ExtraColumn,
        Act::OtherTokenName,
        Act::DuplicateRow,
        Act::Status(500),
        Act::Status(503),
    ];

    std::thread::scope(|scope| {
        for act in acts {
            scope.spawn(move || {
                let _named = Named(format!("{act:?}"));
                let mut world = with_a_short_drain();
                world.sim.fault(Fault::next(add, act.clone()));
                world.start();
                recovers_without_a_start(&world);
                assert!(world.sim.faults_left().is_empty(), "{act:?} was never met");
            });
        }
    });
}

#[test]
fn twenty_kills_at_moments_nobody_chose_leave_one_working_token() {
    let mut world = with_a_short_drain();

    for round in 0..20 {
        let program = world.programs.patd();
        world.spawn_program(&program, &[]);
        let mut rotation = world.patctl(["rotate", CONNECTION]);
        let rotation = rotation.stdout(std::process::Stdio::null());
        let mut rotation = rotation.stderr(std::process::Stdio::null()).spawn().unwrap();
        // Not a wait for anything: the moment of the kill is what differs from round to round.
        std::thread::park_timeout(Duration::from_millis(17 * round));
        world.kill();
        rotation.kill().unwrap();
        rotation.wait().unwrap();
    }

    recovers(&mut world);
}

/// Kills a daemon at its first, second, … crash point, in a world of its own each time, until one lives to the
/// end. Returns how many were killed.
fn sweep(killed_at: impl Fn(u64) -> bool + Sync) -> u64 {
    let (next, first_that_lived) = (AtomicU64::new(1), AtomicU64::new(u64::MAX));
    let work = || {
        loop {
            let number = next.fetch_add(1, SeqCst);
            if number >= first_that_lived.load(SeqCst) {
                break;
            }
            let _named = Named(format!("crash point {number}"));
            if !killed_at(number) {
                first_that_lived.fetch_min(number, SeqCst);
            }
        }
    };
    std::thread::scope(|scope| {
        // A crash and a recovery are mostly waiting.
        (0..AT_ONCE).for_each(|_| {
            scope.spawn(work);
        });
    });
    first_that_lived.load(SeqCst) - 1
}

/// Says what was tried when it goes wrong: a failed demand knows only the demand.
struct Named(String);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("that was at {}", self.0);
        }
    }
}

fn start_to_crash(world: &mut World, number: u64) {
    let program = Binaries::find().patd_with_crash_points();
    world.spawn_program(&program, &[("PATD_CRASH_AT", &number.to_string())]);
}

/// Asks for a rotation as soon as somebody listens. Returns false if the daemon died before it was done.
fn rotates_once(world: &mut World) -> bool {
    eventually("a rotation or a death", || {
        if world.patctl(["rotate", CONNECTION]).output().unwrap().status.success() {
            return Some(true);
        }
        has_ended(world).then_some(false)
    })
}

/// Ends a daemon that still lives, and returns whether it died of its crash point instead.
fn ended_by_its_crash_point(world: &mut World) -> bool {
    let status = match world.daemon().ended() {
        Some(status) => {
            world.kill();
            status
        }
        None => world.stop(),
    };
    assert!(status.success() || status.signal() == Some(9), "it ended with {status}");
    !status.success()
}

fn has_ended(world: &mut World) -> bool {
    world.daemon().ended().is_some()
}

fn is_serving(world: &World) -> bool {
    let output = world.patctl(["status", "--json"]).output().unwrap();
    let status: Option<serde_json::Value> = serde_json::from_slice(&output.stdout).ok();
    status.is_some_and(|status| status["slots"][0]["state"] == "serving")
}

/// Starts the daemon once more, nothing else, and demands that all is as if nothing had happened.
fn recovers(world: &mut World) {
    world.start();
    recovers_without_a_start(world);
}

fn recovers_without_a_start(world: &World) {
    eventually("a secret is served", || {
        world
            .pat_exec(["-c", CONNECTION, "/bin/true"])
            .output()
            .unwrap()
            .status
            .success()
            .then_some(())
    });
    log_in(world);
    eventually("one token is left", || (live(&world.sim).len() == 1).then_some(()));
    assert_eq!(log_in(world).name, live(&world.sim)[0].name);
    assert!(most_alive_ever(&world.sim) <= 3, "{} were alive", most_alive_ever(&world.sim));
}

fn with_a_short_drain() -> World {
    let world = World::new();
    append_to_entry(&world, CONNECTION, "[token]\ndrain_min_seconds = 1");
    world
}

fn hang_on(world: &World, on: On) {
    world.sim.fault(Fault::next(on, Act::Hang));
}

const AT_ONCE: usize = 6;
