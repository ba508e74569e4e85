//! What others see of a slot: its state as it is durable, and the rules it lives by. Never a secret.

use std::sync::Arc;

use patd_core::lifecycle::{Held, Rules, Slot, Standing, Why};
use patd_core::pattern::verify::Id;
use patd_core::time::Timestamp;
use patd_snowflake::probe::Form;

/// One moment of a slot. Cheap to clone.
#[derive(Clone)]
pub struct View {
    /// The state, as it was last made durable.
    pub slot: Arc<Slot>,
    /// The rules in force.
    pub rules: Arc<Rules>,
    /// How its clients present the secret.
    pub form: Form,
    /// Whether the configuration still names the slot.
    pub is_configured: bool,
}

impl View {
    /// Returns the generation that may be handed out now.
    ///
    /// # Errors
    /// Says why there is none.
    pub fn may_hand_out(&self, now: Timestamp) -> Result<&Held, Why> {
        self.slot.may_hand_out(now, &self.rules)
    }

    /// Returns whether a request that finds no secret makes the slot try at once.
    pub fn heeds_a_wish(&self, now: Timestamp) -> bool {
        self.is_configured && self.slot.heeds_a_wish(now, &self.rules)
    }

    /// Returns the checks of `freeze_on` that stop hand-out.
    pub fn held_back_by(&self) -> Vec<Id> {
        self.slot.held_back_by(&self.rules)
    }

    /// Returns whether hand-out is stopped by what the watch found, or did not look for yet.
    pub fn is_held_back(&self) -> bool {
        self.waits_for_a_look() || !self.held_back_by().is_empty()
    }

    /// Returns whether the slot waits for the first look of the watch.
    pub fn waits_for_a_look(&self) -> bool {
        let waits = self.slot.drift.is_none() && !self.rules.freeze_on.is_empty();
        waits && self.slot.current().is_some()
    }

    /// Returns whether the slot was revoked.
    pub fn is_revoked(&self) -> bool {
        matches!(self.slot.standing, Standing::Tombstoned { .. }) && !self.slot.retired
    }

    /// Returns whether waiting for a secret is in vain: a person has to act, or the next try is some time away.
    pub fn is_hopeless(&self, now: Timestamp, why: Why) -> bool {
        let waits_for_a_person = match why {
            Why::Revoked | Why::Unenrolled | Why::Quarantined | Why::Fenced | Why::HeldBack => true,
            Why::NotIssuedYet | Why::Expired { .. } | Why::RoleChanged | Why::NotLookedAt => {
                !self.is_configured
            }
        };
        let next_try = self.slot.trouble.as_ref().map(|trouble| trouble.retry_at);
        waits_for_a_person || (self.is_at_rest() && next_try.is_some_and(|at| at.since(now) > SOON))
    }

    /// Returns whether the slot is at rest: nothing is asked of Snowflake right now.
    pub fn is_at_rest(&self) -> bool {
        self.slot.flight.asked.is_none()
    }
}

/// Seconds that a next try may be away and still be waited for.
const SOON: i64 = 5;
