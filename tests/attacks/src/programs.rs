//! The attackers' programs, compiled from C: most of what they do is a bare system call that no honest library offers.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::ground::{GROUP, MEMBER};

/// Where programs are that every user can start.
pub const PROGRAMS: &str = "/run/programs";

/// Returns the path of a program.
pub fn program(name: &str) -> PathBuf {
    Path::new(PROGRAMS).join(name)
}

/// Returns a program as a user starts it: of that user's own group, without others, with a clean environment.
pub fn as_uid(uid: u32, path: impl AsRef<Path>) -> Command {
    let mut command = Command::new(path.as_ref());
    command.uid(uid).gid(uid).env_clear().env("PATH", "/usr/bin:/bin").current_dir("/");
    command.env("HOME", format!("/run/home/{uid}"));
    command.env("XDG_RUNTIME_DIR", format!("/run/user/{uid}"));
    command
}

/// Returns a program of the member's, in the group that an entry names.
pub fn in_group(path: impl AsRef<Path>) -> Command {
    let (uid, group) = (MEMBER.to_string(), GROUP.to_string());
    let mut command = Command::new("/usr/bin/setpriv");
    command.args(["--reuid", &uid, "--regid", &uid, "--groups", &group]).arg(path.as_ref());
    command
}

/// Sends bytes as they are, as this user, and returns what came back.
pub fn send(uid: u32, socket: &str, bytes: &[u8]) -> Vec<u8> {
    let mut knock = as_uid(uid, program("knock"));
    let knock = knock.args(["raw", socket]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut knock = knock.spawn().expect("it starts");
    knock.stdin.take().expect("asked").write_all(bytes).expect("it listens");
    knock.wait_with_output().expect("it ends").stdout
}

/// Starts a program that listens for others, and returns it with what it goes on to say once it does.
pub fn listening(program: &mut Command) -> (Child, BufReader<ChildStdout>) {
    let mut child = program.stdout(Stdio::piped()).spawn().expect("it starts");
    let mut hear = BufReader::new(child.stdout.take().expect("asked"));
    let mut line = String::new();
    hear.read_line(&mut line).expect("it says so");
    assert_eq!(line.trim(), "listening");
    (child, hear)
}

/// Compiles all of them.
pub(crate) fn compile() {
    for name in ["activate", "knock", "load", "pry"] {
        cc(name, &program(name), &[]);
    }
    cc("preload", &program("preload.so"), &["-shared", "-fPIC"]);
}

fn cc(name: &str, output: &Path, options: &[&str]) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("programs/{name}.c"));
    let mut compiler = Command::new("cc");
    compiler.args(["-O1", "-Wall", "-Wextra", "-Werror"]).args(options).arg("-o");
    let status = compiler.arg(output).arg(source).status().expect("a C compiler");
    assert!(status.success(), "{name}.c does not compile: {status}");
}
