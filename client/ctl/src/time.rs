//! Times as people say them: "in 3 d 11 h", "2 min ago".

use std::time::{SystemTime, UNIX_EPOCH};

/// Returns now in seconds since 1970. For showing only: nothing is decided by this clock.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// Returns a moment as a date and time, UTC.
pub(crate) fn utc(at: i64) -> String {
    jiff::Timestamp::from_second(at).map_or_else(|_| at.to_string(), |moment| moment.to_string())
}

/// Returns how far a moment is from now, before or after.
pub(crate) fn from_now(at: i64, now: i64) -> String {
    match at.saturating_sub(now) {
        0 => "now".to_owned(),
        ahead @ 1.. => format!("in {}", span(ahead)),
        behind => format!("{} ago", span(behind.saturating_neg())),
    }
}

/// Returns a length of time in its two largest units.
pub(crate) fn span(seconds: i64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => two(minutes, "min", seconds % 60, "s"),
        (0, _, _) => two(hours, "h", minutes, "min"),
        (_, _, _) => two(days, "d", hours, "h"),
    }
}

/// Reads a moment of the past: a date, a date and time (UTC, if it says no zone), or how long ago.
pub(crate) fn moment(text: &str) -> Result<i64, String> {
    let told: Option<jiff::Timestamp> = text.parse().ok();
    let civil =
        || text.parse::<jiff::civil::DateTime>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok();
    let told = told.or_else(|| civil().map(|zoned| zoned.timestamp()));
    if let Some(told) = told {
        return Ok(told.as_second());
    }
    let ago = text.parse::<jiff::Span>().ok().and_then(seconds).filter(|seconds| *seconds >= 0);
    ago.map(|ago| now().saturating_sub(ago)).ok_or_else(|| NO_MOMENT.to_owned())
}

fn seconds(span: jiff::Span) -> Option<i64> {
    let days = jiff::SpanRelativeTo::days_are_24_hours();
    span.to_duration(days).ok().map(|duration| duration.as_secs())
}

const NO_MOMENT: &str =
    "neither a time (2026-11-22, 2026-11-22T10:00:00Z) nor how long ago (2h, 7d)";

fn two(large: i64, unit: &str, small: i64, small_unit: &str) -> String {
    match small {
        0 => format!("{large} {unit}"),
        _ => format!("{large} {unit} {small} {small_unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_date_or_a_time_or_how_long_ago() {
        assert_eq!(moment("2026-11-22"), Ok(1_795_305_600));
        assert_eq!(moment("2026-11-22T10:00"), moment("2026-11-22T11:00:00+01:00"));
        assert_eq!(moment("1970-01-01T00:00:05Z"), Ok(5));
        for (ago, seconds) in
            [("2h", 7_200), ("7d", 604_800), ("1d 30min", 88_200), ("2 weeks", 1_209_600)]
        {
            let (before, told, after) = (now(), moment(ago).unwrap(), now());
            assert!((before..=after).contains(&(told + seconds)), "{ago}");
        }
        for nonsense in ["", "soon", "-2h", "2026-13-01", "1 month"] {
            assert!(moment(nonsense).is_err(), "{nonsense}");
        }
    }

    #[test]
    fn a_time_is_said_in_its_two_largest_units() {
        let said = [
            (0, "now"),
            (1, "in 1 s"),
            (59, "in 59 s"),
            (60, "in 1 min"),
            (61, "in 1 min 1 s"),
            (7_260, "in 2 h 1 min"),
            (3 * 86_400 + 11 * 3_600 + 59, "in 3 d 11 h"),
            (7 * 86_400, "in 7 d"),
            (-90, "1 min 30 s ago"),
        ];
        for (seconds, expected) in said {
            assert_eq!(from_now(1_000_000 + seconds, 1_000_000), expected);
        }
        assert!(from_now(i64::MAX, i64::MIN).starts_with("in "));
        assert!(from_now(i64::MIN, i64::MAX).ends_with(" ago"));
    }
}
