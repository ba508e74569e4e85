//! The tour: set up, one login through the wrapper, one rotation under the running command, the status. Every
//! fact it prints was answered by the program it speaks of.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};

use serde_json::{Value, json};
use snowflake_sim::Options;
use snowflake_sim::engine::Switches;
use world::driver::{self, Identity};
use world::{Binaries, CONNECTION, ROLE, USER, World, own_name};

use crate::{Arguments, say};

/// The first argument that makes this program the tour's client.
pub const CLIENT: &str = "--as-client-of-the-tour";

/// Runs the tour.
pub fn run(arguments: &Arguments) -> Result<ExitCode, String> {
    if arguments.deliver != "home" {
        return Err(
            "the tour shows the home delivery; give a command after -- to try another".into()
        );
    }
    say::paragraph(
        "PAT Broker: a simulated Snowflake on loopback; daemon, wrapper and admin CLI for real.\n",
    );
    let world = set_up(arguments)?;
    let mut client = Client::start(&world)?;
    let first = client.connect("pat-exec -c miguel_cli CLIENT", &world)?;
    rotate_under(&mut client, &world, first)?;
    client.end()?;
    say::command("patctl status");
    say::output(&world.patctl_ok(&["status"]));
    leave(world, arguments);
    say::paragraph(
        "That was it. The client never saw a key, the role cannot be changed, and the token changes by itself.\n\
         Try your own: cargo quickstart -- snow sql -c miguel_cli -q \"select current_role()\"",
    );
    Ok(ExitCode::SUCCESS)
}

fn set_up(arguments: &Arguments) -> Result<World, String> {
    let programs = say::step("build patd, pat-exec and patctl", || Ok(Binaries::built()))?;
    let mut world =
        say::step("start the Snowflake simulator", || Ok(prepare(programs, arguments)))?;
    say::step("patctl init: keys and configuration", || world.initialise())?;
    say::step("patctl add miguel_cli", || world.register(&own_name(), &options()))?;
    let script =
        say::step("patctl bootstrap, run by the simulator's security admin", || world.bootstrap())?;
    let statements = script.lines().filter(|line| line.trim_end().ends_with(';')).count();
    say::step("start patd", || {
        world.start();
        Ok(())
    })?;
    say::line(&format!(
        "{} statements made the account's objects; {}",
        statements,
        world.sim.url()
    ));
    Ok(world)
}

/// Sets a world up without a word.
pub fn quiet_world(arguments: &Arguments) -> Result<World, String> {
    let mut world = prepare(Binaries::built(), arguments);
    world.initialise()?;
    world.register(&own_name(), &options())?;
    world.bootstrap()?;
    world.start();
    Ok(world)
}

fn prepare(programs: Binaries, arguments: &Arguments) -> World {
    let switches =
        Switches { forced_login_role: arguments.simulate_role.clone(), ..Switches::default() };
    World::builder()
        .programs(programs)
        .simulator(Options { switches, ..Options::default() })
        .prepare()
}

fn options() -> Vec<String> {
    ["--deliver", "home,env"].map(String::from).into()
}

/// Cleans up, or says where everything is.
pub fn leave(mut world: World, arguments: &Arguments) {
    world.stop();
    if arguments.keep {
        eprintln!("quickstart: kept {}", world.keep().display());
    }
}

/// The tour's client: connects now and again for every line it reads, and says who it is each time.
pub fn client() -> ExitCode {
    loop {
        let answer = match driver::who_am_i() {
            Ok(Identity { user, role, secondary_roles }) => {
                json!({ "user": user, "role": role, "secondary_roles": secondary_roles })
            }
            Err(problem) => json!({ "problem": problem }),
        };
        println!("{answer}");
        let mut line = String::new();
        if !std::io::stdin().read_line(&mut line).is_ok_and(|length| length > 0) {
            return ExitCode::SUCCESS;
        }
    }
}

/// The tour's client as seen from outside: a program that runs under pat-exec and connects when told.
struct Client {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Client {
    fn start(world: &World) -> Result<Self, String> {
        let this = std::env::current_exe()
            .map_err(|error| format!("cannot find this program: {error}"))?;
        let mut command: Command = world.pat_exec(["-c", CONNECTION, "--"]);
        command.arg(this).arg(CLIENT).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child =
            command.spawn().map_err(|error| format!("pat-exec did not start: {error}"))?;
        let input = child.stdin.take().ok_or("the client has no input")?;
        let output = BufReader::new(child.stdout.take().ok_or("the client has no output")?);
        Ok(Self { child, input, output })
    }

    /// Shows what the client says of itself, checks it, and returns the token the simulator saw.
    fn connect(&mut self, shown: &str, world: &World) -> Result<String, String> {
        say::command(shown);
        let mut line = String::new();
        self.output.read_line(&mut line).map_err(|error| error.to_string())?;
        if line.is_empty() {
            return Err("the client ended without an answer; see what pat-exec said above".into());
        }
        let answer: Value =
            serde_json::from_str(&line).map_err(|_| "the client's answer is not JSON")?;
        if let Some(problem) = answer["problem"].as_str() {
            return Err(format!("the client could not log in: {problem}"));
        }
        for (name, key) in
            [("user", "user"), ("role", "role"), ("secondary roles", "secondary_roles")]
        {
            say::line(&format!("{name:<16} {}", answer[key].as_str().unwrap_or("?")));
        }
        compare(&answer, world)
    }

    fn connect_again(&mut self, world: &World) -> Result<String, String> {
        self.input.write_all(b"again\n").map_err(|error| format!("the client is gone: {error}"))?;
        self.connect("(the running client connects again)", world)
    }

    fn end(self) -> Result<(), String> {
        let Self { mut child, input, .. } = self;
        drop(input);
        let status = child.wait().map_err(|error| error.to_string())?;
        if status.success() { Ok(()) } else { Err(format!("the client ended with {status}")) }
    }
}

/// Compares what the client's own query said with the simulator's login history.
fn compare(answer: &Value, world: &World) -> Result<String, String> {
    let login =
        world.sim.logins().into_iter().rev().find(|login| login.client_type == driver::CLIENT_NAME);
    let login = login.ok_or("the simulator's login history does not know the client")?;
    let seen = (login.user.as_deref().unwrap_or("?"), login.role.as_deref().unwrap_or("?"));
    let said = (answer["user"].as_str().unwrap_or("?"), answer["role"].as_str().unwrap_or("?"));
    if seen != said || said != (USER, ROLE) {
        return Err(format!(
            "expected {USER} as {ROLE}; the client says {said:?}, the login history {seen:?}"
        ));
    }
    let tokens = world.sim.tokens(USER);
    let token = tokens.iter().find(|token| Some(token.id) == login.first_factor_id);
    let token =
        token.ok_or("the login was not made with a token of the service user")?.name.clone();
    say::line(&format!("{:<16} the same, with token {token}", "login history"));
    Ok(token)
}

fn rotate_under(client: &mut Client, world: &World, first: String) -> Result<(), String> {
    say::command("patctl rotate miguel_cli");
    say::output(&world.patctl_ok(&["rotate", CONNECTION]));
    let refreshed = world::wait_at_most(std::time::Duration::from_secs(20), || {
        let held = world.status();
        let draining = held["slots"][0]["leases_on_older"].as_u64()?;
        (draining == 0).then_some(())
    });
    refreshed.ok_or("the running client's home was not refreshed within 20 seconds")?;
    let second = client.connect_again(world)?;
    if first == second {
        return Err("the second login used the first token".into());
    }
    Ok(())
}
