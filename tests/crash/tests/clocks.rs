//! The wall clock of the real daemon, moved by libfaketime; the clock since boot goes on as it is. A valid secret is
//! handed out whatever the wall says, nothing is rotated for it, and what Snowflake's own clock says counts.
//!
//! A suspend moves the clock since boot as well, which no library can: that is in `daemon/tests/house/suspending.rs`,
//! by the injected clock.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crash::{is_long, log_in};
use e2e::{added, append_to_entry, live, removed};
use jiff::Timestamp;
use nix::sys::signal::Signal;
use serde_json::Value;
use world::{CONNECTION, World, eventually};

/// A world whose daemon is told the time by a file.
struct Clocked {
    world: World,
    clock: PathBuf,
    library: PathBuf,
    started: Vec<i32>,
}

/// The library leaves something in shared memory behind for each process that was killed.
impl Drop for Clocked {
    fn drop(&mut self) {
        self.world.kill();
        for pid in &self.started {
            for name in [format!("faketime_shm_{pid}"), format!("sem.faketime_sem_{pid}")] {
                let _ = std::fs::remove_file(Path::new("/dev/shm").join(name));
            }
        }
    }
}

impl Clocked {
    /// Returns one whose daemon has not been started, or says on behalf of the tests why there is none.
    fn new() -> Option<Self> {
        let Some(library) = library() else {
            world::skip("clock", "libfaketime is not installed, and installing it needs root");
            return None;
        };
        let world = World::new();
        append_to_entry(&world, CONNECTION, "[token]\ndrain_min_seconds = 1");
        let clock = world.folder().join("clock");
        Some(Self { world, clock, library, started: Vec::new() })
    }

    /// One that has served, and was stopped. Returns the token too.
    fn that_served() -> Option<(Self, u64)> {
        let mut clocked = Self::new()?;
        clocked.world.start();
        let token = clocked.log_in();
        clocked.world.stop();
        Some((clocked, token))
    }

    /// Starts the daemon at this distance from the true time: `+10y`, `-3h`, or seconds.
    fn start(&mut self, wall: &str) {
        self.start_in("UTC", wall);
    }

    fn start_in(&mut self, zone: &str, wall: &str) {
        self.set(wall);
        let program = self.world.programs.patd();
        let text = |path: &Path| path.to_str().expect("a path is text").to_owned();
        let (library, clock) = (text(&self.library), text(&self.clock));
        let variables = [
            ("LD_PRELOAD", library.as_str()),
            ("FAKETIME_TIMESTAMP_FILE", &clock),
            ("FAKETIME_NO_CACHE", "1"),
            ("DONT_FAKE_MONOTONIC", "1"),
            ("NO_FAKE_STAT", "1"),
            ("TZ", zone),
        ];
        self.started.push(self.world.spawn_program(&program, &variables).pid());
        self.world.wait_until_ready();
    }

    /// Sets the wall clock, as somebody with `date -s` would, and lets the daemon look.
    fn set_and_look(&mut self, wall: &str) {
        self.set(wall);
        self.world.daemon().signal(Signal::SIGHUP);
    }

    fn set(&self, wall: &str) {
        let next = self.clock.with_extension("next");
        std::fs::write(&next, format!("{wall}\n")).expect("a file");
        std::fs::rename(&next, &self.clock).expect("a rename");
    }

    fn log_in(&self) -> u64 {
        log_in(&self.world, client())
            .unwrap_or_else(|said| panic!("{said}\n{}", self.world.status()))
    }

    fn slot(&self) -> Value {
        self.world.status()["slots"][0].clone()
    }

    /// When the daemon's last record was written, by its own wall clock.
    fn last_record(&self) -> i64 {
        let log =
            std::fs::read_to_string(self.world.state().join("audit/audit.jsonl")).expect("a log");
        // What follows the last line's end is being written right now.
        let whole = log.rsplit_once('\n').expect("a record").0;
        let last = whole.lines().last().expect("a record");
        let record: Value = serde_json::from_str(last).expect("JSON");
        let at: Timestamp = record["at"].as_str().expect("a text").parse().expect("a time");
        at.as_second()
    }

    fn demand_nothing_was_rotated(&self, token: u64) {
        assert_eq!(self.log_in(), token);
        assert_eq!((added(&self.world.sim), removed(&self.world.sim)), (1, 0));
        assert_eq!(self.slot()["generation"], 1);
    }
}

#[test]
fn a_wall_clock_that_is_years_off_at_a_start_rotates_nothing() {
    for wall in ["+10y", "-10y"] {
        let Some((mut clocked, token)) = Clocked::that_served() else { return };

        clocked.start(wall);

        clocked.demand_nothing_was_rotated(token);
        let off = (clocked.last_record() - now()).abs();
        assert!(off > 9 * 365 * DAY, "the wall clock was not moved: {off} s");
        let due_in = clocked.slot()["due_at"].as_i64().expect("a time") - now();
        assert!((0..7 * DAY).contains(&due_in), "{wall}: due in {due_in} s");
    }
}

#[test]
fn a_wall_clock_that_is_years_off_refuses_nobody_while_snowflake_is_down() {
    for wall in ["+10y", "-10y"] {
        let Some((mut clocked, token)) = Clocked::that_served() else { return };
        clocked.world.sim.stop_answering().expect("it stops");

        clocked.start(wall);
        let start = Instant::now();
        let mut wrapper = clocked.world.pat_exec(["-c", CONNECTION, "--", "/bin/true"]);
        let handed = wrapper.output().expect("pat-exec starts");

        assert!(handed.status.success(), "{wall}: {}", e2e::said(&handed));
        println!("{wall}, Snowflake down: a secret after {:?}", start.elapsed());
        clocked.world.sim.resume_answering().expect("it resumes");
        clocked.demand_nothing_was_rotated(token);
    }
}

