//! What time it is, as far as decisions are concerned. The only room that reads a clock, so that tests can
//! move time; an answer of Snowflake's outranks the local wall clock.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use patd_core::time::Timestamp;
use tokio::sync::Notify;

/// Tells the time, and when it jumped.
pub struct Clock {
    source: Source,
    /// Snowflake's time at a moment of the boot clock, once an answer showed it.
    anchor: Mutex<Option<Anchor>>,
    jumped: Notify,
}

enum Source {
    Kernel,
    Manual(Mutex<Reading>),
}

/// Both clocks at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Seconds since 1970 by the wall clock, which anybody may set.
    pub wall: i64,
    /// Time since boot, suspend included, which nobody sets.
    pub boot: Duration,
}

#[derive(Clone, Copy)]
struct Anchor {
    server: i64,
    boot: Duration,
}

impl Clock {
    /// Returns the machine's clock.
    pub fn kernel() -> Self {
        Self::over(Source::Kernel)
    }

    /// Returns a clock that stands still until it is moved.
    pub fn manual(wall: i64) -> Self {
        Self::over(Source::Manual(Mutex::new(Reading { wall, boot: Duration::from_secs(1_000) })))
    }

    fn over(source: Source) -> Self {
        Self { source, anchor: Mutex::new(None), jumped: Notify::new() }
    }

    /// Returns the time on Snowflake's clock, as far as it is known: from its last answer and the boot
    /// clock, or from the wall clock until there was one.
    pub fn now(&self) -> Timestamp {
        let reading = self.read();
        let anchor = *self.anchor.lock().unwrap_or_else(PoisonError::into_inner);
        match anchor {
            None => Timestamp(reading.wall),
            Some(anchor) => {
                let since = reading.boot.saturating_sub(anchor.boot).as_secs();
                Timestamp(anchor.server.saturating_add(i64::try_from(since).unwrap_or(i64::MAX)))
            }
        }
    }

    /// Returns whether [`Self::now`] rests on an answer of Snowflake's, and not on the wall clock alone.
    pub fn is_anchored(&self) -> bool {
        self.anchor.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Takes Snowflake's own time from an answer that arrived just now.
    pub fn anchor(&self, server: Timestamp) {
        let boot = self.read().boot;
        *self.anchor.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Anchor { server: server.0, boot });
    }

    /// Returns what both clocks show.
    pub fn read(&self) -> Reading {
        match &self.source {
            Source::Kernel => Reading {
                wall: i64::try_from(kernel(ClockId::CLOCK_REALTIME).as_secs()).unwrap_or(i64::MAX),
                boot: kernel(ClockId::CLOCK_BOOTTIME),
            },
            Source::Manual(reading) => *reading.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// Moves a manual clock forward, both its hands; the machine's clock stays as it is.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(reading) = &self.source {
            let mut reading = reading.lock().unwrap_or_else(PoisonError::into_inner);
            reading.wall = reading.wall.saturating_add_unsigned(by.as_secs());
            reading.boot = reading.boot.saturating_add(by);
        }
        self.jumped.notify_waiters();
    }

    /// Sets the wall hand of a manual clock, as somebody with `date -s` would.
    pub fn set_wall(&self, wall: i64) {
        if let Source::Manual(reading) = &self.source {
            reading.lock().unwrap_or_else(PoisonError::into_inner).wall = wall;
        }
        self.jumped.notify_waiters();
    }

    /// Waits until the time is `at`, or until a jump makes it worth looking again.
    pub async fn wait_until(&self, at: Timestamp) {
        let left = at.since(self.now()).clamp(0, LONGEST_SLEEP);
        let left = Duration::from_secs(left.unsigned_abs());
        tokio::select! {
            () = tokio::time::sleep(left) => {}
            () = self.jumped.notified() => {}
        }
    }
}

/// tokio sleeps by a clock that stands still in suspend; never trust it with more than this.
const LONGEST_SLEEP: i64 = 3_600;

fn kernel(id: ClockId) -> Duration {
    // Both clocks exist on every kernel this runs on; a failure reads as "no time passed".
    clock_gettime(id).map_or(Duration::ZERO, Duration::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_an_answer_of_snowflakes_a_changed_wall_clock_changes_nothing() {
        let clock = Clock::manual(1_000_000);
        clock.anchor(Timestamp(1_000_030));

        clock.set_wall(9_000_000);
        clock.advance(Duration::from_secs(10));

        assert_eq!(clock.now(), Timestamp(1_000_040));
    }

    #[test]
    fn before_any_answer_the_wall_clock_is_all_there_is() {
        let clock = Clock::manual(1_000_000);
        clock.advance(Duration::from_secs(5));
        assert_eq!(clock.now(), Timestamp(1_000_005));
        assert!(!clock.is_anchored());
    }

    #[test]
    fn the_machines_clock_knows_both_hands() {
        let reading = Clock::kernel().read();
        assert!(reading.wall > 1_700_000_000 && reading.boot > Duration::ZERO);
    }
}
