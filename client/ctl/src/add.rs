//! `patctl add`: writes `users.d/NAME.toml`, if the whole configuration is good with it, and tells the daemon.

use patd_config::{Sources, USERS_DIR};
use serde_json::json;

use crate::answer::{Answer, Failure};
use crate::cli::{AddArgs, Cli};
use crate::daemon::{self, Reload};
use crate::files;
use crate::validate::inert_line;

pub(crate) fn run(cli: &Cli, args: &AddArgs) -> Result<Answer, Failure> {
    let sources = Sources::read(&cli.config);
    let path = sources.entry_path(&args.connection);
    let text = entry(args);
    let config = sources.with_entry(&path, &text).check()?;
    files::directory(&cli.config.join(USERS_DIR), 0o755)?;
    files::create(&path, &text)?;
    let written = format!("{} is written", path.display());
    let reload = daemon::reload(cli).map_err(|failure| failure.after(&written))?;
    let inert = config.inert.iter().filter(|inert| inert.connection.as_str() == args.connection);
    let inert: String = inert.map(inert_line).collect();
    let text = format!("{written}; {}\n{inert}{}", reload.said(), next_step(args));
    let in_force = reload == Reload::InForce;
    Ok(Answer::ok(
        text,
        json!({ "written": path, "in_force": in_force, "inert": !inert.is_empty() }),
    ))
}

/// Returns the file, in the order of the examples. Values are quoted by the library, whatever is in them.
pub(crate) fn entry(args: &AddArgs) -> String {
    let quoted = |text: &str| toml::Value::from(text).to_string();
    let quoted_list = |texts: &[String]| {
        let texts: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
        format!("[{}]", texts.join(", "))
    };
    let mut lines = vec![format!("connection = {}", quoted(&args.connection))];
    lines.extend(args.account.iter().map(|account| format!("account = {}", quoted(account))));
    lines.push(format!("user = {}", quoted(&args.user)));
    lines.push(format!("role = {}", quoted(&args.role)));
    let defaults = [
        ("warehouse", &args.warehouse),
        ("database", &args.database),
        ("schema", &args.schema),
        ("entry_form", &args.entry_form),
    ];
    for (key, value) in defaults {
        lines.extend(value.iter().map(|value| format!("{key} = {}", quoted(value))));
    }
    if let Some(days) = args.days_to_expiry {
        lines.push(format!("\n[token]\ndays_to_expiry = {days}"));
    }
    lines.push(format!("\n[access]\nusers = [{}]", local_users(&args.local_users)));
    if !args.deliver.is_empty() {
        lines.push(format!("deliver = {}", quoted_list(&args.deliver)));
    }
    if args.gate_required {
        lines.push("gate = \"required\"".to_owned());
    }
    lines.join("\n") + "\n"
}

/// An account is named, or given by its uid: no account's name is a number.
fn local_users(written: &[String]) -> String {
    let one = |text: &String| match text.parse::<u32>() {
        Ok(uid) => toml::Value::from(uid),
        Err(_) => toml::Value::from(text.as_str()),
    };
    let texts: Vec<String> = written.iter().map(|text| one(text).to_string()).collect();
    texts.join(", ")
}

fn next_step(args: &AddArgs) -> String {
    let name = &args.connection;
    format!(
        "next: make the user at Snowflake, if it is new (patctl bootstrap); then: pat-exec -c {name} COMMAND\n"
    )
}
