//! A D-Bus session of its own with a real gnome-keyring and no screen, whose keyring is unlocked, locked or gone.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// The session; its programs end with it.
pub(crate) struct Session {
    home: TempDir,
    running: Vec<Child>,
}

impl Session {
    /// Returns a session that nothing runs in yet; none, and says so, where the programs are not installed.
    pub(crate) fn new() -> Option<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
        let is_missing = |name: &&str| folders.iter().all(|folder| !folder.join(name).exists());
        let missing: Vec<&str> = PROGRAMS.into_iter().filter(is_missing).collect();
        if !missing.is_empty() {
            let is_ci = std::env::var("CI").is_ok_and(|value| value == "true");
            assert!(!is_ci, "CI needs {missing:?} (packages gnome-keyring, dbus)");
            world::skip("keyring", &format!("{missing:?} not installed (gnome-keyring, dbus)"));
            return None;
        }
        let home = tempfile::tempdir().unwrap();
        let runtime = home.path().join("run");
        fs::create_dir(&runtime).unwrap();
        fs::set_permissions(&runtime, PermissionsExt::from_mode(0o700)).unwrap();
        Some(Self { home, running: Vec::new() })
    }

    /// Where its bus is, whether or not it runs.
    pub(crate) fn address(&self) -> String {
        format!("unix:path={}", self.home.path().join("bus").display())
    }

    /// Starts it with its keyring open, as after a login.
    pub(crate) fn unlock(&mut self) {
        self.start(
            "printf pw | exec gnome-keyring-daemon --unlock --foreground --components=secrets",
        );
    }

    /// Starts it with its keyring closed.
    pub(crate) fn lock(&mut self) {
        self.start("exec gnome-keyring-daemon --foreground --components=secrets");
    }

    /// Ends it, bus and all.
    pub(crate) fn end(&mut self) {
        for mut program in self.running.drain(..).rev() {
            // One that lost its bus has ended by itself.
            let _ended = program.kill();
            program.wait().unwrap();
        }
        let _gone = fs::remove_file(self.home.path().join("bus"));
    }

    fn start(&mut self, keyring: &str) {
        self.end();
        let bus = format!("exec dbus-daemon --session --nofork --address={}", self.address());
        self.spawn(&bus);
        let socket = self.home.path().join("bus");
        world::eventually("the bus listens", || socket.exists().then_some(()));
        self.spawn(keyring);
        world::eventually("the Secret Service is there", || self.has_service().then_some(()));
    }

    fn spawn(&mut self, script: &str) {
        let program = self.command("sh").args(["-c", script]).stdin(Stdio::null()).spawn();
        self.running.push(program.unwrap());
    }

    fn has_service(&self) -> bool {
        let mut asking = self.command("dbus-send");
        asking.args(["--session", "--print-reply", "--dest=org.freedesktop.DBus", "/"]);
        asking.arg("org.freedesktop.DBus.GetNameOwner").arg("string:org.freedesktop.secrets");
        asking.status().unwrap().success()
    }

    fn command(&self, program: &str) -> Command {
        let home: &Path = self.home.path();
        let mut command = Command::new(program);
        command.env("HOME", home).env("XDG_RUNTIME_DIR", home.join("run"));
        command.env("DBUS_SESSION_BUS_ADDRESS", self.address());
        for name in ["XDG_DATA_HOME", "DISPLAY", "WAYLAND_DISPLAY"] {
            command.env_remove(name);
        }
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.end();
    }
}

const PROGRAMS: [&str; 3] = ["gnome-keyring-daemon", "dbus-daemon", "dbus-send"];