#[test]
fn a_wall_clock_that_is_set_while_the_daemon_runs_rotates_nothing_and_hinders_no_rotation() {
    let Some(mut clocked) = Clocked::new() else { return };
    clocked.start("+0");
    let mut token = clocked.log_in();

    for (count, wall) in ["+3y", "-3y", "+0", "-3h", "+3h"].into_iter().enumerate() {
        clocked.set_and_look(wall);
        assert_eq!(clocked.log_in(), token, "{wall}");
        assert_eq!(added(&clocked.world.sim), count + 1, "{wall}: nobody asked for another");

        clocked.world.patctl_ok(&["rotate", CONNECTION]);
        let next = clocked.log_in();
        assert_ne!(next, token, "{wall}");
        let due_in = clocked.slot()["due_at"].as_i64().expect("a time") - now();
        assert!((2 * DAY..5 * DAY).contains(&due_in), "{wall}: due in {due_in} s by the true time");
        eventually("the old token is gone", || (live(&clocked.world.sim).len() == 1).then_some(()));
        token = next;
    }
}

#[test]
fn the_hour_that_is_left_out_or_comes_twice_is_no_event() {
    // 01:00 UTC is when the clocks of Berlin jump, in spring and in autumn 2027; the daemon lives through it.
    for jump in [1_806_195_600, 1_824_944_400] {
        let Some((mut clocked, token)) = Clocked::that_served() else { return };
        let due = clocked.due_of_the_host();
        clocked.start_in("Europe/Berlin", &format!("{:+}", jump - 3 - now()));

        eventually("the daemon is past the jump", || {
            assert_eq!(clocked.log_in(), token);
            (clocked.last_record() > jump + 1).then_some(())
        });

        clocked.demand_nothing_was_rotated(token);
        assert_eq!(clocked.slot()["due_at"].as_i64(), due);
        let log = clocked.world.daemon().log_text();
        assert!(!log.contains("Wall clock was set"), "{log}");
    }
}

#[test]
fn a_thousand_restarts_under_whatever_wall_clock_cause_no_rotation() {
    let Some((mut clocked, token)) = Clocked::that_served() else { return };
    let due = clocked.due_of_the_host();
    let restarts = if is_long() { 1_000 } else { 30 };

    for (wall, number) in
        ["+0", "+10y", "-10y", "+400d", "-1h"].into_iter().cycle().zip(0..restarts)
    {
        clocked.start(wall);
        if number % 3 == 0 {
            assert_eq!(clocked.log_in(), token, "restart {number} at {wall}");
        }
        match number % 2 {
            0 => drop(clocked.world.stop()),
            _ => clocked.world.kill(),
        }
    }

    clocked.start("+0");
    clocked.demand_nothing_was_rotated(token);
    assert_eq!(clocked.slot()["due_at"].as_i64(), due);
    println!("{restarts} restarts{}", if is_long() { "" } else { ", a sample" });
}

#[test]
fn a_secret_that_expired_while_the_machine_was_off_is_waited_for() {
    let Some((mut clocked, expired)) = Clocked::that_served() else { return };
    clocked.world.sim.advance(Duration::from_secs(8 * 86_400));

    clocked.start("+8d");
    let start = Instant::now();
    let fresh = clocked.log_in();

    println!("a fresh secret after {:?}", start.elapsed());
    assert_ne!(fresh, expired);
    assert_eq!(added(&clocked.world.sim), 2, "one is made, however long it was off");
}

#[test]
fn a_host_whose_clock_is_wrong_learns_snowflakes_from_its_answers() {
    for wall in ["+3h", "-3h", "+10y", "-10y"] {
        let Some(mut clocked) = Clocked::new() else { return };

        clocked.start(wall);
        clocked.log_in();

        let log = clocked.world.daemon().log_text();
        assert!(log.contains("The clock of this host differs from Snowflake's"), "{wall}: {log}");
        let expires_in = clocked.slot()["expires_at"].as_i64().expect("a time") - now();
        assert!((6 * DAY..=7 * DAY).contains(&expires_in), "{wall}: expires in {expires_in} s");
    }
}

impl Clocked {
    /// When the rotation is due, as it was told by a daemon that had the true time.
    fn due_of_the_host(&mut self) -> Option<i64> {
        self.world.start();
        let due = self.slot()["due_at"].as_i64();
        self.world.stop();
        assert!(due.is_some());
        due
    }
}

fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i64::try_from(since.expect("after 1970").as_secs()).expect("a time")
}

/// Returns the library for programs with threads, where the distribution has it.
fn library() -> Option<PathBuf> {
    let places = std::fs::read_dir("/usr/lib").ok()?;
    let in_place = places.filter_map(|place| Some(place.ok()?.path().join("faketime")));
    let others = ["/usr/lib/faketime", "/usr/lib64/faketime"].map(PathBuf::from);
    let mut found = in_place.chain(others).map(|folder| folder.join("libfaketimeMT.so.1"));
    found.find(|path| path.exists())
}

fn client() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_crash-client"))
}

const DAY: i64 = 86_400;
