//! Random numbers for names and jitter, never for secrets. The standard library seeds its hashers from the
//! kernel.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

fn number() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// Returns a random name of 16 letters and digits.
pub(crate) fn name() -> String {
    format!("{:016x}", number())
}

/// Returns a random share of the duration, at least half of it.
pub(crate) fn jittered(duration: Duration) -> Duration {
    let share = u32::try_from(number() % 1000).unwrap_or_default();
    duration / 2 + duration / 2000 * share
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_stays_between_half_and_whole_and_varies() {
        let whole = Duration::from_secs(10);

        let drawn: Vec<_> = (0..100).map(|_| jittered(whole)).collect();

        assert!(drawn.iter().all(|drawn| (whole / 2..whole).contains(drawn)));
        assert!(drawn.iter().any(|other| *other != drawn[0]));
    }
}
