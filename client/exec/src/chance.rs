//! Random numbers for names and jitter, never for secrets. Read from the kernel's device: the seeds of the standard
//! library's hashers would do, and bring more code than the rest of this file's callers.

use std::fs::File;
use std::io::Read;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

/// The kernel is asked once in a process: what follows only has to differ.
fn number() -> u64 {
    static SEED: OnceLock<u64> = OnceLock::new();
    static DRAWN: AtomicU64 = AtomicU64::new(0);
    let drawn = DRAWN.fetch_add(1, Ordering::Relaxed);
    SEED.get_or_init(seed).wrapping_add(drawn.wrapping_mul(GOLDEN))
}

fn seed() -> u64 {
    let mut bytes = [0; 8];
    match File::open("/dev/urandom").and_then(|mut device| device.read_exact(&mut bytes)) {
        Ok(()) => u64::from_ne_bytes(bytes),
        Err(_) => of_this_moment(),
    }
}

/// Where there is no such device (a bare chroot): what no other process has right now.
fn of_this_moment() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    (u64::from(std::process::id()) << 32)
        ^ since.as_secs()
        ^ (u64::from(since.subsec_nanos()) << 16)
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

/// Odd, so that no two of 2^64 numbers are the same, and as far as can be from making a pattern.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

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
