//! `patctl validate`: the configuration as a daemon of this user would read it.

use patd_config::{Config, Inert, Owner};
use serde_json::{Value, json};

use crate::answer::{Answer, Failure};
use crate::cli::Cli;
use crate::text::counted;

pub(crate) fn run(cli: &Cli) -> Result<Answer, Failure> {
    let config = patd_config::load(&cli.config)?;
    let names = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect::<Vec<_>>();
    let json = json!({
        "valid": true,
        "owner": owner(&config),
        "accounts": names(config.accounts.keys().map(|account| account.as_str()).collect()),
        "slots": config.slots.keys().map(ToString::to_string).collect::<Vec<_>>(),
        "connections": names(config.connections.keys().map(|name| name.as_str()).collect()),
        "inert": config.inert.iter().map(inert_json).collect::<Vec<_>>(),
    });
    Ok(Answer::ok(format!("{}: {}", cli.config.display(), text_of(&config)), json))
}

fn text_of(config: &Config) -> String {
    let mut text = format!(
        "good: {}, {} of {}, owned by {}\n",
        counted(config.accounts.len(), "account"),
        counted(config.connections.len(), "connection"),
        counted(config.slots.len(), "service user"),
        owner(config),
    );
    text.extend(config.inert.iter().map(inert_line));
    text
}

/// Returns what is not serving yet, as a line.
pub(crate) fn inert_line(inert: &Inert) -> String {
    format!("not serving yet: {}: {}; {}\n", inert.connection, inert.reason, inert.next_step)
}

fn inert_json(inert: &Inert) -> Value {
    json!({ "connection": inert.connection.as_str(), "reason": inert.reason, "next_step": inert.next_step })
}

fn owner(config: &Config) -> &'static str {
    match config.owner {
        Owner::Root => "root",
        Owner::OwnUid => "its own user",
    }
}
