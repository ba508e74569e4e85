//! P4, P9: a request that waits for a secret is decided again before it gets one.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use pat_wire::admin::{Reloaded, RotateRequest, Rotated};
use pat_wire::connection::BrokerError;
use pat_wire::error::ErrorCode;
use pat_wire::message::{Delivery, HandOut, HandOutRequest};
use snowflake_sim::engine::StatementKind;
use snowflake_sim::{Act, Fault, On};

use crate::world::{CONNECTION, ROLE, USER, World, eventually, own_uid, post};

#[test]
fn access_that_was_taken_away_meanwhile_gets_no_secret() {
    let world = issuing();
    let answer = waiting_during(&world, || {
        world.entry(CONNECTION, USER, ROLE, own_uid() + 1);
        reload(&world);
    });

    let refused = answer.err().unwrap();

    assert_eq!(refused.code(), Some(ErrorCode::Refused), "{refused}");
    assert!(records(&world, "allow").is_empty());
    assert_eq!(records(&world, "deny")[0]["reason"], "no entry matches this peer and connection");
}

#[test]
fn what_is_handed_out_is_what_the_configuration_of_now_grants() {
    let world = issuing();
    let answer = waiting_during(&world, || {
        let entry = format!("etc/users.d/{CONNECTION}.toml");
        let text = std::fs::read_to_string(world.path(&entry)).unwrap();
        world.write(&entry, &text.replace("[\"home\", \"env\"]", "[\"env\"]"));
        reload(&world);
    });

    assert_eq!(answer.unwrap().terms.deliver, Delivery::Env);
    assert_eq!(records(&world, "allow")[0]["deliver"], "env");
}

#[test]
fn what_turns_on_facts_that_were_not_looked_at_is_to_be_asked_for_again() {
    let world = issuing();
    let answer = waiting_during(&world, || {
        let entry = format!("etc/users.d/{CONNECTION}.toml");
        let text = std::fs::read_to_string(world.path(&entry)).unwrap();
        world.write(&entry, &text.replace("[access]", "[access]\nunits = [\"some.service\"]"));
        reload(&world);
    });

    let refused = answer.err().unwrap();

    assert_eq!(refused.code(), Some(ErrorCode::NotReady), "{refused}");
    assert!(refused.to_string().contains("try again"), "{refused}");
    assert_eq!(world.hand_out(CONNECTION).unwrap().terms.generation, 1);
}

#[test]
fn a_connection_whose_maker_ended_meanwhile_is_worth_nothing() {
    let world = issuing();
    let heir = world.path("what-the-heir-got");
    let mut maker = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "waiting::as_a_maker_that_ends", "--nocapture"])
        .env(SOCKET, world.path("run/patd.sock"))
        .env(HEIR, &heir)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();

    assert!(maker.wait().unwrap().success());

    let got = eventually("the heir is answered", || {
        let got = std::fs::read_to_string(&heir).ok()?;
        got.ends_with('}').then_some(got)
    });
    assert!(got.starts_with("HTTP/1.1 403"), "{got}");
    assert!(records(&world, "allow").is_empty());
    let reason = records(&world, "deny")[0]["reason"].clone();
    assert_eq!(reason, "the peer's process ended while its request waited");
}

/// What the process of the test above does; started by the test runner itself, it has nothing to do.
#[test]
fn as_a_maker_that_ends() {
    let Some(socket) = std::env::var_os(SOCKET) else { return };
    let mut stream = UnixStream::connect(socket).unwrap();
    let asked = post("/v1/hand-out", &format!("{{\"connection\":\"{CONNECTION}\"}}"));
    std::io::Write::write_all(&mut stream, &asked).unwrap();
    std::thread::park_timeout(LONG_ENOUGH_TO_BE_DECIDED);
    let heir = "exec 3<&0; cat <&3 >\"$0\" &";
    let kept = std::env::var_os(HEIR).unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-c", heir]).arg(kept).stdin(OwnedFd::from(stream));
    assert!(shell.status().unwrap().success());
}

#[test]
fn of_all_that_wait_to_refresh_one_lease_one_is_not_counted() {
    let world = World::running();
    let lease = world.hand_out(CONNECTION).unwrap().terms.lease;
    let order = RotateRequest { connection: CONNECTION.into(), taint: None };
    world.admin::<Rotated>("rotate", &order).unwrap();
    let role = format!("CREATE ROLE OTHER; GRANT ROLE OTHER TO USER \"{USER}\"");
    world.sim.admin_script(&role).unwrap();
    world.entry(CONNECTION, USER, "OTHER", own_uid());
    let entry = format!("etc/users.d/{CONNECTION}.toml");
    let text = std::fs::read_to_string(world.path(&entry)).unwrap();
    world.write(&entry, &format!("{text}rate_per_minute = 1\n"));
    make_slow(&world);
    reload(&world);

    let asked = HandOutRequest {
        connection: Some(CONNECTION.into()),
        deliver: None,
        replaces: Some(lease),
    };
    let answers: Vec<_> = std::thread::scope(|scope| {
        let ask = || world.ask_for(&asked);
        let asking: Vec<_> = (0..10).map(|_| scope.spawn(ask)).collect();
        asking.into_iter().map(|asking| asking.join().unwrap()).collect()
    });

    let busy = |answer: &Result<HandOut, BrokerError>| {
        answer.as_ref().is_err_and(|no| no.code() == Some(ErrorCode::Busy))
    };
    let served = answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!(served, 2, "the refresh, and the one of this minute");
    assert_eq!(answers.iter().filter(|answer| busy(answer)).count(), 8);
}

/// The next token takes a while.
fn make_slow(world: &World) {
    let slow = Act::Delay(Duration::from_secs(4));
    world.sim.fault(Fault::next(On::Statement(StatementKind::AddPat), slow));
}

/// A world whose first token takes a while.
fn issuing() -> World {
    let mut world = World::prepared();
    make_slow(&world);
    world.start();
    eventually("the ADD is on its way", || (world.slot(USER).state == "issuing").then_some(()));
    world
}

/// Asks for the secret, does something while the request waits, and returns its answer.
fn waiting_during(world: &World, meanwhile: impl FnOnce()) -> Result<HandOut, BrokerError> {
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| world.hand_out(CONNECTION));
        std::thread::park_timeout(LONG_ENOUGH_TO_BE_DECIDED);
        meanwhile();
        assert!(!asking.is_finished(), "it waits");
        asking.join().unwrap()
    })
}

fn reload(world: &World) {
    let reloaded: Reloaded = world.admin("reload", &()).unwrap();
    assert!(reloaded.in_force, "{reloaded:?}");
}

fn records(world: &World, event: &str) -> Vec<serde_json::Value> {
    world.audit().into_iter().filter(|record| record["event"] == event).collect()
}

const SOCKET: &str = "PATD_TEST_MAKER_AT";
const HEIR: &str = "PATD_TEST_HEIR_OF";
const LONG_ENOUGH_TO_BE_DECIDED: Duration = Duration::from_millis(500);
