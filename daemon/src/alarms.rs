//! What a person must act on: raised once, kept until its cause is gone, shown by `patctl status`, in the log
//! and in the audit log.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pat_wire::admin::Problem;
use patd_core::lifecycle::Alarm;

use crate::audit::{Audit, Event};
use crate::clock::Clock;

/// The alarms that stand. One for the daemon.
pub struct Alarms {
    standing: Mutex<BTreeMap<(String, String), Problem>>,
    audit: Arc<Audit>,
    clock: Arc<Clock>,
}

impl Alarms {
    /// Returns a board without alarms.
    pub fn new(audit: Arc<Audit>, clock: Arc<Clock>) -> Self {
        Self { standing: Mutex::default(), audit, clock }
    }

    /// Raises an alarm about a subject. One that stands already with the same text stays as it is.
    pub fn raise(&self, subject: &str, alarm: &Alarm) {
        let problem = Problem {
            id: alarm.id.to_owned(),
            subject: subject.to_owned(),
            message: alarm.message.clone(),
            next_step: alarm.next_step.clone(),
        };
        let key = (subject.to_owned(), problem.id.clone());
        let before = self.standing().insert(key, problem.clone());
        if before.as_ref() != Some(&problem) {
            self.tell(&problem);
        }
    }

    /// Takes an alarm down, if it stands.
    pub fn clear(&self, subject: &str, id: &str) {
        let Some(gone) = self.standing().remove(&(subject.to_owned(), id.to_owned())) else {
            return;
        };
        tracing::info!(alarm = gone.id, subject, "Alarm cleared");
        let at = self.clock.read().wall;
        self.audit.note(at, &Event::AlarmCleared { id: &gone.id, subject: gone.subject.clone() });
    }

    /// Takes every alarm about a subject down.
    pub fn clear_all(&self, subject: &str) {
        let of_subject = |(about, id): &(String, String)| (about == subject).then(|| id.clone());
        let ids: Vec<String> = self.standing().keys().filter_map(of_subject).collect();
        ids.iter().for_each(|id| self.clear(subject, id));
    }

    /// Returns the alarms that stand, by subject.
    pub fn standing_now(&self) -> Vec<Problem> {
        self.standing().values().cloned().collect()
    }

    fn tell(&self, problem: &Problem) {
        tracing::error!(
            alarm = problem.id,
            subject = problem.subject,
            what = problem.message,
            next_step = problem.next_step,
            "Alarm"
        );
        let event = Event::Alarm {
            id: &problem.id,
            subject: problem.subject.clone(),
            message: &problem.message,
        };
        self.audit.note(self.clock.read().wall, &event);
    }

    fn standing(&self) -> MutexGuard<'_, BTreeMap<(String, String), Problem>> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use pat_wire::admin::LogFilter;

    use super::*;

    fn alarm(message: &str) -> Alarm {
        Alarm { id: "x", message: message.into(), next_step: String::new() }
    }

    #[test]
    fn an_alarm_is_told_once_and_stands_until_it_is_cleared() {
        let folder = tempfile::tempdir().unwrap();
        let audit = Audit::open(folder.path(), "b", false, 0).unwrap();
        let alarms = Alarms::new(audit.clone(), Arc::new(Clock::manual(0)));

        alarms.raise("slot", &alarm("a"));
        alarms.raise("slot", &alarm("a"));
        assert_eq!(alarms.standing_now().len(), 1);
        alarms.clear("slot", "x");
        alarms.clear("slot", "x");

        assert!(alarms.standing_now().is_empty());
        assert_eq!(
            audit.newest(&LogFilter::default(), 10).unwrap().len(),
            2,
            "raised once, cleared once"
        );
    }
}
