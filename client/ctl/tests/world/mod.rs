//! What the other tests stand on: a configuration directory, `patctl` itself, and a daemon's admin socket
//! that gives prepared answers and remembers what it was asked.

#![allow(dead_code, reason = "each test file uses its part of it")]
#![expect(clippy::unwrap_used, reason = "a test's world that cannot be built fails the test")]

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;

use serde_json::Value;
use tempfile::TempDir;

pub(crate) struct World {
    root: TempDir,
}

/// What a run of `patctl` showed.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) exit: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl World {
    pub(crate) fn new() -> Self {
        Self { root: tempfile::tempdir().unwrap() }
    }

    /// A host on which `patctl init` was run.
    pub(crate) fn with_config() -> Self {
        let world = Self::new();
        let shown = world.init(&["--account", "MYORG-MYACCOUNT", "--admin-user", "PATD_TEST"]);
        assert_eq!(shown.exit, 0, "{shown:?}");
        world
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().canonicalize().unwrap().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_patctl"));
        command.arg("--config").arg(self.path("etc"));
        command.arg("--socket").arg(self.path("admin.sock"));
        command.args(args);
        command
    }

    pub(crate) fn patctl(&self, args: &[&str]) -> Shown {
        Shown::of(self.command(args).output().unwrap())
    }

    pub(crate) fn init(&self, args: &[&str]) -> Shown {
        let root_key = format!("file:{}", self.path("root-key").display());
        let admin_key = format!("file:{}", self.path("admin-key.p8").display());
        let state = self.path("state").display().to_string();
        let common =
            ["init", "--root-key", &root_key, "--admin-key", &admin_key, "--state", &state];
        self.patctl(&[&common[..], args].concat())
    }

    /// Starts a daemon that answers so many requests with the same answer.
    pub(crate) fn daemon(&self, status: u16, body: Value, times: usize) -> Daemon {
        let listener = UnixListener::bind(self.path("admin.sock")).unwrap();
        let (say, heard) = channel();
        let serve = move || {
            for _ in 0..times {
                let (stream, _) = listener.accept().unwrap();
                say.send(answer(stream, status, &body.to_string())).unwrap();
            }
        };
        Daemon { heard, thread: std::thread::spawn(serve) }
    }
}

impl Shown {
    pub(crate) fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let exit = output.status.code().unwrap();
        Self { exit, out: text(output.stdout), err: text(output.stderr) }
    }

    /// The one JSON document on standard output.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap()
    }
}

/// A request as the daemon saw it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// `POST /v1/rotate`.
    pub(crate) what: String,
    pub(crate) body: Value,
}

pub(crate) struct Daemon {
    heard: Receiver<Asked>,
    thread: JoinHandle<()>,
}

impl Daemon {
    /// Returns the requests, once every expected one was answered.
    pub(crate) fn asked(self) -> Vec<Asked> {
        self.thread.join().unwrap();
        self.heard.try_iter().collect()
    }
}

fn answer(mut stream: UnixStream, status: u16, body: &str) -> Asked {
    let mut bytes = Vec::new();
    let (head, mut rest) = loop {
        let mut part = [0; 1024];
        let read = stream.read(&mut part).unwrap();
        assert!(read > 0, "the request ended early");
        bytes.extend_from_slice(part.get(..read).unwrap());
        let text = String::from_utf8(bytes.clone()).unwrap();
        if let Some((head, rest)) = text.split_once("\r\n\r\n") {
            break (head.to_owned(), rest.to_owned());
        }
    };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.unwrap().parse().unwrap();
    while rest.len() < length {
        let mut part = [0; 1024];
        let read = stream.read(&mut part).unwrap();
        assert!(read > 0, "the body ended early");
        rest.push_str(std::str::from_utf8(part.get(..read).unwrap()).unwrap());
    }
    let reply = format!(
        "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(reply.as_bytes()).unwrap();
    let what = head.split(" HTTP/").next().unwrap().to_owned();
    Asked { what, body: serde_json::from_str(&rest).unwrap_or(Value::Null) }
}

pub(crate) fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}
