//! How the daemon's last look judges the broker's own privileges. Pure.

use pat_wire::provision::AccountDrift;
use patd_checks::{Fact, Finding, Id, Needs};
use patd_core::pattern::verify::{Check, Id as Pattern, Outcome};

/// Judges a look, in which only what does not hold or was not seen is listed.
pub(super) fn judged(subject: &str, look: Fact<&AccountDrift>) -> Finding {
    let checked = look.and_then(|look| Ok((checks(look)?, look.failure.as_deref())));
    Finding::of(Id::Privileges, subject, checked, |(checks, failure)| {
        of_broker(subject, &checks, failure)
    })
}

fn checks(look: &AccountDrift) -> Fact<Vec<Check>> {
    if look.looked_at.is_none() {
        return Err(Needs::new("a first look of the daemon's: patctl drift --look"));
    }
    serde_json::from_value(look.checks.clone())
        .map_err(|_| Needs::new("a daemon of the same version"))
}

/// `failure` is why the last look brought nothing; then the checks are those of an earlier one. What failed there still
/// stands, and the rest may have changed since.
fn of_broker(subject: &str, checks: &[Check], failure: Option<&str>) -> Finding {
    let ours = |check: &&Check| BROKER.iter().any(|id| id.as_str() == check.id);
    let checks: Vec<&Check> = checks.iter().filter(ours).collect();
    let failed = checks.iter().filter(|check| check.outcome == Outcome::Failed);
    let failed: Vec<&&Check> = failed.collect();
    let unlooked = failure.map(|why| Needs::new(format!("a look that succeeds: {why}")));
    let mut unseen = checks.iter().filter_map(|check| match &check.outcome {
        Outcome::NotChecked { needs } => Some(Needs::new(needs)),
        Outcome::Passed | Outcome::Failed => None,
    });
    match (failed.as_slice(), unlooked.or_else(|| unseen.next())) {
        ([], None) => Finding::ok(
            Id::Privileges,
            subject,
            "the broker's role manages each registered user's tokens, and nothing else",
        ),
        ([], Some(needs)) => Finding::unseen(Id::Privileges, subject, &needs),
        (failed, _) => {
            let said =
                |check: &&&Check| format!("{} ({}): {}", check.id, check.subject, check.evidence);
            let mut steps: Vec<&str> =
                failed.iter().map(|check| check.next_step.as_str()).collect();
            steps.dedup();
            let what = failed.iter().map(said).collect::<Vec<_>>().join("; ");
            Finding::failed(Id::Privileges, subject, what, steps.join("; "))
        }
    }
}

const BROKER: [Pattern; 2] = [Pattern::BrokerManages, Pattern::BrokerLeast];

#[cfg(test)]
mod tests {
    use patd_checks::Outcome as Found;
    use serde_json::{Value, json};

    use super::*;

    fn check(id: &str, outcome: Value) -> Value {
        json!({ "id": id, "subject": "broker", "outcome": outcome, "evidence": "seen", "next_step": "mend" })
    }

    fn outcome(looked_at: Option<i64>, checks: Value) -> Found {
        last(looked_at, None, checks)
    }

    fn last(looked_at: Option<i64>, failure: Option<&str>, checks: Value) -> Found {
        let (account, failure) = ("A".to_owned(), failure.map(str::to_owned));
        let look = AccountDrift { account, looked_at, failure, checks, held_back: vec![] };
        judged("account A", Ok(&look)).outcome
    }

    #[test]
    fn a_look_that_lists_nothing_of_the_broker_is_good() {
        assert_eq!(outcome(Some(1), json!([])), Found::Ok);
        assert_eq!(outcome(Some(1), json!([check("one-role", json!("failed"))])), Found::Ok);
    }

    #[test]
    fn what_fails_is_worse_than_what_is_not_seen() {
        let hidden = check("broker-least", json!({ "not-checked": { "needs": "MANAGE GRANTS" } }));
        let failed = check("broker-manages", json!("failed"));
        assert_eq!(
            outcome(Some(1), json!([hidden])),
            Found::NotChecked { needs: "MANAGE GRANTS".into() }
        );
        assert_eq!(outcome(Some(1), json!([hidden, failed])), Found::Failed);
    }

    #[test]
    fn after_a_look_that_failed_only_what_had_failed_before_is_judged() {
        let needs = Found::NotChecked { needs: "a look that succeeds: 390422 refused".into() };
        let hidden = check("broker-least", json!({ "not-checked": { "needs": "MANAGE GRANTS" } }));
        let failed = check("broker-manages", json!("failed"));
        let last = |checks| last(Some(1), Some("390422 refused"), checks);
        assert_eq!(last(json!([])), needs);
        assert_eq!(last(json!([hidden])), needs);
        assert_eq!(last(json!([failed])), Found::Failed);
    }

    #[test]
    fn without_a_look_nothing_is_judged() {
        for unseen in [
            outcome(None, json!([])),
            outcome(Some(1), json!({})),
            judged("a", Err(Needs::new("root"))).outcome,
        ] {
            assert!(matches!(unseen, Found::NotChecked { .. }));
        }
    }
}
