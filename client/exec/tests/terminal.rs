//! On a real terminal, below a shell with job control: the wrapper is not noticed, whatever the keys.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test's world that cannot be built fails the test"
)]

mod world;

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, Weak};

use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::{grantpt, posix_openpt, ptsname_r, unlockpt};
use nix::sys::stat::Mode;
use world::{World, eventually, helpers};

#[test]
fn control_c_ends_the_command_and_leaves_nothing_behind() {
    let world = World::new();
    let mut shell = Shell::start(&world);

    // exec: a shell that has just forked does not pass on what arrives before its child has become `sleep`.
    shell.type_line("pat-exec sh -c 'echo st\"\"arted; exec sleep 1000'");
    shell.wait_for("started");
    assert_eq!(world.homes().len(), 1);
    shell.type_key(CONTROL_C);
    shell.type_line("echo code=$?");

    shell.wait_for("code=130");
    nothing_is_left(&world);
}

#[test]
fn a_command_that_handles_control_c_gets_each_one_once() {
    let world = World::new();
    let mut shell = Shell::start(&world);

    shell.type_line(
        "pat-exec bash -c 'trap \"echo caught-\\$((++n))-\" INT; echo st\"\"arted; \
         while [ \"$n\" != 2 ]; do sleep 0.05; done; exit 9'",
    );
    shell.wait_for("started");
    shell.type_key(CONTROL_C);
    shell.wait_for("caught-1-");
    shell.type_key(CONTROL_C);
    shell.wait_for("caught-2-");
    shell.type_line("echo code=$?");

    shell.wait_for("code=9");
    assert!(!shell.shown().contains("caught-3-"));
    nothing_is_left(&world);
}

#[test]
fn control_z_and_fg_work_as_without_the_wrapper() {
    let world = World::new();
    let mut shell = Shell::start(&world);

    shell.type_line("pat-exec sh -c 'echo st\"\"arted; read line; echo again-$line'");
    shell.wait_for("started");
    shell.type_key(CONTROL_Z);
    shell.wait_for("Stopped");
    shell.type_line("jobs | wc -l | sed s/^/jobs=/");
    shell.wait_for("jobs=1");
    assert_eq!(world.homes().len(), 1, "a stopped command keeps its home");
    world.broker.rotate("simpat_generation_2");
    eventually("a stopped command's home is kept fresh", || {
        let text = std::fs::read_to_string(world.home().join("connections.toml"));
        text.unwrap().contains("simpat_generation_2")
    });

    shell.type_line("fg");
    shell.type_line("typed");

    shell.wait_for("again-typed");
    nothing_is_left(&world);
}

#[test]
fn kill_9_of_the_command_leaves_nothing_behind() {
    let world = World::new();
    let mut shell = Shell::start(&world);

    shell.type_line("pat-exec sh -c 'echo st\"\"arted; exec sleep 1000' &");
    shell.wait_for("started");
    shell.type_line("kill -9 %1; wait %1; echo code=$?");

    shell.wait_for("code=137");
    nothing_is_left(&world);
}

#[test]
fn a_terminal_that_closes_takes_the_home_with_it() {
    let world = World::new();
    let mut shell = Shell::start(&world);
    shell.type_line("pat-exec sh -c 'echo st\"\"arted; exec sleep 1000'");
    shell.wait_for("started");

    drop(shell);

    nothing_is_left(&world);
}

#[test]
fn control_c_in_any_moment_of_the_start_leaves_nothing_behind() {
    let world = World::new();
    let socket = world.broker.socket.to_str().unwrap().to_owned();
    // No shell: an interactive one has moments of its own in which it loses the key.
    let command = [env!("CARGO_BIN_EXE_pat-exec"), "--socket", &socket, "sleep", "1000"];

    for round in 0..60 {
        let mut running = Shell::run(&world, &command);
        // From before the terminal is its own to after the command runs.
        pause(round / 5);
        eventually("the command has ended", || {
            let has_ended = running.process.try_wait().unwrap().is_some();
            if !has_ended {
                running.type_key(CONTROL_C);
                pause(2);
            }
            has_ended
        });
    }

    nothing_is_left(&world);
}

