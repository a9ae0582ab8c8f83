//! What tunes ingest. Nothing here changes a decision.

use std::num::NonZeroUsize;
use std::time::Duration;

/// How ingest queues and batches.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Intents that may wait in one partition. At 200,000 a second a full queue is 40 ms of
    /// work; beyond it waiting would only hide that the disk cannot follow.
    pub queue_records_max: NonZeroUsize,
    /// Records in one batch: enough that a sync is never the limit, few enough that their
    /// answers do not come in a burst.
    pub batch_records_max: NonZeroUsize,
    /// Bytes in one batch, unless one record alone is larger.
    pub batch_bytes_max: NonZeroUsize,
    /// When a client that found the queue full should come back.
    pub retry_after: Duration,
}

impl Default for Config {
    fn default() -> Self {
        let positive = |number| NonZeroUsize::new(number).unwrap_or(NonZeroUsize::MIN);
        Self {
            queue_records_max: positive(8_192),
            batch_records_max: positive(4_096),
            batch_bytes_max: positive(4 * 1024 * 1024),
            retry_after: Duration::from_secs(1),
        }
    }
}
