//! Many at once: 1,000 wrappers of 50 users, started together, each until it has its secret; and 1,000 watchers of some
//! of them. The users are numbers without accounts: acting as them needs root.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::chown;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::wait::{WaitStatus, wait};
use pat_wire::connection::{Broker, Server};
use pat_wire::message::HandOutRequest;
use world::{Binaries, CONNECTION, World};

use crate::footprint::resident_kib;
use crate::report::Report;
use crate::sample::Sample;

/// The first argument that makes this program one user of the crowd; socket and wrapper follow (`-`: none).
pub const AS_USER: &str = "--as-user-of-the-crowd";
/// The first argument that makes this program hold watches; the socket follows.
pub const AS_WATCHER: &str = "--as-watcher";

const USERS: u32 = 50;
const OF_EACH: usize = 20;
const FIRST_UID: u32 = 47_000;
const WATCHING_USERS: u32 = 5;
const WATCHES_OF_EACH: usize = 200;
const ROUNDS: usize = 3;

/// Measures both.
pub fn measure(programs: &Binaries, report: &mut Report) {
    if !nix::unistd::geteuid().is_root() {
        println!("not measured: a crowd of {USERS} users needs root");
        return;
    }
    let uids: Vec<String> = (0..USERS).map(|user| (FIRST_UID + user).to_string()).collect();
    let mut world = World::builder()
        .programs(programs.clone())
        .local_user(&uids.join(","))
        .add_options(&["--deliver", "env"])
        .build();
    world.start();
    let stage = Stage::of(&world);
    wrappers(&world, &stage, report);
    watchers(&mut world, &stage, report);
}

fn wrappers(world: &World, stage: &Stage, report: &mut Report) {
    let _warm = stage.round(world, true);
    let (mut bare, mut all, mut last, mut unfair) =
        (Sample::default(), Sample::default(), Sample::default(), Vec::new());
    let mut retries = 0;
    for _ in 0..ROUNDS {
        bare.add(stage.round(world, false).last());
        let round = stage.round(world, true);
        last.add(round.last());
        unfair.push(round.longest_over_median());
        retries += round.retries;
        round.times.into_iter().flatten().for_each(|time| all.add(time));
    }
    report.at_most(
        "1,000 wrappers of 50 uids: the last served",
        last.quantile_ms(1.0) / 1000.0,
        5.0,
        "s",
        format!(
            "worst of {ROUNDS} rounds of {OF_EACH} by each of {USERS}; one wrapper p50 {:.0} ms, p99 {:.0} ms; {retries} told busy and tried again; as many bare spawns take {:.2} s",
            all.median_ms(),
            all.quantile_ms(0.99),
            bare.median_ms() / 1000.0,
        ),
    );
    report.at_most(
        "1,000 wrappers: the uid that waits longest",
        unfair.iter().copied().fold(0.0, f64::max),
        2.0,
        "times",
        format!("over the median uid, worst of {ROUNDS} rounds; a uid waits for the last of its {OF_EACH}"),
    );
}

fn watchers(world: &mut World, stage: &Stage, report: &mut Report) {
    let socket = world.socket();
    let start = |user: u32| {
        let mut watcher = stage.as_user(user);
        watcher.arg(AS_WATCHER).arg(&socket).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = watcher.spawn().expect("it starts");
        let mut line = String::new();
        let output = child.stdout.as_mut().expect("asked for");
        BufReader::new(output).read_line(&mut line).expect("it says so");
        assert_eq!(line.trim(), "watching");
        Ended(child)
    };
    // What fills the holes that the crowd left is not counted.
    let first = start(WATCHING_USERS);
    let before = resident_kib(world);
    let all: Vec<Ended> = (0..WATCHING_USERS).map(start).collect();
    let count = WATCHING_USERS as usize * WATCHES_OF_EACH;
    let each = (resident_kib(world) - before) / count as f64;
    drop((first, all));
    let detail = format!("VmRSS of {count} of {WATCHING_USERS} uids, divided");
    report.at_most("a watcher, of 1,000", each, 20.0, "KiB", detail);
}

/// Where other users can start the programs.
struct Stage {
    programs: PathBuf,
    folder: PathBuf,
}

/// What one round came to: for each user, what each of its wrappers took.
struct Round {
    times: Vec<Vec<Duration>>,
    retries: usize,
}

impl Stage {
    fn of(world: &World) -> Self {
        let programs = world.folder().join("programs");
        fs::create_dir(&programs).expect("a folder");
        let this = std::env::current_exe().expect("this program has a path");
        fs::copy(this, programs.join("bench")).expect("a copy");
        fs::copy(world.programs.pat_exec(), programs.join("pat-exec")).expect("a copy");
        for user in 0..USERS {
            let (home, uid) = (world.folder().join(format!("home-{user}")), FIRST_UID + user);
            fs::create_dir(&home).expect("a folder");
            chown(&home, Some(uid), Some(uid)).expect("a folder is given away");
        }
        Self { programs, folder: world.folder().to_owned() }
    }

    fn as_user(&self, user: u32) -> Command {
        let mut command = Command::new(self.programs.join("bench"));
        let uid = FIRST_UID + user;
        command.uid(uid).gid(uid).env_clear().env("PATH", "/usr/bin:/bin").current_dir("/");
        command.env("HOME", self.folder.join(format!("home-{user}")));
        command
    }

