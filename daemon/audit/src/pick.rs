//! Which records somebody wants to see.

use jiff::Timestamp;
use pat_wire::admin::{LogFilter, Verdict};
use serde_json::Value;

/// The words a record may have as its `event`, which is what `--kind` takes.
pub const KINDS: [&str; 19] = [
    "admin",
    "alarm",
    "alarm-cleared",
    "allow",
    "config-loaded",
    "config-refused",
    "deny",
    "gap",
    "intent",
    "issue",
    "lease-ended",
    "not-released",
    "probe",
    "promote",
    "provision",
    "refusals-left-out",
    "remove",
    "start",
    "stop",
];

/// Returns whether a line is one of those that are wanted. What is no record is wanted by nobody.
pub fn is_picked(filter: &LogFilter, line: &[u8]) -> bool {
    let Ok(Value::Object(fields)) = serde_json::from_slice(line) else { return false };
    let record = Value::Object(fields);
    let LogFilter { since, until, connection, uid, kinds, decision } = filter;
    is_in_time(&record, *since, *until)
        && (kinds.is_empty() || kinds.iter().any(|kind| text(&record, "event") == Some(kind)))
        && connection.as_ref().is_none_or(|name| concerns(&record, name))
        && uid.is_none_or(|uid| is_of(&record, uid))
        && decision.is_none_or(|decision| decides(&record, decision))
}

/// One whose time is not known may have been then.
fn is_in_time(record: &Value, since: Option<i64>, until: Option<i64>) -> bool {
    let at = text(record, "at").and_then(|at| at.parse::<Timestamp>().ok());
    let Some(at) = at.map(Timestamp::as_second) else { return true };
    since.is_none_or(|since| at >= since) && until.is_none_or(|until| at < until)
}

/// What an administrator does is about an object, which may be a connection.
fn concerns(record: &Value, connection: &str) -> bool {
    ["connection", "object"].iter().any(|key| text(record, key) == Some(connection))
}

fn is_of(record: &Value, uid: u32) -> bool {
    let subject = record.get("subject").and_then(|subject| subject.get("uid"));
    let is = |found: Option<&Value>| found.and_then(Value::as_u64) == Some(u64::from(uid));
    let left_out = record.get("uids").and_then(|uids| uids.get(uid.to_string()));
    is(subject) || is(record.get("uid")) || left_out.is_some()
}

fn decides(record: &Value, decision: Verdict) -> bool {
    let kind = text(record, "event");
    match decision {
        Verdict::Allow => kind == Some("allow"),
        Verdict::Deny => matches!(kind, Some("deny" | "refusals-left-out")),
    }
}

fn text<'a>(record: &'a Value, key: &str) -> Option<&'a str> {
    record.get(key).and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picked(filter: &LogFilter) -> Vec<usize> {
        let log = [
            r#"{"seq":1,"at":"2026-11-22T10:00:00Z","event":"start"}"#,
            r#"{"seq":2,"at":"2026-11-22T10:00:01Z","event":"allow","subject":{"uid":1001},"connection":"a"}"#,
            r#"{"seq":3,"at":"2026-11-22T10:00:02Z","event":"deny","subject":{"uid":1002},"connection":"a"}"#,
            r#"{"seq":4,"at":"2026-11-22T10:00:03Z","event":"refusals-left-out","uids":{"1002":4}}"#,
            r#"{"seq":5,"at":"2026-11-22T10:00:04Z","event":"lease-ended","uid":1001,"connection":"a"}"#,
            r#"{"seq":6,"at":"2026-11-22T10:00:05Z","event":"admin","subject":{"uid":0},"object":"a"}"#,
            "nonsense",
        ];
        (1..)
            .zip(log)
            .filter(|(_, line)| is_picked(filter, line.as_bytes()))
            .map(|(seq, _)| seq)
            .collect()
    }

    #[test]
    fn each_wish_narrows_and_none_is_all_that_can_be_read() {
        let at = |text: &str| Some(text.parse::<Timestamp>().unwrap().as_second());
        let none = LogFilter::default;
        assert_eq!(picked(&none()), [1, 2, 3, 4, 5, 6]);
        assert_eq!(picked(&LogFilter { since: at("2026-11-22T10:00:04Z"), ..none() }), [5, 6]);
        assert_eq!(picked(&LogFilter { until: at("2026-11-22T10:00:01Z"), ..none() }), [1]);
        assert_eq!(picked(&LogFilter { connection: Some("a".into()), ..none() }), [2, 3, 5, 6]);
        assert_eq!(picked(&LogFilter { uid: Some(1_002), ..none() }), [3, 4]);
        assert_eq!(picked(&LogFilter { uid: Some(1_001), ..none() }), [2, 5]);
        assert_eq!(
            picked(&LogFilter { kinds: vec!["start".into(), "deny".into()], ..none() }),
            [1, 3]
        );
        assert_eq!(picked(&LogFilter { decision: Some(Verdict::Allow), ..none() }), [2]);
        assert_eq!(
            picked(&LogFilter { decision: Some(Verdict::Deny), uid: Some(1_002), ..none() }),
            [3, 4]
        );
    }
}
