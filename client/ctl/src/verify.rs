//! `patctl verify`: the proof of the pattern, by what Snowflake shows and by real logins with the current tokens,
//! which the daemon makes. Changes nothing.

use std::collections::BTreeSet;

use pat_wire::provision::EvidenceRequest;
use patd_core::names::User;
use patd_core::pattern::verify::{Check, Evidence, verify};
use serde_json::json;

use crate::answer::{Answer, Exit, Failure, in_colour};
use crate::cli::{Cli, VerifyArgs};
use crate::target::Target;
use crate::text::plain;
use crate::{checks, daemon, runner};

pub(crate) fn run(cli: &Cli, args: &VerifyArgs) -> Result<Answer, Failure> {
    let target = Target::find(cli, args.session.account.as_deref())?;
    let only = args.of.as_deref().map(|name| user_of(&target, name)).transpose()?;
    let observed = runner::open(cli, &args.session, &target)?.observe(&target.desired)?;
    let logins = logins(cli, &target, only.as_ref());
    let mut found = verify(&target.desired, &observed, &logins.made);
    if let Some(user) = &only {
        found.retain(|check| check.concerns(user));
    }
    Ok(answer(&target, &found, &logins))
}

fn user_of(target: &Target, connection: &str) -> Result<User, Failure> {
    let mut known = target.config.connections.iter();
    let found = known
        .find(|(name, of)| name.as_str() == connection && of.slot.account == target.account.name);
    found.map(|(_, of)| of.slot.user.clone()).ok_or_else(|| {
        let what = format!("no connection {connection:?} of {}", target.account.name);
        Failure::new(Exit::Usage, what, "see: patctl validate --json")
    })
}

/// What came of the logins, one for each service user.
#[derive(Debug, Default)]
struct Logins {
    made: Vec<Evidence>,
    /// Connection and reason.
    missing: Vec<(String, String)>,
}

fn logins(cli: &Cli, target: &Target, only: Option<&User>) -> Logins {
    let (mut logins, mut tried) = (Logins::default(), BTreeSet::new());
    for (name, connection) in &target.config.connections {
        let user = &connection.slot.user;
        let wanted = only.is_none_or(|only| only == user);
        if connection.slot.account != target.account.name || !wanted || !tried.insert(user) {
            continue;
        }
        let question = EvidenceRequest { connection: name.as_str().to_owned() };
        match daemon::provisioning(&cli.socket, "/v1/evidence", &question) {
            Ok(evidence) => logins.made.push(evidence),
            Err(error) => logins.missing.push((name.as_str().to_owned(), error.to_string())),
        }
    }
    logins
}

fn answer(target: &Target, found: &[Check], logins: &Logins) -> Answer {
    let mut text = checks::shown(found, in_colour());
    for (name, why) in &logins.missing {
        text.push_str(&format!("\nno login as {}: {}", plain(name), plain(why)));
    }
    text.push_str(&format!("\n{}", checks::counts(found)));
    let missing = logins.missing.iter();
    let missing: Vec<_> =
        missing.map(|(name, why)| json!({ "connection": name, "why": why })).collect();
    let account = target.account.name.as_str();
    let json = json!({ "account": account, "checks": found, "no_login": missing });
    Answer { text, json, exit: checks::exit(found) }
}
