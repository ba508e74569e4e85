//! What configuration says about a slot, as far as its life depends on it.

use std::fmt;

use crate::names::{Role, User};
use crate::pattern::verify::Id;
use crate::schedule::Jitter;
use crate::window::Window;

/// The terms under which [`step`](super::step) decides. They may change between two steps (a reload).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The service user.
    pub user: User,
    /// The one role.
    pub role: Role,
    /// Life asked for in an ADD, in days.
    pub days_to_expiry: u32,
    /// Seconds an old generation lives on after its last holder moved or died.
    pub drain_min: u32,
    /// Seconds after which an old generation is removed in any case; never more than 24 hours count.
    pub drain_max: u32,
    /// Seconds after which Snowflake can no longer carry out an ADD that got no answer: the statement's own
    /// `timeout` plus the way there.
    pub settle: u32,
    /// When a due rotation may begin; at any time if there is none.
    pub window: Option<Window>,
    /// Checks that stop hand-out while they do not hold, and until they were looked at once.
    pub freeze_on: Vec<Id>,
    /// How a secret is replaced.
    pub strategy: Strategy,
    /// Computed once from host and slot.
    pub jitter: Jitter,
}

/// How a secret is replaced by the next one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// A token of a new name beside the old one, which is removed: nothing puts a clock on the old secret.
    #[default]
    Add,
    /// A new secret under the name that stays, by ROTATE; the old secret moves to a name of Snowflake's and has a clock.
    Rotate,
}

impl fmt::Display for Strategy {
    /// As the configuration spells it.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Add => "add",
            Self::Rotate => "rotate",
        })
    }
}

impl Rules {
    /// Returns the life asked for, in seconds.
    pub(super) fn life(&self) -> i64 {
        i64::from(self.days_to_expiry) * DAY
    }

    /// Returns the drain limit that counts.
    pub(super) fn drain_limit(&self) -> i64 {
        i64::from(self.drain_max).min(DAY)
    }
}

/// Tokens of ours that may be alive at once in a slot.
pub const MOST_OF_OURS: usize = 3;

/// Live tokens of the user, anyone's, at which nothing is added: Snowflake's own limit is 15
/// (snowflake docs: alter-user-add-programmatic-access-token).
pub const NO_ADD_FROM: usize = 13;

/// Seconds between two looks at Snowflake's list while nothing is due.
pub(super) const SURVEY: i64 = 3_600;

const DAY: i64 = 86_400;
