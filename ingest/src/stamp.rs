//! The stamp of ingest: the only place where a clock becomes log time.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use boxoffice_topics::Timestamp;

/// Gives out moments that never run backwards in this process, whatever the clock does.
#[derive(Debug, Default)]
pub(crate) struct Stamp {
    latest_ms: AtomicI64,
}

impl Stamp {
    /// Now, or the latest moment given out when the clock has stepped back.
    #[expect(clippy::disallowed_methods, reason = "this is where records are stamped")]
    pub(crate) fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.not_before_latest(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }

    fn not_before_latest(&self, clock_ms: i64) -> Timestamp {
        // Most intents share their millisecond with another: a load is cheaper than a write
        // that every core fights for.
        let latest_ms = self.latest_ms.load(Ordering::Relaxed);
        if clock_ms <= latest_ms {
            return Timestamp::from_millis(latest_ms);
        }
        let before_ms = self.latest_ms.fetch_max(clock_ms, Ordering::Relaxed);
        Timestamp::from_millis(before_ms.max(clock_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_never_run_backwards() {
        let stamp = Stamp::default();
        let stamps = [5, 3, 5, 9, 8].map(|clock_ms| stamp.not_before_latest(clock_ms).as_millis());
        assert_eq!(stamps, [5, 5, 5, 9, 9]);
    }
}
