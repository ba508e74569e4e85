//! When things are tried: half-life with jitter, backoff with jitter. The jitter is an argument.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// A fixed place between the earliest and the latest moment, so that hosts and slots do not act together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Jitter(u16);

impl Jitter {
    /// Takes the fraction from a hash of host and slot.
    pub fn from_hash(hash: u64) -> Self {
        let [high, low, ..] = hash.to_be_bytes();
        Self(u16::from_be_bytes([high, low]))
    }

    /// Returns a number of seconds from 0 up to, not including, `width`.
    pub fn of(self, width: i64) -> i64 {
        width.saturating_mul(i64::from(self.0)) >> 16
    }

    /// Returns a number of seconds from `-width` up to, not including, `width`.
    pub fn around(self, width: i64) -> i64 {
        self.of(width.saturating_mul(2)).saturating_sub(width)
    }
}

/// Returns when a secret is to be replaced: at half of its life, a tenth of the life earlier or later.
///
/// Counted back from the server's expiry, so that a wrong local clock at the time of issue does not matter.
pub fn half_life(expires_at: Timestamp, life_seconds: i64, jitter: Jitter) -> Timestamp {
    let half = life_seconds / 2;
    expires_at.plus(jitter.around(life_seconds / 10).saturating_sub(half))
}

/// Returns how many seconds to wait after this many failures in a row: 2, 4, 8 … up to 15 minutes, ± 25 %.
pub fn backoff(times: u32, jitter: Jitter) -> i64 {
    let wait = 1_i64.checked_shl(times.clamp(1, 10)).unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT);
    wait.saturating_add(jitter.around(wait / 4)).max(1)
}

/// The longest wait between two tries, before jitter.
pub const LONGEST_WAIT: i64 = 15 * 60;

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400;

    #[test]
    fn a_rotation_is_due_around_half_of_the_life_counted_from_the_servers_expiry() {
        let expires_at = Timestamp(1_000_000_000);
        let life = 7 * DAY;

        let due = |hash| half_life(expires_at, life, Jitter::from_hash(hash));

        assert_eq!(due(0), expires_at.plus(-life / 2 - life / 10));
        assert_eq!(due(1 << 63), expires_at.plus(-life / 2));
        assert!(due(u64::MAX) < expires_at.plus(-life / 2 + life / 10));
        assert!(due(u64::MAX) > expires_at.plus(-life / 2 + life / 10 - 60));
    }

    #[test]
    fn waiting_doubles_and_never_exceeds_a_quarter_over_fifteen_minutes() {
        let middle = Jitter::from_hash(1 << 63);

        let waits: Vec<i64> = (0..12).map(|times| backoff(times, middle)).collect();

        assert_eq!(waits, [2, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
        assert!(backoff(u32::MAX, Jitter::from_hash(u64::MAX)) <= LONGEST_WAIT * 5 / 4);
        assert!(backoff(1, Jitter::from_hash(0)) >= 1);
    }

    #[test]
    fn two_hashes_give_two_moments() {
        let (one, other) = (Jitter::from_hash(0x1234 << 48), Jitter::from_hash(0xfedc << 48));

        assert_ne!(half_life(Timestamp(0), DAY, one), half_life(Timestamp(0), DAY, other));
    }
}
