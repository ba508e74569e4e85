//! Who holds what: shown with the process behind it, over restarts and kills; and a lease that is ended by hand.

use std::process::Child;
use std::time::Duration;

use nix::sys::signal::Signal;
use pat_wire::admin::{EndLeaseRequest, EndedLease, LeaseRow, RotateRequest, Rotated};
use pat_wire::error::ErrorCode;
use pat_wire::message::WatchEvent;
use serde_json::Value;

use crate::ending::{end, holder};
use crate::program::Program;
use crate::world::{CONNECTION, USER, World, eventually, own_uid};

#[test]
fn a_lease_is_shown_with_the_process_that_holds_it() {
    let world = World::running();
    let mut process = holder(&world);

    let lease = lease_of(&world, &process);

    assert_eq!(lease.connection.as_deref(), Some(CONNECTION));
    assert_eq!((lease.generation, lease.is_current, lease.watched), (1, true, false));
    assert_eq!((lease.since, lease.gated), (Some(world.clock.read().wall), Some(false)));
    let seen = lease.holder.unwrap();
    assert_eq!(seen.uid, own_uid());
    let name = std::fs::read_to_string(format!("/proc/{}/comm", process.id())).unwrap();
    assert_eq!(seen.program.as_deref(), Some(name.trim_end()));

    end(&mut process);
    eventually("it is gone", || world.leases().is_empty().then_some(()));
}

#[test]
fn a_watched_lease_and_one_of_an_older_token_are_told_from_others() {
    let world = World::running();
    let first = world.hand_out(CONNECTION).unwrap().terms.lease;
    let watch = world.watching(&first);
    let row = |id: &str| world.leases().into_iter().find(|row| row.lease == id).unwrap();
    assert!(row(&first).watched);

    rotate(&world);
    assert_eq!(watch.join().unwrap().unwrap(), WatchEvent::GenerationChanged);
    let second = world.hand_out(CONNECTION).unwrap().terms.lease;

    assert!(!row(&first).is_current && row(&second).is_current);
    assert_eq!((row(&first).generation, row(&second).generation), (1, 2));
}

#[test]
fn a_holder_whose_lease_is_ended_counts_as_gone_and_keeps_its_process() {
    let world = World::running();
    let mut process = holder(&world);
    let lease = lease_of(&world, &process);
    assert_eq!(rotate(&world).leases_on_older, 1);
    world.advance(Duration::from_secs(600));
    assert_eq!(world.live(USER).len(), 2, "the older token waits for its holder");

    let ended = end_lease(&world, &lease.lease[..8]).unwrap();

    assert_eq!((ended.ended.lease.as_str(), ended.left), (lease.lease.as_str(), 0));
    assert!(process.try_wait().unwrap().is_none(), "the process lives on");
    eventually("the older token is removed", || {
        world.advance(Duration::from_secs(120));
        (world.live(USER).len() == 1).then_some(())
    });
    let record = eventually("it is recorded", || {
        world.audit().into_iter().find(|record| record["event"] == "lease-ended")
    });
    assert_eq!(record["reason"], "ended-by-admin");
    assert_eq!((&record["lease"], &record["uid"]), (&lease.lease.into(), &own_uid().into()));
    assert_eq!(record["connection"], CONNECTION);
    let act = world.audit().into_iter().rfind(|record| record["verb"] == "end-lease").unwrap();
    assert_eq!((&act["subject"]["uid"], &act["outcome"]), (&own_uid().into(), &"done".into()));
    end(&mut process);
}

#[test]
fn whoever_watches_a_lease_that_is_ended_is_told_so_and_may_ask_again() {
    let world = World::running();
    let lease = world.hand_out(CONNECTION).unwrap().terms.lease;
    let watch = world.watching(&lease);

    end_lease(&world, &lease).unwrap();

    assert_eq!(watch.join().unwrap().unwrap(), WatchEvent::LeaseEnded);
    assert!(world.hand_out(CONNECTION).is_ok(), "ending a lease forbids nothing");
}

#[test]
fn a_lease_is_ended_only_if_one_and_no_other_is_meant() {
    let world = World::running();
    let lease = world.hand_out(CONNECTION).unwrap().terms.lease;
    let other = if lease.starts_with('0') { "1" } else { "0" }.repeat(32);

    for meant in [&lease[..7], "", &other, "00000000; drop", &lease.to_uppercase()] {
        if meant == lease {
            continue; // it has no letter
        }
        let refused = end_lease(&world, meant).unwrap_err();
        assert_eq!(refused, ErrorCode::UnknownLease, "{meant}");
    }
    assert_eq!(world.leases().len(), 1);
    end_lease(&world, &lease).unwrap();
    assert_eq!(end_lease(&world, &lease).unwrap_err(), ErrorCode::UnknownLease);
}

