//! `patctl rotate --all`: one slot after the other, since each is several calls at Snowflake. One that fails stops no
//! other; what is revoked stays so, and what the configuration does not name has no connection to rotate by.

use pat_wire::admin::{Rotated, SlotStatus, Status};
use serde_json::json;

use super::rotated;
use crate::answer::{Answer, Exit, Failure};
use crate::cli::Cli;
use crate::daemon;
use crate::progress::{Eyes, Progress};
use crate::text::{counted, plain};

pub(super) fn run(cli: &Cli, taint: Option<&str>) -> Result<Answer, Failure> {
    let status: Status = daemon::ask(cli, "GET", "/v1/status")?;
    let shown = Progress::through(Eyes::of(cli), status.slots.len());
    let mut outcomes = Vec::new();
    for slot in &status.slots {
        // Line by line on standard error: who breaks it off has seen which tokens are new.
        shown.begins(plain(&slot.slot));
        let outcome = match turn(slot) {
            Turn::Of(connection) => match rotated(cli, connection, taint) {
                Ok(rotated) => Outcome::Rotated(rotated),
                Err(failure) => Outcome::Failed(failure),
            },
            Turn::LeftOut(why) => Outcome::LeftOut(why),
        };
        shown.ends(outcome.word());
        outcomes.push((slot.slot.as_str(), outcome));
    }
    drop(shown);
    Ok(answer(&outcomes))
}

/// Whether a slot is rotated, and by which name.
#[derive(Debug, PartialEq, Eq)]
enum Turn<'a> {
    Of(&'a str),
    LeftOut(&'static str),
}

enum Outcome {
    Rotated(Rotated),
    Failed(Failure),
    LeftOut(&'static str),
}

impl Outcome {
    fn word(&self) -> &'static str {
        match self {
            Self::Rotated(_) => "rotated",
            Self::Failed(_) => "failed",
            Self::LeftOut(_) => "left out",
        }
    }
}

fn turn(slot: &SlotStatus) -> Turn<'_> {
    match (slot.state.as_str(), slot.connections.first()) {
        ("revoked" | "revoking", _) => Turn::LeftOut("it is revoked"),
        ("unenrolled", _) => Turn::LeftOut("it is not enrolled since the store was rebuilt"),
        (_, None) => Turn::LeftOut("the configuration does not name it"),
        (_, Some(connection)) => Turn::Of(connection),
    }
}

fn answer(outcomes: &[(&str, Outcome)]) -> Answer {
    let mut text: String = outcomes.iter().map(|(slot, outcome)| line(slot, outcome)).collect();
    text.push_str(&counts(outcomes));
    let failed = outcomes.iter().any(|(_, outcome)| matches!(outcome, Outcome::Failed(_)));
    let (mut rotated, mut refused, mut left_out) = (Vec::new(), Vec::new(), Vec::new());
    for (slot, outcome) in outcomes {
        match outcome {
            Outcome::Rotated(done) => rotated.push(json!(done)),
            Outcome::Failed(failure) => {
                refused.push(json!({ "slot": slot, "failure": failure.json() }));
            }
            Outcome::LeftOut(why) => left_out.push(json!({ "slot": slot, "why": why })),
        }
    }
    let json = json!({ "rotated": rotated, "failed": refused, "left_out": left_out });
    Answer { text, json, exit: if failed { Exit::Failed } else { Exit::Ok } }
}

fn line(slot: &str, outcome: &Outcome) -> String {
    let slot = plain(slot);
    match outcome {
        Outcome::Rotated(Rotated { from, to, leases_on_older, .. }) => {
            let from = from.map(|from| format!(" in place of {from}")).unwrap_or_default();
            let holders = usize::try_from(*leases_on_older).unwrap_or(usize::MAX);
            let older = match holders {
                0 => String::new(),
                _ => format!(", {} on older ones", counted(holders, "lease")),
            };
            format!("{slot}: generation {to} is served{from}{older}\n")
        }
        Outcome::Failed(failure) => {
            let said = failure.lines().join("; ");
            format!("{slot}: not rotated: {}\n", said.trim_start_matches("patctl: "))
        }
        Outcome::LeftOut(why) => format!("{slot}: left out: {why}\n"),
    }
}

fn counts(outcomes: &[(&str, Outcome)]) -> String {
    let count = |is_one: fn(&Outcome) -> bool| {
        outcomes.iter().filter(|(_, outcome)| is_one(outcome)).count()
    };
    let rotated = count(|outcome| matches!(outcome, Outcome::Rotated(_)));
    let failed = count(|outcome| matches!(outcome, Outcome::Failed(_)));
    let left_out = count(|outcome| matches!(outcome, Outcome::LeftOut(_)));
    let slots = counted(outcomes.len(), "slot");
    format!("{slots}: {rotated} rotated, {failed} failed, {left_out} left out\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_revoked_or_has_no_name_is_left_out() {
        let slot = |state: &str, connections: &[&str]| -> SlotStatus {
            let slot = json!({
                "slot": "A/U", "connections": connections, "role": "R", "state": state,
                "generation": 1, "expires_at": null, "due_at": null, "leases": 0,
                "leases_on_older": 0, "problem": null,
            });
            serde_json::from_value(slot).unwrap()
        };
        assert_eq!(turn(&slot("serving", &["one", "two"])), Turn::Of("one"));
        assert_eq!(turn(&slot("fenced", &["one"])), Turn::Of("one"), "the daemon says why not");
        assert_eq!(turn(&slot("revoked", &["one"])), Turn::LeftOut("it is revoked"));
        assert!(matches!(turn(&slot("unenrolled", &["one"])), Turn::LeftOut(_)));
        assert_eq!(turn(&slot("revoking", &["one"])), Turn::LeftOut("it is revoked"));
        let nameless = Turn::LeftOut("the configuration does not name it");
        assert_eq!(turn(&slot("serving", &[])), nameless);
    }
}
