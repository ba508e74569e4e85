//! One step in the making: the new state, what is to be said, and the one call. Its end puts them in order, so
//! that no part of the machine can forget to store, store too late, or ask twice.

use crate::names::{Generation, IntentId, TokenName};
use crate::time::Timestamp;

use super::{Alarm, Asked, Effect, Event, Flight, Rules, Slot};

/// A step in the making.
pub(super) struct Turn<'a> {
    pub(super) slot: Slot,
    pub(super) now: Timestamp,
    pub(super) rules: &'a Rules,
    before: &'a Slot,
    forgets: bool,
    said: Vec<Effect>,
    call: Option<Effect>,
}

impl<'a> Turn<'a> {
    pub(super) fn new(before: &'a Slot, now: Timestamp, rules: &'a Rules) -> Self {
        Self {
            slot: before.clone(),
            now,
            rules,
            before,
            forgets: false,
            said: Vec::new(),
            call: None,
        }
    }

    /// Store first, then what is said, then the one call; without a call in flight, when to come back.
    pub(super) fn finish(self) -> (Slot, Vec<Effect>) {
        let wake = self.wake();
        let (slot, mut effects) = self.finish_at_rest();
        effects.extend(wake.map(Effect::WakeAt));
        (slot, effects)
    }

    /// The same, with nothing to come back for.
    pub(super) fn finish_at_rest(mut self) -> (Slot, Vec<Effect>) {
        let mut effects = Vec::new();
        if self.forgets {
            effects.push(Effect::Forget);
        } else if durable(&self.slot) != durable(self.before) {
            effects.push(Effect::Store);
        }
        effects.append(&mut self.said);
        effects.extend(self.call.take());
        (self.slot, effects)
    }

    /// The slot is forgotten.
    pub(super) fn forgets(&mut self) {
        self.forgets = true;
    }

    pub(super) fn say(&mut self, effect: Effect) {
        self.said.push(effect);
    }

    pub(super) fn alarm(&mut self, id: &'static str, message: String, next_step: String) {
        self.say(Effect::Alarm(Alarm { id, message, next_step }));
    }

    pub(super) fn ask_add(&mut self) {
        self.ask(Asked::Add, Effect::Add);
    }

    pub(super) fn ask_rotate(&mut self) {
        self.ask(Asked::Rotate, Effect::Rotate);
    }

    pub(super) fn ask_list(&mut self) {
        self.ask(Asked::List, Effect::List);
    }

    pub(super) fn ask_probe(&mut self, generation: Generation) {
        self.ask(Asked::Probe(generation), Effect::Probe(generation));
    }

    pub(super) fn ask_remove(&mut self, name: TokenName) {
        self.ask(Asked::Remove(name.clone()), Effect::Remove(name));
    }

    /// Takes note that an answer arrived. False: nobody asked for this one, it is late or doubled.
    pub(super) fn awaits(&mut self, event: &Event) -> bool {
        let awaited = match (event, &self.slot.flight.asked) {
            (Event::Added(_), asked) => *asked == Some(Asked::Add),
            (Event::Rotated(_), asked) => *asked == Some(Asked::Rotate),
            (Event::Listed(_), asked) => *asked == Some(Asked::List),
            (Event::Probed(_), asked) => matches!(asked, Some(Asked::Probe(_))),
            (Event::Removed { name, .. }, asked) => *asked == Some(Asked::Remove(name.clone())),
            (
                Event::Started
                | Event::Tick { .. }
                | Event::Room { .. }
                | Event::Wanted { .. }
                | Event::Rotate { .. }
                | Event::Revoke
                | Event::Retire
                | Event::Enrol { .. }
                | Event::Unconfigured
                | Event::Gone
                | Event::Judged { .. },
                _,
            ) => return true,
        };
        if awaited {
            self.slot.flight.asked = None;
        }
        awaited
    }

    /// Keeps a fresh random id for the next intent.
    pub(super) fn offer(&mut self, fresh: &IntentId) {
        self.slot.flight.fresh = Some(fresh.clone());
    }

    fn ask(&mut self, asked: Asked, effect: Effect) {
        if self.slot.flight.asked.is_none() {
            self.slot.flight.asked = Some(asked);
            self.call = Some(effect);
        }
    }
}

/// Returns what of a slot is persisted.
fn durable(slot: &Slot) -> Slot {
    Slot { flight: Flight::default(), ..slot.clone() }
}
