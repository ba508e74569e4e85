//! Who was refused of late: for whoever types `patctl explain` as the refusal says it, and no more.

use std::collections::BTreeSet;

use pat_wire::admin::{LogFilter, LogPage, LogRequest, Verdict};
use serde_json::{Value, json};

use crate::answer::{Answer, Failure};
use crate::cli::Cli;
use crate::text::plain;
use crate::{accounts, daemon};

/// Returns the newest refusals, each user and connection once, with what says more of them.
pub(super) fn of_late(cli: &Cli, connection: Option<String>) -> Result<Answer, Failure> {
    let picks = LogFilter { connection, decision: Some(Verdict::Deny), ..LogFilter::default() };
    let question = LogRequest { limit: LOOKED_AT, picks };
    let page: LogPage = daemon::question(cli, "/v1/log", &question)?;
    let refusals = newest(&page.records);
    let text = match refusals.is_empty() {
        true => "nobody was refused of late\nof a user: patctl explain --uid USER [NAME]\n".into(),
        false => refusals.iter().map(said).collect::<String>(),
    };
    Ok(Answer::ok(text, json!({ "refusals": refusals })))
}

/// Newest last, as a log is read.
fn newest(records: &[String]) -> Vec<Value> {
    let mut seen = BTreeSet::new();
    let parsed = records.iter().rev().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut newest: Vec<Value> = parsed
        .filter(|record| seen.insert((uid(record), connection(record).map(str::to_owned))))
        .take(SHOWN)
        .collect();
    newest.reverse();
    newest
}

fn said(record: &Value) -> String {
    let text = |name: &str| plain(record.get(name).and_then(Value::as_str).unwrap_or_default());
    let (who, uid) = match uid(record) {
        Some(uid) => {
            let name = accounts::name(uid).map(|name| format!(" ({})", plain(&name)));
            (format!("uid {uid}{}", name.unwrap_or_default()), uid.to_string())
        }
        None => ("unknown".to_owned(), "USER".to_owned()),
    };
    let asked = connection(record).map(|name| format!(", {}", plain(name))).unwrap_or_default();
    let more = connection(record).filter(|name| is_harmless(name)).map(|name| format!(" {name}"));
    format!(
        "{}  {who}{asked}: {}\n  more: patctl explain --uid {uid}{}\n",
        text("at"),
        text("reason"),
        more.unwrap_or_default()
    )
}

fn uid(record: &Value) -> Option<u32> {
    let uid = record.get("subject")?.get("uid")?.as_u64()?;
    u32::try_from(uid).ok()
}

fn connection(record: &Value) -> Option<&str> {
    record.get("connection")?.as_str()
}

/// The name is the peer's own choice, and the line is one that root copies into a shell.
fn is_harmless(name: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.starts_with(letter) && name.chars().all(|c| letter(c) || c == '-' || c == '.')
}

/// How many records are asked for, and how many of them shown.
const LOOKED_AT: u32 = 100;
const SHOWN: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    fn deny(uid: u32, connection: &str, reason: &str) -> String {
        json!({ "at": "2026-11-22T10:00:00Z", "event": "deny", "subject": { "uid": uid },
            "connection": connection, "reason": reason })
        .to_string()
    }

    #[test]
    fn each_user_and_connection_is_shown_once_with_the_newest_cause() {
        let records = [deny(7, "a", "old"), deny(8, "a", "x"), deny(7, "a", "new")];

        let newest = newest(&records);

        let reasons: Vec<&str> = newest.iter().map(|one| one["reason"].as_str().unwrap()).collect();
        assert_eq!(reasons, ["x", "new"]);
    }

    #[test]
    fn what_a_peer_called_a_connection_is_no_part_of_a_command_for_root() {
        for (name, more) in [
            ("miguel_cli", "--uid 4000000 miguel_cli\n"),
            ("$(reboot)", "--uid 4000000\n"),
            ("a;b", "--uid 4000000\n"),
            ("--json", "--uid 4000000\n"),
        ] {
            let record = serde_json::from_str(&deny(4_000_000, name, "no entry")).unwrap();

            let said = said(&record);

            assert!(said.ends_with(more), "{said}");
            assert!(said.starts_with("2026-11-22T10:00:00Z  uid 4000000, "), "{said}");
        }
    }
}
