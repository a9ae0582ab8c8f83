//! How the executor paces itself. Nothing here changes what is decided.

use std::num::NonZeroUsize;
use std::time::Duration;

use crate::retry::Backoff;

/// First wait of a result that ingest has no room for: a few of its batches.
const SUBMIT_BACKOFF_MIN: Duration = Duration::from_millis(10);

/// Pace and limits of the executor.
#[derive(Clone, Copy, Debug)]
pub struct ExecutorConfig {
    /// Most calls to the provider at the same time. Default: 64, which at a second for each
    /// capture takes 64 payments a second and keeps clear of the provider's rate limit.
    pub concurrency: NonZeroUsize,
    /// Longest wait before an unknown attempt is looked at for the first time. Default: 200 ms.
    pub backoff_min: Duration,
    /// Longest wait between two looks at an unknown attempt. Default: 30 s.
    pub backoff_max: Duration,
    /// Longest wait when somebody must act before trying again can help. Default: 60 s.
    pub backoff_misconfigured: Duration,
    /// Longest wait before a result is handed in again when ingest is full. Default: 1 s.
    pub submit_backoff_max: Duration,
}

impl Default for ExecutorConfig {
    fn default() -> Self {
        Self {
            concurrency: NonZeroUsize::new(64).unwrap_or(NonZeroUsize::MIN),
            backoff_min: Duration::from_millis(200),
            backoff_max: Duration::from_secs(30),
            backoff_misconfigured: Duration::from_secs(60),
            submit_backoff_max: Duration::from_secs(1),
        }
    }
}

impl ExecutorConfig {
    /// The waits of one attempt.
    pub(super) fn backoff(&self) -> Backoff {
        Backoff::new(self.backoff_min, self.backoff_max)
    }

    /// The wait of an attempt that somebody must act for first.
    pub(super) fn misconfigured_wait(&self) -> Duration {
        Backoff::new(self.backoff_misconfigured, self.backoff_misconfigured).next_delay()
    }

    /// The waits of one result that ingest has no room for.
    pub(super) fn submit_backoff(&self) -> Backoff {
        Backoff::new(SUBMIT_BACKOFF_MIN, self.submit_backoff_max)
    }
}
