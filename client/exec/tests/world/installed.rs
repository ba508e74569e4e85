//! The wrapper as the package installs it: setgid, with a broker at the compiled-in path and a user without privileges, in
//! a mount namespace of its own. Needs root.

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::broker::Broker;
use super::{skip, stderr, stdout};

pub const GATE: u32 = 60_123;
pub const USER: u32 = 60_124;
const INSIDE: &str = "PAT_EXEC_TEST_INSIDE_NAMESPACE";

/// The wrapper as it ships, static, where the test runner has built it; else the one of this build.
fn shipped() -> PathBuf {
    let built = || env!("CARGO_BIN_EXE_pat-exec").into();
    std::env::var_os("PAT_BROKER_WRAPPER").map_or_else(built, PathBuf::from)
}

/// Whether its libc leaves the environment of a setgid process whole.
pub fn is_musl() -> bool {
    shipped().to_string_lossy().contains("musl") || cfg!(target_env = "musl")
}

/// The wrapper as the package installs it, a broker at its place, and a user.
pub struct Installed {
    pub broker: Broker,
    pub program: PathBuf,
}

impl Installed {
    pub fn new() -> Self {
        mount(&["-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run"]);
        let program = PathBuf::from("/run/pat-exec");
        std::fs::copy(shipped(), &program).unwrap();
        chown(&program, Some(0), Some(GATE)).unwrap();
        std::fs::set_permissions(&program, Permissions::from_mode(0o2755)).unwrap();
        for (directory, owner) in [("/run/patd", 0), ("/run/home", USER), ("/run/user", USER)] {
            std::fs::create_dir(directory).unwrap();
            chown(directory, Some(owner), Some(owner)).unwrap();
        }
        std::fs::set_permissions("/run/user", Permissions::from_mode(0o700)).unwrap();
        let broker = Broker::start(Path::new("/run/patd/patd.sock"));
        std::fs::set_permissions("/run/patd/patd.sock", Permissions::from_mode(0o666)).unwrap();
        Self { broker, program }
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        self.command_under(&["setpriv"], arguments)
    }

    pub fn command_under(&self, setpriv: &[&str], arguments: &[&str]) -> Command {
        let user = USER.to_string();
        let mut command = Command::new(setpriv[0]);
        command
            .args(&setpriv[1..])
            .args(["--reuid", &user, "--regid", &user, "--clear-groups"])
            .arg(&self.program)
            .args(arguments)
            .env_clear()
            .envs([
                ("PATH", "/usr/bin:/bin"),
                ("HOME", "/run/home"),
                ("XDG_RUNTIME_DIR", "/run/user"),
            ])
            .current_dir("/");
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    pub fn run_under(&self, setpriv: &[&str], arguments: &[&str]) -> Output {
        self.command_under(setpriv, arguments).output().unwrap()
    }

    /// The egid that each connection showed.
    pub fn shown(&self) -> Vec<u32> {
        self.broker.peers()
    }

    /// Puts a program where only root can, and returns its path.
    pub fn program_of_root(&self, path: &str, from: &str) -> String {
        let folder = Path::new(path).parent().unwrap();
        if !folder.exists() {
            std::fs::create_dir(folder).unwrap();
        }
        std::fs::copy(from, path).unwrap();
        std::fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
        path.to_owned()
    }

    pub fn homes(&self) -> usize {
        std::fs::read_dir("/run/user").unwrap().count()
    }
}

pub fn mount(arguments: &[&str]) {
    assert!(Command::new("mount").args(arguments).status().unwrap().success());
}

/// Runs the test again, alone in a process with mounts of its own.
pub fn inside_namespace(name: &str, test: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        return test();
    }
    if !nix::unistd::getuid().is_root() {
        return skip(name, "needs root");
    }
    let inside = Command::new("unshare")
        .arg("--mount")
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    assert!(inside.status.success(), "{}{}", stdout(&inside), stderr(&inside));
    assert!(stdout(&inside).contains("1 passed"), "{}", stdout(&inside));
}
