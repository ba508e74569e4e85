//! What configuration says about a slot, as it is kept: what thousands have in common is there once.

use std::sync::Arc;

use patd_core::lifecycle::Rules;
use patd_core::names::{Role, SlotId};
use patd_core::schedule::Jitter;
use patd_snowflake::probe::Form;

use super::calls::Account;
use super::registry::Plan;

/// What configuration says; replaced on a reload.
#[derive(Clone)]
pub(super) struct Terms {
    /// What does not tell one slot from another.
    shape: Arc<Rules>,
    pub(super) role: Role,
    jitter: Jitter,
    pub(super) form: Form,
    pub(super) is_configured: bool,
    pub(super) account: Arc<Account>,
}

/// The shapes met so far, for the next slot that has the same.
#[derive(Default)]
pub(super) struct Shapes(Vec<Arc<Rules>>);

impl Terms {
    pub(super) fn new(plan: Plan, account: Arc<Account>, shapes: &mut Shapes) -> Self {
        let Plan { rules, form, is_configured, upstream: _ } = plan;
        let (role, jitter) = (rules.role.clone(), rules.jitter);
        Self { shape: shapes.of(rules), role, jitter, form, is_configured, account }
    }

    /// Returns the rules that a slot of this id lives by.
    pub(super) fn rules(&self, id: &SlotId) -> Rules {
        Rules {
            user: id.user.clone(),
            role: self.role.clone(),
            jitter: self.jitter,
            ..Rules::clone(&self.shape)
        }
    }

    /// Returns the life asked for in an ADD.
    pub(super) fn days_to_expiry(&self) -> u32 {
        self.shape.days_to_expiry
    }

    /// Returns whether hand-out waits for a first look at the pattern.
    pub(super) fn wants_a_look(&self) -> bool {
        !self.shape.freeze_on.is_empty()
    }
}

impl Shapes {
    fn of(&mut self, rules: Rules) -> Arc<Rules> {
        let is_same = |known: &&Arc<Rules>| {
            let own = (&rules.user, &rules.role, rules.jitter);
            let known = Rules::clone(known);
            Rules { user: own.0.clone(), role: own.1.clone(), jitter: own.2, ..known } == rules
        };
        if let Some(known) = self.0.iter().rev().take(LOOKED_AT).find(is_same) {
            return known.clone();
        }
        let shape = Arc::new(rules);
        self.0.push(shape.clone());
        shape
    }
}

/// Shapes that are compared: most hosts have one or two.
const LOOKED_AT: usize = 8;
