//! Snowflake's clock as far as its answers showed it. The only place of this crate that reads the local clock.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::SystemTime;

use patd_core::time::Timestamp;

/// The difference between the server's clock and ours, learned from each answer's Date header.
pub(crate) struct ServerClock {
    skew: AtomicI64,
    shown: AtomicU64,
}

impl ServerClock {
    /// Returns a clock that knows nothing yet.
    pub(crate) fn unknown() -> Self {
        Self { skew: AtomicI64::new(UNKNOWN), shown: AtomicU64::new(0) }
    }

    /// Returns by how many seconds the server's clock is ahead of ours.
    pub(crate) fn skew(&self) -> Option<i64> {
        Some(self.skew.load(Ordering::Relaxed)).filter(|&skew| skew != UNKNOWN)
    }

    /// Returns how often an answer has shown it. What was shown before may be from another time: our clock may have been set.
    pub(crate) fn times_shown(&self) -> u64 {
        self.shown.load(Ordering::Relaxed)
    }

    /// Returns the server's time; our own as long as nothing else is known.
    pub(crate) fn now(&self) -> Timestamp {
        local().plus(self.skew().unwrap_or_default())
    }

    /// Returns the moment a JWT is issued at: ours, or the server's where ours would not be believed.
    pub(crate) fn issue_time(&self) -> Timestamp {
        match self.skew() {
            // One second back: the Date header has no fractions, and a future `iat` is refused.
            Some(skew) if is_off(skew) => local().plus(skew.saturating_sub(1)),
            Some(_) | None => local(),
        }
    }

    /// Takes note of what an answer said.
    pub(crate) fn learn(&self, date: Option<Timestamp>) {
        if let Some(date) = date {
            self.skew.store(date.since(local()), Ordering::Relaxed);
            self.shown.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Returns whether clocks differ so much that a JWT may be refused for it (snowflake docs: key-pair-auth-
/// troubleshooting, 394302: received more than 60 s after `iat`).
pub(crate) fn is_off(seconds: i64) -> bool {
    seconds.unsigned_abs() > TOLERANCE
}

fn local() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    Timestamp(since_epoch.map_or(0, |d| i64::try_from(d.as_secs()).unwrap_or(i64::MAX)))
}

const UNKNOWN: i64 = i64::MIN;
const TOLERANCE: u64 = 30;

#[cfg(test)]
mod tests {
    use super::{ServerClock, local};

    #[test]
    fn a_small_difference_leaves_our_own_time_in_the_token() {
        let clock = ServerClock::unknown();
        assert_eq!(clock.skew(), None);
        clock.learn(Some(local().plus(20)));
        assert!((0..=1).contains(&clock.issue_time().since(local()).abs()));
    }

    #[test]
    fn an_answer_without_a_date_shows_no_clock() {
        let clock = ServerClock::unknown();
        clock.learn(Some(local()));
        clock.learn(None);
        assert_eq!(clock.times_shown(), 1);
    }

    #[test]
    fn a_large_difference_is_carried_into_the_token() {
        for skew in [-86_400, 3_600] {
            let clock = ServerClock::unknown();
            clock.learn(Some(local().plus(skew)));
            let issued = clock.issue_time().since(local());
            assert!((skew - 3..=skew).contains(&issued), "{issued}");
            assert!((skew - 1..=skew + 1).contains(&clock.now().since(local())));
        }
    }
}
