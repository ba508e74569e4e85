//! What the wrapper adds to a bare spawn of the same child, at the median: bare, `env` and `home` in turn.

use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use world::{Binaries, CONNECTION, World, eventually};

use crate::pace::Pace;
use crate::report::Report;
use crate::sample::Sample;

const ROUNDS: usize = 300;
const CHILD: &str = "/bin/true";

/// Measures both deliveries, and the size of the wrapper.
pub fn measure(programs: &Binaries, report: &mut Report) {
    let mut world =
        World::builder().programs(programs.clone()).add_options(&["--deliver", "home,env"]).build();
    world.start();
    let (mut bare, mut env, mut home) = (Runs::default(), Runs::default(), Runs::default());
    // A hand-out each, and the helper's watch.
    let mut pace = Pace::of(3);
    for round in 0..ROUNDS + 20 {
        pace.wait();
        let mut spawn = Command::new(CHILD);
        let mut by_env = wrapped(&world, "env");
        let mut by_home = wrapped(&world, "home");
        if round < 20 {
            for command in [&mut spawn, &mut by_env, &mut by_home] {
                run(command);
            }
        } else {
            bare.add(&mut spawn);
            env.add(&mut by_env);
            home.add(&mut by_home);
        }
        eventually("the private home is gone", || (homes(&world) == 0).then_some(()));
    }
    for (name, runs, bound) in [("env", &env, 0.6), ("home", &home, 1.0)] {
        let (wrapped, bare_ms) = (runs.wall.median_ms(), bare.wall.median_ms());
        report.at_most(
            &format!("wrapper over a bare spawn, {name}"),
            wrapped - bare_ms,
            bound,
            "ms",
            format!(
                "medians of {}: bare {bare_ms:.2}, {name} {wrapped:.2}: {:.1} times; {:.2} more of CPU time",
                runs.wall.count(),
                wrapped / bare_ms,
                runs.cpu.median_ms() - bare.cpu.median_ms(),
            ),
        );
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

/// What runs of one kind took: by the clock, and of the cores by the process itself.
#[derive(Default)]
struct Runs {
    wall: Sample,
    cpu: Sample,
}

impl Runs {
    fn add(&mut self, command: &mut Command) {
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

fn wrapped(world: &World, delivery: &str) -> Command {
    let mut command = world.pat_exec(["-c", CONNECTION, "--deliver", delivery, CHILD]);
    command.env("XDG_RUNTIME_DIR", world.folder());
    command
}

fn run(command: &mut Command) {
    let status = command.stdin(Stdio::null()).status().expect("the child starts");
    assert!(status.success(), "{command:?}: {status}");
}

/// Private homes of this process's uid that are still there.
fn homes(world: &World) -> usize {
    let _ = world;
    let prefix = format!("pat-exec-{}", nix::unistd::getuid());
    let entries = std::fs::read_dir("/dev/shm").expect("/dev/shm can be read");
    entries
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(&prefix))
        .count()
}
