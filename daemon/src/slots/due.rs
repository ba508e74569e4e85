//! When slots at rest have to look again: each has its moment, and one task waits for the first of them all.

use std::sync::atomic::{AtomicI64, Ordering};

use patd_core::time::Timestamp;
use tokio::sync::Notify;

use crate::clock::Clock;

/// When a slot has to look again at the latest, as its loop knows it and a tick compares it.
pub(super) struct Wake(AtomicI64);

/// The first moment of all slots.
pub(super) struct First {
    at: AtomicI64,
    /// Rung when it became sooner.
    changed: Notify,
}

impl Wake {
    /// Not before the loop has looked for the first time.
    pub(super) fn unknown() -> Self {
        Self(AtomicI64::new(NEVER))
    }

    pub(super) fn set(&self, at: Option<Timestamp>) {
        self.0.store(at.map_or(NEVER, |at| at.0), Ordering::Relaxed);
    }

    pub(super) fn at(&self) -> Option<Timestamp> {
        let at = self.0.load(Ordering::Relaxed);
        (at != NEVER).then_some(Timestamp(at))
    }

    /// A moment too far away is a clock that went back: no slot plans that far ahead.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.at().is_some_and(|at| !(1..=FARTHEST).contains(&at.since(now)))
    }
}

impl First {
    /// None is known.
    pub(super) fn unknown() -> Self {
        Self { at: AtomicI64::new(NEVER), changed: Notify::new() }
    }

    /// Takes note of a moment, which may be the first.
    pub(super) fn note(&self, at: Option<Timestamp>) {
        let Some(at) = at else { return };
        if at.0 < self.at.fetch_min(at.0, Ordering::Relaxed) {
            self.changed.notify_one();
        }
    }

    /// Forgets it: whoever looks at all slots notes it again.
    pub(super) fn forget(&self) {
        self.at.store(NEVER, Ordering::Relaxed);
    }

    /// Waits until it has come, or until a jump of the clock makes it worth looking.
    pub(super) async fn come(&self, clock: &Clock) {
        loop {
            let at = self.at.load(Ordering::Relaxed);
            if at != NEVER {
                tokio::select! {
                    () = clock.wait_until(Timestamp(at)) => return,
                    () = self.changed.notified() => {}
                }
            } else {
                self.changed.notified().await;
            }
        }
    }
}

/// Later than any moment.
const NEVER: i64 = i64::MAX;
/// Seconds: a slot looks at Snowflake's list every hour, a quarter more or less.
const FARTHEST: i64 = 2 * 3_600;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_due_when_its_moment_has_come_or_lies_farther_away_than_any_slot_plans() {
        let wake = Wake::unknown();
        assert!(!wake.is_due(Timestamp(0)));
        wake.set(Some(Timestamp(10_000)));
        let due = [2_799, 2_800, 9_999, 10_000, 10_001].map(|now| wake.is_due(Timestamp(now)));
        assert_eq!(due, [true, false, false, true, true]);
    }

    #[tokio::test]
    async fn a_sooner_moment_is_not_slept_over() {
        let (first, clock) = (First::unknown(), Clock::manual(1_000));
        first.note(Some(Timestamp(90_000)));
        let coming = first.come(&clock);
        tokio::pin!(coming);
        assert!(futures_pending(&mut coming).await);
        first.note(Some(Timestamp(1_000)));
        coming.await;
    }

    async fn futures_pending(coming: &mut std::pin::Pin<&mut impl Future<Output = ()>>) -> bool {
        std::future::poll_fn(|context| {
            std::task::Poll::Ready(coming.as_mut().poll(context).is_pending())
        })
        .await
    }
}
