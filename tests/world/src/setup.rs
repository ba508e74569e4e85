//! The world itself: what an administrator and a security admin do once, done with the real programs.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use pat_wire::places::Places;
use snowflake_sim::{Options, Simulator};
use tempfile::TempDir;

use crate::binaries::Binaries;
use crate::daemon::Daemon;
use crate::ready::NotifySocket;
use crate::said::text;

/// The connection of the service user.
pub const CONNECTION: &str = "miguel_cli";
/// The service user.
pub const USER: &str = "MIGUEL_CLI";
/// Its one role.
pub const ROLE: &str = "MIGUEL_CLI_ROLE";

/// A bootstrapped account and a configured daemon, in a temporary directory.
pub struct World {
    /// Snowflake.
    pub sim: Simulator,
    /// The programs.
    pub programs: Binaries,
    daemon: Option<Daemon>,
    folder: TempDir,
    variables: Vec<(String, String)>,
    notify: NotifySocket,
}

/// What differs from the usual world.
pub struct WorldBuilder {
    options: Options,
    programs: Option<Binaries>,
    local_user: String,
    extra: Vec<String>,
    variables: Vec<(String, String)>,
    below: Option<PathBuf>,
}

impl World {
    /// Returns a world in which the daemon has not been started: initialised, registered, bootstrapped.
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Returns a world with a running daemon.
    pub fn running() -> Self {
        let mut world = Self::new();
        world.start();
        world
    }

    /// Begins a world that differs from the usual one.
    pub fn builder() -> WorldBuilder {
        WorldBuilder {
            options: Options::default(),
            programs: None,
            local_user: own_name(),
            extra: Vec::new(),
            variables: Vec::new(),
            below: None,
        }
    }

    /// Starts the daemon and returns once it serves.
    pub fn start(&mut self) {
        let program = self.programs.patd();
        self.start_program(&program);
    }

    /// Starts this build of the daemon and returns once it serves.
    pub fn start_program(&mut self, program: &Path) {
        assert!(self.daemon.is_none(), "a daemon runs already");
        let mut daemon = Daemon::spawn(self.daemon_command(program), &self.log());
        daemon.wait_until_ready(&self.notify);
        self.daemon = Some(daemon);
    }

    /// Starts this build of the daemon and returns at once.
    pub fn spawn_program(&mut self, program: &Path, variables: &[(&str, &str)]) -> &mut Daemon {
        self.notify.forget();
        let mut command = self.daemon_command(program);
        command.envs(variables.iter().copied());
        self.daemon = Some(Daemon::spawn(command, &self.log()));
        self.daemon()
    }

    /// Waits until the daemon that was spawned serves; panics if it ends instead.
    pub fn wait_until_ready(&mut self) {
        let daemon = self.daemon.as_mut().expect("a daemon was spawned");
        daemon.wait_until_ready(&self.notify);
    }

    /// Returns the running daemon.
    pub fn daemon(&mut self) -> &mut Daemon {
        self.daemon.as_mut().expect("the daemon runs")
    }

    /// Ends the daemon with SIGKILL.
    pub fn kill(&mut self) {
        drop(self.daemon.take());
    }

    /// Ends the daemon with SIGTERM and returns how it went.
    pub fn stop(&mut self) -> std::process::ExitStatus {
        let mut daemon = self.daemon.take().expect("the daemon runs");
        daemon.signal(nix::sys::signal::Signal::SIGTERM);
        daemon.wait()
    }

