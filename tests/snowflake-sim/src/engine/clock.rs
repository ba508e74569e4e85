//! Points in time as the engine is told them. Nothing here reads a clock.

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub i64);

impl Millis {
    /// Returns the moment that many minutes later.
    pub fn plus_minutes(self, minutes: i64) -> Self {
        self.plus(minutes.saturating_mul(60_000))
    }

    /// Returns the moment that many hours later.
    pub fn plus_hours(self, hours: i64) -> Self {
        self.plus(hours.saturating_mul(3_600_000))
    }

    /// Returns the moment that many days later.
    pub fn plus_days(self, days: i64) -> Self {
        self.plus(days.saturating_mul(86_400_000))
    }

    /// Returns the whole hours from `now` until this moment, none if it has passed.
    pub fn hours_left(self, now: Self) -> i64 {
        self.left(now) / 3_600_000
    }

    /// Returns the minutes from `now` until this moment, a begun one counted, none if it has passed.
    pub fn minutes_left(self, now: Self) -> i64 {
        self.left(now).saturating_add(59_999) / 60_000
    }

    /// Returns the wire form of a timestamp: seconds with nine decimals.
    /// Source: snowflake docs, developer-guide/sql-api/handling-responses.
    pub fn wire(self) -> String {
        format!("{}.{:03}000000", self.0.div_euclid(1000), self.0.rem_euclid(1000))
    }

    /// Returns the form DESCRIBE prints inside text values: date, time, milliseconds and offset.
    pub fn readable(self) -> String {
        jiff::Timestamp::from_millisecond(self.0)
            .map(|at| at.strftime("%Y-%m-%d %H:%M:%S.%3f +0000").to_string())
            .unwrap_or_else(|_| self.wire())
    }

    fn plus(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    fn left(self, now: Self) -> i64 {
        self.0.saturating_sub(now.0).max(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_travels_as_seconds_with_nine_decimals() {
        assert_eq!(Millis(1_700_000_000_123).wire(), "1700000000.123000000");
    }

    #[test]
    fn hours_left_are_whole_and_minutes_left_are_begun() {
        let end = Millis(0).plus_hours(2);
        assert_eq!(end.hours_left(Millis(1)), 1);
        assert_eq!(end.minutes_left(Millis(1)), 120);
        assert_eq!(end.minutes_left(end), 0);
    }

    #[test]
    fn a_moment_reads_as_a_date_in_utc() {
        assert_eq!(Millis(1_700_000_000_123).readable(), "2023-11-14 22:13:20.123 +0000");
    }
}
