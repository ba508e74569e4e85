//! One user with a home directory, one runtime directory in memory, one broker, and the real binary.

#![allow(dead_code, reason = "each suite uses its own part of the world")]
#![allow(unreachable_pub, reason = "shared by the suites")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test's world that cannot be built fails the test"
)]

pub mod broker;
pub mod installed;

use std::fs::Permissions;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use broker::Broker;
use nix::poll::{PollTimeout, poll};
use tempfile::TempDir;

pub struct World {
    pub broker: Broker,
    dir: TempDir,
    runtime: TempDir,
}

impl World {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let runtime = tempfile::tempdir_in("/dev/shm").unwrap();
        std::fs::set_permissions(runtime.path(), Permissions::from_mode(0o700)).unwrap();
        std::fs::create_dir(dir.path().join("home")).unwrap();
        let broker = Broker::start(&dir.path().join("patd.sock"));
        Self { broker, dir, runtime }
    }

    /// The user's home directory.
    pub fn user(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    /// The user's real Snowflake directory.
    pub fn real(&self) -> PathBuf {
        self.user().join(".snowflake")
    }

    /// Writes a file of the real directory.
    pub fn write(&self, name: &str, text: &str) {
        std::fs::create_dir_all(self.real()).unwrap();
        std::fs::write(self.real().join(name), text).unwrap();
    }

    /// Reads a file of the real directory.
    pub fn read(&self, name: &str) -> String {
        let path = self.real().join(name);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// A scratch path outside of the user's home.
    pub fn scratch(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn runtime(&self) -> &Path {
        self.runtime.path()
    }

    /// The wrapper with this user's environment, before the command's arguments.
    pub fn wrapper(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pat-exec"));
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.user())
            .env("XDG_RUNTIME_DIR", self.runtime())
            .current_dir(self.dir.path())
            .arg("--socket")
            .arg(&self.broker.socket);
        command
    }

    /// The wrapper with a shell script as its command.
    pub fn script(&self, script: &str) -> Command {
        let mut command = self.wrapper();
        command.args(["sh", "-c", script]);
        command
    }

    /// Runs a script to its end.
    pub fn run(&self, script: &str) -> Output {
        self.script(script).output().unwrap()
    }

    /// Starts a script that talks: it says `ready` and waits for lines.
    pub fn talk(&self, script: &str) -> Talk {
        Talk::start(&mut self.script(&format!("echo ready\n{script}")))
    }

    /// The private homes there are now.
    pub fn homes(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.runtime()).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    /// The only private home's `SNOWFLAKE_HOME`.
    pub fn home(&self) -> PathBuf {
        let homes = self.homes();
        assert_eq!(homes.len(), 1, "{homes:?}");
        homes[0].join("home")
    }

    /// Waits until every private home is gone.
    pub fn cleaned_up(&self) {
        eventually("no private home is left", || self.homes().is_empty());
    }
}

/// A running script with its input and output.
pub struct Talk {
    pub child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Talk {
    pub fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut talk = Self { child, input, output };
        assert_eq!(talk.hear(), "ready");
        talk
    }

    /// Waits for the script's next line.
    pub fn hear(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    pub fn say(&mut self, line: &str) {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Lets the script end and returns what it and its helper said on stderr.
    pub fn end(mut self) -> String {
        drop(self.input.take());
        let output = self.child.wait_with_output().unwrap();
        String::from_utf8(output.stderr).unwrap()
    }
}

/// Waits for something that another process does.
pub fn eventually(what: &str, mut happened: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !happened() {
        assert!(Instant::now() < end, "in vain: {what}");
        poll(&mut [], PollTimeout::from(5u8)).unwrap();
    }
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The processes that look after homes below this directory: the helpers, by their arguments.
pub fn helpers(runtime: &Path) -> Vec<i32> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let arguments = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let arguments: Vec<&[u8]> = arguments.split(|byte| *byte == 0).collect();
        let is_helper = arguments.get(1) == Some(&b"--refresh-helper".as_slice());
        let below = runtime.as_os_str().as_encoded_bytes();
        if is_helper && arguments.get(2).is_some_and(|home| home.starts_with(below)) {
            found.push(pid);
        }
    }
    found
}

/// A skipped test says why, on stderr and in the file the test runner reads.
#[allow(clippy::print_stderr, reason = "a skip says why")]
pub fn skip(name: &str, reason: &str) {
    eprintln!("SKIPPED {name}: {reason}");
    if let Some(list) = std::env::var_os("PAT_BROKER_SKIPS") {
        let mut list = std::fs::OpenOptions::new().append(true).create(true).open(list).unwrap();
        writeln!(list, "{name}: {reason}").unwrap();
    }
}
