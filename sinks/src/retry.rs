//! How long a sink waits before it tries again: exponential backoff with full jitter.
//!
//! Full jitter draws each delay from zero to the ceiling, so that many sinks that lost the same
//! server do not come back in step.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

/// The delays of one row of failures. It never runs out.
#[derive(Debug)]
pub struct Backoff {
    builder: ExponentialBuilder,
    ceilings: ExponentialBackoff,
    ceiling_max: Duration,
}

impl Backoff {
    /// Delays below a ceiling that doubles from `first` to `ceiling_max`.
    #[must_use]
    pub fn new(first: Duration, ceiling_max: Duration) -> Self {
        let builder = ExponentialBuilder::new()
            .with_factor(2.0)
            .with_min_delay(first)
            .with_max_delay(ceiling_max)
            .without_max_times();
        Self { builder, ceilings: builder.build(), ceiling_max }
    }

    /// The next delay.
    pub fn next_delay(&mut self) -> Duration {
        let ceiling = self.ceilings.next().unwrap_or(self.ceiling_max);
        ceiling.mul_f64(rand::random::<f64>())
    }

    /// Something worked: the next failure is the first of its row.
    pub fn reset(&mut self) {
        self.ceilings = self.builder.build();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_stay_below_a_ceiling_that_doubles_and_never_run_out() {
        let mut backoff = Backoff::new(Duration::from_millis(10), Duration::from_millis(80));
        for _ in 0..3 {
            for ceiling_ms in [10, 20, 40, 80, 80, 80] {
                assert!(backoff.next_delay() <= Duration::from_millis(ceiling_ms));
            }
            backoff.reset();
        }
    }
}
