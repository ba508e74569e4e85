//! What is counted while the daemon runs. Most of it is counted as its audit record is written, so that the numbers and
//! the log cannot tell two stories. Refusals are counted where they are answered, since the log leaves some out; and so
//! is a question about tokens that was not answered, which the log does not have.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use pat_wire::error::ErrorCode;

use crate::audit::Event;

/// The counters. One for the daemon.
#[derive(Debug, Default)]
pub struct Counts(Mutex<Tally>);

/// What was counted so far. No number in it ever goes back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Hand-outs by connection.
    pub hand_outs: BTreeMap<String, u64>,
    /// Hand-outs that were written down and did not happen.
    pub not_released: u64,
    /// Refusals on the hand-out socket, by code.
    pub refusals: BTreeMap<&'static str, u64>,
    /// Generations that were promoted, by account.
    pub promoted: BTreeMap<String, u64>,
    /// Tries that brought no generation, by account.
    pub failed: BTreeMap<String, u64>,
    /// Alarms that were raised, by id.
    pub alarms: BTreeMap<String, u64>,
    /// Records that were written.
    pub records: u64,
    /// Records that were not.
    pub unwritten: u64,
}

impl Counts {
    /// Returns everything as it is now.
    pub fn now(&self) -> Tally {
        self.tally().clone()
    }

    /// Counts an event with its record, which was written or not.
    pub fn recorded(&self, event: &Event<'_>, is_written: bool) {
        let mut tally = self.tally();
        if is_written {
            up(&mut tally.records);
        } else {
            up(&mut tally.unwritten);
        }
        match event {
            // Without its record it does not happen.
            Event::Allow { connection, .. } if is_written => one(&mut tally.hand_outs, connection),
            Event::NotReleased { .. } => up(&mut tally.not_released),
            Event::Promote { slot, .. } => one(&mut tally.promoted, account(slot)),
            Event::Issue { slot, outcome, .. } if !outcome.starts_with(MINTED) => {
                one(&mut tally.failed, account(slot));
            }
            Event::Probe { slot, outcome, .. } if outcome != PROVED => {
                one(&mut tally.failed, account(slot));
            }
            Event::Alarm { id, .. } => one(&mut tally.alarms, id),
            Event::Start { .. }
            | Event::Stop
            | Event::ConfigLoaded { .. }
            | Event::ConfigRefused { .. }
            | Event::Gap { .. }
            | Event::Allow { .. }
            | Event::Deny { .. }
            | Event::RefusalsLeftOut { .. }
            | Event::LeaseEnded { .. }
            | Event::Intent { .. }
            | Event::Issue { .. }
            | Event::Probe { .. }
            | Event::Remove { .. }
            | Event::Admin { .. }
            | Event::Provision { .. }
            | Event::AlarmCleared { .. } => {}
        }
    }

    /// Counts a refusal on the hand-out socket.
    pub fn refused(&self, code: ErrorCode) {
        up(self.tally().refusals.entry(word(code)).or_insert(0));
    }

    /// Counts a try at a generation that came no further than the question which tokens there are.
    pub fn not_listed(&self, slot: &str) {
        one(&mut self.tally().failed, account(slot));
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn up(count: &mut u64) {
    *count = count.saturating_add(1);
}

/// A name that was counted before is not written down again.
fn one(counts: &mut BTreeMap<String, u64>, of: &str) {
    match counts.get_mut(of) {
        Some(count) => up(count),
        None => {
            counts.insert(of.to_owned(), 1);
        }
    }
}

/// `ACCOUNT/USER`: no account has a slash in its name.
pub(super) fn account(slot: &str) -> &str {
    slot.split_once('/').map_or(slot, |(account, _)| account)
}

/// The word of a code on the wire.
pub(super) fn word(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::Refused => "refused",
        ErrorCode::WhichConnection => "which-connection",
        ErrorCode::DeliveryNotAllowed => "delivery-not-allowed",
        ErrorCode::NotReady => "not-ready",
        ErrorCode::Revoked => "revoked",
        ErrorCode::Busy => "busy",
        ErrorCode::UnknownLease => "unknown-lease",
        ErrorCode::AuditUnavailable => "audit-unavailable",
        ErrorCode::UnknownConnection => "unknown-connection",
        ErrorCode::Malformed => "malformed",
        ErrorCode::TooLarge => "too-large",
        ErrorCode::NotFound => "not-found",
        ErrorCode::UnknownAccount => "unknown-account",
        ErrorCode::OtherPlan => "other-plan",
        ErrorCode::Unclear => "unclear",
        ErrorCode::Upstream => "upstream",
        ErrorCode::Internal => "internal",
    }
}

/// As the slots write it down: what an ADD or ROTATE that brought a secret, and a login that proved it, are called.
const MINTED: &str = "minted";
const PROVED: &str = "proved";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_counted_by_its_word_on_the_wire() {
        for code in [ErrorCode::Refused, ErrorCode::AuditUnavailable, ErrorCode::WhichConnection] {
            assert_eq!(serde_json::to_value(code).unwrap(), word(code));
        }
    }

    #[test]
    fn a_hand_out_counts_with_its_record_and_a_rotation_counts_in_any_case() {
        let counts = Counts::default();
        let subject = crate::audit::Subject { uid: 1, egid: 1, pid: 1, unit: None };
        let allow = Event::Allow {
            subject,
            connection: "c",
            slot: "A/U".into(),
            generation: 1,
            lease: "l",
            deliver: "home".into(),
            gated: true,
            replaces: None,
        };
        let issue = |outcome: &str| Event::Issue {
            slot: "A/U".into(),
            generation: 2,
            token: "T",
            outcome: outcome.into(),
        };

        counts.recorded(&allow, false);
        counts.recorded(&allow, true);
        counts.recorded(&issue("minted; the secret before it is T_OLD"), true);
        counts.recorded(&issue("refused: 003001 no"), true);
        let login = |outcome: &str| Event::Probe {
            slot: "A/U".into(),
            generation: 2,
            outcome: outcome.into(),
        };
        counts.recorded(&login("wrong: PUBLIC"), false);
        counts.recorded(&login("proved"), true);
        counts.recorded(&Event::Promote { slot: "A/U".into(), generation: 2 }, true);

        let tally = counts.now();
        assert_eq!(tally.hand_outs, BTreeMap::from([("c".to_owned(), 1)]));
        assert_eq!(tally.promoted, BTreeMap::from([("A".to_owned(), 1)]));
        assert_eq!(tally.failed, BTreeMap::from([("A".to_owned(), 2)]));
        assert_eq!((tally.records, tally.unwritten), (5, 2));
    }
}
