//! The client of the hand-out benchmark, in processes of its own: a process may hold only so many leases, and those
//! of a process that has ended are over. Asks the echo and the daemon in turn, and prints what each took.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use world::CONNECTION;

use crate::pace::Pace;

/// The first argument that makes this program a client; both sockets follow.
pub const AS_CLIENT: &str = "--as-client";

/// Pairs that one client asks for; as many leases as it then holds.
pub const PAIRS: usize = 50;

/// One question to each, interleaved.
pub struct Pair {
    /// What the echo took.
    pub echo: Duration,
    /// What the hand-out took.
    pub handed: Duration,
}

/// Runs a client to its end and returns what it measured.
pub fn pairs(echo: &Path, daemon: &Path) -> Vec<Pair> {
    let this = std::env::current_exe().expect("this program has a path");
    let mut client = Command::new(this);
    let output = client.arg(AS_CLIENT).arg(echo).arg(daemon).output().expect("the client starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("numbers").lines().map(pair).collect()
}

/// What a client does.
pub fn run(echo: PathBuf, daemon: PathBuf) -> ExitCode {
    let mut pace = Pace::of(1);
    for _ in 0..PAIRS {
        pace.wait();
        println!("{} {}", time(&echo), time(&daemon));
    }
    ExitCode::SUCCESS
}

fn pair(line: &str) -> Pair {
    let (echo, handed) = line.split_once(' ').expect("two numbers");
    let nanos = |text: &str| Duration::from_nanos(text.parse().expect("a number"));
    Pair { echo: nanos(echo), handed: nanos(handed) }
}

fn time(socket: &Path) -> u128 {
    let start = Instant::now();
    ask(socket);
    start.elapsed().as_nanos()
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
