//! A kill switch for tests: with the feature `crash-points`, `PATCTL_CRASH_AT=n` kills the program at the n-th point,
//! as `kill -9` would. Each effect has a point before and one after it. Without the feature: nothing.

#[cfg(all(feature = "crash-points", not(debug_assertions)))]
compile_error!("crash-points kills patctl on purpose and is never part of a release build");

/// Dies here, if this is the point to die at.
#[cfg(feature = "crash-points")]
pub(crate) fn point() {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static PASSED: AtomicU64 = AtomicU64::new(0);
    static AT: OnceLock<Option<u64>> = OnceLock::new();
    let at = AT.get_or_init(|| std::env::var("PATCTL_CRASH_AT").ok()?.parse().ok());
    let number = PASSED.fetch_add(1, Ordering::SeqCst).saturating_add(1);
    if *at == Some(number) {
        let _dead =
            nix::sys::signal::kill(nix::unistd::getpid(), nix::sys::signal::Signal::SIGKILL);
    }
}

/// Nothing.
#[cfg(not(feature = "crash-points"))]
pub(crate) fn point() {}

/// Does something that a crash may come before or after.
pub(crate) fn between<T>(act: impl FnOnce() -> T) -> T {
    point();
    let done = act();
    point();
    done
}
