//! Stands for `snow` and `cortex`, under those names: reads connections.toml as they do, and logs in as they do.
//!
//! `snow sql [-c NAME] -q SQL` asks who it is; `cortex -c NAME` says who it is. A connection with a browser login goes to the
//! side door of the test, with whatever statements it is given.

use std::env;
use std::fs;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::ExitCode;

use pat_wire::secret::Secret;
use patd_core::lifecycle::ProbeOutcome;
use patd_core::names::{Account, Role, User};
use patd_snowflake::endpoint::Endpoint;
use patd_snowflake::http::Client;
use patd_snowflake::probe::{Expected, Form, probe};
use serde_json::Value;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().collect();
    let name = arguments[0].rsplit('/').next().unwrap_or_default().to_owned();
    match run(&name, &arguments[1..]) {
        Ok(said) => {
            println!("{said}");
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

fn run(name: &str, arguments: &[String]) -> Result<String, String> {
    let option = |names: [&str; 2]| {
        let at = arguments.iter().position(|argument| names.contains(&argument.as_str()))?;
        arguments.get(at + 1).cloned()
    };
    let connection = option(["-c", "--connection"])
        .or_else(|| env::var("SNOWFLAKE_DEFAULT_CONNECTION_NAME").ok())
        .ok_or("no connection is named")?;
    let entry = entry(&connection)?;
    let query = option(["-q", "--query"]).unwrap_or_default();
    if field(&entry, "authenticator").is_ok_and(|how| how == "externalbrowser") {
        return by_the_side_door(&query);
    }
    let (user, role) = who(&entry)?;
    match name {
        "snow" => Ok(format!("{query}\n{}", table(&user, &role))),
        _ => Ok(format!("{user} with {role}")),
    }
}

fn entry(connection: &str) -> Result<toml::Table, String> {
    let home = env::var("SNOWFLAKE_HOME").map(PathBuf::from);
    let home =
        home.or_else(|_| env::var("HOME").map(|home| PathBuf::from(home).join(".snowflake")));
    let path = home.map_err(|_| "no home")?.join("connections.toml");
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let entries: toml::Table = text.parse().map_err(|_| "the connections are not TOML")?;
    let entry = entries.get(connection).and_then(toml::Value::as_table);
    entry.cloned().ok_or(format!("Connection {connection} is not configured"))
}

/// Logs in and asks; the service user and its role, if that is what Snowflake says.
fn who(entry: &toml::Table) -> Result<(String, String), String> {
    let (user, role) = (field(entry, "user")?, field(entry, "role")?);
    let account = field(entry, "account")?;
    let host = field(entry, "host")
        .unwrap_or_else(|_| format!("{}.snowflakecomputing.com", account.to_lowercase()));
    let port = entry.get("port").and_then(toml::Value::as_integer).unwrap_or(443);
    let port = u16::try_from(port).map_err(|_| "the port is out of range")?;
    let (secret, form) = match field(entry, "token") {
        Ok(token) => (token, Form::Token),
        Err(_) => (field(entry, "password")?, Form::Password),
    };
    let proxy = env::var("HTTPS_PROXY").ok().map(Secret::new);
    let endpoint = Endpoint::new(Account::new(account), &host, port, true, None, proxy.as_ref());
    let client = endpoint.map_err(|error| error.to_string())?;
    let client = Client::new(&client).map_err(|error| error.to_string())?;
    let expected = Expected { user: User::new(user.clone()), role: Role::new(role.clone()) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    match runtime.block_on(probe(&client, &Secret::new(secret), &expected, form)) {
        ProbeOutcome::Proved => Ok((user, role)),
        ProbeOutcome::Wrong { shown } => Err(shown),
        ProbeOutcome::RefusedHere { code, message }
        | ProbeOutcome::RefusedSecret { code, message } => {
            Err(format!("{code} (08001): Failed to connect to DB: {host}:{port}. {message}"))
        }
        ProbeOutcome::NoSecret(why) | ProbeOutcome::Unclear(why) => Err(why),
    }
}

fn by_the_side_door(sql: &str) -> Result<String, String> {
    let said = |error: std::io::Error| error.to_string();
    let mut door = UnixStream::connect("/run/browser-session.sock").map_err(said)?;
    door.write_all(sql.as_bytes()).map_err(said)?;
    door.shutdown(Shutdown::Write).map_err(said)?;
    let mut answer = String::new();
    door.read_to_string(&mut answer).map_err(said)?;
    let answer: Value = serde_json::from_str(&answer).map_err(|error| error.to_string())?;
    match (&answer["error"], answer["results"].as_array().map(Vec::as_slice)) {
        (Value::String(error), _) => Err(error.clone()),
        (_, Some([one])) => Ok(format!("{one:#}")),
        (_, Some(_)) => Ok(format!("{:#}", answer["results"])),
        (_, None) => Err("the side door said nothing".to_owned()),
    }
}

/// As `snow` prints a row of two.
fn table(user: &str, role: &str) -> String {
    let columns = [("CURRENT_USER()", user), ("CURRENT_ROLE()", role)];
    let widths = columns.map(|(name, value)| name.len().max(value.len()));
    let ruled = |ends: char, between: char| {
        let lines = widths.map(|width| "-".repeat(width + 2));
        format!("{ends}{}{ends}", lines.join(&between.to_string()))
    };
    let row = |cells: [&str; 2]| {
        let cells = [0, 1].map(|at| format!(" {:<1$} ", cells[at], widths[at]));
        format!("|{}|", cells.join("|"))
    };
    let (names, values) = (columns.map(|(name, _)| name), columns.map(|(_, value)| value));
    [ruled('+', '+'), row(names), ruled('|', '+'), row(values), ruled('+', '+')].join("\n")
}

fn field(entry: &toml::Table, name: &str) -> Result<String, String> {
    let value = entry.get(name).and_then(toml::Value::as_str);
    value.map(str::to_owned).ok_or(format!("the entry has no {name}"))
}
