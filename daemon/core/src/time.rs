//! Time as the core is told it. Nothing here reads a clock.

use serde::{Deserialize, Serialize};

/// Seconds since 1970-01-01 UTC, on Snowflake's clock as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Returns the moment `seconds` later, saturating.
    pub fn plus(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// Returns how many seconds this moment is after `earlier`; negative if it is before.
    pub fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}
