//! When an account is looked at next. A decision, without I/O; on the boot clock, which nobody sets.

use std::time::Duration;

/// What the next look depends on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pace {
    /// When it was last looked at, or tried to.
    pub(super) tried: Option<Duration>,
    /// How many looks in a row brought nothing.
    pub(super) failures: u32,
    /// Since when there is something that the last look did not see: another generation, another configuration.
    pub(super) news: Option<Duration>,
    /// Whether a secret waits for its first look.
    pub(super) is_waited_for: bool,
}

impl Pace {
    /// Returns when the next look is due. `spread` is this account's share of the spread, in seconds below
    /// [`SPREAD`].
    pub(super) fn due(&self, start: Duration, spread: u64) -> Duration {
        let Some(tried) = self.tried else {
            return if self.is_waited_for { Duration::ZERO } else { start.saturating_add(FIRST) };
        };
        let regular = match self.failures {
            0 => EVERY.saturating_add(Duration::from_secs(spread)),
            times => pause(times),
        };
        let by_news =
            self.news.map(|at| at.saturating_add(SETTLED).max(tried.saturating_add(APART)));
        let by_wait = self.is_waited_for.then(|| tried.saturating_add(IMPATIENT));
        let due = tried.saturating_add(regular);
        [by_news, by_wait].into_iter().flatten().fold(due, Duration::min)
    }

    /// Takes note of a look that began then.
    pub(super) fn looked(&mut self, at: Duration, brought_something: bool) {
        self.tried = Some(at);
        self.failures = if brought_something { 0 } else { self.failures.saturating_add(1) };
        if brought_something {
            self.news = None;
        }
    }
}

fn pause(times: u32) -> Duration {
    let minutes = 1_u64.checked_shl(times.min(6)).unwrap_or(60);
    Duration::from_secs(minutes.min(60).saturating_mul(60))
}

/// Seconds over which the looks of hosts and accounts are spread: an hour, six minutes more or less.
pub(super) const SPREAD: u64 = 720;
const EVERY: Duration = Duration::from_secs(3_600 - SPREAD / 2);
/// The first look does not compete with what a start has to do.
const FIRST: Duration = Duration::from_secs(60);
/// News come in swarms: a thousand slots that are issued are one look.
const SETTLED: Duration = Duration::from_secs(60);
/// However much happens, looks that nobody asked for are this far apart.
const APART: Duration = Duration::from_secs(600);
/// Unless somebody may be waiting for it.
const IMPATIENT: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::from_secs(1_000);

    fn due(pace: Pace) -> u64 {
        pace.due(START, SPREAD / 2).as_secs() - START.as_secs()
    }

    fn after(seconds: u64) -> Option<Duration> {
        Some(START + Duration::from_secs(seconds))
    }

    #[test]
    fn the_first_look_is_a_minute_after_the_start_and_the_others_an_hour_apart() {
        assert_eq!(due(Pace::default()), 60);
        assert_eq!(due(Pace { tried: after(60), ..Pace::default() }), 3_660);
        for spread in [0, SPREAD - 1] {
            let due = Pace { tried: after(0), ..Pace::default() }.due(START, spread) - START;
            assert!((54 * 60..=66 * 60).contains(&due.as_secs()), "{due:?}");
        }
    }

    #[test]
    fn looks_that_bring_nothing_are_tried_again_ever_more_rarely() {
        let failed = |failures| due(Pace { tried: after(0), failures, ..Pace::default() });
        assert_eq!(
            [1, 2, 3, 4, 5, 6, 7, 99].map(failed),
            [120, 240, 480, 960, 1_920, 3_600, 3_600, 3_600]
        );
    }

    #[test]
    fn news_bring_the_next_look_forward_once_they_have_settled_and_not_in_a_row() {
        let with_news =
            |tried, news| due(Pace { tried: after(tried), news: after(news), ..Pace::default() });
        assert_eq!(with_news(0, 1_200), 1_260);
        assert_eq!(with_news(1_000, 1_001), 1_600);
        assert_eq!(with_news(0, 3_590), 3_600, "never later than without");
    }

    #[test]
    fn a_secret_that_waits_for_its_first_look_does_not_wait_for_the_clock() {
        let waited_for = Pace { is_waited_for: true, ..Pace::default() };
        assert_eq!(waited_for.due(START, 0), Duration::ZERO);
        assert_eq!(due(Pace { tried: after(0), failures: 5, ..waited_for }), 30);
    }

    #[test]
    fn a_look_that_brings_nothing_leaves_the_news() {
        let mut pace = Pace { news: after(5), ..Pace::default() };
        pace.looked(START, false);
        pace.looked(START, false);
        assert_eq!((pace.failures, pace.news), (2, after(5)));
        pace.looked(START, true);
        assert_eq!((pace.failures, pace.news), (0, None));
    }
}
