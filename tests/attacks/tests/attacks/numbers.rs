//! A number for two: the process that connected ends, and its number goes to one that may have the secret
//! (SECURITY.md: peer identity).

use std::fs;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};

use attacks::{
    Attempt, CONNECTION, GROUP, Ground, MEMBER, SOCKET, Table, as_uid, body, in_group, program,
};

/// The process that connected ends, and its number is used again by one that may have the secret.
pub(crate) fn try_all(ground: &mut Ground, table: &mut Table) {
    let most = fs::read_to_string(PID_MAX).expect("a limit");
    let has_own_limit = fs::write(PID_MAX, "1200").is_ok();
    let asked = body(CONNECTION[2]);
    // Lower numbers are not used again.
    while Command::new("/bin/true")
        .spawn()
        .is_ok_and(|mut child| child.id() < RESERVED && child.wait().is_ok())
    {}
    let mut knock = as_uid(MEMBER, program("knock"));
    knock.args(["fork", SOCKET, &asked, "wait"]);
    let mut attacker =
        knock.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
    let (mut tell, mut hear) =
        (attacker.stdin.take().expect("asked"), attacker.stdout.take().expect("asked"));
    let number = attacker.id();
    attacker.wait().expect("it ends");
    let (forks, victim) = storm(number, if has_own_limit { 5_000 } else { 200_000 });
    tell.write_all(b"x").expect("the child of it waits");
    let mut reply = Vec::new();
    hear.read_to_end(&mut reply).expect("it answers");
    let found = victim.as_ref().map_or("nobody".to_owned(), |_| groups_of(number));
    end(victim);
    fs::write(PID_MAX, most).expect("the limit is put back");
    let is_fooled = found.split_whitespace().any(|gid| gid == GROUP.to_string());
    table.defended(
        &format!("pid reuse: the pid of a connection belongs to a member of the group after {forks} processes"),
        Attempt::at_secret(&ground.world, &reply),
        Attempt::new(is_fooled, format!("who looks the pid up finds groups {}", found.trim())),
    );
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

/// Linux: RESERVED_PIDS.
const RESERVED: u32 = 310;
const PID_MAX: &str = "/proc/sys/kernel/pid_max";
