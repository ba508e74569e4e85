//! A client of Snowflake under the wrapper: connects when told, and says who it then is.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};

use serde_json::Value;
use snowflake_sim::engine::TokenView;
use world::driver::{CLIENT_NAME, Identity};
use world::{CONNECTION, ROLE, USER, World};

/// The client, running.
pub struct Client {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Client {
    /// Starts it with the connection of the world's service user.
    pub fn start(world: &World, deliver: &str) -> Self {
        Self::under(world.pat_exec(["-c", CONNECTION, "--deliver", deliver, "--"]))
    }

    /// Starts it under a wrapper that is complete but for the program to run.
    pub fn under(mut wrapper: Command) -> Self {
        wrapper.arg(client_program()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = wrapper.spawn().expect("pat-exec starts");
        let input = child.stdin.take().expect("an input was asked for");
        let output = BufReader::new(child.stdout.take().expect("an output was asked for"));
        Self { child, input, output }
    }

    /// Connects to Snowflake now.
    pub fn connect(&mut self) -> Result<Identity, String> {
        self.input.write_all(b"connect\n").map_err(|error| format!("it ended: {error}"))?;
        let mut line = String::new();
        self.output.read_line(&mut line).map_err(|error| error.to_string())?;
        let answer: Value = serde_json::from_str(&line).map_err(|_| format!("it said {line:?}"))?;
        if let Some(problem) = answer["problem"].as_str() {
            return Err(problem.to_string());
        }
        let text = |key: &str| answer[key].as_str().unwrap_or_default().to_string();
        Ok(Identity {
            user: text("user"),
            role: text("role"),
            secondary_roles: text("secondary_roles"),
        })
    }

    /// Connects now, demands the service user under its one role, and returns the token Snowflake saw.
    pub fn log_in(&mut self, world: &World) -> TokenView {
        let identity = self.connect().unwrap_or_else(|problem| {
            panic!("the client could not log in: {problem}\n{}", told(world));
        });
        assert_eq!((identity.user.as_str(), identity.role.as_str()), (USER, ROLE));
        let logins = world.sim.logins();
        let login = logins.iter().rfind(|login| login.client_type == CLIENT_NAME);
        let login = login.expect("Snowflake knows of the login");
        assert_eq!((login.user.as_deref(), login.role.as_deref()), (Some(USER), Some(ROLE)));
        let tokens = world.sim.tokens(USER);
        let token = tokens.into_iter().find(|token| Some(token.id) == login.first_factor_id);
        token.expect("the login was made with a token that is still there")
    }

    /// Returns its process id: the wrapper's, which became it.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Returns its private `SNOWFLAKE_HOME`. Call after a first connect: only then it surely runs.
    pub fn home(&self) -> PathBuf {
        self.variable("SNOWFLAKE_HOME").map(PathBuf::from).expect("it has a home")
    }

    /// Returns a variable of its environment.
    pub fn variable(&self, name: &str) -> Option<OsString> {
        let environ = std::fs::read(format!("/proc/{}/environ", self.pid())).expect("it runs");
        let prefix = format!("{name}=");
        let mut found = environ.split(|byte| *byte == 0).filter_map(|variable| {
            variable.strip_prefix(prefix.as_bytes()).map(|value| OsString::from_vec(value.to_vec()))
        });
        found.next()
    }

    /// Lets it end by itself.
    pub fn end(self) -> ExitStatus {
        let Self { mut child, input, output } = self;
        drop((input, output));
        child.wait().expect("it can be waited for")
    }
}

/// Logs in once through the wrapper, and returns the token Snowflake saw.
pub fn log_in(world: &World) -> TokenView {
    let mut client = Client::start(world, "home");
    let token = client.log_in(world);
    assert!(client.end().success());
    token
}

/// Runs the wrapper, demands that it starts nothing, and returns what it says instead.
pub fn refused_by_wrapper(world: &World, arguments: &[&str]) -> String {
    let mut wrapper = world.pat_exec(arguments);
    let output = wrapper.arg("/bin/echo").arg("started").output().expect("pat-exec starts");
    assert_eq!(output.status.code(), Some(125), "{}", super::said(&output));
    assert!(output.stdout.is_empty(), "{}", super::said(&output));
    String::from_utf8(output.stderr).expect("it speaks text")
}

/// The program that is run under the wrapper.
pub fn client_program() -> PathBuf {
    // Cargo puts the binaries of a package beside the folder of its tests.
    let this = std::env::current_exe().expect("this program has a path");
    let folder = this.parent().and_then(std::path::Path::parent).expect("a target folder");
    folder.join("e2e-client")
}

fn told(world: &World) -> String {
    let log = std::fs::read(world.log()).unwrap_or_default();
    format!("{}\n{}", world.status(), String::from_utf8_lossy(&log))
}
