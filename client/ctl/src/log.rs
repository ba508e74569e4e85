//! `patctl log`: the newest audit records, one line each.

use pat_wire::admin::{LogFilter, LogPage, LogRequest};
use serde_json::{Value, json};

use crate::answer::{Answer, Failure};
use crate::cli::{Cli, LogArgs};
use crate::daemon;
use crate::text::plain;

pub(crate) fn run(cli: &Cli, args: &LogArgs) -> Result<Answer, Failure> {
    let page: LogPage = daemon::question(
        cli,
        "/v1/log",
        &LogRequest { limit: args.records, picks: LogFilter::default() },
    )?;
    let parse = |line: &String| serde_json::from_str(line).unwrap_or_else(|_| json!(line));
    let records: Vec<Value> = page.records.iter().map(parse).collect();
    let lines: Vec<String> = records.iter().map(line).collect();
    let text = if lines.is_empty() { "no records yet".to_owned() } else { lines.join("\n") };
    Ok(Answer::ok(text, json!({ "records": records })))
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
const HEAD: [&str; 4] = ["at", "event", "seq", "boot"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_one_line_whatever_is_in_it() {
        let record = json!({ "seq": 7, "at": "2026-11-22T10:00:00Z", "boot": "b", "event": "deny",
            "subject": { "uid": 1001, "pid": 4 }, "connection": "a\nb", "reason": "no \"entry\"" });

        assert_eq!(
            line(&record),
            "2026-11-22T10:00:00Z  deny           connection=a\u{fffd}b reason=\"no \\\"entry\\\"\" pid=4 uid=1001"
        );
    }
}
