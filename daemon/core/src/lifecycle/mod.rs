//! The life of a slot's tokens as a pure state machine: `step(slot, event, now, rules) -> (slot, effects)`.

mod effect;
mod event;
mod rules;
mod state;
mod view;

pub use effect::{Alarm, Effect};
pub use event::{
    AddOutcome, Event, Failure, ProbeOutcome, Refusal, RefusalKind, RemoveOutcome, TokenRow,
    TokenStatus,
};
pub use rules::{MOST_OF_OURS, NO_ADD_FROM, Rules};
pub use state::{Asked, Doubt, Draining, Flight, Held, Intent, Slot, Standing, Trouble, Work};
pub use view::Why;

use crate::time::Timestamp;

/// Returns the state after an event, and what the daemon must do, in order.
#[must_use]
pub fn step(slot: &Slot, _event: &Event, _now: Timestamp, _rules: &Rules) -> (Slot, Vec<Effect>) {
    (slot.clone(), Vec::new())
}
