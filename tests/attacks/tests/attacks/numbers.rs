//! A number for two: the process that connected ends, and its number goes to one that may have the secret
//! (SECURITY.md: peer identity).

use std::fs;
use std::io::{Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use attacks::{
    Attempt, CONNECTION, GROUP, Ground, MEMBER, SOCKET, Table, as_uid, body, in_group, program,
};

/// The process that connected ends, and its number is used again by one that may have the secret.
pub(crate) fn try_all(ground: &mut Ground, table: &mut Table) {
    let Some(range) = Range::narrow() else {
        return world::skip("attacks", "process ids cannot be made to run out on this kernel");
    };
    beyond_those_used_once();
    let asked = body(CONNECTION[2]);
    let mut knock = as_uid(MEMBER, program("knock"));
    knock.args(["fork", SOCKET, &asked, "wait"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut attacker = knock.spawn().expect("it starts");
    let tell = attacker.stdin.take().expect("asked for");
    let hear = attacker.stdout.take().expect("asked for");
    let number = attacker.id();
    attacker.wait().expect("it ends");
    range.come_near(number);
    let (forks, victim) = storm(number, 5_000);
    let reply = told_to_ask(tell, hear);
    let found = victim.as_ref().map_or("nobody".to_owned(), |_| groups_of(number));
    end(victim);
    let is_fooled = found.split_whitespace().any(|gid| gid == GROUP.to_string());
    table.defended(
        &format!("pid reuse: the pid of a connection belongs to a member of the group after {forks} processes"),
        Attempt::at_secret(&ground.world, &reply),
        Attempt::new(is_fooled, format!("who looks the pid up finds groups {}", found.trim())),
    );
}

/// How numbers are made to come again. Before Linux 6.14 their limit is one for the whole machine, which is not ours to
/// change: there the next number is set instead.
enum Range {
    Limited { before: String },
    Set,
}

impl Range {
    fn narrow() -> Option<Self> {
        if has_limits_by_namespace() {
            let before = fs::read_to_string(PID_MAX).ok()?;
            return fs::write(PID_MAX, "1200").ok().map(|()| Self::Limited { before });
        }
        let last = fs::read_to_string(LAST_PID).ok()?;
        fs::write(LAST_PID, last).ok().map(|()| Self::Set)
    }

    fn come_near(&self, number: u32) {
        if matches!(self, Self::Set) {
            fs::write(LAST_PID, (number - 20).to_string()).expect("it could be written before");
        }
    }
}

impl Drop for Range {
    fn drop(&mut self) {
        if let Self::Limited { before } = self {
            fs::write(PID_MAX, before).expect("the limit is put back");
        }
    }
}

fn has_limits_by_namespace() -> bool {
    let system = nix::sys::utsname::uname().expect("the kernel has a name");
    let release = system.release().to_string_lossy();
    let mut numbers = release.split(['.', '-']).map_while(|number| number.parse::<u32>().ok());
    (numbers.next(), numbers.next()) >= (Some(6), Some(14))
}

/// The lowest numbers never come again.
fn beyond_those_used_once() {
    loop {
        let mut process = Command::new("/bin/true").spawn().expect("a process");
        process.wait().expect("it ends");
        if process.id() > RESERVED {
            break;
        }
    }
}

/// The child that waits on the connection asks now.
fn told_to_ask(mut tell: ChildStdin, mut hear: ChildStdout) -> Vec<u8> {
    tell.write_all(b"x").expect("it waits");
    let mut reply = Vec::new();
    hear.read_to_end(&mut reply).expect("it answers");
    reply
}

/// Starts processes of the group until one has the number; none if it does not come.
fn storm(number: u32, most: usize) -> (usize, Option<Child>) {
    for forks in 1..=most {
        let mut process = in_group("/bin/cat").stdin(Stdio::piped()).spawn().expect("a process");
        if process.id() == number {
            world::eventually("it is in the group", || {
                groups_of(number).contains(&GROUP.to_string()).then_some(())
            });
            return (forks, Some(process));
        }
        let _ = process.kill();
        process.wait().expect("it ends");
    }
    (most, None)
}

fn groups_of(pid: u32) -> String {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("Groups:"));
    line.unwrap_or_default().to_owned()
}

fn end(victim: Option<Child>) {
    if let Some(mut victim) = victim {
        let _ = victim.kill();
        victim.wait().expect("it ends");
    }
}

/// Above RESERVED_PIDS of the kernel.
const RESERVED: u32 = 320;
const LAST_PID: &str = "/proc/sys/kernel/ns_last_pid";
const PID_MAX: &str = "/proc/sys/kernel/pid_max";
