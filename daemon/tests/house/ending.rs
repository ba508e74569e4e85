//! P2: what is in flight when the daemon ends, and who still holds what when it is back.

use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use pat_wire::admin::{RotateRequest, Rotated};
use snowflake_sim::engine::StatementKind;
use snowflake_sim::{Act, Fault, On};

use crate::world::{CONNECTION, USER, World, eventually, post, raw};

#[test]
fn a_request_in_flight_is_answered_before_the_daemon_ends() {
    let mut world = World::prepared();
    let slow = Act::Delay(Duration::from_millis(700));
    world.sim.fault(Fault::next(On::Statement(StatementKind::AddPat), slow));
    world.start();
    let socket = world.path("run/patd.sock");
    let asked = format!("{{\"connection\":\"{CONNECTION}\"}}");
    let waiting = std::thread::spawn(move || raw(&socket, &post("/v1/hand-out", &asked)));
    eventually("the ADD is on its way", || (world.slot(USER).state == "issuing").then_some(()));

    let ending = world.end();

    let reply = waiting.join().unwrap();
    assert!(reply.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&reply));
    ending.join().unwrap().unwrap();
    assert_eq!(world.audit().last().unwrap()["event"], "stop");
}

#[test]
fn after_the_end_nobody_listens_and_a_new_daemon_takes_the_sockets() {
    let mut world = World::running();
    world.stop();
    assert!(UnixStream::connect(world.path("run/patd.sock")).is_err());
    world.start();
    let handed = world.hand_out(CONNECTION).map(|handed| handed.terms.generation);
    assert!(handed.is_ok(), "{handed:?} {:?}", world.slot(USER));
}

#[test]
fn a_second_daemon_on_the_same_state_does_not_start() {
    let world = World::running();
    let config = patd_config::load(&world.path("etc")).unwrap();
    let refused =
        patd::serving::furnish(&world.flags(), config, world.clock.clone()).err().unwrap();
    assert_eq!(refused.exit_code(), 78);
    assert!(refused.to_string().contains("in use"), "{refused}");
    assert!(world.hand_out(CONNECTION).is_ok());
}

#[test]
fn a_holder_that_lives_is_found_again_after_a_restart() {
    let mut world = World::running();
    world.hand_out(CONNECTION).unwrap();
    world.stop();
    world.start();

    assert_eq!(world.slot(USER).leases, 1);
    let order = RotateRequest { connection: CONNECTION.into(), taint: None };
    let rotated: Rotated = world.admin("rotate", &order).unwrap();
    assert_eq!(rotated.leases_on_older, 1);
}

#[test]
fn a_holder_that_ended_holds_nothing() {
    let world = World::running();
    let mut holder = holder(&world);
    eventually("its lease is open", || (world.slot(USER).leases == 1).then_some(()));

    end(&mut holder);

    eventually("its lease ends", || (world.slot(USER).leases == 0).then_some(()));
    let audit = eventually("it is recorded", || {
        world.audit().into_iter().find(|record| record["event"] == "lease-ended")
    });
    assert_eq!(audit["reason"], "holder-ended");
}

#[test]
fn a_holder_that_ended_while_the_daemon_was_down_holds_nothing() {
    let mut world = World::running();
    let mut holder = holder(&world);
    eventually("its lease is open", || (world.slot(USER).leases == 1).then_some(()));
    world.stop();
    end(&mut holder);

    world.start();

    assert_eq!(world.slot(USER).leases, 0);
}

#[test]
fn with_a_damaged_journal_every_generation_counts_as_held() {
    let mut world = World::running();
    let mut holder = holder(&world);
    eventually("its lease is open", || (world.slot(USER).leases == 1).then_some(()));
    world.stop();
    end(&mut holder);
    world.write("state/leases.jsonl", "{\"opened\":{\"id\":\"x\n");

    world.start();

    assert_eq!(world.slot(USER).leases, 1);
}

/// A process of its own that asks for the secret and stays until its standard input closes.
pub(crate) fn holder(world: &World) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "ending::as_a_holder", "--nocapture"])
        .env(HOLDER, world.path("run/patd.sock"))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

pub(crate) fn end(holder: &mut Child) {
    drop(holder.stdin.take());
    assert!(holder.wait().unwrap().success());
}

/// What the process of [`holder`] does; started by the test runner itself, it has nothing to do.
#[test]
fn as_a_holder() {
    let Some(socket) = std::env::var_os(HOLDER) else { return };
    let asked = format!("{{\"connection\":\"{CONNECTION}\"}}");
    let reply = raw(socket.as_ref(), &post("/v1/hand-out", &asked));
    assert!(reply.starts_with(b"HTTP/1.1 200"));
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
}

const HOLDER: &str = "PATD_TEST_HOLDER_OF";
