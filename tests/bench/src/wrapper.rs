//! What the wrapper adds to a bare spawn of the same child, at the median: bare, `env` and `home` in turn. Ungated as
//! this user, and gated as an ordinary user of an installed one, in a process and namespaces of its own.

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use attacks::{Ground, Inside, OWNER, as_uid, program};
use nix::sys::resource::{UsageWho, getrusage};
use world::{Binaries, CONNECTION, World, eventually};

use crate::pace::Pace;
use crate::report::Report;
use crate::sample::Sample;

/// The first argument that makes this program measure the gated wrapper.
pub const AS_GATED: &str = "--as-gated";

const ROUNDS: usize = 300;
const CHILD: &str = "/bin/true";
/// Milliseconds that each delivery may add.
const DELIVERIES: [(&str, f64); 2] = [("env", 0.6), ("home", 1.0)];

/// Measures both deliveries, both ways, and the size of the wrapper.
pub fn measure(programs: &Binaries, report: &mut Report) {
    for compared in ungated(programs) {
        compared.report("wrapper", report);
    }
    for compared in gated(programs) {
        compared.report("gated wrapper", report);
    }
    let size = std::fs::metadata(programs.pat_exec()).expect("the wrapper is there").len();
    report.at_most(
        "pat-exec, static and stripped",
        size as f64 / 1000.0,
        700.0,
        "KB",
        String::new(),
    );
}

/// What a delivery took, in milliseconds at the median.
#[derive(Debug, PartialEq)]
struct Compared {
    delivery: usize,
    bare: f64,
    wrapped: f64,
    more_cpu: f64,
}

impl Compared {
    fn report(&self, what: &str, report: &mut Report) {
        let Self { delivery, bare, wrapped, more_cpu } = *self;
        let (name, bound) = DELIVERIES[delivery];
        report.at_most(
            &format!("{what} over a bare spawn, {name}"),
            wrapped - bare,
            bound,
            "ms",
            format!(
                "medians of {ROUNDS}: bare {bare:.2}, {name} {wrapped:.2}: {:.1} times; {more_cpu:.2} more of CPU time",
                wrapped / bare,
            ),
        );
    }

    fn to_line(&self) -> String {
        format!("{} {} {} {}", self.delivery, self.bare, self.wrapped, self.more_cpu)
    }

    fn of_line(line: &str) -> Self {
        let mut numbers = line.split(' ').map(|number| number.parse().expect("a number"));
        let mut next = || -> f64 { numbers.next().expect("four numbers") };
        Self { delivery: next() as usize, bare: next(), wrapped: next(), more_cpu: next() }
    }
}

fn ungated(programs: &Binaries) -> Vec<Compared> {
    let mut world =
        World::builder().programs(programs.clone()).add_options(&["--deliver", "home,env"]).build();
    world.start();
    let wrapped = |delivery: &str| {
        let mut command = world.pat_exec(["-c", CONNECTION, "--deliver", delivery, CHILD]);
        command.env("XDG_RUNTIME_DIR", world.folder());
        command
    };
    let uid = nix::unistd::getuid().as_raw();
    compare(|| Command::new(CHILD), wrapped, || homes(Path::new("/dev/shm"), uid))
}

/// Runs this program once more, in namespaces of its own; nothing without root.
fn gated(programs: &Binaries) -> Vec<Compared> {
    let this = std::env::current_exe().expect("this program has a path");
    let folder = programs.pat_exec().with_file_name("");
    let mut again = Command::new(this);
    again
        .arg(AS_GATED)
        .env("PAT_BROKER_BIN", folder)
        .env("PAT_BROKER_WRAPPER", programs.pat_exec());
    let output = again.stderr(Stdio::inherit()).output().expect("it starts");
    assert!(output.status.success(), "{}", output.status);
    let said = String::from_utf8(output.stdout).expect("text");
    said.lines().filter_map(|line| line.strip_prefix(RESULT)).map(Compared::of_line).collect()
}

/// What that process does.
pub fn run_gated() -> ExitCode {
    match attacks::enter() {
        Ok(inside) => installed(&inside),
        Err(over) => over,
    }
}

fn installed(inside: &Inside) -> ExitCode {
    let _ground = Ground::new(inside);
    let wrapped = |delivery: &str| {
        let mut command = as_uid(OWNER, program("pat-exec"));
        command.args(["-c", CONNECTION, "--deliver", delivery, CHILD]);
        command
    };
    let place = format!("/run/user/{OWNER}");
    let all = compare(|| as_uid(OWNER, CHILD), wrapped, || homes(Path::new(&place), OWNER));
    for compared in all {
        println!("{RESULT}{}", compared.to_line());
    }
    ExitCode::SUCCESS
}

fn compare(
    bare: impl Fn() -> Command,
    wrapped: impl Fn(&str) -> Command,
    homes: impl Fn() -> usize,
) -> Vec<Compared> {
    let mut alone = Runs::default();
    let mut each = DELIVERIES.map(|(name, _)| (name, Runs::default()));
    // A hand-out each, and the helper's watch.
    let mut pace = Pace::of(3);
    for round in 0..ROUNDS + 20 {
        pace.wait();
        let is_warm = round >= 20;
        alone.add(&mut bare(), is_warm);
        for (delivery, runs) in &mut each {
            runs.add(&mut wrapped(delivery), is_warm);
        }
        eventually("the private home is gone", || (homes() == 0).then_some(()));
    }
    let compared = |(delivery, (_, runs)): (usize, &(&str, Runs))| Compared {
        delivery,
        bare: alone.wall.median_ms(),
        wrapped: runs.wall.median_ms(),
        more_cpu: runs.cpu.median_ms() - alone.cpu.median_ms(),
    };
    each.iter().enumerate().map(compared).collect()
}

/// What runs of one kind took: by the clock, and of the cores by the process itself.
#[derive(Default)]
struct Runs {
    wall: Sample,
    cpu: Sample,
}

impl Runs {
    fn add(&mut self, command: &mut Command, is_counted: bool) {
        if !is_counted {
            return run(command);
        }
        let before = cpu_of_children();
        self.wall.time(|| run(command));
        self.cpu.add(cpu_of_children().saturating_sub(before));
    }
}

/// Of those that ended and were waited for.
fn cpu_of_children() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("the kernel counts");
    let micros = [usage.user_time(), usage.system_time()]
        .map(|time| time.tv_sec() * 1_000_000 + time.tv_usec());
    Duration::from_micros(micros.iter().sum::<i64>().try_into().expect("time passed"))
}

fn run(command: &mut Command) {
    let status = command.stdin(Stdio::null()).status().expect("the child starts");
    assert!(status.success(), "{command:?}: {status}");
}

/// Private homes of a user that are still there.
fn homes(place: &Path, uid: u32) -> usize {
    let prefix = format!("pat-exec-{uid}");
    let entries = std::fs::read_dir(place).expect("the place can be read");
    entries
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(&prefix))
        .count()
}

/// How the lines of the process inside start: whoever else writes there is not listened to.
const RESULT: &str = "gated: ";
