//! Samples of one thing, and the middle of them.

use std::time::{Duration, Instant};

/// Times of one thing.
#[derive(Default)]
pub struct Sample {
    times: Vec<Duration>,
}

impl Sample {
    /// Times one more.
    pub fn time<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let answer = work();
        self.times.push(start.elapsed());
        answer
    }

    /// Adds one that was timed elsewhere.
    pub fn add(&mut self, time: Duration) {
        self.times.push(time);
    }

    /// The median, in milliseconds.
    pub fn median_ms(&self) -> f64 {
        self.quantile_ms(0.5)
    }

    /// A quantile, in milliseconds.
    pub fn quantile_ms(&self, share: f64) -> f64 {
        let mut times = self.times.clone();
        times.sort();
        let index = ((times.len() as f64 - 1.0) * share).round() as usize;
        times[index].as_secs_f64() * 1000.0
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.times.len()
    }
}
