//! The end of a slot: nobody configures it any more, or its user is gone at Snowflake.

use crate::names::Generation;

use super::trouble::LOST;
use super::turn::Turn;
use super::{Effect, Flight, Slot, Standing, Work};

impl Turn<'_> {
    /// The configuration does not name the slot. Nothing is made for it any more, so nothing is in trouble; one that
    /// knows of nothing is forgotten. A tombstone is carried out, and what waits for a person waits on.
    pub(super) fn unconfigured(&mut self) {
        self.slot.flight.fresh = None;
        if self.slot.flight.asked.is_some() || self.slot.standing != Standing::Enrolled {
            return;
        }
        if self.slot.is_blank() {
            return;
        }
        if self.slot.knows_of_nothing() {
            return self.forget();
        }
        self.settle();
        self.end_drain_pause();
        self.say(Effect::Clear(LOST));
    }

    /// A person says that the user is no more: its tokens went with it, and there is nobody to ask about them.
    pub(super) fn user_is_gone(&mut self) {
        self.forget();
    }

    fn forget(&mut self) {
        self.slot = Slot::new(self.slot.host.clone());
        self.forgets();
    }
}

impl Slot {
    /// Returns whether nothing is known of the slot, as of one that was never issued.
    pub fn is_blank(&self) -> bool {
        Self { flight: Flight::default(), ..self.clone() } == Self::new(self.host.clone())
    }

    /// Returns whether there is no secret, no token of ours that may exist, and no fence that was lifted.
    fn knows_of_nothing(&self) -> bool {
        self.held().next().is_none()
            && self.work == Work::Idle
            && self.doubts.is_empty()
            && self.base == Generation::default()
    }
}
