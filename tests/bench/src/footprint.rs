//! The daemon with 1,000 slots: memory, time from start to ready against one of a single slot, and memory of a watcher.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use nix::time::{clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;
use world::{Binaries, CONNECTION, World, eventually, own_name, wait_at_most};

use crate::report::Report;
use crate::sample::Sample;
use crate::storm;

const SLOTS: usize = 1000;
const STARTS: usize = 15;
/// Watchers that fill the holes a start leaves in memory, before those that are counted.
const FIRST_WATCHERS: usize = 50;
const WATCHERS: usize = 200;

/// Measures all three.
pub fn measure(programs: &Binaries, report: &mut Report) {
    let mut single = with_slots(programs, 1);
    let mut world = with_slots(programs, SLOTS);
    ready(&mut single, &mut world, report);
    world.start();
    wait_until_all_serve(&world, SLOTS);
    let resident = resident_kib(&mut world);
    report.at_most(
        "daemon resident, 1,000 slots",
        resident / 1024.0,
        16.0,
        "MiB",
        format!("VmRSS of a daemon that serves them; {}", shares(&mut world)),
    );
    let lease = lease(&world);
    let first = watch(&world, &lease, FIRST_WATCHERS);
    let before = resident_kib(&mut world);
    let watchers = watch(&world, &lease, WATCHERS);
    let each = (resident_kib(&mut world) - before) / WATCHERS as f64;
    drop((first, watchers));
    report.at_most("a watcher", each, 20.0, "KiB", format!("VmRSS of {WATCHERS}, divided"));
    storm::measure(&world, SLOTS, report);
}

/// Starts of both in turn, so that a busy machine shows in both.
fn ready(single: &mut World, world: &mut World, report: &mut Report) {
    let mut one = Starts::default();
    let mut all = Starts::default();
    for _ in 0..STARTS {
        one.add(single);
        all.add(world);
    }
    report.at_most(
        "start to ready, 1,000 slots",
        all.wall.median_ms(),
        50.0,
        "ms",
        format!(
            "medians of {STARTS}: {:.1} of CPU time, {:.1} waiting for a core, fastest {:.1}; with one slot {:.1} ms, {:.1} of CPU time: {:.1} times",
            all.cpu.median_ms(),
            all.waited.median_ms(),
            all.wall.quantile_ms(0.0),
            one.wall.median_ms(),
            one.cpu.median_ms(),
            all.wall.median_ms() / one.wall.median_ms(),
        ),
    );
}

/// What starts took until READY: by the clock, of all cores, and of that the first thread's wait for a core.
#[derive(Default)]
struct Starts {
    wall: Sample,
    cpu: Sample,
    waited: Sample,
}

impl Starts {
    fn add(&mut self, world: &mut World) {
        self.wall.time(|| world.start());
        let pid = world.daemon().pid();
        self.cpu.add(cpu_time(pid));
        self.waited.add(waited(pid));
        world.stop();
    }
}

fn cpu_time(pid: i32) -> Duration {
    let clock = clock_getcpuclockid(Pid::from_raw(pid)).expect("the daemon runs");
    clock_gettime(clock).expect("its clock can be read").into()
}

/// Linux: the second number of schedstat, nanoseconds on a run queue.
fn waited(pid: i32) -> Duration {
    let text = fs::read_to_string(format!("/proc/{pid}/schedstat")).expect("the daemon runs");
    let nanos = text.split_whitespace().nth(1).and_then(|number| number.parse().ok());
    Duration::from_nanos(nanos.expect("a number"))
}

/// Returns a world whose slots all have their tokens, with the daemon stopped.
fn with_slots(programs: &Binaries, slots: usize) -> World {
    let mut world = World::builder().programs(programs.clone()).prepare();
    world.initialise().expect("patctl init works");
    world.register(&own_name(), &[]).expect("patctl add works");
    for number in 1..slots {
        entry(&world, number);
    }
    world.bootstrap().expect("the account is made");
    world.start();
    wait_until_all_serve(&world, slots);
    world.stop();
    world
}

/// Writes the entry of a connection of its own service user, for whoever runs this.
pub fn entry(world: &World, number: usize) {
    let text = format!(
        "connection = \"c{number}\"\nuser = \"CLI_{number}\"\nrole = \"CLI_{number}_ROLE\"\n\n[access]\nusers = [\"{}\"]\n",
        own_name()
    );
    let path = world.config().join("users.d").join(format!("c{number}.toml"));
    fs::write(&path, text).expect("the entry is written");
}

fn wait_until_all_serve(world: &World, all: usize) {
    wait_at_most(Duration::from_secs(600), || {
        let status = world.status();
        let slots = status["slots"].as_array()?;
        (slots.len() == all && slots.iter().all(|slot| slot["state"] == "serving")).then_some(())
    })
    .expect("every slot serves");
}

/// Returns the resident memory, once it stands still.
pub fn resident_kib(world: &mut World) -> f64 {
    let mut before = 0.0;
    eventually("the daemon's memory stands still", || {
        std::thread::park_timeout(Duration::from_millis(200));
        let was = std::mem::replace(&mut before, kib(world, "VmRSS:"));
        (was == before).then_some(before)
    })
}

/// What the memory is: the daemon's own, and pages of program files, which the kernel shares and can drop.
fn shares(world: &mut World) -> String {
    let [own, files] = ["RssAnon:", "RssFile:"].map(|name| kib(world, name) / 1024.0);
    format!("{own:.1} its own, {files:.1} of program files")
}

fn kib(world: &mut World, name: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{}/status", world.daemon().pid()))
        .expect("the daemon runs");
    let line = status.lines().find(|line| line.starts_with(name)).expect("the line is there");
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number")
}

fn lease(world: &World) -> String {
    let broker = pat_wire::connection::Broker::connect(
        &world.socket(),
        pat_wire::connection::Server::Chosen,
        pat_wire::limits::CLIENT_DEADLINE,
    );
    let request = pat_wire::message::HandOutRequest {
        connection: Some(CONNECTION.into()),
        deliver: None,
        replaces: None,
    };
    let handed = broker.expect("the broker answers").hand_out(&request).expect("a hand-out");
    handed.terms.lease
}

/// Opens watches on a lease and returns them once the daemon has taken them; none was answered.
fn watch(world: &World, lease: &str, count: usize) -> Vec<UnixStream> {
    let body = format!("{{\"lease\":\"{lease}\"}}");
    let mut watchers: Vec<UnixStream> = (0..count)
        .map(|number| {
            // Within the burst and the rate of one uid.
            if number % 40 == 0 {
                std::thread::park_timeout(Duration::from_secs(1));
            }
            let mut stream = UnixStream::connect(world.socket()).expect("the socket answers");
            write!(
                stream,
                "POST /v1/watch HTTP/1.1\r\nHost: patd\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            )
            .expect("the watch is sent");
            stream
        })
        .collect();
    // Connections are taken in order: when another one is answered, all of these were.
    let _taken = self::lease(world);
    for stream in &mut watchers {
        stream.set_nonblocking(true).expect("a socket");
        let silent = stream.read(&mut [0]).expect_err("a watch is not answered yet");
        assert_eq!(silent.kind(), ErrorKind::WouldBlock, "{silent}");
    }
    watchers
}
