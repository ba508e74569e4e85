//! The simulator's clock: real time plus an offset, or stopped at a moment a test chose.

use jiff::{SignedDuration, Timestamp};

/// What the simulated server believes the time is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Clock {
    /// Goes with real time, this far ahead of it (or behind).
    Following(SignedDuration),
    /// Stands still until a test moves it.
    Frozen(Timestamp),
}

impl Clock {
    pub(crate) const REAL: Clock = Clock::Following(SignedDuration::ZERO);

    pub(crate) fn now(&self) -> Timestamp {
        match self {
            Clock::Following(offset) => Timestamp::now() + *offset,
            Clock::Frozen(at) => *at,
        }
    }

    pub(crate) fn advance(&mut self, by: SignedDuration) {
        match self {
            Clock::Following(offset) => *offset += by,
            Clock::Frozen(at) => *at += by,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frozen_clock_moves_only_when_it_is_moved() {
        let start: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        let mut clock = Clock::Frozen(start);
        assert_eq!(clock.now(), start);
        clock.advance(SignedDuration::from_hours(1));
        assert_eq!(clock.now(), start + SignedDuration::from_hours(1));
    }

    #[test]
    fn a_following_clock_keeps_its_distance_from_real_time() {
        let mut clock = Clock::REAL;
        clock.advance(SignedDuration::from_hours(-5));
        let behind = Timestamp::now().duration_since(clock.now());
        assert!((behind.as_secs() - 5 * 3600).abs() <= 1, "{behind:?}");
    }
}
