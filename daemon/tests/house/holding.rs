//! What holders may have and what they cost: descriptors of the daemon, leases of one process, what a newer lease
//! takes the place of.

use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use pat_wire::error::ErrorCode;
use pat_wire::message::HandOutRequest;

use crate::world::{CONNECTION, USER, World, eventually, own_uid, post, raw};

#[test]
fn a_watch_keeps_no_descriptor_of_the_process_that_watches() {
    let world = World::running();
    let mut watcher = other_process(&world, WATCHES, "holding::as_a_watcher");
    eventually("its watches are sent", || world.path("done").exists().then_some(()));
    // Connections are taken in order: with this answer all those before it were looked at. Until they are, they may
    // be as many at once as one uid may have.
    eventually("it is this one's turn", || world.hand_out(CONNECTION).ok());

    let pid = watcher.id();
    eventually("its lease alone keeps one", || (pidfds_of(pid) == 1).then_some(()));

    end(&mut watcher);
}

#[test]
fn one_process_cannot_take_the_leases_of_all_others_of_its_user() {
    let world = World::running();
    let mut greedy = other_process(&world, LEASES_OF_A_PROCESS + 3, "holding::as_a_greedy_holder");
    eventually("it took what it got", || world.path("done").exists().then_some(()));

    assert_eq!(world.slot(USER).leases, u32::try_from(LEASES_OF_A_PROCESS).unwrap());
    assert!(world.hand_out(CONNECTION).is_ok(), "another process of the same user is served");

    end(&mut greedy);
    eventually("its leases end", || (world.slot(USER).leases == 1).then_some(()));
}

#[test]
fn a_process_that_holds_too_much_is_told_so_and_still_moves_to_a_newer_lease() {
    let world = World::running();
    let mut last = world.hand_out(CONNECTION).unwrap().terms.lease;
    for _ in 1..LEASES_OF_A_PROCESS {
        last = world.hand_out(CONNECTION).unwrap().terms.lease;
    }

    let refused = world.hand_out(CONNECTION).err().unwrap();

    assert_eq!(refused.code(), Some(ErrorCode::Busy), "{refused}");
    assert!(world.ask_for(&replacing(CONNECTION, &last)).is_ok());
    assert_eq!(world.slot(USER).leases, u32::try_from(LEASES_OF_A_PROCESS).unwrap());
}

#[test]
fn a_lease_takes_the_place_of_one_of_its_own_slot_only() {
    let mut world = World::prepared();
    world.entry("ana_cli", "ANA_CLI", "ANA_CLI_ROLE", own_uid());
    world.start();
    let of_miguel = world.hand_out(CONNECTION).unwrap().terms.lease;

    world.ask_for(&replacing("ana_cli", &of_miguel)).unwrap();
    assert_eq!((world.slot(USER).leases, world.slot("ANA_CLI").leases), (1, 1));

    world.ask_for(&replacing(CONNECTION, &of_miguel)).unwrap();
    assert_eq!((world.slot(USER).leases, world.slot("ANA_CLI").leases), (1, 1));
}

fn replacing(connection: &str, lease: &str) -> HandOutRequest {
    HandOutRequest {
        connection: Some(connection.into()),
        deliver: None,
        replaces: Some(lease.into()),
    }
}

/// How many descriptors of the daemon, which lives in this process, stand for the process `pid`.
fn pidfds_of(pid: u32) -> usize {
    let wanted = format!("Pid:\t{pid}");
    let infos = std::fs::read_dir("/proc/self/fdinfo").unwrap().flatten();
    // A descriptor of another test's may be closed between the list and the look.
    let texts = infos.filter_map(|info| std::fs::read_to_string(info.path()).ok());
    texts.filter(|text| text.lines().any(|line| line == wanted)).count()
}

/// A process of its own that asks this often, says that it has by making the file `done`, and stays until its
/// standard input closes.
fn other_process(world: &World, times: usize, test: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test])
        .env(WORLD, world.path(""))
        .env(TIMES, times.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

fn end(process: &mut Child) {
    drop(process.stdin.take());
    assert!(process.wait().unwrap().success());
}

/// What the process of [`other_process`] does; started by the test runner itself, it has nothing to do.
fn in_the_other_process(act: impl FnOnce(&Path, usize)) {
    let Some(world) = std::env::var_os(WORLD) else { return };
    let (world, times) = (Path::new(&world), std::env::var(TIMES).unwrap().parse().unwrap());
    act(&world.join("run/patd.sock"), times);
    std::fs::write(world.join("done"), "").unwrap();
    std::io::stdin().read_line(&mut String::new()).unwrap();
}

#[test]
fn as_a_watcher() {
    in_the_other_process(|socket, times| {
        let reply = String::from_utf8(raw(socket, &asked())).unwrap();
        let lease = reply.split("\"lease\":\"").nth(1).unwrap().split('"').next().unwrap();
        let question = post("/v1/watch", &format!("{{\"lease\":\"{lease}\"}}"));
        for _ in 0..times {
            let mut watch = UnixStream::connect(socket).unwrap();
            watch.write_all(&question).unwrap();
            // Kept open until the process ends.
            std::mem::forget(watch);
        }
    });
}

#[test]
fn as_a_greedy_holder() {
    in_the_other_process(|socket, times| {
        for _ in 0..times {
            raw(socket, &asked());
        }
    });
}

fn asked() -> Vec<u8> {
    post("/v1/hand-out", &format!("{{\"connection\":\"{CONNECTION}\"}}"))
}

const WATCHES: usize = 100;
/// As many as the daemon grants one process.
const LEASES_OF_A_PROCESS: usize = 64;
const WORLD: &str = "PATD_TEST_WORLD";
const TIMES: &str = "PATD_TEST_TIMES";
