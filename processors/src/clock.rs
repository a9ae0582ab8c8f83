//! The wall clock that makes ticks, behind a trait so that tests can move it.

use std::future::Future;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use boxoffice_topics::Timestamp;

/// Longest sleep in one piece: a clock that is set forward is noticed within it.
const SLEEP_MAX: Duration = Duration::from_secs(1);

/// Tells the time and waits for it.
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now(&self) -> Timestamp;

    /// Returns when it is `at` or later. Dropping the future loses nothing.
    fn wait_until(&self, at: Timestamp) -> impl Future<Output = ()> + Send;
}

/// The clock of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "a tick is stamped where it is made")]
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }

    async fn wait_until(&self, at: Timestamp) {
        loop {
            let missing_ms = at.as_millis().saturating_sub(self.now().as_millis());
            match u64::try_from(missing_ms) {
                Ok(missing_ms @ 1..) => {
                    tokio::time::sleep(Duration::from_millis(missing_ms).min(SLEEP_MAX)).await;
                }
                Ok(0) | Err(_) => return,
            }
        }
    }
}
