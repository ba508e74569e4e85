//! Waiting on the thing itself, with a deadline. Nothing sleeps for a guessed time.

use std::time::{Duration, Instant};

/// Waits until the question has an answer, and returns it; panics with `what` after 30 seconds.
pub fn eventually<T>(what: &str, question: impl FnMut() -> Option<T>) -> T {
    match wait_at_most(Duration::from_secs(30), question) {
        Some(answer) => answer,
        None => panic!("not within 30 seconds: {what}"),
    }
}

/// Waits until the question has an answer, or the time is over.
pub fn wait_at_most<T>(patience: Duration, mut question: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + patience;
    loop {
        if let Some(answer) = question() {
            return Some(answer);
        }
        if Instant::now() > end {
            return None;
        }
        // A poll interval, not a guess: the condition decides.
        std::thread::park_timeout(Duration::from_millis(10));
    }
}
