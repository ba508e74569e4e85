//! The daemon with 1,000 slots: memory, time from start to ready, and memory of a watcher.

use std::fs;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use world::{Binaries, CONNECTION, World, own_name, wait_at_most};

use crate::report::Report;
use crate::sample::Sample;

const SLOTS: usize = 1000;
const STARTS: usize = 11;
const WATCHERS: usize = 250;

/// Measures all three.
pub fn measure(programs: &Binaries, report: &mut Report) {
    let mut world = World::builder().programs(programs.clone()).prepare();
    world.initialise().expect("patctl init works");
    world.register(&own_name(), &[]).expect("patctl add works");
    for number in 1..SLOTS {
        entry(&world, number);
    }
    world.bootstrap().expect("the account is made");
    world.start();
    let issued = Instant::now();
    wait_until_all_serve(&world);
    println!("issued {SLOTS} tokens in {:.0} s", issued.elapsed().as_secs_f64());
    world.stop();

    let mut ready = Sample::default();
    for _ in 0..STARTS {
        ready.time(|| world.start());
        world.stop();
    }
    world.start();
    wait_until_all_serve(&world);
    let resident = resident_kib(&mut world);
    report.at_most(
        "daemon resident, 1,000 slots",
        resident / 1024.0,
        16.0,
        "MiB",
        "VmRSS after a start".into(),
    );
    report.at_most(
        "start to ready, 1,000 slots",
        ready.median_ms(),
        50.0,
        "ms",
        format!("median of {STARTS} starts, slowest {:.0}", ready.quantile_ms(1.0)),
    );
    let watchers = watch(&world);
    let each = (resident_kib(&mut world) - resident) / WATCHERS as f64;
    drop(watchers);
    report.at_most("a watcher", each, 20.0, "KiB", format!("VmRSS of {WATCHERS}, divided"));
}

fn entry(world: &World, number: usize) {
    let text = format!(
        "connection = \"c{number}\"\nuser = \"CLI_{number}\"\nrole = \"CLI_{number}_ROLE\"\n\n[access]\nusers = [\"{}\"]\n",
        own_name()
    );
    let path = world.config().join("users.d").join(format!("c{number}.toml"));
    fs::write(&path, text).expect("the entry is written");
}

fn wait_until_all_serve(world: &World) {
    wait_at_most(Duration::from_secs(600), || {
        let status = world.status();
        let slots = status["slots"].as_array()?;
        (slots.len() == SLOTS && slots.iter().all(|slot| slot["state"] == "serving")).then_some(())
    })
    .expect("every slot serves");
}

fn resident_kib(world: &mut World) -> f64 {
    let status = fs::read_to_string(format!("/proc/{}/status", world.daemon().pid()))
        .expect("the daemon runs");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("VmRSS is there");
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number")
}

/// Opens watches on one lease and returns them once the daemon has them.
fn watch(world: &World) -> Vec<UnixStream> {
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
    let body = format!("{{\"lease\":\"{}\"}}", handed.terms.lease);
    (0..WATCHERS)
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
        .collect()
}