    /// Returns the wrapper, pointed at this world's daemon.
    pub fn pat_exec<S: AsRef<std::ffi::OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
    ) -> Command {
        let mut command = Command::new(self.programs.pat_exec());
        command.arg("--socket").arg(self.socket()).args(arguments);
        command.env("HOME", self.home());
        for name in ["SNOWFLAKE_HOME", "SNOWFLAKE_CONNECTION", "SNOWFLAKE_DEFAULT_CONNECTION_NAME"]
        {
            command.env_remove(name);
        }
        command
    }

    /// Returns the admin CLI, pointed at this world's daemon and configuration.
    pub fn patctl<S: AsRef<std::ffi::OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
    ) -> Command {
        let mut command = Command::new(self.programs.patctl());
        command
            .arg("--config")
            .arg(self.config())
            .arg("--socket")
            .arg(self.admin_socket())
            .args(arguments);
        command
    }

    /// Runs the admin CLI and returns what it printed; panics if it fails.
    pub fn patctl_ok(&self, arguments: &[&str]) -> String {
        let output = self.output(&mut self.patctl(arguments)).expect("patctl starts");
        assert!(output.status.success(), "patctl {arguments:?}: {}", text(&output));
        String::from_utf8(output.stdout).expect("patctl prints text")
    }

    /// Returns the parsed answer of `patctl --json status`. Alarms do not make it fail.
    pub fn status(&self) -> serde_json::Value {
        let output = self.patctl(["status", "--json"]).output().expect("patctl starts");
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("patctl status: {}", text(&output)))
    }

    /// The folder of everything.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The configuration.
    pub fn config(&self) -> PathBuf {
        self.folder().join("etc")
    }

    /// The daemon's state.
    pub fn state(&self) -> PathBuf {
        self.folder().join("state")
    }

    /// The keys, where `patctl init` put them.
    pub fn keys(&self) -> PathBuf {
        self.folder().join("keys")
    }

    /// The folder of the hand-out socket.
    pub fn run(&self) -> PathBuf {
        self.folder().join("run")
    }

    /// The hand-out socket.
    pub fn socket(&self) -> PathBuf {
        self.places().hand_out
    }

    /// The admin socket.
    pub fn admin_socket(&self) -> PathBuf {
        self.places().admin
    }

    fn places(&self) -> Places {
        Places::of_run(&self.run()).expect("a folder with a name")
    }

    /// The home of whoever runs the wrapper.
    pub fn home(&self) -> PathBuf {
        self.folder().join("home")
    }

    /// The daemon's log, of every start.
    pub fn log(&self) -> PathBuf {
        self.folder().join("patd.log")
    }

    fn daemon_command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .arg("--config")
            .arg(self.config())
            .arg("--state")
            .arg(self.state())
            .arg("--run")
            .arg(self.run())
            .current_dir(self.folder())
            .env("NOTIFY_SOCKET", self.notify.path())
            .envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl WorldBuilder {
    /// Starts the simulator with these options.
    pub fn simulator(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// Uses these programs.
    pub fn programs(mut self, programs: Binaries) -> Self {
        self.programs = Some(programs);
        self
    }

    /// Grants the connection to this local account instead of the one that runs the test.
    pub fn local_user(mut self, name: &str) -> Self {
        self.local_user = name.to_string();
        self
    }

    /// Passes more options to `patctl add`.
    pub fn add_options(mut self, options: &[&str]) -> Self {
        self.extra = options.iter().map(|option| option.to_string()).collect();
        self
    }

    /// Sets a variable for the daemon.
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// Has its folder below this one instead of where temporary files are.
    pub fn below(mut self, folder: &str) -> Self {
        self.below = Some(folder.into());
        self
    }

    /// Makes the world, ready for a daemon; panics with what went wrong.
    pub fn build(self) -> World {
        let (local_user, extra) = (self.local_user.clone(), self.extra.clone());
        let world = self.prepare();
        let made = world
            .initialise()
            .and_then(|()| world.register(&local_user, &extra))
            .and_then(|()| world.bootstrap());
        match made {
            Ok(_) => world,
            Err(problem) => panic!("{problem}"),
        }
    }

    /// Makes folders and simulator only: nothing is configured yet.
    pub fn prepare(self) -> World {
        let below = self.below.unwrap_or_else(std::env::temp_dir);
        let folder = tempfile::Builder::new().prefix("pat-broker-").tempdir_in(below);
        let folder = folder.expect("a folder");
        // Other uids of a test must reach the socket; everything secret below has its own mode.
        set_mode(folder.path(), 0o755);
        for (name, mode) in [("keys", 0o700), ("run", 0o755), ("run-admin", 0o755), ("home", 0o700)]
        {
            fs::create_dir(folder.path().join(name)).expect("a folder");
            set_mode(&folder.path().join(name), mode);
        }
        let sim = Simulator::start(self.options).expect("the simulator starts");
        let notify = NotifySocket::bind(folder.path());
        World {
            sim,
            programs: self.programs.unwrap_or_else(Binaries::find),
            daemon: None,
            folder,
            variables: self.variables,
            notify,
        }
    }
}

impl World {
    /// Runs `patctl init`: keys and configuration.
    pub fn initialise(&self) -> Result<(), String> {
        let mut command = self.patctl(["init"]);
        command
            .args(["--account", "MYORG-MYACCOUNT", "--host", "127.0.0.1"])
            .args(["--port", &self.sim.port().to_string()])
            .args(["--admin-user", "PATD_HOST1", "--admin-role", "PATD_HOST1_ROLE"])
            .arg("--root-key")
            .arg(format!("file:{}", self.keys().join("root-key").display()))
            .arg("--admin-key")
            .arg(format!("file:{}", self.keys().join("admin-key.pem").display()))
            .arg("--state")
            .arg(self.state());
        match self.sim.ca_pem() {
            Some(pem) => {
                let path = self.folder().join("ca.pem");
                fs::write(&path, pem).map_err(|error| format!("{}: {error}", path.display()))?;
                command.arg("--ca-file").arg(path);
            }
            None => {
                command.args(["--protocol", "http"]);
            }
        }
        self.run_ok("patctl init", &mut command)
    }

    /// Runs `patctl add`: the service user, its role, and the local account that may use it.
    pub fn register(&self, local_user: &str, extra: &[String]) -> Result<(), String> {
        let mut command =
            self.patctl(["add", CONNECTION, "--user", USER, "--role", ROLE, "--for", local_user]);
        self.run_ok("patctl add", command.args(extra))
    }

    /// Lets the simulator's security admin run what `patctl bootstrap` prints; returns the script.
    pub fn bootstrap(&self) -> Result<String, String> {
        let script =
            self.patctl_ok(&["bootstrap", "--format", "sql", "--network-cidr", "127.0.0.0/8"]);
        match self.sim.admin_script(&script) {
            Ok(_) => Ok(script),
            Err(error) => Err(format!("the bootstrap script failed: {error:?}\n{script}")),
        }
    }

    /// Keeps the folder when the world ends, and returns where it is.
    pub fn keep(&mut self) -> PathBuf {
        self.folder.disable_cleanup(true);
        self.folder().to_path_buf()
    }
}

/// The name of the local account that runs this process, or its uid where it has no name.
pub fn own_name() -> String {
    let uid = nix::unistd::getuid();
    nix::unistd::User::from_uid(uid)
        .ok()
        .flatten()
        .map_or_else(|| uid.to_string(), |user| user.name)
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode is set");
}
