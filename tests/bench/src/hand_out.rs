//! A hand-out over a fresh connection, everything included, against the bare echo: the same client bytes, in turn.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use world::{Binaries, CONNECTION, World};

use crate::echo;
use crate::pace::Pace;
use crate::report::Report;
use crate::sample::Sample;

const ROUNDS: usize = 1000;

/// Measures the ratio of medians.
pub fn measure(programs: &Binaries, report: &mut Report) {
    let mut world = World::builder().programs(programs.clone()).build();
    world.start();
    let socket = world.folder().join("echo.sock");
    let mut server = echo::start(&socket);
    let (mut bare, mut handed) = (Sample::default(), Sample::default());
    let mut pace = Pace::of(1);
    for round in 0..ROUNDS + 50 {
        pace.wait();
        if round < 50 {
            ask(&socket);
            ask(&world.socket());
        } else {
            bare.time(|| ask(&socket));
            handed.time(|| ask(&world.socket()));
        }
    }
    server.kill().expect("the echo server can be ended");
    server.wait().expect("the echo server ends");
    report.at_most(
        "hand-out over a bare echo",
        handed.median_ms() / bare.median_ms(),
        2.5,
        "times",
        format!(
            "medians of {}: echo {:.3} ms, hand-out {:.3} ms (p99 {:.3})",
            handed.count(),
            bare.median_ms(),
            handed.median_ms(),
            handed.quantile_ms(0.99)
        ),
    );
}

fn ask(socket: &Path) {
    let body = format!("{{\"connection\":\"{CONNECTION}\"}}");
    let mut stream = UnixStream::connect(socket).expect("the socket answers");
    write!(
        stream,
        "POST /v1/hand-out HTTP/1.1\r\nHost: patd\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .expect("the request is sent");
    let mut reply = Vec::with_capacity(4096);
    stream.read_to_end(&mut reply).expect("the reply arrives");
    assert!(reply.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&reply));
}
