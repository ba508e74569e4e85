//! The main path: a hand-out, a delivery, and then the wrapper is the command.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use nix::sys::signal::SigSet;
use pat_wire::message::{Delivery, HandOut, Terms};

use crate::begun::{Begun, hold_signals, release_signals};
use crate::broker::{self, Way};
use crate::cli::{Command, Options};
use crate::connections::Connections;
use crate::failure::{Failure, say};
use crate::gate::Gate;
use crate::helper;
use crate::home::record::Record;
use crate::home::{Home, Others, real, site};
use crate::program::Executable;
use crate::variables::{self, Variable};
use crate::{entry, program, target, which};

/// Becomes the command: returns only to say why not.
pub(crate) fn run(gate: Gate, options: &Options, command: &Command) -> Failure {
    match prepare(gate, options, command) {
        Ok(ready) => ready.go(command),
        Err(failure) => failure,
    }
}

/// Everything is done but the last step.
struct Ready {
    gate: Gate,
    executable: Executable,
    variables: Vec<Variable>,
    looked_after: Option<LookedAfter>,
}

/// A home that is complete, the helper that it is left to, and the signal mask to restore then.
struct LookedAfter {
    home: Home,
    helper: helper::Started,
    mask: SigSet,
}

fn prepare(gate: Gate, options: &Options, command: &Command) -> Result<Ready, Failure> {
    let connection = match &options.connection {
        Some(named) => Some(named.clone()),
        None => which::named_by_command(command)?,
    };
    let way = Way::new(gate, options.socket.as_deref())?;
    let asked = way.ask(broker::request(options, connection))?;
    // What the answer has no say in is done while the broker looks into it. What is wrong there matters only where it
    // is needed.
    let begun = (options.deliver != Some(Delivery::Env)).then(Begun::new);
    let found = program::find(&command.program, std::env::var_os("PATH").as_deref());
    let hand_out = asked.answer()?;
    let executable = executable(found, command, &hand_out.terms)?;
    match hand_out.terms.deliver {
        Delivery::Env => {
            begun.and_then(Result::ok).into_iter().for_each(Begun::dismiss);
            in_environment(&way, &hand_out, command, executable)
        }
        Delivery::Home => in_home(&way, &hand_out, begun.unwrap_or_else(Begun::new)?, executable),
    }
}

impl Ready {
    fn go(mut self, command: &Command) -> Failure {
        if let Err(failure) = self.gate.give_up() {
            return failure;
        }
        if let Some(LookedAfter { mut home, helper, mask }) = self.looked_after.take() {
            // From here on the helper cleans up, however this process ends.
            if let Err(failure) = helper.take_over() {
                return failure;
            }
            home.hand_over();
            // A Ctrl-C of the last millisecond arrives now.
            if let Err(failure) = release_signals(&mask) {
                return failure;
            }
        }
        program::become_program(&self.executable, command, self.variables)
    }
}

fn in_environment(
    way: &Way,
    hand_out: &HandOut,
    command: &Command,
    executable: Executable,
) -> Result<Ready, Failure> {
    let terms = &hand_out.terms;
    let delivered = if terms.env.is_empty() {
        refuse_node_clients(command)?;
        whole_entry(hand_out)?
    } else {
        entry::mapped(hand_out)?
    };
    let variables = variables::for_child(std::env::vars_os(), terms, delivered);
    Ok(Ready { gate: way.gate(), executable, variables, looked_after: None })
}

/// `SNOWFLAKE_CONNECTIONS` replaces every other connection, in `snow` and Python.
fn whole_entry(hand_out: &HandOut) -> Result<Vec<Variable>, Failure> {
    let terms = &hand_out.terms;
    let kept = if terms.keep_connections {
        let real = real::find(|name| std::env::var_os(name), nix::unistd::getuid().as_raw())?;
        Others::read(&real, &terms.connection)?.kept()
    } else {
        Connections::default()
    };
    let text = entry::file("", hand_out, &kept);
    let mut delivered = variables::default_connection(terms);
    delivered.push(("SNOWFLAKE_CONNECTIONS".into(), OsString::from(text.as_str())));
    Ok(delivered)
}

fn refuse_node_clients(command: &Command) -> Result<(), Failure> {
    let name = which::file_name(&command.program);
    if !NODE_CLIENTS.contains(&name) {
        return Ok(());
    }
    Err(Failure::own(format!(
        "{name} reads no variable that carries a connection, so the env delivery cannot reach it; \
         try: --deliver home, or ask root for an env mapping in the connection's entry"
    )))
}

fn in_home(
    way: &Way,
    hand_out: &HandOut,
    begun: Begun,
    executable: Executable,
) -> Result<Ready, Failure> {
    let terms = &hand_out.terms;
    let Begun { site, home, helper } = begun;
    let place = site.place()?.to_owned();
    let failed = |error| site::failed(&place, error);
    let record = Record {
        owner: site.owner,
        real: site.real,
        connection: terms.connection.clone(),
        lease: terms.lease.clone(),
        socket: way.chosen().map(Path::to_owned),
    };
    let mask = hold_signals()?;
    record.write(home.private()).map_err(failed)?;

    real::complete(&record.real)?;
    let kept = kept(hand_out, &record.real)?;
    home.link(&record.real).and_then(|()| home.fill(hand_out, &kept)).map_err(failed)?;
    if site.outlives_login {
        warn_of_logout(&place);
    }
    let mut delivered = variables::default_connection(terms);
    delivered.push(("SNOWFLAKE_HOME".into(), home.path().into()));
    let variables = variables::for_child(std::env::vars_os(), terms, delivered);
    let looked_after = Some(LookedAfter { home, helper, mask });
    Ok(Ready { gate: way.gate(), executable, variables, looked_after })
}

/// Returns the user's other connections if they are kept, and tells the user if they are not.
fn kept(hand_out: &HandOut, real: &Path) -> Result<Connections, Failure> {
    let others = Others::read(real, &hand_out.terms.connection)?;
    if hand_out.terms.keep_connections {
        return Ok(others.kept());
    }
    for sentence in others.left_out() {
        say(&sentence);
    }
    Ok(Connections::default())
}

/// Returns what the wrapper becomes: what the caller's PATH led to, or what the entry allows.
fn executable(
    found: Result<PathBuf, Failure>,
    command: &Command,
    terms: &Terms,
) -> Result<Executable, Failure> {
    if terms.targets.is_empty() {
        return found.map(Executable::Found);
    }
    let search = std::env::var_os("PATH");
    let chosen = target::chosen(&terms.targets, command, search.as_deref())?;
    Ok(Executable::Allowed(Box::new(chosen)))
}

/// A command that ignores SIGHUP means to outlive its login; its home does not.
fn warn_of_logout(place: &Path) {
    say(&format!(
        "the private home in {} goes at your last logout; to keep it: loginctl enable-linger",
        place.display()
    ));
}

/// Programs on the Node SDK, which reads `connections.toml` and nothing else.
const NODE_CLIENTS: [&str; 4] = ["cortex", "coco", "node", "bun"];