    /// All users are there, and are told to go.
    fn round(&self, world: &World, is_wrapped: bool) -> Round {
        let wrapper = self.programs.join("pat-exec");
        let wrapper: &Path = if is_wrapped { &wrapper } else { Path::new("-") };
        let start = |user| {
            let mut user = self.as_user(user);
            user.arg(AS_USER).arg(world.socket()).arg(wrapper);
            user.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts")
        };
        let mut users: Vec<Child> = (0..USERS).map(start).collect();
        users.iter_mut().for_each(ready);
        users.iter_mut().for_each(|user| drop(user.stdin.take()));
        let ends = users.into_iter().map(|user| user.wait_with_output().expect("it ends"));
        Round::of(ends.collect())
    }
}

/// A user of the crowd says that it is there by one byte.
fn ready(user: &mut Child) {
    user.stdout.as_mut().expect("asked for").read_exact(&mut [0]).expect("it is there");
}

impl Round {
    fn of(outputs: Vec<Output>) -> Self {
        let mut round = Self { times: Vec::new(), retries: 0 };
        for output in outputs {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let text = String::from_utf8(output.stdout).expect("numbers");
            let mut numbers =
                text.split_whitespace().map(|word| word.parse::<u64>().expect("a number"));
            let retries = numbers.next().expect("the retries come first");
            round.retries += usize::try_from(retries).expect("a count");
            round.times.push(numbers.map(Duration::from_nanos).collect());
        }
        round
    }

    /// When each user had all.
    fn waits(&self) -> Vec<Duration> {
        let mut waits: Vec<_> =
            self.times.iter().map(|times| *times.iter().max().expect("it had some")).collect();
        waits.sort();
        waits
    }

    fn last(&self) -> Duration {
        *self.waits().last().expect("there are users")
    }

    fn longest_over_median(&self) -> f64 {
        let waits = self.waits();
        self.last().as_secs_f64() / waits[waits.len() / 2].as_secs_f64()
    }
}

/// Ended when dropped.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// What a user of the crowd does: starts all its wrappers at one time, again those that were told to come again, and
/// prints how many these were and what each took to its secret.
pub fn run(socket: PathBuf, wrapper: PathBuf) -> ExitCode {
    let mut output = std::io::stdout();
    output.write_all(b".").and_then(|()| output.flush()).expect("somebody listens");
    let _told = std::io::stdin().read_to_end(&mut Vec::new());
    let start = Instant::now();
    let mut left: Vec<Child> = (0..OF_EACH).map(|_| wrapped(&socket, &wrapper)).collect();
    let (mut times, mut retries) = (Vec::new(), 0);
    while times.len() < OF_EACH {
        match wait().expect("there are some") {
            WaitStatus::Exited(_, 0) => times.push(start.elapsed().as_nanos().to_string()),
            WaitStatus::Exited(_, WRAPPERS_OWN) if start.elapsed() < PATIENCE => {
                retries += 1;
                left.push(wrapped(&socket, &wrapper));
            }
            other => panic!("a wrapper ended with {other:?}"),
        }
    }
    println!("{retries} {}", times.join(" "));
    ExitCode::SUCCESS
}

fn wrapped(socket: &Path, wrapper: &Path) -> Child {
    let mut command = match wrapper == Path::new("-") {
        true => Command::new(CHILD),
        false => {
            let mut command = Command::new(wrapper);
            command.arg("--socket").arg(socket);
            command.args(["-c", CONNECTION, "--deliver", "env", "--", CHILD]);
            command
        }
    };
    command.stderr(Stdio::null()).spawn().expect("it starts")
}

/// What a watcher does: takes a lease, opens its watches at the rate of one uid, and holds them until its input ends.
pub fn watch(socket: PathBuf) -> ExitCode {
    let request =
        HandOutRequest { connection: Some(CONNECTION.into()), deliver: None, replaces: None };
    let broker = Broker::connect(&socket, Server::Chosen, pat_wire::limits::CLIENT_DEADLINE);
    let handed = broker.expect("the broker answers").hand_out(&request).expect("a hand-out");
    let body = format!("{{\"lease\":\"{}\"}}", handed.terms.lease);
    let open = |number: usize| {
        if number % 40 == 39 {
            std::thread::park_timeout(Duration::from_secs(1));
        }
        let mut stream = UnixStream::connect(&socket).expect("the socket answers");
        write!(
            stream,
            "POST /v1/watch HTTP/1.1\r\nHost: patd\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .expect("the watch is sent");
        stream
    };
    let watches: Vec<UnixStream> = (0..WATCHES_OF_EACH).map(open).collect();
    // Connections are taken in order: when this one is answered, all of those were taken.
    let broker = Broker::connect(&socket, Server::Chosen, pat_wire::limits::CLIENT_DEADLINE);
    let _taken = broker.expect("the broker answers").hand_out(&request);
    println!("watching");
    let _ended = std::io::stdin().read_to_end(&mut Vec::new());
    drop(watches);
    ExitCode::SUCCESS
}

const CHILD: &str = "/bin/true";
/// How pat-exec ends when it could not start the command.
const WRAPPERS_OWN: i32 = 125;
const PATIENCE: Duration = Duration::from_secs(60);
