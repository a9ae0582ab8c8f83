//! The names of every metric of this crate, and handles where a look-up would cost. What they mean
//! is said in `crate::metric_definitions`.

use std::sync::LazyLock;
use std::time::Duration;

use axum::http::StatusCode;
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

static REQUESTS: LazyLock<[Counter; 6]> = LazyLock::new(|| {
    ["other", "1xx", "2xx", "3xx", "4xx", "5xx"]
        .map(|status| counter!("boxoffice_api_requests_total", "status" => status))
});
static INTENT_SECONDS: LazyLock<Histogram> =
    LazyLock::new(|| histogram!("boxoffice_api_intent_seconds"));
static CONNECTIONS: LazyLock<Gauge> = LazyLock::new(|| gauge!("boxoffice_api_connections_count"));
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

/// A connection has found its place.
pub(super) fn connection_opened() {
    CONNECTIONS.increment(1.0);
}

/// A connection has ended.
pub(super) fn connection_closed() {
    CONNECTIONS.decrement(1.0);
}

/// A connection was closed at once, because its address has too many.
pub(super) fn connection_refused() {
    counter!("boxoffice_api_connections_refused_total").increment(1);
}

/// A connection was cut, because its client did not read.
pub(super) fn write_timed_out() {
    counter!("boxoffice_api_write_timeouts_total").increment(1);
}

/// The key set was last read so long ago.
pub(super) fn key_set_age(age: Duration) {
    gauge!("boxoffice_api_key_set_age_seconds").set(age.as_secs_f64());
}

/// The key set was read again: `ok` or `failed`.
pub(super) fn key_set_refreshed(outcome: &'static str) {
    counter!("boxoffice_api_key_set_refreshes_total", "outcome" => outcome).increment(1);
}

/// A handler broke an invariant.
pub(super) fn panicked() {
    PANICS.increment(1);
}

/// Slots have gone to another partition; what has performances had to wait so long.
pub(crate) fn slots_moved(slots: usize, performances: usize, pause: Duration) {
    counter!("boxoffice_api_slots_moved_total").increment(slots as u64);
    if performances > 0 {
        histogram!("boxoffice_api_move_pause_seconds").record(pause.as_secs_f64());
    }
}
