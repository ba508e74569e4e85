//! A kill switch for tests: with the feature `crash-points`, `PATD_CRASH_AT=n` kills the daemon at the n-th
//! point, as `kill -9` would. Each effect has a point before and one after it. `PATD_PANIC_AT=place` lets it panic, once,
//! at a place that has a name: each has a secret in its hands. Without the feature: nothing.

#[cfg(all(feature = "crash-points", not(debug_assertions)))]
compile_error!("crash-points kills the daemon on purpose and is never part of a release build");

/// Dies here, if this is the point to die at.
#[cfg(feature = "crash-points")]
pub(crate) fn point() {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static PASSED: AtomicU64 = AtomicU64::new(0);
    static AT: OnceLock<Option<u64>> = OnceLock::new();
    let at = AT.get_or_init(|| std::env::var("PATD_CRASH_AT").ok()?.parse().ok());
    let number = PASSED.fetch_add(1, Ordering::SeqCst).saturating_add(1);
    if *at == Some(number) {
        let _dead = nix::sys::signal::kill(nix::unistd::getpid(), nix::sys::signal::SIGKILL);
    }
}

/// Nothing.
#[cfg(not(feature = "crash-points"))]
pub(crate) fn point() {}

/// Panics here, if this is the place to panic at; the next time it passes.
#[cfg(feature = "crash-points")]
#[expect(clippy::panic, reason = "a panic is what the tests ask for")]
pub(crate) fn at(place: &str) {
    use std::sync::atomic::{AtomicBool, Ordering};

    static WAS: AtomicBool = AtomicBool::new(false);
    let is_here = std::env::var("PATD_PANIC_AT").is_ok_and(|named| named == place);
    if is_here && !WAS.swap(true, Ordering::SeqCst) {
        panic!("crash point {place}");
    }
}

/// Nothing.
#[cfg(not(feature = "crash-points"))]
pub(crate) fn at(_place: &str) {}