#[test]
fn holders_are_found_again_by_a_daemon_that_was_killed_and_those_that_died_meanwhile_are_told_of() {
    let world = World::prepared();
    let mut program = Program::start(&world, &[]);
    eventually("it serves", || world.hand_out_over_a_new_connection(CONNECTION));
    let (mut stays, mut dies) = (holder(&world), holder(&world));
    let (before, dead) = (lease_of(&world, &stays), lease_of(&world, &dies));
    program.signal(Signal::SIGKILL);
    program.0.wait().unwrap();
    dies.kill().unwrap();
    dies.wait().unwrap();

    let _program = Program::start(&world, &[]);

    eventually("it serves", || world.try_status());
    assert_eq!(lease_of(&world, &stays), before, "as it was");
    assert!(!world.leases().iter().any(|row| row.lease == dead.lease));
    let ended = eventually("it is recorded", || ended(&world, &dead.lease));
    assert_eq!(
        (&ended["reason"], &ended["connection"]),
        (&"holder-ended".into(), &CONNECTION.into())
    );
    assert_eq!(world.fault(), None, "the chain goes on over the kill");
    end(&mut stays);
    eventually("it is seen to end", || ended_by(&world, &before.lease));
}

#[test]
fn holders_that_ended_and_were_not_waited_for_hold_nothing_after_a_restart() {
    let mut world = World::running();
    let mut holders: Vec<Child> = (0..MANY).map(|_| holder(&world)).collect();
    eventually("all are open", || (world.leases().len() == MANY).then_some(()));
    world.stop();
    for holder in &mut holders {
        drop(holder.stdin.take());
        eventually("it has ended", || has_ended(holder).then_some(()));
    }

    world.start();

    assert_eq!(world.leases(), []);
    let ends = world.audit().into_iter().filter(|record| record["event"] == "lease-ended");
    assert_eq!(ends.count(), MANY);
    for mut holder in holders {
        holder.wait().unwrap();
    }
}

#[test]
fn after_another_boot_nobody_holds_anything_and_that_is_recorded() {
    let mut world = World::running();
    let lease = world.hand_out(CONNECTION).unwrap().terms.lease;
    world.stop();
    let journal = std::fs::read_to_string(world.path("state/leases.jsonl")).unwrap();
    let (_boot, leases) = journal.split_once('\n').unwrap();
    let torn = "{\"opened\":{\"id\":\"x";
    world.write("state/leases.jsonl", &format!("{{\"boot\":\"another\"}}\n{leases}{torn}"));

    world.start();

    assert_eq!(world.leases(), []);
    assert_eq!(eventually("it is recorded", || ended(&world, &lease))["reason"], "holder-ended");
}

#[test]
fn a_journal_of_an_older_version_keeps_its_holders() {
    let mut world = World::running();
    let lease = world.hand_out(CONNECTION).unwrap().terms.lease;
    world.stop();
    let journal = std::fs::read_to_string(world.path("state/leases.jsonl")).unwrap();
    let older: String = journal.lines().map(|line| format!("{}\n", without_terms(line))).collect();
    assert!(older.len() < journal.len());
    world.write("state/leases.jsonl", &older);

    world.start();

    let row = world.leases().into_iter().find(|row| row.lease == lease).unwrap();
    assert_eq!((row.connection, row.since, row.gated), (None, None, None));
    assert_eq!((row.generation, row.holder.unwrap().uid), (1, own_uid()));
}

fn without_terms(line: &str) -> Value {
    let mut line: Value = serde_json::from_str(line).unwrap();
    if let Some(opened) = line.get_mut("opened").and_then(Value::as_object_mut) {
        opened.remove("terms");
    }
    line
}

/// Whether a child has ended, without waiting for it as its parent.
fn has_ended(child: &Child) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    status.lines().any(|line| line.starts_with("State:\tZ"))
}

/// Waits for the lease of this process.
fn lease_of(world: &World, process: &Child) -> LeaseRow {
    let is_its = |row: &LeaseRow| {
        let pid = row.holder.as_ref().map(|holder| holder.pid);
        pid == i32::try_from(process.id()).ok()
    };
    eventually("its lease is open", || world.leases().into_iter().find(is_its))
}

fn end_lease(world: &World, lease: &str) -> Result<EndedLease, ErrorCode> {
    let order = EndLeaseRequest { lease: lease.into() };
    world.admin("end-lease", &order).map_err(|error| error.code().unwrap())
}

fn rotate(world: &World) -> Rotated {
    let order = RotateRequest { connection: CONNECTION.into(), taint: None };
    world.admin("rotate", &order).unwrap()
}

fn ended(world: &World, lease: &str) -> Option<Value> {
    let is_it = |record: &Value| record["event"] == "lease-ended" && record["lease"] == lease;
    world.audit().into_iter().find(is_it)
}

fn ended_by(world: &World, lease: &str) -> Option<()> {
    ended(world, lease).map(|record| assert_eq!(record["reason"], "holder-ended"))
}

const MANY: usize = 30;
