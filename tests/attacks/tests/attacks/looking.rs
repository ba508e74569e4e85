//! Looking into processes and files: the daemon, the wrapper while it holds the gate, its helper, the command it
//! became; by their own uid and by another (SECURITY.md: what it does not protect).

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use attacks::{Attempt, BROKER, CONNECTION, Ground, OTHER, OWNER, Table, as_uid, program};
use nix::sys::signal::Signal;
use world::eventually;

pub(crate) fn try_all(ground: &mut Ground, table: &mut Table) {
    let daemon = u32::try_from(ground.world.daemon().pid()).expect("a pid");
    rows(table, "the daemon", daemon, BROKER);
    let (mut wrapper, pid) = wrapper_that_waits(ground);
    rows(table, "the installed wrapper", pid, OWNER);
    ground.world.daemon().signal(Signal::SIGCONT);
    wrapper.wait().expect("it ends");
    let command = Running::start(ground, "home");
    rows(table, "the wrapper's helper", command.helper(), OWNER);
    of_the_command(ground, table, &command);
    drop(command);
    let by_env = Running::start(ground, "env");
    of_the_environment(ground, table, &by_env);
    drop(by_env);
    files(ground, table);
}

/// One row for each way to look: by the process's own uid and by another; a process that is not shut off is the control.
fn rows(table: &mut Table, whom: &str, pid: u32, own: u32) {
    let (by_own, by_other) = (looked(own, pid), looked(OTHER, pid));
    let mut victim = as_uid(own, program("pry"))
        .arg("victim")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    BufReader::new(victim.stdout.take().expect("asked"))
        .read_line(&mut String::new())
        .expect("it is ready");
    let of_victim = looked(own, victim.id());
    let _ = victim.kill();
    victim.wait().expect("it ends");
    for way in WAYS {
        let said = [("its own uid", &by_own[way]), ("another uid", &by_other[way])];
        let is_reached = said.iter().any(|(_, said)| *said == REACHED);
        let got = said.map(|(who, said)| format!("{said} by {who}")).join(", ");
        let control = &of_victim[way];
        table.defended(
            &format!("{way} on {whom}"),
            Attempt::new(is_reached, got),
            Attempt::new(
                control == REACHED,
                format!("{control} on a process that is not shut off"),
            ),
        );
    }
}

/// What a uid gets by each way.
fn looked(uid: u32, pid: u32) -> BTreeMap<String, String> {
    let output =
        as_uid(uid, program("pry")).args(["look", &pid.to_string()]).output().expect("it starts");
    let text = String::from_utf8(output.stdout).expect("text");
    let ways = text.lines().filter_map(|line| line.split_once(' '));
    ways.map(|(way, said)| (way.to_owned(), said.to_owned())).collect()
}

/// The daemon is stopped, so that the wrapper waits for its answer.
fn wrapper_that_waits(ground: &mut Ground) -> (Child, u32) {
    ground.world.daemon().signal(Signal::SIGSTOP);
    let line = ground.wrapper(CONNECTION[1]);
    let mut wrapper = as_uid(OWNER, &line[0]);
    let wrapper = wrapper.args(&line[1..]).stdout(Stdio::null()).spawn().expect("it starts");
    let pid = wrapper.id();
    eventually("the wrapper is connected", || {
        let open = fs::read_dir(format!("/proc/{pid}/fd")).ok()?.flatten();
        let mut kinds = open.filter_map(|entry| fs::read_link(entry.path()).ok());
        kinds.any(|kind| kind.to_string_lossy().starts_with("socket:")).then_some(())
    });
    (wrapper, pid)
}

/// A command under the installed wrapper, until it is dropped.
struct Running {
    child: Child,
    home: PathBuf,
}