/// An interactive shell, or another program, on a terminal of its own.
struct Shell {
    process: Child,
    terminal: Option<Arc<File>>,
    shown: Arc<Mutex<String>>,
}

impl Shell {
    fn start(world: &World) -> Self {
        let mut shell = Self::run(world, &["bash", "--norc", "--noprofile", "-i"]);
        shell.type_line(&format!(
            "pat-exec() {{ {} --socket {} \"$@\"; }}; echo up\"\".",
            env!("CARGO_BIN_EXE_pat-exec"),
            world.broker.socket.display()
        ));
        shell.wait_for("up.");
        shell
    }

    fn run(world: &World, command: &[&str]) -> Self {
        // openpty() would leave the terminal open in every process that is started meanwhile.
        let flags = OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
        let terminal = posix_openpt(flags).unwrap();
        grantpt(&terminal).unwrap();
        unlockpt(&terminal).unwrap();
        let name = ptsname_r(&terminal).unwrap();
        let open = || nix::fcntl::open(name.as_str(), flags, Mode::empty()).unwrap();
        let [input, output, errors] = [(); 3].map(|()| Stdio::from(open()));
        // Whoever runs the tests in the background ignores SIGINT, and that would be inherited.
        let process = Command::new("env")
            .args(["--default-signal", "setsid", "--ctty", "--wait"])
            .args(command)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", world.user())
            .env("XDG_RUNTIME_DIR", world.runtime())
            .env("PS1", "$ ")
            .stdin(input)
            .stdout(output)
            .stderr(errors)
            .spawn()
            .unwrap();
        let shown = Arc::new(Mutex::new(String::new()));
        let terminal = Arc::new(File::from(OwnedFd::from(terminal)));
        let (reader, seen) = (Arc::downgrade(&terminal), Arc::clone(&shown));
        std::thread::spawn(move || while read_once(&reader, &seen).is_some() {});
        Self { process, terminal: Some(terminal), shown }
    }

    fn type_line(&mut self, line: &str) {
        self.write(format!("{line}\n").as_bytes());
    }

    fn type_key(&mut self, key: u8) {
        self.write(&[key]);
    }

    fn write(&self, bytes: &[u8]) {
        self.terminal.as_deref().unwrap().write_all(bytes).unwrap();
    }

    fn shown(&self) -> String {
        self.shown.lock().unwrap().clone()
    }

    fn wait_for(&self, text: &str) {
        let shown = Arc::clone(&self.shown);
        eventually(&format!("the terminal shows {text:?}"), move || {
            shown.lock().unwrap().contains(text)
        });
    }
}

impl Drop for Shell {
    /// The terminal closes, and the kernel hangs up.
    fn drop(&mut self) {
        drop(self.terminal.take());
        let _ = self.process.wait();
    }
}

/// Returns none when the terminal is closed from either side. Holds it only for a moment.
fn read_once(terminal: &Weak<File>, seen: &Mutex<String>) -> Option<()> {
    let terminal = terminal.upgrade()?;
    let mut fds = [PollFd::new(terminal.as_fd(), PollFlags::POLLIN)];
    if poll(&mut fds, PollTimeout::from(20u8)).unwrap() == 0 {
        return Some(());
    }
    let mut chunk = [0; 4096];
    let read = terminal.as_ref().read(&mut chunk).ok().filter(|read| *read > 0)?;
    seen.lock().unwrap().push_str(&String::from_utf8_lossy(&chunk[..read]));
    Some(())
}

fn pause(milliseconds: u8) {
    poll(&mut [], PollTimeout::from(milliseconds)).unwrap();
}

fn nothing_is_left(world: &World) {
    world.cleaned_up();
    eventually("no helper is left", || helpers(world.runtime()).is_empty());
}

const CONTROL_C: u8 = 3;
const CONTROL_Z: u8 = 26;
