//! What tunes a partition's owner. Nothing here changes a decision.

use std::num::{NonZeroU64, NonZeroUsize};
use std::time::Duration;

/// How a partition is run.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// The shortest time between two ticks, unless one tick could not end all that was due.
    /// Buyers do not notice 50 ms, and twenty ticks a second cost nothing.
    pub tick_interval: Duration,
    /// A snapshot is taken after that many records: deciding them again takes about a second.
    pub checkpoint_records: NonZeroU64,
    /// A snapshot is taken after that time when anything was decided since the last one.
    pub checkpoint_interval: Duration,
    /// Steps that may wait for the disk or for the outcomes topic before reading pauses: it
    /// bounds memory when a disk hangs.
    pub waiting_steps_max: NonZeroUsize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            tick_interval: Duration::from_millis(50),
            checkpoint_records: NonZeroU64::new(500_000).unwrap_or(NonZeroU64::MIN),
            checkpoint_interval: Duration::from_secs(60),
            waiting_steps_max: NonZeroUsize::new(65_536).unwrap_or(NonZeroUsize::MIN),
        }
    }
}
