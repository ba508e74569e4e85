//! The effects carried out: the store, the five calls to Snowflake, what is said.

use patd_core::lifecycle::{Effect, Event, Held, ProbeOutcome, Standing};
use patd_core::names::{Generation, TokenName};

use super::World;
use crate::server::Maker;

impl World {
    pub(super) fn carry_out(&mut self, effect: Effect) {
        match &effect {
            Effect::Store => self.store(),
            Effect::Forget => self.forget(),
            Effect::Add => self.call_add(),
            Effect::Rotate => self.call_rotate(),
            Effect::List => self.call_list(),
            Effect::Probe(generation) => self.call_probe(*generation),
            Effect::Remove(name) => self.call_remove(name),
            Effect::Publish => self.published += 1,
            Effect::EndLeases => {
                self.i9_tombstone_first();
                self.leases.clear();
            }
            Effect::Alarm(alarm) => {
                self.alarms.insert(alarm.id, alarm.clone());
            }
            Effect::Clear(id) => {
                self.alarms.remove(id);
            }
            Effect::WakeAt(at) => self.wake = Some(*at),
        }
        if matches!(
            effect,
            Effect::Add | Effect::Rotate | Effect::List | Effect::Probe(_) | Effect::Remove(_)
        ) {
            self.calls.push((self.clock, effect));
        }
    }

    pub(super) fn store(&mut self) {
        self.i8_generation_on_disk();
        self.write();
        self.disk.sync();
        self.memory_secrets = self.disk.secrets().clone();
        if matches!(self.slot.standing, Standing::Tombstoned { .. }) {
            self.promoted.clear();
            if !self.slot.retired {
                self.condemned.extend(self.given_names());
                self.revoked = true;
            }
        }
        self.promoted.extend(self.slot.current().map(|held| held.generation));
    }

    /// Nothing of the slot is known any more: neither its secrets nor its generations, nor that it was revoked.
    pub(super) fn forget(&mut self) {
        self.i17_nothing_is_forgotten_that_lives();
        self.disk.forget();
        self.memory_secrets.clear();
        self.answer = None;
        self.leases.clear();
        self.alarms.clear();
        self.proven.clear();
        self.promoted.clear();
        self.condemned.clear();
        self.announced = Generation(0);
        self.server.ended = None;
        self.revoked = false;
    }

    pub(super) fn write(&mut self) {
        let secret_of = |held: &Held| {
            let (memory, disk) = (&self.memory_secrets, self.disk.secrets());
            let known = memory.get(&held.generation).or_else(|| disk.get(&held.generation));
            *known.unwrap_or_else(|| panic!("no secret at hand for {held:?}: {self:#?}"))
        };
        let secrets = self.slot.held().map(|held| (held.generation, secret_of(held))).collect();
        self.disk.write(&self.slot, secrets);
    }

    pub(super) fn call_add(&mut self) {
        let intent = self.i4_intent_of_add();
        assert_eq!(self.on_disk().standing, Standing::Enrolled, "only an enrolled slot issues");
        self.i8_generation(intent.generation);
        self.i16_quota();
        self.announced = intent.generation;
        let (outcome, secret) = self.server.add(&intent, self.clock);
        self.await_answer(Event::Added(outcome), secret.map(|secret| (intent.generation, secret)));
    }

    pub(super) fn call_rotate(&mut self) {
        let intent = self.i4_intent_of_rotation();
        assert_eq!(self.on_disk().standing, Standing::Enrolled, "only an enrolled slot issues");
        self.i6_foreign_secret(&intent.name);
        self.i8_generation(intent.generation);
        if intent.overlap != Some(0) {
            self.i16_quota();
        }
        self.announced = intent.generation;
        let (outcome, secret) = self.server.rotate(&intent, self.clock);
        let secret = secret.map(|secret| (intent.generation, secret));
        self.await_answer(Event::Rotated(outcome), secret);
    }

    pub(super) fn call_list(&mut self) {
        let answer = self.server.list();
        self.listed_live = self.server.live(&[Maker::Us, Maker::Clone, Maker::Stranger]);
        self.unseen = if answer.is_ok() { 0 } else { self.unseen };
        self.await_answer(Event::Listed(answer), None);
    }

    pub(super) fn call_probe(&mut self, generation: Generation) {
        let disk = self.on_disk();
        let staged = disk
            .held()
            .find(|held| held.generation == generation)
            .expect("probed is sealed")
            .clone();
        let secret =
            *self.disk.secrets().get(&staged.generation).expect("what is probed is sealed");
        let outcome = self.server.probe(secret);
        if outcome == ProbeOutcome::Proved {
            self.proven.insert(staged.generation);
        }
        self.await_answer(Event::Probed(outcome), None);
    }

    pub(super) fn call_remove(&mut self, name: &TokenName) {
        self.i6_foreign(name);
        self.i4_intent_of_remove(name);
        self.i15_clock(name);
        self.i5_successor(name);
        let outcome = self.server.remove(name);
        self.await_answer(Event::Removed { name: name.clone(), outcome }, None);
    }

    pub(super) fn await_answer(&mut self, answer: Event, secret: Option<(Generation, u64)>) {
        self.i14_one_call();
        self.answer = Some((answer, secret));
    }
}
