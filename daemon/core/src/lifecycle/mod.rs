//! The life of a slot's tokens as a pure state machine: `step(slot, event, now, rules) -> (slot, effects)`.
//!
//! The state diagram belongs here and is the module's documentation.

mod effect;
mod event;
mod state;

pub use effect::{Alarm, Effect};
pub use event::{AddOutcome, Event, Failure, ProbeOutcome, Refusal, RefusalKind, RemoveOutcome, TokenRow, TokenStatus};
pub use state::{Draining, Held, Intent, Slot, Standing, Trouble, Work};
