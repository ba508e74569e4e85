//! Which alarms a look calls for, and the alarms of an account that stand because of the watch.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use patd_core::lifecycle::Alarm;
use patd_core::names::{Account, SlotId};
use patd_core::pattern::verify::{Check, Id, Outcome};

use crate::alarms::Alarms;

/// What a look calls for.
#[derive(Debug, Default)]
pub(super) struct Called {
    /// Alarms by subject and id.
    alarms: BTreeMap<(String, &'static str), Alarm>,
    /// Those of which nothing is known now: they stay as they are.
    unseen: BTreeSet<(String, &'static str)>,
}

/// The alarms of an account that the watch raised.
#[derive(Debug, Default)]
pub(super) struct Standing(BTreeSet<(String, &'static str)>);

impl Standing {
    /// Raises what is called for, and clears what is not.
    pub(super) fn become_these(&mut self, board: &Alarms, called: Called) {
        let Called { alarms, unseen } = called;
        let stays = |key: &(String, &'static str)| alarms.contains_key(key) || unseen.contains(key);
        let gone: Vec<_> = self.0.iter().filter(|key| !stays(key)).cloned().collect();
        for (subject, id) in gone {
            board.clear(&subject, id);
            self.0.remove(&(subject, id));
        }
        for (key, alarm) in alarms {
            self.add(board, (key.0, alarm));
        }
    }

    /// Raises one more.
    pub(super) fn add(&mut self, board: &Alarms, (subject, alarm): (String, Alarm)) {
        board.raise(&subject, &alarm);
        self.0.insert((subject, alarm.id));
    }

    /// Clears all of them.
    pub(super) fn clear_all(&mut self, board: &Alarms) {
        self.become_these(board, Called::default());
    }
}

/// Returns the alarms for what a look found: a check that does not hold, a secret that was refused, a guard that
/// cannot be seen.
pub(super) fn of(
    account: &Account,
    drift: &[Check],
    refused: &[(Arc<SlotId>, String)],
    freeze_on: &[Id],
) -> Called {
    let mut called = Called::default();
    for check in drift {
        let Some(id) = Id::read(&check.id).map(Id::as_str) else { continue };
        let key = (format!("{account} {}", check.subject), id);
        match check.outcome {
            Outcome::Failed => {
                let (message, next_step) = (check.evidence.clone(), check.next_step.clone());
                called.alarms.insert(key, Alarm { id, message, next_step });
            }
            Outcome::NotChecked { .. } => {
                called.unseen.insert(key);
            }
            Outcome::Passed => {}
        }
    }
    for (slot, why) in refused {
        called.alarms.insert((slot.to_string(), LOGIN_REFUSED), login_refused(why));
    }
    if let Some(alarm) = guards_unseen(drift, freeze_on) {
        called.alarms.insert((account.to_string(), alarm.id), alarm);
    }
    called
}

/// Returns the alarm that an account was not looked at for long.
pub(super) fn not_watched(account: &Account, why: &str) -> (String, Alarm) {
    let message = format!("whether the pattern holds could not be looked at for hours: {why}");
    let next_step = "patctl drift --look shows the cause now".to_owned();
    (account.to_string(), Alarm { id: "not-watched", message, next_step })
}

fn login_refused(why: &str) -> Alarm {
    let message = format!("a login with the current secret was refused: {why}");
    let next_step = "see whether its token and the network policy are as they should be: patctl drift; \
                     a new token: patctl rotate";
    Alarm { id: LOGIN_REFUSED, message, next_step: next_step.to_owned() }
}

/// A guard that nobody can look at guards nothing, and whoever configured it believes it does.
fn guards_unseen(drift: &[Check], freeze_on: &[Id]) -> Option<Alarm> {
    let mut needed: BTreeMap<&str, &str> = BTreeMap::new();
    for check in drift {
        let is_guard = freeze_on.iter().any(|id| id.as_str() == check.id);
        if let (Outcome::NotChecked { needs }, true) = (&check.outcome, is_guard) {
            needed.insert(&check.id, needs);
        }
    }
    let needs = |(id, needs): (&&str, &&str)| format!("{id} needs {needs}");
    let list: Vec<String> = needed.iter().map(needs).collect();
    let message = format!("freeze_on names what the broker's role cannot see: {}", list.join("; "));
    let next_step = "grant it that, or take the check out of freeze_on".to_owned();
    (!list.is_empty()).then_some(Alarm { id: "freeze-on-not-checked", message, next_step })
}

const LOGIN_REFUSED: &str = "login-refused";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Audit;
    use crate::clock::Clock;

    fn check(id: &str, outcome: Outcome) -> Check {
        let (id, subject) = (id.to_owned(), "user ANA".to_owned());
        Check { id, subject, outcome, evidence: "seen".into(), next_step: "mend it".into() }
    }

    fn unseen() -> Outcome {
        Outcome::NotChecked { needs: "MONITOR".to_owned() }
    }

    /// The ids that stand after these looks, one after another.
    fn after(looks: &[&[Check]]) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let audit = Audit::open(folder.path(), "b", false, 0).unwrap();
        let board = Alarms::new(audit, Arc::new(Clock::manual(0)));
        let mut standing = Standing::default();
        for drift in looks {
            standing.become_these(&board, of(&Account::new("A"), drift, &[], &[Id::OneRole]));
        }
        board.standing_now().into_iter().map(|problem| problem.id).collect()
    }

    #[test]
    fn a_check_that_fails_is_an_alarm_until_it_holds() {
        let failed = [check("one-role", Outcome::Failed)];
        assert_eq!(after(&[&failed]), ["one-role"]);
        assert!(after(&[&failed, &[]]).is_empty());
    }

    #[test]
    fn what_cannot_be_seen_raises_and_clears_nothing() {
        let failed = [check("minters", Outcome::Failed)];
        let unseen = [check("minters", unseen())];
        assert!(after(&[&unseen]).is_empty());
        assert_eq!(after(&[&failed, &unseen]), ["minters"]);
        assert!(after(&[&failed, &unseen, &[]]).is_empty());
    }

    #[test]
    fn a_guard_that_cannot_be_seen_is_said() {
        let unseen = [check("one-role", unseen())];
        assert_eq!(after(&[&unseen]), ["freeze-on-not-checked"]);
        assert!(after(&[&unseen, &[]]).is_empty());
    }
}
