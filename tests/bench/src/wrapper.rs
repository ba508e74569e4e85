//! What the wrapper adds to a bare spawn of the same child, at the median: bare, `env` and `home` in turn.

use std::process::{Command, Stdio};

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
    let (mut bare, mut env, mut home) = (Sample::default(), Sample::default(), Sample::default());
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
            bare.time(|| run(&mut spawn));
            env.time(|| run(&mut by_env));
            home.time(|| run(&mut by_home));
        }
        eventually("the private home is gone", || (homes(&world) == 0).then_some(()));
    }
    for (name, sample, bound) in [("env", &env, 0.6), ("home", &home, 1.0)] {
        report.at_most(
            &format!("wrapper over a bare spawn, {name}"),
            sample.median_ms() - bare.median_ms(),
            bound,
            "ms",
            format!(
                "medians of {}: bare {:.2}, {name} {:.2}",
                sample.count(),
                bare.median_ms(),
                sample.median_ms()
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
