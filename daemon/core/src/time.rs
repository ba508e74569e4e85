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

    /// Returns the moment as a person reads it, in UTC.
    pub fn utc(self) -> String {
        let moment = jiff::Timestamp::from_second(self.0);
        moment.map_or_else(|_| format!("second {}", self.0), |moment| moment.to_string())
    }

    /// Returns the moment of a timestamp in a result: epoch seconds with or without decimals, with or without the
    /// offset of TIMESTAMP_TZ (snowflake docs: developer-guide/sql-api/handling-responses), or a date and time with an
    /// offset. Fractions are dropped: what expires within a second is treated as expiring at its start.
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        epoch(text).or_else(|| date_time(text))
    }
}

fn epoch(text: &str) -> Option<Timestamp> {
    let seconds = match text.split_once(' ') {
        Some((seconds, offset)) if is_number(offset) => seconds,
        Some(_) => return None,
        None => text,
    };
    let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
    if !is_number(fraction) {
        return None;
    }
    whole.parse().ok().map(Timestamp)
}

fn date_time(text: &str) -> Option<Timestamp> {
    let spaced = || jiff::Timestamp::strptime("%Y-%m-%d %H:%M:%S%.f %z", text);
    let moment = text.parse::<jiff::Timestamp>().or_else(|_| spaced()).ok()?;
    Some(Timestamp(moment.as_second()))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    #[test]
    fn a_moment_is_told_in_utc() {
        assert_eq!(Timestamp(1_763_782_618).utc(), "2025-11-22T03:36:58Z");
        assert_eq!(Timestamp(i64::MAX).utc(), "second 9223372036854775807");
    }

    #[test]
    fn a_moment_is_understood_in_every_documented_form() {
        let table = [
            ("1763782618", Some(1_763_782_618)),
            ("1763782618.999000000", Some(1_763_782_618)),
            ("1763782618.000000000 1440", Some(1_763_782_618)),
            ("2025-11-22T03:36:58Z", Some(1_763_782_618)),
            ("2025-11-22T03:36:58.5+00:00", Some(1_763_782_618)),
            ("2025-11-21T19:36:58.123000-08:00", Some(1_763_782_618)),
            ("2025-11-21 19:36:58.123000-08:00", Some(1_763_782_618)),
            ("2025-11-21 19:36:58.123 -0800", Some(1_763_782_618)),
            ("2025-11-22 03:36:58 +0000", Some(1_763_782_618)),
            ("", None),
            ("soon", None),
            ("1763782618.", None),
            ("1763782618 soon", None),
            ("2025-11-22 03:36:58", None),
        ];
        for (text, expected) in table {
            assert_eq!(Timestamp::read(text), expected.map(Timestamp), "{text:?}");
        }
    }
}
