//! The names of every metric of this crate, and handles where a look-up would cost.

use std::sync::LazyLock;
use std::time::Duration;

use axum::http::StatusCode;
use metrics::{Counter, Histogram, counter, histogram};

static REQUESTS: LazyLock<[Counter; 6]> = LazyLock::new(|| {
    ["other", "1xx", "2xx", "3xx", "4xx", "5xx"]
        .map(|status| counter!("boxoffice_api_requests_total", "status" => status))
});
static INTENT_SECONDS: LazyLock<Histogram> =
    LazyLock::new(|| histogram!("boxoffice_api_intent_seconds"));
static PANICS: LazyLock<Counter> = LazyLock::new(|| counter!("boxoffice_api_panics_total"));

/// A request was answered.
pub(super) fn answered(status: StatusCode) {
    let class = usize::from(status.as_u16() / 100);
    REQUESTS.get(class).unwrap_or(&REQUESTS[0]).increment(1);
}

/// An intent was answered after so long.
pub(super) fn intent_answered(after: Duration) {
    INTENT_SECONDS.record(after.as_secs_f64());
}

/// A request was one too many by this policy.
pub(super) fn rate_limited(policy: &'static str) {
    counter!("boxoffice_api_rate_limited_total", "policy" => policy).increment(1);
}

/// The key set was read again: `ok` or `failed`.
pub(super) fn key_set_refreshed(outcome: &'static str) {
    counter!("boxoffice_api_key_set_refreshes_total", "outcome" => outcome).increment(1);
}

/// A handler broke an invariant.
pub(super) fn panicked() {
    PANICS.increment(1);
}