impl Running {
    fn start(ground: &Ground, deliver: &str) -> Self {
        let wrapper = ground.wrapper(CONNECTION[0]);
        let mut command = as_uid(OWNER, &wrapper[0]);
        command.args(["-c", CONNECTION[0], "--deliver", deliver, "--", "/bin/sh", "-c"]);
        command
            .arg("echo \"$SNOWFLAKE_HOME\"; read _")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let mut home = String::new();
        let output = child.stdout.take().expect("asked");
        BufReader::new(output).read_line(&mut home).expect("it says where");
        Self { child, home: home.trim().into() }
    }

    fn helper(&self) -> u32 {
        eventually("the helper is there", || {
            let mut processes = fs::read_dir("/proc").ok()?.flatten();
            processes.find_map(|process| {
                let pid = process.file_name().to_str()?.parse().ok()?;
                let cmdline = fs::read(process.path().join("cmdline")).ok()?;
                let home = self.home.parent()?.to_str()?;
                (pid != self.child.id() && String::from_utf8_lossy(&cmdline).contains(home))
                    .then_some(pid)
            })
        })
    }

    fn secret_file(&self) -> PathBuf {
        self.home.join("connections.toml")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

fn of_the_command(ground: &Ground, table: &mut Table, command: &Running) {
    let read = |uid| cat(ground, uid, &command.secret_file());
    table.defended(
        "another uid reads the private home of a running command",
        read(OTHER),
        read(OWNER),
    );
    table.not_defended(
        "a program of the same uid reads the private home of a running command",
        read(OWNER),
        read(OTHER),
    );
    let again = |uid| ground.try_as(uid, &[], &ground.wrapper(CONNECTION[0]));
    table.not_defended(
        "a program of the same uid starts the wrapper itself",
        again(OWNER),
        again(OTHER),
    );
}

fn of_the_environment(ground: &Ground, table: &mut Table, command: &Running) {
    let environ = PathBuf::from(format!("/proc/{}/environ", command.child.id()));
    let read = |uid| cat(ground, uid, &environ);
    table.defended(
        "another uid reads the environment of a running command (env)",
        read(OTHER),
        read(OWNER),
    );
    table.not_defended(
        "a program of the same uid reads the environment of a running command (env)",
        read(OWNER),
        read(OTHER),
    );
}

fn files(ground: &mut Ground, table: &mut Table) {
    let state = ground.world.state();
    let kept = [
        ("the root key", ground.world.keys().join("root-key")),
        ("the admin key", ground.world.keys().join("admin-key.pem")),
        ("the store", state.join("meta.sealed")),
        ("the audit log", state.join("audit/audit.jsonl")),
    ];
    for (what, path) in kept {
        table.defended(
            &format!("another uid reads {what}"),
            readable(OTHER, &path),
            readable(BROKER, &path),
        );
    }
    let key = ground.world.keys().join("root-key");
    table.not_defended(
        "a program of the daemon's own uid reads its key file",
        readable(BROKER, &key),
        readable(OTHER, &key),
    );
    let pid = ground.world.daemon().pid();
    let reached = |uid: u32| {
        let way = looked(uid, u32::try_from(pid).expect("a pid"));
        Attempt::new(way["mem"] == REACHED, format!("memory: {}", way["mem"]))
    };
    table.not_defended("root reads the daemon's memory", reached(0), reached(BROKER));
}

fn cat(ground: &Ground, uid: u32, path: &Path) -> Attempt {
    ground.seen(as_uid(uid, "/bin/cat").arg(path))
}

/// What is sealed has no secret to recognise: being read is the aim.
fn readable(uid: u32, path: &Path) -> Attempt {
    let mut command: Command = as_uid(uid, "/bin/cat");
    let output = command.arg(path).output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.trim().rsplit(": ").next().unwrap_or_default().to_owned();
    Attempt::new(
        output.status.success(),
        if output.status.success() { "read".to_owned() } else { said },
    )
}

const REACHED: &str = "reached";
const WAYS: [&str; 7] =
    ["ptrace", "mem", "maps", "environ", "fd", "process_vm_readv", "pidfd_getfd"];
