//! When a due rotation may begin: the times of a cron text, in UTC, so that a site keeps its changes to its hours.
//! A time is an argument; nothing here reads a clock.

use std::fmt::{self, Display, Formatter};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use croner::Cron;
use croner::errors::CronError;
use croner::parser::{CronParser, Year};

use crate::schedule::Jitter;
use crate::time::Timestamp;

/// The times of a cron text of five or six fields: `[second] minute hour day month weekday`. Copies share it.
#[derive(Clone, Debug)]
pub struct Window {
    text: Arc<str>,
    cron: Arc<Cron>,
}

/// Why a text is no window.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAWindow {
    /// Not cron.
    #[error("it is no cron text: {0}")]
    Unreadable(String),
    /// Cron, but no day is meant.
    #[error("it names a time that never comes")]
    Never,
}

impl Window {
    /// Returns the window that a text describes.
    ///
    /// # Errors
    /// If it is no cron text, or its time never comes.
    pub fn read(text: &str) -> Result<Self, NotAWindow> {
        let parser = CronParser::builder().year(Year::Disallowed).build();
        let cron = parser.parse(text).map_err(|why| NotAWindow::Unreadable(in_line(&why)))?;
        let window = Self { text: text.trim().into(), cron: Arc::new(cron) };
        // Eight years have every date that there is, the 29th of February too, also around 2100.
        match window.next(EPOCH) {
            Some(at) if at.since(EPOCH) <= EIGHT_YEARS => Ok(window),
            Some(_) | None => Err(NotAWindow::Never),
        }
    }

    /// Returns its first time from `earliest` to `latest`, with hosts and slots spread over half an hour after it.
    /// None: there is no time in between.
    pub fn first(
        &self,
        earliest: Timestamp,
        latest: Timestamp,
        jitter: Jitter,
    ) -> Option<Timestamp> {
        let at = self.next(earliest)?.plus(jitter.of(SPREAD));
        (at <= latest).then_some(at)
    }

    fn next(&self, from: Timestamp) -> Option<Timestamp> {
        let from: DateTime<Utc> = DateTime::from_timestamp(from.0, 0)?;
        let next = self.cron.find_next_occurrence(&from, true).ok()?;
        Some(Timestamp(next.timestamp()))
    }
}

/// Two windows are the same if they are written the same.
impl PartialEq for Window {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Window {}

impl Display for Window {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

/// Returns the words of croner as part of a sentence.
fn in_line(why: &CronError) -> String {
    why.to_string().trim_end_matches('.').to_lowercase()
}

const EPOCH: Timestamp = Timestamp(0);
const EIGHT_YEARS: i64 = 8 * 366 * 86_400;
/// Seconds over which the hosts of a site begin.
const SPREAD: i64 = 30 * 60;

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-22 08:00:00 UTC, a Sunday.
    const SUNDAY: Timestamp = Timestamp(1_795_334_400);
    const DAY: i64 = 86_400;
    const HOUR: i64 = 3_600;

    fn first(text: &str, latest: i64) -> Option<i64> {
        let at = Window::read(text).unwrap().first(SUNDAY, SUNDAY.plus(latest), Jitter::default());
        at.map(|at| at.since(SUNDAY))
    }

    #[test]
    fn the_next_time_of_the_text_is_found_in_utc() {
        assert_eq!(first("0 0 3 * * *", DAY), Some(19 * HOUR));
        assert_eq!(first("0 3 * * *", DAY), Some(19 * HOUR), "five fields: at second 0");
        assert_eq!(first("0 0 8 * * *", DAY), Some(0), "now is a time of it");
        assert_eq!(first("0 0 3 * * SAT", 7 * DAY), Some(5 * DAY + 19 * HOUR));
    }

    #[test]
    fn what_comes_too_late_is_none() {
        assert_eq!(first("0 0 3 * * SAT", 5 * DAY), None);
        assert_eq!(first("0 0 3 29 2 *", 365 * DAY), None);
    }

    #[test]
    fn hosts_are_spread_over_half_an_hour_after_it() {
        let window = Window::read("0 0 3 * * *").unwrap();
        let at = |hash| window.first(SUNDAY, SUNDAY.plus(DAY), Jitter::from_hash(hash)).unwrap();
        let spread = at(u64::MAX).since(at(0));
        assert!((SPREAD - 60..SPREAD).contains(&spread), "{spread}");
    }

    #[test]
    fn nonsense_and_days_that_never_come_are_refused() {
        for text in ["", "3", "at night", "0 0 25 * * *", "0 0 3 * * * 2027"] {
            let why = Window::read(text).unwrap_err();
            assert!(matches!(why, NotAWindow::Unreadable(_)), "{text}: {why}");
        }
        assert_eq!(Window::read("0 0 3 30 2 *"), Err(NotAWindow::Never));
        assert!(Window::read("0 0 3 29 2 *").is_ok());
    }

    #[test]
    fn no_moment_is_too_far_away_to_be_asked_about() {
        let window = Window::read("0 0 3 * * *").unwrap();
        for at in [i64::MIN, -1, 0, 1 << 40, i64::MAX] {
            let _none_or_some = window.first(Timestamp(at), Timestamp(i64::MAX), Jitter::default());
        }
        assert!(window.first(Timestamp(-1), Timestamp(DAY), Jitter::default()).is_some());
    }
}
