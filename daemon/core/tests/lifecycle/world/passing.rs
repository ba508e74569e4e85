//! Answers that arrive and time that passes.

use patd_core::lifecycle::{Effect, Standing};
use patd_core::time::Timestamp;

use super::World;
use crate::server::Fault;

impl World {
    /// Delivers the answer that is on its way.
    pub(crate) fn deliver(&mut self) {
        if let Some((answer, secret)) = self.answer.take() {
            self.memory_secrets.extend(secret);
            self.take(&answer);
        }
    }

    /// Delivers the answer that is on its way, with a fault for the call that follows.
    pub(crate) fn deliver_with(&mut self, fault: Fault) {
        self.server.next = Some(fault);
        self.deliver();
    }

    /// Runs until a call of this kind is on its way.
    pub(crate) fn run_until_in_flight(&mut self, call: fn(&Effect) -> bool) {
        for _ in 0..10_000 {
            if self.answer.is_some() && self.calls.last().is_some_and(|(_, last)| call(last)) {
                return;
            }
            self.step_once();
        }
        panic!("no such call: {:#?}", self.slot);
    }

    /// Runs until nothing more happens without the passing of time.
    pub(crate) fn run(&mut self) {
        self.run_for(0);
    }

    /// Runs this many seconds.
    pub(crate) fn run_for(&mut self, seconds: i64) {
        let end = self.clock.plus(seconds);
        while !self.dead && (self.answer.is_some() || self.wake_at().is_some_and(|at| at <= end)) {
            self.step_once();
        }
        self.pass_to(end);
    }

    /// Runs until the token that is being discarded is gone.
    pub(crate) fn run_until_removed(&mut self) {
        self.run_until_in_flight(|call| matches!(call, Effect::Remove(_)));
        self.deliver();
    }

    /// Delivers the answer on its way, or passes to the next tick.
    pub(super) fn step_once(&mut self) {
        if self.answer.is_some() {
            self.deliver();
        } else if let Some(at) = self.wake_at() {
            self.pass_to(at);
            self.tick();
        }
    }

    pub(super) fn wake_at(&self) -> Option<Timestamp> {
        self.wake.map(|at| at.plus(-self.skew).max(self.clock))
    }

    pub(super) fn pass_to(&mut self, at: Timestamp) {
        self.note_unseen(at.since(self.clock).max(0));
        self.clock = self.clock.max(at);
        self.server.pass(self.clock);
        self.check();
    }

    /// Looking is possible only while Snowflake answers and the slot may look.
    pub(super) fn note_unseen(&mut self, seconds: i64) {
        let looks = match self.slot.standing {
            Standing::Enrolled | Standing::Quarantined { .. } => true,
            Standing::Tombstoned { .. } | Standing::Fenced { .. } => false,
        };
        let possible = looks && self.server.answers() && !self.dead;
        self.unseen = if possible { self.unseen + seconds } else { 0 };
    }
}
