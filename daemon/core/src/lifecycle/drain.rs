//! The end of an old generation: when nobody holds it any more, or its time is up, and never before a successor
//! is promoted.

use crate::names::{Generation, TokenName};
use crate::schedule::{LONGEST_WAIT, backoff};
use crate::time::Timestamp;

use super::trouble::{During, REMOVE_REFUSED};
use super::turn::Turn;
use super::{Draining, Effect, Failure, RemoveOutcome, Work};

impl Turn<'_> {
    /// Takes over who still holds what. A clock that went back does not prolong a drain.
    pub(super) fn note_holders(&mut self, held: &[Generation]) {
        let now = self.now;
        for old in &mut self.slot.draining {
            old.since = old.since.min(now);
            let free = !held.contains(&old.held.generation);
            old.released_at = free.then(|| old.released_at.map_or(now, |since| since.min(now)));
        }
    }

    /// Returns the next token whose drain is over: the distrusted first, then the oldest.
    pub(super) fn drained(&self) -> Option<TokenName> {
        let mut ready: Vec<&Draining> = self
            .slot
            .draining
            .iter()
            .filter(|old| self.over_at(old).is_some_and(|at| at <= self.now))
            .collect();
        ready.sort_by_key(|old| !old.tainted);
        ready.first().map(|old| old.held.name.clone())
    }

    /// Returns when the next drain needs a look.
    pub(super) fn drain_wake(&self) -> Option<Timestamp> {
        let looks = self.slot.draining.iter().filter_map(|old| self.look_at_drain(old));
        looks.min().map(|at| at.max(self.drain_pause()))
    }

    /// Returns whether an old token may be removed now: the last failure to do so has been waited out.
    pub(super) fn may_remove(&self) -> bool {
        self.drain_pause() <= self.now
    }

    /// The answer to a REMOVE.
    pub(super) fn removed(&mut self, name: &TokenName, outcome: &RemoveOutcome) {
        match outcome {
            RemoveOutcome::Removed => {
                self.slot.doubts.retain(|doubt| doubt.name != *name);
                self.gone(name);
            }
            RemoveOutcome::Absent => self.gone(name),
            RemoveOutcome::Failed(failure) if self.drains(name) => self.drain_failed(name, failure),
            RemoveOutcome::Failed(failure) => self.note_failure(During::Remove, failure),
        }
    }

    /// Ends the pause after failed removals: there is nothing left to remove, or it worked.
    pub(super) fn end_drain_pause(&mut self) {
        if self.slot.flight.drain_pause.take().is_some() {
            self.say(Effect::Clear(REMOVE_REFUSED));
        }
    }

    fn gone(&mut self, name: &TokenName) {
        self.slot.flight.removed = Some(name.clone());
        if self.drains(name) {
            self.slot.draining.retain(|old| old.held.name != *name);
            self.end_drain_pause();
        }
        if matches!(&self.slot.work, Work::Discarding { name: going, .. } if going == name) {
            self.slot.work = Work::Idle;
        }
        self.look_again_if_revoked();
        self.settle_if_content();
    }

    /// A failed removal holds up no rotation: it has a pause of its own.
    fn drain_failed(&mut self, name: &TokenName, failure: &Failure) {
        let times = self.slot.flight.drain_pause.map_or(0, |(times, _)| times).saturating_add(1);
        let until = self.now.plus(backoff(times, self.rules.jitter));
        self.slot.flight.drain_pause = Some((times, until));
        if let Failure::Refused(refusal) = failure {
            self.alarm(
                REMOVE_REFUSED,
                format!(
                    "Snowflake refused to remove the old token {name}: {} {}",
                    refusal.code, refusal.message
                ),
                format!("{}; or remove the token by hand", self.way_out(refusal.kind)),
            );
        }
    }

    fn drains(&self, name: &TokenName) -> bool {
        self.slot.draining.iter().any(|old| old.held.name == *name)
    }

    /// A moment too far away is a clock that went back.
    fn drain_pause(&self) -> Timestamp {
        let wait = self.slot.flight.drain_pause.map_or(0, |(_, until)| until.since(self.now));
        if (1..=LONGEST_WAIT * 2).contains(&wait) { self.now.plus(wait) } else { self.now }
    }

    /// Returns when a drain is over. None while the served secret is itself in doubt: then the old one may be the
    /// last that works.
    fn over_at(&self, old: &Draining) -> Option<Timestamp> {
        if old.tainted {
            return Some(old.since);
        }
        if self.slot.serving.is_none() || self.slot.taint.is_some() {
            return None;
        }
        let latest = old.since.plus(self.rules.drain_limit()).min(old.held.expires_at);
        let released = old.released_at.map(|at| at.plus(i64::from(self.rules.drain_min)));
        Some(released.map_or(latest, |at| at.min(latest)))
    }

    /// Whether somebody holds it is asked right after the promotion and again after the shortest drain; later the
    /// end of a lease brings a tick by itself.
    fn look_at_drain(&self, old: &Draining) -> Option<Timestamp> {
        let over = self.over_at(old)?;
        if old.released_at.is_some() || old.tainted {
            return Some(over);
        }
        let first = old.since.plus(1);
        let second = old.since.plus(i64::from(self.rules.drain_min));
        let asked = [first, second].into_iter().find(|at| *at > self.now);
        Some(asked.map_or(over, |at| at.min(over)))
    }
}
