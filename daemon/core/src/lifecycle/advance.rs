//! The one place that decides what is asked next when nothing is in flight, and when to come back.

use crate::time::Timestamp;

use super::rules::SURVEY;
use super::trouble::{FENCED, PROBE_WRONG, UNENROLLED};
use super::turn::Turn;
use super::{Effect, Flight, Standing, Work};

impl Turn<'_> {
    /// The daemon started: nothing is in flight, nothing announced can be assumed done. A start implies no rotation,
    /// and the looks at Snowflake's list are spread.
    pub(super) fn started(&mut self) {
        self.slot.flight = Flight::default();
        self.try_now();
        self.alarm_again();
        match self.slot.standing.clone() {
            Standing::Enrolled => {
                self.survey_later();
                self.say_if_window_is_missed();
            }
            Standing::Quarantined { shown } => {
                self.survey_later();
                self.alarm(
                    PROBE_WRONG,
                    format!("a new secret of {} showed {shown}", self.rules.user),
                    "check the user's roles and policies at Snowflake, then patctl enrol"
                        .to_owned(),
                );
            }
            Standing::Tombstoned { confirmed, .. } => {
                self.say(Effect::EndLeases);
                if confirmed {
                    self.survey_later();
                }
                if self.slot.rebuilt {
                    self.say_unenrolled();
                }
            }
            Standing::Fenced { foreign } => self.alarm(
                FENCED,
                format!("{foreign} carries this host's id and was not made by this state"),
                "patctl enrol begins anew beside those tokens".to_owned(),
            ),
        }
    }

    /// Asks the next thing, if nothing is in flight and something is wanted.
    pub(super) fn advance(&mut self) {
        match self.slot.standing {
            Standing::Fenced { .. } => {}
            Standing::Tombstoned { .. } => self.survey(),
            Standing::Enrolled | Standing::Quarantined { .. } => self.advance_work(),
        }
    }

    /// Returns when a tick is needed at the latest. None while an answer is awaited: that comes by itself.
    pub(super) fn wake(&self) -> Option<Timestamp> {
        if self.slot.flight.asked.is_some() {
            return None;
        }
        let survey = self.survey_at().max(self.retry_at());
        match self.slot.standing {
            Standing::Fenced { .. } => None,
            Standing::Tombstoned { .. } => Some(survey),
            Standing::Enrolled | Standing::Quarantined { .. } => {
                Some(self.wake_at_work().min(survey))
            }
        }
    }

    /// An operation in progress comes before a drain, a drain before a new operation.
    fn advance_work(&mut self) {
        let busy = self.slot.work != Work::Idle;
        if busy && self.may_try() {
            self.ask_list();
        } else if let Some(name) = self.drained().filter(|_| self.may_remove()) {
            self.ask_remove(name);
        } else if self.wants_issue() && self.slot.flight.fresh.is_some() && self.may_try() {
            self.ask_list();
        } else if !busy {
            self.survey();
        }
    }

    fn say_unenrolled(&mut self) {
        let message = format!(
            "the store was rebuilt: whether {} was revoked before is not known",
            self.rules.user
        );
        let next_step = "issue again: patctl enrol; or leave it revoked: patctl revoke".to_owned();
        self.alarm(UNENROLLED, message, next_step);
    }

    fn survey(&mut self) {
        if self.survey_at() <= self.now && self.may_try() {
            self.ask_list();
        }
    }

    /// Returns when Snowflake's list is looked at next. A moment too far away is a clock that went back.
    fn survey_at(&self) -> Timestamp {
        let wait = self.slot.flight.survey_at.map_or(0, |at| at.since(self.now));
        if (1..=SURVEY * 2).contains(&wait) { self.now.plus(wait) } else { self.now }
    }

    fn survey_later(&mut self) {
        self.slot.flight.survey_at = Some(self.now.plus(self.rules.jitter.of(SURVEY)));
    }

    fn wake_at_work(&self) -> Timestamp {
        let busy = self.slot.work != Work::Idle || self.wants_issue();
        let due = self.slot.due_at.filter(|_| self.slot.standing == Standing::Enrolled);
        // Whether there is room is told with every tick.
        let cramped = self.slot.flight.is_cramped.then(|| self.now.plus(CRAMPED));
        let rotation = if busy { Some(self.retry_at()) } else { cramped.or(due) };
        [rotation, self.drain_wake()].into_iter().flatten().min().unwrap_or(self.now.plus(SURVEY))
    }
}

/// Seconds until a disk without room is looked at again.
const CRAMPED: i64 = 60;
