//! The running daemon, asked over its admin socket.

use std::path::Path;
use std::time::Duration;

use pat_wire::admin::Reloaded;
use pat_wire::connection::{ADMIN_SOCKET, Broker, BrokerError, Server};
use pat_wire::limits;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::answer::{Exit, Failure};
use crate::cli::Cli;

/// Asks without a body.
pub(crate) fn ask<R: DeserializeOwned>(cli: &Cli, method: &str, path: &str) -> Result<R, Failure> {
    let broker = connect(cli, limits::CLIENT_DEADLINE)?;
    Ok(broker.ask_plainly(method, path, limits::ADMIN_REPLY_BYTES)?)
}

/// Asks without a body, and waits no longer than that.
pub(crate) fn ask_within<R: DeserializeOwned>(
    cli: &Cli,
    path: &str,
    patience: Duration,
) -> Result<R, Failure> {
    Ok(connect(cli, patience)?.ask_plainly("GET", path, limits::ADMIN_REPLY_BYTES)?)
}

/// Asks what the daemon answers by itself.
pub(crate) fn question<Q: Serialize, R: DeserializeOwned>(
    cli: &Cli,
    path: &str,
    question: &Q,
) -> Result<R, Failure> {
    let broker = connect(cli, limits::CLIENT_DEADLINE)?;
    Ok(broker.ask("POST", path, question, limits::ADMIN_REPLY_BYTES)?)
}

/// Orders something that the daemon has to do at Snowflake first.
pub(crate) fn order<Q: Serialize, R: DeserializeOwned>(
    cli: &Cli,
    path: &str,
    order: &Q,
) -> Result<R, Failure> {
    let broker = connect(cli, SNOWFLAKE_PATIENCE)?;
    Ok(broker.ask("POST", path, order, limits::ADMIN_REPLY_BYTES)?)
}

/// Orders something, if a daemon runs here to do it.
pub(crate) fn order_if_running<Q: Serialize, R: DeserializeOwned>(
    cli: &Cli,
    path: &str,
    order: &Q,
) -> Result<Option<R>, Failure> {
    match connect(cli, SNOWFLAKE_PATIENCE) {
        Err(BrokerError::NoBroker(_)) => Ok(None),
        connected => Ok(Some(connected?.ask("POST", path, order, limits::ADMIN_REPLY_BYTES)?)),
    }
}

/// Asks without a body, if a daemon runs here.
pub(crate) fn ask_if_running<R: DeserializeOwned>(
    cli: &Cli,
    method: &str,
    path: &str,
) -> Result<Option<R>, Failure> {
    match connect(cli, limits::CLIENT_DEADLINE) {
        Err(BrokerError::NoBroker(_)) => Ok(None),
        connected => Ok(Some(connected?.ask_plainly(method, path, limits::ADMIN_REPLY_BYTES)?)),
    }
}

/// Has the daemon look at an account, or run a step there: as long as a large account may take.
pub(crate) fn provisioning<Q: Serialize, R: DeserializeOwned>(
    socket: &Path,
    path: &str,
    question: &Q,
) -> Result<R, BrokerError> {
    let broker = Broker::connect(socket, server(socket), PROVISIONING_PATIENCE)?;
    broker.ask("POST", path, question, limits::ADMIN_REPLY_BYTES)
}

/// What became of a change of the configuration files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reload {
    InForce,
    /// Nobody listens: the files are read at the next start.
    NotRunning,
}

impl Reload {
    /// Returns the line that says so.
    pub(crate) fn said(self) -> &'static str {
        match self {
            Self::InForce => "the running daemon has it in force",
            Self::NotRunning => "no daemon runs here: it is read at the next start",
        }
    }
}

/// Makes the daemon read its configuration again, if one runs.
pub(crate) fn reload(cli: &Cli) -> Result<Reload, Failure> {
    let broker = match connect(cli, limits::CLIENT_DEADLINE) {
        Err(BrokerError::NoBroker(_)) => return Ok(Reload::NotRunning),
        connected => connected?,
    };
    let reloaded: Reloaded = broker.ask_plainly("POST", "/v1/reload", limits::ADMIN_REPLY_BYTES)?;
    if reloaded.in_force {
        return Ok(Reload::InForce);
    }
    let faults = reloaded.faults.join("\n");
    let next_step = "correct it, then: systemctl reload patd";
    Err(Failure::new(
        Exit::BadConfig,
        format!("the daemon keeps its old configuration:\n{faults}\n"),
        next_step,
    ))
}

fn connect(cli: &Cli, patience: Duration) -> Result<Broker, BrokerError> {
    Broker::connect(&cli.socket, server(&cli.socket), patience)
}

fn server(socket: &Path) -> Server {
    if socket == Path::new(ADMIN_SOCKET) { Server::System } else { Server::Chosen }
}

/// A rotation is several calls to Snowflake, each with its own deadline in the daemon.
const SNOWFLAKE_PATIENCE: Duration = Duration::from_secs(180);
/// Thousands of users are thousands of questions.
const PROVISIONING_PATIENCE: Duration = Duration::from_secs(1_800);
