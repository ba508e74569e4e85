//! `patctl audit show`: the records that are asked for, one line each, from the daemon or from a folder.

use std::path::Path;

use pat_wire::admin::{LogFilter, LogPage, LogRequest};
use patd_audit::Log;
use serde_json::{Value, json};

use crate::answer::{Answer, Exit, Failure};
use crate::cli::{Cli, ShowArgs};
use crate::text::plain;
use crate::{accounts, daemon};

pub(crate) fn run(cli: &Cli, args: &ShowArgs) -> Result<Answer, Failure> {
    let picks = LogFilter {
        since: args.since,
        until: args.until,
        connection: args.connection.clone(),
        uid: args.uid.as_deref().map(accounts::uid).transpose()?,
        kinds: args.kinds.clone(),
        decision: args.decision.map(|decision| decision.0),
    };
    match &args.folder {
        Some(folder) => Ok(said(&read(folder, &picks, args.records)?)),
        None if args.records > MOST_OF_DAEMON => {
            let what = format!("the daemon shows {MOST_OF_DAEMON} records at the most");
            let next_step = "narrow it by --since, --kind, …; or read the files by --folder";
            Err(Failure::new(Exit::Usage, what, next_step))
        }
        None => {
            let question = LogRequest { limit: args.records, picks };
            let page: LogPage = daemon::question(cli, "/v1/log", &question)?;
            Ok(said(&page.records))
        }
    }
}

fn read(folder: &Path, picks: &LogFilter, records: u32) -> Result<Vec<String>, Failure> {
    let limit = usize::try_from(records).unwrap_or(usize::MAX);
    let read = Log::open(folder).and_then(|log| log.newest(picks, limit));
    read.map_err(|error| Failure::io("read", folder, &error))
}

/// Returns the answer that shows these records.
pub(crate) fn said(records: &[String]) -> Answer {
    let parse = |line: &String| serde_json::from_str(line).unwrap_or_else(|_| json!(line));
    let records: Vec<Value> = records.iter().map(parse).collect();
    let lines: Vec<String> = records.iter().map(line).collect();
    let text = if lines.is_empty() { "no such records".to_owned() } else { lines.join("\n") };
    Answer::ok(text, json!({ "records": records }))
}

/// `TIME  EVENT  name=value …`; a record that is no object is shown as it is.
fn line(record: &Value) -> String {
    let Value::Object(fields) = record else { return plain(&shown(record)) };
    let field = |name: &str| fields.get(name).map(shown).unwrap_or_default();
    let mut line = format!("{}  {:<14}", plain(&field("at")), plain(&field("event")));
    for (name, value) in fields.iter().filter(|(name, _)| !HEAD.contains(&name.as_str())) {
        add(&mut line, name, value);
    }
    line
}

fn add(line: &mut String, name: &str, value: &Value) {
    if let Value::Object(fields) = value {
        fields.iter().for_each(|(name, value)| add(line, name, value));
        return;
    }
    let shown = plain(&shown(value));
    let quoted = shown.is_empty() || shown.contains([' ', '"', '=']);
    let shown = if quoted { format!("{shown:?}") } else { shown };
    line.push_str(&format!(" {}={shown}", plain(name)));
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Shown first, or of no interest to a reader.
const HEAD: [&str; 6] = ["at", "event", "seq", "boot", "prev", "hash"];
/// What one question of the admin socket is answered with.
const MOST_OF_DAEMON: u32 = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_one_line_whatever_is_in_it() {
        let record = json!({ "seq": 7, "at": "2026-11-22T10:00:00Z", "boot": "b", "event": "deny",
            "subject": { "uid": 1001, "pid": 4 }, "connection": "a\nb", "reason": "no \"entry\"",
            "prev": "x", "hash": "y" });

        assert_eq!(
            line(&record),
            "2026-11-22T10:00:00Z  deny           connection=a\u{fffd}b reason=\"no \\\"entry\\\"\" pid=4 uid=1001"
        );
    }
}
