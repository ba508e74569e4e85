//! Keeps a benchmark below the daemon's own limit of requests per second and uid, which is not what is measured.

use std::time::{Duration, Instant};

use pat_wire::limits::RATE_PER_UID;

/// Waits between rounds so that `requests` of each round stay within the rate.
pub struct Pace {
    next: Instant,
    round: Duration,
}

impl Pace {
    /// Returns a pace for rounds of this many requests, with a third to spare.
    pub fn of(requests: u32) -> Self {
        let round = Duration::from_secs(1) * requests * 4 / (RATE_PER_UID * 3);
        Self { next: Instant::now(), round }
    }

    /// Waits for the next round's turn.
    pub fn wait(&mut self) {
        while let Some(left) =
            self.next.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
        {
            std::thread::park_timeout(left);
        }
        self.next = Instant::now() + self.round;
    }
}
